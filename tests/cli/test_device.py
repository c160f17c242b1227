"""The verbs device, compare and explain --prices, as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from near import near
from onewatt.cli import searching
from onewatt.report.schema import schema
from onewatt.report.store import load_saved

ROOT = Path(__file__).resolve().parents[2]
PHONE = """\
schema: onewatt/device/1
name: little phone
chips:
  npu: eyeriss
workloads:
- {name: words, workload: mlperf_kws, chip: npu, rate: 10 fps}
- {name: sounds, workload: mlperf_ad, chip: npu, rate: 2 fps}
parts:
  microphone: {power: 1 mW, source: an assumption}
battery: {energy: 1 Wh}
"""


@pytest.fixture
def phone(run, tmp_path):
    (tmp_path / "phone.yaml").write_text(PHONE)
    return "phone.yaml"


def validated(kind, text):
    table = json.loads(text)
    jsonschema.validate(table, schema(kind), jsonschema.Draft202012Validator)
    return table


def test_a_device_is_added_up(run, phone, tmp_path):
    code, out, err = run("device", phone, "-j", "1", "-o", "out", "--budget", "1 W")
    assert (code, err) == (0, "")
    assert "power met" in out
    assert "words" in out
    assert "npu at rest" in out
    page = (tmp_path / "out/device.html").read_text()
    assert "little phone" in page
    assert "{{" not in page
    assert page.count("<rect") > 10  # the bar and the schedule
    assert "http" not in page.split("</style>")[1]
    table = validated("device-result", (tmp_path / "out/device.json").read_text())
    assert table["totals"]["power_W"] == near(sum(s["power_W"] for s in table["spending"]))
    assert table["totals"]["lasts_s"] == near(3600 / table["totals"]["power_W"])
    kept = validated(
        "device-result", run("device", phone, "-j", "1", "--json", "--budget", "1 W")[1]
    )
    assert kept == table


def test_a_missed_budget_is_2_and_says_what_would_lift_it(run, phone):
    code, out, _ = run("device", phone, "-j", "1", "--budget", "20 mW")
    assert code == 2
    assert "power MISSED" in out
    assert "npu at rest is" in out
    code, out, _ = run("device", phone, "-j", "1", "--budget", "20 mW", "--json")
    assert code == 2
    assert validated("device-result", out)["budget"][0]["remedies"]


def test_a_late_workload_is_2(run, phone, tmp_path):
    text = PHONE.replace("rate: 10 fps", "rate: 10 fps, deadline: 1 ms")
    (tmp_path / phone).write_text(text)
    code, out, _ = run("device", phone, "-j", "1", "-q")
    assert (code, out) == (2, "")
    code, out, _ = run("device", phone, "-j", "1")
    assert code == 2
    assert "words may take 1.88 ms, 1 ms are allowed" in out
    assert "words is late: chip npu would have to be 1.88x as fast" in out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("npu: eyeriss", "npu: eyeris", "phone.yaml:4:8: found no chip 'eyeris'"),
        ("mlperf_kws", "mlperf_kwz", "phone.yaml:6:27: 'mlperf_kwz' is no file"),
        ("chip: npu, rate: 10", "chip: gpu, rate: 10", "unknown chip of the device 'gpu'"),
        ("10 fps", "0 fps", "phone.yaml:6:3: workload 'words' has rate 0.0"),
        ("10 fps", "-1 fps", "phone.yaml:6:"),
        ("10 fps", "10", "write 10 with a unit"),
        ("little phone", "little\n bad: [", "phone.yaml:"),
    ],
)
def test_bad_devices_name_the_place(run, phone, tmp_path, old, new, said):
    (tmp_path / phone).write_text(PHONE.replace(old, new, 1))
    code, out, err = run("device", phone)
    assert (code, out) == (1, "")
    assert said in err


def test_other_files_and_budgets_are_refused(run, phone):
    assert "gone.yaml: cannot be read" in run("device", "gone.yaml")[2]
    chip = str(ROOT / "examples/edge_chip.yaml")
    assert "expected 'onewatt/device/1'" in run("device", chip)[2]
    code, _, err = run("device", phone, "-j", "1", "--budget", "30 fps")
    assert code == 1
    assert "no single rate" in err


def test_a_device_is_shown(run, phone):
    code, out, _ = run("show", phone)
    assert code == 0
    assert "workload words: mlperf_kws at 10.0 Hz" in out
    for kind in ("device", "device-result", "comparison", "prices"):
        assert run("schema", kind)[0] == 0


def test_the_car_of_the_story_misses_a_watt(run):
    code, out, _ = run("device", str(ROOT / "examples/car.yaml"), "--budget", "1 W")
    assert code == 2
    assert "2.50 kW of at most 1.00 W (2500x too high)" in out


def test_a_missed_budget_of_analyze_says_what_would_lift_it(run):
    ask = ("analyze", "mlperf_ad", "-c", "eyeriss", "-j", "1", "--tiles", "perfect", "--budget")
    code, out, _ = run(*ask, "1 ms")
    assert code == 2
    assert "1.12x the words a cycle at DRAM" in out
    code, out, _ = run(*ask, "1 ms, 1 J, 64 KiB", "--json")
    assert code == 2
    rows = validated("result", out)["budget"]
    assert [r["met"] for r in rows] == [False, True, False]
    assert rows[0]["remedies"][0]["factor"] == pytest.approx(1.11475, rel=1e-3)
    assert rows[1]["remedies"] == []


@pytest.fixture
def saved(run):
    ask = ("analyze", "mlperf_ad", "-c", "eyeriss", "-j", "1", "--tiles", "perfect", "-q")
    assert run(*ask, "-o", "a", "--budget", "1 ms")[0] == 2
    assert run(*ask, "-o", "b", "--objective", "latency")[0] == 0
    return "a/result.json", "b/result.json"


def test_compare_says_how_sure_it_is(run, saved):
    code, out, _ = run("compare", *saved)
    assert code == 0
    assert "why: energy by level and tensor" in out
    assert "with shared errors" in " ".join(out.split())
    table = validated("comparison", run("compare", *saved, "--json")[1])
    rows = table["differences"]["by_level_and_tensor_J"]
    whole = table["differences"]["energy_J"]["difference"]
    assert sum(r["difference"] for r in rows) == pytest.approx(whole, abs=1e-15)


def test_what_else_than_the_chip_differs_is_said(run, saved):
    assert validated("comparison", run("compare", *saved, "--json")[1])["notes"] == []
    ask = ("-c", "eyeriss", "-j", "1", "--tiles", "perfect", "-q")
    assert run("analyze", "mlperf_ad", *ask, "--batch", "2", "-o", "two")[0] == 0
    assert run("analyze", "mlperf_kws", *ask, "-o", "other")[0] == 0
    out = run("compare", saved[0], "two/result.json")[1]
    assert "note:   batches of 1 and 2, figures of a whole batch" in out
    out = run("compare", saved[0], "other/result.json")[1]
    assert "note:   two networks, mlperf_ad and mlperf_kws" in out


def test_prices_are_explained(run, saved):
    code, out, err = run("explain", saved[0], "--prices", "-j", "1", "--budget", "1 ms")
    assert code == 0
    assert "DRAM shared bandwidth" in out
    assert "1.2 word/cycle to 1.34 word/cycle" in out
    assert "searched for" in err
    table = validated("prices", run("explain", saved[0], "--prices", "-j", "1", "--json")[1])
    assert table["smallest_change"]["changes"][0]["place"] == "DRAM"


def test_an_interrupted_search_has_no_prices(run, saved, monkeypatch):
    result, _ = load_saved(Path(saved[0]))
    open_ = tuple(msgspec.structs.replace(x, gap=0.5, optimal=False) for x in result.layers)
    found = msgspec.structs.replace(result, layers=open_), True
    monkeypatch.setattr(searching, "found", lambda *_, **__: found)
    code, out, err = run("explain", "mlperf_ad", "--chip", "systolic_ws", "--prices", "-j", "1")
    assert code == 130
    assert "is worth" not in out
    assert "stopped" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", "1 W"), "--budget and --tiles go with --prices"),
        (("--tiles", "tight"), "--budget and --tiles go with --prices"),
        (("--prices", "--layer", "fc1"), "prices are of a whole network"),
        (("--prices", "--budget", "1 Q"), "expected quantities with units"),
        (("--prices", "--tiles", "tihgt"), "Did you mean 'tight'?"),
    ],
)
def test_options_that_do_not_go_together(run, saved, options, said):
    code, _, err = run("explain", saved[0], *options)
    assert code == 1
    assert said in err
