"""An exam and the flexibility of chips in a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from onewatt.diagnose.eyexam import PEAK, VECTOR, Exam, LayerExam
from onewatt.diagnose.flexibility import Flexibility
from onewatt.report import blocks
from onewatt.report.wording import large, percent, plain

_HEADS = ("shape", "dataflow", "PEs", "array", "storage", "bandwidth", "access")


def show_exam(exam: Exam, console: Console) -> None:
    """Print where the time of a network goes, the bounds of each layer, and the costliest layer.

    Parameters
    ----------
    exam : Exam
        Of a network on a chip.
    console : Console
        Where to print; its width decides the layout.
    """
    console.print(
        blocks.title(f"{exam.workload} on {exam.chip}: where {large(exam.cycles)} cycles go")
    )
    console.print(_causes(exam, console.width))
    console.print(Padding(Text(sentence(exam)), (0, 0, 1, 2)))
    if not exam.layers:
        return
    console.print(blocks.title("Bounds of each layer, in MACs per cycle"))
    console.print(_layers(exam, console.width))
    if exam.left:
        console.print(Text(f"  without bounds, all operations skipped: {', '.join(exam.left)}"))
    show_layer_exam(max(exam.layers, key=_lost), console)


def show_layer_exam(layer: LayerExam, console: Console) -> None:
    """Print the seven bounds of a layer with the cause and the knob of each."""
    times = f", {layer.count} runs" if layer.count > 1 else ""
    console.print(blocks.title(f"{layer.name} ({layer.op}{times})"))
    table = blocks.table("", "MAC/cycle>", "lost>", "why", "what would lift it")
    table.columns[0].no_wrap = True
    for step in layer.steps:
        lost = percent(step.lost / layer.cycles) if step.lost > 0 else ""
        table.add_row(
            Text(step.name), bound_text(step.bound), lost, Text(step.cause), Text(step.knob)
        )
    console.print(Padding(table, (0, 0, 1, 2)))
    rows = sorted(layer.deliveries, key=lambda d: -d.cycles)[:6]
    if rows:
        table = blocks.table("delivery", "tensor", "port", "words>", "words/cycle>", "cycles>")
        for d in rows:
            table.add_row(*map(Text, (d.component, d.tensor, d.port)), large(d.words),
                          plain(d.rate), large(d.cycles))  # fmt: skip
        console.print(Padding(table, (0, 0, 1, 2)))


def sentence(exam: Exam) -> str:
    """Return what costs the network most, and in which layer."""
    worst = exam.costliest
    if worst is None:
        return "Every PE is at work all the time."
    said = f"Of all causes, {worst.name} costs most: {percent(worst.share)} of the time"
    layers = [(lost_to(x, worst.name), x) for x in exam.layers]
    lost, layer = max(layers, key=lambda row: row[0])
    return f"{said}, {percent(lost / worst.cycles)} of that in {layer.name}."


def lost_to(layer: LayerExam, cause: str) -> float:
    """Return the cycles that a cause of `Exam.causes` costs a layer."""
    if cause == PEAK:
        return layer.macs / layer.peak
    rows = {s.name: s.lost for s in layer.steps}
    rows["storage"] -= layer.chosen
    return rows.get(cause, layer.chosen)  # pyright: ignore[reportArgumentType]


def _lost(layer: LayerExam) -> float:
    return sum(s.lost for s in layer.steps)


def bound_text(bound: float) -> str:
    """Write MACs per cycle.

    Examples
    --------
    >>> bound_text(1.05e8), bound_text(164.57), bound_text(1.2)
    ('105 M', '165', '1.2')
    """
    return large(bound) if bound >= 1e4 else plain(bound)


def _causes(exam: Exam, width: int) -> RenderableType:
    table = blocks.table("cause", "cycles>", "share>", "")
    for cause in exam.causes:
        if cause.cycles or cause.name not in (VECTOR,):
            style = "green" if cause.name == PEAK else "dim" if cause.name == VECTOR else "red"
            drawn = Text(blocks.bar(cause.share, 24 if width >= blocks.WIDE else 10), style=style)
            table.add_row(Text(cause.name), large(cause.cycles), percent(cause.share), drawn)
    return Padding(table, (0, 0, 1, 2))


def _layers(exam: Exam, width: int) -> RenderableType:
    wide = width >= blocks.WIDE
    table = blocks.table("layer", *(f"{h}>" for h in _HEADS), "costs most")
    table.padding = (0, 2 if wide else 1, 0, 0)
    for layer in exam.layers:
        worst = max(layer.steps, key=lambda s: s.lost)
        why = f"{worst.name} ({percent(worst.lost / layer.cycles)})" if worst.lost > 0 else "–"
        table.add_row(Text(layer.name), *(bound_text(b) for b in layer.bounds), Text(why))
    return Padding(table, (0, 0, 1, 2))


def show_flexibility(rows: tuple[Flexibility, ...], console: Console) -> None:
    """Print what chips keep of their bounds: a line for each chip, network and stress.

    Parameters
    ----------
    rows : tuple of Flexibility
        What was found.
    console : Console
        Where to print.
    """
    head = "Kept of the bound by layer shape and number of PEs"
    shown: list[RenderableType] = [blocks.title(head)]
    table = blocks.table(
        "chip", "network", "stress", "mean>", "worst>", "network>", "worst layer", "held up by"
    )
    for column in table.columns[:3]:
        column.no_wrap = True
    for row in rows:
        table.add_row(
            Text(row.chip), Text(row.network), Text(row.stress), percent(row.mean),
            percent(row.worst), percent(row.whole), Text(row.worst_layer), Text(row.limit),
        )  # fmt: skip
    note = ("mean: geometric, over layers; network: of its whole time.  Upper bounds: no mapping "
            "is searched, and the link off chip is left out.")  # fmt: skip
    shown += [Padding(table, (0, 0, 1, 2)), Padding(Text(note, style="dim"), (0, 0, 0, 2))]
    console.print(Group(*shown))
