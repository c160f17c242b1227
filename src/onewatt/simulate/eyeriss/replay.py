"""Replays of traces: every word must be where the trace itself has put it."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Collection, Iterator
from typing import NoReturn

import msgspec

from onewatt.errors import InputError, unknown
from onewatt.simulate.eyeriss.run import KINDS, Counts
from onewatt.simulate.eyeriss.trace import COLUMNS, TraceRow

#: Which memory a port belongs to, where it is not alone in it.
_MEMORY = {"GLB ifmap": "GLB", "GLB psum": "GLB"}
_WRITES = ("fill", "update")
#: Where sums leave a spad for a column, and where they come from the buffer and go to it.
_SUMS = (("psum spad", "drain"), ("GLB psum", "read"), ("GLB psum", "update"))
_NO_MEMORY = ("GIN filter", "GIN ifmap", "column", "mac")
#: What a spad is filled from.
_BUSES = {"filter spad": "GIN filter", "ifmap spad": "GIN ifmap"}


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a trace says by itself: counts, and the words that went to DRAM by address."""

    counts: Counts
    output: dict[int, int]
    first: int
    last: int


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
    read of a place is believed.  Sums on their way up a column are followed in a trace that begins
    at cycle 0.
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
    checker.end()
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
    """Words on their way over the link and on the buses."""

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


def _refuse(name: str, line: int, row: TraceRow, expected: str) -> NoReturn:
    raise InputError(
        f"{name}:{line}: cycle {row.cycle}, {row.port} {row.action} at address {row.address} has "
        f"{row.data}; expected {expected}"
    )


class _Columns:
    """Sums on their way: out of the spads, up a column a PE a cycle, and into the buffer.

    What a spad hands out waits in a queue of its PE.  The foot of a column is the PE whose sum goes
    on in the cycle in which it leaves the spad; it adds a sum of the buffer, if one is there.  The
    others add what the PE below passed on in the cycle before.  What no PE takes up is at the head.
    Rows of a cycle may come in any order, so a cycle is checked when it is over.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.cycle = 0
        self.rows: list[tuple[int, TraceRow]] = []
        self.queues: dict[tuple[int, int], deque[tuple[int, int, int]]] = {}
        self.below: dict[tuple[int, int], tuple[int, int]] = {}  # passed on in the cycle before
        self.incoming: Counter[int] = Counter()
        self.waiting = 0  # how many those are
        self.heads: Counter[int] = Counter()
        self.seen = False

    def add(self, line: int, row: TraceRow) -> None:
        """Take a row; check those of the cycle before if it is over."""
        if row.cycle != self.cycle:
            self.turn(row.cycle)
        if row.component == "column" or (row.component, row.action) in _SUMS:
            self.rows.append((line, row))

    def turn(self, cycle: int) -> None:
        """Check the rows of a cycle, and go on to another."""
        hops, updates = list[tuple[int, TraceRow]](), list[tuple[int, TraceRow]]()
        for line, row in self.rows:
            if row.component == "column":
                hops.append((line, row))
            elif row.action == "drain":
                queue = self.queues.setdefault(self._pe(line, row), deque())
                queue.append((row.cycle, row.address, row.data))
            elif row.action == "read":
                self.incoming[row.data] += 1
                self.waiting += 1
            else:
                updates.append((line, row))
        self.seen = self.seen or bool(hops)
        passed = {self._pe(line, row): self._hop(line, row) for line, row in hops}
        self.heads.update(data for _, data in self.below.values())
        for line, row in updates if self.seen else ():
            if not self.heads[row.data]:
                _refuse(self.name, line, row, "a sum that left a column")
            self.heads[row.data] -= 1
        if cycle != self.cycle + 1:
            self.heads.update(data for _, data in passed.values())
            passed = {}
        self.rows, self.below, self.cycle = [], passed, cycle

    def _hop(self, line: int, row: TraceRow) -> tuple[int, int]:
        """Return the filter and the sum that a PE passes on, if it is right."""
        y, x = self._pe(line, row)
        queue = self.queues.get((y, x))
        if not queue:
            _refuse(self.name, line, row, "a sum that left its spad")
        left, filter_, own = queue.popleft()
        if row.address != filter_:
            _refuse(self.name, line, row, f"filter {filter_}, which left its spad first")
        rest = row.data - own
        if left < row.cycle:
            below = self.below.pop((y + 1, x), None)
            if below != (filter_, rest):
                came = "nothing" if below is None else f"{below[1]} of filter {below[0]}"
                _refuse(self.name, line, row, f"{own} of its spad and what came from below, {came}")
        elif self.incoming[rest]:
            self.incoming[rest] -= 1
            self.waiting -= 1
        elif rest or self.waiting:
            came = "a sum that came from the buffer" if self.waiting else "nothing from below"
            _refuse(self.name, line, row, f"{own} of its spad and {came}")
        return filter_, row.data

    def _pe(self, line: int, row: TraceRow) -> tuple[int, int]:
        """Return the row and column of the PE of a port."""
        found = re.fullmatch(r".*\[(\d+),(\d+)\]", row.port)
        if found is None:
            _refuse(self.name, line, row, "a port with row and column, such as column[2,13]")
        return int(found[1]), int(found[2])


class _Checker:
    """Memories as a trace fills them, what each PE has read in a cycle, and what is on its way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.words: dict[tuple[str, int], int] = {}
        self.operands: dict[tuple[str, str], tuple[int, int]] = {}
        self.ways = _Ways()
        self.columns: _Columns | None = None  # only of a trace that begins with the run
        self.begun = False

    def check(self, line: int, row: TraceRow) -> None:
        """Compare a row with what came before it."""
        component = row.component
        place = row.port.removeprefix(component)
        sent = self.ways.sent(row, place)
        if sent and row.data not in sent:
            _refuse(self.name, line, row, f"{' or '.join(map(str, sent))}, which was sent there")
        if component == "mac":
            self._product(line, row, place)
        if component == "psum spad" and row.action == "update":
            before = self._now(row.cycle, "psum spad", place)
            self._expect(line, row, before, self._now(row.cycle, "mac", place), "the sum")
        if not self.begun:
            self.begun, self.columns = True, _Columns(self.name) if row.cycle == 0 else None
        if self.columns is not None:
            self.columns.add(line, row)
        if component in _NO_MEMORY or component.startswith("DRAM"):
            return
        key = (_MEMORY.get(component, component) + place, row.address)
        if row.action not in _WRITES:
            known = self.words.setdefault(key, row.data)
            if known != row.data:
                _refuse(self.name, line, row, f"{known}, which was written there")
        self.words[key] = row.data
        if component == "psum spad" and row.action == "drain":
            self.words[key] = 0
        self.operands[component, place] = (row.cycle, row.data)

    def end(self) -> None:
        """Check what waits for the end of a cycle."""
        if self.columns is not None:
            self.columns.turn(self.columns.cycle + 1)

    def _now(self, cycle: int, component: str, place: str) -> int | None:
        """Return what a PE has read in this cycle."""
        at, data = self.operands.get((component, place), (-1, 0))
        return data if at == cycle else None

    def _product(self, line: int, row: TraceRow, place: str) -> None:
        word = self._now(row.cycle, "ifmap spad", place)
        if row.action == "gated":
            if word is not None and word != 0:
                _refuse(self.name, line, row, f"a MAC that works on input {word}")
            return
        weight = self._now(row.cycle, "filter spad", place)
        product = None if word is None or weight is None else word * weight
        self._expect(line, row, product, 0, "the product")
        self.operands["mac", place] = (row.cycle, row.data)

    def _expect(
        self, line: int, row: TraceRow, one: int | None, other: int | None, what: str
    ) -> None:
        if one is None or other is None:
            _refuse(self.name, line, row, f"{what} of operands that are read in the same cycle")
        elif one + other != row.data:
            _refuse(self.name, line, row, f"{one + other}, {what} of what was read")
