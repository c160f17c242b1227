"""Exploring: proposals, outcomes and the front, whoever works them out and in whatever order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from onewatt.codesign.front import Vector, hypervolume, pareto
from onewatt.codesign.naming import named_chip
from onewatt.codesign.noise import with_noise
from onewatt.codesign.outcome import Context, build, decode, failed, key_of, worked_out
from onewatt.codesign.strategies import Strategy, read_strategy, strategy_text
from onewatt.codesign.strategies.base import Asking, Tried
from onewatt.codesign.study import Study, describe, size
from onewatt.errors import InputError
from onewatt.model.evaluate import versions
from onewatt.run.executors import Executor, Failure, check_executor, open_executor
from onewatt.run.share import Item, work_out
from onewatt.run.store import Store
from onewatt.spec import files
from onewatt.spec.budget import Verdict
from onewatt.spec.front import (
    Counts,
    Evaluated,
    Front,
    Outcome,
    Point,
    PointResult,
    signed,
)
from onewatt.spec.price import Spread
from onewatt.spec.study import Goal

#: Generations without a new point after which a strategy has nothing more to say.
_PATIENCE = 50
#: The reference lies this share of the spread beyond the worst feasible value of an objective.
MARGIN = 0.1


class Progress(NamedTuple):
    """How far a run is: points finished and wanted, kept and failed, and the front so far.

    `front` has the values of the objectives, in their own sense and SI units.
    """

    done: int
    total: int
    feasible: int
    failed: int
    front: tuple[Vector, ...]


def explore(
    study: Study,
    *,
    strategy: Strategy | str = "grid",
    evaluations: int | None = None,
    seed: int = 0,
    store: Store | str | Path | None = None,
    executor: str = "here",
    cache: Path | None = None,
    full: bool = False,
    fresh: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Front:
    """Search the choices of a study and return the front of what is possible.

    Parameters
    ----------
    study : Study
        Knobs, objectives and constraints, from `load_study` or written in Python.
    strategy : Strategy or str
        How points are chosen: ``grid``, ``random``, ``coordinate_descent``, ``evolve``, ``tpe``,
        with options as ``evolve:population=32``.
    evaluations : int or None
        How many different points may be tried; by default all for a grid, else a hundred.
    seed : int
        Decides what the strategy draws at random.
    store : Store, str, Path or None
        The file in which outcomes are kept and found again; None keeps them for this run only.
    executor : str
        ``here``, ``local:N`` (N processes, 0 for every processor; a script needs
        ``if __name__ == "__main__":``) or ``dask://HOST:PORT``.
    cache : Path or None
        A folder where the mapper keeps finished layers, which points share.
    full : bool
        Keep the chip and the layers of every point, not only of those on the front.
    fresh : bool
        Work out also what the store has.
    progress : callable or None
        Called with a `Progress` as points are finished.
    stop : threading.Event or None
        Once set, the run ends with what is finished; the front says that it is not complete.

    Returns
    -------
    Front
        Every point in the order of proposal, and which of them nothing beats.  It does not depend
        on the executor, nor on how often the run was interrupted and taken up again.

    Raises
    ------
    InputError
        If the strategy, the executor or the store is none.
    MissingDependency
        If the strategy or the executor needs a package that is not installed.

    Examples
    --------
    >>> import onewatt as ow
    >>> from onewatt.codesign.study import study_of
    >>> text = "{workload: mlperf_ad, chip: eyeriss, knobs: {chip.GLB.capacity: [54 KiB, 108 KiB]}}"
    >>> front = explore(study_of(ow.spec.files.loads(text, "study")))
    >>> front.counts.feasible
    2
    """
    if evaluations is not None and evaluations < 1:
        raise InputError(f"found evaluations {evaluations}; expected at least 1")
    check_executor(executor)
    chosen = read_strategy(strategy) if isinstance(strategy, str) else strategy
    total = size(study.space)
    wanted = min(total, evaluations or chosen.evaluations(total))
    own = not isinstance(store, Store)
    kept = Store(store) if not isinstance(store, Store) else store
    workers = None
    try:
        context = Context(study, str(cache) if cache is not None else None)
        workers = open_executor(executor, worked_out, context)
        run = _Run(study, kept, workers, wanted, fresh=fresh, progress=progress, stop=stop)
        ended = run.go(chosen, seed)
        return run.front(chosen, seed, ended, full=full)
    finally:
        if workers is not None:
            workers.close()
        if own:
            kept.close()


class _Record(NamedTuple):
    """A point that was tried: the key of its outcome, and the outcome without its layers."""

    point: Point
    key: str
    outcome: Outcome
    values: Vector | None


class _Run:
    """The points tried so far, in the order in which they were proposed."""

    def __init__(
        self, study: Study, store: Store, executor: Executor, wanted: int, *, fresh: bool,
        progress: Callable[[Progress], None] | None, stop: threading.Event | None,
    ) -> None:  # fmt: skip
        self.study, self.store, self.executor = study, store, executor
        self.wanted, self.fresh, self.progress, self.stop = wanted, fresh, progress, stop
        self.records: dict[Point, _Record] = {}
        self._told = 0
        self._feasible = 0
        self._failed = 0
        self._best: list[Vector] = []

    def go(self, strategy: Strategy, seed: int) -> str:
        """Try what the strategy proposes; return why it ended, or nothing if it was stopped."""
        proposals = strategy.proposals(Asking(self.study.space, len(self.study.objectives), seed))
        self._show()
        idle = 0
        try:
            generation = next(proposals)
            while True:
                new = [p for p in dict.fromkeys(generation) if p not in self.records]
                idle = 0 if new else idle + 1
                cut = new[: self.wanted - len(self.records)]
                if not self._try(cut):
                    return ""
                if len(self.records) >= self.wanted:
                    return self._why_full()
                if idle >= _PATIENCE:
                    return f"{_PATIENCE} generations without a new point"
                generation = proposals.send([self._tried(p) for p in generation])
        except StopIteration:
            return "the strategy has no more proposals"
        finally:
            proposals.close()

    def _why_full(self) -> str:
        if self.wanted == size(self.study.space):
            return "every point of the space was tried"
        return f"{self.wanted} evaluations were used"

    def _try(self, points: list[Point]) -> bool:
        """Work points out and record them in order; False if the run was stopped before."""
        keys: dict[Point, str] = {}
        broken: dict[Point, Outcome] = {}
        items: list[Item] = []
        for point in points:
            try:
                keys[point] = key_of(self.study, point, build(self.study, point))
                items.append(Item(keys[point], point))
            except Exception as error:  # the point is at fault, whatever it is
                broken[point] = failed(error)
        light: dict[str, Outcome] = {}

        def done(key: str, content: bytes | Failure) -> None:
            light[key] = _light(content)
            self._count(light[key])

        for outcome in broken.values():
            self._count(outcome)
        work_out(items, self.store, self.executor, done=done, fresh=self.fresh, stop=self.stop)
        for point in points:
            outcome = broken.get(point) or light.get(keys.get(point, ""))
            if outcome is None:
                return False  # what comes after a gap would not be in order
            outcome, values = self._valued(outcome)
            self.records[point] = _Record(point, keys.get(point, ""), outcome, values)
        return True

    def _valued(self, outcome: Outcome) -> tuple[Outcome, Vector | None]:
        """Return the values of the objectives, less is better; without one a point has failed."""
        if outcome.reason is not None:
            return outcome, None
        names = [o.name for o in self.study.objectives]
        missing = next((n for n in names if n not in outcome.measures), None)
        if missing is not None:
            has = ", ".join(sorted(outcome.measures))
            reason = f"objective {missing!r} has no value at this point; measured are {has}"
            return Outcome(reason=reason), None
        return outcome, tuple(
            signed(o.goal, outcome.measures[o.name]) for o in self.study.objectives
        )

    def _tried(self, point: Point) -> Tried:
        record = self.records[point]
        return Tried(point, record.values, tuple(miss(v) for v in record.outcome.budget))

    # -- progress ---------------------------------------------------------------------------

    def _count(self, outcome: Outcome) -> None:
        outcome, values = self._valued(outcome)
        self._told += 1
        self._failed += values is None
        if values is not None and outcome.feasible:
            self._feasible += 1
            grown = list(dict.fromkeys([*self._best, values]))
            self._best = [grown[i] for i in pareto(grown)]
        self._show()

    def _show(self) -> None:
        if self.progress is not None:
            goals: list[Goal] = [o.goal for o in self.study.objectives]
            front = tuple(
                tuple(signed(g, v) for g, v in zip(goals, values, strict=True))
                for values in self._best
            )
            self.progress(Progress(self._told, self.wanted, self._feasible, self._failed, front))

    # -- the front --------------------------------------------------------------------------

    def front(self, strategy: Strategy, seed: int, ended: str, *, full: bool) -> Front:
        """Return what was found."""
        records = list(self.records.values())
        able = [i for i, r in enumerate(records) if r.outcome.feasible]
        vectors = [v for i in able if (v := records[i].values) is not None]
        best = {able[i] for i in pareto(vectors)}
        reference = _reference(vectors)
        volume = hypervolume(vectors, reference) if reference is not None else None
        objectives = self.study.objectives
        front = Front(
            study=describe(self.study), strategy=strategy_text(strategy), seed=seed,
            versions=dict(versions()),
            counts=Counts(
                space=size(self.study.space), evaluated=len(records), feasible=len(able),
                failed=sum(r.values is None for r in records),
            ),
            complete=bool(ended), ended=ended or "stopped",
            reference=None if reference is None else {
                o.name: signed(o.goal, v) for o, v in zip(objectives, reference, strict=True)
            },
            hypervolume=volume, nearest=None if able else _nearest(records),
            points=tuple(self._evaluated(i, r, i in best, full) for i, r in enumerate(records)),
        )  # fmt: skip
        return with_noise(front, lambda n: self._spread(records[n].key))

    def _spread(self, key: str) -> Spread:
        content = self.store.get(key)
        return decode(content).spread if content is not None else ()

    def _evaluated(self, number: int, record: _Record, on_front: bool, full: bool) -> Evaluated:
        outcome = record.outcome
        values = record.values or ()
        return Evaluated(
            number=number, knobs=dict(record.point.knobs),
            objectives={
                o.name: signed(o.goal, v)
                for o, v in zip(self.study.objectives, values, strict=bool(values))
            },
            feasible=outcome.feasible, on_front=on_front, reason=outcome.reason,
            result=self._result(number, record, whole=on_front or full),
        )  # fmt: skip

    def _result(self, number: int, record: _Record, *, whole: bool) -> PointResult | None:
        outcome = record.outcome
        if outcome.totals is None:
            return None
        chip, layers = None, None
        if whole:
            mine = self.study.architecture(record.point)
            chip = files.dumps(named_chip(mine, self.study.name, number, record.point), "chip")
            content = self.store.get(record.key)
            layers = decode(content).layers if content is not None else None
        return PointResult(
            key=record.key, workload=outcome.workload, totals=outcome.totals, levels=outcome.levels,
            budget=outcome.budget, unpriced=outcome.unpriced, chip=chip, layers=layers,
        )  # fmt: skip


def _light(content: bytes | Failure) -> Outcome:
    """Return an outcome without its large parts: a run may have millions of points."""
    if isinstance(content, Failure):
        return Outcome(reason=content.reason)
    return msgspec.structs.replace(decode(content), layers=(), spread=())


def miss(verdict: Verdict) -> float:
    """Return the share by which a limit is missed, 0 or less if it is kept [1].

    Examples
    --------
    >>> miss(Verdict(kind="latency", unit="s", asked=0.02, reached=0.03, met=False))
    0.5
    """
    if verdict.kind == "rate":
        return verdict.asked / verdict.reached - 1 if verdict.reached else float("inf")
    return verdict.reached / verdict.asked - 1


def _nearest(records: list[_Record]) -> int | None:
    """Return the number of the point whose worst miss is least."""
    able = [i for i, r in enumerate(records) if r.values is not None]
    return min(
        able, key=lambda i: (max(miss(v) for v in records[i].outcome.budget), i), default=None
    )


def _reference(vectors: list[Vector]) -> Vector | None:
    """Return the worst corner of the feasible points and a margin; None if nothing is feasible.

    The margin is a share of the spread, or of the value itself where all points have the same.
    """
    if not vectors:
        return None
    columns = list(zip(*vectors, strict=True))
    spread = [(max(c) - min(c)) or abs(max(c)) for c in columns]
    return tuple(max(c) + MARGIN * s for c, s in zip(columns, spread, strict=True))
