"""Executors: no item is lost when a worker dies, and one that kills workers is named."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from onewatt.errors import InputError, OnewattError
from onewatt.run.executors import TRIES, Failure, check_executor, open_executor
from onewatt.run.local import Local, _serve
from run.work import deadly, double, slow_double, wrong


def everything(executor, items):
    """Submit all items and return the results by number."""
    for item in items:
        executor.submit(item, item)
    found = {}
    end = time.monotonic() + 60
    while len(found) < len(items):
        assert time.monotonic() < end
        for number, result in executor.wait(0.5):
            assert number not in found
            found[number] = result
    return found


@pytest.mark.parametrize("name", ["here", "local:2"])
def test_every_item_is_worked_out_once(name):
    executor = open_executor(name, double, "x")
    try:
        assert everything(executor, range(7)) == {i: f"x{2 * i}".encode() for i in range(7)}
        assert executor.wait(0.01) == []
    finally:
        executor.close()


@pytest.mark.parametrize("name", ["here", "local:1"])
def test_an_error_is_the_failure_of_its_item(name):
    executor = open_executor(name, wrong, "bad")
    try:
        found = everything(executor, [4])
        assert found == {4: Failure("ValueError: item 4 is bad")}
    finally:
        executor.close()


def test_a_death_is_charged_to_the_item_that_caused_it(tmp_path):
    executor = Local(deadly, str(tmp_path), 2)
    try:
        found = everything(executor, range(8))
    finally:
        executor.close()
    assert found.pop(3) == Failure(
        f"killed its worker {TRIES} times (signal SIGKILL, out of memory?)"
    )
    assert found == {i: str(2 * i).encode() for i in range(8) if i != 3}
    assert (tmp_path / "died.5").exists(), "item 5 was tried again after its death"


def test_a_worker_killed_from_outside_loses_nothing():
    executor = Local(slow_double, "", 2)
    try:
        for item in range(8):
            executor.submit(item, item)
        found, killed = {}, 0
        end = time.monotonic() + 60
        while len(found) < 8:
            assert time.monotonic() < end
            found |= dict(executor.wait(0.5))
            busy = [w for w in executor._workers if w.ready and w.task is not None]
            if killed < 2 and len(found) >= 2 * killed and busy:
                os.kill(busy[0].process.pid, signal.SIGKILL)
                killed += 1
    finally:
        executor.close()
    assert killed == 2
    assert found == {i: str(2 * i).encode() for i in range(8)}


def test_closing_ends_what_runs():
    executor = Local(slow_double, "", 2)
    executor.submit(0, 0)
    executor.wait(5.0)
    processes = [w.process for w in executor._workers]
    assert processes
    executor.close()
    assert not any(p.is_alive() for p in processes)


def test_workers_that_cannot_start_are_said():
    executor = Local(double, "x", 1)
    executor._work = Unsendable()
    with pytest.raises(OnewattError, match=r"end before they work .*__main__"):
        everything(executor, [1])
    executor.close()


def test_a_worker_whose_parent_was_killed_ends_without_a_word():
    """It has no one to tell, whether it was starting or had just finished an item."""
    for items in (0, 1):
        ours, theirs = multiprocessing.Pipe()
        for item in range(items):
            ours.send((item, item))
        ours.close()
        _serve(theirs, double, "")
        theirs.close()


class Unsendable:
    """Sent to a worker, it ends it before it works."""

    def __reduce__(self):
        return os._exit, (3,)


@pytest.mark.parametrize("name", ["", "local:x", "dask://", "dask://host", "cloud", "local:-1"])
def test_an_executor_that_there_is_not_is_refused(name):
    with pytest.raises(InputError, match=r"found executor .*expected here .*local:N .*dask://"):
        check_executor(name)


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("onewatt.run.cluster._PATIENCE", 0.5)
    with pytest.raises(InputError, match=r"no dask scheduler answers at 127\.0\.0\.1:1 "):
        open_executor("dask://127.0.0.1:1", double, "x")


def test_dask_that_is_not_installed_is_said(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OnewattError, match=r"pip install 'onewatt\[cluster\]'"):
        open_executor("dask://127.0.0.1:1", double, "x")
