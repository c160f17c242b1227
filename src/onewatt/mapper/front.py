"""Fronts: the mappings of each layer that no other beats in both energy and time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from onewatt.spec.mapping import Mapping
from onewatt.spec.result import Objective


class Choice(NamedTuple):
    """A mapping with what it costs in all runs of its layer."""

    energy: float
    cycles: float
    mapping: Mapping


def pareto(choices: Sequence[Choice]) -> list[Choice]:
    """Return the choices that no other beats, by rising cycles."""
    front: list[Choice] = []
    for choice in sorted(choices, key=lambda c: (c.cycles, c.energy, str(c.mapping))):
        if not front or choice.energy < front[-1].energy:
            front.append(choice)
    return front


def choose(
    fronts: Sequence[Sequence[Choice]], fixed: tuple[float, float], objective: Objective
) -> list[int]:
    """Return which choice of each front meets an objective of the whole network best.

    Parameters
    ----------
    fronts : sequence of sequences of Choice
        One front a layer.
    fixed : tuple of float
        Energy [J] and cycles [1] of what has no choice.
    objective : str
        ``energy`` and ``latency`` add up over layers and ``layer_edp`` is each layer's own;
        ``edp`` is (ΣE)·(ΣT) of the network, minimised exactly over the given fronts.
    """
    if objective == "edp":
        return _least_product(fronts, fixed)
    return [min(range(len(f)), key=[_key(c, objective) for c in f].__getitem__) for f in fronts]


def _key(choice: Choice, objective: Objective) -> tuple[float, float]:
    if objective == "energy":
        return choice.energy, choice.cycles
    if objective == "latency":
        return choice.cycles, choice.energy
    return choice.energy * choice.cycles, choice.energy


class _Partial(NamedTuple):
    energy: float
    cycles: float
    picks: tuple[int, ...]


def _least_product(fronts: Sequence[Sequence[Choice]], fixed: tuple[float, float]) -> list[int]:
    """Add fronts one by one, keeping the partial sums that can still win."""
    rest_energy, rest_cycles = [0.0], [0.0]
    for front in reversed(fronts):
        rest_energy.append(rest_energy[-1] + min(c.energy for c in front))
        rest_cycles.append(rest_cycles[-1] + min(c.cycles for c in front))
    best = _incumbent(fronts, fixed)
    partial = [_Partial(*fixed, ())]
    for depth, front in enumerate(fronts):
        energy_after = rest_energy[len(fronts) - depth - 1]
        cycles_after = rest_cycles[len(fronts) - depth - 1]
        grown = sorted(
            _Partial(p.energy + c.energy, p.cycles + c.cycles, (*p.picks, i))
            for p in partial
            for i, c in enumerate(front)
            if (p.energy + c.energy + energy_after) * (p.cycles + c.cycles + cycles_after)
            <= best * (1 + 1e-12)
        )
        partial = list[_Partial]()
        for candidate in grown:
            if not partial or candidate.cycles < partial[-1].cycles:
                partial.append(candidate)
    return list(min(partial, key=lambda p: (p.energy * p.cycles, p)).picks)


def _incumbent(fronts: Sequence[Sequence[Choice]], fixed: tuple[float, float]) -> float:
    """Return the best product among the choices that minimise E + weight·T for some weight."""
    slopes = {0.0}
    for front in fronts:
        for a, b in itertools.pairwise(front):
            slopes.add((a.energy - b.energy) / (b.cycles - a.cycles))
    best = float("inf")
    for weight in slopes:
        picks = [min(f, key=lambda c, w=weight: c.energy + w * c.cycles) for f in fronts]
        energy = fixed[0] + sum(c.energy for c in picks)
        best = min(best, energy * (fixed[1] + sum(c.cycles for c in picks)))
    return best
