"""Workers: the same answers from one process or several, dead ones included."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from onewatt.run.workers import each
from run.doubling import double, double_or_die, fail, wait_for_stop

TESTS = Path(__file__).resolve().parent.parent
SCRIPT = """
import sys
import msgspec
from chips_by_hand import tiny
from layers_by_hand import conv, gemm, network, relu
from onewatt.mapper.search import search

if __name__ == "__main__":
    net = network(conv("a"), gemm("b"), relu(), conv("c", m=6, p=4), gemm("d", m=30, c=20),
                  conv("e", p=5), gemm("f", p=7))
    result = search(net, tiny(), workers=int(sys.argv[1]), tiles="perfect")
    sys.stdout.buffer.write(msgspec.json.encode(result))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_in_the_order_of_items(workers):
    seen = []
    assert each(double, range(5), workers, seen.append) == [0, 2, 4, 6, 8]
    assert seen == [1, 2, 3, 4, 5]


def test_a_dead_worker_warns_and_its_work_is_done_again():
    seen = []
    with pytest.warns(RuntimeWarning, match=r"a worker died .* searched again in one process"):
        assert each(double_or_die, range(6), 2, seen.append) == [0, 2, 4, 6, 8, 10]
    assert seen[-1] == 6


def test_an_error_in_a_worker_is_raised_here():
    with pytest.raises(ValueError, match="item 0"):
        each(fail, range(4), 2, lambda _: None)


def test_stop_reaches_the_workers():
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    assert each(wait_for_stop, range(4), 2, lambda _: None, stop) == [0, 1, 2, 3]
    timer.join()


def test_bytes_do_not_depend_on_workers_or_hashes(tmp_path):
    script = tmp_path / "main.py"  # a file: workers import the main module
    script.write_text(SCRIPT)
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    found = set()
    for workers, seed in (("1", "0"), ("2", "1"), ("2", "31337")):
        done = subprocess.run(
            [sys.executable, str(script), workers], capture_output=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        found.add(done.stdout)
    assert len(found) == 1
    assert b'"layers":' in found.pop()
