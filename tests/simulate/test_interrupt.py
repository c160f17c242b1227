"""Ctrl-C while a machine runs: compiled code sees no signals, so it runs in slices."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from onewatt.errors import InputError
from onewatt.simulate import Window, row_stationary, trace_csv
from onewatt.simulate.eyeriss import run as machine

#: A program that a shell began in the background ignores Ctrl-C, and so do those that it begins.
LISTEN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
"""

MANY_PASSES = (
    LISTEN
    + """
import numpy as np
from onewatt.simulate import row_stationary

def say(done, passes):
    print(done, passes, flush=True)

layer = np.ones((1, 512, 30, 30), int), np.ones((512, 512, 3, 3), int)  # 1.8 G MACs
row_stationary(*layer, "m36 n1 e28 p18 q4 r1 t2", progress=say)
"""
)

MANY_TILES = (
    LISTEN
    + """
import numpy as np
from onewatt.simulate import sparse_pe

sparse_pe([[1]], [[1]])
print("warm", flush=True)
sparse_pe(np.ones((12544, 512), int), np.ones((512, 512), int))  # 3.3 G MACs
"""
)


def cpu_of_children():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("script", [MANY_PASSES, MANY_TILES], ids=["row_stationary", "sparse_pe"])
def test_an_interrupt_is_answered_within_seconds(script):
    """About a second on an idle machine; in CPU time, as this one may be shared or stand still."""
    before = cpu_of_children()
    started = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    started.stdout.readline()
    time.sleep(0.5)
    assert started.poll() is None
    fields = Path(f"/proc/{started.pid}/stat").read_text().rpartition(")")[2].split()
    at_signal = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    started.send_signal(signal.SIGINT)
    _, complaint = started.communicate(timeout=300)
    assert cpu_of_children() - before - at_signal < 5
    assert started.returncode not in (0, None)
    assert "KeyboardInterrupt" in complaint


def layer():
    rng = np.random.default_rng(4)
    return rng.integers(-99, 99, (2, 8, 12, 12)), rng.integers(-99, 99, (10, 8, 3, 3))


def test_slices_change_nothing(monkeypatch):
    """One pass at a time, or all at once: output, counts, times and trace are the same."""
    mapping, window = "m6 n1 e4 p3 q2 r1 t2", Window(0, 10**9)
    found = {}
    for name, seconds in (("one by one", 0.0), ("all", 1e9)):
        monkeypatch.setattr(machine, "_SLICE", seconds)
        found[name] = row_stationary(*layer(), mapping, window=window)
    one, whole = found.values()
    assert np.array_equal(one.output, whole.output)
    assert one.counts == whole.counts
    assert (one.cycles, one.total_cycles, one.mac_cycles) == (
        whole.cycles, whole.total_cycles, whole.mac_cycles
    )  # fmt: skip
    assert trace_csv(one) == trace_csv(whole)


def test_progress_counts_passes_to_the_end():
    seen = []
    run = row_stationary(*layer(), "m6 n1 e4 p3 q2 r1 t2", progress=lambda *at: seen.append(at))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (run.passes, run.passes)
    assert {passes for _, passes in seen} == {run.passes}


def test_a_sum_that_does_not_fit_is_refused_in_whatever_slice(monkeypatch):
    monkeypatch.setattr(machine, "_SLICE", 0.0)
    inputs, weights = np.zeros((1, 4, 1, 1), int), np.full((1, 4, 1, 1), 32767)
    inputs[:] = 32767
    with pytest.raises(InputError, match="leaves 32 bits"):
        row_stationary(inputs, weights, "m1 n1 e1 p1 q1 r1 t1")
