"""Flexibility: how much of what shape and number of PEs allow a chip keeps, whatever the layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from onewatt.components.library import prices
from onewatt.diagnose.bounds import cycles_of, placed, space
from onewatt.diagnose.stresses import Case
from onewatt.diagnose.waiting import least_duration
from onewatt.errors import InputError
from onewatt.model import sparse
from onewatt.model.boundaries import least_moved
from onewatt.spec.architecture import Architecture
from onewatt.spec.price import Prices
from onewatt.spec.types import Noun
from onewatt.spec.workload import Einsum

#: What limits a layer, besides a network by its name.
PES, DATAFLOW, PORTS = "number of PEs", "dataflow and array", "memory ports"
#: PEs that wait for the one with the fewest zeros.
UNEVEN = "uneven zeros"


class Kept(Noun):
    """What a chip keeps of a layer's bound by shape and number of PEs [1].

    `array` is what dataflow and array keep, `kept` what delivery on the chip leaves of it, `limit`
    what holds the layer up.
    """

    layer: str
    count: int
    array: float
    kept: float
    limit: str


class Flexibility(Noun):
    """What a chip keeps of a network under a stress, over all its layers.

    `worst` is that of one layer, `mean` the geometric mean of all runs of layers, `array_mean` the
    same without delivery, `whole` the share of the whole network's time [1].
    """

    chip: str
    network: str
    stress: str
    worst: float
    worst_layer: str
    limit: str
    mean: float
    array_mean: float
    whole: float
    layers: tuple[Kept, ...]


class _Bounds(NamedTuple):
    """Fewest cycles of one run: by number of PEs, by dataflow and array too, by delivery.

    `held_by` says what the array loses most by, `limit` what delivery does.
    """

    pes: float
    array: float
    held_by: str
    delivery: float
    limit: str


def flexibility(cases: Sequence[Case], chips: Sequence[Architecture]) -> tuple[Flexibility, ...]:
    """Return what each chip keeps of each network.

    Parameters
    ----------
    cases : sequence of Case
        Networks under stresses; see `onewatt.diagnose.stresses.stressed`.
    chips : sequence of Architecture
        The chips.

    Returns
    -------
    tuple of Flexibility
        In the order of chips, then cases.

    Raises
    ------
    InputError
        If a network has no layer of MACs.

    Notes
    -----
    The reference of a layer of N MACs is T = ceil(N / PEs): its shape and the number of PEs, with
    any dataflow.  What is kept is T / max(T4, D): T4 are the fewest steps of a placement that the
    dataflow allows (the fourth bound of `onewatt.eyexam`), D the cycles that no mapping undercuts
    to move every word over each network and through each port of the chip.  The link to the
    outermost memory is left out, because it slows every chip alike.  No mapping is searched, so the
    shares are upper bounds.

    Where zeros are skipped, T is that of an even spread of the work, and PEs wait for the slowest
    one as seldom as their scratchpads allow (`onewatt.diagnose.waiting.least_duration`).

    Examples
    --------
    >>> import onewatt as ow
    >>> cases = ow.stressed(ow.load_workload("mlperf_ad", batch=16), ow.load_workload("mlperf_ad"))
    >>> given, alone, *_ = flexibility(cases, [ow.load_chip("systolic_ws")])
    >>> round(given.mean, 2), round(alone.mean, 2), alone.limit
    (0.44, 0.03, 'weights_load')
    """
    return tuple(_row(case, chip) for chip in chips for case in cases)


def _row(case: Case, chip: Architecture) -> Flexibility:
    layers = [
        e for e in case.workload.einsums
        if e.work == "mac" and sparse.effective(e, chip.mac).paced
    ]  # fmt: skip
    if not layers:
        raise InputError(
            f"network {case.workload.name!r} ({case.stress}) has no layer of MACs; expected one"
        )
    inner, price = _without_link(chip), prices(chip)
    known: dict[object, _Bounds] = {}
    rows: list[Kept] = []
    ideal = taken = 0.0
    for einsum in layers:
        if einsum.signature not in known:
            known[einsum.signature] = _bounds(einsum, inner, price)
        bounds = known[einsum.signature]
        rows.append(_kept(einsum, bounds))
        ideal += bounds.pes * einsum.count
        taken += max(bounds.array, bounds.delivery) * einsum.count
    worst = min(rows, key=lambda r: r.kept)
    return Flexibility(
        chip=chip.name, network=case.workload.name, stress=case.stress, worst=worst.kept,
        worst_layer=worst.layer, limit=worst.limit, mean=_mean([(r.kept, r.count) for r in rows]),
        array_mean=_mean([(r.array, r.count) for r in rows]), whole=ideal / taken,
        layers=tuple(rows),
    )  # fmt: skip


def _mean(rows: list[tuple[float, int]]) -> float:
    """Return the geometric mean of shares with how often each comes."""
    return math.exp(math.fsum(n * math.log(x) for x, n in rows) / sum(n for _, n in rows))


def _kept(einsum: Einsum, bounds: _Bounds) -> Kept:
    array = bounds.pes / bounds.array
    kept = bounds.pes / max(bounds.array, bounds.delivery)
    limit = bounds.limit if kept < array else bounds.held_by if array < 1 else PES
    return Kept(layer=einsum.name, count=einsum.count, array=array, kept=kept, limit=limit)


def _without_link(chip: Architecture) -> Architecture:
    """Return a chip whose outermost memory is as fast as it is asked to be."""
    outermost = chip.memories[0]
    fast = msgspec.structs.replace(
        outermost, read_bandwidth=None, write_bandwidth=None, shared_bandwidth=None
    )
    nodes = tuple(fast if n is outermost else n for n in chip.nodes)
    return msgspec.structs.replace(chip, nodes=nodes)


def _bounds(einsum: Einsum, chip: Architecture, price: Prices) -> _Bounds:
    pes = cycles_of(einsum, chip, -(-einsum.points // chip.pes))
    steps = placed(einsum, chip, space(einsum, chip).allowed).steps
    # a placement of these steps has no fewer PEs at work than this, and more steps do not pay
    busy = -(-einsum.points // steps)
    mac = chip.mac
    array = max(pes, math.ceil(steps / mac.lanes * least_duration(einsum, chip, busy)))
    even = max(pes, cycles_of(einsum, chip, steps))
    held_by = UNEVEN if array * pes > even * even else DATAFLOW
    return _Bounds(pes, array, held_by, *_delivery(einsum, chip, price))


def _delivery(einsum: Einsum, chip: Architecture, price: Prices) -> tuple[float, str]:
    """Return the fewest cycles for moving all words on the chip, and where they are needed."""
    moved = least_moved(einsum, chip, price, sizes=True)
    rows = [(float(moved[1]) if moved else 0.0, PORTS)]
    for network in chip.networks:
        words = sum(einsum.words(t) for t in einsum.tensors if t.name in network.tensors)
        if network.words_per_cycle:
            rate = network.words_per_cycle * chip.instances(network.name)
            rows.append((math.ceil(words / rate), network.name))
    return max(rows, key=lambda row: row[0])
