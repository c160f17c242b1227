"""Row-stationary by the seven parameters: counts, latency, limits and ledger of convention jssc17.

Counts have two witnesses that share nothing with the closed forms: `walk`, which goes through the
passes with sets of words, and the literal kernel on the loop nest that a mapping stands for.
"""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import onewatt as ow
from near import near
from onewatt.model.counts import count
from onewatt.model.jssc17.counts import array_words, buffer_words, dram_words, stored_bits
from onewatt.model.jssc17.evaluate import evaluate, row
from onewatt.model.jssc17.latency import latency, moving
from onewatt.model.jssc17.limits import allocation, check, fits
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.nest import loop_nest
from onewatt.model.jssc17.passes import Grid, active_pes, passes
from onewatt.model.jssc17.shape import Shape
from onewatt.model.nest import lower
from onewatt.model.sparse import compressed_bits
from onewatt.spec.architecture import Memory
from onewatt.spec.cost import Cost, busy_cycles
from onewatt.spec.row_stationary import RowStationary
from onewatt.spec.workload import Einsum, Index, Rank, Tensor

CHIP = ow.load_chip("eyeriss")
MACHINE = Machine.of(CHIP)


def conv(name="layer", *, stride=(1, 1), dilation=1, bits=None, density=(1.0, 1.0), **sizes):
    """A convolution with the ranks of the house."""
    full = {"N": 1, "G": 1, "M": 1, "C": 1, "P": 1, "Q": 1, "R": 1, "S": 1} | sizes

    def tensor(part, *indices, share=1.0):
        made = tuple(Index.parse(i) for i in indices)
        return Tensor(name=part, projection=made, bits=bits, density=share)

    rows, columns = f"{stride[0]}P+{dilation}R", f"{stride[1]}Q+{dilation}S"
    return Einsum(
        name=name, op="conv", ranks=tuple(Rank(name=k, size=v) for k, v in full.items()),
        inputs=(tensor("Inputs", "N", "G", "C", rows, columns, share=density[0]),
                tensor("Weights", "G", "M", "C", "R", "S")),
        output=tensor("Outputs", "N", "G", "M", "P", "Q", share=density[1]),
    )  # fmt: skip


def chunks(whole, size):
    return [range(a, min(a + size, whole)) for a in range(0, whole, size)]


def walk(shape, mapping):
    """Go through every pass and collect what it needs, word by word.

    Returns words (ifmap, psum read, psum write) of the buffer, (filters, ifmap, ofmap) of DRAM,
    MACs, and how many passes there are.
    """
    x, buffer, dram, macs, many = mapping, [0, 0, 0], [0, 0, 0], 0, 0
    for images, strip in itertools.product(chunks(shape.N, x.n), chunks(shape.E, x.e)):
        rows = {e * shape.U + r for e in strip for r in range(shape.R)}
        for group in chunks(shape.M, x.m):
            dram[1] += len(images) * shape.C * len(rows) * shape.W
            for block in chunks(len(group), x.p * x.t):
                for channels in chunks(shape.C, x.q * x.r):
                    many += 1
                    filters = len(block) * len(channels) * shape.R * shape.S
                    sums = len(images) * len(block) * len(strip) * shape.F
                    buffer[0] += len(images) * len(channels) * len(rows) * shape.W
                    buffer[1] += sums
                    buffer[2] += sums
                    dram[0] += filters
                    macs += sums * len(channels) * shape.R * shape.S
            dram[2] += len(images) * len(group) * len(strip) * shape.F
    g = shape.G
    return [g * w for w in buffer], [g * w for w in dram], g * macs, g * many


sizes = st.integers(1, 9)
shapes = st.builds(
    Shape, st.just("random"), st.integers(1, 4), st.integers(1, 2), sizes, sizes, sizes, sizes,
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.just(1.0),
    st.just(1.0),
)  # fmt: skip


@st.composite
def cases(draw):
    shape = draw(shapes)
    p, q, t = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    mapping = RowStationary(
        m=min(shape.M, p * t * draw(st.integers(1, 3))), n=draw(st.integers(1, shape.N)),
        e=draw(st.integers(1, shape.E)), p=p, q=q, r=draw(st.integers(1, 3)), t=t,
    )  # fmt: skip
    assume(fits(shape, MACHINE, Grid.of(mapping))[0])
    return shape, mapping


@given(cases())
@settings(max_examples=300, deadline=None)
def test_the_closed_forms_are_what_a_walk_through_the_passes_counts(case):
    shape, mapping = case
    grid = Grid.of(mapping)
    buffer, dram, macs, many = walk(shape, mapping)
    assert [int(x[0]) for x in buffer_words(shape, grid)] == buffer
    assert [int(x[0]) for x in dram_words(shape, grid)] == dram
    assert shape.macs == macs
    assert sum(int(p.times[0]) for p in passes(shape, grid)) == many


@given(cases())
@settings(max_examples=150, deadline=None)
def test_latency_is_between_its_bounds(case):
    """Never under the work or what one bus has to carry, never over all of it one by one."""
    shape, mapping = case
    grid = Grid.of(mapping)
    spent = latency(shape, MACHINE, grid)
    words, moved = buffer_words(shape, grid), dram_words(shape, grid)
    work = shape.macs / int(active_pes(shape, grid)[0])
    bus = float(words.psum_read[0]) / MACHINE.psum_bus
    loads = float(moved.filters[0]) / MACHINE.filter_bus
    processing = float(spent.processing[0])
    assert processing >= max(work, bus) + loads - 1e-6
    columns = shape.G * shape.F * max(shape.S, shape.V) * _strip_words(shape, mapping)
    assert processing <= float(spent.multiply[0]) + bus + loads + columns / MACHINE.ifmap_bus + 1e-6
    link = float(moved.bits(shape, 16).total[0]) / 16 / MACHINE.link
    assert float(spent.total[0]) >= max(processing, link) - 1e-6


def _strip_words(shape, mapping):
    """Return one column of every input row of every pass [word]."""
    total = 0
    for images, strip in itertools.product(chunks(shape.N, mapping.n), chunks(shape.E, mapping.e)):
        rows = {e * shape.U + r for e in strip for r in range(shape.R)}
        for group in chunks(shape.M, mapping.m):
            visits = math.ceil(len(group) / (mapping.p * mapping.t))
            total += len(images) * visits * shape.C * len(rows)
    return total


NESTS = {
    "conv1": "m96 n1 e7 p16 q1 r1 t2", "conv2": "m64 n1 e27 p16 q2 r1 t1",
    "conv3": "m64 n4 e13 p16 q4 r1 t4", "conv4": "m64 n4 e13 p16 q3 r2 t2",
}  # fmt: skip


@pytest.mark.parametrize("name", NESTS)
def test_the_literal_reading_of_the_loop_nest_counts_the_same(name):
    """But for the habits of the paper: the first partial sum is read, fills are not counted."""
    einsum = next(e for e in ow.load_workload("alexnet", batch=4).einsums if e.name == name)
    mapping = RowStationary.parse(NESTS[name])
    shape, grid = Shape.of(einsum), Grid.of(mapping)
    nest = loop_nest(einsum, CHIP, mapping)
    counts = count(einsum, CHIP, lower(einsum, nest))
    words = {(t.level, t.tensor, t.action): t.words for t in counts.traffic}
    buffer, dram, array = (f(shape, grid) for f in (buffer_words, dram_words, array_words))
    assert words["GLB", "Inputs", "read"] == buffer.ifmap[0]
    assert words["GLB", "Outputs", "update"] == buffer.psum_write[0]
    assert words["GLB", "Outputs", "read"] == buffer.psum_read[0] - einsum.words(einsum.output)
    assert words["DRAM", "Weights", "read"] == dram.filters[0]
    assert words["DRAM", "Inputs", "read"] == dram.ifmap[0]
    assert words["DRAM", "Outputs", "update"] == dram.ofmap[0]
    assert words["filter_spad", "Weights", "fill"] == array.filters[0]
    assert words["ifmap_spad", "Inputs", "fill"] == array.ifmap[0]
    assert words["psum_spad", "Outputs", "drain"] == array.psum[0]
    assert counts.steps == latency(shape, MACHINE, grid).multiply[0]
    assert counts.active == active_pes(shape, grid)[0]
    assert ow.evaluate(einsum, CHIP, nest).energy > 0  # and the chip can hold it


def test_a_pass_by_hand():
    """conv4: 27·64 filter words at 4 a cycle; windows of 144; the first brings 3·6·15 words."""
    shape = Shape.of(conv(N=4, M=32, C=6, P=13, Q=13, R=3, S=3))
    spent = latency(shape, MACHINE, Grid.of(RowStationary.parse("m32 n4 e13 p16 q3 r2 t2")))
    assert spent.filters[0] == 32 * 6 * 9 / 4
    assert spent.multiply[0] == 4 * 13 * 16 * 3 * 3
    assert spent.windows[0] == 4 * (3 * 6 * 15 - 144)
    assert spent.buses[0] == 0
    words = 4 * 6 * 15 * 15 + 4 * 32 * 13 * 13
    assert spent.fmaps[0] == near(words / 1.2)
    assert spent.link[0] == 0  # 1728 words of filters come while the array works


def test_partial_sums_can_hold_the_array_up():
    """conv3 as in Table III: 16·4·13 sums leave a window, 4 a cycle, so 208 cycles, not 192."""
    shape = Shape.of(conv(N=4, M=64, C=4, P=13, Q=13, R=3, S=3))
    spent = latency(shape, MACHINE, Grid.of(RowStationary.parse("m64 n4 e13 p16 q4 r1 t4")))
    assert spent.processing[0] == 64 * 4 * 9 / 4 + 4 * 13 * 208


def test_filters_that_the_prefetch_cannot_bring_are_waited_for():
    """A matrix product without reuse runs at the speed of the link."""
    shape = Shape.of(conv(M=4096, C=4096))
    spent = latency(shape, MACHINE, Grid.of(RowStationary.parse("m4096 n1 e1 p18 q12 r12 t14")))
    assert spent.total[0] >= 4096 * 4096 / 1.2
    assert spent.total[0] < 1.3 * 4096 * 4096 / 1.2
    bare = Machine.of(_chip_with("GLB", partition=()))
    slower = latency(shape, bare, Grid.of(RowStationary.parse("m4096 n1 e1 p18 q12 r12 t14")))
    assert slower.total[0] == near(slower.processing[0] + (2 * 4096 + 4096 * 4096) / 1.2)


def _chip_with(name, **changes):
    nodes = (msgspec.structs.replace(n, **changes) if n.name == name else n for n in CHIP.nodes)
    return msgspec.structs.replace(CHIP, nodes=tuple(nodes))


def test_feature_maps_are_coded_where_that_is_shorter():
    assert stored_bits(1.0, 16) == stored_bits(0.9, 16) == 16
    assert stored_bits(0.2, 16) == compressed_bits("rlc", 0.2, 16)
    # 21 of 63 bits a non-zero, 64 stored: the closed form of long runs, here a few in a million
    assert stored_bits(0.5, 16) == near(0.5 * 64 / 3, rel=1e-8)


def test_zeros_save_energy_and_link_but_no_work():
    mapping = RowStationary.parse("m32 n4 e13 p16 q3 r2 t2")
    sizes = {"N": 4, "M": 32, "C": 6, "P": 13, "Q": 13, "R": 3, "S": 3}
    dense, sparse = (row(conv(**sizes, density=(d, 1.0)), CHIP, mapping) for d in (1.0, 0.25))
    assert sparse.processing == dense.processing
    assert sparse.buffer == dense.buffer
    assert sparse.total < dense.total
    assert sparse.dram < dense.dram
    # three quarters of MAC, filter read, and psum read and write: 2 + 1 + 2 pJ
    saved = 0.75 * dense.macs * 5e-12 + (dense.total - sparse.total) * 0.165
    assert dense.energy - sparse.energy == near(saved, rel=1e-6)


def test_the_ledger_is_the_row():
    einsum = msgspec.structs.replace(conv(N=2, M=40, C=7, P=9, Q=9, R=3, S=3), count=3)
    mapping = RowStationary.parse("m40 n2 e9 p10 q2 r2 t2")
    cost, found = evaluate(einsum, CHIP, mapping), row(einsum, CHIP, mapping)
    off_chip = sum(e.energy for e in cost.entries if e.component == "DRAM")
    assert cost.energy - off_chip == near(found.energy)
    assert cost.cycles(einsum.name) / CHIP.clock == near(found.total)
    assert found.power == near(found.energy / found.total)
    moved = sum(e.count for e in cost.entries if e.component == "GLB")
    assert moved * 16 == near(found.buffer)
    assert sum(e.bits for e in cost.entries if e.component == "DRAM") == near(found.dram)
    assert all(e.energy_low <= e.energy <= e.energy_high for e in cost.entries)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_no_bus_is_busy_for_longer_than_the_array_and_the_link_never_for_longer_than_all(case):
    """What buses and link need for their words alone, from the words that a walk counts."""
    shape, mapping = case
    grid = Grid.of(mapping)
    spent, (buffer, dram, *_) = latency(shape, MACHINE, grid), walk(shape, mapping)
    alone = {name: float(cycles[0]) for name, cycles in moving(shape, MACHINE, grid).items()}
    assert alone["GIN_filter"] == near(dram[0] / MACHINE.filter_bus)
    assert alone["GIN_ifmap"] == near(buffer[0] / MACHINE.ifmap_bus)
    assert alone["GIN_GON_psum"] == near(buffer[2] / MACHINE.psum_bus)
    coded = dram[1] * stored_bits(shape.input_density, 16)
    coded += dram[2] * stored_bits(shape.output_density, 16)
    assert alone["DRAM"] == near((dram[0] + coded / 16) / MACHINE.link)
    processing, total = float(spent.processing[0]), float(spent.total[0])
    assert all(alone[n.name] <= processing * (1 + 1e-9) for n in CHIP.networks if n.name in alone)
    assert alone["DRAM"] <= total * (1 + 1e-9)


@pytest.mark.parametrize("batch", [1, 4])
def test_the_ledger_says_how_long_the_link_is_busy(batch):
    """Beside the array and while it waits, together all words; a faster array changes no more."""
    for einsum in ow.load_workload("alexnet", batch=batch).einsums:
        if einsum.work != "mac":
            continue
        mapping = RowStationary.parse("m16 n1 e1 p16 q1 r1 t1")
        cost, shape = evaluate(einsum, CHIP, mapping), Shape.of(einsum)
        alone = moving(shape, MACHINE, Grid.of(mapping))
        busy = busy_cycles(cost.busy)
        assert busy["DRAM"] == near(float(alone["DRAM"][0]))
        assert busy["DRAM"] <= cost.cycles(einsum.name) * (1 + 1e-12)
        rest = Cost(busy=tuple(b for b in cost.busy if b.component == "DRAM"))
        assert rest.cycles(einsum.name) == near(busy["DRAM"])


SHAPES = {
    "tall filter": (conv(P=4, Q=4, R=13, S=3), r"needs at least 13 rows of the array \(r·R\).*12"),
    "long filter row": (conv(P=4, Q=4, R=3, S=13), r"13 words of the ifmap spad \(q·S\).*has 12"),
    "large image": (conv(P=4, Q=30_000, R=3, S=3), r"banks of the buffer.*has 25"),
    "dilated": (conv(P=4, Q=4, R=3, S=3, dilation=2), "dilates the filter"),
    "wide words": (conv(P=4, Q=4, R=3, S=3, bits=32), "has 32 bits"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_layer_the_chip_cannot_hold_is_refused_with_the_limit(name):
    einsum, message = SHAPES[name]
    with pytest.raises(ow.MappingError, match=message):
        row(einsum, CHIP, RowStationary.parse("m1 n1 e1 p1 q1 r1 t1"))


MAPPINGS = {
    "m64 n1 e13 p16 q3 r5 t1": "15 rows of the array",
    "m64 n1 e13 p16 q1 r2 t3": "3 PE sets on the array",
    "m64 n1 e27 p16 q1 r2 t2": "4 PE sets on the array",
    "m64 n1 e13 p24 q4 r1 t1": "288 words of the filter spad",
    "m64 n1 e13 p1 q5 r1 t1": "15 words of the ifmap spad",
    "m64 n1 e13 p25 q1 r1 t1": "25 words of the psum spad",
    "m384 n4 e13 p16 q3 r2 t2": "270 banks of the buffer",
    "m16 n1 e13 p16 q3 r2 t2": "32 channels with sums in the buffer",
    "m8 n5 e1 p1 q3 r2 t2": "5 images of the batch",
    "m4 n1 e28 p1 q3 r2 t1": "28 output rows",
}


@pytest.mark.parametrize("text", MAPPINGS)
def test_a_mapping_the_chip_cannot_hold_is_refused_with_the_limit(text):
    einsum = conv(N=4, M=384, C=256, P=27, Q=27, R=3, S=3)
    with pytest.raises(ow.MappingError, match=f"needs {MAPPINGS[text]}"):
        row(einsum, CHIP, RowStationary.parse(text))


def test_work_without_a_convolution_is_refused():
    pool = next(e for e in ow.load_workload("alexnet").einsums if e.work == "vector")
    with pytest.raises(ow.MappingError, match="vector work"):
        Shape.of(pool)
    cube = msgspec.structs.replace(
        conv(P=4, Q=4, R=3, S=3),
        ranks=tuple(Rank(name=k, size=3) for k in "PQZRSTMC"),
        inputs=(
            Tensor(name="Inputs", projection=tuple(map(Index.parse, ("C", "Z+T", "P+R", "Q+S")))),
            Tensor(name="Weights", projection=tuple(map(Index.parse, "MCTRS"))),
        ),
        output=Tensor(name="Outputs", projection=tuple(map(Index.parse, "MZPQ"))),
    )
    with pytest.raises(ow.MappingError, match="slides in 3 dimensions"):
        Shape.of(cube)


@pytest.mark.parametrize("preset", ["eyeriss_256", "systolic_ws"])
def test_a_chip_that_is_no_eyeriss_is_refused_with_what_it_lacks(preset):
    with pytest.raises(ow.MappingError, match="it lacks"):
        Machine.of(ow.load_chip(preset))


def test_a_chip_without_a_known_link_is_refused():
    with pytest.raises(ow.MappingError, match="shared_bandwidth"):
        Machine.of(_chip_with("DRAM", shared_bandwidth=None))


def test_every_layer_of_the_zoo_has_a_shape():
    for name in ("alexnet", "vgg16", "resnet50", "mobilenet_v1", "bert_base", "mlperf_kws"):
        for einsum in ow.load_workload(name).einsums:
            if einsum.work == "mac":
                shape = Shape.of(einsum)
                assert shape.macs == einsum.points
                check(shape, MACHINE, RowStationary.parse("m1 n1 e1 p1 q1 r1 t1"))


def test_the_chip_is_read_from_its_file():
    assert (MACHINE.banks, MACHINE.bank, MACHINE.prefetch) == (25, 2048, 4096)
    assert (MACHINE.filter_spad, MACHINE.ifmap_spad, MACHINE.psum_spad) == (224, 12, 24)
    assert (MACHINE.filter_bus, MACHINE.ifmap_bus, MACHINE.psum_bus) == (4, 1, 4)
    small = Machine.of(_chip_with("GLB", capacity=50 * 8192))
    assert isinstance(CHIP.nodes[2], Memory)
    with pytest.raises(ow.MappingError, match="banks of the buffer"):
        check(Shape.of(conv(N=4, M=64, C=48, P=13, Q=13, R=3, S=3)), small,
              RowStationary.parse("m64 n4 e13 p16 q3 r2 t2"))  # fmt: skip


def test_the_convention_reads_no_loop_nest():
    einsum = conv(P=4, Q=4, R=3, S=3)
    nest = loop_nest(einsum, CHIP, RowStationary.parse("m1 n1 e4 p1 q1 r1 t1"))
    with pytest.raises(ow.MappingError, match="costs the seven parameters"):
        ow.evaluate(einsum, CHIP, nest, convention="jssc17")


@given(st.builds(RowStationary, **{k: st.integers(1, 10**6) for k in "mnepqrt"}))
def test_a_mapping_survives_its_text(mapping):
    assert RowStationary.parse(str(mapping)) == mapping


@pytest.mark.parametrize(
    ("text", "message"),
    [("m1 n1 e1 p1 q1 r1", "found no t"), ("m1 n1 e1 p1 q1 r1 t1 t2", "once each"),
     ("m1 n1 e1 p1 q1 r1 x1", "'x1'"), ("m0 n1 e1 p1 q1 r1 t1", "at least 1")],
)  # fmt: skip
def test_a_mapping_that_is_none_is_refused(text, message):
    with pytest.raises(ow.MappingError, match=message):
        RowStationary.parse(text)


def test_the_buffer_holds_strips_of_inputs_and_planes_of_sums():
    shape = Shape.of(conv(N=2, M=8, C=3, P=10, Q=7, R=3, S=2, stride=(2, 1)))
    held = allocation(shape, Grid.of(RowStationary.parse("m4 n2 e5 p4 q1 r2 t1")))
    assert int(held.ifmap[0]) == 2 * 2 * (4 * 2 + 3) * 8
    assert int(held.psum[0]) == 2 * 4 * 5 * 7
    assert np.issubdtype(held.ifmap.dtype, np.integer)
