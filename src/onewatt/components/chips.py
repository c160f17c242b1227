"""Chips: the presets that come with onewatt, and chips from files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import NamedTuple

from onewatt.errors import InputError, nearest
from onewatt.spec import files
from onewatt.spec.architecture import Architecture


class ChipInfo(NamedTuple):
    """A preset: its name, what it is, and where its values are from."""

    name: str
    title: str
    source: str


def _presets() -> dict[str, str]:
    folder = resources.files("onewatt.chips")
    return {
        f.name.removesuffix(".yaml"): f.read_text("utf-8")
        for f in sorted(folder.iterdir(), key=lambda f: f.name)
        if f.name.endswith(".yaml")
    }


def list_chips() -> tuple[ChipInfo, ...]:
    """Return the presets by name."""
    chips = [load_chip(name) for name in _presets()]
    return tuple(ChipInfo(c.name, c.title, c.source) for c in chips)


def load_chip(name: str | Path) -> Architecture:
    """Return a chip by preset name, or from a YAML file.

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
    if str(name) in presets:
        return files.loads(presets[str(name)], "chip", name=f"chip {name}")
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return files.load(path, "chip")
    raise InputError(
        f"no chip {str(name)!r}: not a preset and not a file.{nearest(str(name), presets)} "
        f"Presets: {', '.join(presets)}."
    )
