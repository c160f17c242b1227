"""Timeloop files: which section is what, and the layer, chip and mapping they make together."""

# PyYAML carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from onewatt.errors import InputError
from onewatt.importers.timeloop.architecture import read_chip
from onewatt.importers.timeloop.constraints import Directives
from onewatt.importers.timeloop.mapping import check_obeyed, read_mapping
from onewatt.importers.timeloop.parts import read_parts
from onewatt.importers.timeloop.problem import read_problem
from onewatt.importers.timeloop.source import Fields, Source, empty
from onewatt.spec.architecture import TENSORS, Architecture
from onewatt.spec.files import text_of
from onewatt.spec.mapping import Mapping
from onewatt.spec.workload import Einsum

_CONSTRAINTS = ("constraints", "architecture_constraints")
_READ = ("architecture", "problem", "mapping", "variables", *_CONSTRAINTS)
#: How Timeloop searches and prices; onewatt has its own mapper, and prices come from tables.
_IGNORED = (
    "mapper", "mapspace", "globals", "components", "compound_components",
    "dumped_by_timeloop_front_end", "version",
)  # fmt: skip
_UNMODELLED = {
    "sparse_optimizations": "compressed, gated and skipped data are described in a chip file",
    "mapspace_constraints": "write them as constraints",
    "ERT": "read it with --energy-table or load_energy_table",
    "ART": "read it with --area-table or load_energy_table",
}
_MARK = re.compile(r"^(architecture|problem|mapping)\s*:", re.MULTILINE)
_OURS = re.compile(r"^schema:\s*[\"']?onewatt/", re.MULTILINE)
#: The ranks of Timeloop's convolution, for constraints in files without a problem.
_RANKS = ("C", "M", "R", "S", "N", "P", "Q")
_UNKNOWN_SIZE = 2


class TimeloopDesign(NamedTuple):
    """What Timeloop files describe; None for what they do not, and their names of our tensors."""

    einsum: Einsum | None
    architecture: Architecture | None
    mapping: Mapping | None
    names: dict[str, str]


def is_timeloop(text: str) -> bool:
    """Say whether YAML text has a section of Timeloop at its margin.

    Examples
    --------
    >>> is_timeloop("problem: {}"), is_timeloop("schema: onewatt/chip/1")
    (True, False)
    """
    return bool(_MARK.search(text)) and not _OURS.search(text)


def load_timeloop(
    paths: str | Path | Sequence[str | Path],
    *,
    einsum: Einsum | None = None,
    architecture: Architecture | None = None,
) -> TimeloopDesign:
    """Read Timeloop v4 files: architecture, problem, constraints and mapping, in one or several.

    Parameters
    ----------
    paths : path or sequence of paths
        YAML files as in Timeloop's exercises, or as its front end writes them out.
    einsum, architecture : Einsum and Architecture, optional
        The layer and the chip of a mapping, where the files do not have them.

    Returns
    -------
    TimeloopDesign
        The layer, the chip (constraints are its dataflow) and the mapping.  Ranks keep their names;
        data spaces become Inputs, Weights and Outputs.

    Raises
    ------
    InputError
        With file:line:column, for what onewatt does not model (by name), for keys that are not
        declared (with the nearest that is), and for sizes that do not fit together.

    Notes
    -----
    Nothing is evaluated: expressions, templates and anchors are refused.  Without a statement the
    chip is at 45 nm and 1 GHz.  A chip has no energies; take them from Accelergy's tables
    (`load_energy_table`), or it is priced by the component library.  With a mapping, constraints
    are checked against it; without one, those that are no limits of a dataflow are refused.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "chip.yaml")
    >>> _ = path.write_text('''architecture:
    ...   version: 0.4
    ...   nodes:
    ...   - !Component {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 8}}
    ...   - !Container {name: PE, spatial: {meshX: 4}}
    ...   - !Component {name: spad, class: regfile, attributes: {depth: 64, datawidth: 8}}
    ...   - !Component {name: mac, class: intmac, attributes: {width: 8}}
    ... ''')
    >>> load_timeloop(path).architecture.pes
    4
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    sections = _sections([Source(text_of(p), str(p)) for p in given])
    names = {t: t for t in TENSORS}
    if "problem" in sections:
        problem = read_problem(*sections["problem"])
        einsum, names = problem.einsum, problem.names
    sizes: dict[str, int] = dict.fromkeys(_RANKS, _UNKNOWN_SIZE)
    sizes = einsum.sizes if einsum else sizes
    mapping = Directives(sizes, names)
    if "mapping" in sections:
        mapping.read_list(*sections["mapping"], "mapping")
    found: Mapping | None = None
    constraints = Directives(sizes, names)
    if "architecture" in sections:
        architecture = _architecture(sections, constraints, searched="mapping" not in sections)
    if "mapping" in sections:
        if einsum is None or architecture is None:
            missing = "a problem" if einsum is None else "an architecture"
            raise InputError(f"{mapping.name}: a mapping needs {missing}; give its file too")
        if "architecture" in sections:
            check_obeyed(architecture, constraints, mapping)
        found = read_mapping(einsum, architecture, mapping)
    return TimeloopDesign(einsum, architecture, found, {o: s for s, o in names.items()})


def _sections(sources: list[Source]) -> dict[str, tuple[Source, yaml.Node]]:
    found: dict[str, tuple[Source, yaml.Node]] = {}
    for source in sources:
        declared = (*_READ, *_IGNORED)
        fields = source.fields(source.root, "a Timeloop file", declared, _UNMODELLED)
        for key, node in fields.items():
            if key in _IGNORED or empty(node):
                continue
            if key in found:
                source.fail(node, f"found {key!r} also in {found[key][0].name}; expected it once")
            found[key] = (source, node)
    return found


def _architecture(
    sections: dict[str, tuple[Source, yaml.Node]], constraints: Directives, *, searched: bool
) -> Architecture:
    source, node = sections["architecture"]
    defaults: Fields = {}
    if "variables" in sections:
        place, entry = sections["variables"]
        defaults = place.fields(
            entry, "variables", ("version", "global_cycle_seconds", "technology")
        )
        place.check_version(defaults)
        defaults.pop("version", None)
    parts = read_parts(source, node)
    for part in parts:
        if part.constraints is not None:
            constraints.read_group(source, part.constraints, part.name)
    for key in _CONSTRAINTS:
        if key in sections:
            place, entry = sections[key]
            fields = place.fields(entry, key, ("version", "targets"))
            place.check_version(fields)
            if "targets" in fields:
                constraints.read_list(place, fields["targets"], "targets")
    return read_chip(source, parts, constraints, defaults, searched=searched)
