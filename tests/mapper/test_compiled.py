"""What is compiled ahead is what a search calls, and nothing hangs on the second process."""

import subprocess
import sys

import numba as nb
import pytest

import onewatt as ow
from onewatt.mapper import compiled
from onewatt.mapper.kernel.explore import explore
from onewatt.mapper.kernel.orders import every_order
from onewatt.mapper.kernel.tilings import tiling_costs


@pytest.fixture
def asked(monkeypatch):
    """Collect the types that are compiled, without compiling."""
    types = {}
    monkeypatch.setattr(
        compiled, "_compile", lambda f, *given: types.update({f: tuple(map(nb.typeof, given))})
    )
    return types


def test_the_types_compiled_ahead_are_the_only_ones_that_searches_use(asked):
    window = ow.load_workload("mlperf_kws").einsums[0]
    matrix = ow.load_workload("mlperf_ad").einsums[0]
    for layer, chip, goal in (
        (window, "eyeriss", "edp"),
        (matrix, "eyeriss_v2", "energy"),
        (matrix, "systolic_ws", "latency"),
    ):
        net = ow.Workload(name="one", einsums=(layer,))
        ow.search(net, ow.load_chip(chip), objective=goal, tiles="perfect", effort=100)
    compiled.compile_boxes()
    compiled.compile_tilings()
    assert {f: f.signatures for f in asked} == {
        f: [asked[f]] for f in (explore, every_order, tiling_costs)
    }


@pytest.mark.parametrize("command", [["/no/such/program"], [sys.executable, "-c", "1 / 0"]])
def test_a_second_process_may_fail(command):
    done = []
    with compiled._beside(command):
        done.append(1)
    assert done


def test_an_interrupt_ends_the_second_process(monkeypatch):
    begun = []

    class Watched(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            begun.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    asleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(KeyboardInterrupt), compiled._beside(asleep):
        raise KeyboardInterrupt
    assert begun[0].poll() is not None


def test_what_is_compiled_is_not_compiled_again(monkeypatch):
    monkeypatch.setattr(compiled, "compiled", lambda: True)
    monkeypatch.setattr(compiled, "_compile", lambda *_: pytest.fail("compiled again"))
    monkeypatch.setattr(compiled, "_beside", lambda *_: pytest.fail("a process for nothing"))
    compiled.compile_ahead()
