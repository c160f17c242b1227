"""The report in a terminal: tables of a result, a chip, a workload and a mapping."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from onewatt.diagnose.shortfall import Shortfall, shortfalls
from onewatt.report import blocks
from onewatt.report.figures import Figures, LayerFigures, figures, grouped, level_energy, notable
from onewatt.report.tables import findings, layer_proof, proof
from onewatt.report.wording import (
    band,
    bound,
    gap,
    large,
    objective,
    percent,
    quantity,
    shapes,
    verdict,
)
from onewatt.spec.budget import Verdict
from onewatt.spec.result import Result


def show_result(result: Result, console: Console) -> None:
    """Print the tables of a result: totals, budget, levels, layers and what has no price.

    Parameters
    ----------
    result : Result
        What was found.
    console : Console
        Where to print; its width decides the layout.
    """
    found = figures(result)
    shown: list[RenderableType] = [_head(found), _budget(result), _unpriced(result)]
    if found.levels:
        shown += [_levels(found, console.width), _layers(found, console.width)]
    for block in shown:
        console.print(block)


def show_layer(result: Result, name: str, console: Console) -> None:
    """Print one layer of a result: its loop nest, its cost and its traffic."""
    found = figures(result)
    layer = next(layer for layer in found.layers if layer.name == name)
    console.print(blocks.title(f"{layer.name} ({layer.op})"))
    if layer.nest:
        console.print(Padding(Text(layer.nest), (0, 2)))
    console.print(blocks.facts(_cost_rows(layer, found)))
    console.print(_traffic(layer))


def _head(found: Figures) -> RenderableType:
    result, t = found.result, found.totals
    rows = [
        ("energy", band(t.energy, t.energy_low, t.energy_high, "J")),
        ("off chip", _part_of(t.off_chip_energy, t.energy)),
        ("latency", f"{quantity(t.latency, 's')}  (power {quantity(t.power, 'W')})"),
        ("work", f"{large(t.macs)} MAC"),
        ("EDP", quantity(t.edp, "J s")),
        ("lower bound", f"{bound(t.lower_bound)}; reached {gap(t.gap)}"),
        ("area", quantity(t.area, "m2")),
        ("objective", objective(result) + (f", batch {result.batch}" if result.batch > 1 else "")),
        ("mapspace", result.mapspace),
    ]
    if said := proof(found):
        rows.append(("proof", said))
    if result.convention != "literal":
        rows.append(("convention", result.convention))
    chip = result.architecture
    lines: list[RenderableType] = [
        blocks.title(f"{result.workload.name} on {chip.title or chip.name}"),
        blocks.facts(rows),
    ]
    where = Text("\n".join(findings(found)))
    return Group(*lines, Padding(where, (0, 0, 1, 2)))


def _part_of(part: float, whole: float) -> str:
    return f"{quantity(part, 'J')} ({percent(part / whole) if whole else '–'})"


def _budget(result: Result) -> RenderableType:
    lines = verdict_lines(result.budget, shortfalls(result))
    return Group(blocks.title("Budget"), *lines, Text("")) if lines else Text("", end="")


def verdict_lines(
    verdicts: Iterable[Verdict], missed: Iterable[Shortfall] = ()
) -> list[RenderableType]:
    """Return a line for each limit and, under a missed one, what would lift it."""
    short = {row.kind: row for row in missed}
    lines: list[RenderableType] = []
    for row in verdicts:
        lines.append(Text(f"  {verdict(row)}", style="green" if row.met else "bold red"))
        if row.kind not in short:
            continue
        if why := short[row.kind].impossible:
            lines.append(Padding(Text(f"impossible: {why}", style="red"), (0, 0, 0, 4)))
        for remedy in short[row.kind].remedies:
            mark = {True: "+", False: "-", None: "?"}[remedy.enough]
            lines.append(Padding(Text(f"{mark} {remedy.change}"), (0, 0, 0, 4)))
    if short:
        marks = "+ would do alone, - would not, ? a search can tell"
        lines.append(Padding(Text(marks, style="dim"), (0, 0, 0, 4)))
    return lines


def _unpriced(result: Result) -> RenderableType:
    rows = result.workload.unpriced
    if not rows:
        return Text("", end="")
    table = blocks.table("name", "operator", "operands", "words>", "why")
    for row in rows:
        why = row.reason or "no rule for this operator"
        table.add_row(*map(Text, (row.name, row.op, shapes(row), large(row.words), why)))
    count = f"{len(rows)} operator{'s' if len(rows) > 1 else ''} without a price"
    warning = Text(f"  WARNING: {count}; missing from every figure here", style="bold yellow")
    return Group(warning, Padding(table, (0, 0, 1, 2)))


def _levels(found: Figures, width: int) -> RenderableType:
    energy = level_energy(found)
    most = max(energy.values(), default=0.0) or 1.0
    whole = found.totals.energy or 1.0
    table = blocks.table("level", "energy>", "share>", "", *(f"{p}>" for p in found.parts))
    table.columns[0].no_wrap, table.columns[0].overflow = True, "ellipsis"
    table.columns[3].no_wrap = True
    bar_width = 12 if width >= blocks.WIDE else 0
    table.padding = (0, 2 if width >= blocks.WIDE else 1, 0, 0)
    for level in found.levels:
        cells = [
            quantity(v, "J") if (v := found.matrix.get((level, p))) else "" for p in found.parts
        ]
        table.add_row(
            Text(level), quantity(energy[level], "J"), percent(energy[level] / whole),
            Text(blocks.bar(energy[level] / most, bar_width), style="cyan"), *cells,
        )  # fmt: skip
    return Group(blocks.title("Energy by level"), Padding(table, (0, 0, 1, 2)))


def _layers(found: Figures, width: int) -> RenderableType:
    groups = grouped(found)
    shown, rest = notable(groups)
    most = max((g.energy for g in groups), default=0.0) or 1.0
    table = blocks.table(
        "layer", "runs>", "op", "MACs>", "energy>", "share>", "", "latency>", "held up by"
    )
    table.columns[0].min_width = min(20, max(len(g.name) for g in groups))
    table.columns[2].no_wrap, table.columns[2].overflow = True, "ellipsis"
    wide = width >= blocks.WIDE
    table.padding = (0, 2 if wide else 1, 0, 0)
    for group in shown:
        table.add_row(
            Text(group.name), f"x{group.many}" if group.many > 1 else "", Text(group.op),
            large(group.macs), quantity(group.energy, "J"), percent(group.share),
            Text(blocks.bar(group.energy / most, 8 if wide else 0), style="cyan"),
            quantity(group.latency, "s"), Text(group.bottleneck or "–"),
        )  # fmt: skip
    lines: list[RenderableType] = [Padding(table, (0, 0, 0, 2))]
    if rest:
        layers = sum(len(g.layers) for g in rest)
        lines.append(Text(f"  and {layers} layers that take less than 0.1 % each", style="dim"))
    title = "Layers" if all(g.many == 1 for g in groups) else "Layers (equal ones once)"
    return Group(blocks.title(title), *lines)


def _cost_rows(layer: LayerFigures, found: Figures) -> list[tuple[str, str]]:
    pes = found.result.architecture.pes
    rows = [
        ("energy", band(layer.energy, layer.energy_low, layer.energy_high, "J")),
        ("latency", f"{quantity(layer.latency, 's')}, {large(layer.cycles)} cycles"),
        ("runs", str(layer.count)),
        ("PEs at work", f"{layer.active_pes} of {pes}"),
        ("held up by", layer.bottleneck or "nothing"),
        ("lower bound", f"{bound(layer.lower_bound)}; reached {gap(layer.gap)}"),
        ("mapping", layer.mapping or "none (vector work)"),
    ]
    if layer.mapping and (said := layer_proof(layer)):
        if found.result.within is not None:
            rows.append(("objective", objective(found.result)))
        rows += [("mapspace", found.result.mapspace), ("proof", said)]
    return rows


def _traffic(layer: LayerFigures) -> RenderableType:
    table = blocks.table("component", "tensor", "read>", "written>", "bytes>", "energy>")
    for row in layer.traffic:
        table.add_row(
            Text(row.component), Text(row.tensor), large(row.read_words), large(row.write_words),
            f"{large(row.bytes)}B", quantity(row.energy, "J"),
        )  # fmt: skip
    return Padding(table, (0, 0, 0, 2))
