"""Mappings as Timeloop writes them: its files, and its strings of one line."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.errors import MappingError
from onewatt.importers.timeloop.export import timeloop_mapping_yaml
from onewatt.importers.timeloop.load import load_timeloop
from onewatt.importers.timeloop.strings import read_mapping_string
from onewatt.spec.architecture import Architecture, Axis, Compute, Container, Memory, Technology
from onewatt.spec.mapping import Mapping, Spatial, Storage, Temporal
from onewatt.spec.workload import Einsum, Index, Rank, Tensor


def index(text):
    return Index.parse(text)


CHIP = Architecture(
    name="chip", clock=1e9, technology=Technology(node=4e-8),
    nodes=(
        Memory(name="DRAM", keeps=("Inputs", "Weights", "Outputs")),
        Memory(name="glb", may_keep=("Inputs", "Weights", "Outputs")),
        Container(name="rows", fanout=(Axis(name="row_Y", size=64),)),
        Container(name="grid", fanout=(Axis(name="X", size=64), Axis(name="Y", size=64))),
        Memory(name="spad", may_keep=("Inputs", "Weights", "Outputs")),
        Compute(name="mac"),
    ),
)  # fmt: skip


def cuts(draw, sizes, left, ranks, axis=None):
    """Loops over some ranks, each into tiles of whole inner tiles; cuts `left`."""
    nodes = []
    for rank in draw(st.permutations(ranks)):
        given, first = left[rank], left[rank] == sizes[rank]
        tiles = [t for t in range(1, given) if first or given % t == 0]
        if tiles and draw(st.booleans()):
            left[rank] = draw(st.sampled_from(tiles))
            spatial = {"rank": rank, "size": left[rank], "axis": axis}
            nodes.append(Spatial(**spatial) if axis else Temporal(rank=rank, size=left[rank]))
    return nodes


@st.composite
def layers_with_mappings(draw):
    """Layers and nests that Timeloop can say: tiles of whole tiles, one loop a rank and place."""
    sizes = {r: draw(st.integers(1, 40)) for r in "CMPR"}
    einsum = Einsum(
        name="layer", op="conv", ranks=tuple(Rank(name=r, size=n) for r, n in sizes.items()),
        inputs=(
            Tensor(name="Inputs", projection=(index("C"), index("2P+R"))),
            Tensor(name="Weights", projection=(index("C"), index("M"), index("R"))),
        ),
        output=Tensor(name="Outputs", projection=(index("M"), index("P"))),
    )  # fmt: skip
    left, every = dict(sizes), list(sizes)
    names = [t.name for t in einsum.tensors]
    nodes = [Storage(memory="DRAM", tensors=tuple(draw(st.permutations(names))))]
    nodes += cuts(draw, sizes, left, every)
    if kept := tuple(n for n in draw(st.permutations(names)) if draw(st.booleans())):
        nodes.append(Storage(memory="glb", tensors=kept))
        nodes += cuts(draw, sizes, left, every)
    nodes += (rows := cuts(draw, sizes, left, ["M", "P"], "row_Y"))
    before = dict(left)
    between = cuts(draw, sizes, left, every) if rows else []
    grid = cuts(draw, sizes, left, ["C"], "Y") + cuts(draw, sizes, left, ["M", "R"], "X")
    if grid:
        nodes += between + grid
    else:
        left = before
    nodes.append(Storage(memory="spad", tensors=tuple(draw(st.permutations(names)))[:2]))
    rest = [r for r in draw(st.permutations(every)) if left[r] > 1]
    return einsum, Mapping(nodes=(*nodes, *(Temporal(rank=r, size=1) for r in rest)))


@settings(max_examples=300, deadline=None)
@given(layers_with_mappings())
def test_an_exported_mapping_reads_back_to_itself(tmp_path_factory, drawn):
    einsum, mapping = drawn
    path = tmp_path_factory.mktemp("trip") / "map.yaml"
    path.write_text(timeloop_mapping_yaml(einsum, CHIP, mapping))
    assert load_timeloop(path, einsum=einsum, architecture=CHIP).mapping == mapping


def gemm(**sizes):
    return Einsum(
        name="gemm", op="gemm", ranks=tuple(Rank(name=r, size=n) for r, n in sizes.items()),
        inputs=(
            Tensor(name="Inputs", projection=(index("P"), index("C"))),
            Tensor(name="Weights", projection=(index("M"), index("C"))),
        ),
        output=Tensor(name="Outputs", projection=(index("P"), index("M"))),
    )  # fmt: skip


def test_an_imperfect_tile_is_written_with_its_remainder():
    mapping = Mapping.parse("DRAM[Inputs Weights Outputs] P/14 P/1@Y C/1@X spad[Outputs] M/1")
    written = yaml.safe_load(timeloop_mapping_yaml(gemm(P=55, C=4, M=2), CHIP, mapping))["mapping"]
    found = {(d["target"], d["type"]): d for d in written}
    assert "P=4" in found["DRAM", "temporal"]["factors"]
    assert "P=14,13" in found["grid", "spatial"]["factors"]
    assert found["grid", "spatial"]["permutation"][:2] == ["C", "P"]
    assert found["grid", "spatial"]["split"] == 1
    assert found["spad", "dataspace"]["bypass"] == ["Inputs", "Weights"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DRAM[Inputs Weights Outputs] P/14 P/4@Y P/1@X", "tiles of 4 of rank 'P' in tiles of 14"),
        ("DRAM[Inputs Weights Outputs] P/4 M/1 P/1 C/1", "two temporal loops of rank 'P'"),
        ("DRAM[Inputs Weights Outputs] C/1@X P/1 M/1", "loops over time between array 'grid'"),
        ("DRAM[Inputs Weights Outputs] P/4@X P/1@Y C/1@X M/1@X", "two spatial loops of rank 'P'"),
    ],
)  # fmt: skip
def test_what_timeloop_cannot_say_is_refused(text, message):
    with pytest.raises(MappingError, match=message):
        timeloop_mapping_yaml(gemm(P=56, C=4, M=2), CHIP, Mapping.parse(text))


def test_a_mapping_string_is_read():
    einsum = gemm(P=55, C=8, M=6)
    found = read_mapping_string("L2[WIO] P4 M3 - L1[] C2X P14,13Y - L0[W] C4 M2", einsum, CHIP)
    assert str(found) == (
        "DRAM[Weights Inputs Outputs] P/14 M/2 C/4@X P/1@row_Y spad[Weights] C/1 M/1"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("L1[WIO] P4", "found level L1 .* expected L2"),
        ("L2[WIO] P4 - L1[] M1", "ends at L1"),
        ("L2[WXO] - L1[] - L0[]", "unknown initial 'X'"),
        ("L2[WIO] K4 - L1[] - L0[]", "unknown rank 'K'"),
        ("L2[WIO] P4Z - L1[] - L0[]", "found 'P4Z'"),
        ("L2[WIO] P4X - L1[] - L0[]", "no such axis"),
        ("L2[WIO] P4 - L1[] - L0[]", "the factors of rank 'P' make 4; expected 8"),
        ("", "found '' in a mapping string"),
    ],
)
def test_what_is_no_mapping_string_is_refused(text, message):
    with pytest.raises(MappingError, match=message):
        read_mapping_string(text, gemm(P=8, C=1, M=1), CHIP)
