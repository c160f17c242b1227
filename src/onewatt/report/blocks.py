"""What every text in a terminal is made of: titles, facts, tables and bars."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

#: Terminals narrower than this have no room for wide bars.
WIDE = 100
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def title(text: str) -> RenderableType:
    """Return a title with a rule to the edge of the terminal."""
    return Rule(Text(text, style="bold"), align="left", style="dim")


def facts(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Return names with what is said of each, indented, and a line below them."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for name, value in rows:
        grid.add_row(Text(name), Text(value))
    return Padding(grid, (0, 0, 1, 2))


def table(*heads: str) -> Table:
    """Return an empty table; a head that ends in ``>`` is of a column of numbers.

    Examples
    --------
    >>> [(column.header, column.justify) for column in table("layer", "energy>").columns]
    [('layer', 'left'), ('energy', 'right')]
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        right = head.endswith(">")
        made.add_column(
            head.rstrip(">"), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    return made


def bar(share: float, width: int) -> str:
    """Return a bar of eighths of a character for a share of 0 to 1.

    Examples
    --------
    >>> bar(0.5, 4), bar(0.0, 4)
    ('██  ', '    ')
    """
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)
