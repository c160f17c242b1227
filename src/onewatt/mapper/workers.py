"""Workers: search layers in several processes; the answer does not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
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
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
        try:
            with _interrupts_ignored():  # workers inherit it: Ctrl-C is the parent's to handle
                found = pool.map(work, items)
            for result in found:
                results.append(result)
                done(len(results))
        except KeyboardInterrupt:
            for worker in multiprocessing.active_children():
                worker.terminate()  # a search in a worker would go on for seconds
            raise
        except BrokenProcessPool:
            pass  # a worker died: the rest is done below, in this process
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    for item in items[len(results) :]:
        results.append(work(item))
        done(len(results))
    return results


@contextmanager
def _interrupts_ignored() -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and only it gets Ctrl-C
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
