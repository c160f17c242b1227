"""A chosen point as files: its chip, and a study of this one point."""

from __future__ import annotations

import shlex

import msgspec

from onewatt.codesign import knobs as turn
from onewatt.codesign.outcome import time_limit
from onewatt.codesign.study import FileStudy, Study, options_of, with_options
from onewatt.report.front_noise import noise_note
from onewatt.report.front_text import value
from onewatt.spec import files
from onewatt.spec.front import Evaluated, Front, Point
from onewatt.spec.study import Knob


def chip_name(point: Evaluated) -> str:
    """Return the name of the file of a point's chip."""
    return f"point_{point.number}.chip.yaml"


def chip_file(front: Front, point: Evaluated, chip: str, command: str) -> str:
    """Return the chip of a point as a file that `onewatt analyze --chip` reads.

    Parameters
    ----------
    front : Front
        What was found.
    point : Evaluated
        The chosen point.
    chip : str
        Its chip as YAML.
    command : str
        What gives the figures of the point again, or why no command does.

    Returns
    -------
    str
        The chip, headed by comments that say where it comes from.
    """
    return _headed([*_about(front, point), command], chip)


def study_file(front: Front, point: Evaluated, study: Study) -> str | None:
    """Return a study of one point as a file that `onewatt explore` reads.

    Returns
    -------
    str or None
        The study of the front with one value a knob; None if it is a program.
    """
    if not isinstance(study, FileStudy):
        return None
    mine = msgspec.structs.replace(
        study.asked, name=f"{study.name}_{point.number}", strategy="grid", evaluations=None,
        knobs=tuple(_only(k, point.knobs[k.path]) for k in study.asked.knobs),
    )  # fmt: skip
    lines = [*_about(front, point), "Lay it beside the files that it names, then: onewatt explore"]
    return _headed(lines, files.dumps(mine, "study"))


def command(point: Evaluated, study: Study) -> str | None:
    """Return the command line that gives the figures of a point again with its chip file.

    Returns
    -------
    str or None
        None if the network is not one that the command line can name.
    """
    if not isinstance(study, FileStudy):
        return None
    chosen = Point(knobs=tuple(point.knobs.items()))
    given = study.given(chosen)
    # both change the network itself, which no chip file can say
    if any(s.path.split(".")[0] in ("density", "bits") for s in given):
        return None
    texts = {s.path: s.text for s in given}
    network = with_options(texts.get(turn.WORKLOAD, study.asked.workload), texts)
    options = options_of(study, chosen)
    cap = time_limit(study.constraints, options)
    # a point that no mapping brings within its time has its fastest
    late = cap is not None and not _in_time(point)
    words = ["onewatt", "analyze", network, "--chip", chip_name(point),
             "--objective", "latency" if late else options.objective,
             "--tiles", options.mapspace]  # fmt: skip
    if cap is not None and not late:
        words += ["--within", f"{cap!r} s"]
    if options.batch != 1:
        words += ["--batch", str(options.batch)]
    return shlex.join(words)


def _in_time(point: Evaluated) -> bool:
    rows = point.result.budget if point.result else ()
    return all(v.met for v in rows if v.kind in ("latency", "rate"))


def _only(knob: Knob, choice: str) -> Knob:
    if knob.settings:
        kept = tuple(s for s in knob.settings if s.name == choice)
        return msgspec.structs.replace(knob, settings=kept)
    return msgspec.structs.replace(knob, values=(choice,))


def _about(front: Front, point: Evaluated) -> list[str]:
    knobs = ", ".join(f"{k}: {v}" for k, v in point.knobs.items())
    measures = ", ".join(
        f"{o.name} {value(o, point.objectives[o.name])}"
        for o in front.study.objectives if o.name in point.objectives
    )  # fmt: skip
    return [
        f"Point {point.number} of the front of {front.study.name} "
        f"({front.study.workload} on {front.study.chip})",
        knobs,
        measures,
        noise_note(front, point).capitalize(),
    ]


def _headed(lines: list[str], content: str) -> str:
    return "".join(f"# {_one_line(line)}\n" for line in lines if line) + content


def _one_line(text: str) -> str:
    r"""Return a text that cannot end the comment it stands in, whatever YAML calls a line.

    Examples
    --------
    >>> _one_line("a\nb: c\u2028d\x00")
    'a b: c d'
    """
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
