"""Workers: search layers in several processes; the answer does not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
Stop = Callable[[], bool]


def available() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(
    work: Callable[[T, Stop], R],
    items: Sequence[T],
    workers: int,
    done: Callable[[int], None],
    stop: threading.Event | None = None,
) -> list[R]:
    """Return the result of each item in order; what a dead worker left is done again here.

    Parameters
    ----------
    work : callable
        A function that can be sent to another process; it gets an item and a question to ask now
        and then: whether to stop with what it has.
    items : sequence
        Its arguments.
    workers : int
        Processes; 1 works in this one and 0 takes every processor.
    done : callable
        Called with the number of finished items.
    stop : threading.Event or None
        Passed on to the workers when it is set.

    Warns
    -----
    RuntimeWarning
        If a worker died.
    """
    results: list[R] = []
    stop = stop or threading.Event()
    workers = min(workers or available(), len(items) // 2)
    if workers > 1:
        try:
            for result in _in_pool(work, items, workers, stop):
                results.append(result)
                done(len(results))
        except BrokenProcessPool:
            warnings.warn(
                f"a worker died (out of memory?); {len(items) - len(results)} layers are searched "
                "again in one process", RuntimeWarning, stacklevel=2,
            )  # fmt: skip
    for item in items[len(results) :]:
        results.append(work(item, stop.is_set))
        done(len(results))
    return results


def _in_pool(
    work: Callable[[T, Stop], R], items: Sequence[T], workers: int, stop: threading.Event
) -> Generator[R]:
    context = multiprocessing.get_context("spawn")
    flag = context.Event()
    pool = ProcessPoolExecutor(workers, context, _begin, (flag,))
    try:
        with interrupts_ignored():
            waiting = [pool.submit(_in_worker, work, item) for item in items]
        for future in waiting:
            while not future.done():
                if stop.is_set():
                    flag.set()
                wait([future], timeout=0.2)
            yield future.result()
    except (KeyboardInterrupt, GeneratorExit):
        for worker in multiprocessing.active_children():
            worker.terminate()  # a search in a worker would go on for seconds
        raise
    finally:
        flag.set()  # what still runs after an error is for nobody
        pool.shutdown(wait=False, cancel_futures=True)


_flags: list[Stop] = []


def _begin(flag: Event) -> None:
    _flags[:] = [flag.is_set]


def _in_worker(work: Callable[[T, Stop], R], item: T) -> R:
    return work(item, _flags[0])


@contextmanager
def interrupts_ignored() -> Generator[None]:
    """Let processes that start meanwhile ignore Ctrl-C, which is their parent's to handle."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers, and only it gets Ctrl-C
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
