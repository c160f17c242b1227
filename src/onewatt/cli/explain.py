"""``onewatt explain``: why a network is not faster, constraint by constraint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, searching, terminal
from onewatt.cli.inputs import chip_with, only, split_layer
from onewatt.errors import InputError, unknown

if TYPE_CHECKING:
    from onewatt.diagnose.eyexam import Exam, LayerExam
    from onewatt.diagnose.prices import ChipPrices
    from onewatt.diagnose.smallest import Meeting
    from onewatt.mapper.exact import Tiles
    from onewatt.report.store import Saved
    from onewatt.spec.result import Result


def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RESULT.json|MODEL[::LAYER]",
            show_default=False,
            help="A result of 'onewatt analyze -o', or a model with --chip.",
        ),
    ],
    chip: Annotated[
        str | None,
        typer.Option(
            "--chip", "-c", metavar="CHIP", show_default=False,
            help="Map the model on this chip first: a preset or a YAML file.",
        ),
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="NAME", help="The seven bounds of one layer.")
    ] = None,
    prices: Annotated[
        bool,
        typer.Option(
            "--prices",
            help="What one more KiB, word per cycle, row and column is worth, by searching again.",
        ),
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", metavar="LIMITS",
            help="With --prices: also the smallest change of the chip that meets it.",
        ),
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option("--tiles", metavar="NAME", help="With --prices: tile sizes to search among."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page", metavar="FILE.html",
            help="With --prices: draw the page of the result there, with the prices on it.",
        ),
    ] = None,
    objective: options.ObjectiveName = "edp",
    batch: options.Batch = 1,
    dataflow: options.DataflowName = "preset",
    measured: Annotated[
        list[Path] | None,
        typer.Option(
            "--measured", metavar="RUN.json",
            help="Cycles of a layer from 'onewatt simulate --json' for the last bound; repeatable.",
        ),
    ] = None,
    as_json: options.AsJson = False,
    jobs: options.Jobs = 0,
    fresh: options.Fresh = False,
) -> None:  # fmt: skip
    """Say which constraints of a chip a network's time goes to, and what would lift them.

    For each layer seven bounds on its MACs per cycle (Eyexam), each with one constraint more.
    """
    if not prices and (budget is not None or tiles is not None):
        raise InputError("--budget and --tiles go with --prices")
    if page is not None and not prices:
        raise InputError("--page goes with --prices; 'onewatt report' draws the page of a result")
    if page is not None and page.is_dir():
        raise InputError(f"--page: {page} is a directory; expected a file such as report.html")
    if prices and layer is not None:
        raise InputError("--layer: prices are of a whole network; map one layer as MODEL::LAYER")
    among = options.read_tiles(tiles) if tiles is not None else None
    stopped, command = False, ""
    if chip is None:
        result, command = _saved(what)
    else:
        result, stopped = _searched(
            what, chip, objective=objective, batch=batch, dataflow=dataflow, jobs=jobs,
            fresh=fresh, watched=not as_json, tiles=among or "tight",
        )  # fmt: skip
    if prices:
        searching.check_finished(result, stopped)  # no prices of what may not be the best
        found, meeting = _priced(result, budget, among, jobs=jobs, fresh=fresh, as_json=as_json)
        if page is not None:
            _draw(result, page, command, found, meeting, quiet=as_json)
        return

    from onewatt.diagnose.eyexam import eyexam
    from onewatt.report.measured import measured_cycles

    exam = eyexam(result, measured=measured_cycles(result, measured or ()))
    _print(exam, _named(exam, layer), as_json=as_json)
    searching.check_finished(result, stopped)


def _saved(what: str) -> Saved:
    if not what.endswith(".json") or Path(what).name == "config.json":
        raise InputError(f"{what!r} is no result; expected a RESULT.json, or give --chip to map it")
    from onewatt.report.store import load_saved

    return load_saved(Path(what))


def _searched(
    what: str, chip: str, *, objective: str, batch: int, dataflow: str, jobs: int, fresh: bool,
    watched: bool, tiles: Tiles = "tight",
) -> tuple[Result, bool]:  # fmt: skip
    wanted = options.read_objective(objective)
    model, name = split_layer(what)

    from onewatt.importers.load import load_workload

    architecture = chip_with(chip, dataflow, None, None)
    workload = load_workload(model, batch=batch)
    return searching.found(
        only(workload, name) if name else workload, architecture, objective=wanted,
        tiles=tiles, fresh=fresh, watched=watched, batch=batch, workers=jobs,
    )  # fmt: skip


def _draw(
    result: Result, page: Path, command: str, found: ChipPrices, meeting: Meeting | None, *,
    quiet: bool,
) -> None:  # fmt: skip
    from onewatt.report.html import write_report

    write_report(result, page, command=command, prices=found, meeting=meeting)
    if not quiet:
        typer.echo(f"Wrote {page}.")


def _priced(
    result: Result, budget: str | None, tiles: Tiles | None, *, jobs: int, fresh: bool,
    as_json: bool,
) -> tuple[ChipPrices, Meeting | None]:  # fmt: skip
    """Print and return what more of the chip is worth, and what would meet a missed budget."""
    import time

    from onewatt.diagnose.prices import chip_prices
    from onewatt.diagnose.smallest import smallest_change
    from onewatt.report.prices_tables import prices_json
    from onewatt.report.prices_text import show_meeting, show_prices
    from onewatt.spec.budget import Budget

    limits = Budget.parse(budget) if budget is not None else None
    missed = limits is not None or any(not v.met for v in result.budget)
    cache = None if fresh else searching.cache_folder()
    begun, meeting = time.monotonic(), None
    with terminal.progress(not as_json) as progress:
        found = chip_prices(result, tiles=tiles, workers=jobs, cache=cache, progress=progress)
        if missed:
            meeting = smallest_change(
                result, budget=limits, tiles=tiles, workers=jobs, cache=cache, progress=progress
            )
    if as_json:
        terminal.print_json(prices_json(found, meeting))
        return found, meeting
    show_prices(found, terminal.console())
    if meeting is not None:
        show_meeting(meeting, terminal.console())
    terminal.say(f"onewatt: searched for {time.monotonic() - begun:.1f} s")
    return found, meeting


def _named(exam: Exam, layer: str | None) -> LayerExam | None:
    if layer is None:
        return None
    names = [x.name for x in exam.layers]
    if layer not in names:
        raise InputError(f"--layer: {unknown('layer', layer, names)}")
    return exam.layers[names.index(layer)]


def _print(exam: Exam, layer: LayerExam | None, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        from onewatt.report.exam_tables import exam_json

        kept = exam.layers if layer is None else (layer,)
        table = exam_json(exam) | {
            "layers": exam_json(msgspec.structs.replace(exam, layers=kept))["layers"]
        }
        terminal.print_json(table)
        return
    from onewatt.report.exam_text import show_exam, show_layer_exam

    if layer is not None:
        show_layer_exam(layer, terminal.console())
    else:
        show_exam(exam, terminal.console())
