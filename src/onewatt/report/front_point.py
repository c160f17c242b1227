"""A point of a front in full: its network, chip and mappings, without a search."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from onewatt.codesign.outcome import Built, build
from onewatt.codesign.study import FileStudy, Study, study_of
from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, OnewattError
from onewatt.model.evaluate import evaluate, priceable, versions
from onewatt.model.nest import lower
from onewatt.spec import files
from onewatt.spec.cost import Busy, Cost, Entry
from onewatt.spec.front import Evaluated, Front, LayerSummary, Point
from onewatt.spec.mapping import Mapping
from onewatt.spec.result import Bound, LayerResult, Result

#: How far a result may be from the outcome that the front keeps [1].
_SAME = 1e-6


def study_of_front(front: Front, folder: Path) -> FileStudy:
    """Return the study that a front answers, read from the front itself.

    Parameters
    ----------
    front : Front
        What was found.
    folder : Path
        Where the chips and networks lie that the study names as files.

    Raises
    ------
    InputError
        If the study was a program, or names a file that is not there.
    """
    if front.study.file is None:
        raise InputError("the study was a program, which the front does not hold")
    asked = files.loads(front.study.file, "study", name="study of the front")
    # the limits were judged when it was explored, and whether they can be kept takes long to say
    free = msgspec.structs.replace(asked, constraints=None)
    study = study_of(free, folder=folder, name=front.study.name)
    return dataclasses.replace(study, asked=asked)


def full_result(study: Study, point: Evaluated) -> Result:
    """Return the full result of a point from the mappings that the front keeps.

    Parameters
    ----------
    study : Study
        What the front answers.
    point : Evaluated
        A point with the layers of its result.

    Returns
    -------
    Result
        With the energy and latency of the point; bounds are not worked out again.

    Raises
    ------
    InputError
        If the point has no layers, or its study has changed since and gives another result.
    """
    if point.result is None or point.result.layers is None:
        raise InputError(f"point {point.number} has no mappings in the front; explore with --full")
    built = build(study, Point(knobs=tuple(point.knobs.items())))
    result = _evaluated(built, point.result.layers)
    kept = point.result.totals
    pairs = ((result.energy, kept.energy), (result.latency, kept.latency))
    if not all(math.isclose(now, then, rel_tol=_SAME) for now, then in pairs):
        raise InputError(
            f"point {point.number} now takes {result.energy:g} J and {result.latency:g} s, but "
            f"{kept.energy:g} J and {kept.latency:g} s in the front: what its study names, or "
            "onewatt itself, has changed since; explore again"
        )
    budget = point.result.budget
    return msgspec.structs.replace(result, budget=budget)


def _evaluated(built: Built, kept: Sequence[LayerSummary]) -> Result:
    chip, options = built.architecture, built.options
    prices = price_list(chip)
    workload, unpriced = priceable(built.workload, chip)
    texts = {layer.name: layer for layer in kept}
    entries, busy, layers = list[Entry](), list[Busy](), list[LayerResult]()
    done: dict[object, tuple[str, Cost, int]] = {}
    for einsum in workload.einsums:
        if einsum.name not in texts:
            raise InputError(f"layer {einsum.name!r} is not in the front; explore again")
        summary = texts[einsum.name]
        mapping = Mapping.parse(summary.mapping) if summary.mapping else None
        same = (einsum.signature, einsum.op, einsum.count, einsum.ranks, summary.mapping)
        if same not in done:
            cost = evaluate(einsum, chip, mapping, prices=prices)
            active = lower(einsum, mapping).active if mapping else 0
            done[same] = (einsum.name, cost, active)
        first, cost, active = done[same]
        mine = cost if first == einsum.name else _renamed(cost, einsum.name)
        entries += mine.entries
        busy += mine.busy
        layers.append(
            LayerResult(name=einsum.name, mapping=mapping, active_pes=active,
                        lower_bound=Bound(value=0.0, unit="J"), optimal=summary.optimal,
                        evaluations=1)
        )  # fmt: skip
    return Result(
        workload=msgspec.structs.replace(workload, unpriced=unpriced), architecture=chip,
        prices=prices, objective=options.objective, mapspace=options.mapspace,
        layers=tuple(layers), cost=Cost(entries=tuple(entries), busy=tuple(busy)),
        batch=options.batch, versions=versions(),
    )  # fmt: skip


def _renamed(cost: Cost, name: str) -> Cost:
    """Return the ledger of an equal layer under another name."""
    replace = msgspec.structs.replace
    return Cost(
        entries=tuple(replace(e, einsum=name) for e in cost.entries),
        busy=tuple(replace(b, einsum=name) for b in cost.busy),
    )


def why(error: OnewattError) -> str:
    """Return what an error says as part of a sentence."""
    return str(error).rstrip(".")
