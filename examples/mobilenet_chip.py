"""The best row-stationary chip for MobileNetV2 in 4 mm² and 1 W, found by two strategies.

    python examples/mobilenet_chip.py -o mobilenet_chip --store chip.sqlite

writes the figure, every point as CSV, the front of each strategy, and the chip of least EDP as
YAML.  A run that is killed goes on from its store.  docs/gallery.md tells what comes out.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
from line_figure import COLOURS, Panel, Series, line_panels

from onewatt.codesign.explore import explore
from onewatt.codesign.front import hypervolume
from onewatt.codesign.study import FileStudy, load_study
from onewatt.report.front_store import save_front
from onewatt.spec import files
from onewatt.spec.front import Evaluated, Front
from onewatt.spec.study import Knob

STUDY = Path(__file__).with_suffix(".yaml")
STRATEGIES = ("evolve:population=12", "coordinate_descent")
#: Eyeriss as it is, but for the process, the clock and the board of the study.
STOCK = {
    "process": "28 nm", "array": "12x14, 1 word", "chip.filter_spad.capacity": "448 B",
    "inner": "1", "chip.GLB.capacity": "100 KiB",
}  # fmt: skip


def only(study: FileStudy, fixed: dict[str, str]) -> FileStudy:
    """Return a study in which some knobs keep one value."""
    knobs = tuple(_kept(k, fixed[k.path]) if k.path in fixed else k for k in study.space)
    return _with(study, knobs)


def _with(study: FileStudy, knobs: tuple[Knob, ...]) -> FileStudy:
    asked = msgspec.structs.replace(study.asked, knobs=knobs)
    return FileStudy(asked, study.name, study.chips, study.networks, study.file)


def _kept(knob: Knob, choice: str) -> Knob:
    if knob.settings:
        kept = tuple(s for s in knob.settings if s.name == choice)
        return msgspec.structs.replace(knob, settings=kept)
    return msgspec.structs.replace(knob, values=(choice,))


class Row(NamedTuple):
    """A point as the file has it: who tried it, its place in the run, and what it gives."""

    strategy: str
    number: int
    feasible: bool
    on_front: bool
    energy: float  # mJ
    latency: float  # ms
    power: float  # W
    area: float  # mm2
    knobs: str

    @property
    def edp(self) -> float:
        """Energy times latency [mJ ms]."""
        return self.energy * self.latency


def row(point: Evaluated, strategy: str) -> Row | None:
    """Return the row of a point, None if it failed."""
    if point.result is None:
        return None
    totals = point.result.totals
    knobs = ", ".join(v for k, v in point.knobs.items() if k != "process")
    return Row(
        strategy, point.number, point.feasible, point.on_front, totals.energy * 1e3,
        totals.latency * 1e3, totals.power, (totals.area or 0.0) * 1e6, knobs,
    )  # fmt: skip


def as_csv(rows: list[Row]) -> str:
    """Return every row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    for one in rows:
        numbers = (f"{v:.6g}" for v in one[4:8])
        writer.writerow([*one[:2], int(one.feasible), int(one.on_front), *numbers, one.knobs])
    return text.getvalue()


def from_csv(text: str) -> list[Row]:
    """Return the rows that `as_csv` wrote, with the digits it kept."""
    return [
        Row(r["strategy"], int(r["number"]), r["feasible"] == "1", r["on_front"] == "1",
            float(r["energy"]), float(r["latency"]), float(r["power"]), float(r["area"]),
            r["knobs"])
        for r in csv.DictReader(io.StringIO(text))
    ]  # fmt: skip


def figure(rows: list[Row]) -> str:
    """Return the fronts beside stock Eyeriss, and the least EDP by evaluations, as SVG."""
    stock = next(r for r in rows if r.strategy == "stock")
    names = dict.fromkeys(r.strategy for r in rows if r.strategy != "stock")
    fronts, runs = list[Series](), list[Series]()
    for colour, name in zip(COLOURS, names, strict=False):
        mine = [r for r in rows if r.strategy == name]
        able = [r for r in mine if r.feasible]
        tried = [(r.latency, r.energy, r.knobs) for r in able if not r.on_front]
        best = sorted((r.latency, r.energy, r.knobs) for r in able if r.on_front)
        label = name.split(":")[0]
        fronts.append(Series("", tried, colour, line=False, hollow=True, size=2.2))
        fronts.append(Series(label, best, colour, steps=True))
        least = itertools.accumulate((r.edp if r.feasible else float("inf") for r in mine), min)
        steps = [(i, v, f"{i}: {v:.1f}") for i, v in enumerate(least, 1) if v < float("inf")]
        runs.append(Series(label, steps, colour, steps=True, size=1.6))
    at = (stock.latency, stock.energy, f"stock: {stock.knobs}")
    fronts.append(Series("Eyeriss as it is, at 28 nm", [at], COLOURS[2], line=False, size=5.0))
    last = max(p[0] for s in runs for p in s.points)
    level = [(1.0, stock.edp, "stock"), (last, stock.edp, "stock")]
    runs.append(Series("Eyeriss as it is, at 28 nm", level, COLOURS[2], size=1.6))
    return line_panels([
        Panel("chips of at most 4 mm² and 1 W", "latency [ms]", "energy of an inference [mJ]",
              fronts),
        Panel("least EDP so far", "evaluations", "EDP [mJ ms]", runs),
    ])  # fmt: skip


def best_point(front: Front) -> Evaluated:
    """Return the point of a front with the least EDP."""
    return min(front.best, key=lambda p: p.objectives["energy"] * p.objectives["latency"])


def chip_text(point: Evaluated) -> str:
    """Return the chip of a point of a front as a file, under a name of its own."""
    assert point.result is not None
    chip = files.loads(point.result.chip or "", "chip")
    title = f"For MobileNetV2: {', '.join(v for k, v in point.knobs.items() if k != 'process')}"
    return files.dumps(msgspec.structs.replace(chip, name="mobilenet_chip", title=title), "chip")


def table(rows: list[Row]) -> str:
    """Return stock and the ends and the middle of the joined front as a table in Markdown."""
    able = [r for r in rows if r.feasible]
    chosen = {
        "Eyeriss as it is": next(r for r in rows if r.strategy == "stock"),
        "least energy": min(able, key=lambda r: r.energy),
        "least EDP": min(able, key=lambda r: r.edp),
        "least latency": min(able, key=lambda r: r.latency),
    }
    lines = ["| chip | array, network, filter and inner spads, buffer | mJ | ms | W | mm² | EDP |",
             "|---" * 7 + "|"]  # fmt: skip
    stock = chosen["Eyeriss as it is"].edp
    for name, r in chosen.items():
        lines.append(
            f"| {name} | {r.knobs} | {r.energy:.2f} | {r.latency:.1f} | {r.power:.3f} | "
            f"{r.area:.2f} | {r.edp / stock:.2f} |"
        )
    return "\n".join(lines)


def volumes(fronts: dict[str, Front]) -> dict[str, float]:
    """Return the hypervolume of each front up to one common reference."""
    points = {
        n: [(p.objectives["latency"], p.objectives["energy"]) for p in f.points if p.feasible]
        for n, f in fronts.items()
    }
    every = [p for mine in points.values() for p in mine]
    reference = (1.1 * max(p[0] for p in every), 1.1 * max(p[1] for p in every))
    return {n: hypervolume(mine, reference) for n, mine in points.items()}


def main(arguments: list[str]) -> None:
    """Explore, and write table, figure, rows, fronts and the chip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("-o", "--output", type=Path, default=Path("mobilenet_chip"))
    parser.add_argument("--evaluations", type=int, default=48, help="of each strategy")
    parser.add_argument("--store", type=Path, help="where outcomes are kept and found again")
    parser.add_argument("--executor", default="local", help="as onewatt explore")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    study = load_study(STUDY)
    stock = explore(only(study, STOCK), store=options.store, executor=options.executor)
    fronts = {
        name: explore(study, strategy=name, evaluations=options.evaluations, seed=options.seed,
                      store=options.store, executor=options.executor)
        for name in STRATEGIES
    }  # fmt: skip
    every = {"stock": stock, **fronts}
    rows = [r for name, f in every.items() for p in f.points if (r := row(p, name)) is not None]
    text = as_csv(rows)
    rows = from_csv(text)  # what is drawn and printed is what the file says
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "mobilenet_chip.csv").write_text(text, encoding="utf-8")
    (options.output / "mobilenet_chip.svg").write_text(figure(rows), encoding="utf-8")
    for name, front in fronts.items():
        save_front(front, options.output / f"{name.split(':')[0]}.json")
    best = min((best_point(f) for f in fronts.values() if f.best),
               key=lambda p: p.objectives["energy"] * p.objectives["latency"])  # fmt: skip
    (options.output / "best_chip.yaml").write_text(chip_text(best), encoding="utf-8")
    print(table(rows) + "\n")
    for name, volume in volumes(fronts).items():
        print(f"{name}: hypervolume {volume:.4g} J s, {fronts[name].counts.feasible} of "
              f"{fronts[name].counts.evaluated} points keep the limits")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
