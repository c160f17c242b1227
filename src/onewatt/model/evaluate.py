"""Evaluation: a layer, a chip and a mapping become a ledger of energy and time."""

from __future__ import annotations

import msgspec

from onewatt.components.library import prices as price_list
from onewatt.errors import MappingError
from onewatt.model import isca16, latency, ledger, vector
from onewatt.model.bound import bound
from onewatt.model.counts import count
from onewatt.model.launch import launched
from onewatt.model.nest import check_kept, check_place, lower
from onewatt.model.words import check_capacity, check_words
from onewatt.spec.architecture import Architecture
from onewatt.spec.cost import Cost
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Prices
from onewatt.spec.result import Convention, LayerResult, Result
from onewatt.spec.workload import Einsum, TensorShape, Unpriced, Workload
from onewatt.version import __version__


def evaluate(
    einsum: Einsum,
    architecture: Architecture,
    mapping: Mapping | None = None,
    *,
    prices: Prices | None = None,
    convention: Convention = "literal",
) -> Cost:
    """Return the ledger of one layer on a chip with a given mapping.

    Parameters
    ----------
    einsum : Einsum
        The layer; all its `count` runs are in the ledger.
    architecture : Architecture
        The chip.
    mapping : Mapping or None
        The loop nest; vector work needs none.
    prices : Prices or None
        The price list; by default that of the chip.
    convention : str
        How to read the counts: ``literal`` and ``timeloop`` as `onewatt.model.counts.count` has
        them, ``isca16`` as `onewatt.model.isca16.reread`, which changes energy alone.  ``jssc17``
        reads no loop nest: see `onewatt.model.jssc17.evaluate`.

    Returns
    -------
    Cost
        Entries with energy [J] and its band, busy times in cycles [1].

    Raises
    ------
    MappingError
        If the mapping is not a loop nest of the layer, or overflows a memory or an axis, or the
        convention reads none.
    """
    prices = prices or price_list(architecture)
    if einsum.work == "vector":
        cost = vector.stream(einsum, architecture, prices)
        cost += launched(einsum, architecture, prices)
        kept = ledger.upkeep(einsum, architecture, prices, cost.cycles(einsum.name))
        return cost + Cost(entries=tuple(kept))
    if convention == "jssc17":
        raise MappingError(
            f"layer {einsum.name!r}: convention 'jssc17' costs the seven parameters of Eyeriss and "
            "no loop nest; use 'onewatt analyze --convention jssc17' or onewatt.model.jssc17"
        )
    if mapping is None:
        raise MappingError(f"layer {einsum.name!r} needs a mapping")
    check_words(einsum, architecture)
    check_place(einsum, architecture, mapping)
    nest = lower(einsum, mapping)
    check_capacity(einsum, architecture, nest)
    check_kept(einsum, architecture, mapping)
    counts = count(einsum, architecture, nest, convention)
    charged = isca16.reread(einsum, architecture, counts) if convention == "isca16" else counts
    entries = ledger.lines(einsum, architecture, prices, charged)
    cost = Cost(entries=tuple(entries), busy=tuple(latency.busy(einsum, architecture, counts)))
    cost += launched(einsum, architecture, prices)
    used = {**counts.instances, architecture.mac.name: counts.active}
    kept = ledger.upkeep(
        einsum, architecture, prices, cost.cycles(einsum.name), convention=convention, used=used
    )
    return cost + Cost(entries=tuple(kept))


def evaluate_workload(
    workload: Workload,
    architecture: Architecture,
    mappings: dict[str, Mapping] | Mapping,
    *,
    convention: Convention = "literal",
    batch: int = 1,
) -> Result:
    """Return the result of a whole network with given mappings, one a layer or one for all.

    Raises
    ------
    MappingError
        If a layer has no mapping, or its mapping does not fit.
    """
    prices = price_list(architecture)
    cost, layers = Cost(), list[LayerResult]()
    priced, unpriced = priceable(workload, architecture)
    for einsum in priced.einsums:
        mapping = mappings if isinstance(mappings, Mapping) else mappings.get(einsum.name)
        if einsum.work == "vector":
            mapping = None
        mine = evaluate(einsum, architecture, mapping, prices=prices, convention=convention)
        active = lower(einsum, mapping).active if mapping else 0
        least = bound(einsum, architecture, prices, "energy", literal=convention == "literal")
        layers.append(
            LayerResult(name=einsum.name, mapping=mapping, active_pes=active, lower_bound=least,
                        optimal=False, evaluations=1)
        )  # fmt: skip
        cost += mine
    whole = msgspec.structs.replace(priced, unpriced=unpriced)
    return Result(
        workload=whole, architecture=architecture, prices=prices, objective="energy",
        mapspace="given mappings", layers=tuple(layers), cost=cost, convention=convention,
        batch=batch, versions=versions(),
    )  # fmt: skip


def priceable(
    workload: Workload, architecture: Architecture
) -> tuple[Workload, tuple[Unpriced, ...]]:
    """Split off the layers a chip has no unit for; they are named, never counted as nothing."""
    able, left = list[Einsum](), list(workload.unpriced)
    for einsum in workload.einsums:
        if einsum.work == "mac" or architecture.vector is not None:
            able.append(einsum)
            continue
        shapes = tuple(
            TensorShape(name=t.value or t.name, shape=tuple(einsum.extent(i) for i in t.projection))
            for t in einsum.tensors
        )
        words = sum(einsum.words(t) for t in einsum.tensors) * einsum.count
        reason = f"chip {architecture.name!r} has no vector unit"
        left.append(
            Unpriced(name=einsum.name, op=einsum.op, shapes=shapes, words=words, reason=reason)
        )
    return msgspec.structs.replace(workload, einsums=tuple(able), unpriced=tuple(left)), tuple(left)


def versions() -> tuple[tuple[str, str], ...]:
    """Return the versions a result depends on."""
    import numba
    import numpy

    return (("onewatt", __version__), ("numba", numba.__version__), ("numpy", numpy.__version__))
