"""Study files: knobs by path, what they set, and what is refused before anything runs."""

from __future__ import annotations

import pytest

from near import near
from onewatt.codesign.knobs import is_ordered
from onewatt.codesign.paths import fields
from onewatt.codesign.study import load_study, point_at, points, size, study_of
from onewatt.components.chips import load_chip
from onewatt.components.estimate import capacity_exponent
from onewatt.components.library import prices
from onewatt.errors import InputError, OutOfReach
from onewatt.spec.files import dumps, loads
from onewatt.spec.front import Point
from onewatt.spec.study import Knob


def study(knobs, more="", *, workload="mlperf_ad", chip="eyeriss"):
    text = f"workload: {workload}\nchip: {chip}\n{more}\nknobs:\n"
    return study_of(loads(text + "".join(f"  {line}\n" for line in knobs), "study"))


def chips(*knobs, more="", **names):
    asked = study(knobs, more, **names)
    return [asked.architecture(p) for p in points(asked.space)]


def test_the_form_of_the_issue_loads(tmp_path):
    path = tmp_path / "buffer.yaml"
    path.write_text(
        "workload: mobilenet_v1:0.25:128\nchip: eyeriss\n"
        "knobs: {chip.GLB.capacity: [54 KiB, 108 KiB], chip.PE.Y: [6, 12], batch: [1, 4]}\n"
        "objectives: [energy, latency]\nconstraints: '20 mm2, 1 W'\n"
    )
    asked = load_study(path)
    assert asked.name == "buffer"
    assert [k.path for k in asked.space] == ["chip.GLB.capacity", "chip.PE.Y", "batch"]
    assert size(asked.space) == 8
    assert [limit.kind for limit in asked.constraints.limits] == ["area", "power"]
    last = point_at(asked.space, 7)
    assert dict(last.knobs) == {"chip.GLB.capacity": "108 KiB", "chip.PE.Y": "12", "batch": "4"}
    assert asked.architecture(last).memories[1].capacity == 108 * 8192
    assert asked.workload(last).einsums[0].sizes["N"] == 4
    assert asked.options(last).batch == 4
    again = loads(dumps(asked.asked, "study"), "study")
    assert again == asked.asked, "a study is written as it is read"


def test_points_are_counted_with_the_last_knob_fastest():
    space = (Knob(path="a", values=("1", "2")), Knob(path="b", values=("x", "y", "z")))
    found = [tuple(v for _, v in p.knobs) for p in points(space)]
    assert found == [("1", "x"), ("1", "y"), ("1", "z"), ("2", "x"), ("2", "y"), ("2", "z")]


@pytest.mark.parametrize(
    ("knob", "read"),
    [
        ("chip.clock: [100 MHz]", lambda c: c.clock == 1e8),
        ("chip.technology.voltage: [0.9 V]", lambda c: c.technology.voltage == 0.9),
        ("chip.PE.fanout.X: [7]", lambda c: c.pes == 84),
        ("chip.PE.X: [7]", lambda c: c.pes == 84),
        ("chip.GLB.partition.Weights: [16 KiB]",
         lambda c: c.memories[1].partition[0].capacity == 16 * 8192),
        ("chip.GLB.may_keep: ['[Weights]']", lambda c: c.memories[1].may_keep == ("Weights",)),
        ("chip.GLB.shared_bandwidth: ['null']", lambda c: c.memories[1].shared_bandwidth is None),
        ("chip.DRAM.energy.read.energy: [400 pJ]",
         lambda c: c.memories[0].energy[0].energy == 4e-10),
        ("chip.dataflow.limits.Y.ranks: ['[R, C]']",
         lambda c: c.dataflow.limits[0].ranks == ("R", "C")),
        ("dataflow: [free]", lambda c: c.dataflow.name == "free"),
        ("chip.dataflow: [weight-stationary]", lambda c: c.dataflow.name == "weight-stationary"),
        ("chip: [eyeriss_256]", lambda c: c.name == "eyeriss_256"),
        ("bits: [8]", lambda c: (c.mac.inputs_bits, c.mac.weights_bits, c.mac.outputs_bits)
         == (8, 8, 8)),
        ("bits.Outputs: [24 bit]", lambda c: (c.mac.outputs_bits, c.mac.accumulate_bits)
         == (24, 24)),
        ("spads: {sets: [chip.ifmap_spad.capacity, chip.psum_spad.capacity], values: [64 B]}",
         lambda c: (c.memories[3].capacity, c.memories[4].capacity) == (512, 512)),
        ("all: {scale: [chip.GLB.capacity, chip.filter_spad.capacity], values: [0.5]}",
         lambda c: (c.memories[1].capacity, c.memories[2].capacity) == (50 * 8192, 224 * 8)),
        ("array: {settings: {small: {chip.PE.Y: 4, chip.PE.X: 5}}}", lambda c: c.pes == 20),
    ],
)  # fmt: skip
def test_a_knob_sets_its_field(knob, read):
    chip = "eyeriss_256" if "weight-stationary" in knob or "free" in knob else "eyeriss"
    (found,) = chips(knob, chip=chip)
    assert read(found)


def test_networks_have_knobs():
    asked = study(
        ["workload.width: [0.25, 0.5]", "density.Weights: [0.3, '2:4']", "batch: [2]"],
        workload="mobilenet_v1:1:128",
    )
    found = [asked.workload(p) for p in points(asked.space)]
    assert [w.name for w in found[::2]] == ["mobilenet_v1:0.25:128", "mobilenet_v1:0.5:128"]
    sparse, structured = (w.einsums[0].inputs[1] for w in found[:2])
    assert (sparse.density, sparse.zeros) == (0.3, None)
    assert (structured.density, structured.zeros.block) == (0.5, 4)
    assert found[0].einsums[0].inputs[0].density == 1.0
    several = study(["workload: [mlperf_ad, mlperf_kws]", "mapper_objective: [edp, latency]"])
    assert several.workload(point_at(several.space, 3)).name == "mlperf_kws"
    assert several.options(point_at(several.space, 3)).objective == "latency"


def test_stated_prices_follow_the_size_by_the_law_of_their_class():
    before, after = load_chip("eyeriss"), chips("chip.GLB.capacity: [50 KiB]")[0]
    exponent = capacity_exponent("sram")
    for action, stated in (("read", 60e-12), ("fill", 60e-12)):
        old, new = (prices(c).find("GLB", action) for c in (before, after))
        assert old.energy == stated
        assert new.energy == near(stated * 0.5**exponent, rel=1e-6)
        assert new.low / old.low == near(new.energy / old.energy)
        assert "scaled with capacity by the law of class 'sram'" in new.source
    areas = [{a.component: a.area for a in prices(c).areas} for c in (before, after)]
    assert areas[1]["GLB"] == near(areas[0]["GLB"] / 2)
    assert {k: v for k, v in areas[1].items() if k != "GLB"} == {
        k: v for k, v in areas[0].items() if k != "GLB"
    }
    kept = chips("chip.GLB.capacity: [50 KiB]", more="pricing: stated")[0]
    assert prices(kept).find("GLB", "read").energy == 60e-12
    assert chips("chip.GLB.capacity: [100 KiB]")[0] == before, "the same size changes nothing"


def test_a_price_that_a_knob_states_stays():
    linked = "glb: {settings: {half: {chip.GLB.capacity: 50 KiB, chip.GLB.energy.read: 50 pJ}}}"
    (chip,) = chips(linked)
    assert prices(chip).find("GLB", "read").energy == 50e-12
    assert prices(chip).find("GLB", "fill").energy < 60e-12


def test_a_smaller_process_scales_what_is_stated():
    (chip,) = chips("chip.technology.node: [28 nm]")
    before = load_chip("eyeriss")
    for name, action in (("GLB", "read"), ("MAC", "compute"), ("ifmap_spad", "read")):
        assert prices(chip).find(name, action).energy < prices(before).find(name, action).energy
    assert prices(chip).find("DRAM", "read") == prices(before).find("DRAM", "read")


BAD = [
    ("chip.GBL.capacity: [1 KiB]", "'chip.GBL.capacity'. Did you mean 'chip.GLB.capacity'"),
    ("chip.GLB.capacit: [1 KiB]", "Did you mean 'chip.GLB.capacity'?"),
    ("chip.PE.Z: [1]", "knob 'chip.PE.Z': chip 'eyeriss' has no field"),
    ("bach: [1]", "unknown path 'bach'. Did you mean 'batch'?"),
    ("workload.width: [1]", "of this study has none"),
    ("chip.GLB.capacity: [1 KiB, 1024 B]", "'1 KiB' and '1024 B' are one value"),
    ("chip.GLB.capacity: [1 furlong]", "value '1 furlong': found '1 furlong': unknown unit"),
    ("chip.GLB.capacity: []", "knob 'chip.GLB.capacity' has no values"),
    ("chip.GLB.capacity: [108]", "found 108, expected a capacity or width with its unit"),
    ("chip.GLB.capacity: [2 mm2]", "which is an area; expected a capacity"),
    ("chip.PE.Y: [12, 0]", "knob 'chip.PE.Y', value '0': axis 'Y' has size 0"),
    ("chip.PE.Y: [1.5]", "found '1.5'; expected a whole number"),
    ("chip.GLB.capacity: [1 KiB, 1 KiB]", "has the value '1 KiB' twice"),
    ("chip: [eyeris]", "found no chip 'eyeris'"),
    ("dataflow: [free, sideways]", "unknown dataflow 'sideways'"),
    ("density.Weights: [1.5]", "found '1.5'; expected a number"),
    ("density.Weights: ['4:2']", "structure 4:2 is impossible"),
    ("batch: [0]", "found '0'; expected a number of at least 1"),
    ("bits: [0.5]", "found '0.5'; expected a whole number of bits"),
    ("mapspace: [huge]", "unknown value 'huge'"),
    ("big: {scale: [chip.GLB.capacity], values: [-1]}", "found '-1'; expected a number of more"),
    ("big: {scale: [chip.DRAM.capacity], values: [2]}", "is None, which cannot be scaled"),
    ("x: {sets: [chip.clock], scale: [chip.clock], values: [1]}", "has sets and scale"),
    ("x: {settings: {a: {chip.GLB.size: 1 KiB}}}", "has no field 'chip.GLB.size'"),
    ("chip.GLB.energy.read.energy: [90 pJ]", "in a band from"),
    ("chip.PE.X: [2]\n  array: {settings: {a: {chip.PE.X: 3}}}", "both set 'chip.PE.X'"),
    ("chip.GLB.energy.read: [9 pJ]\n  chip.GLB.energy: ['{read: 9 pJ}']",
     "both set 'chip.GLB.energy'; join them"),
]  # fmt: skip


@pytest.mark.parametrize(("knob", "says"), BAD)
def test_a_bad_knob_is_refused_with_its_place(knob, says):
    with pytest.raises(InputError) as refused:
        study([knob])
    assert says in str(refused.value)


def test_an_energy_without_a_law_is_refused_not_kept_silently(tmp_path):
    (tmp_path / "own.yaml").write_text(
        dumps(load_chip("eyeriss"), "chip").replace("  component: sram\n", "")
    )
    text = "{workload: mlperf_ad, chip: own.yaml, knobs: {chip.GLB.capacity: [50 KiB]}}"
    with pytest.raises(InputError, match=r"node 'GLB': its size changes, .*'pricing: stated'"):
        study_of(loads(text, "study"), folder=tmp_path)
    text = text.replace("{workload", "{pricing: stated, workload")
    assert study_of(loads(text, "study"), folder=tmp_path).chips["own.yaml"].name == "eyeriss"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("objectives: [energy, energy]", "objective 'energy' is named twice"),
        ("objectives: []", "no objectives"),
        ("objectives: [speed]", "unknown objective 'speed'"),
        ("objectives: [accuracy]", "is measured by no model of a chip"),
        ("constraints: 1 W, 2 W", "limits the power twice"),
        ("evaluations: 0", "found evaluations 0"),
        ("strategy: evolv", "'strategy': unknown strategy 'evolv'. Did you mean 'evolve'?"),
        ("mapspace: [huge]", "expected one of perfect, tight, full"),
    ],
)
def test_a_bad_study_is_refused(more, says):
    with pytest.raises(InputError) as refused:
        study(["batch: [1, 2]"], more)
    assert says in str(refused.value)


def test_an_empty_space_is_refused():
    with pytest.raises(InputError, match="the space is empty: no knobs"):
        loads("{workload: mlperf_ad, chip: eyeriss, knobs: {}}", "study")


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ("5 mm2", "at most 5.00 mm² of area is asked, 7.8"),
        ("1 KiB", "at most 1 KiB of capacity is asked"),
        ("1 GHz", "at least 1.00 GHz of rate is asked"),
        ("1 uJ", "at most 1.00 µJ of energy is asked"),
        ("1 us", "at most 1.00 µs of latency is asked"),
        ("1 uW, 100 fps", "at most 1.00 µW of power is asked"),
    ],
)
def test_limits_that_nothing_could_keep_are_said_before_anything_runs(limits, says):
    with pytest.raises(OutOfReach) as refused:
        study(["chip.PE.Y: [12, 6]", "chip.GLB.capacity: [54 KiB]"], f"constraints: {limits}")
    assert says in str(refused.value)
    assert "the best that any point could reach" in str(refused.value)


def test_limits_that_contradict_each_other_in_this_space_are_said():
    """Either chip keeps one of the limits, neither keeps both."""
    knobs = ["x: {settings: {a: {chip.PE.Y: 12, chip.GLB.capacity: 10 KiB}, "
             "b: {chip.PE.Y: 2, chip.GLB.capacity: 150 KiB}}}"]  # fmt: skip
    study(knobs, "constraints: 9 mm2")
    study(knobs, "constraints: 120 KiB")
    with pytest.raises(OutOfReach, match="each can be kept, but no point can keep all of them"):
        study(knobs, "constraints: '9 mm2, 120 KiB'")


def test_a_value_that_fits_only_with_another_is_no_mistake():
    chip = load_chip("eyeriss")
    assert "PE.Y" in fields(chip)
    asked = study(
        ["chip.ifmap_spad.cluster: [1, 14]", "chip.PE.X: [13, 14]"],
        more="pricing: stated",
    )
    with pytest.raises(InputError, match="cluster 14 does not divide"):
        asked.architecture(point_at(asked.space, 2))
    assert asked.architecture(point_at(asked.space, 3)).pes == 168


def test_ordered_knobs_are_those_of_rising_or_falling_sizes():
    assert is_ordered(Knob(path="a", values=("1", "2", "10")))
    assert is_ordered(Knob(path="a", values=("1 MiB", "64 KiB")))
    assert not is_ordered(Knob(path="a", values=("1", "3", "2")))
    assert not is_ordered(Knob(path="a", values=("free", "preset")))


def test_a_point_names_its_knobs():
    assert Point(knobs=(("a", "1"), ("b", "2")))["b"] == "2"
