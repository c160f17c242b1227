"""What a mapping asks of an array with a DMA engine, against loops that count it one by one."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.model.dma_latency import GEMMINI, Coefficients, TileWork, tile_cycles, tile_work
from onewatt.spec.architecture import (
    Architecture,
    Axis,
    Compute,
    Container,
    Memory,
    Technology,
)
from onewatt.spec.mapping import Mapping, Storage, Temporal
from onewatt.spec.workload import Einsum, Index, Rank, Tensor, Term

SIDE = 4
TENSORS = ("Inputs", "Weights", "Outputs")


def chip():
    return Architecture(
        name="array", clock=1e9, technology=Technology(node=40e-9),
        nodes=(
            Memory(name="DRAM", keeps=TENSORS), Memory(name="spad", keeps=("Inputs", "Weights")),
            Container(name="columns", fanout=(Axis(name="X", size=SIDE),)),
            Memory(name="acc", keeps=("Outputs",)),
            Container(name="rows", fanout=(Axis(name="Y", size=SIDE),)),
            Compute(name="mac"),
        ),
    )  # fmt: skip


def conv(sizes, stride):
    def plain(*ranks):
        return tuple(Index(terms=(Term(rank=r),)) for r in ranks)

    def window(out, tap):
        return Index(terms=(Term(rank=out, coefficient=stride), Term(rank=tap)))

    return Einsum(
        name="l", op="conv", ranks=tuple(Rank(name=r, size=n) for r, n in sizes.items()),
        inputs=(
            Tensor(name="Inputs", projection=(*plain("C"), window("P", "R"), window("Q", "S"))),
            Tensor(name="Weights", projection=plain("K", "C", "R", "S")),
        ),
        output=Tensor(name="Outputs", projection=plain("K", "P", "Q")),
    )  # fmt: skip


def tiled(order, sizes, tiles):
    loops = [Temporal(rank=r, size=tiles[r]) for r in order if tiles[r] < sizes[r]]
    inner = [Temporal(rank=r, size=1) for r in order]
    return Mapping(
        nodes=(Storage(memory="DRAM", tensors=TENSORS), *loops,
               Storage(memory="spad", tensors=("Inputs", "Weights")),
               Storage(memory="acc", tensors=("Outputs",)), *inner)
    )  # fmt: skip


def pieces(n):
    """Cut 0..n-1 into pieces of at most the array's height, one by one."""
    cut, left = 0, n
    while left > 0:
        cut, left = cut + 1, left - SIDE
    return cut


def walk(order, sizes, tiles, stride):
    """Step through the tiles and count beats, fills, rows and short bursts by hand."""
    steps = [r for r in order if tiles[r] < sizes[r]]
    counts = dict.fromkeys(TileWork._fields, 0.0)
    stored = None
    c, k, p, q, r, s = (tiles[x] for x in "CKPQRS")
    for at in itertools.product(*(range(sizes[x] // tiles[x]) for x in steps)):
        counts["tiles"] += 1
        for _y in range(stride * (q - 1) + s):
            for _x in range(stride * (p - 1) + r):
                counts["inputs_beats"] += pieces(c)
                counts["inputs_short"] += c < SIDE
        for _tap in range(c * r * s):
            counts["weights_beats"] += pieces(k)
        for _block in range(pieces(c) * pieces(k) * r * s):
            for _line in range(q):
                counts["fills"] += pieces(p)
                counts["rows"] += p
        key = tuple(i for x, i in zip(steps, at, strict=True) if x in "KPQ")
        if key != stored:
            stored = key
            for _place in range(p * q):
                counts["outputs_beats"] += pieces(k)
                counts["outputs_short"] += k < SIDE
    return counts


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_work_of_a_mapping_is_what_its_tiles_do(data):
    tiles = {r: data.draw(st.integers(1, 6)) for r in "CKPQ"} | {
        r: data.draw(st.integers(1, 3)) for r in "RS"
    }
    sizes = {r: n * data.draw(st.integers(1, 3)) for r, n in tiles.items()}
    order = data.draw(st.permutations("CKPQRS"))
    stride = data.draw(st.integers(1, 2))
    work = tile_work(conv(sizes, stride), chip(), tiled(order, sizes, tiles))
    assert work._asdict() == walk(order, sizes, tiles, stride)


WORK = TileWork(10, 1000.0, 100.0, 300.0, 200.0, 50.0, 0.0, 10.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 50), min_size=7, max_size=7), st.floats(0, 1))
def test_cycles_lie_between_hiding_everything_and_hiding_nothing(cycles, exposed):
    """And against a machine that takes turns tile by tile with the share that is not hidden."""
    c = math.fsum(n * x for n, x in zip(WORK.computing, cycles, strict=True))
    d = math.fsum(n * x for n, x in zip(WORK.moving, cycles, strict=True))
    found = tile_cycles(WORK, Coefficients(tuple(cycles), exposed))
    assert max(c, d) * (1 - 1e-12) <= found <= (c + d) * (1 + 1e-12)
    short, time = min(c, d) / WORK.tiles, 0.0
    for tile in range(WORK.tiles):
        time += max(c, d) / WORK.tiles + (short if tile == 0 else exposed * short)
    assert found == pytest.approx(time)


def test_more_of_anything_never_takes_less():
    base = tile_cycles(WORK, GEMMINI)
    for field in WORK._fields[1:]:
        more = WORK._replace(**{field: getattr(WORK, field) + 100})
        assert tile_cycles(more, GEMMINI) >= base
