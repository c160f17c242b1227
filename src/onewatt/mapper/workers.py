"""Workers: search layers in several processes; the answer does not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def available() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(
    work: Callable[[T], R], items: Sequence[T], workers: int, done: Callable[[int], None]
) -> list[R]:
    """Return the result of each item in order; what a dead worker left is done here.

    Parameters
    ----------
    work : callable
        A function that can be sent to another process.
    items : sequence
        Its arguments.
    workers : int
        Processes; 1 works in this one and 0 takes every processor.
    done : callable
        Called with the number of finished items.
    """
    results: list[R] = []
    workers = min(workers or available(), len(items) // 2)
    if workers > 1:
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _ignore_interrupt)
        try:
            for result in pool.map(work, items):
                results.append(result)
                done(len(results))
        except BrokenProcessPool:
            pass  # a worker died: the rest is done below, in this process
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    for item in items[len(results) :]:
        results.append(work(item))
        done(len(results))
    return results


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the parent, which stops the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
