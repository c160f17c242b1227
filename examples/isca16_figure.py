"""Stacked bars in panels as SVG, in the colours of onewatt's reports."""

from __future__ import annotations

import html

#: From the outside in, as in the report: darker is farther from the arithmetic.
COLOURS = {
    "DRAM": "#5e52b8", "buffer": "#3a78a6", "array": "#21918c", "registers": "#b4d835",
    "arithmetic": "#d55e00",
}  # fmt: skip
Panel = tuple[str, dict[str, dict[str, float]]]

_ROW, _GAP, _LEFT, _BAR, _RIGHT, _HEAD = 20, 6, 150, 480, 60, 34


def stacked_bars(panels: list[Panel], unit: str) -> str:
    """Return panels of horizontal stacked bars, all on one scale, as the text of an SVG file.

    Parameters
    ----------
    panels : list of tuple
        A title, and by the name of a bar its parts from the left.
    unit : str
        What a bar measures.
    """
    most = max(sum(parts.values()) for _, bars in panels for parts in bars.values())
    drawn, y = _legend(), 44
    for title, bars in panels:
        drawn.append(_text(_LEFT, y + 16, title, weight="bold"))
        y += _HEAD - 8
        for name, parts in bars.items():
            drawn += _bar(name, parts, y, _BAR / most)
            y += _ROW + _GAP
        y += 14
    drawn.append(_text(_LEFT, y + 6, unit))
    width, height = _LEFT + _BAR + _RIGHT, y + 20
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
    )
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, ground, *drawn, "</svg>", ""])


def _legend() -> list[str]:
    drawn, x = list[str](), _LEFT
    for name, colour in COLOURS.items():
        drawn.append(f'<rect x="{x}" y="14" width="12" height="12" fill="{colour}"/>')
        drawn.append(_text(x + 17, 24, name))
        x += 92
    return drawn


def _bar(name: str, parts: dict[str, float], y: int, scale: float) -> list[str]:
    drawn = [_text(_LEFT - 8, y + 14, name, anchor="end")]
    x = float(_LEFT)
    for part, value in parts.items():
        wide = value * scale
        drawn.append(
            f'<rect x="{x:.2f}" y="{y}" width="{wide:.2f}" height="{_ROW}" fill="{COLOURS[part]}">'
            f"<title>{html.escape(name)}, {html.escape(part)}: {value:.2f}</title></rect>"
        )
        x += wide
    return [*drawn, _text(x + 6, y + 14, f"{sum(parts.values()):.1f}")]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:g}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="#222222">'
        f"{html.escape(text)}</text>"
    )
