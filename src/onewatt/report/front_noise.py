"""What to say of the points of a front whose energies the uncertainty of prices leaves open."""

from __future__ import annotations

from onewatt.codesign.noise import CONFIDENCE, MOST, noisy_measure
from onewatt.report.wording import percent
from onewatt.spec.front import Evaluated, Front

#: Numbers of points that a mark names.
_NAMED = 4


def noise_notes(front: Front) -> dict[int, str]:
    """Return what to say of each point of a front that has another within its noise.

    Parameters
    ----------
    front : Front
        What was found.

    Returns
    -------
    dict of int to str
        By number of a point, in words.
    """
    return {p.number: note for p in front.points if (note := noise_note(front, p))}


def noise_note(front: Front, point: Evaluated) -> str:
    """Return in words which points the noise does not tell from one; nothing if it does."""
    others = point.within_noise_of
    if not others:
        return ""
    many = "point" if len(others) == 1 else "points"
    return (
        f"by the uncertainty of prices its {noisy_measure(front) or 'energy'} is not surely "
        f"another than that of {many} {', '.join(map(str, others))} ({percent(CONFIDENCE)})"
    )


def noise_mark(point: Evaluated) -> str:
    """Return which points the noise does not tell from one, as short as a table wants it.

    Examples
    --------
    >>> point = Evaluated(number=0, knobs={}, objectives={}, feasible=True, on_front=True)
    >>> from msgspec.structs import replace
    >>> noise_mark(point), noise_mark(replace(point, within_noise_of=(3, 5)))
    ('', '~ 3, 5')
    >>> noise_mark(replace(point, within_noise_of=(1, 2, 3, 4, 5, 6)))
    '~ 1, 2, 3, 4 and 2 more'
    """
    others = point.within_noise_of or ()
    if not others:
        return ""
    rest = len(others) - _NAMED
    return f"~ {', '.join(map(str, others[:_NAMED]))}" + (f" and {rest} more" if rest > 0 else "")


def noise_legend(front: Front) -> str:
    """Return what the marks of a front mean, and which points have none; nothing without marks."""
    if not any(p.within_noise_of for p in front.points):
        return ""
    said = (
        f"~ N: by the uncertainty of prices not surely another {noisy_measure(front)} than "
        f"point N ({percent(CONFIDENCE)})."
    )
    return f"{said} {noise_limit(front)}".rstrip()


def noise_limit(front: Front) -> str:
    """Return which points of a front were not compared with others; nothing if all were."""
    many = sum(p.on_front for p in front.points)
    if many <= MOST or noisy_measure(front) is None:
        return ""
    return f"Of the {many} points of the front the first {MOST} were compared in this."
