"""Delivery through arrays within arrays: every mode equals the literal machine."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laws.nests import einsums, literal_nodes
from laws.test_kernel import projections
from layers_by_hand import gemm
from onewatt.errors import InputError
from onewatt.model.counts import count
from onewatt.model.delivery import edge
from onewatt.model.nest import lower
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
from oracle import Machine, Sharing

EVERY = ("Inputs", "Weights", "Outputs")
ARRAYS = (("CY", "CX"), ("Y", "X"))
AXES = ("CY", "CX", "Y", "X")
MODES = ("unicast", "multicast", "broadcast", "grouped", "interleaved")


def chip(delivery, axes, arrays=ARRAYS):
    networks = tuple(
        Network(name=f"net_{t}", tensors=(t,), source="GLB", delivery=delivery, axes=axes)
        for t in ("Inputs", "Weights")
    )
    containers = tuple(
        Container(name=f"array{i}", fanout=tuple(Axis(name=a, size=4) for a in names))
        for i, names in enumerate(arrays)
    )
    return Architecture(
        name="clusters", clock=1e9, technology=Technology(node=65e-9),
        nodes=(Memory(name="DRAM", keeps=EVERY), Memory(name="GLB", may_keep=EVERY), *networks,
               *containers, Memory(name="Spad", may_keep=EVERY), Compute(name="MAC")),
    )  # fmt: skip


@st.composite
def clustered_mappings(draw, einsum):
    """Everything in a buffer, ranks spread over the four axes outermost first, then in a PE."""
    left = einsum.sizes
    nodes = [Storage(memory="DRAM", tensors=EVERY), Storage(memory="GLB", tensors=EVERY)]
    for axis in (None, *AXES, None):
        rank = draw(st.sampled_from(sorted(left)))
        size = draw(st.integers(1, left[rank]))
        if axis is None:
            nodes.append(Temporal(rank=rank, size=size))
        elif -(-left[rank] // size) <= 4:
            nodes.append(Spatial(rank=rank, size=size, axis=axis))
        else:
            continue
        left[rank] = size
    if draw(st.booleans()):
        nodes.append(Storage(memory="Spad", tensors=EVERY))
    nodes += [Temporal(rank=r, size=1) for r, n in left.items() if n > 1]
    return Mapping(nodes=tuple(nodes))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_reads_of_every_mode_equal_the_literal_machine(data):
    einsum = data.draw(einsums())
    mapping = data.draw(clustered_mappings(einsum))
    mode = data.draw(st.sampled_from(MODES))
    axes = tuple(a for a in AXES if data.draw(st.booleans()))
    innermost = "Spad" if any(n == Storage(memory="Spad", tensors=EVERY) for n in mapping.nodes) \
        else "compute"  # fmt: skip
    sharing = Sharing(mode, ARRAYS, axes or AXES)
    share = {(innermost, t): sharing for t in ("Inputs", "Weights")}
    # without a network on the way, sums are added for nothing
    share |= {(innermost, "Outputs"): frozenset(AXES)}
    literal = Machine(einsum.sizes, projections(einsum), literal_nodes(mapping), share).run()
    counts = count(einsum, chip(mode, axes), lower(einsum, mapping))
    for row in counts.traffic:
        if row.level == "GLB" and row.action == "read":
            assert row.words == literal["GLB", row.tensor, "read"], (mode, axes, row)


def reads(mode, mapping, einsum):
    """Reads of weights at the buffer."""
    counts = count(einsum, chip(mode, ()), lower(einsum, mapping))
    served = ("GLB", "Weights", "read")
    return next(t.words for t in counts.traffic if (t.level, t.tensor, t.action) == served)


def test_a_group_and_an_interleaved_set_are_what_the_paper_draws():
    """Four clusters of four PEs; all PEs want the same weights (jetcas19, Fig. 8)."""
    einsum = gemm(p=16, c=2, m=3)
    mapping = Mapping(
        nodes=(
            Storage(memory="DRAM", tensors=EVERY),
            Storage(memory="GLB", tensors=EVERY),
            Spatial(rank="P", size=4, axis="CY"),
            Spatial(rank="P", size=1, axis="Y"),
            Storage(memory="Spad", tensors=EVERY),
            Temporal(rank="C", size=1),
            Temporal(rank="M", size=1),
        )
    )
    found = {mode: reads(mode, mapping, einsum) for mode in MODES}
    # 16 PEs: a copy for each; one for all; one for each of four clusters or places
    assert found == {
        "unicast": 16 * 6, "multicast": 6, "broadcast": 6, "grouped": 4 * 6, "interleaved": 4 * 6,
    }  # fmt: skip


def test_one_array_has_no_groups():
    for mode in ("grouped", "interleaved"):
        with pytest.raises(InputError, match=rf"{mode} delivery with 1 array behind its source"):
            chip(mode, (), arrays=(("Y", "X"),))


def test_sums_are_added_along_the_axes_of_their_network():
    network = Network(name="up", tensors=("Outputs",), source="GLB", axes=("CY", "Y"),
                      delivery="unicast", reduces=True)  # fmt: skip
    nodes = tuple(n for n in chip("multicast", ()).nodes if not isinstance(n, Network))
    made = Architecture(
        name="columns", clock=1e9, technology=Technology(node=65e-9),
        nodes=(*nodes[:2], network, *nodes[2:]),
    )  # fmt: skip
    assert edge(made, "Outputs", "GLB", "Spad", output=True).shared == {"CY", "Y"}
