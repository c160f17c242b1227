"""Tables of row-stationary mappings, such as Table III of the Eyeriss paper."""

from __future__ import annotations

import csv
from pathlib import Path

from onewatt.errors import InputError, MappingError
from onewatt.spec.files import text_of
from onewatt.spec.row_stationary import NAMES, RowStationary

_MOST_DIGITS = 10  # of a number below 2**31


def read_row_stationary(path: str | Path) -> dict[str, RowStationary]:
    """Return the mappings of a CSV file by layer.

    Parameters
    ----------
    path : str or Path
        A table with the columns ``layer, m, n, e, p, q, r, t``; further columns are ignored.

    Returns
    -------
    dict of str to RowStationary
        By the layer's name, as written.

    Raises
    ------
    InputError
        With file:line, if a column is missing, a layer comes twice or a number is none.
    """
    lines = text_of(path).removeprefix("\ufeff").splitlines()
    reader = csv.DictReader(lines, skipinitialspace=True)
    header = [h.strip() for h in reader.fieldnames or []]
    missing = [name for name in ("layer", *NAMES) if name not in header]
    if missing:
        raise InputError(
            f"{path}:1: has no column {missing[0]!r}; expected layer, {', '.join(NAMES)}"
        )
    reader.fieldnames = header
    found: dict[str, RowStationary] = {}
    for row in reader:
        where = f"{path}:{reader.line_num}"
        if reader.restkey in row:
            raise InputError(f"{where}: has more cells than the {len(header)} columns of line 1")
        layer = (row["layer"] or "").strip()
        if not layer or layer in found:
            raise InputError(f"{where}: found layer {layer!r}; expected one row for each layer")
        found[layer] = RowStationary(**{k: _number(where, k, row[k]) for k in NAMES})
    return found


def _number(where: str, column: str, text: str | None) -> int:
    digits = (text or "").strip()
    number = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    if not number or not 0 < int(digits) < 2**31:
        raise MappingError(
            f"{where}: column {column!r} has {text!r}; expected a whole number of at least 1"
        )
    return int(digits)
