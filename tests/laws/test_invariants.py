"""What must hold for every layer, mapping and chip."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chips_by_hand import tiny
from laws.nests import architectures, einsums, mappings, placed_mappings
from layers_by_hand import conv
from onewatt.mapper.exact import search_layer
from onewatt.mapper.front import Choice, choose, pareto
from onewatt.model import sparse
from onewatt.model.counts import count
from onewatt.model.evaluate import evaluate
from onewatt.model.nest import lower
from onewatt.spec.mapping import Mapping, Spatial, Storage, Temporal

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def words(einsum, architecture, mapping):
    counts = count(einsum, architecture, lower(einsum, mapping))
    return {(t.level, t.tensor, t.action): t.words for t in counts.traffic}, counts.steps


@SETTINGS
@given(st.data())
def test_a_loop_of_one_trip_changes_nothing(data):
    einsum = data.draw(einsums())
    architecture, mapping = data.draw(architectures()), data.draw(placed_mappings(einsum))
    nodes, left = [], einsum.sizes
    for node in mapping.nodes:
        rank = data.draw(st.sampled_from(sorted(left)))
        nodes += [Temporal(rank=rank, size=left[rank]), node]
        if not isinstance(node, Storage):
            left[node.rank] = min(left[node.rank], node.size)
    assert words(einsum, architecture, mapping) == words(
        einsum, architecture, Mapping(nodes=tuple(nodes))
    )


@SETTINGS
@given(st.data())
def test_swapping_neighbouring_irrelevant_loops_changes_no_traffic_of_a_tensor(data):
    einsum = data.draw(einsums())
    architecture, mapping = data.draw(architectures()), data.draw(placed_mappings(einsum))
    nodes = list(mapping.nodes)
    # a rank cut over space may leave instances idle in its last trip, and then the order of its
    # loops says how often they empty their tiles
    cut = {n.rank for n in nodes if isinstance(n, Spatial)}
    for i in range(len(nodes) - 1):
        a, b = nodes[i], nodes[i + 1]
        if (
            isinstance(a, Temporal)
            and isinstance(b, Temporal)
            and a.rank != b.rank
            and (not {a.rank, b.rank} & cut)
        ):
            swapped = Mapping(nodes=(*nodes[:i], b, a, *nodes[i + 2 :]))
            before, steps = words(einsum, architecture, mapping)
            after, steps_after = words(einsum, architecture, swapped)
            assert steps == steps_after
            for t in einsum.tensors:
                if a.rank not in t.ranks() and b.rank not in t.ranks():
                    mine = {k: n for k, n in before.items() if k[1] == t.name}
                    assert mine == {k: n for k, n in after.items() if k[1] == t.name}


@SETTINGS
@given(st.data())
def test_words_are_conserved(data):
    """Everything filled is drained or was never an output; every output leaves the chip."""
    einsum = data.draw(einsums())
    architecture, mapping = data.draw(architectures()), data.draw(placed_mappings(einsum))
    found, steps = words(einsum, architecture, mapping)
    assert steps * lower(einsum, mapping).active >= einsum.points
    for tensor in einsum.inputs:
        read = sum(n for (_, t, a), n in found.items() if (t, a) == (tensor.name, "read"))
        filled = sum(n for (_, t, a), n in found.items() if (t, a) == (tensor.name, "fill"))
        assert read <= filled + einsum.points
        assert found["DRAM", tensor.name, "read"] >= einsum.words(tensor)
    outputs = einsum.words(einsum.output)
    assert found["DRAM", "Outputs", "update"] - found["DRAM", "Outputs", "read"] == outputs


@SETTINGS
@given(st.data())
def test_unicast_never_reads_less_than_multicast(data):
    einsum = data.draw(einsums())
    architecture, mapping = data.draw(architectures()), data.draw(placed_mappings(einsum))

    def with_delivery(delivery):
        nodes = tuple(
            msgspec.structs.replace(n, delivery=delivery, forwards=False)
            if hasattr(n, "delivery")
            else n
            for n in architecture.nodes
        )
        return words(einsum, msgspec.structs.replace(architecture, nodes=nodes), mapping)[0]

    shared, alone = with_delivery("multicast"), with_delivery("unicast")
    for key, n in shared.items():
        if key[1] != "Outputs" and key[2] == "read":
            assert n <= alone[key]


@SETTINGS
@given(st.data())
def test_the_order_of_names_changes_nothing(data):
    einsum = data.draw(einsums())
    mapping = data.draw(mappings(einsum))
    turned = msgspec.structs.replace(einsum, ranks=einsum.ranks[::-1])
    chip = tiny()
    a = count(einsum, chip, lower(einsum, mapping)) if _on(chip, mapping) else None
    b = count(turned, chip, lower(turned, mapping)) if _on(chip, mapping) else None
    assert a == b


def _on(chip, mapping):
    names = {m.name for m in chip.memories}
    return all(n.memory in names for n in mapping.nodes if isinstance(n, Storage))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=12))
def test_a_front_is_mutually_non_dominated_and_free_of_order(points):
    dummy = Mapping(nodes=())
    choices = [Choice(float(e), float(c), dummy) for e, c in points]
    front = pareto(choices)
    assert front == pareto(choices[::-1])
    for a in front:
        assert not any(b.energy <= a.energy and b.cycles <= a.cycles and b != a for b in front)
        assert a in choices
    for c in choices:
        assert any(f.energy <= c.energy and f.cycles <= c.cycles for f in front)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=4),
        min_size=1, max_size=5,
    ),
    st.integers(0, 20), st.integers(0, 20),
)  # fmt: skip
def test_the_least_product_of_sums_is_exact(layers, fixed_energy, fixed_cycles):
    import itertools

    fronts = [
        pareto([Choice(float(e), float(c), Mapping(nodes=())) for e, c in points])
        for points in layers
    ]
    picks = choose(fronts, (float(fixed_energy), float(fixed_cycles)), "edp")

    def product(chosen):
        return (fixed_energy + sum(c.energy for c in chosen)) * (
            fixed_cycles + sum(c.cycles for c in chosen)
        )

    found = product([f[i] for f, i in zip(fronts, picks, strict=True)])
    assert found == min(product(chosen) for chosen in itertools.product(*fronts))


def test_a_larger_buffer_never_raises_the_optimum():
    from onewatt.components.library import prices

    best = []
    for kilobits in (1, 2, 4, 16):
        chip = tiny(buffer_bits=kilobits * 1024)
        front = search_layer(conv(), chip, prices(chip)).front
        best.append(min(c.energy for c in front))
    assert best == sorted(best, reverse=True)


def test_sparse_at_density_one_is_dense():
    layer, chip = conv(), tiny()
    memory = chip.memories[0]
    for tensor in layer.tensors:
        assert sparse.share(layer, memory, tensor, "read", 16) == (1.0, 1.0, 1.0, 16.0, 0.0)
    assert sparse.effective(layer, chip.mac) == (1.0, 0.0, 0.0, 1.0)


def test_count_multiplies_everything():
    from onewatt.components.library import prices

    chip = tiny()
    mapping = search_layer(conv(), chip, prices(chip)).front[0].mapping
    once = evaluate(conv(), chip, mapping)
    thrice = evaluate(conv(count=3), chip, mapping)
    assert thrice.energy == 3 * once.energy or abs(thrice.energy / once.energy - 3) < 1e-12
    assert thrice.cycles("conv") == 3 * once.cycles("conv")
