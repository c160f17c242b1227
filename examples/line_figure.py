"""Points and lines in panels as SVG, beside each other on axes of their own."""

from __future__ import annotations

import html
import math
from typing import NamedTuple

#: Colours that stay apart for readers with colour blindness, dark ones first.
COLOURS = ("#5e52b8", "#21918c", "#d55e00", "#8a8a8a", "#c2477f", "#7a9a01")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _GAP = 330, 250, 62, 34, 52, 30
_TICKS = 6


class Series(NamedTuple):
    """Points of one kind: (x, y, what a pointer over it shows)."""

    name: str
    points: list[tuple[float, float, str]]
    colour: str
    line: bool = True
    hollow: bool = False
    size: float = 3.5
    steps: bool = False  # a front of two objectives: nothing between its points is reached


class Panel(NamedTuple):
    """One pair of axes, each with its label and whether it is logarithmic."""

    title: str
    x: str
    y: str
    series: list[Series]
    log_x: bool = False
    log_y: bool = False


class _Axis(NamedTuple):
    low: float
    high: float
    log: bool
    start: float
    length: float

    def at(self, value: float) -> float:
        """Return the place of a value on the page."""
        low, high, own = self.low, self.high, value
        if self.log:
            low, high, own = math.log10(low), math.log10(high), math.log10(value)
        return self.start + self.length * (own - low) / (high - low)


def line_panels(panels: list[Panel]) -> str:
    """Return panels side by side, with one legend over all, as the text of an SVG file."""
    width = len(panels) * (_LEFT + _WIDTH + _GAP)
    names = {s.name: s for p in panels for s in p.series if s.name}
    drawn, rows = _legend(list(names.values()), width)
    top = 18 * rows + 6
    for i, panel in enumerate(panels):
        drawn += _panel(panel, i * (_LEFT + _WIDTH + _GAP) + _LEFT, top + _TOP)
    height = top + _TOP + _HEIGHT + _BOTTOM
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
    )
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, ground, *drawn, "</svg>", ""])


def _legend(series: list[Series], width: int) -> tuple[list[str], int]:
    drawn, x, row = list[str](), float(_LEFT), 1
    for one in series:
        wide = 24 + 6.6 * len(one.name)
        if x + wide > width and x > _LEFT:
            x, row = float(_LEFT), row + 1
        y = 18 * row
        if one.line:
            drawn.append(_path([(x, y - 4), (x + 14, y - 4)], one.colour))
        drawn.append(_dot(x + 7, y - 4, one, one.name))
        drawn.append(_text(x + 19, y, one.name))
        x += wide
    return drawn, row


def _panel(panel: Panel, left: float, top: float) -> list[str]:
    points = [p for s in panel.series for p in s.points]
    x = _axis([p[0] for p in points], panel.log_x, left, _WIDTH)
    y = _axis([p[1] for p in points], panel.log_y, top + _HEIGHT, -_HEIGHT)
    drawn = [_text(left, top - 12, panel.title, weight="bold")]
    for value in _ticks(x):
        drawn.append(_path([(x.at(value), top), (x.at(value), top + _HEIGHT)], "#e6e6e6", 1))
        drawn.append(_text(x.at(value), top + _HEIGHT + 16, f"{value:g}", anchor="middle"))
    for value in _ticks(y):
        drawn.append(_path([(left, y.at(value)), (left + _WIDTH, y.at(value))], "#e6e6e6", 1))
        drawn.append(_text(left - 6, y.at(value) + 4, f"{value:g}", anchor="end"))
    for one in panel.series:
        drawn += _series(one, x, y)
    middle = top + _HEIGHT / 2
    drawn.append(_text(left + _WIDTH / 2, top + _HEIGHT + 36, panel.x, anchor="middle"))
    turned = f' transform="rotate(-90 {left - 46:g} {middle:g})"'
    drawn.append(_text(left - 46, middle, panel.y, anchor="middle", more=turned))
    return drawn


def _series(one: Series, x: _Axis, y: _Axis) -> list[str]:
    at = [(x.at(p[0]), y.at(p[1])) for p in one.points]
    line = list[tuple[float, float]]()
    for place in at:
        if one.steps and line:
            line.append((place[0], line[-1][1]))
        line.append(place)
    dots = [_dot(*place, one, p[2]) for place, p in zip(at, one.points, strict=True)]
    return [*([_path(line, one.colour)] if one.line and len(line) > 1 else []), *dots]


def _axis(values: list[float], log: bool, start: float, length: float) -> _Axis:
    low, high = min(values), max(values)
    if log:
        room = (high / low) ** 0.06 if high > low else 1.5
        return _Axis(low / room, high * room, log, start, length)
    room = 0.06 * (high - low) or abs(high) or 1.0
    low = 0.0 if 0 <= low < 0.3 * high else low - room
    return _Axis(low, high + room, log, start, length)


def _ticks(axis: _Axis) -> list[float]:
    if axis.log:
        exponents = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
        fine = axis.high / axis.low < 30
        parts = (1, 1.5, 2, 3, 5, 7) if axis.high / axis.low < 8 else (1, 2, 5) if fine else (1,)
        values = [m * 10.0**e for e in exponents for m in parts]
    else:
        step = _round_step((axis.high - axis.low) / _TICKS)
        first = math.ceil(axis.low / step)
        values = [round(i * step, 12) for i in range(first, math.floor(axis.high / step) + 1)]
    return [v for v in values if axis.low <= v <= axis.high]


def _round_step(step: float) -> float:
    ten = 10.0 ** math.floor(math.log10(step))
    return next(m * ten for m in (1, 2, 5, 10) if m * ten >= step)


def _dot(x: float, y: float, one: Series, said: str) -> str:
    fill = "#ffffff" if one.hollow else one.colour
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{one.size:g}" fill="{fill}" stroke="{one.colour}">'
        f"<title>{html.escape(said)}</title></circle>"
    )


def _path(places: list[tuple[float, float]], colour: str, width: float = 1.6) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", more: str = ""
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="#222222"{more}>{html.escape(text)}</text>'
    )
