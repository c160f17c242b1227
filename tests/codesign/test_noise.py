"""Which points of a front its noise does not tell apart, against full results and by hand."""

from __future__ import annotations

import itertools

import msgspec
import pytest

import onewatt as ow
from codesign.studies import Tiny
from onewatt.codesign import noise
from onewatt.codesign.explore import explore
from onewatt.codesign.outcome import build, result_of
from onewatt.codesign.study import study_of
from onewatt.model.uncertainty import spread_of, undecided
from onewatt.spec.front import Point
from onewatt.spec.price import Uncertain
from onewatt.spec.study import Objective

STUDY = """
workload: mlperf_ad
chip: eyeriss
knobs: {batch: [1, 4], chip.filter_spad.capacity: [56 B, 112 B, 224 B, 448 B]}
objectives: [OBJECTIVE, latency, area]
"""


def study(objective):
    text = STUDY.replace("OBJECTIVE", objective)
    if objective == "power":
        text = text.replace(", latency", ", rate")
    return study_of(ow.spec.files.loads(text, "study"))


@pytest.mark.parametrize(
    ("objective", "times"),
    [("energy", lambda r: 1 / r.batch), ("edp", lambda r: r.latency / r.batch),
     ("power", lambda r: 1 / r.latency)],
)  # fmt: skip
def test_marks_are_those_of_the_full_results(objective, times, tmp_path):
    asked = study(objective)
    front = explore(asked, cache=tmp_path)
    results = {
        p.number: result_of(build(asked, Point(knobs=tuple(p.knobs.items()))), tmp_path)
        for p in front.best
    }
    if objective != "edp":
        assert len({r.batch for r in results.values()}) == 2, "the test is one of batches"
    rows = undecided([spread_of(r) for r in results.values()],
                     times=[times(r) for r in results.values()])  # fmt: skip
    numbers = list(results)
    expected = {n: tuple(sorted(numbers[i] for i in row))
                for n, row in zip(numbers, rows, strict=True)}  # fmt: skip
    assert {p.number: p.within_noise_of for p in front.best} == expected
    assert any(expected.values()), "nothing is near anything: the test shows nothing"
    assert not all(len(near) == len(expected) - 1 for near in expected.values())


def test_who_is_near_is_near_both_ways():
    front = explore(Tiny())
    wide = {p.number: (Uncertain(f"own {p.number}", 1.0, 0.5, 2.0),) for p in front.best}
    marked = noise.with_noise(front, wide.__getitem__)
    for a, b in itertools.combinations(marked.best, 2):
        assert (a.number in b.within_noise_of) == (b.number in a.within_noise_of)
    assert all(len(p.within_noise_of) == len(wide) - 1 for p in marked.best)
    assert noise.with_noise(marked, lambda n: ()).best == marked.best, "nothing known, nothing new"


def test_a_long_front_is_compared_as_far_as_is_said(monkeypatch):
    monkeypatch.setattr(noise, "MOST", 2)
    front = explore(Tiny())
    assert len(front.best) > 2
    assert [p.within_noise_of is None for p in front.best][:3] == [False, False, True]


@pytest.mark.parametrize(
    ("names", "limits", "expected"),
    [
        (("latency", "area"), (), None),
        (("power",), (), "power"),
        (("power",), ("rate: 30 Hz",), None),
        (("power", "edp"), ("rate: 30 Hz",), "edp"),
    ],
)
def test_what_is_compared_follows_the_objectives(names, limits, expected):
    front = explore(Tiny(), evaluations=1)
    objectives = tuple(Objective.parse(n) for n in names)
    asked = msgspec.structs.replace(front.study, objectives=objectives, constraints=limits)
    assert noise.noisy_measure(msgspec.structs.replace(front, study=asked)) == expected
