"""Sharing: many items worked out once, by this process and others on the same store."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from onewatt.run.executors import Executor, Failure
from onewatt.run.store import Store

#: Seconds between two looks at what other processes have finished, and at whether to stop.
_POLL = 0.2


class Item(NamedTuple):
    """What to work out, under the key of its outcome."""

    key: str
    item: Any


def work_out(
    items: Sequence[Item],
    store: Store,
    executor: Executor,
    *,
    done: Callable[[str, bytes | Failure], None],
    fresh: bool = False,
    stop: threading.Event | None = None,
) -> dict[str, bytes | Failure]:
    """Return the outcome of every item, from the store, from a worker or from another process.

    Parameters
    ----------
    items : sequence of Item
        Items of one key are worked out once.
    store : Store
        Where outcomes are found and kept, each as soon as it is there.
    executor : Executor
        Returns the bytes of an outcome, or a `Failure`, which is not kept: it is tried again the
        next time.
    done : callable
        Called with key and outcome as they come, in any order.
    fresh : bool
        Work out also what the store has, and replace it.
    stop : threading.Event or None
        Once set, what is not finished is left out.

    Returns
    -------
    dict
        Outcomes by key.
    """
    run = _Run(items, store, executor, done, fresh)
    try:
        while run.left and not (stop is not None and stop.is_set()):
            run.step()
    finally:
        store.release(run.running.values())
    return run.found


class _Run:
    """What is found, running, to do, and being done by others."""

    def __init__(
        self, items: Sequence[Item], store: Store, executor: Executor,
        done: Callable[[str, bytes | Failure], None], fresh: bool,
    ) -> None:  # fmt: skip
        self.items = {i.key: i.item for i in items}
        self.store, self.executor, self.done, self.fresh = store, executor, done, fresh
        self.found: dict[str, bytes | Failure] = {}
        self.running: dict[int, str] = {}
        self.todo = deque(self.items)
        self.others = deque[str]()
        self._number = 0
        self._looked = 0.0

    @property
    def left(self) -> bool:
        """Whether something is not found yet."""
        return bool(self.todo or self.running or self.others)

    def step(self) -> None:
        """Start what can be started, and take what is finished."""
        while self.todo and len(self.running) < self.executor.slots:
            self._begin(self.todo.popleft())
        if self.others and time.monotonic() - self._looked > _POLL:
            self._look()
        if self.running:
            for number, result in self.executor.wait(_POLL):
                self._finish(self.running.pop(number), result)
        elif self.others and not self.todo:
            time.sleep(_POLL / 4)

    def _begin(self, key: str) -> None:
        kept = None if self.fresh else self.store.get(key)
        if kept is not None:
            self._tell(key, kept)
        elif self.store.claim(key, again=self.fresh):
            self._number += 1
            self.running[self._number] = key
            self.executor.submit(self._number, self.items[key])
        else:
            self.others.append(key)

    def _look(self) -> None:
        """See what other processes have finished, or given up."""
        self._looked = time.monotonic()
        for _ in range(len(self.others)):
            key = self.others.popleft()
            if len(self.running) < self.executor.slots:
                self._begin(key)
                continue
            kept = None if self.fresh else self.store.get(key)
            if kept is not None:
                self._tell(key, kept)
            else:
                self.others.append(key)

    def _finish(self, key: str, result: Any) -> None:
        if isinstance(result, Failure):
            self.store.release([key])
        else:
            self.store.put(key, result, replace=self.fresh)
        self._tell(key, result)

    def _tell(self, key: str, outcome: bytes | Failure) -> None:
        self.found[key] = outcome
        self.done(key, outcome)
