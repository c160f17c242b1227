"""Is row-stationary the dataflow that saves most?  The comparison of ISCA 2016, done twice.

(a) In the paper's setting: 256 PEs, storage of equal area, one cost a level, each dataflow with
its own registers and its own reuse.  (b) Literally: every access counted, each tensor free to
bypass the buffer, mappings found by search within each dataflow; once at the paper's costs and once
with memories priced by their size.

    python examples/isca16.py -o isca16              # (a) and (b), a few minutes
    python examples/isca16.py -o isca16 --setting a  # (a) alone, seconds

writes isca16.csv and isca16.svg there.  docs/isca16.md tells what comes out.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from isca16_figure import stacked_bars
from isca16_reuse import AREA_RATIO, DATAFLOWS, LEVELS, SIDE, WORD, Shape, best

import onewatt as ow
from onewatt.spec.architecture import Architecture, Memory, Network

EVERY = ("Inputs", "Weights", "Outputs")
#: Batches of the paper: 16 for the convolutions, up to 256 for the fully connected layers.
BATCHES = {"CONV": (16,), "FC": (16, 64, 256)}
SEARCHED = {"CONV": (16,), "FC": (64,)}
#: What the settings are called in the table, the file and the figure.
SETTINGS = {
    "isca16": "the paper's setting",
    "literal": "every access counted, the paper's costs",
    "sized": "every access counted, memories priced by size",
}
#: Dataflows that the paper does not compare; in (b) they get the storage of row-stationary.
NEWER = ("rs-plus", "free")
#: Whose mappings are theirs too, on the same chip.
CONTAINED = {"rs-plus": ("row-stationary",), "free": ("row-stationary", "rs-plus")}
#: Boxes of a search in (b); what is not proved by then is the best so far, with the gap said.
EFFORT = 200_000
#: The energy of a MAC, the unit of the paper, on preset eyeriss_256 [J].
MAC = 2e-12


class Row(NamedTuple):
    """The energy of one layer in one dataflow, in MACs, by level."""

    setting: str
    kind: str
    batch: int
    layer: str
    dataflow: str
    energy: dict[str, float]

    @property
    def total(self) -> float:
        """Energy of all levels, in MACs."""
        return sum(self.energy.values())


def layers(kind: str, batch: int) -> ow.Workload:
    """Return the convolutions or the fully connected layers of AlexNet, without vector work."""
    net = ow.load_workload("alexnet", batch=batch)
    kept = tuple(
        e for e in net.einsums if e.work == "mac" and e.name.startswith("conv") == (kind == "CONV")
    )
    return msgspec.structs.replace(net, einsums=kept)


def equations(kinds: dict[str, tuple[int, ...]] = BATCHES) -> Iterator[Row]:
    """Yield setting (a): the best reuse of each dataflow, by equations 3 and 4 of the paper."""
    for kind, batches in kinds.items():
        for batch in batches:
            for einsum in layers(kind, batch).einsums:
                for name in DATAFLOWS:
                    found = best(Shape.of(einsum), name)
                    yield Row("isca16", kind, batch, einsum.name, name, found.energy)


def study_chip(name: str, setting: str) -> Architecture:
    """Return the 256 PEs with the memories of a dataflow, each free to be bypassed."""
    like = DATAFLOWS[name if name in DATAFLOWS else "row-stationary"]
    sizes = {"GLB": like.buffer * WORD * 8, "RF": max(like.registers, WORD) * 8}
    nodes = []
    for node in ow.load_chip("eyeriss_256").nodes:
        if isinstance(node, Memory) and node.name in sizes:
            energy = () if setting == "sized" else node.energy
            node = msgspec.structs.replace(
                node, keeps=(), may_keep=EVERY, capacity=sizes[node.name], energy=energy
            )
        elif isinstance(node, Network):
            # sums may meet along both axes; a PE that holds an input hands it to its neighbour
            passes = "Inputs" in node.tensors and name in (
                "output-stationary-a", "output-stationary-b",
            )  # fmt: skip
            node = msgspec.structs.replace(node, axes=("X", "Y"), forwards=passes)
        nodes.append(node)
    chip = msgspec.structs.replace(ow.load_chip("eyeriss_256"), nodes=tuple(nodes))
    return ow.with_dataflow(chip, name)


def literal(setting: str, kinds: dict[str, tuple[int, ...]] = SEARCHED) -> Iterator[Row]:
    """Yield setting (b): the least energy that the search finds within each dataflow."""
    level = {"DRAM": "DRAM", "GLB": "buffer", "RF": "register", "MAC": "ALU"}
    for kind, batches in kinds.items():
        for batch in batches:
            for name in (*DATAFLOWS, *NEWER):
                chip = study_chip(name, setting)
                result = ow.search(
                    layers(kind, batch), chip, objective="energy", batch=batch, effort=EFFORT
                )
                gaps = [x.gap for x in result.layers if x.mapping is not None]
                print(
                    f"{setting}, {kind}, {name}: {gaps.count(0.0)} of {len(gaps)} layers proved, "
                    f"gap at most {100 * max(gaps):.1f} %", file=sys.stderr,
                )  # fmt: skip
                spent = result.cost.energy_by(
                    lambda e: (e.einsum, level.get(e.component, "array"))
                )  # fmt: skip
                for einsum in result.workload.einsums:
                    energy = {at: spent.get((einsum.name, at), 0.0) / MAC for at in LEVELS}
                    yield Row(setting, kind, batch, einsum.name, name, energy)


def widened(rows: list[Row]) -> list[Row]:
    """Return the rows with the mappings that a dataflow contains taken for its own if better.

    Where a search ends with a gap, a wider one may have found less than a narrower one.
    """
    known = {row[:5]: row for row in rows}
    made: list[Row] = []
    for row in rows:
        own = [known.get((*row[:4], name)) for name in CONTAINED.get(row.dataflow, ())]
        found = min([row, *(r for r in own if r)], key=lambda r: r.total)
        made.append(found._replace(dataflow=row.dataflow))
    return made


def totals(rows: list[Row]) -> dict[tuple[str, str, int], dict[str, dict[str, float]]]:
    """Return the energy by setting, kind and batch, then by dataflow and level."""
    found: dict[tuple[str, str, int], dict[str, dict[str, float]]] = {}
    for row in rows:
        group = found.setdefault((row.setting, row.kind, row.batch), {})
        levels = group.setdefault(row.dataflow, dict.fromkeys(LEVELS, 0.0))
        for level, energy in row.energy.items():
            levels[level] += energy
    return found


def ratios(rows: list[Row]) -> dict[tuple[str, str, int], dict[str, float]]:
    """Return the energy of each dataflow over that of row-stationary, keyed as `totals`."""
    return {
        key: {
            name: sum(levels.values()) / sum(group["row-stationary"].values())
            for name, levels in group.items()
        }
        for key, group in totals(rows).items()
    }


def table(rows: list[Row]) -> str:
    """Return the ratios as a table in Markdown."""
    found = ratios(rows)
    heads = [f"{setting}, {kind}, N = {batch}" for setting, kind, batch in found]
    lines = ["| dataflow | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in dict.fromkeys(row.dataflow for row in rows):
        cells = [f"{group[name]:.2f}" if name in group else "" for group in found.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def as_csv(rows: list[Row]) -> str:
    """Return every row, energies in units of one MAC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["setting", "kind", "batch", "layer", "dataflow", *LEVELS, "total"])
    for row in rows:
        energies = [f"{row.energy[level]:.6g}" for level in LEVELS]
        writer.writerow([*row[:5], *energies, f"{row.total:.6g}"])
    return text.getvalue()


def from_csv(text: str) -> list[Row]:
    """Return the rows that `as_csv` wrote, with the digits it kept."""
    return [
        Row(
            r["setting"], r["kind"], int(r["batch"]), r["layer"], r["dataflow"],
            {level: float(r[level]) for level in LEVELS},
        )
        for r in csv.DictReader(io.StringIO(text))
    ]  # fmt: skip


def figure(rows: list[Row]) -> str:
    """Return stacked bars of the energy a MAC, by dataflow and level, for each setting as SVG."""
    macs = {"ALU": "arithmetic", "register": "registers", "array": "array", "buffer": "buffer"}
    panels = []
    for (setting, kind, batch), group in totals(rows).items():
        if kind == "CONV" or batch == SEARCHED["FC"][0]:
            work = sum(e.macs for e in layers(kind, batch).einsums)
            bars = {
                name: {
                    macs.get(level, level): levels[level] / work
                    for level in ("DRAM", "buffer", "array", "register", "ALU")
                }
                for name, levels in group.items()
            }
            panels.append((f"{kind}, N = {batch}: {SETTINGS[setting]}", bars))
    return stacked_bars(panels, "energy per MAC [MACs]")


def main(arguments: list[str]) -> None:
    """Write the table to the screen, the rows and the figure to a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("-o", "--output", type=Path, default=Path("isca16"))
    parser.add_argument("--setting", choices=("a", "b"), help="one of the two settings alone")
    options = parser.parse_args(arguments)
    rows = list(equations()) if options.setting != "b" else []
    if options.setting != "a":
        rows += widened([*literal("literal"), *literal("sized")])
    text = as_csv(rows)
    rows = from_csv(text)  # what is drawn and printed is what the file says
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "isca16.csv").write_text(text, encoding="utf-8")
    (options.output / "isca16.svg").write_text(figure(rows), encoding="utf-8")
    print(f"Storage of equal area, a byte of registers as large as {AREA_RATIO} of buffer;")
    print(f"{SIDE * SIDE} PEs.  Energy over that of row-stationary:\n")
    print(table(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
