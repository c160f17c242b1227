"""The compiled kernel equals the literal machine, whatever the nest."""

from __future__ import annotations

import itertools
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laws.nests import AXES, architectures, einsums, literal_nodes, mappings, placed_mappings
from onewatt.model.counts import count
from onewatt.model.delivery import edge
from onewatt.model.kernel.crossing import crossing, steps
from onewatt.model.kernel.factors import FORWARD, FRESH
from onewatt.model.nest import factors, lower
from onewatt.spec.mapping import Storage
from oracle import COMPUTE, Machine

EXAMPLES = int(os.environ.get("ONEWATT_LAW_EXAMPLES", "400"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def projections(einsum):
    return {
        t.name: [[(x.rank, x.coefficient) for x in i.terms] for i in t.projection]
        for t in einsum.tensors
    }


def kept(einsum, mapping):
    return {
        t.name: [
            *(n.memory for n in mapping.nodes if isinstance(n, Storage) and t.name in n.tensors),
            COMPUTE,
        ]
        for t in einsum.tensors
    }


@SETTINGS
@given(st.data())
def test_every_edge_of_any_nest(data):
    """Spatial loops anywhere, any sharing, forwarding or not: reads, fills, updates, drains."""
    einsum = data.draw(einsums())
    mapping = data.draw(mappings(einsum))
    axes = frozenset(data.draw(st.sets(st.sampled_from(AXES))))
    forwards = data.draw(st.booleans())
    places = [(c, t) for t, chain in kept(einsum, mapping).items() for c in chain[1:]]
    machine = Machine(
        einsum.sizes, projections(einsum), literal_nodes(mapping),
        dict.fromkeys(places, axes), set(places) if forwards else set(),
    )  # fmt: skip
    literal = machine.run()
    nest = lower(einsum, mapping)
    assert steps(nest.loops, nest.extent) == machine.cycles
    assert nest.active == machine.active
    some = sum(1 << i for i, axis in enumerate(nest.axes) if axis in axes)
    everyone = (1 << len(nest.axes)) - 1
    for tensor in einsum.tensors:
        dims, chain, unread = factors(einsum, tensor), nest.chain(tensor.name), einsum.words(tensor)
        for parent, child in zip(chain, [*chain[1:], None], strict=True):
            where, place = (child.memory, child.depth) if child else (COMPUTE, nest.depth)

            def words(above, shared, form, child=child, place=place, dims=dims):
                return crossing(
                    dims, nest.loops, nest.extent, place, above, -1, shared, form,
                    child is not None, False,
                )  # fmt: skip

            inside = words(place, 0, FRESH)
            if tensor is not einsum.output:
                form = FORWARD if forwards and child else FRESH
                assert literal[parent.memory, tensor.name, "read"] == words(
                    parent.depth, some, form
                )
                assert literal[where, tensor.name, "delivered"] == inside
                continue
            update = words(parent.depth, some, FORWARD)
            assert literal[parent.memory, "Outputs", "update"] == update
            assert literal[parent.memory, "Outputs", "read"] == update - unread
            if child:
                fill = words(parent.depth, everyone, FORWARD) - unread
                assert literal[where, "Outputs", "fill"] == fill
                assert literal[where, "Outputs", "drain"] == inside
                unread = inside - fill


@SETTINGS
@given(st.data())
def test_counts_of_a_chip(data):
    """The public counts, through networks and containers, equal the literal machine's."""
    einsum = data.draw(einsums())
    architecture = data.draw(architectures())
    mapping = data.draw(placed_mappings(einsum))
    share, forwards = {}, set()
    for tensor, chain in kept(einsum, mapping).items():
        for parent, child in itertools.pairwise(chain):
            node = architecture.mac.name if child == COMPUTE else child
            way = edge(architecture, tensor, parent, node, output=tensor == "Outputs")
            share[child, tensor] = way.shared
            if way.forwards:
                forwards.add((child, tensor))
    machine = Machine(einsum.sizes, projections(einsum), literal_nodes(mapping), share, forwards)
    literal = machine.run()
    counts = count(einsum, architecture, lower(einsum, mapping))
    assert counts.steps == machine.cycles
    found = {(t.level, t.tensor, t.action): t.words for t in counts.traffic}
    expected = {k: n for k, n in literal.items() if k[0] != COMPUTE and k[2] != "delivered"}
    assert {k: n for k, n in found.items() if n} == {k: n for k, n in expected.items() if n}
    for row in counts.traffic:
        most = machine.first(row.level, row.tensor, row.action)
        exact = row.tensor != "Outputs" or row.action in ("update", "drain")
        assert row.busiest == most if exact else row.busiest >= most, row
    for passing in counts.passing:
        if passing.tensor != "Outputs":
            sinks = [c for c in kept(einsum, mapping)[passing.tensor][1:]]
            assert passing.hops in {literal[c, passing.tensor, "delivered"] for c in sinks}
