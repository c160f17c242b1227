"""What verbs read: workloads or one of their layers, chips with their own dataflow or another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from onewatt.errors import InputError, unknown

if TYPE_CHECKING:
    from onewatt.spec.architecture import Architecture
    from onewatt.spec.workload import Workload

#: Stands between a model and the name of one of its layers.
LAYER_MARK = "::"
#: The chip's own dataflow, in the place of a name of the catalogue.
PRESET = "preset"

_SCHEMA = re.compile(r"^schema:\s*[\"']?onewatt/(\w+)/", re.MULTILINE)
#: What only this kind of file has at its margin, for files without a ``schema:`` line.
_MARKS = {
    "clock:": "chip", "einsums:": "workload", "nodes:": "mapping", "knobs:": "study",
    "workloads:": "device",
}  # fmt: skip


def chip_with(
    name: str,
    dataflow: str = PRESET,
    energy_table: Path | None = None,
    area_table: Path | None = None,
) -> Architecture:
    """Return a chip by preset name or path, with its dataflow or another, at Accelergy's prices."""
    from onewatt.components.chips import load_chip
    from onewatt.components.dataflows import list_dataflows, with_dataflow

    names = (PRESET, *(d.name for d in list_dataflows()))
    if dataflow not in names:
        raise InputError(f"--dataflow: {unknown('dataflow', dataflow, names)}")
    chip = _timeloop_chip(name) if timeloop_file(name) else load_chip(name)
    chip = with_tables(chip, energy_table, area_table)
    return chip if dataflow == PRESET else with_dataflow(chip, dataflow)


def with_tables(
    chip: Architecture, energy_table: Path | None, area_table: Path | None
) -> Architecture:
    """Return a chip at Accelergy's prices, if there are tables."""
    from onewatt.components.accelergy import load_energy_table, with_energy_table

    if energy_table is None:
        if area_table is not None:
            raise InputError("--area-table needs --energy-table: the two are written together")
        return chip
    return with_energy_table(chip, load_energy_table(energy_table, area_table))


def timeloop_file(name: str | Path) -> bool:
    """Say whether this is a YAML file of Timeloop, by its sections."""
    from onewatt.importers.timeloop.load import is_timeloop
    from onewatt.spec.files import text_of

    path = Path(name)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    return is_timeloop(text_of(path))


def _timeloop_chip(name: str) -> Architecture:
    from onewatt.importers.timeloop.load import load_timeloop

    chip = load_timeloop(name).architecture
    if chip is None:
        raise InputError(f"{name}: is a Timeloop file without an architecture; expected one")
    return chip


def split_layer(text: str) -> tuple[str, str]:
    """Return the model and the layer that ``MODEL::LAYER`` names; the layer may be empty."""
    model, mark, layer = text.partition(LAYER_MARK)
    if mark and not layer:
        raise InputError(f"found {text!r}; expected a layer's name after '{LAYER_MARK}'")
    return model, layer


def only(workload: Workload, layer: str) -> Workload:
    """Return a workload of one layer.

    Raises
    ------
    InputError
        If there is no such layer, or none is named and there are several.
    """
    import msgspec

    names = [e.name for e in workload.einsums]
    if not names:
        raise InputError(f"{workload.name!r} has no layer that can be priced")
    if not layer and len(names) != 1:
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        raise InputError(
            f"{workload.name!r} has {len(names)} layers; name one as MODEL{LAYER_MARK}LAYER, where "
            f"LAYER is one of {shown}"
        )
    wanted = layer or names[0]
    if wanted not in names:
        raise InputError(f"{workload.name!r}: {unknown('layer', wanted, names)}")
    kept = tuple(e for e in workload.einsums if e.name == wanted)
    return msgspec.structs.replace(workload, einsums=kept, unpriced=())


def kind_of(path: Path) -> str:
    """Return which kind of YAML file this is, by its ``schema:`` line or its keys.

    Raises
    ------
    InputError
        If it cannot be read, or is of no kind that onewatt has.
    """
    from onewatt.spec.files import text_of

    text = text_of(path)
    stated = _SCHEMA.search(text)
    if stated:
        return stated[1]
    for mark, kind in _MARKS.items():
        if any(line.startswith(mark) for line in text.splitlines()):
            return kind
    raise InputError(
        f"{path}: is no chip, workload or mapping; expected a line such as 'schema: onewatt/chip/1'"
    )
