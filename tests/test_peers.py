"""The comparison with peers: translating their nests, scoring them, and the arithmetic.

No peer is needed; what they return is written out by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import accelforge_runner
import chip as chips
import compare
import even
import layers
import nests
import onewatt as ow
import ours
import stopwatch
import table
import timeloop_cases
import zigzag_runner
from layers_by_hand import conv, gemm
from near import near

EVEN = {
    "loops": [["C", 2], ["M", 2], ["P", 2], ["C", 3], ["M", 2]],
    "spatial": [["M", 2, "X"], ["P", 3, "Y"], ["C", 2, "Y"]],
    "keeps": {
        "Inputs": [["DRAM", 0], ["shared_glb", 1], ["ifmap_spad", 3]],
        "Weights": [["DRAM", 0], ["weights_spad", 3]],
        "Outputs": [["DRAM", 0], ["shared_glb", 1], ["psum_spad", 3]],
    },
}
UNEVEN = {
    **EVEN,
    "keeps": {
        **EVEN["keeps"],
        "Weights": [["DRAM", 0], ["weights_spad", 0]],
        "Outputs": [["DRAM", 0], ["shared_glb", 2], ["psum_spad", 4]],
    },
}
LAYER = gemm(m=8, c=12, p=6)


@pytest.fixture(scope="module")
def chip():
    return chips.load()


def test_an_even_nest_is_one_mapping(chip):
    inner = "DRAM[Inputs Weights Outputs] C/6 shared_glb[Inputs Outputs] M/4 P/3"
    spatial = "M/2@X P/1@Y C/3@Y ifmap_spad[Inputs] weights_spad[Weights] psum_spad[Outputs]"
    assert str(nests.as_mapping(LAYER, chip, EVEN, "inner")) == f"{inner} {spatial} C/1 M/1"
    outer = str(nests.as_mapping(LAYER, chip, EVEN, "outer"))
    assert "shared_glb[Inputs Outputs] M/4@X P/2@Y C/3@Y M/2 P/1 ifmap_spad" in outer


@pytest.mark.parametrize("place", nests.PLACES)
@pytest.mark.parametrize("layer", [LAYER, conv(m=8, c=12, p=6, r=3)], ids=["gemm", "conv"])
def test_tensor_by_tensor_equals_the_whole(chip, place, layer):
    nest = EVEN
    if layer.op == "conv":
        loops = [["Q", 6], ["R", 3], *EVEN["loops"], ["S", 3]]
        deeper = {t: [[m, d + 2 if d else 0] for m, d in at] for t, at in EVEN["keeps"].items()}
        nest = {**EVEN, "loops": loops, "keeps": deeper}
    cost = ow.evaluate(layer, chip, nests.as_mapping(layer, chip, nest, place))
    energy, cycles = nests.by_tensor(layer, chip, nest, place)
    assert (energy, cycles) == (near(cost.energy), cost.cycles(layer.name))
    assert nests.overfilled(layer, chip, nest, place) == ()


def test_the_place_of_spatial_loops_changes_no_total_without_windows(chip):
    assert nests.by_tensor(LAYER, chip, EVEN, "outer") == near(
        nests.by_tensor(LAYER, chip, EVEN, "inner")
    )


def test_uneven_nests_are_scored_by_tensor(chip):
    assert nests.as_mapping(LAYER, chip, UNEVEN) is None
    found = nests.score(LAYER, chip, UNEVEN, "energy")
    assert (found.method, found.mapping, found.overflow) == ("per tensor", "", ())
    # all 96 weights stay in the array, so each is read from DRAM once
    mapping = nests.mapping_for(LAYER, chip, UNEVEN, "Weights", "inner")
    cost = ow.evaluate(LAYER, nests.roomy(chip), mapping)
    reads = [e.count for e in cost.entries if (e.component, e.tensor) == ("DRAM", "Weights")]
    assert reads == [96]


def test_the_nearest_even_nest_is_a_mapping(chip):
    assert even.score(LAYER, chip, EVEN, "energy")[:2] == near(
        nests.score(LAYER, chip, EVEN, "energy")[:2]
    )
    glb = {at["Inputs"][1][1] for at in (n["keeps"] for n in even.evened(chip, UNEVEN))}
    assert glb == {1, 2}
    found = even.score(LAYER, chip, UNEVEN, "energy")
    # the weights may not stand outside the buffer, and before the inputs in a PE
    assert "shared_glb[Inputs Outputs] weights_spad[Weights]" not in found.mapping
    assert found.mapping.index("weights_spad") < found.mapping.index("ifmap_spad")


def test_a_nest_with_a_remainder_is_scored(chip):
    nest = {**EVEN, "spatial": [["M", 2, "X"], ["P", 4, "Y"], ["C", 2, "Y"]]}  # 2 x 4 > 6
    assert nests.score(LAYER, chip, nest, "edp").cycles == 48  # as long as with 2 x 3
    with pytest.raises(ValueError, match=r"cover only \{'P': 2\}"):
        nests.score(LAYER, chip, {**EVEN, "spatial": [["M", 2, "X"], ["C", 2, "Y"]]}, "edp")


def test_overfilled_memories_are_named(chip):
    keeps = {**EVEN["keeps"], "Outputs": [["DRAM", 0], ["shared_glb", 0], ["psum_spad", 0]]}
    found = nests.score(LAYER, chip, {**EVEN, "keeps": keeps}, "energy")
    assert found.overflow == ()
    large = gemm(m=80, c=12, p=60)
    nest = {**EVEN, "loops": [*EVEN["loops"], ["M", 10], ["P", 10]], "keeps": keeps}
    assert nests.score(large, chip, nest, "energy").overflow == ("ifmap_spad", "psum_spad")


def test_layers_are_single_groups_described_as_data():
    einsums = layers.load_layers()
    assert len(einsums) == len(layers.LAYERS)
    conv2 = layers.describe("conv2", einsums["alexnet/conv2"])
    assert conv2["ranks"] == dict(N=1, G=1, M=128, C=48, P=27, Q=27, R=5, S=5)
    assert conv2["tensors"]["Inputs"][3] == [["P", 1], ["R", 1]]
    assert einsums["mobilenet_v2/block1.dw"].sizes["G"] == 96  # depthwise: its groups are its work


def test_the_chip_is_described_in_words(chip):
    levels = {v["name"]: v for v in chips.describe(chip)["levels"]}
    assert [v["words"] for v in levels.values()] == [None, 131072, 24, 384, 16]
    assert levels["DRAM"]["read_pJ"] == near(512 / 8)
    assert levels["psum_spad"]["read_pJ"] == near(0.2513)
    assert [n for n, v in levels.items() if v["in_array"]] == list(levels)[2:]
    assert chip.dataflow.limits == ()
    assert chips.load("shipped").dataflow.limits


def test_zigzag_is_given_the_same_chip_and_layer(chip):
    given = zigzag_runner.accelerator(chips.describe(chip))
    assert next(iter(given["memories"])) == "psum_spad"
    glb = given["memories"]["shared_glb"]
    assert (glb["size"], glb["operands"]) == (2**20, ["I1", "O"])
    port = glb["ports"][0]
    # a word costs row / (words in a row)
    assert glb["r_cost"] * port["bandwidth_min"] / port["bandwidth_max"] == near(18.183829 / 8)
    (node,) = zigzag_runner.workload(layers.describe("c", conv(stride=2, m=4, c=3, p=6, r=3)))
    assert node["equation"] == "O[k][oy][ox]+=W[k][c][fy][fx]*I[c][iy][ix]"
    assert node["dimension_relations"] == ["iy=2*oy+1*fy", "ix=2*ox+1*fx"]
    assert dict(zip(node["pr_loop_dims"], node["pr_loop_sizes"], strict=True)) == dict(IY=13, IX=13)


def test_zigzags_levels_become_a_nest(chip):
    order = [("K", 2), ("C", 3), ("OY", 2), ("K", 2), ("C", 2)]  # innermost first
    levels = {
        "I": [order[:2], order[2:4], order[4:]],
        "W": [order, []],
        "O": [order[:1], order[1:3], order[3:]],
    }
    found = SimpleNamespace(
        temporal_mapping=SimpleNamespace(mapping_dic_origin=levels),
        layer=SimpleNamespace(
            spatial_mapping={"D1": {"K": 2, "OX": 1}, "D2": {"OY": 3, "C": 2}},
        ),
    )
    assert zigzag_runner.nest(chips.describe(chip), found) == UNEVEN


def test_accelforge_is_given_the_same_chip_and_layer(chip):
    text = accelforge_runner.specification(
        chips.describe(chip), layers.describe("c", conv(stride=2, m=4, c=3, p=6, r=3))
    )
    given = yaml.safe_load(text.replace("!Memory", "").replace("!Container", "").replace(
        "!Compute", ""))  # fmt: skip
    nodes = {n["name"]: n for n in given["arch"]["nodes"]}
    assert list(nodes)[2:4] == ["PE", "weights_spad"]
    assert nodes["PE"]["spatial"] == [dict(name="X", fanout=14), dict(name="Y", fanout=12)]
    assert float(nodes["shared_glb"]["actions"][0]["energy"]) == near(18.183829e-12 / 8)
    inputs = given["workload"]["einsums"][0]["tensor_accesses"][0]
    assert inputs["projection"] == {"C": "c", "X2": "2*p+r", "X3": "2*q+s"}
    pointwise = layers.describe("c", conv(stride=2, m=4, c=3, p=6, r=1))
    text = accelforge_runner.specification(chips.describe(chip), pointwise)
    assert "name: Inputs, projection: {C: c, P: p, Q: q}}" in text


class Reservation(SimpleNamespace):
    pass


class Storage(SimpleNamespace):
    pass


class Temporal(SimpleNamespace):
    pass


class Spatial(SimpleNamespace):
    pass


def test_accelforges_nodes_become_a_nest():
    path = [
        Reservation(resource="DRAM", purposes=["Inputs", "Weights", "Outputs"]),
        Reservation(resource="weights_spad", purposes=["Weights"]),
        Temporal(rank_variable="c", tile_shape=6),
        Reservation(resource="shared_glb", purposes=["Inputs"]),
        Storage(component="shared_glb", tensors=["Outputs"]),  # its tile changes with each M
        Temporal(rank_variable={"m"}, tile_shape=4),
        Reservation(resource="shared_glb", purposes=["Outputs"]),
        Temporal(rank_variable="p", tile_shape=3),
        Spatial(rank_variable="m", tile_shape=2, name="X"),
        Spatial(rank_variable="p", tile_shape=1, name="Y"),
        Spatial(rank_variable="c", tile_shape=3, name="Y"),
        Reservation(resource="ifmap_spad", purposes=["Inputs"]),
        Temporal(rank_variable="c", tile_shape=1),
        Reservation(resource="psum_spad", purposes=["Outputs"]),
        Temporal(rank_variable="m", tile_shape=1),
        SimpleNamespace(component="MAC"),
    ]
    assert accelforge_runner.nest(layers.describe("g", LAYER), path) == UNEVEN


def run(energy, cycles, cpu, overflow=(), status="finished"):
    score = {"energy_J": energy, "cycles": cycles, "overflow": list(overflow)}
    return {"status": status, "cpu_s": cpu, "score": score}


def test_ratios_say_who_is_better_and_what_misses():
    mine = "onewatt/free/perfect"
    runs = {
        f"{mine}|a|edp": run(2.0, 10, 0.1),
        f"{mine}|b|edp": run(2.0, 10, 0.1),
        f"{mine}|c|edp": run(2.0, 10, 0.1),
        f"{mine}|d|edp": run(2.0, 10, 0.1),
        "zigzag|a|edp": run(3.0, 20, 20.0),  # 3 times worse, 200 times slower
        "zigzag|b|edp": run(1.0, 15, 5.0),  # better, 50 times slower
        "zigzag|c|edp": {"status": "timeout", "cpu_s": 120.0},
        "zigzag|d|edp": run(1.0, 1, 5.0, overflow=["spad"]),
        "zigzag|a|energy": run(1.0, 1, 1.0),  # nothing of ours to compare with
    }
    (key, found), *rest = table.compare(runs).items()
    assert (key, rest) == (f"zigzag|edp|{mine}", [])
    assert found["layers"]["a"]["quality"] == near(3)
    assert found["layers"]["b"]["quality_even"] == near(0.75)
    assert found["layers"]["c"] == {"status": "timeout", "time": near(1200)}
    assert found["layers"]["d"]["status"] == "overfills spad"
    assert (found["worse_than_peer"], found["time_missed"]) == (["b"], ["b"])
    assert found["unfinished"] == ["c", "d"]
    assert (found["time_target"], found["scored"]) == (100, 2)
    assert found["quality"]["worst"] == near(0.75)
    assert table.summary({}, "tight")["time_target"] == 10
    data = {"runs": runs, "comparison": table.compare(runs), "skipped": {"x": "not installed"}}
    text = table.text(data)
    assert "| zigzag | edp | free/perfect | 0.750 |" in text
    assert "x was skipped: not installed." in text


def test_timeloop_ratios():
    row = {"timeloop": {"energy_J": 3.0, "cycles": 10}}
    row["o"] = {"edp": {"energy_J": 2.0, "cycles": 5, "cpu_s": 0.1}}
    assert timeloop_cases.ratios(row, "o", "edp") == {
        "quality": near(3), "time_low": near(30), "time_high": near(160),
    }  # fmt: skip


def test_without_reference_data_timeloop_is_skipped(monkeypatch):
    monkeypatch.delenv("ONEWATT_REFERENCE_DATA", raising=False)
    assert "ONEWATT_REFERENCE_DATA" in timeloop_cases.compare()["skipped"]


def test_our_search_is_measured(chip):
    found = ours.measure(gemm(), chip, "energy", ours.tile_sets()[0])
    assert found["cpu_s"] > 0
    assert found["score"]["mapping"].startswith("DRAM[")


def test_stored_runs_are_kept_and_rounded(tmp_path):
    path = tmp_path / "results.json"
    store = compare.Store(path)
    store.put("zigzag|a|edp", {"status": "finished", "cpu_s": 1.23456789, "nest": [["M", 2]]})
    again = compare.Store(path)
    assert again.has("zigzag|a|edp")
    assert not again.has("zigzag|b|edp")
    assert again.data["runs"]["zigzag|a|edp"]["cpu_s"] == 1.23457


def test_cpu_time_is_counted_and_limited():
    watch = stopwatch.Stopwatch()
    sum(i * i for i in range(200_000))
    assert watch.seconds > 0
    with pytest.raises(stopwatch.OutOfTime):
        stopwatch._stop(0, None)


def test_the_page_shows_the_stored_results():
    root = Path(compare.__file__).parents[2]
    stored = json.loads(compare.RESULTS.read_text())
    page = (root / "docs" / "peers.md").read_text()
    assert table.text(stored) in page
