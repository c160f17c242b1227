"""Device files as verbs read them: their chips and workloads loaded, errors at their place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from onewatt.errors import InputError, OnewattError

if TYPE_CHECKING:
    from onewatt.spec.architecture import Architecture
    from onewatt.spec.device import Device
    from onewatt.spec.workload import Workload

T = TypeVar("T")


class Loaded(NamedTuple):
    """A device with its workloads at their batch and its chips, by their names in the device."""

    device: Device
    workloads: dict[str, Workload]
    chips: dict[str, Architecture]


def load_device(path: Path) -> Loaded:
    """Return a device file with all that it names; paths are from the folder of the file.

    Raises
    ------
    InputError
        With file:line:column, if a chip or workload does not exist or cannot be read.
    """
    from onewatt.cli.inputs import chip_with
    from onewatt.spec.files import loads, text_of

    text = text_of(path)
    device: Device = loads(text, "device", name=str(path))
    chips = {
        c.name: _placed(text, path, ("chips", c.name, "chip"),
                        lambda name=c.chip: chip_with(_near(name, path)))
        for c in device.chips
    }  # fmt: skip
    workloads = {
        t.name: _placed(text, path, ("workloads", t.name, "workload"),
                        lambda task=t: _workload(task.workload, path, task.batch))
        for t in device.workloads
    }  # fmt: skip
    return Loaded(device, workloads, chips)


def _placed(text: str, path: Path, where: tuple[str, ...], work: Callable[[], T]) -> T:
    from onewatt.spec.places import place

    try:
        return work()
    except OnewattError as error:
        raise InputError(f"{place(text, str(path), where)}: {error}") from error


def _near(name: str, path: Path) -> str:
    """Return a path beside the device file, if it looks like one and is there."""
    beside = path.parent / name
    return str(beside) if ("/" in name or "." in name) and beside.exists() else name


def _workload(name: str, path: Path, batch: int) -> Workload:
    from onewatt.importers.load import load_workload

    found = load_workload(_near(name, path), batch=batch)
    if not found.einsums:
        raise InputError(f"workload {name!r} has no layer that can be priced")
    return found
