"""Dataflows: the catalogue that comes with onewatt, and how a chip takes one on."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from onewatt.errors import InputError, unknown
from onewatt.spec.architecture import Architecture, Container, Dataflow, Limit, Memory
from onewatt.spec.files import read_text
from onewatt.spec.types import Noun

#: What a limit of the catalogue says instead of the name of an axis or a memory.
ROLES = ("rows", "columns", "registers", "buffers")


class Catalogue(Noun):
    """Dataflows by name, whose limits stand at roles instead of places of one chip."""

    dataflows: tuple[Dataflow, ...]


@cache
def _catalogue() -> dict[str, Dataflow]:
    path = files("onewatt.dataflows") / "catalogue.yaml"
    read = read_text(path.read_text(encoding="utf-8"), Catalogue, "dataflows", name=path.name)
    return {d.name: d for d in read.dataflows}


def list_dataflows() -> tuple[Dataflow, ...]:
    """Return the dataflows of the catalogue; their limits stand at roles.

    Examples
    --------
    >>> [d.name for d in list_dataflows()][:3]
    ['row-stationary', 'rs-plus', 'weight-stationary']
    """
    return tuple(_catalogue().values())


def with_dataflow(chip: Architecture, name: str) -> Architecture:
    """Return a chip that runs a dataflow of the catalogue instead of its own.

    Parameters
    ----------
    chip : Architecture
        The chip.
    name : str
        A name of `list_dataflows`; ``free`` takes all limits away.

    Returns
    -------
    Architecture
        The same chip with the dataflow's limits at its own axes and memories.

    Raises
    ------
    InputError
        If there is no such dataflow, or the chip lacks a place that it needs.

    Examples
    --------
    >>> from onewatt.components.chips import load_chip
    >>> chip = with_dataflow(load_chip("eyeriss_256"), "weight-stationary")
    >>> [limit.where for limit in chip.dataflow.limits], chip.dataflow.limits[2].keeps
    (['Y', 'X', 'RF'], ('Weights',))
    """
    known = _catalogue()
    if name not in known:
        raise InputError(unknown("dataflow", name, known))
    limits = tuple(
        placed for limit in known[name].limits for placed in _place(chip, name, limit)
    )  # fmt: skip
    dataflow = msgspec.structs.replace(known[name], limits=limits)
    return msgspec.structs.replace(chip, dataflow=dataflow)


def _place(chip: Architecture, name: str, limit: Limit) -> list[Limit]:
    """Return a limit at every place of the chip that plays its role."""
    role, where = limit.where, f"chip {chip.name!r} cannot run {name!r}"
    arrays = [i for i, n in enumerate(chip.nodes) if isinstance(n, Container)]
    if not arrays:
        raise InputError(f"{where}: it has no array; only 'free' needs none")
    array = chip.nodes[arrays[-1]]
    assert isinstance(array, Container)
    if role in ("rows", "columns"):
        number = ROLES.index(role)
        if len(array.fanout) <= number:
            axes = ", ".join(a.name for a in array.fanout)
            raise InputError(
                f"{where}: its array {array.name!r} has no {role}, only axis {axes}; "
                "give it two axes"
            )
        return [msgspec.structs.replace(limit, where=array.fanout[number].name)]
    nodes = chip.nodes[arrays[-1] :] if role == "registers" else chip.nodes[: arrays[-1]]
    memories = [m for m in nodes if isinstance(m, Memory) and m is not chip.memories[0]]
    _check_kept(where, role, memories, limit.keeps or ())
    return [
        msgspec.structs.replace(limit, where=m.name, keeps=_keeps(where, m, limit.keeps))
        for m in memories
    ]


def _check_kept(where: str, role: str, memories: list[Memory], wanted: tuple[str, ...]) -> None:
    for tensor in wanted:
        if not any(tensor in (*m.keeps, *m.may_keep) for m in memories):
            found = ", ".join(repr(m.name) for m in memories) or "none"
            raise InputError(
                f"{where}: none of its {role} (found {found}) can keep {tensor!r}; add {tensor} to "
                "the 'may_keep' of one"
            )


def _keeps(where: str, memory: Memory, wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return what one memory keeps of what a role keeps."""
    if wanted is None:
        return None
    for tensor in memory.keeps:
        if tensor not in wanted:
            raise InputError(
                f"{where}: its memory {memory.name!r} must keep {tensor!r}, which this dataflow "
                "does not hold there; move it from 'keeps' to 'may_keep'"
            )
    return tuple(t for t in wanted if t in (*memory.keeps, *memory.may_keep))
