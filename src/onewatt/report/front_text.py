"""Fronts in a terminal: the best trade-offs, what failed, and what a missed limit would take."""

from __future__ import annotations

from collections import Counter

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from onewatt.report import blocks
from onewatt.report.front_noise import noise_legend, noise_mark, noise_note
from onewatt.report.wording import large, percent, plain, quantity, verdict
from onewatt.spec.budget import Verdict
from onewatt.spec.front import Evaluated, Front, PointResult
from onewatt.spec.study import Objective
from onewatt.units import typeset

#: Rows of the front that a terminal shows.
_ROWS = 24
_REASONS = 5


def show_front(front: Front, console: Console) -> None:
    """Print a front: what was asked, the points that nothing beats, and what failed."""
    for block in (_head(front), _table(front), _failures(front)):
        console.print(block)
    if (said := nearest_miss(front)) is not None:
        console.print(Text(said, style="bold red"))


def show_point(front: Front, number: int, console: Console) -> None:
    """Print one point: its knobs, its measures, its verdicts, and where its energy goes."""
    point = front.point(number)
    console.print(blocks.title(f"point {number} of {front.study.name}"))
    console.print(blocks.facts([*point.knobs.items(), *_measures(front, point)]))
    if note := noise_note(front, point):
        console.print(Text(f"  {note}\n", style="dim"))
    if point.reason is not None:
        console.print(Text(f"  failed: {point.reason}", style="bold red"))
    if point.result is not None:
        for block in _details(point.result):
            console.print(block)


def value(objective: Objective, number: float) -> str:
    """Write the value of an objective with its unit.

    Examples
    --------
    >>> value(Objective.parse("energy"), 0.00123), value(Objective.parse("quality"), 0.7)
    ('1.23 mJ', '0.7')
    """
    if objective.unit == "bit":
        return f"{large(number / 8)}B"
    return quantity(number, objective.unit) if objective.unit else plain(number)


def nearest_miss(front: Front) -> str | None:
    """Return what would have to change, and by how much, if no point keeps the limits.

    The point named is the one whose worst miss is least.
    """
    if front.nearest is None:
        return None
    point = front.point(front.nearest)
    knobs = ", ".join(f"{k}={v}" for k, v in point.knobs.items())
    missed = [v for v in (point.result.budget if point.result else ()) if not v.met]
    wanted = "; ".join(_change(v) for v in missed)
    return f"no point keeps the limits. The nearest is point {point.number} ({knobs}): {wanted}"


def _change(row: Verdict) -> str:
    """Write by how much a measure has to change.

    Examples
    --------
    >>> _change(Verdict(kind="latency", unit="s", asked=0.02, reached=0.04, met=False))
    'latency must fall by 50 %, from 40.0 ms to 20.0 ms'
    """
    if row.kind == "rate":
        word, share = "rise", row.asked / row.reached - 1 if row.reached else 1.0
    else:
        word, share = "fall", 1 - row.asked / row.reached
    return (
        f"{row.kind} must {word} by {percent(share)}, from {quantity(row.reached, row.unit)} to "
        f"{quantity(row.asked, row.unit)}"
    )


def _head(front: Front) -> RenderableType:
    asked, counts, best = front.study, front.counts, len(front.best)
    rows = [
        ("question", f"{asked.workload} on {asked.chip}"),
        ("objectives", ", ".join(f"{o.goal} {o.name}" for o in asked.objectives)),
        ("points", f"{large(counts.evaluated)} of {large(counts.space)} tried, "
                   f"{large(counts.feasible)} keep every limit, {large(counts.failed)} failed"),
        ("strategy", f"{front.strategy}, seed {front.seed}: {front.ended}"),
        ("front", f"{best} point{'' if best == 1 else 's'}"),
    ]  # fmt: skip
    if asked.constraints:
        rows.insert(2, ("constraints", typeset(", ".join(asked.constraints))))
    if front.hypervolume is not None:
        rows.append(("hypervolume", plain(front.hypervolume)))
    return Group(blocks.title(asked.name), blocks.facts(rows))


def _table(front: Front) -> RenderableType:
    best = front.best
    if not best:
        return Text("", end="")
    turned = [k for k in front.study.knobs if len({p.knobs[k] for p in front.points}) > 1]
    table = blocks.table()
    table.add_column("point", justify="right", no_wrap=True)
    for objective in front.study.objectives:
        table.add_column(objective.name, justify="right", no_wrap=True)
    legend = noise_legend(front)
    if legend:
        table.add_column("noise", overflow="fold")
    for knob in turned:
        table.add_column(knob, overflow="fold")
    for point in best[:_ROWS]:
        values = [value(o, point.objectives[o.name]) for o in front.study.objectives]
        marks = [noise_mark(point)] if legend else []
        knobs = (Text(point.knobs[k]) for k in turned)
        table.add_row(str(point.number), *values, *marks, *knobs)
    lines: list[RenderableType] = [blocks.title("Front"), Padding(table, (0, 0, 1, 2))]
    if legend:
        lines.append(Padding(Text(legend, style="dim"), (0, 0, 0, 2)))
    if len(best) > _ROWS:
        lines.append(Text(f"  and {len(best) - _ROWS} more in the file", style="dim"))
    return Group(*lines)


def _failures(front: Front) -> RenderableType:
    reasons = Counter(p.reason for p in front.points if p.reason is not None)
    if not reasons:
        return Text("", end="")
    lines = [
        Text(f"  {n} point{'s' if n > 1 else ''}: {reason}")
        for reason, n in reasons.most_common(_REASONS)
    ]
    rest = len(reasons) - len(lines)
    more = [Text(f"  and {rest} other reasons", style="dim")] if rest else []
    return Group(blocks.title("Failed"), *lines, *more, Text(""))


def _measures(front: Front, point: Evaluated) -> list[tuple[str, str]]:
    return [
        (o.name, value(o, point.objectives[o.name]))
        for o in front.study.objectives if o.name in point.objectives
    ]  # fmt: skip


def _details(result: PointResult) -> list[RenderableType]:
    t = result.totals
    shown: list[RenderableType] = [
        blocks.facts([
            ("network", f"{result.workload}, {large(t.macs)} MAC, batch {t.batch}"),
            ("energy", f"{quantity(t.energy, 'J')} a batch"),
            ("latency", f"{quantity(t.latency, 's')} (power {quantity(t.power, 'W')})"),
            ("area", quantity(t.area, "m2")),
        ])
    ]  # fmt: skip
    shown += [
        Text(f"  {verdict(v)}", style="green" if v.met else "bold red") for v in result.budget
    ]
    levels = blocks.table()
    levels.add_column("level")
    levels.add_column("energy", justify="right")
    levels.add_column("share", justify="right")
    for row in sorted(result.levels, key=lambda r: -r.energy):
        levels.add_row(Text(row.level), quantity(row.energy, "J"), percent(row.energy / t.energy))
    shown += [blocks.title("Energy by level"), Padding(levels, (0, 0, 1, 2))]
    if result.layers is not None:
        shown += [blocks.title("Layers"), Padding(_layers(result), (0, 0, 0, 2))]
    return shown


def _layers(result: PointResult) -> RenderableType:
    table = blocks.table()
    for head in ("layer", "op", "held up by"):
        table.add_column(head)
    for head in ("energy", "latency"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in result.layers or ():
        table.add_row(
            Text(row.name), Text(row.op), Text(row.bottleneck), quantity(row.energy, "J"),
            quantity(row.latency, "s"),
        )  # fmt: skip
    return table
