"""CPU time of a piece of work, with a limit; plain Python that every environment can import."""

from __future__ import annotations

import resource
import signal
import types


class OutOfTime(Exception):
    """The work has used up its CPU seconds."""


class Stopwatch:
    """Counts user and system seconds of this process and its finished children [s].

    CPU time, because other work shares the machine: wall time would measure the neighbours.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.start = _used()
        if limit is not None:
            signal.signal(signal.SIGXCPU, _stop)
            own = resource.getrusage(resource.RUSAGE_SELF)
            soft = int(own.ru_utime + own.ru_stime + limit) + 1
            # the hard limit ends compiled code that never looks at signals
            resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 20))

    @property
    def seconds(self) -> float:
        """CPU seconds since the start."""
        return _used() - self.start


def _used() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usage = [resource.getrusage(who) for who in both]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def _stop(_signal: int, _frame: types.FrameType | None) -> None:
    raise OutOfTime
