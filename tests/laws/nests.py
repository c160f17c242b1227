"""Random small nests, for the oracle and for the kernel."""

from __future__ import annotations

from hypothesis import strategies as st

from onewatt.spec.mapping import Mapping, Spatial, Storage, Temporal
from onewatt.spec.workload import Einsum, Index, Rank, Tensor

AXES = ("X", "Y")


def tensor(name, *dims):
    return Tensor(name=name, projection=tuple(Index.parse(d) for d in dims))


def shape(kind, stride, dilation):
    """Projections of an operation: inputs, weights, outputs."""
    p = f"{stride}P+{dilation}R"
    return {
        "conv": (("C", p), ("M", "C", "R"), ("M", "P")),
        "depthwise": (("G", p), ("G", "R"), ("G", "P")),
        "gemm": (("P", "C"), ("M", "C"), ("P", "M")),
        "transposed": (("C", "P"), ("C", "M", "R"), ("M", p)),
        "plane": ((p, f"{stride}Q+S"), ("R", "S"), ("P", "Q")),
    }[kind]


@st.composite
def einsums(draw):
    kind = draw(st.sampled_from(["conv", "depthwise", "gemm", "transposed", "plane"]))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    i, w, o = shape(kind, stride, dilation)
    names = sorted({t.rank for d in (*i, *w, *o) for t in Index.parse(d).terms})
    ranks = tuple(Rank(name=n, size=draw(st.integers(1, 5))) for n in names)
    return Einsum(
        name="layer", op=kind, ranks=ranks,
        inputs=(tensor("Inputs", *i), tensor("Weights", *w)), output=tensor("Outputs", *o),
    )  # fmt: skip


@st.composite
def mappings(draw, einsum, memories=("DRAM", "GLB", "Spad")):
    """A complete nest with any order, imperfect tiles, spatial loops anywhere and bypasses."""
    left = einsum.sizes
    names = [t.name for t in einsum.tensors]
    nodes = [Storage(memory=memories[0], tensors=tuple(names))]
    for memory in (*memories[1:], None):
        for _ in range(draw(st.integers(0, 4))):
            rank = draw(st.sampled_from(sorted(left)))
            size = draw(st.integers(1, left[rank]))
            if draw(st.booleans()):
                nodes.append(Temporal(rank=rank, size=size))
            else:
                nodes.append(Spatial(rank=rank, size=size, axis=draw(st.sampled_from(AXES))))
            left[rank] = size
        if memory is not None:
            kept = tuple(n for n in names if draw(st.booleans()))
            if kept:
                nodes.append(Storage(memory=memory, tensors=kept))
    rest = draw(st.permutations([r for r, n in left.items() if n > 1]))
    nodes += [Temporal(rank=r, size=1) for r in rest]
    return Mapping(nodes=tuple(nodes))
