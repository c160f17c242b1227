"""The page of a front: one HTML file in which a point is picked, understood and taken away."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from onewatt import __version__
from onewatt.codesign.noise import noisy_measure
from onewatt.codesign.study import Study
from onewatt.errors import OnewattError
from onewatt.report.front_data import ROOM, front_data
from onewatt.report.front_noise import noise_legend, noise_limit, noise_mark, noise_notes
from onewatt.report.front_point import study_of_front, why
from onewatt.report.front_text import nearest_miss, value
from onewatt.report.page import card, embedded, fill, plotly, template
from onewatt.report.store import write_text
from onewatt.report.wording import large, plain
from onewatt.spec.front import Front, signed
from onewatt.units import typeset

_REASONS = 8


def write_front_page(
    front: Front, path: str | Path, *, study: Study | None = None, folder: Path | None = None,
    source: str = "", notes: Mapping[int, str] | None = None,
) -> None:  # fmt: skip
    """Write a front as one HTML page, all or nothing.

    Parameters
    ----------
    front : Front
        What was found.
    path : str or Path
        The file; an existing one is replaced.
    study : Study or None
        What the front answers; by default it is read from the front.
    folder : Path or None
        Where the chips and networks lie that the front's study names as files.
    source : str
        The front's own file, for the commands that the page names.
    notes : mapping of int to str or None
        Words to stand beside points, by number: what a reader should know before choosing one; by
        default which of them differ in energy by no more than the uncertainty of prices.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    page = front_page(front, study=study, folder=folder, source=source, notes=notes)
    write_text(path, page)


def front_page(
    front: Front, *, study: Study | None = None, folder: Path | None = None, source: str = "",
    notes: Mapping[int, str] | None = None, room: int = ROOM,
) -> str:  # fmt: skip
    """Return the page of a front: HTML with style, script, plotly and data inside.

    Parameters
    ----------
    front, study, folder, source, notes
        As `write_front_page` has them.
    room : int
        How large the points in full may be together [byte].

    Returns
    -------
    str
        The page, which asks nothing of any network.
    """
    why_not = ""
    if study is None:
        try:
            study = study_of_front(front, folder or Path())
        except OnewattError as error:
            why_not = (
                f"The study cannot be read again: {why(error)}. If its files lie elsewhere, draw "
                "the page with onewatt report FRONT.json --files DIR."
            )
    if notes is None:
        notes = noise_notes(front)
    data = front_data(front, study, notes=notes, why_not=why_not, room=room)
    asked = front.study
    shown = {
        "title": f"Front of {asked.name}", "name": asked.name, "version": __version__,
        "question": f"{asked.workload} on {asked.chip}",
        "file": source or "front.json",
    }  # fmt: skip
    parts = {key: html.escape(text) for key, text in shown.items()} | {
        "style": template("style.css"), "front_style": template("front.css"),
        "common": template("common.js"), "script": "\n".join(
            template(name) for name in ("front_parallel.js", "front_point.js", "front.js")
        ), "plotly": plotly(),
        "data": embedded(data), "verdict": _verdict(front), "cards": _cards(front),
        "notice": _notice(front), "left": _left(data["left"]["points"], _noise(front)),
        "failures": _failures(front),
        "facts": _facts(front), "study": _study(front),
    }  # fmt: skip
    return fill(template("front.html"), parts)


def _verdict(front: Front) -> str:
    many = sum(p.on_front for p in front.points)
    if not front.complete:
        return '<span class="badge bad">stopped before its end</span>'
    if not many:
        return '<span class="badge bad">no point keeps the limits</span>'
    return f'<span class="badge good">{many} point{"s" if many > 1 else ""} on the front</span>'


def _cards(front: Front) -> str:
    c = front.counts
    limits = ", ".join(map(_limit, front.study.constraints)) or "no limits were asked"
    rows = [
        ("Points tried", large(c.evaluated), f"of {large(c.space)}"),
        ("Keep every limit", large(c.feasible), f"{limits}; {large(c.failed)} failed"),
    ]
    able = [p for p in front.points if p.feasible]
    for objective in front.study.objectives:
        mine = [p for p in able if objective.name in p.objectives]
        if not mine:
            continue
        best = min(mine, key=lambda p: signed(objective.goal, p.objectives[objective.name]))
        most = "most" if objective.goal == "most" else "least"
        text = value(objective, best.objectives[objective.name])
        mark = noise_mark(best) if objective.name == noisy_measure(front) else ""
        rows.append((f"{most.capitalize()} {objective.name}", text,
                     f"at point {best.number} {mark}".rstrip()))  # fmt: skip
    if front.hypervolume is not None and len(front.study.objectives) > 1:
        rows.append(("Hypervolume", plain(front.hypervolume), "up to the reference"))
    return "".join(card(*row) for row in rows)


def _limit(text: str) -> str:
    """Write a limit as a reader expects it.

    Examples
    --------
    >>> _limit("area: 9.5 mm2"), _limit("rate: 30 Hz")
    ('area ≤ 9.5 mm²', 'rate ≥ 30 Hz')
    """
    kind, _, asked = text.partition(": ")
    return f"{kind} {'≥' if kind == 'rate' else '≤'} {typeset(asked)}"


def _notice(front: Front) -> str:
    said = [] if front.complete else [
        f"The run was stopped after {front.counts.evaluated} points; this is the front so far."
    ]  # fmt: skip
    if (miss := nearest_miss(front)) is not None:
        said.append(f"{miss[0].upper()}{miss[1:]}.")
    if not said:
        return ""
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in said)
    return f'<section class="panel warning" id="notice">{lines}</section>'


def _noise(front: Front) -> str:
    return noise_legend(front) or noise_limit(front)


def _left(points: int, noise: str) -> str:
    said = [f"{large(points)} further points are in the file alone, not on this page."]
    lines = [*(said if points else []), *([noise] if noise else [])]
    return "".join(f'<p class="muted">{html.escape(line)}</p>' for line in lines)


def _failures(front: Front) -> str:
    reasons = Counter(p.reason for p in front.points if p.reason is not None)
    if not reasons:
        return ""
    rows = "".join(
        f'<tr><td class="number">{n}</td><td>{html.escape(reason)}</td></tr>'
        for reason, n in reasons.most_common(_REASONS)
    )
    rest = len(reasons) - _REASONS
    more = f'<p class="muted">and {rest} other reasons</p>' if rest > 0 else ""
    return (
        f'<section class="panel" id="failures"><h2>Why {front.counts.failed} '
        f'point{"s" if front.counts.failed > 1 else ""} failed</h2><div class="scroll">'
        '<table class="plain"><thead><tr><th scope="col" class="number">points</th>'
        f'<th scope="col">reason</th></tr></thead><tbody>{rows}</tbody></table></div>{more}'
        "</section>"
    )


def _facts(front: Front) -> str:
    asked = front.study
    rows = [
        ("question", f"{asked.workload} on {asked.chip}"),
        ("objectives", ", ".join(f"{o.goal} {o.name}" for o in asked.objectives)),
        ("constraints", ", ".join(map(_limit, asked.constraints)) or "none"),
        ("strategy", f"{front.strategy}, seed {front.seed}: {front.ended}"),
        ("mapper", f"minimises {asked.mapper_objective}, mapspace {asked.mapspace}"),
        ("versions", ", ".join(f"{name} {v}" for name, v in front.versions.items())),
    ]
    items = "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in rows)
    return f"<dl>{items}</dl>"


def _study(front: Front) -> str:
    if front.study.file is None:
        return '<p class="muted">The study was a program.</p>'
    return (
        "<details><summary>The study as a file</summary>"
        f'<pre tabindex="0">{html.escape(front.study.file)}</pre></details>'
    )
