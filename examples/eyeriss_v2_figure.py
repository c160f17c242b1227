"""Curves of a scaling study and bars of a sensitivity study as SVG, in the colours of onewatt."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

_COLOURS = {"v2": "#21918c", "v1": "#d55e00"}
_DASHES = {"all": "", "FC": "7 3", "DW": "2 3"}
_LESS, _MORE, _GREY = "#3a78a6", "#b4d835", "#c8c8c8"
Line = Sequence[tuple[float, float]]


def _page(width: float, height: float, drawn: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="12">'
    )
    ground = f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    return "\n".join([head, ground, *drawn, "</svg>", ""])


def _text(x: float, y: float, text: str, **fields: str) -> str:
    more = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in fields.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{html.escape(text)}</text>'


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def curves(lines: Mapping[tuple[str, str], Line]) -> str:
    """Return speed over the number of PEs, both logarithmic, as the text of an SVG file.

    Parameters
    ----------
    lines : mapping
        By chip and name, the points of a curve; curves of one chip have one colour.
    """
    pes = sorted({x for line in lines.values() for x, _ in line})
    left, top, side = 70, 30, 360
    most = pes[-1] / pes[0]

    def at(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / pes[0]) / math.log(most)
        up = math.log(max(y, 0.8) / 0.8) / math.log(most / 0.8)
        return left + side * across, top + side * (1 - up)

    drawn = [_text(left, 18, "speed over that at the fewest PEs", font_weight="bold")]
    for x in pes:
        px, _ = at(x, 1)
        drawn += [_stroke(px, top, px, top + side, _GREY),
                  _text(px, top + side + 16, f"{x:g} PEs", text_anchor="middle")]  # fmt: skip
    for y in (x / pes[0] for x in pes):
        _, py = at(pes[0], y)
        drawn += [_stroke(left, py, left + side, py, _GREY),
                  _text(left - 8, py + 4, f"{y:g}", text_anchor="end")]  # fmt: skip
    for place, ((chip, name), line) in enumerate(lines.items()):
        dash, colour = _DASHES.get(name.rpartition(" ")[2], ""), _COLOURS[chip]
        points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in line)
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        drawn.append(f'<polyline points="{points}" {style}/>')
        y = top + 10 + 19 * place
        drawn.append(f'<polyline points="{left + side + 30},{y} {left + side + 60},{y}" {style}/>')
        drawn.append(_text(left + side + 68, y + 4, f"{chip}: {name}, {line[-1][1]:.3g}"))
    return _page(left + side + 290, max(top + side, 40 + 19 * len(lines)) + 30, drawn)


def bars(changes: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """Return what a little less and more of each parameter change, as the text of an SVG file.

    Parameters
    ----------
    changes : mapping
        By figure and parameter the two changes [1].
    """
    names = list(next(iter(changes.values())))
    left, top, column, row = 330, 64, 118, 22
    most = max(abs(x) for each in changes.values() for ends in each.values() for x in ends)
    half = column / 2 - 10
    drawn = [
        _text(10, 18, "change of each figure with 20 % less and 20 % more of a parameter",
              font_weight="bold"),
        f'<rect x="10" y="28" width="11" height="11" fill="{_LESS}"/>', _text(26, 38, "less"),
        f'<rect x="70" y="28" width="11" height="11" fill="{_MORE}"/>', _text(86, 38, "more"),
        _text(140, 38, f"half a column is {most:.0%}"),
    ]  # fmt: skip
    bottom = top + row * len(changes)
    for i, name in enumerate(names):
        middle = left + column * (i + 0.5)
        drawn += [_text(middle, top - 8, name, text_anchor="middle", font_size="11"),
                  _stroke(middle, top, middle, bottom, _GREY)]  # fmt: skip
    for j, (figure, each) in enumerate(changes.items()):
        y = top + row * j
        drawn.append(_text(left - 8, y + 15, figure, text_anchor="end", font_size="11"))
        for i, name in enumerate(names):
            middle = left + column * (i + 0.5)
            for place, (colour, change) in enumerate(zip((_LESS, _MORE), each[name], strict=True)):
                wide = change / most * half
                drawn.append(
                    f'<rect x="{min(middle, middle + wide):.1f}" y="{y + 3 + 8 * place}" '
                    f'width="{abs(wide):.1f}" height="7" fill="{colour}"/>'
                )
    return _page(left + column * len(names) + 10, bottom + 14, drawn)
