"""What does not fit is told which memory, rank or axis is to blame, and what would help."""

from __future__ import annotations

import re

import pytest

from chips_by_hand import tiny
from layers_by_hand import conv, gemm, network
from onewatt.errors import MappingError
from onewatt.mapper.search import search
from onewatt.mapper.whynot import why_not
from onewatt.spec.architecture import Dataflow, Limit

PLACES = ("DRAM", "GLB", "Spad", "Y", "X")


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
