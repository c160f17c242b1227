"""The loop nest of a row-stationary mapping, for the reports and for the literal reading."""

from __future__ import annotations

from onewatt.errors import MappingError
from onewatt.model.jssc17.machine import Machine
from onewatt.spec.architecture import Architecture
from onewatt.spec.mapping import Mapping, Node, Spatial, Storage, Temporal
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum


def loop_nest(einsum: Einsum, architecture: Architecture, mapping: RowStationary) -> Mapping:
    """Return the loops that a row-stationary mapping stands for.

    Parameters
    ----------
    einsum : Einsum
        The layer, with the ranks of docs/nomenclature.md.
    architecture : Architecture
        A chip built like Eyeriss.
    mapping : RowStationary
        The seven parameters.

    Returns
    -------
    Mapping
        The loop nest.

    Raises
    ------
    MappingError
        If the layer has other ranks than N, G, M, C, P, Q, R and S.

    Examples
    --------
    >>> import onewatt as ow
    >>> conv1 = ow.load_workload("alexnet", batch=4).einsums[0]
    >>> mapping = RowStationary.parse("m96 n1 e7 p16 q1 r1 t2")
    >>> print(loop_nest(conv1, ow.load_chip("eyeriss"), mapping))
    DRAM[Inputs Weights Outputs] G/1 N/1 P/7 M/96 C/1 GLB[Inputs Outputs] M/32 N/1 Q/1 P/7@Y C/1@Y
    M/32@Y R/1@Y M/16@X P/1@X filter_spad[Weights] ifmap_spad[Inputs] psum_spad[Outputs] M/1 C/1 S/1
    """
    sizes = einsum.sizes
    for rank, size in sizes.items():
        if rank not in set("NGMCPQRS") and size > 1:
            raise MappingError(
                f"layer {einsum.name!r} has rank {rank!r}; expected N, G, M, C, P, Q, R and S"
            )
    machine, m = Machine.of(architecture), mapping
    tall, wide = _axes(architecture)
    segments = -(-m.e // machine.columns)
    width = -(-m.e // segments)
    beside = min(m.t, machine.columns // width)
    stacked = -(-m.t // beside)
    filters = m.p * m.t
    names = machine.memories
    nodes: list[Node] = [
        Storage(memory=names["DRAM"], tensors=(INPUTS, WEIGHTS, OUTPUTS)),
        *_times("G", 1), *_times("N", m.n), *_times("P", m.e), *_times("M", m.m),
        *_times("C", m.q * m.r),
        Storage(memory=names["buffer"], tensors=(INPUTS, OUTPUTS)),
        *_times("M", filters), *_times("N", 1), *_times("Q", 1),
        Spatial(rank="P", size=width, axis=tall), Spatial(rank="C", size=m.q, axis=tall),
        Spatial(rank="M", size=-(-filters // stacked), axis=tall),
        Spatial(rank="R", size=1, axis=tall), Spatial(rank="M", size=m.p, axis=wide),
        Spatial(rank="P", size=1, axis=wide),
        *(Storage(memory=names[t], tensors=(t,)) for t in (WEIGHTS, INPUTS, OUTPUTS)),
        *_times("M", 1), *_times("C", 1), *_times("S", 1),
    ]  # fmt: skip
    kept = (n for n in nodes if isinstance(n, Storage) or n.rank in sizes)
    return Mapping(nodes=tuple(kept))


def _times(rank: str, size: int) -> tuple[Temporal, ...]:
    return (Temporal(rank=rank, size=size),)


def _axes(architecture: Architecture) -> tuple[str, str]:
    """Return the axis along which sums are added, and the other."""
    column = next(n for n in architecture.networks if n.reduces and len(n.axes) == 1)
    other = next(a.name for a in architecture.axes if a.name not in column.axes)
    return column.axes[0], other
