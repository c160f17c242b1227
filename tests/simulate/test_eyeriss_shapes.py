"""The running Eyeriss on the shapes of real networks: tall filters, depthwise, 1x1, long strides.

`test_eyeriss.py` draws small layers; here filters reach 12 by 12, and mappings are drawn from all
that the chip can hold, so that folding, stacking and queues are as in use.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import onewatt as ow
from onewatt.errors import MappingError
from onewatt.mapper.row_stationary_space import candidates
from onewatt.model.jssc17.counts import array_words, buffer_words, dram_words
from onewatt.model.jssc17.latency import latency
from onewatt.model.jssc17.limits import check_shape, fits
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, active_pes, passes
from onewatt.model.jssc17.shape import Shape
from onewatt.simulate import row_stationary
from onewatt.spec.row_stationary import RowStationary

MACHINE = Machine.of(ow.load_chip("eyeriss"))

#: Filters, strides, groups and batches as networks have them; sizes small enough to run at once.
SHAPES = {
    "alexnet conv1, 11x11 by 4": Shape("a", 2, 1, 9, 3, 9, 9, 11, 11, 4, 4),
    "alexnet conv2, 5x5 in two groups": Shape("b", 1, 2, 17, 5, 15, 6, 5, 5, 1, 1),
    "resnet stem, 7x7 by 2": Shape("c", 1, 1, 20, 3, 19, 8, 7, 7, 2, 2),
    "wider than the array": Shape("d", 1, 1, 5, 4, 45, 4, 3, 3, 1, 1),
    "the tallest filter": Shape("e", 2, 1, 4, 5, 6, 3, 12, 2, 3, 1),
    "a filter as wide as the ifmap spad": Shape("f", 1, 1, 5, 3, 5, 4, 1, 12, 1, 2),
    "depthwise": Shape("g", 2, 7, 1, 1, 16, 7, 3, 3, 1, 1),
    "depthwise by 2": Shape("h", 1, 6, 1, 1, 15, 6, 3, 3, 2, 2),
    "grouped": Shape("i", 2, 4, 6, 3, 7, 7, 3, 3, 1, 1),
    "pointwise": Shape("j", 2, 1, 30, 50, 5, 5, 1, 1, 1, 1),
    "pointwise by 2, rows that nobody reads": Shape("k", 1, 1, 12, 20, 6, 5, 1, 1, 2, 2),
    "matrix product, batch 1": Shape("l", 1, 1, 70, 90, 1, 1, 1, 1, 1, 1),
    "matrix product, batch 5": Shape("m", 5, 1, 33, 29, 1, 1, 1, 1, 1, 1),
    "a row of outputs": Shape("n", 1, 1, 6, 7, 1, 20, 1, 5, 1, 1),
    "a column of outputs": Shape("o", 3, 1, 6, 7, 20, 1, 5, 1, 1, 1),
}  # fmt: skip


def tensors(shape, seed):
    rng = np.random.default_rng(seed)
    height, width = (shape.E - 1) * shape.U + shape.R, (shape.F - 1) * shape.V + shape.S
    inputs = rng.integers(-500, 500, (shape.N, shape.G * shape.C, height, width))
    inputs[rng.random(inputs.shape) < 0.3] = 0
    return inputs, rng.integers(-500, 500, (shape.G * shape.M, shape.C, shape.R, shape.S))


def convolution(shape, inputs, weights):
    """All windows against all filters, group by group."""
    seen = np.lib.stride_tricks.sliding_window_view(inputs, (shape.R, shape.S), axis=(2, 3))
    seen = seen[:, :, :: shape.U, :: shape.V].reshape(
        shape.N, shape.G, shape.C, shape.E, shape.F, shape.R, shape.S
    )
    filters = weights.reshape(shape.G, shape.M, shape.C, shape.R, shape.S)
    return np.einsum("ngcefrs,gmcrs->ngmef", seen, filters).reshape(
        shape.N, shape.G * shape.M, shape.E, shape.F
    )


def agrees(shape, mapping, seed):
    """Run a layer and hold everything against the closed forms."""
    inputs, weights = tensors(shape, seed)
    run = row_stationary(inputs, weights, mapping, stride=(shape.U, shape.V), groups=shape.G)
    assert np.array_equal(run.output, convolution(shape, inputs, weights))
    grid, counts = Grid.of(mapping), run.counts
    buffer, dram, array = (f(shape, grid) for f in (buffer_words, dram_words, array_words))
    assert counts["GLB ifmap", "read"] == buffer.ifmap[0]
    assert counts["GLB psum", "update"] == buffer.psum_write[0]
    assert counts["GLB psum", "read"] == buffer.psum_read[0] - run.output.size
    assert counts["DRAM filter", "read"] == dram.filters[0]
    assert counts["DRAM ifmap", "read"] == dram.ifmap[0]
    assert counts["DRAM ofmap", "update"] == dram.ofmap[0]
    assert counts["filter spad", "fill"] == array.filters[0]
    assert counts["ifmap spad", "fill"] == array.ifmap[0]
    assert counts["psum spad", "drain"] == array.psum[0]
    assert counts["mac", "compute"] + counts["mac", "gated"] == shape.macs
    assert run.active_pes == active_pes(shape, grid)[0]
    assert run.passes == sum(int(part.times[0]) for part in passes(shape, grid))
    spent = latency(shape, MACHINE, grid)
    assert run.mac_cycles == spent.multiply[0]
    assert run.cycles >= max(run.mac_cycles, counts["GLB ifmap", "read"])


@pytest.mark.parametrize("name", SHAPES)
def test_counts_and_output_under_mappings_of_every_kind(name):
    """A dozen of all mappings of the space, the first and the last among them."""
    shape = SHAPES[name]
    grids = list(candidates(shape, MACHINE))
    grid = Grid(*(np.concatenate(columns) for columns in zip(*grids, strict=True)))
    for i in np.linspace(0, grid.e.size - 1, 12).astype(int):
        agrees(shape, grid.at(int(i)), seed=int(i))


@st.composite
def layers(draw):
    """A layer of any filter up to 12 by 12, groups and strides, and a mapping for it."""
    rows, columns = draw(st.integers(1, 20)), draw(st.integers(1, 5))
    shape = Shape(
        "drawn", N=draw(st.integers(1, 3)), G=draw(st.sampled_from([1, 1, 2, 3, 8])),
        M=draw(st.integers(1, 12)), C=draw(st.integers(1, 12)), E=rows, F=columns,
        R=draw(st.integers(1, 12)), S=draw(st.integers(1, 12)),
        U=draw(st.integers(1, 4)) if rows > 1 else 1,
        V=draw(st.integers(1, 4)) if columns > 1 else 1,
    )  # fmt: skip
    mapping = RowStationary(
        m=draw(st.integers(1, shape.M)), n=draw(st.integers(1, shape.N)),
        e=draw(st.integers(1, rows)), p=draw(st.integers(1, 6)),
        q=draw(st.integers(1, max(1, 12 // shape.S))), r=draw(st.integers(1, 12 // shape.R)),
        t=draw(st.integers(1, 4)),
    )  # fmt: skip
    return shape, mapping


@given(layers(), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_counts_and_output_of_any_filter(case, seed):
    shape, mapping = case
    assume(fits(shape, MACHINE, Grid.of(mapping))[0] and shape.macs < 200_000)
    agrees(shape, mapping, seed)


@pytest.mark.parametrize(
    ("shape", "limit"),
    [
        (Shape("tall", 1, 1, 1, 1, 2, 2, 13, 1, 1, 1), "13 rows of"),
        (Shape("wide", 1, 1, 1, 1, 2, 2, 1, 13, 1, 1), "13 words of"),
        (Shape("long", 1, 1, 1, 1, 1, 60000, 1, 1, 1, 1), "banks of the buffer"),
    ],
)
def test_what_the_chip_has_no_mapping_for_is_refused_by_model_and_machine(shape, limit):
    """jssc17: filters up to 12 rows are native."""
    with pytest.raises(MappingError, match=limit):
        check_shape(shape, MACHINE)
    with pytest.raises(MappingError, match=limit):
        row_stationary(*tensors(shape, 0), "m1 n1 e1 p1 q1 r1 t1")
