"""One area split in many ways between PEs, their registers and the buffer.

A question of ISCA 2016 (isca16 in docs/references.bib): every chip has the area of the paper's 256
PEs with 512 B of registers each and 128 kB of buffer; more PEs leave less for storage.

    python examples/same_area.py -o same_area          # the paper's costs: under a minute
    python examples/same_area.py -o same_area --sized  # and memories priced by their size

writes same_area.csv and same_area.svg there.  docs/gallery.md tells what comes out; the study alone
runs with ``onewatt explore examples/same_area.yaml``, and ``--study`` prints that file's knob.
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
from line_figure import COLOURS, Panel, Series, line_panels

import onewatt as ow
from onewatt.codesign.study import FileStudy, study_of
from onewatt.spec import files
from onewatt.spec.front import Evaluated, Front
from onewatt.spec.study import Assignment, Knob, Setting, Study

STUDY = Path(__file__).with_suffix(".yaml")
#: Rows of the array, as in the paper's baseline of 16 by 16; the columns make the number of PEs.
ROWS = 16
COLUMNS = (2, 8, 16, 24)
REGISTERS = (128, 256, 512, 1024)  # B in each PE
BASELINE = (16, 512, 128)  # columns, registers [B], buffer [KiB] (isca16)
#: Area of a byte of buffer [um2]: 100 KiB of the Eyeriss chip take 2.333 mm2 (preset eyeriss).
BYTE = 22.8
#: Area of a byte in a register file over that of one in the buffer [1], derived from isca16,
#: Fig. 7b (docs/isca16.md).  The Eyeriss chip has 2.9, circuit models in the component library 9.
RATIO = 1.6
#: Area of the multiplier and adder of a PE [um2] (preset eyeriss, derived from jssc17).
MAC = 5396.0
#: The energy of a MAC on preset eyeriss_256, the paper's unit [J].
UNIT = 2e-12
LEAST_BUFFER = 16  # KiB
SETTINGS = {"stated": "one cost a level", "scaled": "memories priced by size"}


class Design(NamedTuple):
    """An array of `columns` by 16 PEs, registers in each [B], and a buffer [KiB]."""

    columns: int
    registers: int
    buffer: int

    @property
    def pes(self) -> int:
        """PEs of the array."""
        return ROWS * self.columns

    @property
    def name(self) -> str:
        """The name of the design in the study."""
        return f"{self.pes} PEs, {self.registers} B, {self.buffer} KiB"

    def area(self, ratio: float = RATIO) -> float:
        """Area of PEs, registers and buffer [um2]."""
        pe = MAC + self.registers * ratio * BYTE
        return self.pes * pe + self.buffer * 1024 * BYTE


def designs(ratio: float = RATIO) -> Iterator[Design]:
    """Yield the chips: the buffer takes, in whole KiB, what the PEs leave of the area."""
    whole = Design(*BASELINE).area(ratio)
    for columns in COLUMNS:
        for registers in REGISTERS:
            left = whole - Design(columns, registers, 0).area(ratio)
            buffer = round(left / (1024 * BYTE))
            if buffer >= LEAST_BUFFER:
                yield Design(columns, registers, buffer)


def knob(ratio: float = RATIO) -> Knob:
    """Return the chips as one linked knob: sizes and areas together."""
    return Knob(path="design", settings=tuple(_setting(d, ratio) for d in designs(ratio)))


def _setting(design: Design, ratio: float) -> Setting:
    fields = {
        "PE.X": f"{design.columns}",
        "RF.capacity": f"{design.registers} B",
        "RF.area": f"{design.registers * ratio * BYTE:.0f} um2",
        "GLB.capacity": f"{design.buffer} KiB",
        "GLB.area": f"{design.buffer * 1024 * BYTE / 1e6:.4f} mm2",
    }
    return Setting(
        name=design.name,
        fields=tuple(Assignment(path=f"chip.{p}", value=v) for p, v in fields.items()),
    )


def study(pricing: str = "stated", ratio: float = RATIO) -> FileStudy:
    """Return the study of the file, with other prices or another ratio of areas."""
    noun = files.load(STUDY, "study")
    assert isinstance(noun, Study)
    knobs = tuple(knob(ratio) if k.path == "design" else k for k in noun.knobs)
    changed = msgspec.structs.replace(noun, knobs=knobs, pricing=pricing)
    return study_of(changed, folder=STUDY.parent, name=noun.name)


class Row(NamedTuple):
    """What a chip does with the convolutions or the fully connected layers."""

    pricing: str
    kind: str
    mapper: str
    pes: int
    registers: int
    buffer: int
    area: float  # mm2
    energy: float  # of a MAC, in MACs
    throughput: float  # MACs a cycle: PEs at work
    utilisation: float


def rows(front: Front, pricing: str) -> Iterator[Row]:
    """Yield two rows for every chip and aim of the mapper of a front with all its layers."""
    for point in front.points:
        for kind in ("CONV", "FC"):
            yield _row(point, kind, pricing)


def _row(point: Evaluated, kind: str, pricing: str) -> Row:
    assert point.result is not None, point.reason
    mine = [x for x in point.result.layers or () if x.name.startswith("conv") == (kind == "CONV")]
    clock = ow.load_chip("eyeriss_256").clock
    macs = sum(x.macs * x.count for x in mine)
    cycles = sum(x.latency for x in mine) * clock
    words = point.knobs["design"].replace(",", "").split()
    pes, registers, buffer = (int(words[i]) for i in (0, 2, 4))
    return Row(
        pricing, kind, point.knobs["mapper_objective"], pes, registers, buffer,
        (point.result.totals.area or 0.0) * 1e6, sum(x.energy for x in mine) / macs / UNIT,
        macs / cycles, macs / cycles / pes,
    )  # fmt: skip


def as_csv(found: list[Row]) -> str:
    """Return every row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    for row in found:
        writer.writerow([*row[:6], *(f"{v:.5g}" for v in row[6:])])
    return text.getvalue()


def from_csv(text: str) -> list[Row]:
    """Return the rows that `as_csv` wrote, with the digits it kept."""
    return [
        Row(r["pricing"], r["kind"], r["mapper"], int(r["pes"]), int(r["registers"]),
            int(r["buffer"]), float(r["area"]), float(r["energy"]), float(r["throughput"]),
            float(r["utilisation"]))
        for r in csv.DictReader(io.StringIO(text))
    ]  # fmt: skip


def figure(found: list[Row]) -> str:
    """Return the energy of a MAC against throughput, a line for each size of registers."""
    panels = [_panel(found, pricing, "CONV") for pricing in SETTINGS]
    panels.insert(1, _panel(found, "stated", "FC"))
    return line_panels([p for p in panels if p.series])


def _panel(found: list[Row], pricing: str, kind: str) -> Panel:
    series = list[Series]()
    for colour, registers in zip(COLOURS, REGISTERS, strict=False):
        for mapper, aim in (("latency", "fastest"), ("energy", "least energy")):
            mine = sorted(
                (r for r in found if (r.pricing, r.kind, r.mapper, r.registers)
                 == (pricing, kind, mapper, registers)), key=lambda r: r.throughput,
            )  # fmt: skip
            if mine:
                points = [(r.throughput, r.energy, _said(r)) for r in mine]
                name, fast = f"{registers} B a PE, {aim}", mapper == "latency"
                series.append(Series(name, points, colour, line=fast, hollow=not fast))
    return Panel(f"{kind}: {SETTINGS[pricing]}", "MACs a cycle", "energy of a MAC [MACs]", series)


def _said(row: Row) -> str:
    return (
        f"{row.pes} PEs, {row.registers} B, {row.buffer} KiB: {row.energy:.2f} MACs, "
        f"{row.utilisation:.0%} at work"
    )


def table(found: list[Row], pricing: str = "stated") -> str:
    """Return the best registers for each number of PEs as a table in Markdown."""
    lines = ["| PEs | registers | buffer | energy of a MAC, CONV | FC | PEs at work, CONV | FC |",
             "|---" * 7 + "|"]  # fmt: skip
    mine = [r for r in found if (r.pricing, r.mapper) == (pricing, "latency")]
    for pes in sorted({r.pes for r in mine}):
        conv = min((r for r in mine if (r.kind, r.pes) == ("CONV", pes)), key=lambda r: r.energy)
        fc = next(r for r in mine if r.kind == "FC" and r[3:6] == conv[3:6])
        lines.append(
            f"| {pes} | {conv.registers} B | {conv.buffer} KiB | {conv.energy:.2f} | "
            f"{fc.energy:.2f} | {conv.utilisation:.0%} | {fc.utilisation:.0%} |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Write the table to the screen, the rows and the figure to a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("-o", "--output", type=Path, default=Path("same_area"))
    parser.add_argument("--sized", action="store_true", help="memories priced by size as well")
    parser.add_argument("--ratio", type=float, default=RATIO, help="area of registers over buffer")
    parser.add_argument("--executor", default="local", help="as onewatt explore")
    parser.add_argument("--store", type=Path, help="where outcomes are kept and found again")
    parser.add_argument("--study", action="store_true", help="print the knob of the study file")
    options = parser.parse_args(arguments)
    if options.study:
        print(_yaml(knob(options.ratio)))
        return
    found = list[Row]()
    for pricing in SETTINGS if options.sized else ("stated",):
        asked = study(pricing, options.ratio)
        front = ow.explore(asked, store=options.store, executor=options.executor, full=True)
        found += rows(front, pricing)
    text = as_csv(found)
    found = from_csv(text)  # what is drawn and printed is what the file says
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "same_area.csv").write_text(text, encoding="utf-8")
    (options.output / "same_area.svg").write_text(figure(found), encoding="utf-8")
    for pricing in dict.fromkeys(r.pricing for r in found):
        print(f"{SETTINGS[pricing]}: the registers that cost least, fastest mappings\n")
        print(table(found, pricing) + "\n")


def _yaml(linked: Knob) -> str:
    lines = ["  design:", "    settings:"]
    for setting in linked.settings:
        fields = ", ".join(f"{a.path}: {a.value}" for a in setting.fields)
        lines += [f'      "{setting.name}":', f"        {{{fields}}}"]
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
