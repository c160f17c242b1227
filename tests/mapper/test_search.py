from __future__ import annotations

import msgspec
import pytest

from chips_by_hand import tiny
from layers_by_hand import conv, gemm, network, relu
from mapper.brute_force import all_costs
from near import near
from onewatt.components.library import prices
from onewatt.errors import InputError, MappingError
from onewatt.mapper.exact import search_layer
from onewatt.mapper.search import search
from onewatt.model.bound import least
from onewatt.model.evaluate import evaluate
from onewatt.spec.architecture import Container, Dataflow, Limit, Network, SparseFeature
from onewatt.spec.budget import Budget
from onewatt.spec.network import ActionEnergy
from onewatt.spec.workload import Rank


@pytest.mark.parametrize(
    ("sizes", "buffer_bits"), [((3, 3, 2), 160), ((2, 5, 2), 96), ((2, 2, 4), 1024)]
)
def test_finds_the_optimum_of_tiny_layers(sizes, buffer_bits):
    m, c, p = sizes
    layer, chip = gemm(m=m, c=c, p=p), tiny(buffer_bits=buffer_bits, spad_bits=32)
    every = all_costs(layer, chip)
    front = search_layer(layer, chip, prices(chip), tiles="full").front
    for value in (lambda e, c: e, lambda e, c: c, lambda e, c: e * c):
        found = min(value(x.energy, x.cycles) for x in front)
        assert found == near(min(value(e, c) for e, c, _ in every), rel=1e-12)


def test_sums_that_come_back_may_cost_more_than_those_that_leave():
    """A register that takes partial sums back at a price, behind a network that adds them free."""
    chip = tiny()
    pad = next(m for m in chip.memories if m.name == "Spad")
    costly = msgspec.structs.replace(pad, energy=tuple(
        ActionEnergy(action=a, energy=e * 1e-12)
        for a, e in (("read", 30), ("fill", 1), ("update", 1), ("drain", 1))
    ))  # fmt: skip
    net = Network(name="sums", tensors=("Outputs",), axes=("Y", "X"), reduces=True,
                  energy=(ActionEnergy(action="hop", energy=0.0),))  # fmt: skip
    nodes = [n for n in chip.nodes if not (isinstance(n, Network) and "Outputs" in n.tensors)]
    at = next(i for i, n in enumerate(nodes) if isinstance(n, Container))
    nodes = [*nodes[:at], net, *nodes[at:]]
    chip = msgspec.structs.replace(chip, nodes=tuple(costly if n is pad else n for n in nodes))
    layer = gemm(m=4, c=3, p=2)
    every = all_costs(layer, chip)
    for objective, part in (("energy", 0), ("latency", 1)):
        found = search(network(layer), chip, objective=objective, tiles="full").layers[0]
        assert found.optimal
        cost = evaluate(layer, chip, found.mapping)
        best = (cost.energy, cost.cycles(layer.name))[part]
        assert best == near(min(x[part] for x in every), rel=1e-6)


def test_a_rank_that_addresses_no_tensor_is_work_without_words():
    layer = gemm(m=2, c=2, p=2)
    layer = msgspec.structs.replace(layer, ranks=(*layer.ranks, Rank(name="Z", size=3)))
    chip = tiny(buffer_bits=160, spad_bits=32)
    every = all_costs(layer, chip)
    for objective, part in (("energy", 0), ("latency", 1)):
        found = search(network(layer), chip, objective=objective, tiles="full").layers[0]
        best = evaluate(layer, chip, found.mapping)
        reached = (best.energy, best.cycles(layer.name))[part]
        assert reached == near(min(row[part] for row in every), rel=1e-12)
        assert 0 < found.lower_bound.value <= (reached / chip.clock if part else reached)


def test_no_mapping_beats_the_bound():
    layer, chip = gemm(m=3, c=3, p=2), tiny(buffer_bits=160, spad_bits=32)
    energy, cycles = least(layer, chip, prices(chip))
    for e, c, _ in all_costs(layer, chip):
        assert e >= energy
        assert c >= cycles


def test_the_answer_does_not_depend_on_workers():
    net = network(conv(), gemm(), relu(), conv("again"), conv("other", m=6, p=4))
    one, two = search(net, tiny(), workers=1), search(net, tiny(), workers=2)
    assert msgspec.json.encode(one) == msgspec.json.encode(two)


def test_fewer_than_no_workers_or_boxes_are_refused():
    for wrong in ({"workers": -1}, {"effort": -1}):
        with pytest.raises(InputError, match=r"-1.*; expected at least 0"):
            search(network(gemm()), tiny(), **wrong)


def test_equal_layers_are_searched_once():
    seen = []
    net = network(conv("a"), conv("b"), gemm())
    result = search(net, tiny(), progress=lambda done, total, layer: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert result.layers[0].mapping == result.layers[1].mapping


def test_objectives_order_as_they_should():
    net = network(conv(m=12, c=8, p=10), gemm(m=30, c=20, p=4))
    found = {o: search(net, tiny(), objective=o) for o in ("energy", "latency", "edp", "layer_edp")}
    for result in found.values():
        assert found["energy"].energy <= result.energy
        assert found["latency"].latency <= result.latency
        assert found["edp"].edp <= result.edp * (1 + 1e-12)
    assert [layer.lower_bound.unit for layer in found["latency"].layers] == ["s", "s"]


def test_the_result_is_what_the_model_says():
    net = network(conv(count=2), relu())
    result = search(net, tiny())
    cost = sum(
        (evaluate(e, tiny(), layer.mapping)
         for e, layer in zip(net.einsums, result.layers, strict=True)),
        start=type(result.cost)(),
    )  # fmt: skip
    assert cost == result.cost


def test_a_dataflow_is_obeyed():
    limits = (Limit(where="Y", ranks=("C",)), Limit(where="X", ranks=("M",)))
    chip = tiny(dataflow=Dataflow(name="weight-stationary", limits=limits))
    for choice in search_layer(conv(), chip, prices(chip)).front:
        for node in choice.mapping.nodes:
            if hasattr(node, "axis"):
                assert node.rank == {"Y": "C", "X": "M"}[node.axis]


def test_a_limit_on_an_unknown_place_is_named():
    chip = tiny(dataflow=Dataflow(name="odd", limits=(Limit(where="Z", ranks=("C",)),)))
    with pytest.raises(
        InputError, match=r"unknown memory or axis 'Z'.*Valid: DRAM, GLB, Spad, Y, X"
    ):
        search(network(conv()), chip)


def test_what_does_not_fit_says_where():
    with pytest.raises(
        MappingError, match=r"'conv' does not fit chip 'tiny': 'Spad' holds 3 B and .* needs 6 B"
    ):
        search(network(conv()), tiny(spad_bits=8))


def test_an_unknown_objective_is_named():
    with pytest.raises(InputError, match=r"unknown objective 'enregy'. Did you mean 'energy'"):
        search(network(conv()), tiny(), objective="enregy")


def test_wider_words_than_the_chip_are_refused():
    layer = conv()
    wide = msgspec.structs.replace(layer.output, bits=32)
    with pytest.raises(MappingError, match=r"'Outputs' has 32 bits, chip 'tiny' computes 16"):
        search(network(msgspec.structs.replace(layer, output=wide)), tiny())


def test_a_budget_is_judged():
    result = search(network(conv()), tiny(), budget=Budget.parse("1 W, 1 pJ, 10 fps"))
    assert [(v.kind, v.met) for v in result.budget] == [
        ("power", True), ("energy", False), ("rate", True),
    ]  # fmt: skip


def test_layers_without_a_unit_are_named_not_dropped():
    chip = tiny()
    bare = msgspec.structs.replace(chip, nodes=chip.nodes[:-1])
    result = search(network(conv(), relu()), bare)
    assert [(u.name, u.words) for u in result.workload.unpriced] == [("relu", 40)]
    assert [layer.name for layer in result.layers] == ["conv"]


def test_optional_memories_are_kept_or_bypassed_as_it_pays():
    """A buffer that may keep anything never makes the answer worse than one that is not there."""
    base = tiny()
    every = ("Inputs", "Weights", "Outputs")
    free = tuple(
        msgspec.structs.replace(n, keeps=(), may_keep=every) if n.name == "GLB" else n
        for n in base.nodes
    )
    without = tuple(n for n in base.nodes if n.name != "GLB")
    layer = gemm(m=16, c=12, p=10)
    best = {}
    for name, nodes in (("free", free), ("without", without), ("fixed", base.nodes)):
        chip = tiny(nodes=nodes)
        best[name] = min(c.energy for c in search_layer(layer, chip, prices(chip)).front)
    assert best["free"] <= best["without"] * (1 + 1e-12)
    assert best["free"] <= best["fixed"] * (1 + 1e-6)


def test_no_found_mapping_beats_the_bound_with_zeros():
    for feature in (SparseFeature(tensor="Inputs", skips=("Weights",)),
                    SparseFeature(tensor="Inputs", gates=("Weights",))):  # fmt: skip
        nodes = tuple(
            msgspec.structs.replace(n, sparse=(feature,)) if n.name in ("MAC", "Spad") else n
            for n in tiny().nodes
        )
        chip = tiny(nodes=nodes)
        for density in (0.1, 0.3, 0.77):
            layer = gemm(m=13, c=8, p=5)
            thin = msgspec.structs.replace(layer.inputs[0], density=density)
            layer = msgspec.structs.replace(layer, inputs=(thin, layer.inputs[1]))
            energy, cycles = least(layer, chip, prices(chip))
            for choice in search_layer(layer, chip, prices(chip)).front:
                assert choice.energy >= energy * (1 - 1e-12)
                assert choice.cycles >= cycles
