from __future__ import annotations

import msgspec
import pytest

from chips_by_hand import energy, tiny
from layers_by_hand import gemm, network, relu
from onewatt.errors import MappingError
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
    assert row.energy == pytest.approx(row.count * 200e-12)
    assert (row.energy_low, row.energy_high) == pytest.approx((row.energy / 2, row.energy * 2))


def test_a_wide_row_is_paid_once():
    chip = tiny()
    wide = tuple(
        msgspec.structs.replace(n, width=64) if n.name == "DRAM" else n for n in chip.nodes
    )
    ledger = rows(evaluate(LAYER, msgspec.structs.replace(chip, nodes=wide), GOOD))
    assert ledger["DRAM", "Weights", "read"].energy == pytest.approx(96 / 4 * 200e-12)
    assert ledger["DRAM", "Outputs", "update"].energy == pytest.approx(12 / 4 * 200e-12)


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
        ("GLB[Inputs] DRAM[Inputs Weights Outputs] M/1", "comes after a memory inside it"),
        ("DRAM[Inputs Weights Outputs] GLB[Weights] M/1", "'GLB' cannot keep 'Weights'"),
        ("DRAM[Inputs Weights Outputs] C/1@Y M/1 P/1", "has 2 instances; the loops on it need 8"),
        ("DRAM[Inputs Weights Outputs] Spad[Inputs Weights Outputs] C/1 M/1 P/1", "need 136 B in"),
        ("SRAM[Inputs] C/1", "unknown memory 'SRAM'"),
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
    assert dram(1.0) == pytest.approx(24 * 64 / 3)  # dense data expand by a third


def test_power_at_a_rate():
    result = search(network(LAYER), tiny())
    standing = sum(e.energy for e in result.cost.entries if e.action == "clock")
    rate = 0.5 / result.latency
    expected = rate * result.energy + standing / result.latency * 0.5
    assert average_power(result, rate) == pytest.approx(expected)
    verdicts = judge(result, Budget.parse(f"1 W, {rate} fps"))
    assert verdicts[0].reached == pytest.approx(expected)
    assert verdicts[1].reached == pytest.approx(2 * rate)


def test_capacity_counts_every_instance_on_chip():
    assert on_chip_bits(tiny(buffer_bits=2048, spad_bits=64)) == 2048 + 6 * 192


def test_given_mappings_need_one_a_layer():
    assert evaluate_workload(network(LAYER), tiny(), GOOD).energy > 0
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
    assert fill.energy / fill.count == pytest.approx(5e-12)
    assert read.energy / read.count == pytest.approx(1e-12)
