"""Chen, Yang, Emer, Sze, JETCAS 2019 (jetcas19): the ratios of Eyeriss v2, its scaling, its limits.

Only figures that stand in the text of the paper are thresholds here; they are in
examples/eyeriss_v2.py, which makes the table that is checked.
"""

from __future__ import annotations

import csv
import itertools
import math
import os
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onewatt as ow
from layers_by_hand import conv
from near import near
from onewatt.errors import InputError
from onewatt.model.rs_plus.layer import layer_of
from onewatt.model.rs_plus.machine import machine_of
from onewatt.model.rs_plus.plan import quickest
from onewatt.model.rs_plus.run import run
from onewatt.model.rs_plus.windows import slowest_window
from onewatt.spec.architecture import Container, Network

ROOT = Path(__file__).resolve().parents[2]
DATA = os.environ.get("ONEWATT_REFERENCE_DATA")


@pytest.fixture(scope="module")
def study():
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        import eyeriss_v2

        yield eyeriss_v2
    finally:
        sys.path.remove(str(ROOT / "examples"))


@pytest.fixture(scope="module")
def chosen(study):
    return study.parameters()


@pytest.fixture(scope="module")
def rows(study, chosen):
    return {(r.quantity, r.unit): r for r in study.table(chosen)}


@pytest.fixture
def reference():
    if not DATA:
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: Eyeriss v2 is NOT checked against its data")
    return Path(DATA) / "eyeriss_v2"


# -- the paper ------------------------------------------------------------------------------


#: Within 20 % in speed and 35 % in energy.  v2 sparse MobileNet over sparse AlexNet is not: 5.3
#: published, 6.5 here; it is in the table as missed.
VERIFIED = (
    "v2 sparse MobileNet / v1 MobileNet", "v2 sparse AlexNet / v1 AlexNet",
    "v2 sparse MobileNet / v1 AlexNet", "network: v1.5 / v1, MobileNet",
    "sparsity: v2 sparse / dense MobileNet",
)  # fmt: skip


@pytest.mark.parametrize("quantity", VERIFIED)
def test_ratios_are_as_published(rows, quantity):
    assert abs(rows[quantity, "inf/s ratio"].error) <= 0.20
    assert abs(rows[quantity, "inf/J ratio"].error) <= 0.35


def test_ratios_are_within_a_fifth_but_for_the_energy_of_alexnet(rows):
    """A stricter limit than the one that was set for energy; what it leaves out is named."""
    apart = {
        (quantity, unit): rows[quantity, unit].error
        for quantity in VERIFIED for unit in ("inf/s ratio", "inf/J ratio")
    }  # fmt: skip
    beyond = {key for key, error in apart.items() if abs(error) > 0.20}
    assert beyond == {("v2 sparse AlexNet / v1 AlexNet", "inf/J ratio")}
    assert apart["v2 sparse AlexNet / v1 AlexNet", "inf/J ratio"] == near(-0.235, rel=0.03)


def test_operations_a_joule_are_twice_the_macs(reference):
    """GOPS/W = 2 MACs inf/J in Table VI, of which only one row is confirmed otherwise."""
    macs = {"AlexNet": 724.4e6, "MobileNet": 49_160_192}
    with (reference / "jetcas_table6.csv").open() as file:
        for row in csv.DictReader(file):
            each = macs[row["network"].removeprefix("sparse ")]
            assert 2 * each * float(row["inf_j"]) / 1e9 == near(float(row["gops_w"]), rel=0.002)


def test_the_rest_of_the_table(rows):
    assert abs(rows["v2 MobileNet / AlexNet", "inf/s ratio"].error) <= 0.20
    assert abs(rows["v2 sparse MobileNet", "inf/s"].error) <= 0.20
    assert abs(rows["v2 sparse MobileNet / sparse AlexNet", "inf/J ratio"].error) <= 0.35
    missed = rows["v2 sparse MobileNet / sparse AlexNet", "inf/s ratio"]
    assert 0.20 < missed.error < 0.25  # a known miss: if it is gone, say so in docs/eyeriss_v2.md


def test_published_figures_are_those_of_the_data(study, reference):
    with (reference / "ratios.csv").open() as file:
        typed = [(float(r["inf_s_ratio"]), float(r["inf_j_ratio"] or 0))
                 for r in csv.DictReader(file) if r["status"] == "published"]  # fmt: skip
    mine = [(s, e or 0.0) for *_, s, e in study.RATIOS.values()]
    assert sorted(mine) == sorted(typed)
    with (reference / "layer_gops_w.csv").open() as file:
        typed = [float(r["gops_w_nominal"]) for r in csv.DictReader(file)]
    assert sorted(study.LAYERS.values()) == sorted(typed)
    with (reference / "jetcas_table6.csv").open() as file:
        row = next(r for r in csv.DictReader(file) if r["status"].startswith("published"))
    assert (float(row["inf_s"]), float(row["inf_j"])) == study.ABSOLUTE


def test_three_parameters_are_what_two_rows_give(study, chosen):
    found = study.fit(chosen)
    assert len(study.Free.__struct_fields__) == 3
    for field in study.Free.__struct_fields__:
        assert getattr(chosen.free, field) == near(getattr(found, field), rel=1e-3)
    assert len(study.FITTED) == 2


def test_the_workload_is_the_paper_s(study, chosen, reference):
    from eyeriss_v2_setup import workload

    net = workload(chosen, "sparse MobileNet")
    assert net.macs == 49_160_192
    with (reference / "mobilenet05_128_layers.csv").open() as file:
        published = [int(r["dense_macs"]) for r in csv.DictReader(file)]
    assert [e.macs for e in net.einsums if e.work == "mac"] == published


def test_layers_save_what_the_paper_says(study, chosen):
    rows = study.layer_table(chosen)
    assert all(abs(r.error) <= 0.35 for r in rows), [(r.quantity, r.error) for r in rows]


def test_the_mesh_takes_little_energy(study, chosen):
    """6 to 10 % (jetcas19, section V, text); sparse networks come to more here."""
    found = study.mesh_shares(chosen)
    assert 0.06 <= found["AlexNet"] <= 0.10
    assert found["MobileNet"] == near(0.10, rel=0.15)
    assert max(found.values()) < 0.18


def test_sparse_pes_do_not_help_depthwise_layers(study, chosen):
    """Nothing to skip, a deeper pipeline: slightly slower than the dense PE (text)."""
    kinds = [("v1.5", "MobileNet"), ("v2", "MobileNet")]
    dense, sparse = (
        sum(p.cycles for p in study.outcome(chosen, pair).plans if p.layer.name.endswith(".dw"))
        for pair in kinds
    )
    assert 1.0 < sparse / dense < 1.35


def test_the_mesh_serves_fully_connected_layers_as_the_paper_draws(study, chosen):
    """Fig. 9: weights to one PE each, inputs to all."""
    plan = next(p for p in study.outcome(chosen, study.V2_ALEX).plans if p.layer.name == "fc7")
    assert (plan.mode("Weights"), plan.mode("Inputs")) == ("unicast", "broadcast")


def test_the_page_shows_these_tables(study, chosen):
    """`python examples/eyeriss_v2.py` prints them."""
    page = (ROOT / "docs" / "eyeriss_v2.md").read_text(encoding="utf-8")
    assert study.markdown(chosen).split("\n\n")[0] in page
    assert study.markdown(chosen).split("\n\n")[1].strip() in page


# -- scaling --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def steps(study, chosen):
    made = study.scaling(chosen)
    return {(s.chip, s.network, s.kind, s.pes): s for s in made}


@pytest.mark.parametrize("network", ["alexnet", "googlenet", "mobilenet_v1"])
def test_v2_scales_and_v1_does_not(steps, network):
    assert steps["v2", network, "all", 1024].of_linear > 0.97
    assert steps["v2", network, "all", 16384].of_linear > 0.85
    assert steps["v1", network, "all", 16384].speedup < 1.6
    assert steps["v1", network, "FC", 16384].speedup == near(1.0, rel=0.05)


def test_v1_gains_nothing_on_depthwise_layers(steps):
    assert steps["v1", "mobilenet_v1", "DW", 1024].speedup <= 1.05
    assert steps["v1", "mobilenet_v1", "DW", 16384].speedup <= 1.10  # of 64
    assert steps["v2", "mobilenet_v1", "DW", 1024].of_linear > 0.95


@pytest.mark.parametrize("pes", [256, 1024, 16384])
def test_scaled_chips_differ_in_their_clusters_alone(pes):
    chip, small = ow.load_chip(f"eyeriss_v2_{pes}"), ow.load_chip("eyeriss_v2_256")
    assert chip.pes == pes
    for mine, theirs in zip(chip.nodes, small.nodes, strict=True):
        if isinstance(mine, Network) and mine.words_per_cycle:
            # the rate of a cluster is the same wherever it is stated
            assert mine.words_per_cycle * chip.instances(mine.name) / pes == near(
                theirs.words_per_cycle * small.instances(theirs.name) / 256
            )
        elif not isinstance(mine, Container) and not isinstance(mine, Network):
            assert mine == theirs


# -- the chips ------------------------------------------------------------------------------


def test_the_chip_is_what_the_paper_says():
    """Section III to V and Table V: 192 PEs, 384 MACs a cycle, spads, buffers, rates."""
    chip = ow.load_chip("eyeriss_v2")
    assert (chip.pes, chip.mac.lanes, chip.instances("GLB")) == (192, 2, 16)
    sizes = {m.name: m.capacity for m in chip.memories}
    assert (sizes["weight_spad"], sizes["iact_spad"], sizes["psum_spad"]) == (
        96 * 24, 16 * 12, 32 * 20
    )  # fmt: skip
    machine = machine_of(chip, stages=7)
    assert (machine.window, machine.weights, machine.psums) == (16, 192, 32)
    # routers of a cluster: three of 24 bits, three of 24 bits, four of 40 bits
    assert machine.rate == {"Inputs": 72.0, "Weights": 72.0, "Outputs": 160.0}
    assert machine.glb == {"Inputs": 72 * 8192, "Weights": math.inf, "Outputs": 120 * 8192}
    # weights horizontally, sums vertically, inputs everywhere
    levels = {x.name: (x.inputs, x.weights, x.sums) for x in (*machine.outer, *machine.inner)}
    assert levels == {
        "CY": (True, False, True), "CX": (True, True, False),
        "Y": (True, False, True), "X": (True, True, False),
    }  # fmt: skip


def test_a_filter_row_longer_than_the_window_is_refused_by_name():
    machine = machine_of(ow.load_chip("eyeriss_v2"))
    with pytest.raises(InputError, match=r"filter rows of 17.*window of at most 16.*iact_spad"):
        quickest(layer_of(conv(r=17, p=4)), machine)


def test_other_work_is_refused():
    softmax = next(e for e in ow.load_workload("alexnet").einsums if e.work == "vector")
    with pytest.raises(InputError, match="maps MAC work only"):
        layer_of(softmax)
    chip = ow.load_chip("eyeriss_v2")
    bare = tuple(n for n in chip.nodes if not isinstance(n, (Container, Network)))
    alone = msgspec.structs.replace(chip, nodes=bare)
    with pytest.raises(InputError, match="no array of PEs"):
        machine_of(alone)
    with pytest.raises(InputError, match="at least 0"):
        run(ow.load_workload("alexnet"), machine_of(chip), standing=-1.0)


# -- the model ------------------------------------------------------------------------------


def literal_window(inputs, weights, lanes):
    """Cycles of one PE: each non-zero input meets the non-zeros of its column (text)."""
    return sum(
        -(-sum(1 for w in column if w) // lanes)
        for x, column in zip(inputs, weights, strict=True) if x
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 0.75]), st.integers(1, 2),
    st.integers(1, 2), st.integers(1, 2), st.integers(1, 2),
)  # fmt: skip
def test_the_slowest_window_is_the_mean_over_all_zeros(d_i, d_w, words, filters, lanes, pes):
    """Every pattern of zeros of every PE, weighed by its chance."""
    one = {}
    for bits in itertools.product((0, 1), repeat=words * (1 + filters)):
        inputs, rest = bits[:words], bits[words:]
        columns = [rest[i * filters : (i + 1) * filters] for i in range(words)]
        chance = math.prod(d_i if x else 1 - d_i for x in inputs)
        chance *= math.prod(d_w if x else 1 - d_w for x in rest)
        cycles = literal_window(inputs, columns, lanes)
        one[cycles] = one.get(cycles, 0.0) + chance
    mean = sum(
        max(c for c, _ in several) * math.prod(p for _, p in several)
        for several in itertools.product(one.items(), repeat=pes)
    )
    assert slowest_window(d_i, d_w, (words, filters), lanes=lanes, pes=pes) == near(mean)


@pytest.mark.parametrize(("layer", "limit"), [("07", 0.15), ("13", 0.15), ("21", 0.15),
                                              ("27", 0.15)])  # fmt: skip
def test_the_slowest_window_of_real_masks(reference, layer, limit):
    """64 positions or fewer at a time, windows of 8 channels, 32 filters in a PE."""
    found = np.load(reference / "masks" / f"L{layer}.npz")

    def mask(key):
        shape = found[key + "_shape"]
        return np.unpackbits(found[key + "_packed"])[: shape.prod()].reshape(shape).astype(int)

    inputs, weights = mask("iacts"), mask("weights")
    columns = -(-weights.reshape(-1, 32, weights.shape[1]).sum(1) // 2)
    longest, pes = [], min(64, len(inputs))
    for column in columns:
        cycles = (inputs * column).reshape(len(inputs), -1, 8).sum(2)
        longest += [cycles[i : i + pes].max(0).mean() for i in range(0, len(inputs), pes)]
    expected = slowest_window(inputs.mean(), weights.mean(), (8, 32), lanes=2, pes=pes)
    assert np.mean(longest) == near(expected, rel=limit)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.sampled_from([1, 3, 5]),
    st.sampled_from([1, 2]), st.sampled_from(["eyeriss_v2", "eyeriss_v2_v15", "eyeriss_v2_v1"]),
)  # fmt: skip
def test_no_plan_beats_its_chip(m, c, p, r, stride, name):
    chip = ow.load_chip(name)
    machine = machine_of(chip)
    layer = layer_of(conv(m=m, c=c, p=p, r=r, stride=stride))
    plan = quickest(layer, machine)
    assert plan.cycles >= layer.macs / (chip.pes * chip.mac.lanes)
    assert math.prod(plan.counts.values()) <= chip.pes
    assert plan.active <= chip.pes
    assert plan.m0 <= machine.psums
    assert plan.m0 * plan.c0 * r <= machine.weights
    # every word reaches a PE at least once, every sum leaves one
    assert plan.words["weights"] >= layer.weight_words * (1 - 1e-9)
    assert plan.words["sums"] >= layer.output_words * (1 - 1e-9)
    # and no more is read from buffers than reaches PEs
    assert plan.words["read"] <= plan.words["inputs"] * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_zeros_never_cost_time(inputs, weights):
    machine = machine_of(ow.load_chip("eyeriss_v2"), stages=7)
    dense = layer_of(conv(m=64, c=32, p=8, r=1))
    sparse = dense._replace(inputs=inputs, weights=weights)
    assert quickest(sparse, machine).cycles <= quickest(dense, machine).cycles * (1 + 1e-9)
