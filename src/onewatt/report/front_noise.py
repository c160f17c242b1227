"""Points of a front whose energies cannot be told apart: the uncertainty of prices, in words."""

from __future__ import annotations

from onewatt.codesign.study import Study
from onewatt.errors import OnewattError
from onewatt.model.uncertainty import Spread, distinguishable, spread_of
from onewatt.report.front_point import full_result
from onewatt.spec.front import Evaluated, Front

#: How sure it has to be that two energies differ.
CONFIDENCE = 0.95
#: Points of a front that are compared, each with each; of longer ones the rest gets no note.
MOST = 60


def noise_notes(front: Front, study: Study, *, confidence: float = CONFIDENCE) -> dict[int, str]:
    """Return what to say of points on a front that differ in energy by no more than its noise.

    Parameters
    ----------
    front : Front
        What was found.
    study : Study
        What it answers; the points are costed again from their mappings.
    confidence : float
        How sure it has to be that two energies differ [1].

    Returns
    -------
    dict of int to str
        By number of a point, the other points of the front whose energy is not surely another.

    Notes
    -----
    Errors of components that two chips share move together (`onewatt.model.uncertainty`), so chips
    of the same parts are told apart by differences far smaller than the band of either.
    """
    if "energy" not in {o.name for o in front.study.objectives}:
        return {}
    spreads: dict[int, Spread] = {}
    for point in front.best[:MOST]:
        spread = _spread(study, point)
        if spread:
            spreads[point.number] = spread
    near: dict[int, list[int]] = {number: [] for number in spreads}
    numbers = list(spreads)
    for i, one in enumerate(numbers):
        for other in numbers[i + 1 :]:
            if not distinguishable(spreads[one], spreads[other], confidence=confidence):
                near[one].append(other)
                near[other].append(one)
    return {number: _words(sorted(others), confidence) for number, others in near.items() if others}


def _spread(study: Study, point: Evaluated) -> Spread | None:
    try:
        return spread_of(full_result(study, point))
    except OnewattError:
        return None  # the page says beside the point why it is not known in full


def _words(others: list[int], confidence: float) -> str:
    many = "point" if len(others) == 1 else "points"
    return (
        f"by the uncertainty of prices its energy is not surely another than that of {many} "
        f"{', '.join(map(str, others))} ({confidence:.0%})"
    )
