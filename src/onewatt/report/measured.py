"""Runs of the machine as measurements: what `onewatt simulate --json` wrote, for Eyexam."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from onewatt.errors import InputError, unknown
from onewatt.spec.result import Result

#: The row of a run that has every wait in it.
_WHOLE = "with the link"


class _Cycles(msgspec.Struct, frozen=True):
    name: str
    machine: float
    model: float


class _Run(msgspec.Struct, frozen=True):
    """What is read of a run; the file holds more."""

    schema: Literal["onewatt/simulation/1"]
    layer: str
    chip: str
    mapping: str
    cycles: tuple[_Cycles, ...]


def measured_cycles(result: Result, files: Sequence[Path]) -> dict[str, float]:
    """Return the cycles that the machine took for layers of a result.

    Parameters
    ----------
    result : Result
        Of the same chip; layers are matched by name.
    files : sequence of Path
        Written by ``onewatt simulate LAYER --chip CHIP --json``.

    Returns
    -------
    dict of str to float
        Cycles of one run of each layer, waits for the link included; for `eyexam`.

    Raises
    ------
    InputError
        If a file is no run, or a run of another chip, layer or mapping.
    """
    found: dict[str, float] = {}
    for path in files:
        run = _read(path)
        if run.chip != result.architecture.name:
            raise InputError(
                f"{path}: a run on chip {run.chip!r}; expected {result.architecture.name!r}"
            )
        names = [e.name for e in result.workload.einsums]
        if run.layer not in names:
            raise InputError(f"{path}: {unknown('layer', run.layer, names)}")
        whole = next((c for c in run.cycles if c.name == _WHOLE), None)
        if whole is None:
            raise InputError(f"{path}: has no cycles {_WHOLE!r}")
        once = result.cycles(run.layer) / result.workload.einsums[names.index(run.layer)].count
        if not math.isclose(whole.model, once, rel_tol=1e-6):
            raise InputError(
                f"{path}: ran mapping {run.mapping!r}, for which the model says {whole.model:,.0f} "
                f"cycles; the result's says {once:,.0f}. Expected the mapping of the result: make "
                "both by --convention jssc17 with one batch and the same densities"
            )
        found[run.layer] = whole.machine
    return found


def _read(path: Path) -> _Run:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Run)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: is no run of 'onewatt simulate --json': {error}") from error
