"""What every page is made of: templates with slots, embedded data, cards, tables and plotly."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

_SLOT = re.compile(r"\{\{(\w+)\}\}")


def template(name: str) -> str:
    """Return a template of the package."""
    return (files("onewatt.report") / "templates" / name).read_text(encoding="utf-8")


def fill(text: str, parts: dict[str, str]) -> str:
    """Return a template with its slots filled; what fills them is not looked at again.

    Examples
    --------
    >>> fill("<b>{{a}}</b>", {"a": "{{b}}"})
    '<b>{{b}}</b>'
    """
    return _SLOT.sub(lambda match: parts[match[1]], text)


def plotly() -> str:
    """Return plotly itself, so that a page needs no network."""
    from plotly.offline import get_plotlyjs  # pyright: ignore[reportMissingTypeStubs]

    return str(get_plotlyjs())


def embedded(data: Any) -> str:
    r"""Return JSON that cannot end the script element it stands in.

    Examples
    --------
    >>> embedded("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def card(title: str, value: str, note: str, picture: str = "") -> str:
    """Return a card with one figure; `picture` is HTML, the rest is text."""
    return (
        f'<div class="card"><h3>{html.escape(title)}</h3><p class="value">{html.escape(value)}</p>'
        f'{picture}<p class="note">{html.escape(note)}</p></div>'
    )


def rows_html(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of a table, escaped."""
    return "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )


def table_html(heads: tuple[str, ...], body: str, kind: str = "") -> str:
    """Return a table of rows that are HTML already."""
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return (
        f'<div class="scroll"><table class="plain {kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
