"""Differences: why one result costs more or takes longer than another, summand by summand."""

from __future__ import annotations

import math
from collections.abc import Mapping

from onewatt.diagnose.eyexam import eyexam
from onewatt.errors import InputError
from onewatt.model.parts import Cell, energy_by_part
from onewatt.model.uncertainty import Odds, odds, spread_of
from onewatt.spec.cost import Cost, Entry
from onewatt.spec.result import Result
from onewatt.spec.types import Noun

#: Cycles of layers without bounds, because all their operations are skipped.
OTHER = "layers without bounds"


class Summand(Noun):
    """One summand of a difference: what it was and what it is; 0 where there is none."""

    name: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before


class LayerSummand(Noun):
    """A layer of a difference: energy [J] and latency [s], and the part that changed most.

    `part` is the level and tensor whose energy in this layer changed most; empty if none did.
    """

    name: str
    energy: Summand
    latency: Summand
    part: str


class Difference(Noun):
    """Why two results differ.

    The differences of `layers` add up to those of energy and latency, those of `parts` (level and
    tensor) to that of energy [J], and those of `steps` (Eyexam) to that of latency: `steps` in
    cycles, `step_times` in seconds, which differ where the clocks do.  `no_steps` says why there
    are none.
    """

    energy: Summand
    latency: Summand
    cycles: Summand
    layers: tuple[LayerSummand, ...]
    parts: tuple[Summand, ...]
    steps: tuple[Summand, ...]
    step_times: tuple[Summand, ...]
    no_steps: str
    energy_odds: Odds | None
    edp_odds: Odds | None


def difference(before: Result, after: Result, *, seed: int = 0) -> Difference:
    """Return why two results differ, and how sure it is which is better.

    Parameters
    ----------
    before, after : Result
        Two results, of any workloads and chips; layers and levels are matched by name.
    seed : int
        Which worlds the probabilities are counted in.

    Returns
    -------
    Difference
        Summands by layer, by level and tensor [J], and by step of Eyexam [cycles, s]; the odds are
        those of `after` being better.

    Examples
    --------
    >>> import onewatt as ow
    >>> net, chip = ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss")
    >>> less, fast = (ow.search(net, chip, objective=o) for o in ("energy", "latency"))
    >>> found = difference(less, fast)
    >>> abs(sum(p.difference for p in found.parts) - found.energy.difference) < 1e-15
    True
    """
    cells = [energy_by_part(r.architecture, r.cost) for r in (before, after)]
    steps, times, why_not = _steps(before, after)
    sums = [spread_of(after), spread_of(before)]
    known = before.energy > 0 and after.energy > 0
    faster = after.latency / before.latency if before.latency else None
    return Difference(
        energy=Summand(name="energy", before=before.energy, after=after.energy),
        latency=Summand(name="latency", before=before.latency, after=after.latency),
        cycles=Summand(name="cycles", before=_cycles(before), after=_cycles(after)),
        layers=_layers(before, after),
        parts=_matched({_named(k): v for k, v in cells[0].items()},
                       {_named(k): v for k, v in cells[1].items()}),
        steps=steps, step_times=times, no_steps=why_not,
        energy_odds=odds(*sums, seed=seed) if known else None,
        edp_odds=odds(*sums, times=faster, seed=seed) if known and faster else None,
    )  # fmt: skip


def _named(cell: Cell) -> str:
    return f"{cell[0]} {cell[1]}"


def _cycles(result: Result) -> float:
    return math.fsum(result.cost.cycles_by_einsum().values())


def _matched(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[Summand, ...]:
    """Return the summands of both, those that changed most first."""
    rows = [
        Summand(name=n, before=before.get(n, 0.0), after=after.get(n, 0.0))
        for n in dict.fromkeys([*before, *after])
    ]
    return tuple(sorted(rows, key=lambda r: -abs(r.difference)))


def _layers(before: Result, after: Result) -> tuple[LayerSummand, ...]:
    spent = [_by_layer(r) for r in (before, after)]
    taken = [
        {n: c / r.architecture.clock for n, c in r.cost.cycles_by_einsum().items()}
        for r in (before, after)
    ]
    names = dict.fromkeys(e.name for r in (before, after) for e in r.workload.einsums)
    rows: list[LayerSummand] = []
    for name in names:
        cells = [
            {_named(k): v for k, v in energy_by_part(r.architecture, s.get(name, Cost())).items()}
            for r, s in zip((before, after), spent, strict=True)
        ]
        parts = _matched(cells[0], cells[1])
        energy = [math.fsum(c.values()) for c in cells]
        rows.append(
            LayerSummand(
                name=name, energy=Summand(name=name, before=energy[0], after=energy[1]),
                latency=Summand(
                    name=name, before=taken[0].get(name, 0.0), after=taken[1].get(name, 0.0)
                ),
                part=parts[0].name if parts and parts[0].difference else "",
            )
        )  # fmt: skip
    return tuple(rows)


def _by_layer(result: Result) -> dict[str, Cost]:
    rows: dict[str, list[Entry]] = {}
    for entry in result.cost.entries:
        rows.setdefault(entry.einsum, []).append(entry)
    return {name: Cost(entries=tuple(mine)) for name, mine in rows.items()}


def _steps(
    before: Result, after: Result
) -> tuple[tuple[Summand, ...], tuple[Summand, ...], str]:  # fmt: skip
    """Return the cycles and seconds of both by what Eyexam says they go to, in its order."""
    try:
        exams = [{c.name: c.cycles for c in eyexam(r).causes} for r in (before, after)]
    except InputError as error:
        return (), (), str(error)
    for rows, result in zip(exams, (before, after), strict=True):
        rows[OTHER] = _cycles(result) - math.fsum(rows.values())
        if abs(rows[OTHER]) <= 1e-9 * _cycles(result):
            rows[OTHER] = 0.0
    names = [n for n in exams[0] if n != OTHER or exams[0][n] or exams[1][n]]
    clocks = [r.architecture.clock for r in (before, after)]
    return (
        tuple(Summand(name=n, before=exams[0][n], after=exams[1][n]) for n in names),
        tuple(
            Summand(name=n, before=exams[0][n] / clocks[0], after=exams[1][n] / clocks[1])
            for n in names
        ),
        "",
    )
