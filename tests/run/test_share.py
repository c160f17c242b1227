"""Sharing: items are worked out once, whoever does it, and none is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from onewatt.run.executors import Failure, Here, open_executor
from onewatt.run.share import Item, work_out
from onewatt.run.store import Store
from run.work import double, marked

TESTS = Path(__file__).resolve().parent.parent
SCRIPT = """
import sys
from onewatt.run.executors import open_executor
from onewatt.run.share import Item, work_out
from onewatt.run.store import Store
from run.work import marked

if __name__ == "__main__":
    path, folder, count = sys.argv[1:]
    items = [Item(f"key {i}", i) for i in range(int(count))]
    executor = open_executor("here", marked, folder)
    with Store(path) as store:
        print("open", flush=True)
        found = work_out(items, store, executor, done=lambda key, content: None)
    print(*(found[i.key].decode() for i in items), flush=True)
"""


def items(count):
    return [Item(f"key {i}", i) for i in range(count)]


@pytest.fixture
def start(tmp_path):
    """Start processes that work on one store; end those that are left."""
    script = tmp_path / "main.py"
    script.write_text(SCRIPT)
    (tmp_path / "marks").mkdir()
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    running = []

    def go(count):
        running.append(subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "store.sqlite"), str(tmp_path / "marks"),
             str(count)],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, text=True,
        ))  # fmt: skip
        return running[-1]

    yield go
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_items_of_one_key_are_worked_out_once_and_all_are_told(tmp_path):
    told = {}
    with Store(None) as store:
        executor = Here(marked, str(tmp_path))
        found = work_out(
            [Item("a", 1), Item("b", 2), Item("a", 1)], store, executor, done=told.__setitem__
        )
        again = work_out([Item("a", 1)], store, executor, done=told.__setitem__)
    assert found == told == {"a": b"2", "b": b"4"}
    assert again == {"a": b"2"}
    assert len(list(tmp_path.iterdir())) == 2
    with Store(None) as store:
        store.put("a", b"old")
        fresh = work_out([Item("a", 1)], store, Here(double, ""), done=told.__setitem__, fresh=True)
        assert fresh == {"a": b"2"}
        assert store.get("a") == b"2"


def test_two_processes_share_the_work(start, tmp_path):
    one, two = start(40), start(40)
    wanted = " ".join(str(2 * i) for i in range(40))
    for process in (one, two):
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out.splitlines()[-1] == wanted
    marks = sorted(p.name for p in (tmp_path / "marks").iterdir())
    workers = {name.split(".")[2] for name in marks}
    assert len(marks) == 40, "nothing was done twice"
    assert len(workers) == 2, "both took a part"


def test_what_a_killed_process_had_is_taken_over(start, tmp_path):
    one = start(30)
    assert one.stdout.readline() == "open\n"
    while len(list((tmp_path / "marks").iterdir())) < 5:
        time.sleep(0.01)
    one.send_signal(signal.SIGKILL)
    before = time.monotonic()
    two = start(30)
    out, _ = two.communicate(timeout=30)
    assert out.splitlines()[-1] == " ".join(str(2 * i) for i in range(30))
    assert time.monotonic() - before < 20, "no lease had to end"
    assert len(list((tmp_path / "marks").iterdir())) <= 31, "at most the killed one's was repeated"


def test_stop_leaves_out_what_is_not_finished_and_frees_it(tmp_path):
    stop = threading.Event()
    with Store(tmp_path / "s.sqlite") as store:

        def done(key, content):
            if key == "key 3":
                stop.set()

        found = work_out(items(9), store, Here(double, ""), done=done, stop=stop)
        assert list(found) == [f"key {i}" for i in range(4)]
        with Store(tmp_path / "s.sqlite") as other:
            assert other.claim("key 5")
        assert len(store) == 4


def test_a_failure_is_told_but_not_kept(tmp_path):
    with Store(None) as store:
        executor = open_executor("here", None, None)  # calling None is an error
        found = work_out(items(1), store, executor, done=lambda k, c: None)
        assert isinstance(found["key 0"], Failure)
        assert len(store) == 0
        assert store.claim("key 0")
