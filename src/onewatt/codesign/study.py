"""Studies: what turns a choice into a network and a chip; from a file or written in Python."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from onewatt.codesign import knobs as turn
from onewatt.components.chips import load_chip, preset_names
from onewatt.components.rescale import rescaled
from onewatt.errors import InputError, OnewattError, OutOfReach
from onewatt.importers.load import load_workload
from onewatt.importers.zoo import in_zoo, zoo_options
from onewatt.spec import files
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget
from onewatt.spec.front import Asked, Point
from onewatt.spec.study import Knob, MapperObjective, Objective, Tiles
from onewatt.spec.study import Study as StudyNoun
from onewatt.spec.workload import Workload
from onewatt.units import format_quantity


class Study(Protocol):
    """Choices, and what each makes of the network, the chip and the quality.

    `quality` may measure what no model of a chip knows (accuracy, a trajectory error) under the
    name ``quality`` or names of its own; an objective may then bear that name.  None if there is
    nothing to measure.  A study may also have ``options(point)``, see `Options`.
    """

    @property
    def name(self) -> str:
        """The name of the study."""
        ...

    @property
    def space(self) -> tuple[Knob, ...]:
        """The knobs, each with its values."""
        ...

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is wanted least or most of."""
        ...

    @property
    def constraints(self) -> Budget | None:
        """What must hold."""
        ...

    def workload(self, point: Point) -> Workload:
        """Return the network of a point."""
        ...

    def architecture(self, point: Point) -> Architecture:
        """Return the chip of a point."""
        ...

    def quality(self, point: Point) -> float | Mapping[str, float] | None:
        """Return what the study itself measures of a point."""
        ...


class Options(NamedTuple):
    """How the mapper is asked at a point."""

    objective: MapperObjective = "edp"
    mapspace: Tiles = "perfect"
    batch: int = 1


def options_of(study: Study, point: Point) -> Options:
    """Return how the mapper is asked at a point; a study that does not say is asked by default."""
    own = getattr(study, "options", None)
    return own(point) if own is not None else Options(objective_for(study.objectives))


def objective_for(objectives: tuple[Objective, ...]) -> MapperObjective:
    """Return what the mapper has to minimise for these objectives.

    Examples
    --------
    >>> objective_for((Objective(name="energy"), Objective(name="area")))
    'energy'
    """
    names = {o.name for o in objectives}
    slow, dear = names & {"latency", "rate"}, names & {"energy"}
    if dear and not slow and not names & {"edp", "power"}:
        return "energy"
    return "latency" if slow and not dear and not names & {"edp", "power"} else "edp"


def size(space: tuple[Knob, ...]) -> int:
    """Return how many points a space has."""
    return math.prod(len(k.choices) for k in space)


def point_at(space: tuple[Knob, ...], index: int) -> Point:
    """Return the point of a number: the last knob turns fastest."""
    places: list[int] = []
    for knob in reversed(space):
        index, place = divmod(index, len(knob.choices))
        places.append(place)
    return point_of(space, tuple(reversed(places)))


def point_of(space: tuple[Knob, ...], places: tuple[int, ...]) -> Point:
    """Return the point with the value of each knob by its place."""
    return Point(knobs=tuple((k.path, k.choices[i]) for k, i in zip(space, places, strict=True)))


def points(space: tuple[Knob, ...]) -> Iterator[Point]:
    """Yield every point of a space in order."""
    return (point_at(space, i) for i in range(size(space)))


@dataclass(frozen=True)
class FileStudy:
    """The study of a file, with the chips and the network files that it names already read."""

    asked: StudyNoun
    name: str
    chips: dict[str, Architecture]
    networks: dict[tuple[str, int], Workload]
    file: str | None = None

    @property
    def space(self) -> tuple[Knob, ...]:
        """The knobs, each with its values."""
        return self.asked.knobs

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is wanted least or most of."""
        return self.asked.objectives

    @property
    def constraints(self) -> Budget | None:
        """What must hold."""
        return self.asked.constraints

    def given(self, point: Point) -> tuple[turn.Set, ...]:
        """Return everything that a point sets."""
        chosen = dict(point.knobs)
        return tuple(s for k in self.space for s in turn.sets(k, chosen[k.path]))

    def workload(self, point: Point) -> Workload:
        """Return the network of a point."""
        given = self.given(point)
        texts = {s.path: s.text for s in given}
        where = f"study {self.name!r}: "
        source = with_options(texts.get(turn.WORKLOAD, self.asked.workload), texts)
        batch = self.batch(point)
        known = self.networks.get((source, batch))
        network = known if known is not None else _from_zoo(source, batch)
        return turn.changed_workload(network, given, where)

    def architecture(self, point: Point) -> Architecture:
        """Return the chip of a point, its stated prices carried to the sizes that changed."""
        given = self.given(point)
        name = next((s.text for s in given if s.path == turn.CHIP), self.asked.chip)
        where = f"study {self.name!r}: "
        before = self.chips[name]
        after = turn.changed_chip(before, given, where)
        if self.asked.pricing == "scaled":
            after = rescaled(before, after)
        return turn.with_named_dataflow(after, given, where)

    def quality(self, point: Point) -> None:
        """Return None: a file names nothing that only a program could measure."""
        del point

    def batch(self, point: Point) -> int:
        """Return how many inferences are computed together at a point."""
        texts = {s.path: s.text for s in self.given(point)}
        text = texts.get(turn.BATCH)
        return self.asked.batch if text is None else turn.read_batch(text, "")

    def options(self, point: Point) -> Options:
        """Return how the mapper is asked at a point."""
        texts = {s.path: s.text for s in self.given(point)}
        default = self.asked.mapper_objective or objective_for(self.objectives)
        objective = texts.get("mapper_objective", default)
        mapspace = texts.get("mapspace", self.asked.mapspace)
        return Options(objective, mapspace, self.batch(point))  # type: ignore[arg-type]


def with_options(source: str, texts: Mapping[str, str]) -> str:
    """Return the name of a network with its options replaced, as ``mobilenet_v1:0.25:128``."""
    wanted = {p[9:]: t for p, t in texts.items() if p.startswith("workload.")}
    if not wanted:
        return source
    return ":".join([source.split(":")[0], *(zoo_options(source) | wanted).values()])


@functools.lru_cache(maxsize=64)
def _from_zoo(source: str, batch: int) -> Workload:
    return load_workload(source, batch=batch)


def describe(study: Study) -> Asked:
    """Return what a study asks, as a front keeps it."""
    first = point_at(study.space, 0)
    limits = study.constraints.limits if study.constraints else ()
    own = study if isinstance(study, FileStudy) else None
    options = options_of(study, first)
    return Asked(
        name=study.name,
        workload=own.asked.workload if own else study.workload(first).name,
        chip=own.asked.chip if own else study.architecture(first).name,
        knobs={k.path: k.choices for k in study.space},
        objectives=study.objectives,
        constraints=tuple(f"{x.kind}: {format_quantity(x.asked, x.unit)}" for x in limits),
        mapspace=options.mapspace,
        mapper_objective=options.objective,
        file=files.dumps(own.asked, "study") if own else None,
    )


def load_study(path: str | Path) -> FileStudy:
    """Return the study of a YAML file, checked before anything runs.

    Parameters
    ----------
    path : str or Path
        The file; chips and networks that it names as files lie beside it.

    Returns
    -------
    FileStudy
        The study, ready for `onewatt.explore`.

    Raises
    ------
    InputError
        If a path names nothing (with the nearest that does), a field cannot take its value, the
        space is empty, or a limit comes twice.
    OutOfReach
        If no point of the space can keep the constraints, whatever the mappings.
    """
    path = Path(path)
    return study_of(
        files.load(path, "study"), folder=path.parent, name=path.stem, where=f"{path}: "
    )


def study_of(
    asked: StudyNoun, *, folder: Path | None = None, name: str = "study", where: str = ""
) -> FileStudy:
    """Return a study with its chips and networks read; `folder` is where its files lie."""
    from onewatt.codesign.check import check

    folder = folder or Path()
    try:
        turn.check_overlap(asked.knobs)
        texts = [s for k in asked.knobs for c in k.choices for s in turn.sets(k, c)]
        chips = {n: _chip(n, folder) for n in _named(asked.chip, turn.CHIP, texts)}
        study = FileStudy(asked, asked.name or name, chips, _networks(asked, texts, folder))
        check(study)
    except OutOfReach as error:
        raise OutOfReach(f"{where}{error}") from error
    except OnewattError as error:
        raise InputError(f"{where}{error}") from error
    return study


def _named(base: str, path: str, texts: list[turn.Set]) -> list[str]:
    return list(dict.fromkeys([base, *(s.text for s in texts if s.path == path)]))


def _chip(name: str, folder: Path) -> Architecture:
    if name in preset_names() or not (folder / name).is_file():
        return load_chip(name)
    return load_chip(folder / name)


def _networks(
    asked: StudyNoun, texts: list[turn.Set], folder: Path
) -> dict[tuple[str, int], Workload]:
    """Return the networks that are no names of the zoo, for every batch."""
    batches = {asked.batch, *(turn.read_batch(s.text, "knob 'batch': ") for s in texts
                              if s.path == turn.BATCH)}  # fmt: skip
    found: dict[tuple[str, int], Workload] = {}
    for source in _named(asked.workload, turn.WORKLOAD, texts):
        if in_zoo(source):
            _from_zoo(source, asked.batch)  # an option that does not exist is refused here
            continue
        path = folder / source
        for batch in sorted(batches):
            text = str(path) if path.exists() else source
            found[source, batch] = load_workload(text, batch=batch)
    return found
