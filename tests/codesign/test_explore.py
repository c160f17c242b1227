"""Exploring: the same bytes whoever works, however often it is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jsonschema
import msgspec
import pytest

from codesign.studies import LEAST, SPACE, Tiny
from near import near
from onewatt.codesign.explore import explore
from onewatt.codesign.front import dominates, hypervolume
from onewatt.codesign.study import points
from onewatt.errors import InputError
from onewatt.mapper.search import search
from onewatt.report.front_store import front_text, load_front, save_front
from onewatt.report.schema import schema
from onewatt.run import executors
from onewatt.run.store import Store
from onewatt.spec.budget import Budget
from onewatt.spec.study import Knob, Objective

TESTS = Path(__file__).resolve().parent.parent
SCRIPT = """
import sys
from codesign.studies import Tiny
from onewatt.codesign.explore import explore
from onewatt.report.front_store import save_front

if __name__ == "__main__":
    store, out, strategy, executor, pause = sys.argv[1:]
    print("begin", flush=True)
    front = explore(Tiny(pause=float(pause)), strategy=strategy, evaluations=14, seed=5,
                    store=store, executor=executor)
    save_front(front, out)
"""


@pytest.fixture(scope="module")
def front():
    return explore(Tiny())


@pytest.fixture
def script(tmp_path):
    """Start a process that explores and writes its front."""
    path = tmp_path / "main.py"
    path.write_text(SCRIPT)
    search_path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search_path}
    running = []

    def start(store, out, strategy, executor="here", pause=0.0):
        running.append(subprocess.Popen(
            [sys.executable, "-W", "error", str(path), str(store), str(out), strategy, executor,
             str(pause)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ))  # fmt: skip
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_every_point_is_what_the_mapper_says(front):
    study = Tiny()
    assert front.complete
    assert front.ended == "every point of the space was tried"
    assert [tuple(p.knobs.items()) for p in front.points] == [p.knobs for p in points(SPACE)]
    for point, found in zip(points(SPACE), front.points, strict=True):
        result = search(study.workload(point), study.architecture(point), tiles="perfect")
        assert found.objectives == {"energy": result.energy, "latency": result.latency}
        assert found.result.totals.edp == result.edp
        assert sum(x.energy for x in found.result.levels) == near(result.energy)


def test_the_front_is_what_nothing_beats(front):
    vectors = {p.number: tuple(p.objectives.values()) for p in front.points}
    for number, own in vectors.items():
        beaten = any(dominates(v, own) for v in vectors.values())
        assert front.points[number].on_front == (not beaten)
    reference = tuple(front.reference[o.name] for o in LEAST)
    best = [tuple(p.objectives.values()) for p in front.best]
    assert front.hypervolume == near(hypervolume(best, reference))
    assert [p.objectives["energy"] for p in front.best] == sorted(b[0] for b in best)


def test_points_of_the_front_carry_chip_and_layers(front):
    from onewatt.spec.files import loads

    for point in front.points:
        assert (point.result.chip is not None) == point.on_front
        assert (point.result.layers is not None) == point.on_front
    best = front.best[0]
    assert loads(best.result.chip, "chip").name == f"tiny_{best.number}"
    assert sum(x.energy for x in best.result.layers) == near(best.objectives["energy"])
    full = explore(Tiny(), evaluations=2, full=True)
    assert all(p.result.chip and p.result.layers for p in full.points)


def test_a_front_is_a_file_and_back(front, tmp_path):
    save_front(front, tmp_path / "front.json")
    assert load_front(tmp_path / "front.json") == front
    table = msgspec.json.decode((tmp_path / "front.json").read_bytes())
    assert next(iter(table)) == "schema"
    assert table["schema"] == "onewatt/front/1"
    jsonschema.validate(table, schema("front"), jsonschema.Draft202012Validator)
    assert {"knobs", "objectives", "feasible", "result"} <= set(table["points"][0])


@pytest.mark.parametrize("damage", [lambda t: t[:200], lambda t: t.replace("front/1", "front/9"),
                                    lambda t: t.replace('"knobs"', '"knops"', 1)])  # fmt: skip
def test_a_damaged_front_is_refused(front, tmp_path, damage):
    path = tmp_path / "front.json"
    path.write_text(damage(front_text(front)))
    with pytest.raises(InputError, match=r"front\.json: "):
        load_front(path)


def test_what_a_study_measures_itself_may_be_wanted_most():
    aims = (Objective.parse("energy"), Objective.parse("accuracy"))
    found = explore(Tiny(objectives=aims))
    vectors = [(p.objectives["energy"], -p.objectives["accuracy"]) for p in found.points]
    for i, point in enumerate(found.points):
        assert point.on_front == (not any(dominates(v, vectors[i]) for v in vectors))
    assert {p.objectives["accuracy"] for p in found.best} == {0.75, 0.875}
    assert found.reference["accuracy"] < 0.75


def test_a_failing_point_has_its_reason_and_ends_nothing(tmp_path):
    found = explore(Tiny(broken="8"), store=tmp_path / "s.sqlite")
    wide = [p for p in found.points if p.knobs["width"] == "8"]
    assert found.counts.failed == len(wide) == 9
    assert {p.reason for p in wide} == {"KeyError: 'no network of width 8'"}
    assert not any(p.feasible or p.on_front or p.objectives or p.result for p in wide)
    assert found.counts.feasible == 9
    slow = explore(Tiny(broken="1"))
    assert {p.reason for p in slow.points} == {None, "the accuracy cannot be measured"}
    missing = Tiny(objectives=(*LEAST, Objective(name="beauty", goal="most")))
    assert "objective 'beauty' has no value" in explore(missing, evaluations=1).points[0].reason


def test_a_mapping_that_does_not_fit_is_the_reason_of_its_point():
    space = (Knob(path="buffer", values=("4096",)), Knob(path="spad", values=("1", "64")),
             Knob(path="width", values=("4",)))  # fmt: skip
    found = explore(Tiny(space=space))
    assert "does not fit chip 'tiny'" in found.points[0].reason
    assert found.points[1].feasible


def test_limits_decide_who_is_feasible_and_who_is_nearest(front):
    middle = sorted(p.objectives["energy"] for p in front.points)[9]
    some = explore(Tiny(constraints=Budget.parse(f"{middle * 1e9!r} nJ")))
    assert [p.feasible for p in some.points] == [
        p.objectives["energy"] <= middle * (1 + 1e-12) for p in front.points
    ]
    assert all(p.feasible for p in some.best)
    least = min(p.objectives["energy"] for p in front.points)
    none = explore(Tiny(constraints=Budget.parse(f"{least * 0.5e9!r} nJ")))
    assert (none.counts.feasible, none.hypervolume, none.best) == (0, None, ())
    assert none.points[none.nearest].objectives["energy"] == least


def test_the_store_saves_all_work_and_shares_it(front, tmp_path, monkeypatch):
    path = tmp_path / "store.sqlite"
    first = explore(Tiny(), store=path)
    worked = []
    real = executors.Here.submit
    monkeypatch.setattr(
        executors.Here, "submit", lambda s, n, item: worked.append(item) or real(s, n, item)
    )
    assert front_text(explore(Tiny(), store=path)) == front_text(first) == front_text(front)
    assert worked == []
    other = explore(Tiny(), strategy="random", store=path)
    assert worked == []
    assert {tuple(p.knobs.items()) for p in other.points} == {
        tuple(p.knobs.items()) for p in first.points
    }
    explore(Tiny(constraints=Budget.parse("1 W")), evaluations=3, store=path)
    assert len(worked) == 3, "constraints are part of the question"
    explore(Tiny(), evaluations=2, store=path, fresh=True)
    assert len(worked) == 5


def test_stop_keeps_what_is_finished(tmp_path, front):
    stop, seen = threading.Event(), []

    def progress(state):
        seen.append(state.done)
        if state.done == 5:
            stop.set()

    path = tmp_path / "store.sqlite"
    some = explore(Tiny(), store=path, progress=progress, stop=stop)
    assert not some.complete
    assert some.ended == "stopped"
    assert some.points == tuple(
        msgspec.structs.replace(
            p, on_front=s.on_front, result=s.result, within_noise_of=s.within_noise_of
        )
        for p, s in zip(front.points[:5], some.points, strict=True)
    )
    assert seen == list(range(6))
    with Store(path) as store:
        assert len(store) == 5
    assert front_text(explore(Tiny(), store=path)) == front_text(front)


def test_progress_ends_with_the_front(front):
    states = []
    explore(Tiny(), progress=states.append)
    last = states[-1]
    assert (last.done, last.total, last.feasible, last.failed) == (18, 18, 18, 0)
    assert sorted(last.front) == sorted({tuple(p.objectives.values()) for p in front.best})


@pytest.mark.parametrize("evaluations", [1, 7])
def test_evaluations_are_different_points(evaluations):
    found = explore(Tiny(), strategy="evolve:population=4", evaluations=evaluations)
    assert len({tuple(p.knobs.items()) for p in found.points}) == evaluations
    assert found.ended == f"{evaluations} evaluations were used"


def test_bad_options_are_refused_before_anything_runs(tmp_path):
    for options, says in [
        ({"evaluations": 0}, "found evaluations 0"),
        ({"strategy": "grd"}, "Did you mean 'grid'"),
        ({"executor": "cloud"}, "found executor 'cloud'"),
    ]:
        with pytest.raises(InputError, match=says):
            explore(Tiny(), store=tmp_path / "s.sqlite", **options)
    assert not list(tmp_path.iterdir())


# -- processes ----------------------------------------------------------------------------------


def finished(process):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()


@pytest.mark.parametrize("strategy", ["evolve:population=4"])
def test_bytes_do_not_depend_on_workers(script, tmp_path, strategy):
    outs = []
    for i, executor in enumerate(("here", "local:2", "local:8")):
        outs.append(tmp_path / f"{i}.json")
        finished(script(tmp_path / f"{i}.sqlite", outs[-1], strategy, executor))
    assert len({p.read_bytes() for p in outs}) == 1
    assert b'"evaluated": 14' in outs[0].read_bytes()


def kept_in(file):
    with Store(file) as store:
        return len(store)


def test_a_run_that_is_killed_at_random_ends_in_the_same_bytes(script, tmp_path):
    whole, out = tmp_path / "whole.json", tmp_path / "killed.json"
    finished(script(tmp_path / "whole.sqlite", whole, "tpe:generation=3,startup=4"))
    store, chance, kills = tmp_path / "killed.sqlite", random.Random(11), 0
    for executor in ("here", "local:2", "here", "here"):
        process = script(store, out, "tpe:generation=3,startup=4", executor, pause=0.15)
        assert process.stdout.readline() == b"begin\n"
        time.sleep(chance.uniform(0.1, 1.5))
        while kills == 3 and not kept_in(store):  # a busy machine is slow to the first point
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += not out.exists()
    assert kills == 4
    assert 0 < kept_in(store) < 14, "the kills came in the middle"
    finished(script(store, out, "tpe:generation=3,startup=4"))
    assert out.read_bytes() == whole.read_bytes()


def test_two_processes_on_one_store_end_in_the_same_bytes(script, tmp_path):
    outs = [tmp_path / "a.json", tmp_path / "b.json"]
    both = [script(tmp_path / "both.sqlite", out, "random", pause=0.05) for out in outs]
    for process in both:
        finished(process)
    assert outs[0].read_bytes() == outs[1].read_bytes()
    with Store(tmp_path / "both.sqlite") as store:
        assert len(store) == 14
