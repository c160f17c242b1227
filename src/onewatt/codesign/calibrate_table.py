"""Tables of measured rows: ``workload,batch,energy_J,latency_s`` as CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from pathlib import Path

from onewatt.errors import InputError, OnewattError, UnitError, nearest, unknown
from onewatt.importers.load import load_workload
from onewatt.spec.types import Joules, Noun, Seconds
from onewatt.spec.workload import Workload
from onewatt.units import parse_quantity

COLUMNS = ("workload", "batch", "energy_J", "latency_s")
_UNITS = {"energy_J": "J", "latency_s": "s"}
_MOST_BYTES = 16 * 2**20


class MeasuredRow(Noun):
    """One measurement: a network at a batch, energy and latency of the whole batch.

    `workload` is what the table says, `source` what `load_workload` is asked for.
    """

    line: int
    workload: str
    source: str
    batch: int = 1
    energy: Joules | None = None
    latency: Seconds | None = None


class MeasuredTable(Noun):
    """The rows of a table and the digest of its bytes."""

    path: str
    digest: str
    rows: tuple[MeasuredRow, ...]

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks of the rows, each once, in order."""
        return tuple(dict.fromkeys(r.workload for r in self.rows))


def read_table(path: str | Path) -> MeasuredTable:
    """Read a table of measured rows.

    Parameters
    ----------
    path : str or Path
        A CSV file in UTF-8 with the columns ``workload``, ``batch`` (1 where it is left out),
        ``energy_J`` and ``latency_s``; other columns are not read.  A cell may be empty; one
        of energy and latency must be there.  A number stands in J or s; a quantity with a unit,
        such as ``27.7 uJ``, says its own.

    Returns
    -------
    MeasuredTable
        Energies [J] and latencies [s] of whole batches.  Relative paths of networks count from the
        folder of the table.

    Raises
    ------
    InputError
        With the line and the column: what was found and what was expected.
    """
    path = Path(path)
    data, text = _text(path)
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if _says(line)), None)
    if start is None:
        raise InputError(f"{path}: is empty; expected a first line {','.join(COLUMNS)!r}")
    head = lines[start]
    delimiter = max(",;\t", key=head.count)
    names = next(csv.reader([head], delimiter=delimiter))
    where = _columns(names, f"{path}:{start + 1}")
    body = "\n".join(line if _says(line) else "" for line in lines[start + 1 :])
    reader, rows = csv.reader(io.StringIO(body), delimiter=delimiter), list[MeasuredRow]()
    try:
        for cells in reader:
            if any(c.strip() for c in cells):
                line = start + 1 + reader.line_num
                if any(c.strip() for c in cells[len(names) :]):
                    raise InputError(
                        f"{path}:{line}: found {len(cells)} cells below {len(names)} columns; "
                        "write decimals with a point, and a cell that holds a comma in quotes"
                    )
                rows.append(_row(cells, where, path, line))
    except csv.Error as error:
        raise InputError(f"{path}:{start + 1 + reader.line_num}: is no CSV: {error}") from error
    if not rows:
        raise InputError(f"{path}: has no rows below its first line; expected measured rows")
    return MeasuredTable(path=str(path), digest=hashlib.sha256(data).hexdigest(), rows=tuple(rows))


def load_rows(table: MeasuredTable) -> dict[tuple[str, int], Workload]:
    """Return the workload of every (network, batch) of a table.

    Raises
    ------
    InputError
        If a network cannot be loaded; names the line and the column.
    """
    found: dict[tuple[str, int], Workload] = {}
    for row in table.rows:
        key = (row.source, row.batch)
        if key in found:
            continue
        try:
            found[key] = load_workload(row.source, batch=row.batch)
        except OnewattError as error:
            raise InputError(f"{table.path}:{row.line}: column 'workload': {error}") from error
    return found


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _text(path: Path) -> tuple[bytes, str]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES // 2**20} MiB; expected a table")
        data = path.read_bytes()
        return data, data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save the table as CSV in UTF-8") from error


def _columns(names: list[str], where: str) -> dict[str, int]:
    """Return where each column is; one that looks like a wanted one is refused, not ignored."""
    known = {c.lower(): c for c in COLUMNS}
    found: dict[str, int] = {}
    for i, name in enumerate(n.strip() for n in names):
        column = known.get(name.lower())
        if column is None:
            if name.lower().startswith(("energy", "latency", "workload", "batch")):
                raise InputError(
                    f"{where}: {unknown('column', name, COLUMNS)} Energies stand in J and latencies"
                    " in s; convert the values and rename the column"
                )
            continue
        if column in found:
            raise InputError(f"{where}: found column {column!r} twice")
        found[column] = i
    if "workload" not in found:
        near = next((n for n in names if "'workload'" in nearest(n.strip(), COLUMNS)), None)
        hint = f"; column {near!r} comes nearest" if near else ""
        raise InputError(
            f"{where}: found no column 'workload'{hint}; expected the columns {', '.join(COLUMNS)}"
        )
    if not {"energy_J", "latency_s"} & set(found):
        raise InputError(
            f"{where}: found neither column 'energy_J' nor 'latency_s'; expected at least one, "
            "in J and s"
        )
    return found


def _row(cells: list[str], where: dict[str, int], path: Path, line: int) -> MeasuredRow:
    here = f"{path}:{line}"

    def cell(column: str) -> str:
        i = where.get(column, len(cells))
        return cells[i].strip() if i < len(cells) else ""

    workload = cell("workload")
    if not workload:
        raise InputError(f"{here}: column 'workload' is empty; expected a network")
    energy = _measured(cell("energy_J"), "energy_J", here)
    latency = _measured(cell("latency_s"), "latency_s", here)
    if energy is None and latency is None:
        raise InputError(
            f"{here}: columns 'energy_J' and 'latency_s' are both empty; expected at least one "
            "measured value, or no row"
        )
    beside = path.parent / workload
    return MeasuredRow(
        line=line, workload=workload, source=str(beside) if _is_file(beside) else workload,
        batch=_batch(cell("batch"), here), energy=energy, latency=latency,
    )  # fmt: skip


def _is_file(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _batch(text: str, here: str) -> int:
    if not text:
        return 1
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value >= 1 and value == int(value)):
        raise InputError(
            f"{here}: column 'batch': found {text!r}; expected a whole number of at least 1"
        )
    return int(value)


def _measured(text: str, column: str, here: str) -> float | None:
    """Return a measured value in SI, or None for an empty cell."""
    if not text:
        return None
    place = f"{here}: column {column!r}"
    unit = _UNITS[column]
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        try:
            value = parse_quantity(text, unit)
        except UnitError as error:
            comma = "; write decimals with a point" if "," in text else ""
            raise InputError(f"{place}: {error}, or a number in {unit}{comma}") from error
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"{place}: found {text!r}; expected a finite number of more than 0 in {unit}, or an "
            "empty cell for what was not measured"
        )
    return value
