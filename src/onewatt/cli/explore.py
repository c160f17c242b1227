"""``onewatt explore``: the front of what is possible, for the question of a study file."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import options, searching, terminal
from onewatt.cli.codes import BUDGET_MISSED
from onewatt.errors import InputError, OutOfReach, Stopped

if TYPE_CHECKING:
    from onewatt.codesign.explore import Progress
    from onewatt.codesign.study import FileStudy
    from onewatt.spec.front import Front
    from onewatt.spec.study import Objective

#: Rows of the front so far that are drawn while a run goes on.
_ROWS = 8


def explore(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY.yaml", show_default=False, help="See docs/explore.md.")
    ],
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", metavar="NAME[:OPTION=VALUE,...]",
                     help="grid, random, coordinate_descent, evolve or tpe; by default the "
                          "study's."),
    ] = None,
    evaluations: Annotated[
        int | None,
        typer.Option("--evaluations", metavar="N", min=1,
                     help="Points to try; by default all of a grid, else 100."),
    ] = None,
    budget: options.BudgetText = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="FILE",
                     help="Where outcomes are kept and found again (default: beside the kept "
                          "layers)."),
    ] = None,
    executor: Annotated[
        str,
        typer.Option("--executor", metavar="NAME",
                     help="local:N processes (local: all processors), here, or dask://HOST:PORT."),
    ] = "local",
    seed: options.Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.json", help="Write the front there."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE.html", help="Draw the front there as a page."),
    ] = None,
    as_json: options.AsJson = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Keep chip and layers of every point, not only of the front."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Work out every point anew, also what is kept.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Search chips and networks for the front of what is possible.

    Every finished point is kept: after Ctrl-C, a crash or a power cut the same command goes on
    where it was.  Exit code 2 says that no point keeps the constraints, or could.
    """
    from onewatt.codesign.explore import explore as run
    from onewatt.codesign.strategies import read_strategy
    from onewatt.run.executors import check_executor

    check_executor(executor)
    for option, file in (("-o", output), ("--page", page)):
        if file is not None and file.is_dir():
            name = "front.json" if option == "-o" else "front.html"
            raise InputError(f"{option}: {file} is a directory; expected a file such as {name}")
    try:
        asked = _load(study, budget)
    except OutOfReach as error:  # a missed budget, although nothing had to run to say so
        terminal.say(f"onewatt: error: {error}")
        raise typer.Exit(BUDGET_MISSED) from error
    chosen = read_strategy(strategy if strategy is not None else asked.asked.strategy)
    kept = store if store is not None else default_store()
    watched = not (quiet or as_json)
    with searching.stop_on_interrupt() as stop, _progress(asked.objectives, watched) as progress:
        front = run(
            asked, strategy=chosen, evaluations=evaluations or asked.asked.evaluations, seed=seed,
            store=kept, executor=executor, cache=None if fresh else searching.cache_folder(),
            full=full, fresh=fresh, progress=progress, stop=stop,
        )  # fmt: skip
    _write(front, output, as_json=as_json, quiet=quiet)
    if page is not None:
        _draw(front, page, asked, output, quiet=quiet or as_json)
    _judge(front, kept)


def default_store() -> Path:
    """Return where outcomes are kept if nobody says: beside the finished layers."""
    folder = searching.cache_folder()
    return (folder.parent if folder.name == "layers" else folder) / "outcomes.sqlite"


def _load(path: Path, budget: str | None) -> FileStudy:
    """Return the study of a file, with the constraints of the command line if there are some."""
    import msgspec

    from onewatt.codesign.study import load_study, study_of
    from onewatt.spec import files
    from onewatt.spec.budget import Budget

    if budget is None:
        return load_study(path)
    limits = Budget.parse(budget)
    noun = msgspec.structs.replace(files.load(path, "study"), constraints=limits)
    return study_of(noun, folder=path.parent, name=path.stem, where=f"{path}: ")


def _write(front: Front, output: Path | None, *, as_json: bool, quiet: bool) -> None:
    from onewatt.report.front_store import front_text, save_front

    if output is not None:
        save_front(front, output)
    if as_json:
        typer.echo(front_text(front), nl=False)
    elif not quiet:
        from onewatt.report.front_text import show_front

        show_front(front, terminal.console())
        if output is not None:
            typer.echo(f"\nWrote {output}.")


def _draw(
    front: Front, page: Path, study: FileStudy, output: Path | None, *, quiet: bool
) -> None:  # fmt: skip
    from onewatt.report.front_html import write_front_page

    write_front_page(front, page, study=study, source=output.name if output else "")
    if not quiet:
        typer.echo(f"Wrote {page}.")


def _judge(front: Front, store: Path) -> None:
    """End with the exit code that the front deserves."""
    from onewatt.report.front_text import nearest_miss

    if not front.complete:
        raise Stopped(
            f"stopped after {front.counts.evaluated} points in order; every finished one is kept "
            f"in {store}. The same command goes on from there"
        )
    if front.counts.feasible:
        return
    if front.nearest is None:
        count = front.counts.failed
        every = f"all {count} points" if count > 1 else "the only point"
        reason = next((p.reason for p in front.points if p.reason is not None), "no reason")
        raise InputError(f"{every} failed; the first: {reason}")
    terminal.say(f"onewatt: {nearest_miss(front)}")
    raise typer.Exit(BUDGET_MISSED)


@contextmanager
def _progress(
    objectives: tuple[Objective, ...], wanted: bool
) -> Generator[Callable[[Progress], None] | None]:
    """Give a callback that draws a bar and the front so far while a person watches, or None."""
    import sys

    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.table import Table

    from onewatt.report.front_text import value

    bar = Bar(
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[said]}")
    )
    task = bar.add_task("", total=None, said="")
    with Live(bar, console=Console(stderr=True), transient=True, refresh_per_second=4) as live:

        def advance(state: Progress) -> None:
            said = f"{state.feasible} keep the limits, {state.failed} failed"
            bar.update(task, completed=state.done, total=state.total, said=said)
            table = Table(box=None, padding=(0, 2), header_style="dim")
            for objective in objectives:
                table.add_column(objective.name, justify="right")
            rows = sorted(state.front)
            for row in rows[:_ROWS]:
                table.add_row(*(value(o, v) for o, v in zip(objectives, row, strict=True)))
            if len(rows) > _ROWS:
                table.add_row(f"and {len(rows) - _ROWS} more")
            live.update(Group(bar, table))

        yield advance
