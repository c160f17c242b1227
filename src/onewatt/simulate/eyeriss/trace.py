"""Traces: what passed every port in every cycle, for a hardware design to be checked against.

A trace is a table of ``cycle, port, action, address, data``.  A port is a component, and inside the
array the row and column of its PE, as ``filter spad[2,13]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from onewatt.simulate.eyeriss.record import NOWHERE
from onewatt.simulate.eyeriss.run import KINDS, RowStationaryRun

COLUMNS = ("cycle", "port", "action", "address", "data")

#: How far a slice of the picture may jump and still be one.
_NEXT = 1


class TraceRow(NamedTuple):
    """One word at one port in one cycle; `address` is in words of that component."""

    cycle: int
    port: str
    action: str
    address: int
    data: int

    @property
    def component(self) -> str:
        """The port without its PE."""
        return self.port.partition("[")[0]


def trace_table(run: RowStationaryRun) -> Iterator[TraceRow]:
    """Yield the rows of a trace by rising cycle.

    Parameters
    ----------
    run : RowStationaryRun
        A run with a window.

    Yields
    ------
    TraceRow
        One for each action counted in the window.
    """
    rows: list[list[int]] = run.events.tolist()
    for cycle, kind, pe, address, data in rows:
        component, action = KINDS[kind]
        port = component if pe == NOWHERE else f"{component}[{_place(run, pe)}]"
        yield TraceRow(cycle, port, action, address, data)


def _place(run: RowStationaryRun, pe: int) -> str:
    return f"{pe // run.array.columns},{pe % run.array.columns}"


def trace_csv(run: RowStationaryRun) -> str:
    """Return a trace as a table of ``cycle, port, action, address, data``.

    Parameters
    ----------
    run : RowStationaryRun
        A run with a window.

    Returns
    -------
    str
        CSV; a port with a comma is in quotes.

    Examples
    --------
    >>> from onewatt.simulate import Window, row_stationary
    >>> run = row_stationary([[2]], [[3]], "m1 n1 e1 p1 q1 r1 t1", window=Window(0, 100))
    >>> print(trace_csv(run)[:67])
    cycle,port,action,address,data
    0,DRAM filter,read,0,3
    1,DRAM ifmap,
    """
    lines = [",".join(COLUMNS)]
    for row in trace_table(run):
        port = f'"{row.port}"' if "," in row.port else row.port
        lines.append(f"{row.cycle},{port},{row.action},{row.address},{row.data}")
    return "\n".join(lines) + "\n"


def trace_perfetto(run: RowStationaryRun) -> str:
    """Return a trace as JSON that Perfetto and ``chrome://tracing`` draw; a cycle is 1 µs there.

    Parameters
    ----------
    run : RowStationaryRun
        A run with a window.

    Returns
    -------
    str
        Trace events: a thread for each port, a slice for each action that goes on without a pause,
        with the cycle, address and data of each of its words.
    """
    open_slices: dict[str, dict[str, Any]] = {}
    threads: dict[str, int] = {}
    events: list[dict[str, Any]] = []
    for row in trace_table(run):
        tid = threads.setdefault(row.port, len(threads) + 1)
        now = open_slices.get(f"{row.port} {row.action}")
        if now is not None and row.cycle - (now["ts"] + now["dur"]) < _NEXT:
            now["dur"] = row.cycle + 1 - now["ts"]
            for name, value in _words(row).items():
                now["args"][name] += value
            continue
        slice_: dict[str, Any] = {
            "ph": "X", "pid": 1, "tid": tid, "ts": row.cycle, "dur": 1, "name": row.action,
            "cat": row.component, "args": _words(row),
        }  # fmt: skip
        open_slices[f"{row.port} {row.action}"] = slice_
        events.append(slice_)
    names: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": tid, "name": "thread_name", "args": {"name": port}}
        for port, tid in threads.items()
    ]
    made = {"displayTimeUnit": "ns", "otherData": {"unit": "1 us is one core cycle"}}
    return json.dumps({"traceEvents": names + events, **made}) + "\n"


def _words(row: TraceRow) -> dict[str, Any]:
    return {"words": 1, "cycle": [row.cycle], "address": [row.address], "data": [row.data]}
