"""Random small nests, for the oracle and for the kernel."""

from __future__ import annotations

from hypothesis import strategies as st

from onewatt.spec.architecture import (
    Architecture,
    Axis,
    Compute,
    Container,
    Memory,
    Network,
    Technology,
)
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


def literal_nodes(mapping):
    """The nodes as the oracle takes them."""
    nodes = []
    for node in mapping.nodes:
        if isinstance(node, Storage):
            nodes.append(("M", node.memory, set(node.tensors)))
        elif isinstance(node, Temporal):
            nodes.append(("T", node.rank, node.size))
        else:
            nodes.append(("S", node.rank, node.size, node.axis))
    return nodes


@st.composite
def placed_mappings(draw, einsum):
    """A nest for `architectures`: spatial loops only where the chip has its array."""
    left, names = einsum.sizes, [t.name for t in einsum.tensors]
    nodes = [Storage(memory="DRAM", tensors=tuple(names))]

    def loops(most, spatial):
        for _ in range(draw(st.integers(0, most))):
            rank = draw(st.sampled_from(sorted(left)))
            size = draw(st.integers(1, left[rank]))
            if spatial and draw(st.booleans()):
                nodes.append(Spatial(rank=rank, size=size, axis=draw(st.sampled_from(AXES))))
            else:
                nodes.append(Temporal(rank=rank, size=size))
            left[rank] = size

    def storage(memory):
        kept = tuple(n for n in names if draw(st.booleans()))
        if kept:
            nodes.append(Storage(memory=memory, tensors=kept))

    loops(3, False)
    storage("GLB")
    loops(4, True)
    storage("Spad")
    loops(3, False)
    rest = draw(st.permutations([r for r, n in left.items() if n > 1]))
    nodes.extend(Temporal(rank=r, size=1) for r in rest)
    return Mapping(nodes=tuple(nodes))


@st.composite
def architectures(draw, axis_size=64):
    """A chip with a buffer, an array with any networks, a scratchpad and a MAC."""
    every = ("Inputs", "Weights", "Outputs")
    networks = tuple(
        Network(
            name=f"net_{tensor}", tensors=(tensor,),
            delivery=draw(st.sampled_from(["unicast", "multicast"])),
            axes=tuple(draw(st.sets(st.sampled_from(AXES), min_size=1))),
            reduces=tensor == "Outputs" and draw(st.booleans()),
            forwards=tensor != "Outputs" and draw(st.booleans()),
        )
        for tensor in every if draw(st.booleans())
    )  # fmt: skip
    return Architecture(
        name="random", clock=1e9, technology=Technology(node=65e-9),
        nodes=(
            Memory(name="DRAM", keeps=every), Memory(name="GLB", may_keep=every), *networks,
            Container(name="PE", fanout=tuple(Axis(name=a, size=axis_size) for a in AXES)),
            Memory(name="Spad", may_keep=every), Compute(name="MAC"),
        ),
    )  # fmt: skip
