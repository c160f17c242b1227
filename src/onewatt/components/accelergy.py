"""Accelergy's tables: energy (ERT) and area (ART) reference tables become energies of a chip."""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from msgspec.structs import replace

from onewatt.errors import InputError, unknown
from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Compute,
    Container,
    Memory,
    Network,
)
from onewatt.spec.files import text_of
from onewatt.spec.network import Action
from onewatt.spec.reader import Reader, compose
from onewatt.spec.types import Joules, SquareMetres

_PICOJOULE = 1e-12
_SQUARE_MICROMETRE = 1e-12

#: Accelergy's actions by the kind of node, and ours.
_ACTIONS: dict[type, dict[str, Action]] = {
    Memory: {"read": "read", "write": "fill", "update": "update", "leak": "leak"},
    Network: {"hop": "hop", "transfer": "hop"},
    Compute: {"compute": "compute", "mac_random": "compute", "mac_gated": "gated", "leak": "leak"},
}


class TableEntry(NamedTuple):
    """A component of the tables: energy of each action [J] and area of one instance [m²]."""

    name: str
    actions: Mapping[str, Joules]
    area: SquareMetres | None = None


class EnergyTable(NamedTuple):
    """What Accelergy's tables say, and the files they come from."""

    source: str
    entries: tuple[TableEntry, ...]

    def find(self, name: str) -> TableEntry:
        """Return a component by its name, with or without the names of its parents.

        Raises
        ------
        InputError
            If the tables have none of that name, or several.
        """
        found = [e for e in self.entries if name in (e.name, _leaf(e.name))]
        if not found:
            known = [_leaf(e.name) for e in self.entries]
            raise InputError(f"{self.source}: {unknown('component', name, known)}")
        if len(found) > 1:
            whole = ", ".join(e.name for e in found)
            raise InputError(
                f"{self.source}: found {len(found)} components {name!r}; expected one of {whole}"
            )
        return found[0]


def load_energy_table(ert_path: str | Path, art_path: str | Path | None = None) -> EnergyTable:
    """Read Accelergy's energy reference table, and its area reference table.

    Parameters
    ----------
    ert_path, art_path : str or Path
        Files such as ``timeloop-mapper.ERT.yaml`` and ``timeloop-mapper.ART.yaml``.

    Returns
    -------
    EnergyTable
        Energies of one access of a memory's full width, one operation or one cycle [J], and areas
        of one instance [m²].

    Raises
    ------
    InputError
        With file:line:column, if a file is not such a table, or an entry is negative, not finite
        or stated twice.

    Notes
    -----
    Tables are in pJ and µm² [1]_.  An action that is listed several times with different arguments
    counts with its highest energy, that of random data and addresses.  Leakage is per cycle of
    the clock the table was made for.

    References
    ----------
    .. [1] iccad19; format of version 0.4 as in tae.
    """
    ert_path = Path(ert_path)
    areas = {} if art_path is None else _areas(Path(art_path))
    reader, tables = _tables(ert_path, "ERT")
    entries: list[TableEntry] = []
    for table in tables:
        name, fields = _named(reader, table, "a table with 'name' and 'actions'")
        if name in {e.name for e in entries}:
            reader.fail(table, f"found component {name!r} twice; expected it once")
        entries.append(TableEntry(name, _energies(reader, table, fields), areas.get(name)))
    if not entries:
        raise InputError(f"{ert_path}: has no tables; expected at least one component")
    files = [ert_path.name, *([Path(art_path).name] if art_path else [])]
    return EnergyTable(", ".join(files), tuple(entries))


def with_energy_table(
    architecture: Architecture, table: EnergyTable, names: Mapping[str, str] | None = None
) -> Architecture:
    """Return a chip whose energies and areas are those of Accelergy's tables.

    Parameters
    ----------
    architecture : Architecture
        The chip.
    table : EnergyTable
        The tables.
    names : mapping of str to str, optional
        Name in the tables by node of the chip; by default nodes and components of equal name.

    Returns
    -------
    Architecture
        The chip with explicit energies [J] and areas [m²]; other nodes are as before.

    Raises
    ------
    InputError
        If a name is unknown, no name is shared, or a component lacks every action of its node.
    """
    nodes = {n.name: n for n in architecture.nodes if not isinstance(n, Container)}
    if names is None:
        known = {_leaf(e.name) for e in table.entries if e.actions}
        names = {name: name for name in nodes if name in known}
        if not names:
            raise InputError(
                f"{table.source}: shares no name with chip {architecture.name!r} "
                f"({', '.join(nodes)}); expected 'names' from node to component of the table "
                f"({', '.join(sorted(known))})"
            )
    for name in names:
        if name not in nodes:
            raise InputError(f"chip {architecture.name!r}: {unknown('node', name, nodes)}")
    made = {
        name: _priced(architecture, nodes[name], table, table.find(entry))
        for name, entry in names.items()
    }
    return replace(architecture, nodes=tuple(made.get(n.name, n) for n in architecture.nodes))


def _priced(
    architecture: Architecture,
    node: Memory | Network | Compute,
    table: EnergyTable,
    entry: TableEntry,
) -> Memory | Network | Compute:
    ours = _ACTIONS[type(node)]
    energy = tuple(
        ActionEnergy(action=ours[action], energy=joules, source=table.source)
        for action, joules in entry.actions.items()
        if action in ours
    )
    if not [e for e in energy if e.action != "leak"]:
        raise InputError(
            f"{table.source}: component {entry.name!r} has actions "
            f"{', '.join(entry.actions) or 'none'}; expected one of {', '.join(ours)} for node "
            f"{node.name!r} of chip {architecture.name!r}"
        )
    if isinstance(node, Network):
        return replace(node, energy=energy, hop=None, reference=table.source)
    area = node.area if entry.area is None else entry.area
    return replace(node, energy=energy, area=area, source=table.source)


def _tables(path: Path, root: str) -> tuple[Reader, list[yaml.Node]]:
    """Return the list of tables of a file, and the reader that names its places."""
    reader = Reader(str(path))
    top = compose(text_of(path), str(path))
    fields = _fields(reader, top, f"a mapping with {root!r}")
    if root not in fields:
        reader.fail(top, f"found no {root!r}; expected Accelergy's {root} file of version 0.4")
    body = _fields(reader, fields[root], "a mapping with 'tables'")
    return reader, _list(reader, fields[root], body, "tables")


def _fields(reader: Reader, node: yaml.Node, expected: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        reader.fail(node, f"found no mapping; expected {expected}")
    return {key.value: value for key, value in reader.pairs(node)}


def _list(
    reader: Reader, node: yaml.Node, fields: dict[str, yaml.Node], key: str
) -> list[yaml.Node]:
    found = fields.get(key)
    if not isinstance(found, yaml.SequenceNode):
        reader.fail(found or node, f"found no list {key!r}; expected one")
    return found.value


def _named(reader: Reader, table: yaml.Node, expected: str) -> tuple[str, dict[str, yaml.Node]]:
    fields = _fields(reader, table, expected)
    if "name" not in fields:
        reader.fail(table, f"found no 'name'; expected {expected}")
    name: str = reader.scalar(str, fields["name"])
    return _without_range(name), fields


def _energies(reader: Reader, table: yaml.Node, fields: dict[str, yaml.Node]) -> dict[str, Joules]:
    energies: dict[str, Joules] = {}
    for action in _list(reader, table, fields, "actions"):
        name, parts = _named(reader, action, "an action with 'name' and 'energy'")
        if "energy" not in parts:
            reader.fail(action, f"found no 'energy' of action {name!r}; expected pJ")
        energy = _amount(reader, parts["energy"], "an energy in pJ") * _PICOJOULE
        energies[name] = max(energy, energies.get(name, 0.0))
    return energies


def _areas(path: Path) -> dict[str, SquareMetres]:
    reader, tables = _tables(path, "ART")
    areas: dict[str, SquareMetres] = {}
    for table in tables:
        name, fields = _named(reader, table, "a table with 'name' and 'area'")
        if "area" not in fields:
            reader.fail(table, f"found no 'area' of {name!r}; expected µm²")
        areas[name] = _amount(reader, fields["area"], "an area in µm²") * _SQUARE_MICROMETRE
    return areas


def _amount(reader: Reader, node: yaml.Node, expected: str) -> float:
    """Return a bare number of at least 0; these tables carry no units."""
    try:
        value = float(node.value)
    except (TypeError, ValueError):
        reader.fail(node, f"found {node.value!r}; expected {expected}, a number")
    if not (math.isfinite(value) and value >= 0):
        reader.fail(node, f"found {node.value!r}; expected {expected}, finite and at least 0")
    return value


def _without_range(name: str) -> str:
    """Drop the range of instances: ``chip.mac[1..168]`` is ``chip.mac``."""
    return re.sub(r"\[\d+\.\.\d+\]", "", name)


def _leaf(name: str) -> str:
    return name.rsplit(".", 1)[-1]
