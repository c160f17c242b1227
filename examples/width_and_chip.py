"""Which network on which chip?  MobileNetV1 and Eyeriss alone and together, at equal evaluations.

    python examples/width_and_chip.py -o width_and_chip --store width.sqlite

asks width_and_chip.yaml three times for the least energy and the most accuracy: on Eyeriss as it is
with any network, on any chip with the largest network, and with both free; the last with a strategy
that carries the whole front along (front_descent.py) and with that of the others.  Writes every
point as CSV and the figure.  A run that is killed goes on from its store.  docs/gallery.md tells
what comes out.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from front_descent import FrontDescent
from line_figure import COLOURS, Panel, Series, line_panels
from mobilenet_chip import only

import onewatt as ow
from onewatt.codesign.front import dominates, hypervolume, pareto
from onewatt.codesign.strategies import Grid, Strategy, read_strategy
from onewatt.codesign.study import FileStudy, Options, load_study, size
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget
from onewatt.spec.front import Front, Point
from onewatt.spec.study import Knob, Objective
from onewatt.spec.workload import Workload

STUDY = Path(__file__).with_suffix(".yaml")
#: Top-1 accuracy on ImageNet by width and resolution [%], single crop, as the authors of MobileNet
#: publish it for their trained models (mobilenet_v1_slim in docs/references.bib; mobilenet17
#: has seven of them, within a point).  16-bit arithmetic is taken to lose nothing.
TOP_1 = {
    "1.0": {"224": 70.9, "192": 70.0, "160": 68.0, "128": 65.2},
    "0.75": {"224": 68.4, "192": 67.2, "160": 65.3, "128": 62.1},
    "0.5": {"224": 63.3, "192": 61.7, "160": 59.1, "128": 56.3},
    "0.25": {"224": 49.8, "192": 47.7, "160": 45.5, "128": 41.5},
}
NETWORK = {"workload.width": "1.0", "workload.resolution": "224"}
CHIP = {
    "array": "12x14", "chip.filter_spad.capacity": "448 B", "inner": "1",
    "chip.GLB.capacity": "100 KiB",
}  # fmt: skip
#: The three questions, and what each keeps fixed.
FIXED = {"network alone": CHIP, "chip alone": NETWORK, "both": dict[str, str]()}
#: From Eyeriss and the largest network: the chip first, then the networks, then the chip again.
DESCENT = FrontDescent(start=tuple((CHIP | NETWORK).items()), order=tuple(CHIP))
#: Where volumes are measured from: a network that guesses, at this many mJ.
WORST = (25.0, 0.0)


@dataclass(frozen=True)
class Accurate:
    """A study of a file with the published accuracy of its networks as an objective."""

    file: FileStudy
    name: str = "width_and_chip"
    objectives: tuple[Objective, ...] = (Objective.parse("energy"), Objective.parse("accuracy"))

    @property
    def space(self) -> tuple[Knob, ...]:
        """The knobs of the file."""
        return self.file.space

    @property
    def constraints(self) -> Budget | None:
        """The limits of the file."""
        return self.file.constraints

    def workload(self, point: Point) -> Workload:
        """Return the network of a point."""
        return self.file.workload(point)

    def architecture(self, point: Point) -> Architecture:
        """Return the chip of a point."""
        return self.file.architecture(point)

    def options(self, point: Point) -> Options:
        """Return how the mapper is asked."""
        return self.file.options(point)

    def quality(self, point: Point) -> dict[str, float]:
        """Return the published accuracy of the network [%]."""
        return {"accuracy": TOP_1[point["workload.width"]][point["workload.resolution"]]}


class Row(NamedTuple):
    """A point as the file has it."""

    question: str
    number: int
    feasible: bool
    energy: float  # mJ
    accuracy: float  # %
    knobs: str

    @property
    def vector(self) -> tuple[float, float]:
        """Energy and negative accuracy: less is better."""
        return self.energy, -self.accuracy


def rows(front: Front, question: str) -> list[Row]:
    """Return the points of a front in the order in which they were tried."""
    return [
        Row(question, p.number, p.feasible, p.objectives["energy"] * 1e3, p.objectives["accuracy"],
            ", ".join(p.knobs.values()))
        for p in front.points if p.objectives
    ]  # fmt: skip


def as_csv(found: list[Row]) -> str:
    """Return every row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    for r in found:
        writer.writerow([*r[:2], int(r.feasible), f"{r.energy:.6g}", f"{r.accuracy:g}", r.knobs])
    return text.getvalue()


def from_csv(text: str) -> list[Row]:
    """Return the rows that `as_csv` wrote, with the digits it kept."""
    return [
        Row(r["question"], int(r["number"]), r["feasible"] == "1", float(r["energy"]),
            float(r["accuracy"]), r["knobs"])
        for r in csv.DictReader(io.StringIO(text))
    ]  # fmt: skip


def front_of(found: list[Row], question: str, first: int | None = None) -> list[Row]:
    """Return what nothing beats among the first points of a question, by energy."""
    able = [r for r in found if r.question == question and r.feasible]
    able = [r for r in able if first is None or r.number < first]
    return sorted((able[i] for i in pareto([r.vector for r in able])), key=lambda r: r.vector)


def volume(found: list[Row], question: str, first: int | None = None) -> float:
    """Return the hypervolume of a question [mJ %], up to `WORST`."""
    return hypervolume([r.vector for r in front_of(found, question, first)], WORST)


class Comparison(NamedTuple):
    """What the joint front does to the points of a single-sided one."""

    points: int
    beaten: int
    equalled: int
    missed: int


def compared(found: list[Row], question: str, joint: str = "both") -> Comparison:
    """Count the points of a front that a point of the joint front dominates, equals, or misses."""
    theirs = {r.vector for r in front_of(found, joint)}
    mine = {r.vector for r in front_of(found, question)}
    beaten = sum(any(dominates(t, m) for t in theirs) for m in mine)
    equalled = len(mine & theirs)
    return Comparison(len(mine), beaten, equalled, len(mine) - beaten - equalled)


def figure(found: list[Row]) -> str:
    """Return the three fronts, and their hypervolume by evaluations, as SVG."""
    fronts, runs = list[Series](), list[Series]()
    questions = list(dict.fromkeys(r.question for r in found))
    for colour, question in zip(COLOURS, questions, strict=False):
        mine = front_of(found, question)
        tried = [(r.energy, r.accuracy, r.knobs) for r in found if r.question == question]
        best = [(r.energy, r.accuracy, r.knobs) for r in mine]
        if not question.startswith("both, "):
            fronts.append(Series("", tried, colour, line=False, hollow=True, size=1.8))
            fronts.append(Series(question, best, colour, steps=True, size=2.8))
        last = max(r.number for r in found if r.question == question) + 1
        grown = [(float(n), volume(found, question, n)) for n in range(1, last + 1)]
        points = [(n, v, f"{n:g}: {v:.0f}") for n, v in grown]
        runs.append(Series(question, points, colour, steps=True, size=1.4))
    return line_panels([
        Panel("MobileNetV1 on chips no larger than Eyeriss", "energy of an inference [mJ]",
              "top-1 accuracy [%]", fronts, log_x=True),
        Panel("hypervolume of the front so far", "evaluations", "mJ · %", runs),
    ])  # fmt: skip


def table(found: list[Row]) -> str:
    """Return the fronts in numbers as a table in Markdown."""
    lines = ["| question | evaluations | front | hypervolume | beaten, equalled, missed by both |",
             "|---" * 5 + "|"]  # fmt: skip
    for question in dict.fromkeys(r.question for r in found):
        tried = sum(r.question == question for r in found)
        c = compared(found, question)
        said = "" if question == "both" else f"{c.beaten}, {c.equalled}, {c.missed}"
        lines.append(
            f"| {question} | {tried} | {c.points} | {volume(found, question):.0f} | {said} |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Ask three times, and write table, rows and figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("-o", "--output", type=Path, default=Path("width_and_chip"))
    parser.add_argument("--evaluations", type=int, default=48, help="of each question")
    parser.add_argument("--strategy", default="tpe", help="as onewatt explore")
    parser.add_argument("--store", type=Path, help="where outcomes are kept and found again")
    parser.add_argument("--executor", default="local", help="as onewatt explore")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    other = read_strategy(options.strategy)
    runs: list[tuple[str, str, Strategy]] = [(q, q, other) for q in FIXED if q != "both"]
    runs += [("both", "both", DESCENT), (f"both, {options.strategy.split(':')[0]}", "both", other)]
    found = list[Row]()
    for name, question, strategy in runs:
        study = Accurate(only(load_study(STUDY), FIXED[question]))
        whole = size(study.space) <= options.evaluations
        front = ow.explore(
            study, strategy=Grid() if whole else strategy, evaluations=options.evaluations,
            seed=options.seed, store=options.store, executor=options.executor,
        )  # fmt: skip
        found += rows(front, name)
    text = as_csv(found)
    found = from_csv(text)  # what is drawn and printed is what the file says
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "width_and_chip.csv").write_text(text, encoding="utf-8")
    (options.output / "width_and_chip.svg").write_text(figure(found), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main(sys.argv[1:])
