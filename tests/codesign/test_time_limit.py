"""A limit on time steers a mapper that minimises energy: a point is feasible if a mapping is."""

from __future__ import annotations

import shlex

import pytest

import onewatt as ow
from onewatt.codesign.explore import explore
from onewatt.codesign.outcome import build, result_of
from onewatt.codesign.study import Options, points, study_of
from onewatt.mapper.search import search
from onewatt.report.front_export import command
from onewatt.spec.budget import Budget

STUDY = """
name: timed
workload: mlperf_ad
chip: eyeriss_256
knobs: {batch: [1, 2], chip.clock: [200 MHz, 100 MHz]}
objectives: [OBJECTIVES]
constraints: LIMITS
"""


def study(limits, objectives="energy, area"):
    text = STUDY.replace("LIMITS", limits).replace("OBJECTIVES", objectives)
    return study_of(ow.spec.files.loads(text, "study"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("layers")


@pytest.fixture(scope="module")
def ends(cache):
    """The least energy and the fastest mapping of the first point, without a limit."""
    net, chip = ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss_256")
    return [search(net, chip, objective=o, tiles="perfect", cache=cache)
            for o in ("energy", "latency")]  # fmt: skip


@pytest.mark.parametrize("limits", ["20 us", "50 kHz", "20 us, 1 mJ"])
def test_a_point_is_feasible_although_the_least_energy_is_too_slow(limits, ends, cache):
    cheap, fast = ends
    assert fast.latency < 20e-6 < cheap.latency, "the plain optimum misses the limit"
    asked = study(limits)
    front = explore(asked, cache=cache)
    first = front.points[0]
    assert first.feasible
    assert first.objectives["energy"] == pytest.approx(first.result.totals.energy)
    assert cheap.energy < first.objectives["energy"] < fast.energy
    assert first.result.totals.latency <= 20e-6
    within = search(cheap.workload, cheap.architecture, objective="energy", within=20e-6,
                    tiles="perfect", cache=cache)  # fmt: skip
    assert first.objectives["energy"] == within.energy


def test_a_rate_is_of_inferences_and_a_latency_of_a_batch(cache):
    for limits, batch in (("20 us", 20e-6), ("50 kHz", 40e-6)):
        two = explore(study(limits), cache=cache).points[2]
        assert two.knobs["batch"] == "2"
        assert two.feasible
        assert two.result.totals.latency <= batch


def test_the_command_of_a_point_gives_its_figures_again(cache):
    asked = study("20 us")
    point = explore(asked, cache=cache).points[0]
    words = shlex.split(command(point, asked))
    assert words[-2:] == ["--within", "2e-05 s"]
    again = search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss_256"), tiles="perfect",
                   objective="energy", within="2e-05 s", cache=cache)  # fmt: skip
    assert again.energy == point.objectives["energy"]


def test_where_no_mapping_is_in_time_the_fastest_says_by_how_much(ends, cache):
    """The limit lies above the bound that is checked before, and below what mappings reach."""
    _, fast = ends
    limit = f"{fast.latency * 0.999999!r} s"
    text = STUDY.replace("LIMITS", limit).replace("OBJECTIVES", "energy")
    text = text.replace("200 MHz, 100 MHz", "200 MHz").replace("batch: [1, 2]", "batch: [1]")
    limited = study_of(ow.spec.files.loads(text.replace(f"constraints: {limit}", ""), "study"))
    built = build(limited, next(points(limited.space)))
    result = result_of(built, cache, Budget.parse(limit))
    assert result.latency == fast.latency
    exact = result_of(built, cache, Budget.parse(f"{fast.latency!r} s"))
    assert exact.latency == fast.latency, "a limit that is just reached is kept"
    assert exact.energy <= fast.energy


def test_a_mapper_that_minimises_something_else_is_not_steered(ends, cache):
    asked = study("20 us", "energy, latency")
    built = build(asked, next(points(asked.space)))
    assert built.options.objective == "edp"
    plain = search(built.workload, built.architecture, tiles="perfect", cache=cache)
    assert result_of(built, cache, asked.constraints).energy == plain.energy
    energy = built._replace(options=Options("energy"))
    assert result_of(energy, cache, Budget.parse("1 s")).energy == ends[0].energy
