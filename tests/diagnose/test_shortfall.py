"""What would lift a missed budget, against what the lifted result then reaches."""

from __future__ import annotations

import math

import msgspec
import pytest

from near import near
from onewatt.components.chips import load_chip
from onewatt.diagnose.faster import latency_with
from onewatt.diagnose.shortfall import least_energy, least_latency, shortfalls
from onewatt.errors import InputError, UnitError
from onewatt.importers.load import load_workload
from onewatt.mapper.search import search
from onewatt.model.budget import average_power, idle_power, judge
from onewatt.spec.budget import Budget
from onewatt.units import parse_quantity


@pytest.fixture(scope="module")
def found():
    return search(load_workload("mlperf_ic"), load_chip("eyeriss"), tiles="perfect")


def judged(found, text):
    result = msgspec.structs.replace(found, budget=judge(found, Budget.parse(text)))
    return result, shortfalls(result)


def remedy(missed, place):
    return next(r for r in missed.remedies if r.place == place)


def test_a_budget_that_is_met_needs_nothing(found):
    assert judged(found, "10 W, 1 fps, 1 J, 1 s, 100 mm2, 10 MiB")[1] == ()


@pytest.mark.parametrize("text", ["1 mW, 30 fps", "1 uJ", "1 mm2", "16 KiB", "1 mW", "1 us"])
def test_every_kind_of_limit_says_something(found, text):
    result, missed = judged(found, text)
    assert [m.kind for m in missed] == [v.kind for v in result.budget if not v.met]
    for m in missed:
        assert m.remedies
        assert m.factor == near(m.reached / m.asked)


def test_a_rate_is_too_low_by_its_factor(found):
    _, (missed,) = judged(found, "10000 fps")
    assert missed.factor == near(10_000 * found.latency)
    assert missed.floor is not None
    assert missed.floor >= missed.reached


def test_energy_one_cell_must_shrink_by_its_factor(found):
    asked = 0.9 * found.energy
    _, (missed,) = judged(found, f"{asked * 1e6:.9f} uJ")
    # operands of vector work (Inputs2) are Inputs too
    dram = [
        e.energy
        for e in found.cost.entries
        if e.component == "DRAM" and e.tensor in ("Inputs", "Inputs2")
    ]
    cell = remedy(missed, "DRAM Inputs")
    assert cell.enough
    mine = math.fsum(dram)
    assert found.energy - mine + mine / cell.factor == near(asked, rel=1e-6)


def test_the_fewest_layers_shrink_together(found):
    asked = 0.7 * found.energy
    _, (missed,) = judged(found, f"{asked * 1e6:.9f} uJ")
    names = missed.remedies[3].place.split(", ")
    rows = {}
    for e in found.cost.entries:
        rows[e.einsum] = rows.get(e.einsum, 0.0) + e.energy
    some = sum(rows[n] for n in names)
    assert sorted(rows, key=rows.get, reverse=True)[: len(names)] == names
    assert found.energy - some + some / missed.remedies[3].factor == near(asked, rel=1e-6)


def test_no_mapping_is_below_the_floor(found):
    least, quick = least_energy(found), least_latency(found)
    cheap = search(found.workload, found.architecture, objective="energy", tiles="perfect")
    fast = search(found.workload, found.architecture, objective="latency", tiles="perfect")
    assert least.compulsory <= least.value <= cheap.energy <= found.energy
    assert quick.compulsory <= quick.value <= fast.latency <= found.latency
    _, (missed,) = judged(found, f"{0.99 * least.compulsory * 1e6:.9f} uJ")
    assert "no mapping on this chip can meet it, whatever" in missed.impossible
    _, (missed,) = judged(found, f"{1.001 * least.value * 1e6:.9f} uJ")
    assert missed.impossible == ""
    assert any("--objective energy" in r.change for r in missed.remedies)


def test_the_highest_rate_meets_the_watts_exactly(found):
    idle = idle_power(found)
    _, (missed,) = judged(found, f"{(idle + 0.02) * 1e3:.9f} mW, 400 fps")
    rate = 1 / found.latency / remedy(missed, "rate").factor
    assert average_power(found, rate) == near(idle + 0.02, rel=1e-6)


def test_the_lowest_clock_pays_for_no_waiting(found):
    _, (missed,) = judged(found, "31 mW, 30 fps")
    clock = remedy(missed, "clock")
    slower = msgspec.structs.replace(
        found.architecture, clock=found.architecture.clock / clock.factor
    )
    slow = search(found.workload, slower, tiles="perfect")
    assert 1 / slow.latency == near(30, rel=1e-2)
    assert average_power(slow, 1 / slow.latency) == near(slow.power)
    assert clock.enough == (slow.power <= 31e-3)


def test_power_without_a_rate_is_met_by_the_clock(found):
    _, (missed,) = judged(found, "50 mW")
    factor = remedy(missed, "clock").factor
    assert found.power / factor == near(0.05)  # nothing leaks here


def test_a_component_faster_by_its_factor_is_fast_enough(found):
    asked = 0.8 * found.latency
    _, (missed,) = judged(found, f"{asked * 1e3:.12f} ms")
    for told in missed.remedies:
        if told.place in ("DRAM", "compute", "GLB") and told.factor:
            assert latency_with(found, told.place, told.factor) <= asked * (1 + 1e-9)
            assert latency_with(found, told.place, told.factor * 0.999) > asked * (1 - 1e-9)
            return
    pytest.fail("no component is told that would be enough")


def test_what_cannot_help_is_said(found):
    asked = 0.01 * found.latency
    _, (missed,) = judged(found, f"{asked * 1e3:.12f} ms")
    assert "no mapping on this chip at 200 MHz can meet it" in missed.impossible
    useless = [r for r in missed.remedies if r.enough is False]
    assert useless
    assert all(r.factor is None for r in useless)


def test_areas_and_capacities(found):
    areas = {a.component: a.area for a in found.prices.areas}
    whole = sum(areas.values())
    asked = whole - 0.5 * areas["GLB"]
    _, (missed,) = judged(found, f"{asked * 1e6:.12f} mm2")
    assert remedy(missed, "GLB").factor == near(2.0, rel=1e-6)
    assert "50 KiB each" in remedy(missed, "GLB").change
    _, (missed,) = judged(found, "3 mm2")
    assert "no smaller memories" in missed.impossible
    _, (missed,) = judged(found, "100 KiB")
    assert not remedy(missed, "filter_spad").enough
    assert remedy(missed, "GLB").enough


def test_a_smaller_memory_is_told_as_a_chip_file_reads_it(found):
    """A memory of 34.6 KiB would be no whole number of bits."""
    _, (missed,) = judged(found, "120 KiB")
    told = parse_quantity(remedy(missed, "GLB").change.split(": ")[1].removesuffix(" each"), "bit")
    assert told % 8 == 0
    rest = 168 * (448 + 24 + 48) / 1024
    assert 120 - 1 / 1024 < told / 8192 + rest <= 120


def test_where_none_is_enough_the_fewest_shrink_together(found):
    """Areas and capacities of the chip file, summed by hand."""
    _, (missed,) = judged(found, "64 KiB")
    assert not any(r.enough for r in missed.remedies[:3])
    group = missed.remedies[3]
    assert group.place == "GLB, filter_spad"
    spads = 168 * 448 / 1024
    whole = 100 + spads + 168 * (24 + 48) / 1024
    assert whole - (100 + spads) * (1 - 1 / group.factor) == near(64)
    assert "filter_spad take 174 KiB of 185 KiB" in group.change
    areas = {a.component: a.area * 1e6 for a in found.prices.areas}
    _, (missed,) = judged(found, "7 mm2")
    group = missed.remedies[3]
    assert group.place == "filter_spad, GLB"
    mine = areas["filter_spad"] + areas["GLB"]
    assert sum(areas.values()) - mine * (1 - 1 / group.factor) == near(7)
    _, (missed,) = judged(found, "4 mm2")
    rest = sum(areas.values()) - areas["overhead"]
    assert missed.remedies[3].factor == near(rest / (4 - areas["overhead"]))
    _, (missed,) = judged(found, "1 mm2")
    assert not any(r.enough for r in missed.remedies)


@pytest.mark.parametrize(
    ("text", "said"),
    [("1 W, 2 W", "limits the power twice"), ("0 W", "must be more than 0"),
     ("30", "expected quantities with units"), ("1 W, 30 fps, 10 fps", "limits the rate twice"),
     ("-1 J", "must be more than 0"), ("", "expected quantities")],
)  # fmt: skip
def test_contradictions_are_refused(text, said):
    with pytest.raises((InputError, UnitError), match=said):
        Budget.parse(text)


def number(text, after):
    """Return the quantity that follows some words."""
    return text.split(after)[1].split()[0]


def test_what_is_told_in_words_is_enough_as_it_stands(found):
    """A reader types the rounded figures, so they are rounded to the side that is enough."""
    for share in (0.4, 0.4567, 0.5013, 0.77, 0.8321, 0.93):
        asked = share * found.latency
        _, (missed,) = judged(found, f"{asked * 1e3:.12f} ms")
        clock = float(number(remedy(missed, "clock").change, "a clock of "))
        assert found.latency * found.architecture.clock / (clock * 1e6) <= asked
        for told in missed.remedies:
            if told.enough and told.place in ("DRAM", "compute", "GLB"):
                factor = float(told.change.split("x the ")[0])
                assert latency_with(found, told.place, factor) <= asked
        watts = share * found.power
        _, (missed,) = judged(found, f"{watts * 1e3:.12f} mW")
        clock = float(number(remedy(missed, "clock").change, "a clock of "))
        assert found.power * clock * 1e6 / found.architecture.clock <= watts * (1 + 1e-12)
        asked = share * found.energy
        _, (missed,) = judged(found, f"{asked * 1e6:.12f} uJ")
        group = next(r for r in missed.remedies if "less would do" in r.change)
        factor = float(group.change.split("; ")[-1].split("x less")[0])
        assert group.factor <= factor * (1 + 1e-9)


def test_a_constraint_is_no_change_that_surely_helps(found):
    """Of bandwidth the words that one layer needs are told: with them others may still be slow."""
    network = load_workload("mlperf_kws")
    kws = search(network, load_chip("eyeriss"), tiles="perfect")
    _, (missed,) = judged(kws, "0.3 ms")
    told = remedy(missed, "bandwidth")
    assert "35.9 times the words a cycle at DRAM" in told.change
    assert latency_with(kws, "DRAM", 35.9) > 0.3e-3
    assert told.enough is None
    _, (missed,) = judged(kws, "0.1 ms")
    assert remedy(missed, "bandwidth").enough is False


def test_units_are_spelled_as_in_the_tables(found):
    _, missed = judged(found, "1 uJ, 1 mm2, 1 us")
    said = " ".join(r.change + m.impossible for m in missed for r in m.remedies)
    assert "µJ" in said
    assert "mm²" in said
    assert "µs" in said
    assert not {"uJ", "mm2", "us"} & set(said.replace(";", " ").replace(":", " ").split())
    assert Budget.parse("1 µJ, 1 mm², 1 µs") == Budget.parse("1 uJ, 1 mm2, 1 us")
