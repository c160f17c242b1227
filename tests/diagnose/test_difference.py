"""Differences add up: by layer, by level and tensor, and by step of Eyexam."""

from __future__ import annotations

import math

import jsonschema
import msgspec
import pytest

from near import near
from onewatt.components.chips import load_chip
from onewatt.diagnose.difference import OTHER, difference
from onewatt.importers.load import load_workload
from onewatt.mapper.search import search
from onewatt.report.compare import compare, comparison_json
from onewatt.report.schema import schema
from onewatt.spec.cost import Cost
from report.example import result


@pytest.fixture(scope="module")
def pairs():
    kws, ad = load_workload("mlperf_kws"), load_workload("mlperf_ad")
    slow = msgspec.structs.replace(load_chip("eyeriss"), clock=1e8)

    def found(net, chip, objective="edp"):
        return search(net, chip, objective=objective, tiles="perfect")

    one = found(kws, load_chip("eyeriss"))
    return {
        "objective": (one, found(kws, load_chip("eyeriss"), "latency")),
        "chip": (one, found(kws, load_chip("systolic_ws"))),
        "clock": (one, found(kws, slow)),
        "network": (one, found(ad, load_chip("eyeriss_256"))),
        "itself": (one, one),
    }


@pytest.mark.parametrize("kind", ["objective", "chip", "clock", "network", "itself"])
def test_every_view_adds_up_to_the_difference(pairs, kind):
    before, after = pairs[kind]
    found = difference(before, after)
    energy, latency = after.energy - before.energy, after.latency - before.latency
    cycles = sum(after.cost.cycles_by_einsum().values()) - sum(
        before.cost.cycles_by_einsum().values()
    )

    def adds_up(rows, whole, scale):
        assert math.fsum(r.difference for r in rows) == pytest.approx(whole, abs=1e-12 * scale)

    adds_up([x.energy for x in found.layers], energy, before.energy)
    adds_up([x.latency for x in found.layers], latency, before.latency)
    adds_up(found.parts, energy, before.energy)
    total = sum(before.cost.cycles_by_einsum().values())
    adds_up(found.steps, cycles, total)
    adds_up(found.step_times, latency, before.latency)
    assert OTHER not in {s.name for s in found.steps}


def test_each_summand_is_a_group_of_the_ledger(pairs):
    before, after = pairs["chip"]
    rows = {p.name: p for p in difference(before, after).parts}
    spads = [e.energy for e in before.cost.entries
             if e.component == "psum_spad" and e.tensor == "Outputs"]  # fmt: skip
    assert rows["psum_spad Outputs"].before == near(math.fsum(spads))
    assert rows["psum_spad Outputs"].after == 0.0
    upkeep = [e.energy for e in before.cost.entries if e.action in ("leak", "clock", "idle")]
    assert rows["chip upkeep"].before == near(math.fsum(upkeep))


def test_the_part_of_a_layer_is_the_one_that_changed_most(pairs):
    before, after = pairs["objective"]
    for layer in difference(before, after).layers:
        cells = {}
        for sign, r in ((-1, before), (1, after)):
            for e in r.cost.entries:
                if e.einsum == layer.name and e.action not in ("leak", "clock", "idle"):
                    name = "arithmetic" if e.component in ("MAC", "vector") else e.tensor[:7]
                    key = f"{e.component} {name.rstrip('0123456789')}"
                    cells[key] = cells.get(key, 0.0) + sign * e.energy
        if layer.part and "upkeep" not in layer.part:
            most = max(abs(v) for v in cells.values())
            assert abs(cells[layer.part]) == near(most, rel=1e-6)


def test_a_clock_changes_seconds_and_no_cycles(pairs):
    found = difference(*pairs["clock"])
    assert [s.name for s in found.steps] == [s.name for s in found.step_times]
    for cycles, times in zip(found.steps, found.step_times, strict=True):
        assert times.before == near(cycles.before / 2e8)
        assert times.after == near(cycles.after / 1e8)


def test_nothing_differs_from_itself(pairs):
    found = difference(*pairs["itself"])
    assert not any(p.difference for p in (*found.parts, *found.steps))
    assert found.energy_odds.better == found.edp_odds.better == 0.5
    assert not found.energy_odds.sure()
    assert all(not x.part for x in found.layers)


def test_odds_turn_round_with_the_results(pairs):
    before, after = pairs["chip"]
    forth, back = difference(before, after), difference(after, before)
    for one, two in ((forth.energy_odds, back.energy_odds), (forth.edp_odds, back.edp_odds)):
        assert one.better + two.better == pytest.approx(1.0, abs=1e-12)
        assert one.ratio == near(1 / two.ratio)
    times = after.latency / before.latency
    assert forth.edp_odds.ratio == near(forth.energy_odds.ratio * times)


def test_results_without_steps_or_energy_say_so():
    by_hand = result()
    quick = tuple(msgspec.structs.replace(b, cycles=1.0) for b in by_hand.cost.busy)
    other = msgspec.structs.replace(by_hand, cost=msgspec.structs.replace(by_hand.cost, busy=quick))
    found = difference(by_hand, other)  # no mapping is as quick as that ledger says
    assert found.steps == ()
    assert "do not belong" in found.no_steps
    empty = msgspec.structs.replace(by_hand, cost=Cost())
    assert difference(empty, by_hand).energy_odds is None


@pytest.mark.parametrize("kind", ["objective", "chip", "itself"])
def test_the_table_keeps_its_schema(pairs, kind):
    table = comparison_json(compare(*pairs[kind]))
    jsonschema.validate(table, schema("comparison"), jsonschema.Draft202012Validator)
