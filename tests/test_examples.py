"""The studies of the examples: equal areas are equal, limits are kept, joint fronts no worse."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

import onewatt as ow
from near import near
from onewatt.codesign.front import dominates, hypervolume, pareto
from onewatt.codesign.naming import named_chip
from onewatt.codesign.strategies.base import Asking, Tried
from onewatt.codesign.study import load_study, point_at, points, size
from onewatt.components.library import prices
from onewatt.spec.files import dumps
from onewatt.spec.study import Knob

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module", autouse=True)
def on_path():
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


def module(name):
    return importlib.import_module(name)


@pytest.mark.parametrize("name", ["same_area", "mobilenet_chip", "width_and_chip"])
def test_the_study_loads_and_its_first_point_builds(name):
    study = load_study(EXAMPLES / f"{name}.yaml")
    first = point_at(study.space, 0)
    assert study.workload(first).macs > 0
    assert prices(study.architecture(first)).area > 0


# -- chips of equal area ------------------------------------------------------------------------


def area_by_hand(chip):
    """Return the area of the chip: every PE has its registers and its arithmetic [mm2]."""
    nodes = {n.name: n for n in chip.nodes}
    pes = 1
    for axis in nodes["PE"].fanout:
        pes *= axis.size
    return 1e6 * (nodes["GLB"].area + pes * (nodes["RF"].area + nodes["MAC"].area))


def test_all_chips_have_the_area_of_the_baseline():
    study = load_study(EXAMPLES / "same_area.yaml")
    areas = {}
    for point in points(study.space):
        chip = study.architecture(point)
        areas[point["design"]] = area_by_hand(chip)
        assert 1e6 * prices(chip).area == near(areas[point["design"]], rel=0.01)
    baseline = areas["256 PEs, 512 B, 128 KiB"]
    assert len(areas) == 13
    half_a_kib = 512 * 22.8e-6
    assert all(abs(a - baseline) < 1.1 * half_a_kib for a in areas.values())
    assert half_a_kib / baseline < 0.002


def test_the_file_has_what_the_script_prints():
    example = module("same_area")
    written = {k.path: k for k in load_study(EXAMPLES / "same_area.yaml").space}
    assert written["design"] == example.knob()
    smaller = {s.name for s in example.knob(ratio=2.9).settings}
    assert smaller != {s.name for s in example.knob().settings}


def test_stated_prices_stay_and_scaled_ones_follow_the_size():
    example = module("same_area")
    wanted = "128 PEs, 128 B"
    for pricing, changes in (("stated", False), ("scaled", True)):
        study = example.study(pricing)
        point = next(p for p in points(study.space) if p["design"].startswith(wanted))
        nodes = {n.name: n for n in study.architecture(point).nodes}
        assert (nodes["RF"].energy[0].energy < 2e-12) == changes
        assert (nodes["GLB"].energy[0].energy > 12e-12) == changes
        assert nodes["RF"].area == near(128 * 1.6 * 22.8e-12, rel=1e-3)


def test_a_few_of_the_chips_run(tmp_path):
    """Energy and throughput are of the layers, and one figure and one file come of them."""
    example = module("same_area")
    study = example.study()
    few = tuple(
        msgspec.structs.replace(k, settings=k.settings[:2]) if k.path == "design" else k
        for k in study.space
    )
    net = next(iter(study.networks.values()))
    kept = msgspec.structs.replace(
        net, einsums=tuple(e for e in net.einsums if e.name in ("conv3", "fc8"))
    )
    study = type(study)(
        msgspec.structs.replace(study.asked, knobs=few), study.name, study.chips,
        {k: kept for k in study.networks},
    )  # fmt: skip
    rows = list(example.rows(ow.explore(study, full=True), "stated"))
    assert {r.pes for r in rows} == {32}
    assert len(rows) == 2 * 2 * 2  # chips, aims of the mapper, kinds of layers
    for r in rows:
        # every MAC pays its arithmetic and four accesses of registers, at one MAC each
        assert r.energy > 5
        assert 0 < r.utilisation <= 1 + 1e-9
        assert r.throughput == near(r.utilisation * r.pes)
    by = {(r.registers, r.kind, r.mapper): r for r in rows}
    for (registers, kind, _), _ in by.items():
        fast, cheap = by[registers, kind, "latency"], by[registers, kind, "energy"]
        assert fast.throughput >= cheap.throughput * (1 - 1e-9)
        assert cheap.energy <= fast.energy * (1 + 1e-9)
    again = example.from_csv(example.as_csv(rows))
    assert example.from_csv(example.as_csv(again)) == again
    assert "<svg" in example.figure(again)
    assert "| 32 |" in example.table(again)


# -- a chip for MobileNetV2 ---------------------------------------------------------------------


def test_stock_eyeriss_is_a_point_of_the_space_of_chips():
    example = module("mobilenet_chip")
    study = load_study(example.STUDY)
    stock = example.only(study, example.STOCK)
    assert size(stock.space) == 1
    point = point_at(stock.space, 0)
    assert point in set(points(study.space))
    chip = study.architecture(point)
    like = ow.load_chip("eyeriss")
    shrunk = (28 / 65) ** 2
    assert prices(chip).area == near(prices(like).area * shrunk, rel=0.01)
    assert chip.upkeep.energy[0].energy == near(150e-12 * 28 / 65 * 0.81, rel=0.01)
    assert chip.clock == 2 * like.clock


def test_overhead_and_idle_energy_go_with_the_size_of_the_array():
    only = module("mobilenet_chip").only
    for name in ("mobilenet_chip", "width_and_chip"):
        study = load_study(EXAMPLES / f"{name}.yaml")
        shares = []
        for array in next(k for k in study.space if k.path == "array").choices:
            chip = study.architecture(point_at(only(study, {"array": array}).space, 0))
            nodes = {n.name: n for n in chip.nodes}
            rows, columns = (axis.size for axis in nodes["PE"].fanout)
            assert array.split(",")[0] == f"{rows}x{columns}"
            words = nodes["GIN_ifmap"].words_per_cycle
            idle = chip.upkeep.energy[0].energy
            shares.append((chip.overhead_area / rows / columns / words, idle / rows / columns))
        for column in zip(*shares, strict=True):
            assert max(column) < 1.01 * min(column)


def small(example, knobs):
    study = load_study(example.STUDY)
    asked = msgspec.structs.replace(study.asked, workload="mlperf_kws")
    return example.only(type(study)(asked, study.name, study.chips, study.networks), knobs)


def test_a_small_run_keeps_the_limits_and_exports_a_chip(tmp_path):
    example = module("mobilenet_chip")
    fixed = {k: v for k, v in example.STOCK.items() if k not in ("array", "chip.GLB.capacity")}
    study = small(example, fixed)
    front = ow.explore(study, strategy="random", evaluations=6, seed=3)
    stock = ow.explore(example.only(study, example.STOCK))
    assert front.counts.evaluated == 6
    for point in front.points:
        area = point.result.totals.area * 1e6
        assert point.feasible == (area <= 4 and point.result.totals.power <= 1)
        assert point.feasible or not point.on_front
    rows = [example.row(p, n) for n, f in (("stock", stock), ("random", front)) for p in f.points]
    again = example.from_csv(example.as_csv(rows))
    assert [r.knobs for r in again] == [r.knobs for r in rows]
    assert "Eyeriss as it is" in example.table(again)
    assert "<svg" in example.figure(again)
    best = example.best_point(front)
    (tmp_path / "chip.yaml").write_text(example.chip_text(best))
    chip = ow.load_chip(tmp_path / "chip.yaml")
    assert chip.name == "mobilenet_chip"
    assert 1e6 * prices(chip).area == near(best.result.totals.area * 1e6)
    found = ow.search(ow.load_workload("mlperf_kws"), chip, objective="energy", tiles="perfect")
    assert found.energy == near(best.objectives["energy"])
    assert found.latency == near(best.objectives["latency"])


def test_the_best_chip_in_the_examples_is_the_one_that_the_script_writes():
    example = module("mobilenet_chip")
    text = (EXAMPLES / "mobilenet_chip_best.yaml").read_text()
    study = load_study(example.STUDY)
    rows = example.from_csv((ROOT / "docs/mobilenet_chip.csv").read_text())
    best = min((r for r in rows if r.feasible and r.strategy != "stock"), key=lambda r: r.edp)
    array, words, spad, inner, buffer = best.knobs.split(", ")
    chosen = {"array": f"{array}, {words}", "chip.filter_spad.capacity": spad, "inner": inner,
              "chip.GLB.capacity": buffer}  # fmt: skip
    point = point_at(example.only(study, chosen).space, 0)
    made = named_chip(study.architecture(point), study.name, best.number, point)
    result = SimpleNamespace(chip=dumps(made, "chip"))
    assert text == example.chip_text(SimpleNamespace(result=result, knobs=dict(point.knobs)))


# -- network and chip together ------------------------------------------------------------------


def test_every_network_has_its_accuracy():
    example = module("width_and_chip")
    study = example.Accurate(load_study(example.STUDY))
    knobs = {k.path: k.values for k in study.space}
    widths, sizes = knobs["workload.width"], knobs["workload.resolution"]
    for smaller, larger in itertools.pairwise(widths):
        assert all(example.TOP_1[smaller][s] < example.TOP_1[larger][s] for s in sizes)
    for low, high in itertools.pairwise(sizes):
        assert all(example.TOP_1[w][low] < example.TOP_1[w][high] for w in widths)


def test_both_single_sided_spaces_lie_in_the_joint_one():
    example = module("width_and_chip")
    study = load_study(example.STUDY)
    whole = set(points(study.space))
    sizes = {}
    for question, fixed in example.FIXED.items():
        own = set(points(example.only(study, fixed).space))
        assert own <= whole
        sizes[question] = len(own)
    assert sizes["network alone"] * sizes["chip alone"] == sizes["both"]


def test_a_joint_front_with_the_single_sided_points_is_no_worse(tmp_path):
    """Small networks, four chips: the joint space holds every point of the others."""
    example = module("width_and_chip")
    kept = {"workload.resolution": "128", "array": "12x14", "inner": "1"}
    found = []
    for question, fixed in {
        "network alone": example.CHIP | kept, "chip alone": example.NETWORK | kept, "both": kept,
    }.items():  # fmt: skip
        study = load_study(example.STUDY)
        few = tuple(
            msgspec.structs.replace(k, values=k.values[:2]) if k.path == "workload.width"
            else msgspec.structs.replace(k, values=("100 KiB", "200 KiB"))
            if k.path == "chip.GLB.capacity"
            else msgspec.structs.replace(k, values=("448 B",))
            if k.path == "chip.filter_spad.capacity" else k
            for k in study.space
        )  # fmt: skip
        study = type(study)(
            msgspec.structs.replace(study.asked, knobs=few), study.name, study.chips, study.networks
        )
        fixed = fixed | ({"workload.width": "0.5"} if question == "chip alone" else {})
        own = example.Accurate(example.only(study, fixed))
        found += example.rows(ow.explore(own, store=tmp_path / "store.sqlite"), question)
    assert [sum(r.question == q for r in found) for q in example.FIXED] == [2, 2, 4]
    for question in ("network alone", "chip alone"):
        assert example.volume(found, "both") >= example.volume(found, question) > 0
        c = example.compared(found, question)
        assert c.missed == 0
        assert c.points == c.beaten + c.equalled
    best = example.front_of(found, "both")
    assert not any(dominates(a.vector, b.vector) for a in best for b in best)
    assert example.volume(found, "both") == near(
        hypervolume([r.vector for r in best], example.WORST)
    )
    again = example.from_csv(example.as_csv(found))
    assert "<svg" in example.figure(again)
    assert "both" in example.table(again)


def worked_out(strategy, space, cost):
    """Run a strategy on a function; return the values by point, and the generations."""
    known, generations = {}, 0
    proposals = strategy.proposals(Asking(space, 2, 0))
    try:
        generation = next(proposals)
        while True:
            generations += 1
            known |= {p: cost(p) for p in generation}
            generation = proposals.send([Tried(p, *cost(p)) for p in generation])
    except StopIteration:
        return known, generations


def test_front_descent_finds_the_front_of_knobs_that_hardly_interact():
    example = module("front_descent")
    space = (
        Knob(path="network", values=("1", "2", "4", "8")),
        Knob(path="array", values=("3", "1", "2")),
        Knob(path="buffer", values=("5", "3", "4", "9")),
    )

    def cost(point):
        network = int(point["network"])
        chip = int(point["array"]) + int(point["buffer"])
        return (float(network * chip), -float(network)), (0.0,)

    start = (("network", "8"), ("array", "2"), ("buffer", "9"))
    strategy = example.FrontDescent(start=start, order=("array", "buffer"))
    known, generations = worked_out(strategy, space, cost)
    every = {p: cost(p)[0] for p in points(space)}
    best = {tuple(every.values())[i] for i in pareto(list(every.values()))}
    assert best == {(4.0 * n, -float(n)) for n in (1, 2, 4, 8)}
    assert best <= {values for values, _ in known.values()}
    assert len(known) < len(every)
    assert generations >= 4
    assert next(iter(known)).knobs == (("network", "8"), ("array", "2"), ("buffer", "9"))


def test_front_descent_leaves_what_misses_a_limit_once_something_keeps_it():
    example = module("front_descent")
    space = (Knob(path="a", values=("1", "2", "3")), Knob(path="b", values=("1", "2")))

    def cost(point):
        a, b = int(point["a"]), int(point["b"])
        return (float(a), float(b)), (0.5 if a == 1 else 0.0,)

    known, _ = worked_out(example.FrontDescent(start=(("b", "2"),)), space, cost)
    kept = [values for values, misses in known.values() if misses == (0.0,)]
    assert [kept[i] for i in pareto(kept)] == [(2.0, 1.0)]
    # the line along b goes through (2, 2) alone: (1, 2) would beat it, but misses a limit
    assert [p["a"] + p["b"] for p in known] == ["12", "22", "32", "21", "11", "31"]
