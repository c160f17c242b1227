"""Measured densities: a table says how many of a layer's words are not zero."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import msgspec

from onewatt.errors import InputError, unknown
from onewatt.spec.workload import INPUTS, OUTPUTS, WEIGHTS, Einsum, Tensor, Workload

_COLUMNS = {"inputs": INPUTS, "weights": WEIGHTS, "outputs": OUTPUTS}
_MOST_BYTES = 2**26


def with_densities(workload: Workload, path: str | Path) -> Workload:
    """Return a workload whose tensors have the densities of a CSV file.

    Parameters
    ----------
    workload : Workload
        The network.
    path : str or Path
        A table with the columns ``layer, inputs, weights, outputs``: shares of non-zeros [1].
        An empty field, and a layer without a row, count as dense.

    Returns
    -------
    Workload
        The same network with `density` set.

    Raises
    ------
    InputError
        With file:line, if a layer is unknown or twice, or a share is no number from 0 to 1.
    """
    rows = _rows(Path(path))
    names = [e.name for e in workload.einsums]
    found: dict[str, dict[str, float]] = {}
    for line, row in rows:
        where = f"{path}:{line}"
        layer = (row["layer"] or "").strip()
        if layer not in names:
            raise InputError(f"{where}: {unknown('layer', layer, names)}")
        if layer in found:
            raise InputError(f"{where}: layer {layer!r} comes twice; expected one row per layer")
        found[layer] = {
            tensor: _share(where, column, row[column]) for column, tensor in _COLUMNS.items()
        }
    einsums = tuple(_with(e, found[e.name]) if e.name in found else e for e in workload.einsums)
    return msgspec.structs.replace(workload, einsums=einsums)


def _rows(path: Path) -> list[tuple[int, dict[str, str | None]]]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES // 2**20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; expected a CSV file") from error
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    try:
        header = [h.strip() for h in reader.fieldnames or []]
        wanted = ["layer", *_COLUMNS]
        missing = [c for c in wanted if c not in header]
        if missing:
            raise InputError(
                f"{path}:1: has no column {missing[0]!r}; expected the columns {', '.join(wanted)}"
            )
        for column in header:
            if header.count(column) > 1:
                raise InputError(f"{path}:1: has column {column!r} twice")
        reader.fieldnames = header
        return list(_cells(path, reader, len(header)))
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: is not valid CSV: {error}") from error


def _cells(
    path: Path, reader: csv.DictReader[str], columns: int
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yield the rows that say something, with their lines."""
    for row in reader:
        if None in row:
            raise InputError(f"{path}:{reader.line_num}: has more cells than the {columns} columns")
        if any((cell or "").strip() for cell in row.values()):
            yield reader.line_num, dict(row)


def _share(where: str, column: str, text: str | None) -> float:
    if text is None or not text.strip():
        return 1.0
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0.0 <= value <= 1.0:
        raise InputError(
            f"{where}: column {column!r} has {text!r}; expected a share of non-zeros from 0 to 1"
        )
    return value


def _with(einsum: Einsum, shares: dict[str, float]) -> Einsum:
    def dense(tensor: Tensor) -> Tensor:
        share = shares.get(tensor.name, tensor.density)
        zeros = tensor.zeros if share == tensor.density else None  # what it said holds no more
        return msgspec.structs.replace(tensor, density=share, zeros=zeros)

    inputs = tuple(dense(t) for t in einsum.inputs)
    return msgspec.structs.replace(einsum, inputs=inputs, output=dense(einsum.output))
