"""Tables and errors for the sections."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def error(ours: float, theirs: float) -> float:
    """Return ours over theirs, less one."""
    return ours / theirs - 1


def percent(share: float) -> str:
    """Return a share with its sign, as ``-3.4 %``."""
    return f"{100 * share:+.1f} %"


def mean_size(errors: Iterable[float]) -> float:
    """Return the mean of the sizes of errors."""
    sizes = [abs(e) for e in errors]
    return sum(sizes) / len(sizes)


def verdict(met: bool) -> str:
    """Return ``met`` or ``MISSED``."""
    return "met" if met else "MISSED"


def wrapped(text: str) -> str:
    """Return one paragraph of prose, wrapped."""
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


def item(text: str) -> str:
    """Return an item of a list, wrapped."""
    return textwrap.fill(
        text, 118, initial_indent="- ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def paragraphs(*texts: str) -> str:
    """Return paragraphs of prose, wrapped; tables and headings stay as they are."""
    wrapped = (t if t.startswith(("|", "#")) else textwrap.fill(t, 118) for t in texts)
    return "\n\n".join(wrapped) + "\n"
