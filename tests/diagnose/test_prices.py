"""Prices against a second search on a chip file that was edited as a person would."""

from __future__ import annotations

import io
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml
from rich.console import Console

from chips_by_hand import tiny
from near import near
from onewatt.codesign.study import point_at, study_of
from onewatt.components.chips import load_chip
from onewatt.components.estimate import capacity_exponent
from onewatt.components.library import prices
from onewatt.diagnose.changes import Lever, changed, levers
from onewatt.diagnose.prices import chip_prices, step_of, tiles_of
from onewatt.diagnose.smallest import smallest_change
from onewatt.errors import InputError
from onewatt.importers.load import load_workload
from onewatt.mapper.search import search
from onewatt.model.budget import judge
from onewatt.model.evaluate import evaluate_workload
from onewatt.report.prices_tables import prices_json
from onewatt.report.prices_text import show_prices
from onewatt.report.schema import schema
from onewatt.spec.budget import Budget
from onewatt.spec.files import loads
from onewatt.spec.workload import Workload

EDGE = Path(__file__).resolve().parents[2] / "examples/edge_chip.yaml"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("layers")


@pytest.fixture(scope="module")
def found(cache):
    net = load_workload("mlperf_ad")
    return search(net, load_chip("eyeriss"), tiles="perfect", cache=cache)


@pytest.fixture(scope="module")
def priced(found, cache):
    return chip_prices(found, cache=cache)


def eyeriss_file():
    return yaml.safe_load((files("onewatt.chips") / "eyeriss.yaml").read_text("utf-8"))


def node(data, name):
    kinds = ("memory", "network", "container", "compute")
    return next(n for n in data["nodes"] if name in (n.get(k) for k in kinds))


def grown(memory, capacity, times, kind):
    """Edit a memory as a person would who knows the law: c to the fitted power of its class."""
    memory["capacity"] = capacity
    for price in memory["energy"].values():
        for end in ("energy", "low", "high"):
            number, unit = price[end].split()
            price[end] = f"{float(number) * times ** capacity_exponent(kind)!r} {unit}"


def searched(data, workload, cache):
    return search(workload, loads(yaml.safe_dump(data), "chip"), tiles="perfect", cache=cache)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("DRAM shared bandwidth",
         lambda d: node(d, "DRAM").update(shared_bandwidth="2.2 word/cycle")),
        ("GLB capacity", lambda d: grown(node(d, "GLB"), "101 KiB", 101 / 100, "sram")),
        ("GIN_filter words per cycle",
         lambda d: node(d, "GIN_filter").update(words_per_cycle="5 word/cycle")),
        ("Y instances", lambda d: node(d, "PE")["fanout"].update(Y=13)),
        ("X instances", lambda d: node(d, "PE")["fanout"].update(X=15)),
        ("ifmap_spad capacity",
         lambda d: grown(node(d, "ifmap_spad"), "32 B", 32 / 24, "register_file")),
        ("psum_spad capacity",
         lambda d: grown(node(d, "psum_spad"), "56 B", 56 / 48, "register_file")),
    ],
)  # fmt: skip
def test_a_price_is_the_difference_to_a_search_on_the_edited_file(name, edit, found, priced, cache):
    data = eyeriss_file()
    edit(data)
    again = searched(data, found.workload, cache)
    row = next(r.step for r in priced.rows if r.step.lever.name == name)
    assert row.energy == pytest.approx(again.energy - found.energy, abs=1e-9 * found.energy)
    assert row.latency == pytest.approx(again.latency - found.latency, abs=1e-9 * found.latency)
    if row.matters:
        assert row.share == pytest.approx(again.edp / found.edp - 1, rel=1e-9)


def test_something_is_worth_something(priced):
    worth = {r.step.lever.name: r.step for r in priced.rows}
    assert worth["DRAM shared bandwidth"].share < -0.4
    # larger scratchpads save traffic, but less than their dearer accesses cost
    assert worth["ifmap_spad capacity"].energy > 0
    assert not worth["GLB shared bandwidth"].matters
    assert len(worth) == len(levers(load_chip("eyeriss")))


def test_the_next_step_is_the_first_doubled_one_that_gains(cache):
    net, chip = load_workload("mlperf_ad"), load_chip("eyeriss_like")
    result = search(net, chip, tiles="perfect", cache=cache)
    rows = {r.step.lever.name: r for r in chip_prices(result, cache=cache).rows}
    for name, amount in (("X instances", 2), ("Y instances", 4)):
        row = rows[name]
        assert row.step.share >= 0
        assert row.next.amount == amount
        assert row.next.gains
        values = [row.step.lever.value + 2**i for i in range(3)]
        found = [search(net, changed(chip, row.step.lever, v), tiles="perfect", cache=cache)
                 for v in values]  # fmt: skip
        gains = [r.edp < result.edp * (1 - 1e-9) for r in found]
        assert gains.index(True) == [1, 2, 4].index(amount)
        again = found[gains.index(True)]
        assert row.next.energy == near(again.energy - result.energy, rel=1e-6)
    for row in rows.values():
        assert row.next is None or row.next.after <= 2 * row.step.lever.value


def test_a_kibibyte_is_of_all_instances_in_whole_words():
    chip = load_chip("eyeriss")
    steps = {v.name: step_of(chip, v) for v in levers(chip)}
    assert steps["GLB capacity"] == 8192
    # 8,192 bits over 168 PEs are 48.8, which takes four words of 16
    assert steps["ifmap_spad capacity"] == 64
    assert steps["X instances"] == steps["DRAM shared bandwidth"] == 1


def test_changes_touch_what_depends_on_them_and_nothing_else():
    chip = load_chip("eyeriss")
    glb = Lever(place="GLB", what="capacity", value=0)
    large = changed(chip, glb, 2 * 100 * 8192)
    assert large.memories[1].area == near(2 * 2.333e-6)
    assert chip.memories[1].capacity == 100 * 8192
    stated, scaled = (prices(c).find("GLB", "read") for c in (chip, large))
    assert scaled.energy == near(stated.energy * 2 ** capacity_exponent("sram"))
    share = Lever(place="GLB", what="capacity", value=0, tensor="Weights")
    assert changed(chip, share, 16 * 8192).memories[1].partition[0].capacity == 16 * 8192
    fast = changed(chip, Lever(place="chip", what="clock", value=0), 4e8)
    assert (fast.clock, fast.nodes) == (4e8, chip.nodes)
    tall = changed(chip, Lever(place="Y", what="instances", value=0), 24)
    assert tall.pes == 2 * chip.pes
    assert prices(tall).area - prices(chip).area == near(
        168 * (0.02992 + 0.001603 + 0.003206 + 0.005396) * 1e-6
    )
    for lever in levers(chip, clock=True):
        assert changed(chip, lever, lever.value) == chip


@pytest.mark.parametrize(
    ("name", "path", "text", "lever", "value"),
    [
        ("eyeriss", "chip.GLB.capacity", "150 KiB", Lever(place="GLB", what="capacity", value=0),
         150 * 8192),
        ("eyeriss", "chip.psum_spad.capacity", "24 B",
         Lever(place="psum_spad", what="capacity", value=0), 24 * 8),
        ("eyeriss", "chip.GLB.partition.Weights", "16 KiB",
         Lever(place="GLB", what="capacity", value=0, tensor="Weights"), 16 * 8192),
        ("eyeriss", "chip.DRAM.shared_bandwidth", "2 word/cycle",
         Lever(place="DRAM", what="shared bandwidth", value=0), 2.0),
        ("eyeriss", "chip.PE.X", "20", Lever(place="X", what="instances", value=0), 20),
        ("eyeriss", "chip.clock", "100 MHz", Lever(place="chip", what="clock", value=0), 1e8),
        (str(EDGE), "chip.buffer.capacity", "96 KiB",
         Lever(place="buffer", what="capacity", value=0), 96 * 8192),
    ],
)  # fmt: skip
def test_a_lever_and_a_knob_of_a_study_make_the_same_chip(name, path, text, lever, value):
    chip = load_chip(name)
    asked = loads(f"{{workload: mlperf_ad, chip: {name}, knobs: {{{path}: ['{text}']}}}}", "study")
    study = study_of(asked)
    knob = study.architecture(point_at(study.space, 0))
    assert changed(chip, lever, value) == knob
    assert prices(changed(chip, lever, value)) == prices(knob)


def test_a_memory_whose_price_has_no_law_has_no_worth(cache):
    """As in a study: a stated energy without a class is refused rather than carried on."""
    chip = load_chip("microcontroller")
    lever = next(v for v in levers(chip) if v.name == "sram capacity")
    with pytest.raises(InputError, match="names no component class"):
        changed(chip, lever, 2 * lever.value)
    result = search(load_workload("mlperf_ad"), chip, tiles="perfect", cache=cache)
    rows = {r.step.lever.name: r for r in chip_prices(result, cache=cache, reach=1.0).rows}
    assert "names no component class" in rows["sram capacity"].step.failed
    assert rows["sram capacity"].next is None
    console = Console(width=160, record=True, file=io.StringIO())
    show_prices(chip_prices(result, cache=cache, reach=1.0), console)
    assert "names no component class" in console.export_text()


def test_a_component_of_the_library_is_priced_anew():
    chip = load_chip(EDGE)
    memory = next(m for m in chip.memories if m.component == "sram" and m.capacity)
    lever = next(v for v in levers(chip) if v.place == memory.name and v.what == "capacity")
    after = prices(changed(chip, lever, 4 * lever.value)).find(memory.name, "read").energy
    assert after > 1.2 * prices(chip).find(memory.name, "read").energy


def test_rows_of_instances_that_are_read_at_once_grow_with_the_array():
    chip = tiny()
    spad = msgspec.structs.replace(chip.memories[-1], cluster=6)
    nodes = tuple(spad if n.name == spad.name else n for n in chip.nodes)
    wide = msgspec.structs.replace(chip, nodes=nodes)
    grown = changed(wide, Lever(place="X", what="instances", value=3), 4)
    assert grown.memories[-1].cluster == 8
    odd = msgspec.structs.replace(spad, cluster=2)
    two = msgspec.structs.replace(
        chip, nodes=tuple(odd if n.name == spad.name else n for n in chip.nodes)
    )
    assert changed(two, Lever(place="X", what="instances", value=3), 5).memories[-1].cluster == 2


@pytest.mark.parametrize(
    ("lever", "value", "said"),
    [
        (Lever(place="GBL", what="capacity", value=1), 2, "Did you mean 'GLB'?"),
        (Lever(place="Z", what="instances", value=1), 2, "unknown axis 'Z'"),
        (Lever(place="GLB", what="words per cycle", value=1), 2, "no words per cycle"),
        (Lever(place="GLB", what="capacity", value=1, tensor="Inputs"), 2, "no partition"),
        (Lever(place="GLB", what="capacity", value=1), 0, "expected more than 0"),
        (Lever(place="GLB", what="capacity", value=1), float("nan"), "expected more than 0"),
    ],
)
def test_what_cannot_be_changed_is_refused(lever, value, said):
    with pytest.raises(InputError) as refused:
        changed(load_chip("eyeriss"), lever, value)
    assert said in str(refused.value)


def test_results_that_were_not_searched_have_no_prices(found):
    given = evaluate_workload(
        Workload(name="one", einsums=found.workload.einsums[:1]), found.architecture,
        {x.name: x.mapping for x in found.layers},
    )  # fmt: skip
    with pytest.raises(InputError, match="which can be searched again"):
        chip_prices(given)
    assert tiles_of(found) == "perfect"


def met(found, text, chip, cache):
    result = search(found.workload, chip, tiles="perfect", cache=cache)
    return all(v.met for v in judge(result, Budget.parse(text)))


def test_the_smallest_change_meets_the_budget_and_a_smaller_one_does_not(found, cache):
    change = smallest_change(found, budget="1 ms", cache=cache)
    (turn,) = change.turns
    assert turn.lever.name == "DRAM shared bandwidth"
    # weights and inputs must pass the link in 1 ms at 200 MHz: 222,950 cycles do at 1.2 words
    assert turn.factor == pytest.approx(222_950 / 200_000, rel=0.011)
    assert change.found
    assert met(found, "1 ms", changed(found.architecture, turn.lever, turn.after), cache)
    less = turn.lever.value * (1 + 0.9 * (turn.factor - 1))
    assert not met(found, "1 ms", changed(found.architecture, turn.lever, less), cache)
    assert change.energy < found.energy
    assert change.bounded < change.looked_at


def test_a_smaller_chip_is_found_for_an_area(found, cache):
    change = smallest_change(found, budget="10 mm2", cache=cache)
    (turn,) = change.turns
    chip = changed(found.architecture, turn.lever, turn.after)
    assert prices(chip).area <= 10e-6
    one_more = changed(found.architecture, turn.lever, turn.after + 1)
    assert prices(one_more).area > 10e-6


def test_two_changes_where_one_is_not_enough(found, cache):
    text = "10 mm2, 1 ms"
    change = smallest_change(found, budget=text, cache=cache)
    assert len(change.turns) == 2
    chip = found.architecture
    for turn in change.turns:
        alone = changed(found.architecture, turn.lever, turn.after)
        assert not met(found, text, alone, cache)
        chip = changed(chip, turn.lever, turn.after)
    assert met(found, text, chip, cache)
    rows = next(t for t in change.turns if t.lever.what == "instances")
    assert not met(found, text, changed(chip, rows.lever, rows.after + 1), cache)


def test_what_no_change_meets_is_said(found, cache):
    change = smallest_change(found, budget="1 uJ", cache=cache)
    assert not change.found
    assert change.turns == ()
    assert change.bounded > 1000  # every pair, each by a bound
    assert not change.given_up


def test_nothing_is_changed_where_nothing_is_missed(found, cache):
    change = smallest_change(found, budget="1 s", cache=cache)
    assert change.found
    assert change.turns == change.others == ()
    with pytest.raises(InputError, match="no budget to meet"):
        smallest_change(found, cache=cache)


def test_the_table_keeps_its_schema(found, priced, cache):
    change = smallest_change(found, budget="1 ms", cache=cache)
    for table in (prices_json(priced), prices_json(priced, change)):
        plain = json.loads(json.dumps(table, allow_nan=False))
        jsonschema.validate(plain, schema("prices"), jsonschema.Draft202012Validator)
