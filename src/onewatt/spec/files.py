"""Files: nouns from YAML, and back to YAML that leaves out what equals a default."""

# PyYAML carries no types, and reading a noun of any type is what this module is for.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
import yaml

from onewatt.errors import InputError, OnewattError, unknown
from onewatt.spec.architecture import (
    Architecture,
)
from onewatt.spec.device import Device
from onewatt.spec.mapping import Mapping
from onewatt.spec.reader import HEADS, KEYED, Reader, compose
from onewatt.spec.shape import hints_of, members_of, tag_of, unwrap
from onewatt.spec.study import Objective, Study
from onewatt.spec.workload import Index, Workload
from onewatt.units import format_quantity

Struct = TypeVar("Struct", bound=msgspec.Struct)

#: The kinds of file, by the name in their ``schema:`` line.
KINDS: dict[str, type[msgspec.Struct]] = {
    "chip": Architecture,
    "workload": Workload,
    "mapping": Mapping,
    "study": Study,
    "device": Device,
}

_MOST_BYTES = 64 * 2**20


def load(path: str | Path, kind: str) -> Any:
    """Read a YAML file as a chip, workload, mapping, study or device.

    Parameters
    ----------
    path : str or Path
        The file.
    kind : str
        A key of `KINDS`.

    Returns
    -------
    Architecture, Workload, Mapping, Study or Device
        The noun.

    Raises
    ------
    InputError
        With file:line:column, what was found, what was expected and the nearest valid name.
    """
    return loads(text_of(path), kind, name=str(path))


def text_of(path: str | Path) -> str:
    """Return the text of a file; an error if it cannot be read, is huge or is not UTF-8."""
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(
                f"{path}: larger than {_MOST_BYTES // 2**20} MiB; expected a file written by hand"
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        kind = "a YAML file" if path.suffix.lower() in (".yaml", ".yml") else "a file of text"
        raise InputError(f"{path}: is not UTF-8 text; expected {kind}") from error


def loads(text: str, kind: str, *, name: str = "<text>") -> Any:
    """Read YAML text as a noun of a kind; `name` stands in the messages."""
    if kind not in KINDS:
        raise InputError(unknown("kind of file", kind, KINDS))
    return read_text(text, KINDS[kind], kind, name=name)


def read_text(text: str, noun: type[Struct], kind: str, *, name: str = "<text>") -> Struct:
    """Read YAML text as a noun of any type; the ``schema:`` line, if any, must say `kind`."""
    root = compose(text, name)
    reader = Reader(name)
    if isinstance(root, yaml.MappingNode):
        root = reader.without_schema(root, kind)
    return reader.read(noun, root)


def dumps(noun: msgspec.Struct, kind: str) -> str:
    """Write a noun as YAML that `loads` reads back to an equal noun."""
    data = {"schema": f"onewatt/{kind}/1", **_plain(type(noun), noun)}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def _plain(kind: Any, value: Any) -> Any:
    """Return a value as plain YAML data, leaving out what equals its default."""
    kind, unit = unwrap(kind)
    if value is None:
        return None
    if unit is not None:
        return format_quantity(value, unit)
    if isinstance(value, (Index, Objective)) and _in_short(value):
        return str(value)
    if isinstance(value, tuple):
        member = next(m for m in members_of(kind) if get_origin(m) is tuple)
        item = get_args(member)[0]
        keys = [getattr(v, KEYED[item][0]) for v in value] if item in KEYED else []
        if keys and len(set(keys)) == len(keys):
            return {getattr(v, KEYED[item][0]): _keyed(item, v) for v in value}
        return [_plain(item, v) for v in value]
    if not isinstance(value, msgspec.Struct):
        return value
    hints, data = hints_of(type(value)), dict[str, Any]()
    for field in msgspec.structs.fields(value):
        content = getattr(value, field.name)
        if field.required or content != field.default:
            head = type(value) in HEADS and HEADS[type(value)] == field.name
            data[tag_of(type(value)) if head else field.name] = _plain(hints[field.name], content)
    return data


def _in_short(value: Index | Objective) -> bool:
    """Say whether one line of text is all there is to say."""
    try:
        return isinstance(value, Index) or Objective.parse(str(value)) == value
    except OnewattError:
        return False


def _keyed(kind: Any, value: Any) -> Any:
    key_field, value_field = KEYED[kind]
    data = _plain(kind, value)
    del data[key_field]
    return data[value_field] if set(data) == {value_field} else data
