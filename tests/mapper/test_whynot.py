"""What does not fit is told which memory, rank or axis is to blame, and what would help."""

from __future__ import annotations

import re

import msgspec
import pytest

from chips_by_hand import tiny
from laws.nests import tensor
from layers_by_hand import conv, gemm, network
from onewatt.errors import InputError, MappingError
from onewatt.mapper.search import search
from onewatt.mapper.whynot import why_not
from onewatt.spec.architecture import Dataflow, Limit, Share
from onewatt.spec.workload import Einsum, Rank

PLACES = ("DRAM", "GLB", "Spad", "Y", "X")


def row(p, r, stride):
    """Return a convolution of one row with one filter."""
    return Einsum(
        name="row", op="conv", ranks=(Rank(name="P", size=p), Rank(name="R", size=r)),
        inputs=(tensor("Inputs", f"{stride}P+R"), tensor("Weights", "R")),
        output=tensor("Outputs", "P"),
    )  # fmt: skip


def allowed(**where):
    """Return the tiny chip where loops over C go only to the places given."""
    limits = tuple(
        Limit(where=place, ranks=("M", "P", *(("C",) if place in where.get("c", ()) else ())))
        for place in PLACES
    )
    return tiny(dataflow=Dataflow(name="odd", limits=limits))


def test_a_memory_that_is_too_small_says_by_how_much():
    chip = tiny(spad_bits=8)
    said = why_not(conv(), chip)
    assert said == (
        "'Spad' holds 3 B and one word of each tensor needs 6 B: 2 times the capacity, or a "
        "bypass, would help"
    )
    with pytest.raises(MappingError, match=re.escape(said)):
        search(network(conv()), chip)


def test_a_tile_that_cannot_be_cut_outside_is_named():
    limits = (Limit(where="DRAM", ranks=("P", "M")),)
    chip = tiny(buffer_bits=96, dataflow=Dataflow(name="odd", limits=limits))
    said = why_not(gemm(m=4, c=12, p=4), chip)
    assert said.startswith("'GLB' holds 12 B and a tile of C 12 needs 26 B: 2.17 times")


def test_a_partition_that_is_too_small_names_the_tensor():
    chip = tiny()
    parts = tuple(Share(tensor=t, capacity=n) for t, n in (("Inputs", 64), ("Outputs", 8)))
    nodes = tuple(
        msgspec.structs.replace(n, capacity=None, partition=parts) if n.name == "Spad" else n
        for n in chip.nodes
    )
    chip = msgspec.structs.replace(chip, nodes=nodes)
    said = "'Spad' holds 1 B for Outputs and one word needs 2 B: 2 times the capacity"
    assert why_not(gemm(), chip).startswith(said)
    with pytest.raises(MappingError, match=re.escape(said)):
        search(network(gemm()), chip)


def test_one_tensor_of_a_memory_is_named():
    chip = tiny(spad_bits=4)
    nodes = tuple(
        msgspec.structs.replace(n, keeps=("Outputs",)) if n.name == "Spad" else n
        for n in chip.nodes
    )  # fmt: skip
    said = why_not(gemm(), msgspec.structs.replace(chip, nodes=nodes))
    assert "and one word of Outputs needs" in said


def test_gaps_of_a_strided_window_need_no_room():
    """Of a row of 4 outputs at stride 3 and 2 taps, 8 words are needed, not the 11 they span."""
    limits = (Limit(where="DRAM", ranks=("M", "C")), Limit(where="GLB", ranks=("P", "R")))
    layer = row(p=4, r=2, stride=3)
    least = (8 + 4) * 16  # of Inputs and Outputs
    flow = Dataflow(name="odd", limits=limits)
    said = "'GLB' holds 22 B and a tile of P 4, R 2 needs 24 B"
    assert why_not(layer, tiny(buffer_bits=least - 16, dataflow=flow)).startswith(said)
    with pytest.raises(MappingError, match=re.escape(said)):
        search(network(layer), tiny(buffer_bits=least - 16, dataflow=flow))
    assert search(network(layer), tiny(buffer_bits=least, dataflow=flow)).layers[0].mapping


def test_ranks_that_share_an_axis_are_named_together():
    limits = tuple(
        Limit(where=place, ranks=("P", *(("M", "C") if place == "Y" else ()))) for place in PLACES
    )
    chip = tiny(dataflow=Dataflow(name="odd", limits=limits))
    said = "ranks 'M' of 2 and 'C' of 2 may loop only on axis 'Y' (2), which needs 4 instances"
    assert said in why_not(gemm(m=2, c=2), chip)
    with pytest.raises(MappingError, match=re.escape(said)):
        search(network(gemm(m=2, c=2)), chip)
    assert search(network(gemm(m=2, c=1)), chip).layers[0].optimal


def test_a_limit_on_a_rank_that_nothing_has_is_named():
    for limit in (Limit(where="Y", ranks=("Mx",)), Limit(where="GLB", order=("P", "Mx"))):
        chip = tiny(dataflow=Dataflow(name="odd", limits=(limit,)))
        with pytest.raises(
            InputError,
            match=f"'odd', limit at '{limit.where}': unknown rank 'Mx'. Did you mean 'M'",
        ):
            search(network(gemm()), chip)


def test_a_rank_that_may_loop_nowhere_is_named():
    chip = allowed()
    said = "the dataflow lets rank 'C' loop nowhere: allow it at a memory or an axis"
    assert said in why_not(gemm(), chip)
    with pytest.raises(MappingError, match=f"'gemm' does not fit chip 'tiny': .*{said}"):
        search(network(gemm()), chip)


def test_an_axis_that_is_too_short_is_named():
    chip = allowed(c=("Y",))
    said = "rank 'C' of 12 may loop only on axis 'Y' (2): allow it at a memory"
    assert said in why_not(gemm(), chip)
    with pytest.raises(MappingError, match=re.escape(said)):
        search(network(gemm()), chip)
    assert search(network(gemm(c=2)), chip).layers[0].optimal


def test_what_fits_has_nobody_to_blame():
    assert why_not(gemm(), tiny()).startswith("no single memory or axis is to blame")
