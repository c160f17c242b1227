"""Results as files: the public table with the whole result beside it, written all or nothing."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from onewatt.errors import InputError, OnewattError
from onewatt.report.tables import SCHEMA, result_json
from onewatt.spec.mapping import Storage
from onewatt.spec.result import LayerResult, Result
from onewatt.spec.workload import Einsum

_MOST_BYTES = 512 * 2**20


class _File(msgspec.Struct):
    schema: str
    result: Result
    command: str = ""


class Saved(NamedTuple):
    """A result and the command that made it, if the file says."""

    result: Result
    command: str


def save_result(result: Result, path: str | Path, *, command: str = "") -> None:
    """Write a result so that it can be shown and compared without searching again.

    Parameters
    ----------
    result : Result
        What was found.
    path : str or Path
        The file; an existing one is replaced at once.
    command : str
        How to make it again.

    Notes
    -----
    The file is the table of `result_json` with two more keys, ``command`` and ``result``.
    """
    write_text(path, result_text(result, command=command))


def result_text(result: Result, *, command: str = "") -> str:
    """Return the content of a result file, see `save_result`."""
    whole = msgspec.to_builtins(_finite(result))
    table = result_json(result) | {"command": command, "result": whole}
    return json.dumps(table, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def load_result(path: str | Path) -> Result:
    """Read a result that `save_result` wrote.

    Raises
    ------
    InputError
        With the place in the file, if it is not a result or contradicts itself.
    """
    return load_saved(path).result


def load_saved(path: str | Path) -> Saved:
    """Read a result and the command that made it."""
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES // 2**20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: is not a result of onewatt analyze -o ({_place(content)}{error})"
        ) from error
    except OnewattError as error:
        raise InputError(f"{path}: {error}") from error
    if file.schema != SCHEMA:
        raise InputError(f"{path}: found schema {file.schema!r}; expected {SCHEMA!r}")
    try:
        _check(file.result)
    except OnewattError as error:
        raise InputError(f"{path}: {error}") from error
    return Saved(file.result, file.command)


def _place(content: bytes) -> str:
    """Say where JSON stops being JSON, if that is the trouble."""
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}: "
    except (UnicodeDecodeError, RecursionError, ValueError):
        return ""
    return ""


def _finite(result: Result) -> Result:
    """Replace what is infinite in the verdicts; JSON has no infinity."""
    budget = tuple(
        v if math.isfinite(v.reached) else msgspec.structs.replace(v, reached=sys.float_info.max)
        for v in result.budget
    )
    return msgspec.structs.replace(result, budget=budget)


def _check(result: Result) -> None:
    """Refuse a result whose parts do not belong together."""
    einsums = {e.name: e for e in result.workload.einsums}
    if [layer.name for layer in result.layers] != list(einsums):
        raise InputError("result.layers: expected one for each layer of result.workload, in order")
    for what, rows in (("entries", result.cost.entries), ("busy", result.cost.busy)):
        for i, row in enumerate(rows):
            if row.einsum not in einsums:
                raise InputError(
                    f"result.cost.{what}[{i}].einsum: found {row.einsum!r}, which is no layer"
                )
    _check_numbers(result)
    for i, layer in enumerate(result.layers):
        _check_mapping(einsums[layer.name], layer, f"result.layers[{i}].mapping")


def _check_numbers(result: Result) -> None:
    """Refuse a ledger with numbers that no ledger has."""
    for i, entry in enumerate(result.cost.entries):
        numbers = (entry.count, entry.bits, entry.energy_low, entry.energy, entry.energy_high)
        if not all(math.isfinite(x) and x >= 0 for x in numbers):
            raise InputError(f"result.cost.entries[{i}]: found a number below 0 or not finite")
        if not entry.energy_low <= entry.energy <= entry.energy_high:
            raise InputError(f"result.cost.entries[{i}]: found an energy outside its band")
    for i, row in enumerate(result.cost.busy):
        if not (math.isfinite(row.cycles) and row.cycles >= 0):
            raise InputError(f"result.cost.busy[{i}]: found cycles {row.cycles!r}")


def _check_mapping(einsum: Einsum, layer: LayerResult, where: str) -> None:
    for node in layer.mapping.nodes if layer.mapping else ():
        if isinstance(node, Storage):
            continue
        if node.rank not in einsum.sizes or node.size < 1:
            raise InputError(
                f"{where}: found loop {node.rank!r} of {node.size}; expected a rank of layer "
                f"{einsum.name!r} ({', '.join(einsum.sizes)}) and a size of at least 1"
            )


def write_text(path: str | Path, text: str) -> None:
    """Write a text file all or nothing: an interrupt leaves the old file or none.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    write_texts({Path(path): text})


def write_texts(contents: dict[Path, str]) -> None:
    """Write text files all or nothing: each replaces its old one only when all are complete.

    Raises
    ------
    InputError
        If one of them cannot be written.
    """
    ready: list[tuple[str, Path]] = []
    path = Path()
    for path in contents:
        if path.is_dir():
            raise InputError(f"{path}: cannot be written (it is a directory)")
    try:
        for path, text in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            ready.append((temporary, path))
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
        for temporary, path in ready:
            os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        for temporary, _ in ready:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
