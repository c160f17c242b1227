"""A real scheduler and real workers on loopback: one is killed mid-run, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codesign.studies import Tiny
from onewatt.codesign.explore import explore
from onewatt.errors import InputError
from onewatt.report.front_store import front_text
from onewatt.run.executors import Failure, open_executor
from onewatt.run.share import Item, work_out
from onewatt.run.store import Store
from run.work import deadly, slow_double, wrong

pytest.importorskip("distributed")
TESTS = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler's address, and functions that start one more worker and end all of them."""
    folder = tmp_path_factory.mktemp("cluster")
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {
        **os.environ, "PYTHONPATH": path, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    }  # fmt: skip
    running, file = [], folder / "scheduler.json"

    def start(*arguments):
        with (folder / f"log {len(running)}").open("w") as log:
            running.append(subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments], env=environment, cwd=folder,
                stdout=log, stderr=log, start_new_session=True,
            ))  # fmt: skip
        return running[-1]

    def worker(*arguments):
        return start(
            "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard",
            "--local-directory", str(folder), *arguments,
        )  # fmt: skip

    start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
          "--scheduler-file", str(file))  # fmt: skip
    end = time.monotonic() + 60
    while not file.exists() or not file.read_text():
        assert time.monotonic() < end, (folder / "log 0").read_text()
        time.sleep(0.05)

    def end(processes):
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    yield (
        json.loads(file.read_text())["address"].removeprefix("tcp://"), worker,
        lambda: end(running[1:]),
    )  # fmt: skip
    end(running[::-1])


def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    address, worker, _ = cluster
    victim, others = worker("--no-nanny"), [worker("--no-nanny")]
    items = [Item(f"key {i}", i) for i in range(24)]
    executor = open_executor(f"dask://{address}", slow_double, "x")
    workers = set()
    killed = []

    def done(key, content):
        if len(found_so_far) == 6 and not killed:
            workers.update(executor._client.scheduler_info()["workers"])
            victim.send_signal(signal.SIGKILL)
            killed.append(len(found_so_far))
        found_so_far.add(key)

    found_so_far = set()
    try:
        with Store(tmp_path / "s.sqlite") as store:
            found = work_out(items, store, executor, done=done)
            assert len(store) == 24
    finally:
        executor.close()
    assert killed == [6]
    assert len(workers) == 2, "both were there when one was killed"
    assert found == {f"key {i}": f"x{2 * i}".encode() for i in range(24)}
    assert all(p.poll() is None for p in others)


def test_a_front_from_a_cluster_that_loses_a_worker_has_the_same_bytes(cluster, tmp_path):
    address, worker, end = cluster
    end()
    victim, killed = worker("--no-nanny"), []
    worker("--no-nanny")

    def progress(state):
        if state.done == 5 and not killed:
            victim.send_signal(signal.SIGKILL)
            killed.append(state.done)

    options = {"strategy": "evolve:population=4", "evaluations": 14, "seed": 5}
    here = explore(Tiny(), **options)
    far = explore(
        Tiny(pause=0.1), executor=f"dask://{address}", store=tmp_path / "s.sqlite",
        progress=progress, **options,
    )  # fmt: skip
    assert killed == [5]
    assert front_text(far) == front_text(here)


def test_what_kills_its_workers_is_a_failure_and_the_rest_is_found(cluster, tmp_path):
    address, worker, end = cluster
    end()
    worker()  # with a nanny, which starts another worker after each death
    executor = open_executor(f"dask://{address}", deadly, str(tmp_path))
    executor._client.wait_for_workers(1, timeout=60)
    while len(executor._client.scheduler_info()["workers"]) != 1:
        time.sleep(0.1)
    items = [Item(f"key {i}", i) for i in range(8)]
    try:
        with Store(None) as store:
            found = work_out(items, store, executor, done=lambda k, c: None)
            assert len(store) == 7
    finally:
        executor.close()
    assert found.pop("key 3") == Failure("killed its workers, also with no other beside it")
    assert found == {f"key {i}": str(2 * i).encode() for i in range(8) if i != 3}


def test_an_error_on_a_worker_is_the_failure_of_its_item(cluster):
    address, worker, _ = cluster
    worker("--no-nanny")
    executor = open_executor(f"dask://{address}", wrong, "bad")
    try:
        with Store(None) as store:
            found = work_out([Item("a", 1)], store, executor, done=lambda k, c: None)
    finally:
        executor.close()
    assert found == {"a": Failure("ValueError: item 1 is bad")}


def test_a_task_that_somebody_cancels_is_given_again(cluster):
    address, worker, _ = cluster
    worker("--no-nanny")
    executor = open_executor(f"dask://{address}", slow_double, "x")
    try:
        executor._client.wait_for_workers(1, timeout=60)
        for item in range(4):
            executor.submit(item, item)
        executor._running[2][1].cancel()
        found, end = {}, time.monotonic() + 60
        while len(found) < 4:
            assert time.monotonic() < end
            found |= dict(executor.wait(0.5))
    finally:
        executor.close()
    assert found == {i: f"x{2 * i}".encode() for i in range(4)}


def test_a_worker_of_another_version_is_refused(cluster, monkeypatch):
    address, worker, _ = cluster
    worker("--no-nanny")
    monkeypatch.setattr("onewatt.run.cluster.__version__", "99.0")
    executor = open_executor(f"dask://{address}", slow_double, "")
    try:
        with (
            Store(None) as store,
            pytest.raises(InputError, match=r"runs onewatt .* this is 99\.0"),
        ):
            work_out([Item("a", 1)], store, executor, done=lambda k, c: None)
    finally:
        executor.close()
