"""``onewatt explore`` and what else the command line does with fronts."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import jsonschema
import pytest

from chips_by_hand import tiny
from layers_by_hand import conv, network
from onewatt.cli.explore import default_store
from onewatt.report.front_store import load_front
from onewatt.report.front_text import nearest_miss
from onewatt.run.store import Store
from onewatt.spec.files import dumps

STUDY = """
workload: net.yaml
chip: chip.yaml
knobs: {chip.GLB.capacity: [1 KiB, 2 KiB], batch: [1, 2]}
pricing: stated
objectives: [energy, latency]
"""


@pytest.fixture
def study(tmp_path):
    """A study file beside its own chip and network, in a folder of its own."""
    folder = tmp_path / "files"
    folder.mkdir()
    net = network(conv("a", m=4, c=2, p=4), conv("b", m=2, c=4, p=2, r=1))
    (folder / "net.yaml").write_text(dumps(net, "workload"))
    (folder / "chip.yaml").write_text(dumps(tiny(), "chip"))

    def write(more="", text=STUDY):
        path = folder / "study.yaml"
        path.write_text(text + more)
        return str(path)

    return write


def explore(run, *arguments):
    return run("explore", *arguments, "--executor", "here")


def test_the_front_is_printed_written_shown_and_valid(run, study, tmp_path):
    code, out, err = explore(run, study(), "-o", "front.json")
    assert (code, err) == (0, "")
    assert "4 of 4 tried, 4 keep every limit, 0 failed" in out
    assert out.endswith("Wrote front.json.\n")
    assert default_store().exists()
    front = load_front("front.json")
    assert front.study.name == "study"
    code, shown, _ = run("show", "front.json")
    assert code == 0
    assert "chip.GLB.capacity" in shown
    assert shown.split() == out.rpartition("Wrote")[0].split()
    code, shown, _ = run("show", "front.json", "--point", "0")
    assert code == 0
    assert "Energy by level" in shown
    assert run("show", "front.json", "--point", "9")[2].startswith("onewatt: error: found point 9")
    code, text, _ = run("schema", "front")
    jsonschema.validate(json.loads((tmp_path / "front.json").read_text()), json.loads(text))
    code, text, _ = run("schema", "study")
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_the_page_of_a_front(run, study, tmp_path):
    code, out, _ = explore(run, study(), "-o", "front.json", "--page", "first.html")
    assert code == 0
    assert out.endswith("Wrote front.json.\nWrote first.html.\n")
    code, out, _ = run("report", "front.json", "--files", "files")
    assert (code, out) == (0, "Wrote front.html.\n")
    first, again = ((tmp_path / n).read_text() for n in ("first.html", "front.html"))
    assert first == again, "the study is read back from the front"
    assert '"causes":[[' in again
    code, out, _ = run("report", "front.json", "-o", "bare.html")
    assert code == 0
    bare = (tmp_path / "bare.html").read_text()
    assert "cannot be read again" in bare, "its files lie elsewhere"
    assert '"causes":[[' not in bare
    assert explore(run, study(), "--page", ".")[2].endswith("expected a file such as front.html\n")


def test_json_is_one_object_and_the_same_bytes_again(run, study):
    first = explore(run, study(), "--json", "--store", "own.sqlite")
    again = explore(run, study(), "--json", "--store", "own.sqlite", "--strategy", "grid")
    fresh = explore(run, study(), "--json", "--store", "own.sqlite", "--fresh")
    assert first == again == fresh
    assert json.loads(first[1])["schema"] == "onewatt/front/1"
    with Store("own.sqlite") as store:
        assert len(store) == 4
    full = json.loads(explore(run, study(), "--json", "--full")[1])
    assert all(p["result"]["layers"] for p in full["points"])


def test_the_study_says_how_and_the_command_line_overrules(run, study):
    path = study("strategy: random\nevaluations: 3\n")
    front = json.loads(explore(run, path, "--json", "--seed", "4")[1])
    assert (front["strategy"], front["seed"], front["counts"]["evaluated"]) == ("random", 4, 3)
    front = json.loads(explore(run, path, "--json", "--strategy", "grid", "--evaluations", "2")[1])
    assert (front["strategy"], front["counts"]["evaluated"]) == ("grid", 2)


def test_a_missed_budget_says_what_would_have_to_change(run, study):
    front = json.loads(explore(run, study(), "--json")[1])
    power = min(p["result"]["totals"]["power_W"] for p in front["points"])
    code, out, err = explore(run, study(), "--budget", f"{power * 0.5e6!r} uW", "-o", "f.json")
    assert code == 2
    assert "0 keep every limit" in out
    assert "onewatt: no point keeps the limits. The nearest is point " in err
    assert "power must fall by 50 %, from " in err
    assert nearest_miss(load_front("f.json")) in err
    code, out, err = explore(run, study(), "--budget", "1 nJ")
    assert code == 2, "known without running"
    assert "at most 1.00 nJ of energy is asked" in err
    assert explore(run, study(), "--budget", "1 kW")[0] == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("chip.GLB.capacity", "chip.GBL.capacity"), "Did you mean 'chip.GLB.capacity'?"),
        (("[1 KiB, 2 KiB]", "[]"), "has no values"),
        (("knobs", "knops"), "unknown key of study 'knops'"),
        (("net.yaml", "nets.yaml"), "nets.yaml"),
        (("chip.yaml", "chips.yaml"), "found no chip 'chips.yaml'"),
        (("energy, latency", "energy, energy"), "objective 'energy' is named twice"),
    ],
)
def test_bad_studies_are_one_line_and_code_1(run, study, change, says):
    path = study(text=STUDY.replace(*change))
    code, out, err = explore(run, path)
    assert (code, out) == (1, "")
    assert err.startswith("onewatt: error: ")
    assert says in err
    assert err.count("\n") == 1
    assert "study.yaml" in err


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--strategy", "grd"), "Did you mean 'grid'"),
        (("--executor", "cloud"), "found executor 'cloud'"),
        (("--budget", "fast"), "budget 'fast'"),
        (("-o", "."), "is a directory"),
    ],
)
def test_bad_options_are_refused(run, study, option, says):
    code, _, err = run("explore", study(), *option)
    assert code == 1
    assert says in err


def test_a_damaged_store_is_said_with_the_remedy(run, study, tmp_path):
    (tmp_path / "own.sqlite").write_bytes(b"SQLite format 3\0" + os.urandom(4000))
    code, _, err = explore(run, study(), "--store", "own.sqlite")
    assert code == 1
    assert "own.sqlite: is damaged or no store" in err
    assert "move it away" in err


@pytest.mark.filterwarnings("default::RuntimeWarning")
def test_a_damaged_outcome_is_one_line_of_warning_and_worked_out_anew(run, study):
    _, before, _ = explore(run, study(), "--json", "--store", "own.sqlite")
    with sqlite3.connect("own.sqlite") as database:
        database.execute(
            "UPDATE outcomes SET digest = 'x' WHERE key = (SELECT MIN(key) FROM outcomes)"
        )
    database.close()
    code, after, err = explore(run, study(), "--json", "--store", "own.sqlite")
    assert (code, after) == (0, before)
    (line,) = err.splitlines()
    assert line.startswith("onewatt: warning: store own.sqlite: the outcome ")
    assert "is damaged and is worked out anew" in line


def test_points_that_all_fail_are_an_error(run, study):
    path = study(text=STUDY.replace("[1 KiB, 2 KiB]", "[8 bit, 16 bit]"))
    code, out, err = explore(run, path)
    assert code == 1
    assert "2 points: layer 'a' does not fit" in out
    assert "all 4 points failed; the first: layer 'a' does not fit chip" in err


def test_point_is_for_fronts(run, tmp_path):
    assert "--point is for a front.json" in run("show", "eyeriss", "--point", "1")[2]


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(study, tmp_path):
    path = study(text=STUDY.replace("[1, 2]", str(list(range(1, 120)))))
    store, out = tmp_path / "own.sqlite", tmp_path / "front.json"
    command = [sys.executable, "-m", "onewatt", "explore", path, "--executor", "here", "--store",
               str(store), "-o", str(out)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 100
    while not _kept(store):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    front = load_front(out)
    assert not front.complete
    assert 0 < front.counts.evaluated < 238
    assert f"every finished one is kept in {store}. The same command goes on from there" in err
    assert _kept(store) >= front.counts.evaluated


def _kept(path):
    if not path.exists():
        return 0
    with Store(path) as store:
        return len(store)
