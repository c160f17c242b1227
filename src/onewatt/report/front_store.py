"""Fronts as files: JSON of schema ``onewatt/front/1``, written all or nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec

from onewatt.errors import InputError, OnewattError
from onewatt.report.store import write_text
from onewatt.spec.front import SCHEMA, Front

_MOST_BYTES = 2**32


class _Head(msgspec.Struct):
    schema: str = ""


def front_text(front: Front) -> str:
    """Return the content of a front file; equal fronts have equal bytes."""
    return msgspec.json.format(msgspec.json.encode(front), indent=1).decode() + "\n"


def save_front(front: Front, path: str | Path) -> None:
    """Write a front so that it can be shown and compared without exploring again.

    Parameters
    ----------
    front : Front
        What was found.
    path : str or Path
        The file; an existing one is replaced at once.
    """
    write_text(path, front_text(front))


def load_front(path: str | Path) -> Front:
    """Read a front that `save_front` wrote.

    Raises
    ------
    InputError
        With the place in the file, if it is no front.
    """
    path = Path(path)
    content = _content(path)
    try:
        found = msgspec.json.decode(content, type=_Head).schema
        if found != SCHEMA:
            raise InputError(f"{path}: found schema {found!r}; expected {SCHEMA!r}")
        return msgspec.json.decode(content, type=Front)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not a front of onewatt explore -o ({error})") from error
    except OnewattError as error:
        raise InputError(str(error)) from error


def is_front(path: str | Path) -> bool:
    """Say whether a JSON file says that it is a front."""
    try:
        return msgspec.json.decode(_content(Path(path)), type=_Head).schema == SCHEMA
    except (msgspec.MsgspecError, OnewattError, UnicodeDecodeError):
        return False


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES // 2**20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
