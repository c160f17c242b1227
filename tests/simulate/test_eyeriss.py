"""Eyeriss, running: against a literal array, a reference convolution and the model of its paper."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import onewatt as ow
from onewatt.errors import InputError, MappingError
from onewatt.model.jssc17.counts import array_words, buffer_words, dram_words
from onewatt.model.jssc17.latency import latency
from onewatt.model.jssc17.limits import fits
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, active_pes, passes
from onewatt.model.jssc17.shape import Shape
from onewatt.simulate import EyerissArray, Window, row_stationary, trace_csv
from onewatt.simulate.eyeriss.layout import Layer, limits
from onewatt.spec.row_stationary import RowStationary
from simulate.eyeriss_oracle import oracle

MACHINE = Machine.of(ow.load_chip("eyeriss"))
ARRAY = EyerissArray()


def reference(inputs, weights, stride, groups):
    """A convolution by shifted products of whole planes."""
    (U, V), (many, own, R, S) = stride, weights.shape
    _, _, H, W = inputs.shape
    E, F = (H - R) // U + 1, (W - S) // V + 1
    output = np.zeros((len(inputs), many, E, F), np.int64)
    each = many // groups
    for g in range(groups):
        x, w = inputs[:, g * own : (g + 1) * own], weights[g * each : (g + 1) * each]
        for r in range(R):
            for s in range(S):
                seen = x[:, :, r : r + (E - 1) * U + 1 : U, s : s + (F - 1) * V + 1 : V]
                output[:, g * each : (g + 1) * each] += np.tensordot(
                    seen, w[:, :, r, s], axes=([1], [1])
                ).transpose(0, 3, 1, 2)
    return output


shapes = st.builds(
    Layer, N=st.integers(1, 3), G=st.integers(1, 2), M=st.integers(1, 7), C=st.integers(1, 7),
    E=st.integers(1, 16), F=st.integers(1, 5), R=st.integers(1, 4), S=st.integers(1, 4),
    U=st.integers(1, 5), V=st.integers(1, 5), H=st.integers(0, 2), W=st.integers(0, 2),
)  # fmt: skip


@st.composite
def cases(draw):
    """Return a layer that may have rows and columns that no window reaches, and a mapping."""
    raw = draw(shapes)
    u, v = raw.U if raw.E > 1 else 1, raw.V if raw.F > 1 else 1
    layer = raw._replace(
        U=u, V=v, H=(raw.E - 1) * u + raw.R + min(raw.H, u - 1),
        W=(raw.F - 1) * v + raw.S + min(raw.W, v - 1),
    )  # fmt: skip
    mapping = RowStationary(
        m=draw(st.integers(1, layer.M)), n=draw(st.integers(1, layer.N)),
        e=draw(st.integers(1, layer.E)), p=draw(st.integers(1, 4)), q=draw(st.integers(1, 4)),
        r=draw(st.integers(1, 3)), t=draw(st.integers(1, 4)),
    )  # fmt: skip
    return layer, mapping


def grids(layer, mapping):
    """Return the layer and the mapping as the model knows them."""
    shape = Shape("layer", *layer[:10])
    return shape, Grid.of(mapping)


def tensors(layer, seed, zeros=0.4):
    rng = np.random.default_rng(seed)
    inputs = rng.integers(-900, 900, (layer.N, layer.G * layer.C, layer.H, layer.W))
    inputs[rng.random(inputs.shape) < zeros] = 0
    return inputs, rng.integers(-900, 900, (layer.G * layer.M, layer.C, layer.R, layer.S))


def run_case(layer, mapping, inputs, weights, **options):
    return row_stationary(
        inputs, weights, mapping, stride=(layer.U, layer.V), groups=layer.G, **options
    )


@given(cases())
@settings(max_examples=300, deadline=None)
def test_the_machine_refuses_what_the_model_refuses(case):
    layer, mapping = case
    shape, grid = grids(layer, mapping)
    able = all(x.needed <= x.available for x in limits(layer, mapping, ARRAY))
    assert able == fits(shape, MACHINE, grid)[0]


@given(cases(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_output_and_counts_are_those_of_the_literal_array(case, seed):
    layer, mapping = case
    assume(all(x.needed <= x.available for x in limits(layer, mapping, ARRAY)))
    assume(layer.N * layer.G * layer.M * layer.C * layer.E * layer.F * layer.R * layer.S < 60_000)
    inputs, weights = tensors(layer, seed)
    run = run_case(layer, mapping, inputs, weights)
    wanted = oracle(inputs, weights, mapping, (layer.U, layer.V), layer.G)
    assert {tuple(map(int, at)): int(v) for at, v in np.ndenumerate(run.output)} == wanted.output
    assert {k: v for k, v in run.counts.items() if v} == {
        k: v for k, v in wanted.counts.items() if v
    }


@given(cases(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_counts_are_those_of_the_model(case, seed):
    """The first read of a sum aside, which the paper counts and no machine does."""
    layer, mapping = case
    shape, grid = grids(layer, mapping)
    assume(fits(shape, MACHINE, grid)[0])
    inputs, weights = tensors(layer, seed)
    run = run_case(layer, mapping, inputs, weights)
    buffer, dram, array = (f(shape, grid) for f in (buffer_words, dram_words, array_words))
    assert np.array_equal(run.output, reference(inputs, weights, (layer.U, layer.V), layer.G))
    counts = run.counts
    assert counts["GLB ifmap", "read"] == buffer.ifmap[0]
    assert counts["GLB psum", "update"] == buffer.psum_write[0]
    assert counts["GLB psum", "read"] == buffer.psum_read[0] - run.output.size
    assert counts["DRAM filter", "read"] == dram.filters[0]
    assert counts["DRAM ifmap", "read"] == counts["GLB ifmap", "fill"] == dram.ifmap[0]
    assert counts["DRAM ofmap", "update"] == counts["GLB psum", "drain"] == dram.ofmap[0]
    assert counts["GIN filter", "hop"] == counts["filter spad", "fill"] == array.filters[0]
    assert counts["GIN ifmap", "hop"] == counts["ifmap spad", "fill"] == array.ifmap[0]
    assert counts["column", "hop"] == counts["psum spad", "drain"] == array.psum[0]
    assert counts["ifmap spad", "read"] == shape.macs
    assert counts["mac", "compute"] + counts["mac", "gated"] == shape.macs
    for spad in (("filter spad", "read"), ("psum spad", "read"), ("psum spad", "update")):
        assert counts[spad] == counts["mac", "compute"]
    assert run.active_pes == active_pes(shape, grid)[0]
    assert run.passes == sum(int(part.times[0]) for part in passes(shape, grid))


@given(cases(), st.integers(0, 2**32))
@example(
    (Layer(1, 1, 6, 6, 4, 3, 1, 1, 1, 1, 4, 3), RowStationary.parse("m6 n1 e4 p2 q1 r1 t3")), 0
)
@settings(max_examples=150, deadline=None)
def test_time_is_that_of_the_model_and_the_filling_of_pipelines(case, seed):
    """The model leaves out the way up a column, first words and words that do not fill a bus."""
    layer, mapping = case
    shape, grid = grids(layer, mapping)
    assume(fits(shape, MACHINE, grid)[0])
    run = run_case(layer, mapping, *tensors(layer, seed))
    spent = latency(shape, MACHINE, grid)
    assert run.mac_cycles == spent.multiply[0]
    rows = (mapping.e - 1) * min(layer.U, layer.R) + layer.R
    sums = mapping.p * mapping.t * mapping.e / MACHINE.psum_bus
    image = mapping.p + layer.R * mapping.r + rows * mapping.r * mapping.q + sums + 4
    slack = run.passes * (mapping.n * image + 4)
    assert abs(run.cycles - float(spent.processing[0])) <= slack
    # the machine's first filters come while nothing works, the others after the load before them
    words = min(mapping.p * mapping.t, layer.M) * min(mapping.q * mapping.r, layer.C)
    words *= layer.R * layer.S
    first, load = words / MACHINE.link, words / MACHINE.filter_bus
    late = run.total_cycles - float(spent.total[0])
    assert -slack <= late <= 2 * slack + first + run.passes * (load + 4)
    assert run.cycles >= max(run.mac_cycles, run.counts["GLB ifmap", "read"])
    # sums of a pass leave while the array waits for the strips of the next one
    assert run.total_cycles >= run.counts["GLB psum", "update"] / MACHINE.psum_bus


def test_alexnet_conv5_takes_the_time_of_the_model():
    """75 M MACs (two groups): within 1 % of the closed form, output bit for bit."""
    layer = Layer(N=1, G=2, M=128, C=192, E=13, F=13, R=3, S=3, U=1, V=1, H=15, W=15)
    mapping = RowStationary.parse("m64 n1 e13 p16 q3 r2 t2")
    inputs, weights = tensors(layer, 5, zeros=0.776)
    run = run_case(layer, mapping, inputs, weights)
    assert np.array_equal(run.output, reference(inputs, weights, (1, 1), 2))
    shape, grid = grids(layer, mapping)
    model = float(latency(shape, MACHINE, grid).processing[0])
    assert model <= run.cycles <= 1.01 * model
    assert run.active_pes == 156  # jssc17, Table V
    assert run.gated == pytest.approx(0.776, abs=0.005)


def test_a_small_layer_by_hand():
    """Nine filter words in 8 link cycles, nine inputs in 8 more; 3 cycles to load, 9 for the bus,
    one for the last tap, 3 up the column, one out of the array; one over the link."""
    run = row_stationary(
        np.arange(9).reshape(1, 1, 3, 3), np.ones((1, 1, 3, 3), int), "m1 n1 e1 p1 q1 r1 t1"
    )
    assert run.output.item() == 36
    assert run.cycles == 3 + 9 + 1 + 3 + 1
    assert run.total_cycles == 8 + 8 + run.cycles + 1
    assert run.mac_cycles == 3
    assert run.gated == 1 / 9


def test_each_pe_gets_the_words_of_its_own_rows():
    """In a trace of words that are all different: who was sent what, PE by PE."""
    layer = Layer(N=2, G=1, M=6, C=4, E=16, F=2, R=3, S=2, U=1, V=1, H=18, W=3)
    mapping = RowStationary.parse("m6 n1 e15 p2 q1 r2 t1")  # strips in pieces of 8 and 7
    inputs = 1 + np.arange(layer.N * layer.C * layer.H * layer.W).reshape(2, 4, 18, 3)
    weights = 2000 + np.arange(6 * 4 * 3 * 2).reshape(6, 4, 3, 2)
    with pytest.raises(MappingError, match="needs 2 PE sets"):
        row_stationary(inputs, weights, RowStationary.parse("m6 n1 e15 p2 q1 r3 t1"))
    run = row_stationary(inputs, weights, mapping, window=Window(0, 10**6))
    wanted = oracle(inputs, weights, mapping)
    got = Counter()
    for row in csv.DictReader(trace_csv(run).splitlines()):
        component, _, place = row["port"].partition("[")
        if row["action"] == "fill" and place:
            y, x = map(int, place.rstrip("]").split(","))
            got[(y, x), component, int(row["data"])] += 1
    assert got == wanted.got
    assert {pe for pe, *_ in got} <= {(y, x) for y in range(12) for x in range(14)}


def test_a_fully_connected_layer():
    rng = np.random.default_rng(1)
    inputs, weights = rng.integers(-99, 99, (3, 40)), rng.integers(-99, 99, (50, 40))
    run = row_stationary(inputs, weights, "m50 n2 e1 p5 q4 r6 t4")
    assert np.array_equal(run.output[:, :, 0, 0], inputs @ weights.T)
    assert run.counts["DRAM filter", "read"] == 2 * weights.size  # two batches: n is 2 of 3


def test_options_may_be_numbers_of_numpy():
    size = np.array([2, 1])
    run = row_stationary(np.ones((1, 1, 5, 5)), np.ones((1, 1, 3, 3)), "m1 n1 e3 p1 q1 r1 t1",
                         stride=size[0], padding=(size[1], size[1]), groups=size[1])  # fmt: skip
    assert run.output[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


def test_padding_is_words_that_are_zero():
    rng = np.random.default_rng(2)
    inputs, weights = rng.integers(1, 99, (1, 2, 5, 6)), rng.integers(1, 99, (3, 2, 3, 3))
    run = row_stationary(inputs, weights, "m3 n1 e5 p3 q2 r1 t1", padding=(1, 1))
    padded = np.pad(inputs, ((0, 0), (0, 0), (1, 1), (1, 1)))
    assert np.array_equal(run.output, reference(padded, weights, (1, 1), 1))
    same = row_stationary(padded, weights, "m3 n1 e5 p3 q2 r1 t1")
    assert run.counts == same.counts
    assert run.counts["mac", "gated"] > 0


def test_zeros_change_no_cycle_and_no_word_that_moves():
    layer = Layer(N=1, G=1, M=5, C=6, E=7, F=7, R=3, S=3, U=1, V=1, H=9, W=9)
    mapping = RowStationary.parse("m5 n1 e7 p3 q2 r2 t2")
    dense, sparse = (run_case(layer, mapping, *tensors(layer, 3, zeros=z)) for z in (0.0, 0.8))
    assert (dense.cycles, dense.total_cycles) == (sparse.cycles, sparse.total_cycles)
    still = [k for k in dense.counts if dense.counts[k] == sparse.counts[k]]
    moved = {("filter spad", "read"), ("psum spad", "read"), ("psum spad", "update"),
             ("mac", "compute"), ("mac", "gated")}  # fmt: skip
    assert set(dense.counts) - set(still) == moved


def test_a_slower_bus_is_waited_for():
    layer = Layer(N=1, G=1, M=4, C=4, E=6, F=6, R=3, S=3, U=1, V=1, H=8, W=8)
    mapping = RowStationary.parse("m4 n1 e6 p4 q2 r1 t1")
    fast = run_case(layer, mapping, *tensors(layer, 3))
    slow = run_case(layer, mapping, *tensors(layer, 3), array=EyerissArray(psum_bus=1))
    bare = run_case(layer, mapping, *tensors(layer, 3), array=EyerissArray(prefetch=0))
    assert slow.counts == fast.counts == bare.counts
    assert np.array_equal(slow.output, fast.output)
    assert slow.cycles > fast.cycles
    assert bare.cycles == fast.cycles
    assert bare.total_cycles > fast.total_cycles


ONE = np.ones((1, 1, 3, 3), int)


@pytest.mark.parametrize(
    ("inputs", "weights", "mapping", "options", "message"),
    [
        (ONE * 32768, ONE, "m1 n1 e1 p1 q1 r1 t1", {},
         r"inputs\[0, 0, 0, 0\] is 32768; expected -32768 to 32767"),
        (ONE, ONE * -32769, "m1 n1 e1 p1 q1 r1 t1", {}, r"weights\[0, 0, 0, 0\] is -32769"),
        (ONE * 0.5, ONE, "m1 n1 e1 p1 q1 r1 t1", {}, "quantise"),
        (ONE * 32767, ONE * 32767, "m1 n1 e1 p1 q1 r1 t1", {},
         "image 0, output channel 0, row 0 and column 0 leaves 32 bits"),
        (ONE, np.ones((1, 2, 3, 3), int), "m1 n1 e1 p1 q1 r1 t1", {}, "do not make 1 groups"),
        (ONE, np.ones((1, 1, 4, 3), int), "m1 n1 e1 p1 q1 r1 t1", {}, "larger than padded inputs"),
        (ONE[0], ONE, "m1 n1 e1 p1 q1 r1 t1", {}, r"inputs have shape \(1, 3, 3\)"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1", {}, "found no t"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"stride": 0}, "stride is 0; expected"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"stride": 1.5}, "stride is 1.5; expected"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"padding": None}, "padding is None; expected"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"groups": 1.0}, "do not make 1.0 groups"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"padding": (1, -1)}, r"padding is \(1, -1\)"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"groups": 2}, "do not make 2 groups"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"window": Window(0, 99, 10)},
         "rows of trace; expected at most 10: choose fewer cycles"),
        (ONE, ONE, "m1 n1 e1 p1 q1 r1 t1", {"array": EyerissArray(rows=2)},
         r"needs 3 rows of PEs \(r·R\); there are 2"),
        (ONE, ONE, "m1 n1 e1 p25 q1 r1 t1", {}, r"25 words of a psum spad \(p\); there are 24"),
        (ONE, ONE, "m1 n1 e1 p1 q5 r1 t1", {}, r"15 words of an ifmap spad \(q·S\)"),
        (ONE, ONE, "m1 n1 e1 p24 q4 r1 t1", {}, r"288 words of a filter spad \(p·q·S\)"),
        (ONE, ONE, "m1 n2 e1 p1 q1 r1 t1", {}, r"needs 2 images \(n\); there are 1"),
    ],
)  # fmt: skip
def test_refusals(inputs, weights, mapping, options, message):
    with pytest.raises(InputError, match=message):
        row_stationary(inputs, weights, mapping, **options)


@pytest.mark.parametrize("where", ["in a spad", "up the column", "between passes"])
def test_a_sum_that_leaves_32_bits_on_its_way_is_refused_even_if_it_comes_back(where):
    """32767·32767·2 fits 32 bits, three times does not; the last product takes it back."""
    big = 32767
    if where == "in a spad":
        inputs, weights, text = np.full((1, 1, 1, 4), big), [[[[big] * 3 + [-big]]]], "q1 r1"
    elif where == "up the column":
        # sums go from the last row up
        inputs, weights, text = np.full((1, 1, 4, 1), big), [[[[-big]] + [[big]] * 3]], "q1 r1"
    else:
        inputs, weights = np.full((1, 4, 1, 1), big), [[[[big]], [[big]], [[big]], [[-big]]]]
        text = "q1 r1"
    with pytest.raises(InputError, match="output channel 0, row 0 and column 0 leaves 32 bits"):
        row_stationary(inputs, weights, f"m1 n1 e1 p1 {text} t1")
    halved = np.asarray(weights) // 2
    run = row_stationary(inputs, halved, f"m1 n1 e1 p1 {text} t1")
    assert run.output.item() == int((inputs.ravel() * halved.ravel()).sum())
