"""Devices against sums by hand, and against a simulated second after second of their schedule."""

from __future__ import annotations

import math
from fractions import Fraction

import msgspec
import pytest
import yaml

from chips_by_hand import tiny
from near import near
from onewatt.components.chips import load_chip
from onewatt.components.library import prices
from onewatt.diagnose.device_remedies import device_shortfalls, late
from onewatt.errors import InputError
from onewatt.model.device import add_up, peak_power
from onewatt.model.schedule import Run, timeline, worst_response
from onewatt.spec.architecture import ActionEnergy, Clock
from onewatt.spec.budget import Budget
from onewatt.spec.cost import Busy, Cost, Entry
from onewatt.spec.device import Battery, Device, Fitted, Part, Task
from onewatt.spec.files import dumps, loads
from onewatt.spec.result import Bound, LayerResult, Result
from onewatt.spec.workload import Workload
from report.example import conv


def chip():
    """A chip that burns 1 pJ a cycle at 100 MHz standing still: 0.1 mW."""
    upkeep = Clock(energy=(ActionEnergy(action="clock", energy=1e-12, low=5e-13, high=2e-12),))
    return tiny(clock=1e8, upkeep=upkeep)


def result(cycles, energy, chip_=None):
    """A network of one layer that takes some cycles and, beyond the clock, some energy."""
    chip_ = chip_ or chip()
    layer = conv("only")
    own = Entry(einsum="only", component="MAC", tensor="Outputs", action="compute", count=1.0,
                energy=energy, energy_low=energy / 2, energy_high=energy * 2)  # fmt: skip
    clock = Entry(einsum="only", component="chip", tensor="", action="clock", count=cycles,
                  energy=cycles * 1e-12, energy_low=cycles * 5e-13,
                  energy_high=cycles * 2e-12)  # fmt: skip
    busy = Busy(einsum="only", component="compute", cycles=cycles)
    done = LayerResult(name="only", mapping=None, active_pes=1, optimal=True,
                       lower_bound=Bound(value=0.0, unit="J"))  # fmt: skip
    return Result(
        workload=Workload(name="net", einsums=(layer,)), architecture=chip_, prices=prices(chip_),
        objective="energy", mapspace="by hand", layers=(done,),
        cost=Cost(entries=(own, clock), busy=(busy,)),
    )  # fmt: skip


def phone(**changes):
    tasks = (
        Task(name="gaze", workload="a", chip="npu", rate=50.0),
        Task(name="slow", workload="b", chip="npu", rate=10.0, batch=2, active=0.5),
        Task(name="other", workload="c", chip="dsp", rate=5.0),
    )
    made = Device(
        name="phone", chips=(Fitted(name="npu", chip="x"), Fitted(name="dsp", chip="x", idle=2e-3)),
        workloads=tasks, parts=(Part(name="camera", power=0.15),
                                Part(name="radio", energy=5e-3, rate=2.0, peak=0.8)),
        battery=Battery(energy=3600.0, usable=0.8),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


#: 4 ms and 1 mJ, 10 ms and 3 mJ (for a batch of 2), 20 ms and 2 mJ.
RESULTS = {"gaze": result(4e5, 1e-3), "slow": result(1e6, 3e-3), "other": result(2e6, 2e-3)}


def summed(device, budget=None):
    chips = {c.name: (chip(), prices(chip())) for c in device.chips}
    return add_up(device, RESULTS, chips, budget=Budget.parse(budget) if budget else None)


def test_by_hand():
    found = summed(phone())
    # npu: 50 x (1 mJ + 0.4 uJ) always, 5 x (3 mJ + 1 uJ) half the time, 0.1 mW for the rest
    busy = 50 * 4e-3 + 0.5 * 5 * 10e-3
    npu = 50 * (1e-3 + 4e-7) + 0.5 * 5 * (3e-3 + 1e-6) + 1e-4 * (1 - busy)
    dsp = 5 * (2e-3 + 2e-6) + 2e-3 * (1 - 5 * 20e-3)
    assert found.chips[0].busy == near(50 * 4e-3 + 5 * 10e-3)  # all of them at once
    assert found.chips[0].power == near(npu)
    assert found.chips[1].power == near(dsp)
    assert found.power == near(npu + dsp + 0.15 + 5e-3 * 2)
    assert found.lasts == near(3600 * 0.8 / found.power)
    assert found.tasks[1].energy == near((3e-3 + 1e-6) / 2)
    # a run of `slow` has just begun when `gaze` is due, and the other way round
    assert [t.response for t in found.tasks] == [near(14e-3), near(14e-3), near(20e-3)]
    assert found.problems == ()
    assert found.met


def test_everybody_is_told_and_the_sum_is_the_power():
    found = summed(phone(awake=0.25, asleep=1e-3))
    rows = {(s.kind, s.name, s.level): s.power for s in found.spending}
    assert rows["workload", "gaze", "MAC"] == near(0.25 * 50 * 1e-3)
    assert rows["workload", "gaze", "upkeep"] == near(0.25 * 50 * 4e-7)
    assert rows["part", "camera", ""] == near(0.25 * 0.15)
    assert rows["asleep", "asleep", ""] == near(0.75 * 1e-3)
    awake = summed(phone()).power
    assert found.power == near(0.25 * awake + 0.75 * 1e-3)
    assert math.fsum(rows.values()) == near(found.power)


def test_bands_follow_the_ledger_and_what_is_stated_has_none():
    found = summed(phone())
    for row in found.spending:
        ratio = (row.low / row.power, row.high / row.power)
        stated = row.kind == "part" or (row.kind == "idle" and row.name == "dsp")
        assert ratio == ((1.0, 1.0) if stated else (near(0.5), near(2.0)))


def test_peak_is_every_chip_in_its_dearest_layer_and_every_part_at_its_peak():
    found = summed(phone())
    npu = max((1e-3 + 4e-7) / 4e-3, (3e-3 + 1e-6) / 10e-3)
    assert found.peak == near(npu + (2e-3 + 2e-6) / 20e-3 + 0.15 + 0.8)
    assert peak_power(RESULTS["gaze"]) == near((1e-3 + 4e-7) / 4e-3)


def test_a_simulated_minute_has_the_same_energy_and_busy_time():
    """Walk along a schedule of 60 s, pay for each run and each pause, and divide by the time."""
    tasks = tuple(msgspec.structs.replace(t, active=1.0) for t in phone().workloads)
    device = phone(workloads=tasks)
    found = summed(device)
    until = 60.0
    energy, busy = 0.0, dict.fromkeys(("npu", "dsp"), 0.0)
    for name, idle in (("npu", 1e-4), ("dsp", 2e-3)):
        runs = [Run(t.name, RESULTS[t.name].latency, t.period) for t in device.workloads
                if t.chip == name]  # fmt: skip
        at = 0.0
        for slot in timeline(runs, until):
            energy += idle * (slot.begin - at) + RESULTS[slot.name].energy
            busy[name] += slot.end - slot.begin
            at = slot.end
        energy += idle * max(0.0, until - at)
    energy += until * (0.15 + 5e-3 * 2)
    assert energy / until == pytest.approx(found.power, rel=1e-6)
    assert busy["npu"] / until == pytest.approx(found.chips[0].busy, rel=1e-6)
    assert busy["dsp"] / until == pytest.approx(found.chips[1].busy, rel=1e-6)


def test_a_chip_that_cannot_keep_up_is_told_and_never_rests():
    tasks = (Task(name="gaze", workload="a", chip="npu", rate=200.0),
             Task(name="slow", workload="b", chip="npu", rate=100.0))  # fmt: skip
    device = Device(name="d", chips=(Fitted(name="npu", chip="x"),), workloads=tasks)
    found = summed(device)
    assert found.chips[0].busy == near(200 * 4e-3 + 100 * 10e-3)
    assert not found.chips[0].keeps_up
    assert not found.met
    assert "work for 180 % of its time" in found.problems[0]
    assert found.tasks[1].response == math.inf
    # the same mix, as fast as the chip goes
    assert found.power == near((200 * (1e-3 + 4e-7) + 100 * (3e-3 + 1e-6)) / 1.8)


def test_a_late_workload_is_told_with_the_speed_that_would_do():
    tasks = (*phone().workloads[:1], Task(name="slow", workload="b", chip="npu", rate=10.0))
    tasks = (msgspec.structs.replace(tasks[0], deadline=8e-3), tasks[1])
    found = summed(phone(workloads=tasks))
    assert found.problems == ("gaze may take 14 ms, 8 ms are allowed",)
    (told,) = late(found)
    assert told.factor == pytest.approx(14 / 8, rel=1e-4)
    assert "alone it would be in time: 4.00 ms of 8.00 ms" in told.change


def faster(found, **factors):
    """Return the same device with chips that run everything faster by a factor."""
    return max(
        worst_response(
            [Run(t.name, t.latency / factors.get(t.chip, 1.0), task.period)
             for t, task in zip(found.tasks, found.device.workloads, strict=True)
             if t.chip == mine.chip],
            mine.name,
        )
        for mine in found.tasks
    )  # fmt: skip


def two_slow_chips(limit):
    names = ("npu", "dsp")
    device = Device(
        name="two", chips=tuple(Fitted(name=n, chip="x.yaml") for n in names),
        workloads=(Task(name="gaze", workload="a", chip="npu", rate=50.0),
                   Task(name="slow", workload="b", chip="dsp", rate=10.0)),
    )  # fmt: skip
    return summed(device, limit)


def test_a_chip_that_is_not_the_only_slow_one_is_not_enough():
    found = two_slow_chips("3 ms")
    (missed,) = device_shortfalls(found)
    *alone, both = missed.remedies
    assert [r.place for r in alone] == ["npu", "dsp"]
    assert not any(r.enough for r in alone)
    assert both.enough
    assert both.place == "npu, dsp"
    assert faster(found, npu=1e9) > 3e-3
    assert faster(found, dsp=1e9) > 3e-3
    npu, dsp = (float(w.removesuffix("x")) for w in both.change.split() if w.endswith("x"))
    assert faster(found, npu=npu, dsp=dsp) <= 3e-3
    assert both.factor == pytest.approx(max(npu, dsp), rel=1e-2)
    (missed,) = device_shortfalls(two_slow_chips("6 ms"))
    (told,) = missed.remedies
    assert told.place == "dsp"
    assert told.enough
    assert faster(found, dsp=told.factor) <= 6e-3


def test_a_battery_that_does_not_last_says_what_may_be_drawn():
    lasts = summed(phone(battery=Battery(energy=3600.0))).lasts
    found = summed(phone(battery=Battery(energy=3600.0, lasts=2.5 * lasts)))
    (said,) = found.problems
    watts = float(said.split("at most ")[1].split(" mW")[0]) * 1e-3
    assert watts == pytest.approx(found.power / 2.5, rel=1e-2)
    assert 3600.0 / watts >= 2.5 * lasts


def test_a_rate_that_would_meet_the_watts_does():
    found = summed(phone(), "0.22 W")
    (missed,) = device_shortfalls(found)
    gaze = next(r for r in missed.remedies if r.place == "gaze")
    tasks = list(phone().workloads)
    tasks[0] = msgspec.structs.replace(tasks[0], rate=tasks[0].rate / gaze.factor)
    assert summed(phone(workloads=tuple(tasks))).power == near(0.22)
    camera = next(r for r in missed.remedies if r.place == "camera")
    parts = (Part(name="camera", power=0.15 / camera.factor), *phone().parts[1:])
    assert summed(phone(parts=parts)).power == near(0.22)
    awake = next(r for r in missed.remedies if r.place == "awake")
    assert summed(phone(awake=1 / awake.factor)).power == near(0.22)
    idle = next(r for r in missed.remedies if r.place == "dsp at rest")
    assert not idle.enough


def test_budgets_of_devices():
    found = summed(phone(), "1 W, 15 ms")
    assert [(v.kind, v.met) for v in found.budget] == [("power", True), ("latency", False)]
    assert found.budget[1].reached == near(20e-3)
    assert not found.met
    for text, said in (("30 fps", "no single rate"), ("1 J", "no single energy"),
                       ("1 mm2", "no area")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            summed(phone(), text)
    (missed,) = device_shortfalls(summed(phone(), "0.1 W"))
    assert "parts other than chips draw 160 mW" in missed.impossible


def test_chips_that_are_too_large_together_say_how_much_smaller():
    eyeriss = load_chip("eyeriss")
    names = ("npu", "spare")
    device = Device(name="two", chips=tuple(Fitted(name=n, chip="eyeriss") for n in names))

    def missed(limit):
        budget = Budget.parse(limit)
        chips = {n: (eyeriss, prices(eyeriss)) for n in names}
        (found,) = device_shortfalls(add_up(device, {}, chips, budget=budget))
        return found.remedies

    area = prices(eyeriss).area * 1e6
    alone = missed("20 mm2")
    assert [r.place for r in alone] == ["chip npu", "chip spare"]
    assert all(2 * area - area * (1 - 1 / r.factor) == near(20) for r in alone)
    *alone, group = missed("64 KiB")
    assert not any(r.enough for r in alone)
    each = 100 + 168 * (448 + 24 + 48) / 1024
    assert group.factor == near(2 * each / 64)
    assert "all chips together 5.8x less" in group.change


def test_a_battery_that_does_not_last_is_told():
    battery = Battery(energy=3600.0, lasts=36_000.0)
    found = summed(phone(battery=battery))
    assert "10 h are asked" in found.problems[0]
    assert summed(phone(battery=None)).lasts is None


TEXT = """\
name: phone
chips:
  npu: eyeriss
workloads:
- name: gaze
  workload: mlperf_ic
  chip: npu
  rate: 60 fps
parts:
  camera: {power: 100 mW}
battery: {energy: 15 Wh, usable: 0.8, lasts: 10 h}
"""


def test_files_read_and_write_the_same_device():
    device = loads(TEXT, "device")
    assert device.workloads[0].rate == 60.0
    assert device.battery.energy == near(54_000.0)
    assert loads(dumps(device, "device"), "device") == device
    assert loads(dumps(phone(), "device"), "device") == phone()


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("chip: npu", "chip: npx", "7:9", "unknown chip of the device 'npx'. Did you mean 'npu'?"),
        ("rate: 60 fps", "rate: 0 fps", "5:3", "has rate 0.0; expected more than 0"),
        ("rate: 60 fps", "rate: -5 fps", "8:9", "at least 0"),
        ("rate: 60 fps", "rate: 60", "8:9", "write 60 with a unit"),
        ("rate: 60 fps", "rate: 60 mW", "8:9", "which is a power"),
        ("rate: 60 fps", "rate: 60 fps\n  batch: 0", "5:3", "has batch 0"),
        ("rate: 60 fps", "rate: 60 fps\n  active: 1.5", "5:3", "share above 0 and at most 1"),
        ("power: 100 mW", "power: 100 mW, rate: 5 fps", "10:3", "energy together with its rate"),
        ("power: 100 mW", "source: a paper", "10:3", "either a power, or an energy"),
        ("power: 100 mW", "power: 100 mW, peak: 50 mW", "10:3", "less than its average"),
        ("energy: 15 Wh", "energy: 0 Wh", "11:10", "has energy 0.0"),
        ("usable: 0.8", "usable: 80", "11:10", "has usable 80.0"),
        ("  camera", "  camera: 1 mW\n  camera", "11:3", "twice"),
        ("npu: eyeriss", "npu: {idle: 3 mW}", "3:3", "no 'chip'"),
        ("workloads", "workload", "4:1", "Did you mean 'workloads'?"),
    ],
)
def test_bad_files_name_the_place(old, new, place, said):
    with pytest.raises(InputError) as refused:
        loads(TEXT.replace(old, new, 1), "device", name="phone.yaml")
    assert str(refused.value).startswith(f"phone.yaml:{place}")
    assert said in str(refused.value)


def test_names_come_once_and_something_is_there():
    tasks = phone().workloads
    with pytest.raises(InputError, match="two workloads named 'gaze'"):
        phone(workloads=(tasks[0], tasks[0]))
    with pytest.raises(InputError, match="at least one"):
        Device(name="nothing")
    assert yaml.safe_load(dumps(phone(), "device"))["parts"]["camera"] == "150 mW"


def test_fractions_of_periods_do_not_make_a_workload_late():
    """Three periods of a third fill a chip to the brim, and nothing is late by rounding."""
    third = float(Fraction(1, 3))
    runs = {n: result(third * 1e8 / 10, 1e-6) for n in "abc"}
    tasks = tuple(Task(name=n, workload=n, chip="npu", rate=10.0) for n in "abc")
    device = Device(name="d", chips=(Fitted(name="npu", chip="x"),), workloads=tasks)
    found = add_up(device, runs, {"npu": (chip(), prices(chip()))})
    assert found.chips[0].keeps_up
    assert all(t.met for t in found.tasks)
