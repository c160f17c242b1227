"""The search as verbs run it: kept answers, progress, and Ctrl-C that keeps the best so far."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from onewatt.cli import terminal
from onewatt.errors import Stopped

if TYPE_CHECKING:
    from types import FrameType

    from onewatt.mapper.exact import Tiles
    from onewatt.spec.architecture import Architecture
    from onewatt.spec.budget import Budget
    from onewatt.spec.result import Objective, Result
    from onewatt.spec.workload import Workload


def found(
    workload: Workload,
    architecture: Architecture,
    *,
    objective: Objective,
    tiles: Tiles,
    fresh: bool,
    watched: bool,
    within: float | None = None,
    budget: Budget | None = None,
    batch: int = 1,
    seed: int = 0,
    workers: int = 1,
) -> tuple[Result, bool]:
    """Return the result of a search, and whether Ctrl-C made it the best so far."""
    from onewatt.mapper.search import search

    with stop_on_interrupt() as stop, terminal.progress(watched) as progress:
        try:
            result = search(
                workload, architecture, objective=objective, within=within, budget=budget,
                batch=batch, seed=seed, workers=workers, progress=progress, tiles=tiles, stop=stop,
                cache=None if fresh else cache_folder(),
            )  # fmt: skip
            return result, stop.is_set()
        except Stopped as stopped:
            raise Stopped(f"{stopped}; no file was changed") from stopped


def row_stationary(
    workload: Workload,
    architecture: Architecture,
    *,
    objective: Objective,
    watched: bool,
    budget: Budget | None = None,
    batch: int = 1,
    seed: int = 0,
    mappings: Path | None = None,
) -> Result:
    """Return the result of convention jssc17, with the best mappings or those of a file."""
    from onewatt.importers.row_stationary import read_row_stationary
    from onewatt.mapper.row_stationary_network import search_row_stationary

    given = read_row_stationary(mappings) if mappings is not None else None
    with terminal.progress(watched) as progress:
        return search_row_stationary(
            workload, architecture, objective=objective, budget=budget, batch=batch, seed=seed,
            mappings=given, progress=progress,
        )  # fmt: skip


def cache_folder() -> Path:
    """Return where finished layers are kept: ``ONEWATT_CACHE``, or what the system provides."""
    from platformdirs import user_cache_path

    named = os.environ.get("ONEWATT_CACHE")
    return Path(named).expanduser() if named else user_cache_path("onewatt") / "layers"


@contextmanager
def stop_on_interrupt() -> Generator[threading.Event]:
    """Give an event that the first Ctrl-C sets; the second interrupts."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # not through sys.stderr: a handler may run in the middle of a line that it is printing
        os.write(2, b"\nonewatt: stopping with the best so far; Ctrl-C again ends at once\n")

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def check_finished(result: Result, stopped: bool) -> None:
    """Raise with what is missing if the search of a result was stopped.

    Raises
    ------
    Stopped
        If Ctrl-C left a layer unproved.
    """
    from onewatt.report.figures import figures
    from onewatt.report.tables import proof

    if stopped and any(layer.gap for layer in result.layers):
        raise Stopped(f"stopped: {proof(figures(result))}")
