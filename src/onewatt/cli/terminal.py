"""Where verbs print: tables and JSON on stdout, progress and warnings on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from onewatt.spec.result import Result
    from onewatt.spec.workload import Workload

Progress = Callable[[int, int, str], None]


def console() -> Console:
    """Return a console on stdout."""
    from rich.console import Console

    # a pipe or a file has no width of its own; 80 columns would cut the tables
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 110
    return Console(file=sys.stdout, width=width, highlight=False, emoji=False, markup=False)


def print_json(data: Any) -> None:
    """Print one JSON object."""
    sys.stdout.write(json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """Print a line on stderr."""
    sys.stderr.write(f"{text}\n")


def warn_unpriced(result: Result) -> None:
    """Say on stderr which operators are missing from every figure."""
    warn_unpriced_of(result.workload)


def warn_unpriced_of(workload: Workload) -> None:
    """Say on stderr which operators of a workload have no price."""
    names = [row.name for row in workload.unpriced]
    if names:
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        say(f"onewatt: warning: without a price and missing from every figure: {shown}")


@contextmanager
def progress(wanted: bool, doing: str | None = None) -> Generator[Progress | None, None, None]:
    """Give a callback that draws a bar on stderr while a person watches, or None.

    `doing` says what goes on; by default layers are mapped.
    """
    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    from onewatt.mapper.compiled import compiled

    class Doing(TextColumn):
        """What goes on, asked at every redraw: nothing tells when a compiler is done."""

        ready = False

        def render(self, task: Task) -> Text:
            if doing is not None:
                return Text(doing)
            self.ready = self.ready or compiled()
            return Text("searching" if self.ready else "compiling the mapper (once)")

    columns = (Doing(""), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("{task.description}"))  # fmt: skip
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def advance(done: int, total: int, layer: str) -> None:
            bar.update(task, completed=done, total=total, description=escape(layer))

        yield advance
