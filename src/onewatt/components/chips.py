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
def preset_names() -> tuple[str, ...]:
    """Return the names of the presets, without reading them."""
    names = (p.name for p in files("onewatt.chips").iterdir())
    return tuple(sorted(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX)))


@cache
def _preset(name: str) -> Architecture:
    file = f"{name}{_SUFFIX}"
    return loads((files("onewatt.chips") / file).read_text(encoding="utf-8"), "chip", name=file)


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
    presets = preset_names()
    if isinstance(chip, str) and chip in presets:
        return _preset(chip)
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
    chips = {n: _preset(n) for n in preset_names()}
    return tuple(ChipInfo(n, chip.title, chip.source) for n, chip in chips.items())
