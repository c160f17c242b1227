"""Clusters: items on the workers of a dask.distributed scheduler."""

# dask.distributed has no complete types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
# pyright: reportUntypedFunctionDecorator=false, reportMissingImports=false

from __future__ import annotations

import queue
import secrets
import time
import warnings
from asyncio import CancelledError
from collections import deque
from typing import Any, NamedTuple

from onewatt.errors import InputError, MissingDependency, OnewattError
from onewatt.run.executors import Failure, Work, guarded
from onewatt.version import __version__

#: Seconds to wait for a scheduler to answer.
_PATIENCE = 20.0
_REFRESH = 2.0


class _Task(NamedTuple):
    number: int
    item: Any
    alone: bool = False


class Cluster:
    """Works items out on a cluster.

    The scheduler itself tries an item again on another worker when one dies.  When it gives an item
    up, because several workers died with it, the item is tried once more with no other beside it:
    then a death is its own doing, and it is a `Failure`.
    """

    def __init__(self, work: Work, context: Any, address: str) -> None:
        try:
            import distributed
        except ImportError as error:
            raise MissingDependency(
                "--executor dask://... needs dask.distributed; install it with "
                "pip install 'onewatt[cluster]'"
            ) from error
        try:
            self._client = distributed.Client(
                f"tcp://{address}", timeout=_PATIENCE, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"no dask scheduler answers at {address} ({error}); start one with 'dask "
                "scheduler' and workers with 'dask worker'"
            ) from error
        self._killed: type[Exception] = distributed.KilledWorker
        self._lost = (distributed.CancelledError, CancelledError, TimeoutError)
        self._name = f"onewatt-{secrets.token_hex(4)}"
        self._work, self._tries = work, 0
        self._value, self._context = context, None
        self._done = queue.SimpleQueue[tuple[_Task, Any]]()
        self._running: dict[int, Any] = {}
        self._suspects = deque[_Task]()
        self._held = deque[_Task]()
        self._slots, self._asked, self._alone = 1, 0.0, time.monotonic()

    @property
    def slots(self) -> int:
        """The threads of all workers at the moment, and a few more so that none waits."""
        if time.monotonic() - self._asked > _REFRESH:
            known: Any = self._client.nthreads()
            threads = sum(known.values())
            self._slots = threads + threads // 4 + 1
            self._check_workers(threads)
            self._asked = time.monotonic()
        return self._slots

    def _check_workers(self, threads: int) -> None:
        """Say once that there is nobody to work; workers may still come."""
        now = time.monotonic()
        if threads:
            self._alone = now
        elif now - self._alone > _PATIENCE:
            self._alone = float("inf")
            warnings.warn(
                "the dask scheduler has no workers; waiting for some", RuntimeWarning, stacklevel=2
            )

    def submit(self, number: int, item: Any) -> None:
        """Give an item to the scheduler, or hold it while a suspect runs alone."""
        self._held.append(_Task(number, item))
        self._hand_out()

    def _hand_out(self) -> None:
        if self._suspects:
            if not self._running:
                self._start(self._suspects.popleft())
            return
        if any(task.alone for task, _ in self._running.values()):
            return
        while self._held:
            self._start(self._held.popleft())

    def _shared(self) -> Any:
        """Return the context as a task: unlike scattered data it is made again if it is lost."""
        if self._context is None or self._context.status not in ("pending", "finished"):
            key = f"{self._name}-context-{self._tries}"
            self._context = self._client.submit(_itself, self._value, key=key)
        return self._context

    def _start(self, task: _Task) -> None:
        self._tries += 1
        future = self._client.submit(
            _on_worker, self._work, self._shared(), task.item,
            key=f"{self._name}-{self._tries}", pure=False,
        )  # fmt: skip
        self._running[task.number] = (task, future)

        def told(ended: Any) -> None:
            self._done.put((task, ended))

        future.add_done_callback(told)

    def wait(self, timeout: float) -> list[tuple[int, Any]]:
        """Return what is finished within a time [s]."""
        finished: list[tuple[int, Any]] = []
        try:
            task, future = self._done.get(timeout=timeout)
            finished += self._heard(task, future)
            while True:
                task, future = self._done.get_nowait()
                finished += self._heard(task, future)
        except queue.Empty:
            pass
        if self._client.status not in ("running", "connecting"):
            raise OnewattError("the dask scheduler is gone; what was finished is in the store")
        self._hand_out()
        return finished

    def _heard(self, task: _Task, future: Any) -> list[tuple[int, Any]]:
        known = self._running.get(task.number)
        if known is None or known[1] is not future:
            return []  # of an earlier try
        del self._running[task.number]
        error = self._error(future)
        if error is None:
            version, result = future.result()
            if version != __version__:
                raise InputError(
                    f"a worker of the cluster runs onewatt {version}, this is {__version__}; "
                    "install the same on both"
                )
            return [(task.number, result)]
        if isinstance(error, self._lost) or self._is_context(error):
            self._held.appendleft(task)
            return []
        if not isinstance(error, self._killed):
            return [(task.number, Failure(f"{type(error).__name__}: {error}"))]
        if task.alone:
            return [(task.number, Failure("killed its workers, also with no other beside it"))]
        self._suspects.append(task._replace(alone=True))
        return []

    def _error(self, future: Any) -> BaseException | None:
        """Return what went wrong with a task; also its result may be lost before it is here."""
        try:
            future.result(timeout=_PATIENCE)
        except (Exception, CancelledError) as error:
            return error
        return None

    def _is_context(self, error: BaseException) -> bool:
        """Say whether it was making the context that the workers died at."""
        return isinstance(error, self._killed) and "-context-" in str(getattr(error, "task", ""))

    def close(self) -> None:
        """Give up what runs and leave the cluster."""
        for _, future in list(self._running.values()):
            future.cancel()
        self._running.clear()
        self._client.close()


def _itself(value: Any) -> Any:
    return value


def _on_worker(work: Work, context: Any, item: Any) -> tuple[str, Any]:
    return __version__, guarded(work, context, item)
