"""Executors: where points are worked out, in this process, in several, or on a cluster."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from onewatt.errors import InputError
from onewatt.run.workers import available

#: Takes the context, which every worker gets once, and an item.
Work = Callable[[Any, Any], Any]
#: How many workers an item may kill before it counts as failed.
TRIES = 3


class Failure(NamedTuple):
    """What stands for the result of an item that killed its workers or raised an error."""

    reason: str


class Executor(Protocol):
    """Works items out; none is lost when a worker dies."""

    @property
    def slots(self) -> int:
        """How many items can be worked on at a time."""
        ...

    def submit(self, number: int, item: Any) -> None:
        """Give an item to a worker; `number` stands for it."""
        ...

    def wait(self, timeout: float) -> list[tuple[int, Any]]:
        """Return what is finished, a result or a `Failure` each, within a time [s]."""
        ...

    def close(self) -> None:
        """End the workers, with what they are at."""
        ...


class Here:
    """Works items out in this process, one by one."""

    slots = 1

    def __init__(self, work: Work, context: Any) -> None:
        self._work, self._context = work, context
        self._items = deque[tuple[int, Any]]()

    def submit(self, number: int, item: Any) -> None:
        """Put an item in the queue."""
        self._items.append((number, item))

    def wait(self, timeout: float) -> list[tuple[int, Any]]:
        """Work one item out."""
        del timeout
        if not self._items:
            return []
        number, item = self._items.popleft()
        return [(number, guarded(self._work, self._context, item))]

    def close(self) -> None:
        """Forget what waits."""
        self._items.clear()


def guarded(work: Work, context: Any, item: Any) -> Any:
    """Return the result of an item, or a `Failure` if it raises an error."""
    try:
        return work(context, item)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}")


_LOCAL = re.compile(r"local(?::(\d+))?")


def check_executor(text: str) -> None:
    """Refuse the name of an executor that there is not.

    Raises
    ------
    InputError
        If it is none of ``here``, ``local:N`` and ``dask://HOST:PORT``.
    """
    if text == "here" or _LOCAL.fullmatch(text) or re.fullmatch(r"dask://[^\s/]+:\d+", text):
        return
    raise InputError(
        f"found executor {text!r}; expected here (this process), local:N (N processes, 0 for all "
        "processors) or dask://HOST:PORT (the scheduler of a cluster)"
    )


def open_executor(text: str, work: Work, context: Any) -> Executor:
    """Return an executor by its name.

    Parameters
    ----------
    text : str
        ``here``, ``local:N`` (0 or nothing for every processor) or ``dask://HOST:PORT``.
    work : callable
        What turns the context and an item into a result; it can be sent to another process.
    context : object
        What every worker gets once.

    Raises
    ------
    InputError
        If there is no such executor, or no scheduler answers.
    MissingDependency
        If dask.distributed is needed and not installed.
    """
    check_executor(text)
    if text == "here":
        return Here(work, context)
    local = _LOCAL.fullmatch(text)
    if local:
        from onewatt.run.local import Local

        return Local(work, context, int(local[1] or 0) or available())
    from onewatt.run.cluster import Cluster

    return Cluster(work, context, text.removeprefix("dask://"))
