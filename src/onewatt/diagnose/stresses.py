"""Stresses: the same network with less to reuse, which is what breaks a chip."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from onewatt.spec.types import Noun
from onewatt.spec.workload import Einsum, Rank, Tensor, Workload

#: Share of non-zeros of inputs and weights whose zeros lie anywhere [1].
UNSTRUCTURED = 0.5
GIVEN, BATCH_1, CHANNELS_1 = "as given", "batch 1", "channels 1"
DENSE, ZEROS = "dense", "unstructured zeros"


class Case(Noun):
    """A network under a stress."""

    stress: str
    workload: Workload


def stressed(batched: Workload, single: Workload) -> tuple[Case, ...]:
    """Return a network as it is and under each stress.

    Parameters
    ----------
    batched : Workload
        The network with several inferences computed together.
    single : Workload
        The same network with one.

    Returns
    -------
    tuple of Case
        As given, with batch 1, with channels 1 (`one_channel`), dense, and with zeros that lie
        anywhere (half of the inputs and of the weights).

    Examples
    --------
    >>> import onewatt as ow
    >>> net = ow.load_workload("mlperf_ad", batch=16)
    >>> [case.stress for case in stressed(net, ow.load_workload("mlperf_ad"))]
    ['as given', 'batch 1', 'channels 1', 'dense', 'unstructured zeros']
    """
    return (
        Case(stress=GIVEN, workload=batched),
        Case(stress=BATCH_1, workload=single),
        Case(stress=CHANNELS_1, workload=_each(batched, one_channel)),
        Case(stress=DENSE, workload=_each(batched, lambda e: with_density(e, 1.0))),
        Case(stress=ZEROS, workload=_each(batched, lambda e: with_density(e, UNSTRUCTURED))),
    )


def _each(workload: Workload, change: Callable[[Einsum], Einsum]) -> Workload:
    einsums = tuple(change(e) if e.work == "mac" else e for e in workload.einsums)
    return msgspec.structs.replace(workload, einsums=einsums)


def one_channel(einsum: Einsum) -> Einsum:
    """Return a layer with one input and one output channel a group, as a depthwise layer has.

    There are as many groups as there were channels, the larger number of inputs' and outputs'.  A
    layer without the ranks G, M and C stays as it is.

    Examples
    --------
    >>> import onewatt as ow
    >>> conv = ow.load_workload("alexnet").einsums[0]
    >>> {name: n for name, n in one_channel(conv).sizes.items() if name in "GMC"}
    {'G': 96, 'M': 1, 'C': 1}
    """
    sizes = einsum.sizes
    if not {"G", "M", "C"} <= sizes.keys():
        return einsum
    changed = {"G": sizes["G"] * max(sizes["M"], sizes["C"]), "M": 1, "C": 1}
    ranks = tuple(Rank(name=r.name, size=changed.get(r.name, r.size)) for r in einsum.ranks)
    return msgspec.structs.replace(einsum, ranks=ranks)


def with_density(einsum: Einsum, density: float) -> Einsum:
    """Return a layer whose inputs have this density, with zeros anywhere; outputs are dense."""

    def of(tensor: Tensor, share: float) -> Tensor:
        return msgspec.structs.replace(tensor, density=share, zeros=None)

    inputs = tuple(of(t, density) for t in einsum.inputs)
    return msgspec.structs.replace(einsum, inputs=inputs, output=of(einsum.output, 1.0))
