"""Local processes: one pipe each, so that a death is charged to the item that caused it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, NamedTuple

from onewatt.errors import OnewattError
from onewatt.run.executors import TRIES, Failure, Work, guarded
from onewatt.run.workers import interrupts_ignored

_GRACE = 2.0


class _Task(NamedTuple):
    number: int
    item: Any
    deaths: int = 0


class _Worker:
    """A process, the pipe to it, and what it is at."""

    def __init__(self, work: Work, context: Any) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process: SpawnProcess = spawn.Process(
            target=_serve, args=(theirs, work, context), daemon=True
        )
        with interrupts_ignored():
            self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.ready = False
        self.task: _Task | None = None

    def end(self) -> None:
        """Kill the process, whatever it is at."""
        self.process.terminate()
        self.process.join(_GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


class Local:
    """Works items out in processes of this machine.

    A process that dies is replaced and its item tried again; an item that kills `TRIES` processes
    is a `Failure`.
    """

    def __init__(self, work: Work, context: Any, slots: int) -> None:
        self.slots = slots
        self._work, self._context = work, context
        self._waiting = deque[_Task]()
        self._workers: list[_Worker] = []
        self._stillborn = 0

    def submit(self, number: int, item: Any) -> None:
        """Give an item to a free process, or let it wait for one."""
        self._waiting.append(_Task(number, item))
        self._hand_out()

    def wait(self, timeout: float) -> list[tuple[int, Any]]:
        """Return what is finished within a time [s]."""
        self._hand_out()
        if not self._workers:
            return []
        finished: list[tuple[int, Any]] = []
        ready = set(wait([w.pipe for w in self._workers], timeout))
        for worker in [w for w in self._workers if w.pipe in ready]:
            finished += self._heard(worker)
        self._hand_out()
        return finished

    def _hand_out(self) -> None:
        while self._waiting:
            idle = next((w for w in self._workers if w.task is None), None)
            if idle is None:
                if len(self._workers) >= self.slots:
                    return
                idle = _Worker(self._work, self._context)
                self._workers.append(idle)
            task = self._waiting.popleft()
            idle.task = task
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                idle.pipe.send((task.number, task.item))  # of a dead one, the pipe tells in `wait`

    def _heard(self, worker: _Worker) -> list[tuple[int, Any]]:
        try:
            number, result = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            return self._buried(worker)
        if number is None:
            worker.ready, self._stillborn = True, 0
            return []
        worker.task = None
        return [(number, result)]

    def _buried(self, worker: _Worker) -> list[tuple[int, Any]]:
        """Take a dead process away and let its item be tried again, or fail."""
        self._workers.remove(worker)
        worker.process.join()
        worker.pipe.close()
        task, code = worker.task, worker.process.exitcode
        if task is None:
            return []
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn >= TRIES * max(2, self.slots):
                raise OnewattError(
                    f"worker processes end before they work ({_why(code)}); a script that uses "
                    "them does its work under 'if __name__ == \"__main__\":'"
                )
            self._waiting.appendleft(task)
            return []
        deaths = task.deaths + 1
        if deaths >= TRIES:
            return [(task.number, Failure(f"killed its worker {deaths} times ({_why(code)})"))]
        self._waiting.appendleft(task._replace(deaths=deaths))
        return []

    def close(self) -> None:
        """End the processes, with what they are at."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._waiting.clear()


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", out of memory?" if name == "SIGKILL" else ""
        return f"signal {name}{hint}"
    return f"exit code {code}"


def _serve(pipe: Connection, work: Work, context: Any) -> None:
    """Work items out until the parent closes the pipe or dies."""
    threading.Thread(target=_follow_parent, daemon=True).start()
    gone = (EOFError, BrokenPipeError, ConnectionResetError)
    with contextlib.suppress(*gone):  # a parent that was killed leaves no one to tell
        pipe.send((None, None))
        while True:
            number, item = pipe.recv()
            pipe.send((number, guarded(work, context, item)))


def _follow_parent() -> None:
    """End with the parent: what is left is for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
