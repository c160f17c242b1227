from __future__ import annotations

import math

import msgspec
import pytest

from chips_by_hand import energy, tiny
from layers_by_hand import gemm, network, relu
from near import near
from onewatt.errors import InputError, MappingError
from onewatt.mapper.search import search
from onewatt.model.budget import average_power, judge, on_chip_bits
from onewatt.model.evaluate import evaluate, evaluate_workload
from onewatt.spec.architecture import SparseFeature
from onewatt.spec.budget import Budget
from onewatt.spec.mapping import Mapping

GOOD = Mapping.parse(
    "DRAM[Inputs Weights Outputs] M/2 GLB[Inputs Outputs] P/1 C/4 M/1@X C/2@Y "
    "Spad[Inputs Weights Outputs] C/1"
)
LAYER = gemm(m=4, c=8, p=3)


def rows(cost):
    return {(e.component, e.tensor, e.action): e for e in cost.entries}


def test_the_ledger_of_a_small_layer_by_hand():
    """4x8x3 products; every figure below is counted on paper."""
    ledger = rows(evaluate(LAYER, tiny(), GOOD))
    assert ledger["MAC", "Outputs", "compute"].count == 96
    # weights: both halves of C return for each of 3 rows and 2 halves of M; 8 words in the array
    assert ledger["DRAM", "Weights", "read"].count == 2 * 3 * 2 * (2 * 4)
    assert ledger["DRAM", "Inputs", "read"].count == 24  # M moves outside: the buffer keeps them
    assert ledger["GLB", "Inputs", "read"].count == 2 * 24  # one read for both columns of M
    assert ledger["Spad", "Inputs", "fill"].count == 2 * 24 * 2
    assert ledger["DRAM", "Outputs", "update"].count == 12
    assert ("DRAM", "Outputs", "read") not in ledger
    # the column adds C before it reaches the buffer, C/4 returns once while P stands still
    assert ledger["GLB", "Outputs", "update"].count == 12
    assert ledger["Spad", "Outputs", "update"].count == 96
    assert ledger["Spad", "Outputs", "read"].count == 96 - 24
    assert ledger["NoC", "Inputs", "hop"].count == 96
    assert ledger["column", "Outputs", "hop"].count == 24
    # the network is busiest: 48 inputs and 96 weights at 4 words a cycle, against 24 steps
    assert ledger["chip", "", "clock"].count == (48 + 96) / 4


def test_energy_is_accesses_times_price():
    ledger = rows(evaluate(LAYER, tiny(), GOOD))
    row = ledger["DRAM", "Weights", "read"]
    assert row.energy == near(row.count * 200e-12)
    assert (row.energy_low, row.energy_high) == near((row.energy / 2, row.energy * 2))


def test_a_wide_row_is_paid_once():
    chip = tiny()
    wide = tuple(
        msgspec.structs.replace(n, width=64) if n.name == "DRAM" else n for n in chip.nodes
    )
    ledger = rows(evaluate(LAYER, msgspec.structs.replace(chip, nodes=wide), GOOD))
    assert ledger["DRAM", "Weights", "read"].energy == near(96 / 4 * 200e-12)
    assert ledger["DRAM", "Outputs", "update"].energy == near(12 / 4 * 200e-12)


def test_single_buffering_adds_the_transfer():
    def cycles(buffering):
        nodes = tuple(
            msgspec.structs.replace(n, buffering=buffering) if n.name == "GLB" else n
            for n in tiny().nodes
        )
        return evaluate(LAYER, tiny(nodes=nodes), GOOD).cycles("gemm")

    assert cycles(1) > cycles(2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DRAM[Inputs Weights Outputs] M/1", "are left inside the innermost loop; add"),
        ("DRAM[Inputs Weights] C/1 M/1 P/1", "no memory keeps 'Outputs'"),
        ("DRAM[Inputs Weights Outputs] K/1", "unknown rank 'K'"),
        ("DRAM[Inputs Weights Outputs] M/1@Z C/1 P/1", "unknown axis 'Z'"),
        ("DRAM[Inputs Weights Outputs] M/1@X GLB[Inputs] C/1 P/1", "not between the memories"),
        ("GLB[Inputs] DRAM[Inputs Weights Outputs] M/1", "must begin with 'DRAM'"),
        ("DRAM[Inputs Weights Outputs] GLB[Weights] M/1", "'GLB' cannot keep 'Weights'"),
        ("DRAM[Inputs Weights Outputs] C/1@Y M/1 P/1", "has 2 instances; the loops on it need 8"),
        ("DRAM[Inputs Weights Outputs] Spad[Inputs Weights Outputs] C/1 M/1 P/1", "need 136 B in"),
        ("C/1 DRAM[Inputs Weights Outputs] M/1 P/1", "must begin with 'DRAM'"),
        ("DRAM[Inputs Weights Outputs] Spad[Inputs] GLB[Outputs]", "again or after"),
        ("DRAM[Inputs Weights Outputs] GLB[Inputs] P/1 GLB[Inputs]", "again or after a memory"),
        ("DRAM[Inputs Inputs Weights Outputs] M/1", "names a tensor twice"),
        ("DRAM[Inputs Weights Outputs] C/1 M/1 P/1", "'GLB' must keep 'Inputs'"),
        ("DRAM[Inputs Weights Outputs] SRAM[Inputs] C/1", "unknown memory 'SRAM'"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_is_refused(text, message):
    with pytest.raises(MappingError, match=message.replace("(", r"\(")):
        evaluate(LAYER, tiny(), Mapping.parse(text))


def test_vector_work_streams_once():
    cost = evaluate(relu(words=20), tiny())
    ledger = rows(cost)
    assert ledger["DRAM", "Inputs", "read"].count == 20
    assert ledger["DRAM", "Outputs", "update"].count == 20
    assert ledger["ALU", "Outputs", "compute"].count == 20
    assert cost.cycles("relu") == 10  # 40 words at 4 a cycle, 6 lanes


def test_fused_vector_work_moves_nothing():
    cost = evaluate(relu(words=20, fused=True), tiny())
    assert {e.component for e in cost.entries} == {"ALU"}
    assert cost.cycles("relu") == 0


def test_gating_saves_energy_and_no_cycles():
    layer = msgspec.structs.replace(
        LAYER, inputs=(msgspec.structs.replace(LAYER.inputs[0], density=0.25), LAYER.inputs[1])
    )
    gate = (SparseFeature(tensor="Inputs", gates=("Weights",)),)
    nodes = tuple(
        msgspec.structs.replace(n, sparse=gate) if n.name in ("Spad", "MAC") else n
        for n in tiny().nodes
    )
    dense, gated = evaluate(layer, tiny(), GOOD), evaluate(layer, tiny(nodes=nodes), GOOD)
    assert gated.cycles("gemm") == dense.cycles("gemm")
    a, b = rows(dense), rows(gated)
    assert b["MAC", "Outputs", "compute"].energy == a["MAC", "Outputs", "compute"].energy / 4
    assert b["MAC", "Outputs", "gated"].count == 72
    assert b["Spad", "Weights", "read"].count == a["Spad", "Weights", "read"].count / 4
    assert b["Spad", "Inputs", "read"] == a["Spad", "Inputs", "read"]


def test_compression_saves_traffic_and_can_cost():
    def dram(density):
        sparse = (SparseFeature(tensor="Inputs", format="rlc"),)
        nodes = tuple(
            msgspec.structs.replace(n, sparse=sparse) if n.name == "DRAM" else n
            for n in tiny().nodes
        )
        first = msgspec.structs.replace(LAYER.inputs[0], density=density)
        layer = msgspec.structs.replace(LAYER, inputs=(first, LAYER.inputs[1]))
        return rows(evaluate(layer, tiny(nodes=nodes), GOOD))["DRAM", "Inputs", "read"].bits

    assert dram(0.25) < 24 * 16 * 0.36
    assert dram(1.0) == near(24 * 64 / 3)  # dense data expand by a third


def test_power_at_a_rate():
    result = search(network(LAYER), tiny())
    standing = sum(e.energy for e in result.cost.entries if e.action == "clock")
    rate = 0.5 / result.latency
    expected = rate * result.energy + standing / result.latency * 0.5
    assert average_power(result, rate) == near(expected)
    verdicts = judge(result, Budget.parse(f"1 W, {rate} fps"))
    assert verdicts[0].reached == near(expected)
    assert verdicts[1].reached == near(2 * rate)


def test_capacity_counts_every_instance_on_chip():
    assert on_chip_bits(tiny(buffer_bits=2048, spad_bits=64)) == 2048 + 6 * 192


def test_given_mappings_need_one_a_layer():
    result = evaluate_workload(network(LAYER), tiny(), GOOD)
    bound = result.layers[0].lower_bound
    assert (bound.unit, 0 < bound.value <= result.energy) == ("J", True)
    with pytest.raises(MappingError, match="layer 'gemm' needs a mapping"):
        evaluate_workload(network(LAYER), tiny(), {})


def test_prices_can_differ_by_action():
    chip = tiny()
    nodes = tuple(
        msgspec.structs.replace(n, energy=(*energy(1e-12, "read"), *energy(5e-12, "update")))
        if n.name == "GLB" else n
        for n in chip.nodes
    )  # fmt: skip
    ledger = rows(evaluate(LAYER, tiny(nodes=nodes), GOOD))
    fill, read = ledger["GLB", "Inputs", "fill"], ledger["GLB", "Inputs", "read"]
    assert fill.energy / fill.count == near(5e-12)
    assert read.energy / read.count == near(1e-12)


def test_spilled_partial_sums_are_wide_and_final_ones_narrow():
    mac = msgspec.structs.replace(tiny().mac, outputs_bits=8, accumulate_bits=32)
    chip = tiny(nodes=(tiny().nodes[0], mac))
    ledger = rows(evaluate(LAYER, chip, Mapping.parse("DRAM[Inputs Weights Outputs] C/1 M/1 P/1")))
    assert ledger["DRAM", "Outputs", "update"].bits == 12 * 8 + (96 - 12) * 32
    assert ledger["DRAM", "Outputs", "read"].bits == (96 - 12) * 32


def test_a_word_wider_than_the_port_takes_several_accesses():
    def reads(width):
        nodes = tuple(
            msgspec.structs.replace(n, width=width) if n.name == "DRAM" else n for n in tiny().nodes
        )
        return rows(evaluate(LAYER, tiny(nodes=nodes), GOOD))["DRAM", "Weights", "read"].energy

    assert reads(8) == near(2 * reads(16))


def test_skipping_saves_cycles_of_the_port_too():
    first = msgspec.structs.replace(LAYER.inputs[0], density=0.1)
    layer = msgspec.structs.replace(LAYER, inputs=(first, LAYER.inputs[1]))
    skip = (SparseFeature(tensor="Inputs", skips=("Weights",)),)

    def cycles(sparse):
        nodes = tuple(
            msgspec.structs.replace(n, sparse=sparse, read_bandwidth=0.05)
            if n.name == "Spad"
            else n
            for n in tiny().nodes
        )
        return evaluate(layer, tiny(nodes=nodes), GOOD).cycles("gemm")

    assert cycles(skip) < cycles(())


def test_a_gated_row_is_fetched_unless_all_its_words_are_held_back():
    first = msgspec.structs.replace(LAYER.inputs[0], density=0.1)
    layer = msgspec.structs.replace(LAYER, inputs=(first, LAYER.inputs[1]))
    gate = (SparseFeature(tensor="Inputs", gates=("Weights",)),)
    nodes = tuple(
        msgspec.structs.replace(n, sparse=gate, width=64) if n.name == "Spad" else n
        for n in tiny().nodes
    )
    row = rows(evaluate(layer, tiny(nodes=nodes), GOOD))["Spad", "Weights", "read"]
    assert row.energy == near(4 * math.ceil(24 * (1 - 0.9**4) / 4) * 1e-12)


def test_vector_work_is_compressed_where_the_memory_is():
    nodes = tuple(
        msgspec.structs.replace(n, sparse=(SparseFeature(tensor="Inputs", format="bitmask"),))
        if n.name == "DRAM" else n
        for n in tiny().nodes
    )  # fmt: skip
    layer = relu(words=20)
    thin = msgspec.structs.replace(layer.inputs[0], density=0.25)
    layer = msgspec.structs.replace(layer, inputs=(thin,))
    assert rows(evaluate(layer, tiny(nodes=nodes)))["DRAM", "Inputs", "read"].bits == 20 * 5


def test_more_than_can_be_counted_exactly_is_refused():
    huge = gemm(m=2**17, c=2**17, p=2**17)
    text = (
        "DRAM[Inputs Weights Outputs] GLB[Inputs Outputs] M/65536@X C/65536@Y "
        "Spad[Inputs Weights Outputs] M/1 C/1 P/1"
    )
    chip = tiny(buffer_bits=None, spad_bits=2**40)
    spacious = tuple(
        msgspec.structs.replace(n, fanout=tuple(msgspec.structs.replace(a, size=2**17)
                                                for a in n.fanout))
        if n.name == "PE" else n for n in chip.nodes
    )  # fmt: skip
    with pytest.raises(MappingError, match="more than can be counted exactly"):
        evaluate(huge, tiny(nodes=spacious), Mapping.parse(text.replace("65536", "1")))


def test_an_area_budget_needs_an_area():
    with pytest.raises(InputError, match="states no area"):
        search(network(LAYER), tiny(), budget="1 mm2")
