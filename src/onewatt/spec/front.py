"""Fronts: the points of a study, what each gives, and which of them nothing beats."""

from __future__ import annotations

from typing import Literal

import msgspec

from onewatt.errors import InputError
from onewatt.spec.budget import Verdict
from onewatt.spec.price import Spread
from onewatt.spec.study import Goal, Objective
from onewatt.spec.types import Noun

SCHEMA = "onewatt/front/1"


class Point(Noun):
    """One choice: the value of every knob, in the order of the study."""

    knobs: tuple[tuple[str, str], ...]

    def __getitem__(self, knob: str) -> str:
        """Return the value of a knob."""
        return dict(self.knobs)[knob]


class Totals(
    Noun,
    rename={
        "energy": "energy_J", "energy_low": "energy_J_low", "energy_high": "energy_J_high",
        "latency": "latency_s", "edp": "edp_Js", "power": "power_W", "area": "area_m2",
        "capacity": "capacity_bit",
    },
):  # fmt: skip
    """What a whole network costs on a chip, for one batch of `batch` inferences, in SI units."""

    batch: int
    macs: int
    energy: float
    energy_low: float
    energy_high: float
    latency: float
    edp: float
    power: float
    area: float | None
    capacity: float
    optimal: bool


class LevelEnergy(Noun, rename={"energy": "energy_J"}):
    """The energy of one batch that one component takes [J]."""

    level: str
    energy: float


class LayerSummary(Noun, rename={"energy": "energy_J", "latency": "latency_s"}):
    """What one layer costs, all its runs together, with the mapping that does it."""

    name: str
    op: str
    count: int
    macs: int
    energy: float
    latency: float
    active_pes: int
    bottleneck: str
    optimal: bool
    mapping: str | None


class Outcome(Noun):
    """What a point gives: its measures in SI units, its verdicts, and where the energy goes.

    `spread` is what each price adds to the energy of a batch, with its band.  A point that failed
    has a `reason` and nothing else.
    """

    workload: str = ""
    measures: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    budget: tuple[Verdict, ...] = ()
    totals: Totals | None = None
    levels: tuple[LevelEnergy, ...] = ()
    layers: tuple[LayerSummary, ...] = ()
    unpriced: tuple[str, ...] = ()
    spread: Spread = ()
    reason: str | None = None

    @property
    def feasible(self) -> bool:
        """Whether it did not fail and keeps every limit."""
        return self.reason is None and all(v.met for v in self.budget)


class PointResult(Noun):
    """The result of a point, in short; `chip` and `layers` stand there for points of the front.

    `key` names the outcome in the store; the chip is named after the study and the point.  The full
    result follows from the mappings of the layers without a search.
    """

    key: str
    workload: str
    totals: Totals
    levels: tuple[LevelEnergy, ...]
    budget: tuple[Verdict, ...]
    unpriced: tuple[str, ...]
    chip: str | None
    layers: tuple[LayerSummary, ...] | None


class Evaluated(Noun):
    """A point that was tried, by its number in the order of proposals.

    `within_noise_of` are the numbers of the other points of the front whose energy the uncertainty
    of prices does not tell apart from its own; None where that was not looked at.
    """

    number: int
    knobs: dict[str, str]
    objectives: dict[str, float]
    feasible: bool
    on_front: bool
    within_noise_of: tuple[int, ...] | None = None
    reason: str | None = None
    result: PointResult | None = None


class Asked(Noun):
    """The question, as far as a front can say it; `file` is the study file if there is one."""

    name: str
    workload: str
    chip: str
    knobs: dict[str, tuple[str, ...]]
    objectives: tuple[Objective, ...]
    constraints: tuple[str, ...]
    mapspace: str
    mapper_objective: str
    file: str | None = None


class Counts(Noun):
    """How many points there are, were tried, keep every limit, and failed."""

    space: int
    evaluated: int
    feasible: int
    failed: int


class Front(Noun, kw_only=True):
    """The best trade-offs of a study, with every point that was tried.

    `hypervolume` is that of the points of the front up to `reference`, in the product of the units
    of the objectives; None if there is no front.  `nearest` is the
    number of the point that misses the limits by least, if none keeps them.  `complete` says that
    the strategy came to its end, which `ended` describes.
    """

    schema: Literal["onewatt/front/1"] = SCHEMA
    study: Asked
    strategy: str
    seed: int
    versions: dict[str, str]
    counts: Counts
    complete: bool
    ended: str
    reference: dict[str, float] | None
    hypervolume: float | None
    nearest: int | None
    points: tuple[Evaluated, ...]

    @property
    def best(self) -> tuple[Evaluated, ...]:
        """The points of the front, by the first objective."""
        first = self.study.objectives[0]
        mine = [p for p in self.points if p.on_front]
        return tuple(sorted(mine, key=lambda p: (signed(first.goal, p.objectives[first.name]),
                                                 p.number)))  # fmt: skip

    def point(self, number: int) -> Evaluated:
        """Return the point of a number.

        Raises
        ------
        InputError
            If there is none.
        """
        if not 0 <= number < len(self.points):
            raise InputError(
                f"found point {number}; expected 0 to {len(self.points) - 1}, as the front numbers "
                "them"
            )
        return self.points[number]


def signed(goal: Goal, value: float) -> float:
    """Return a value such that less is better."""
    return value if goal == "least" else -value
