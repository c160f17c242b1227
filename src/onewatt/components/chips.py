"""Chips: the presets that come with onewatt, and chips from files."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from onewatt.errors import InputError, nearest
from onewatt.spec.architecture import Architecture
from onewatt.spec.files import load, loads

_SUFFIX = ".yaml"


class ChipInfo(NamedTuple):
    """A preset: the name to load it by, what it is and where its figures are from."""

    name: str
    title: str
    source: str


@cache
def _presets() -> dict[str, Architecture]:
    found: dict[str, Architecture] = {}
    for path in sorted(files("onewatt.chips").iterdir(), key=lambda p: p.name):
        if path.name.endswith(_SUFFIX):
            text = path.read_text(encoding="utf-8")
            found[path.name.removesuffix(_SUFFIX)] = loads(text, "chip", name=path.name)
    return found


def load_chip(chip: str | Path) -> Architecture:
    """Return a chip by the name of a preset or from a file.

    Parameters
    ----------
    chip : str or Path
        The name of a preset, or the path of a YAML file.

    Returns
    -------
    Architecture
        The chip.

    Raises
    ------
    InputError
        If there is no such preset or file, or the file does not describe a chip.

    Examples
    --------
    >>> load_chip("eyeriss").pes
    168
    """
    presets = _presets()
    if isinstance(chip, str) and chip in presets:
        return presets[chip]
    path = Path(chip)
    if path.is_file():
        return load(path, "chip")
    names = ", ".join(presets)
    raise InputError(
        f"found no chip {str(chip)!r}: neither a preset nor a file."
        f"{nearest(str(chip), presets)} Presets: {names}; or give the path of a YAML file."
    )


def list_chips() -> tuple[ChipInfo, ...]:
    """Return the presets by name.

    Examples
    --------
    >>> "eyeriss" in [chip.name for chip in list_chips()]
    True
    """
    return tuple(ChipInfo(n, chip.title, chip.source) for n, chip in _presets().items())
