"""What every page is made of: templates with slots, data in a script element, and plotly."""

from __future__ import annotations

import json
import re
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
