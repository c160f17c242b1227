"""Traces: what passed every port in every cycle, for a hardware design to be checked against.

A trace is a table of ``cycle, port, action, address, data``.  A port is a component, and inside the
array the row and column of its PE, as ``filter spad[2,13]``.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec

from onewatt.errors import InputError, unknown
from onewatt.simulate.eyeriss.record import NOWHERE
from onewatt.simulate.eyeriss.run import KINDS, Counts, RowStationaryRun

COLUMNS = ("cycle", "port", "action", "address", "data")

#: Which memory a port belongs to, where it is not alone in it.
_MEMORY = {"GLB ifmap": "GLB", "GLB psum": "GLB"}
_WRITES = ("fill", "update")
_NO_MEMORY = ("GIN filter", "GIN ifmap", "column", "mac")
#: What a spad is filled from.
_BUSES = {"filter spad": "GIN filter", "ifmap spad": "GIN ifmap"}
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


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a trace says by itself: counts, and the words that went to DRAM by address."""

    counts: Counts
    output: dict[int, int]
    first: int
    last: int


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
        Trace events: a thread for each port, a slice for each action that goes on without a pause.
    """
    open_slices: dict[str, dict[str, Any]] = {}
    threads: dict[str, int] = {}
    events: list[dict[str, Any]] = []
    for row in trace_table(run):
        tid = threads.setdefault(row.port, len(threads) + 1)
        now = open_slices.get(f"{row.port} {row.action}")
        if now is not None and row.cycle - (now["ts"] + now["dur"]) < _NEXT:
            now["dur"] = row.cycle + 1 - now["ts"]
            now["args"]["words"] += 1
            now["args"]["last address"] = row.address
            continue
        slice_: dict[str, Any] = {
            "ph": "X", "pid": 1, "tid": tid, "ts": row.cycle, "dur": 1, "name": row.action,
            "cat": row.component,
            "args": {"words": 1, "first address": row.address, "last address": row.address},
        }  # fmt: skip
        open_slices[f"{row.port} {row.action}"] = slice_
        events.append(slice_)
    names: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": tid, "name": "thread_name", "args": {"name": port}}
        for port, tid in threads.items()
    ]
    made = {"displayTimeUnit": "ns", "otherData": {"unit": "1 us is one core cycle"}}
    return json.dumps({"traceEvents": names + events, **made}) + "\n"


def replay(text: str, *, name: str = "<trace>") -> Replay:
    """Replay a trace without the machine: every word read must be the one that was written there.

    Parameters
    ----------
    text : str
        What `trace_csv` writes, or the same from another machine such as a hardware simulation.
    name : str
        What stands in messages.

    Returns
    -------
    Replay
        Counts by component and action, and the words that left for DRAM.

    Raises
    ------
    InputError
        With the line, if it is no row of a trace, goes back in time, reads what was not written,
        has another word on its way than at its start, or multiplies or adds wrongly.

    Notes
    -----
    A window that opens in the middle of a run reads words that were written before it; the first
    read of a place is believed.
    """
    counts: Counts = {}
    output: dict[int, int] = {}
    checker = _Checker(name)
    first = last = -1
    for line, row in _rows(text, name):
        if row.cycle < last:
            raise InputError(f"{name}:{line}: cycle {row.cycle} comes after {last}; sort the rows")
        first, last = (row.cycle if first < 0 else first), row.cycle
        checker.check(line, row)
        counts[row.component, row.action] = counts.get((row.component, row.action), 0) + 1
        if row.component == "DRAM ofmap":
            output[row.address] = row.data
    return Replay(counts=counts, output=output, first=first, last=last)


def _rows(text: str, name: str) -> Iterator[tuple[int, TraceRow]]:
    reader = csv.reader(text.splitlines())
    nothing: list[str] = []
    header = next(reader, nothing)
    if tuple(header) != COLUMNS:
        raise InputError(f"{name}:1: found columns {header}; expected {', '.join(COLUMNS)}")
    for cells in reader:
        where = f"{name}:{reader.line_num}"
        if len(cells) != len(COLUMNS):
            raise InputError(f"{where}: found {len(cells)} cells; expected {len(COLUMNS)}")
        try:
            row = TraceRow(int(cells[0]), cells[1], cells[2], int(cells[3]), int(cells[4]))
        except ValueError as error:
            raise InputError(f"{where}: found {cells}; expected whole numbers") from error
        if (row.component, row.action) not in KINDS:
            known = [f"{component}, {action}" for component, action in KINDS]
            raise InputError(f"{where}: {unknown('action', f'{cells[1]}, {cells[2]}', known)}")
        yield reader.line_num, row


def _first(waiting: Collection[int]) -> tuple[int, ...]:
    return (waiting.popleft(),) if isinstance(waiting, deque) and waiting else ()


class _Ways:
    """Words on their way over the link and on the buses; sums in a column are not followed."""

    def __init__(self) -> None:
        self.cycle = -1
        self.now: dict[tuple[str, str, int], int] = {}
        self.link: dict[str, deque[int]] = {"in": deque(), "out": deque()}
        self.filters: deque[int] | None = None  # only of a trace that begins with the run

    def sent(self, row: TraceRow, place: str) -> tuple[int, ...]:
        """Return what a word can be by where it comes from; nothing if that is not in the trace."""
        self._turn(row.cycle)
        component, address = row.component, row.address
        match component, row.action:
            case ("DRAM filter", _) if self.filters is not None:
                self.filters.append(row.data)
            case ("DRAM ifmap", _):
                self.link["in"].append(row.data)
            case ("GLB psum", "drain"):
                self.link["out"].append(row.data)
            case ("GLB ifmap", "fill"):
                return _first(self.link["in"])
            case ("DRAM ofmap", _):
                return _first(self.link["out"])
            case ("GLB ifmap", "read"):
                self.now["GIN ifmap", "", address] = row.data
            case ("GIN ifmap" | "GIN filter", _):
                self.now[component, place, -1] = row.data
                return self._cast(row)
            case ("filter spad" | "ifmap spad", "fill"):
                word = self.now.get((_BUSES[component], place, -1))
                return () if word is None else (word,)
            case _:
                pass
        return ()

    def _turn(self, cycle: int) -> None:
        if cycle == self.cycle:
            return
        if self.cycle < 0 and cycle == 0:
            self.filters = deque()
        self.cycle = cycle
        self.now.clear()
        for words in self.link.values():
            words.clear()

    def _cast(self, row: TraceRow) -> tuple[int, ...]:
        """Return the one word for all PEs that take it; filters come in the order of DRAM."""
        key = (row.component, "", row.address)
        if key not in self.now:
            first = _first(self.filters or ()) if row.component == "GIN filter" else ()
            self.now[key] = first[0] if first else row.data
        return (self.now[key],)


class _Checker:
    """Memories as a trace fills them, what each PE has read in a cycle, and what is on its way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.words: dict[tuple[str, int], int] = {}
        self.operands: dict[tuple[str, str], tuple[int, int]] = {}
        self.ways = _Ways()

    def check(self, line: int, row: TraceRow) -> None:
        """Compare a row with what came before it."""
        component = row.component
        place = row.port.removeprefix(component)
        sent = self.ways.sent(row, place)
        if sent and row.data not in sent:
            self._refuse(line, row, f"{' or '.join(map(str, sent))}, which was sent there")
        if component == "mac":
            self._product(line, row, place)
        if component == "psum spad" and row.action == "update":
            before = self._now(row.cycle, "psum spad", place)
            self._expect(line, row, before, self._now(row.cycle, "mac", place), "the sum")
        if component in _NO_MEMORY or component.startswith("DRAM"):
            return
        key = (_MEMORY.get(component, component) + place, row.address)
        if row.action not in _WRITES:
            known = self.words.setdefault(key, row.data)
            if known != row.data:
                self._refuse(line, row, f"{known}, which was written there")
        self.words[key] = row.data
        if component == "psum spad" and row.action == "drain":
            self.words[key] = 0
        self.operands[component, place] = (row.cycle, row.data)

    def _now(self, cycle: int, component: str, place: str) -> int | None:
        """Return what a PE has read in this cycle."""
        at, data = self.operands.get((component, place), (-1, 0))
        return data if at == cycle else None

    def _product(self, line: int, row: TraceRow, place: str) -> None:
        word = self._now(row.cycle, "ifmap spad", place)
        if row.action == "gated":
            if word is not None and word != 0:
                self._refuse(line, row, f"a MAC that works on input {word}")
            return
        weight = self._now(row.cycle, "filter spad", place)
        product = None if word is None or weight is None else word * weight
        self._expect(line, row, product, 0, "the product")
        self.operands["mac", place] = (row.cycle, row.data)

    def _expect(
        self, line: int, row: TraceRow, one: int | None, other: int | None, what: str
    ) -> None:
        if one is None or other is None:
            self._refuse(line, row, f"{what} of operands that are read in the same cycle")
        elif one + other != row.data:
            self._refuse(line, row, f"{one + other}, {what} of what was read")

    def _refuse(self, line: int, row: TraceRow, expected: str) -> None:
        raise InputError(
            f"{self.name}:{line}: cycle {row.cycle}, {row.port} {row.action} at address "
            f"{row.address} has {row.data}; expected {expected}"
        )
