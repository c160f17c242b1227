"""The compiled parts of the mapper: whether numba's cache has them, and making them ahead.

A search is two large kernels that share almost nothing: one bounds boxes, one costs single
tilings.  A second process makes one of them, so the first search after an installation waits half
as long.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numba as nb
import numpy as np

from onewatt.components.chips import load_chip
from onewatt.components.library import prices as price_list
from onewatt.importers.layers import gemm
from onewatt.mapper.begin import learnt_of, space_of, stack_of, workspace_of
from onewatt.mapper.exact import TOLERANCE, LayerSearch
from onewatt.mapper.kernel import arrays
from onewatt.mapper.kernel.explore import explore
from onewatt.mapper.kernel.orders import every_order
from onewatt.mapper.kernel.tilings import tiling_costs
from onewatt.mapper.problem import Case, Problem
from onewatt.mapper.singles import Singles
from onewatt.run.jit import kept
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS


def compiled() -> bool:
    """Return whether the search is compiled; the first run after an installation does that."""
    return all(kept(kernel) for kernel in (explore, every_order, tiling_costs))


def compile_ahead() -> None:
    """Compile what a search needs, in two processes, unless it is compiled.

    Nothing depends on the second process: what it does not leave in numba's cache is compiled when
    it is called.
    """
    if compiled() or not sys.executable:  # an embedded Python may not know its program
        return
    # -P: a file in the working folder that is named like a module is not imported for one
    command = [sys.executable, "-P", "-c", f"import {__name__} as c; c.compile_tilings()"]
    with _beside(command):
        compile_boxes()


def compile_boxes() -> None:
    """Compile the kernel that bounds boxes."""
    search, problem, case = _smallest()
    _compile(
        explore, stack_of(problem, arrays.NEVER), 1, space_of(problem, case, arrays.PERFECT),
        problem.layer, case.costs, arrays.ENERGY, search.incumbents().costs, TOLERANCE, 1,
        workspace_of(problem, case), np.zeros(1, dtype=np.int64), learnt_of(problem),
    )  # fmt: skip


def compile_tilings() -> None:
    """Compile the kernels that cost single tilings."""
    search, problem, case = _smallest()
    singles = Singles(problem, case)
    tile = np.zeros((len(problem.sizes), len(problem.is_time) + 1), dtype=np.int64)
    _compile(every_order, tile, problem.layer, case.costs, singles.found)
    _compile(
        tiling_costs, tile, problem.is_time, problem.layer, case.costs, np.zeros((1, 1)),
        arrays.ENERGY, search.incumbents().costs, TOLERANCE, False, singles.found, singles.desk,
    )  # fmt: skip


def _compile(kernel: Any, *arguments: Any) -> None:
    """Compile for the types of some arguments; they are those of every layer on every chip."""
    with _without_collector():
        kernel.compile(tuple(nb.typeof(a) for a in arguments))  # pyright: ignore


def _smallest() -> tuple[LayerSearch, Problem, Case]:
    """Return a search, and one problem of it with one case."""
    layer = gemm("layer", (INPUTS, WEIGHTS, OUTPUTS), rows=2, outputs=2, inputs=2)
    chip = load_chip("eyeriss")
    search = LayerSearch(layer, chip, price_list(chip), "energy", "perfect", False, None, None)
    which, case = search.cases[0]
    return search, search.problems[which], case


@contextmanager
def _beside(command: list[str]) -> Generator[None]:
    """Run a program meanwhile, and wait for it; an interrupt ends it."""
    quiet = subprocess.DEVNULL
    try:  # in a session of its own: the first Ctrl-C asks for the best so far, for which both work
        other = subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
    except OSError:  # no second process to be had
        yield
        return
    try:
        yield
        other.wait()
    finally:
        other.kill()
        other.wait()


@contextmanager
def _without_collector() -> Generator[None]:
    """Leave cycles of garbage alone: a compiler makes many objects that it keeps."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
