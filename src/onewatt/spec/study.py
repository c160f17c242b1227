"""Studies: a question about many chips or networks, as a file states it."""

from __future__ import annotations

from typing import Literal

from onewatt.errors import InputError, unknown
from onewatt.spec.budget import Budget
from onewatt.spec.types import Noun

Goal = Literal["least", "most"]
Tiles = Literal["perfect", "tight", "full"]
MapperObjective = Literal["edp", "energy", "latency"]

#: What every point is measured by: its SI unit, and which end is the good one.
MEASURES: dict[str, tuple[str, Goal]] = {
    "energy": ("J", "least"),
    "latency": ("s", "least"),
    "edp": ("J s", "least"),
    "power": ("W", "least"),
    "rate": ("1/s", "most"),
    "area": ("m2", "least"),
    "capacity": ("bit", "least"),
}
#: What a study may measure itself; the rest of the names it may use is its own.
_QUALITY = ("quality", "accuracy")


class Objective(Noun):
    """What is wanted least (or most) of: a name of `MEASURES`, or what a study measures itself."""

    name: str
    goal: Goal = "least"
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Read an objective by its name: energy (per inference), latency, edp, power, rate, area.

        Examples
        --------
        >>> Objective.parse("rate").goal, Objective.parse("energy per inference").name
        ('most', 'energy')
        """
        name = text.strip().replace(" ", "_").removesuffix("_per_inference")
        if name in MEASURES:
            unit, goal = MEASURES[name]
            return cls(name=name, goal=goal, unit=unit)
        if name in _QUALITY:
            return cls(name=name, goal="most")
        raise InputError(unknown("objective", text, (*MEASURES, *_QUALITY)))

    def __str__(self) -> str:
        """Write the objective by its name."""
        return self.name


class Assignment(Noun):
    """A field by its path and the value it takes, as a file writes it."""

    path: str
    value: str


class Setting(Noun):
    """One choice of a linked knob: what several fields become together."""

    name: str
    fields: tuple[Assignment, ...]


class Knob(Noun):
    """What may be chosen, and its values as a file writes them.

    A knob is a field by its path, such as ``chip.GLB.capacity``.  A *linked* knob has a name of its
    own: it `sets` several fields to one value, or it `scale`s them by one factor, or each of its
    `settings` says by name what several fields become.
    """

    path: str
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    scale: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a knob without a choice, or with one twice."""
        where = f"knob {self.path!r}"
        forms = [n for n in ("sets", "scale", "settings") if getattr(self, n)]
        if len(forms) > 1:
            raise InputError(f"{where} has {' and '.join(forms)}; expected one of them")
        if self.settings and self.values:
            raise InputError(f"{where} has settings and values; its settings are its values")
        if not self.choices:
            raise InputError(f"{where} has no values; expected at least one")
        twice = next((c for c in self.choices if self.choices.count(c) > 1), None)
        if twice is not None:
            raise InputError(f"{where} has the value {twice!r} twice")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values, or the names of the settings."""
        return tuple(s.name for s in self.settings) if self.settings else self.values


class Study(Noun):
    """A workload, a chip, the knobs to turn, what to minimise and what must hold.

    `mapspace` is the set of tile sizes each mapping is searched in, `mapper_objective` what the
    mapper minimises at each point (by default what the objectives ask for).  `pricing` says what
    becomes of an energy or area that the chip states when a knob changes the size it was stated
    for: `scaled` follows the law of its component class, `stated` keeps it.
    """

    workload: str
    chip: str
    knobs: tuple[Knob, ...]
    name: str = ""
    title: str = ""
    objectives: tuple[Objective, ...] = (
        Objective(name="energy", unit="J"),
        Objective(name="latency", unit="s"),
    )
    constraints: Budget | None = None
    batch: int = 1
    mapspace: Tiles = "perfect"
    mapper_objective: MapperObjective | None = None
    pricing: Literal["scaled", "stated"] = "scaled"
    strategy: str = "grid"
    evaluations: int | None = None

    def __post_init__(self) -> None:
        """Refuse an empty space, and knobs or objectives named twice."""
        if not self.knobs:
            raise InputError(
                "the space is empty: no knobs; expected at least one, such as "
                "knobs: {chip.GLB.capacity: [54 KiB, 108 KiB]}"
            )
        if not self.objectives:
            raise InputError(f"no objectives; expected some of {', '.join(MEASURES)}")
        for what, names in (
            ("knob", [k.path for k in self.knobs]),
            ("objective", [o.name for o in self.objectives]),
        ):
            twice = next((n for n in names if names.count(n) > 1), None)
            if twice is not None:
                raise InputError(f"{what} {twice!r} is named twice")
        if self.batch < 1:
            raise InputError(f"found batch {self.batch}; expected at least 1")
        if self.evaluations is not None and self.evaluations < 1:
            raise InputError(f"found evaluations {self.evaluations}; expected at least 1")
