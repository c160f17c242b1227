"""Row-stationary plus: a PE that is walked step by step, and the words that clusters share."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onewatt as ow
from layers_by_hand import conv, einsum, gemm
from near import near
from onewatt.errors import InputError
from onewatt.model.rs_plus.charge import charge
from onewatt.model.rs_plus.layer import layer_of
from onewatt.model.rs_plus.machine import machine_of
from onewatt.model.rs_plus.plan import quickest
from onewatt.model.rs_plus.windows import slowest_window
from onewatt.model.sparse_pe import sparse_pe_cycles
from onewatt.spec.architecture import Container

STAGES = 7


def lone(name="eyeriss_v2"):
    """A chip with a single PE, whose routers are those of one cluster."""
    chip = ow.load_chip(name)
    clusters = chip.instances("GLB")
    nodes = []
    for node in chip.nodes:
        if isinstance(node, Container):
            fanout = tuple(msgspec.structs.replace(a, size=1) for a in node.fanout)
            node = msgspec.structs.replace(node, fanout=fanout)
        elif node.name in ("weight_mesh", "psum_between"):
            node = msgspec.structs.replace(node, words_per_cycle=node.words_per_cycle / clusters)
        nodes.append(node)
    return machine_of(msgspec.structs.replace(chip, nodes=tuple(nodes)), stages=STAGES)


class Walk:
    """One PE, as the paper tells it (jetcas19, sections III and IV).

    For each input of a window all filters in turn, `lanes` at a time; then the sums of the window
    pass the adders once.  The window slides along a row; only inputs that were not in it come in.
    """

    def __init__(self, layer, plan, lanes):
        self.layer, self.lanes, self.n = layer, lanes, layer.size
        self.found, self.row, self.held = Counter(), None, set()
        sets = itertools.product(range(self.n["G"]), cut(self.n["M"], plan.m0))
        self.parts = list(itertools.product(cut(self.n["C"], plan.c0), range(self.n["R"])))
        self.rows = list(itertools.product(range(self.n["N"]), range(self.n["P"])))
        for group, filters in sets:
            (self.rest_weights if plan.order == "weights" else self.rest_sums)(group, filters)

    def rest_weights(self, group, filters):
        for channels, r in self.parts:
            self.load(filters, channels)
            for image, p in self.rows:
                self.start()
                for q in range(self.n["Q"]):
                    self.window((image, group, channels), (p, r, q), filters)
                    self.gather(filters)

    def rest_sums(self, group, filters):
        loaded = None
        for image, p in self.rows:
            self.row = None
            for q in range(self.n["Q"]):
                self.found["compute"] += STAGES
                for channels, r in self.parts:
                    if loaded != (channels, r):
                        self.load(filters, channels)
                    loaded = channels, r
                    self.window((image, group, channels), (p, r, q), filters)
                self.gather(filters)

    def start(self):
        self.found["compute"] += STAGES
        self.row = None

    def load(self, filters, channels):
        self.found["weights"] += len(filters) * len(channels) * self.n["S"]

    def window(self, where, place, filters):
        p, r, q = place
        line = *where, self.layer.down * p + r
        columns = range(self.layer.along * q, self.layer.along * q + self.n["S"])
        need = set(itertools.product(where[-1], columns))
        self.found["inputs"] += len(need - self.held) if self.row == line else len(need)
        self.held, self.row = need, line
        self.found["compute"] += len(need) * -(-len(filters) // self.lanes)

    def gather(self, filters):
        self.found["sums"] += len(filters)
        self.found["compute"] += -(-len(filters) // self.lanes)


def cut(size, each):
    return [tuple(range(i, min(size, i + each))) for i in range(0, size, each)]


@st.composite
def layers(draw):
    r, stride = draw(st.sampled_from([1, 2, 3])), draw(st.integers(1, 3))
    if draw(st.booleans()):
        fields = {"m": draw(st.integers(1, 40)), "c": draw(st.integers(1, 30))}
        return conv(stride=stride, n=draw(st.integers(1, 2)), p=draw(st.integers(1, 4)), r=r,
                    **fields)  # fmt: skip
    sizes = {"G": draw(st.integers(1, 4)), "P": draw(st.integers(1, 4)),
             "Q": draw(st.integers(1, 4)), "R": r, "S": r}  # fmt: skip
    return einsum("dw", sizes, f"G {stride}P+R {stride}Q+S", "G R S", "G P Q")


@settings(max_examples=150, deadline=None)
@given(layers(), st.sampled_from(["eyeriss_v2", "eyeriss_v2_v15"]))
def test_a_pe_equals_the_walk(case, name):
    machine, layer = lone(name), layer_of(case)
    plan = quickest(layer, machine)
    found = Walk(layer, plan, machine.lanes).found
    assert plan.busy["compute"] == near(found["compute"])
    for key in ("inputs", "weights", "sums"):
        assert plan.words[key] == near(found[key]), key
    raw = {"Inputs": "inputs", "Weights": "weights", "Outputs": "sums"}
    for tensor, key in raw.items():
        bits = found[key] * machine.bits[tensor]
        assert plan.busy[tensor] == near(bits / machine.rate[tensor])


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 16), st.integers(1, 32),
       st.sampled_from([1, 2]))  # fmt: skip
def test_a_window_of_one_pe_is_the_mean_of_the_sparse_pe(inputs, weights, words, filters, lanes):
    """The closed form of `onewatt.model.sparse_pe`, which the running machine witnesses."""
    window = slowest_window(inputs, weights, (words, filters), lanes=lanes)
    closed = sparse_pe_cycles(inputs, weights, (1, words, filters), simd=lanes, m0=filters)
    assert window == pytest.approx(closed, rel=1e-6, abs=1e-9)


def test_a_layer_by_hand():
    """4 inputs and 4 outputs: 4 columns of 2 cycles, 4 sums through 2 adders; 16 weights alone."""
    plan = quickest(layer_of(gemm(m=4, c=4, p=1)), lone())
    assert plan.busy["compute"] == 4 * 2 + 2 + STAGES
    assert plan.cycles == near(17 + 16 / 9)
    assert (plan.words["weights"], plan.words["inputs"], plan.words["sums"]) == (16, 4, 4)


def test_the_ledger_of_a_dense_layer():
    """Every MAC reads and updates a sum; two weights come with one read; inputs once a column."""
    chip = machine_of(ow.load_chip("eyeriss_v2"), stages=STAGES)
    layer = layer_of(conv(m=64, c=32, p=8, r=1))
    plan = quickest(layer, chip)
    cost = charge(plan, chip)
    counts = cost.count_by(lambda e: (e.component, e.tensor, e.action))
    assert counts["MAC", "Outputs", "compute"] == layer.macs
    assert counts["psum_spad", "Outputs", "update"] == layer.macs
    assert counts["weight_spad", "Weights", "read"] == layer.macs
    assert counts["iact_spad", "Inputs", "read"] == near(layer.macs / plan.m0)
    assert counts["DRAM", "Weights", "read"] >= layer.weight_words
    reads = [e for e in cost.entries if (e.component, e.action) == ("weight_spad", "read")]
    price = ow.prices(chip.chip).find("weight_spad", "read")
    assert reads[0].energy == near(layer.macs / 2 * price.energy)
    assert cost.cycles(layer.name) == near(plan.cycles)


def test_standing_power_and_scale():
    chip = machine_of(ow.load_chip("eyeriss_v2"))
    plan = quickest(layer_of(conv(m=64, c=32, p=8, r=1)), chip)
    usual, more = charge(plan, chip), charge(plan, chip, standing=0.5, scale=2.0)
    spent = more.energy_by(lambda e: e.component)
    assert spent["chip"] == near(0.5 * plan.cycles / chip.chip.clock)
    before = usual.energy_by(lambda e: e.component)
    for component, energy in before.items():
        assert spent[component] == near(energy * (1 if component == "DRAM" else 2))


def test_more_networks_shared_means_fewer_words():
    """In a cluster PEs that differ in filters alone share inputs, along rows they share weights."""
    machine = machine_of(ow.load_chip("eyeriss_v2"))
    plan = quickest(layer_of(gemm(m=192, c=64, p=1)), machine)
    assert math.prod(plan.counts.values()) == 192
    assert plan.words["read"] <= plan.words["arriving"] <= plan.words["inputs"]
    assert plan.words["leaving"] <= plan.words["sums"]


def test_gated_zeros_save_no_time():
    machine = machine_of(ow.load_chip("eyeriss_v2_v15"))
    dense = layer_of(conv(m=32, c=16, p=8))
    half = dense._replace(inputs=0.5)
    assert quickest(half, machine).cycles == quickest(dense, machine).cycles
    spent = [charge(quickest(x, machine), machine).energy for x in (half, dense)]
    assert spent[0] < spent[1]


def test_ranks_that_the_dataflow_does_not_know_are_refused():
    strange = einsum("conv3d", {"M": 4, "C": 2, "Z": 3}, "C Z", "M C", "M Z")
    with pytest.raises(InputError, match="rank 'Z'; row-stationary plus knows N, G, M"):
        layer_of(strange)
    with pytest.raises(InputError, match="pipeline of -1 stages"):
        machine_of(ow.load_chip("eyeriss_v2"), stages=-1)
