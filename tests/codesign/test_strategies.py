"""Strategies against brute force, on spaces small enough to try every point."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.codesign.front import hypervolume, pareto
from onewatt.codesign.strategies import STRATEGIES, read_strategy, strategy_text
from onewatt.codesign.strategies.base import Asking, Tried
from onewatt.codesign.study import points, size
from onewatt.errors import InputError, MissingDependency
from onewatt.spec.study import Knob

SPACE = tuple(
    Knob(path=name, values=tuple(map(str, range(1, n + 1))))
    for name, n in (("x", 9), ("y", 7), ("z", 5))
)


def smooth(point):
    """Two aims that pull apart along x, and both want y and z in the middle."""
    x, y, z = (float(point[k]) for k in "xyz")
    rest = (y - 4) ** 2 + (z - 2) ** 2
    return x**2 + rest + 1, (9 - x) ** 2 + 2 * rest + 1


def tell(point, values, limit=None):
    misses = () if limit is None else (values[0] / limit - 1,)
    return Tried(point, values, misses)


def run(strategy, of, most, *, seed=0, space=SPACE, objectives=2, limit=None, fails=None):
    """Drive a strategy as `explore` does; return the points tried, in order."""
    tried = {}
    proposals = strategy.proposals(Asking(space, objectives, seed))
    try:
        generation = next(proposals)
        for _ in range(400):
            for point in dict.fromkeys(generation):
                if point not in tried and len(tried) < most:
                    failed = fails is not None and fails(point)
                    tried[point] = Tried(point, None) if failed else tell(point, of(point), limit)
            if len(tried) >= most:
                break
            generation = proposals.send([tried[p] for p in generation])
    except StopIteration:
        pass
    finally:
        proposals.close()
    return tried


def volume(found):
    return hypervolume([t.values for t in found if t.values], (90.0, 90.0))


BEST = volume([tell(p, smooth(p)) for p in points(SPACE)])


def test_a_grid_is_every_point_in_order():
    assert list(run(read_strategy("grid:generation=10"), smooth, 1000)) == list(points(SPACE))


@pytest.mark.parametrize("seed", [0, 1])
def test_random_is_every_point_once(seed):
    found = list(run(read_strategy("random"), smooth, 1000, seed=seed))
    assert sorted(p.knobs for p in found) == sorted(p.knobs for p in points(SPACE))
    assert found != list(points(SPACE))


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(0, 1000))
def test_random_draws_without_repetition(values, seed):
    space = (Knob(path="a", values=tuple(map(str, range(values)))),)
    found = [
        p for batch in read_strategy("random:generation=4").proposals(Asking(space, 1, seed))
        for p in batch
    ]  # fmt: skip
    assert sorted(p["a"] for p in found) == sorted(space[0].values)


def test_random_draws_from_spaces_that_fit_no_memory():
    space = tuple(Knob(path=f"k{i}", values=tuple(map(str, range(64)))) for i in range(12))
    assert size(space) == 2**72
    found = run(read_strategy("random"), lambda p: (1.0, 1.0), 64, space=space)
    assert len(found) == 64


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["coordinate_descent", "evolve", "tpe"])
def test_a_strategy_finds_nearly_the_front_that_brute_force_finds(name, seed):
    """A third of the points give most of the front, and more than chance does on average."""
    found = run(read_strategy(name), smooth, 105, seed=seed)
    assert len(found) == 105
    assert volume(found.values()) >= 0.93 * BEST
    chance = [volume(run(read_strategy("random"), smooth, 105, seed=s).values()) for s in range(8)]
    assert volume(found.values()) > sum(chance) / len(chance)


@pytest.mark.parametrize("name", ["coordinate_descent", "evolve", "tpe"])
def test_one_objective_finds_its_optimum(name):
    of = lambda p: (smooth(p)[0],)  # noqa: E731
    found = run(read_strategy(name), of, 120, objectives=1)
    assert min(t.values for t in found.values()) == (1.0 + 1.0,)


def test_coordinate_descent_walks_down_a_bowl_in_two_rounds():
    """Each knob's best does not depend on the others, so one round of lines finds the optimum."""
    found = run(
        read_strategy("coordinate_descent:starts=1"), lambda p: (smooth(p)[0],), 1000, objectives=1
    )
    lines = 1 + sum(len(k.choices) - 1 for k in SPACE)
    assert len(found) <= 2 * lines
    assert min(t.values for t in found.values()) == (2.0,)


@pytest.mark.parametrize("name", ["coordinate_descent", "evolve", "tpe"])
def test_limits_come_before_objectives(name):
    """Only a corner of the space is allowed; chance would find it with a fifth of its points."""
    found = run(read_strategy(name), smooth, 150, limit=6.0)
    kept = [t for t in found.values() if t.excess == 0]
    allowed = sum(smooth(p)[0] <= 6.0 for p in points(SPACE))
    assert len(kept) / len(found) > 1.2 * allowed / size(SPACE)
    best = [t.values for t in kept]
    assert len(pareto(best)) >= 1


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_points_that_fail_do_not_end_a_strategy(name):
    found = run(read_strategy(name), smooth, 60, fails=lambda p: p["x"] in "13579")
    assert len(found) == 60
    assert any(t.values is None for t in found.values())
    everything = run(read_strategy(name), smooth, 40, fails=lambda p: True)
    assert len(everything) == 40


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_equal_seeds_propose_equal_points(name):
    one, two = (list(run(read_strategy(name), smooth, 80, seed=3)) for _ in range(2))
    assert one == two
    if name != "grid":
        assert list(run(read_strategy(name), smooth, 80, seed=4)) != one


def test_unordered_knobs_are_no_numbers_to_optuna():
    space = (Knob(path="chip", values=("a", "c", "b")), SPACE[0])
    found = run(
        read_strategy("tpe"), lambda p: (math.fabs("acb".index(p["chip"]) - 1), float(p["x"])), 27,
        space=space,
    )  # fmt: skip
    assert len(found) == 27


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_a_strategy_is_text_and_back(name):
    assert strategy_text(read_strategy(name)) == name
    assert read_strategy(strategy_text(read_strategy(name))) == read_strategy(name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("evolv", "unknown strategy 'evolv'. Did you mean 'evolve'?"),
        ("evolve:popul=3", "unknown key of evolve 'popul'. Did you mean 'population'?"),
        ("evolve:population=many", "found 'many'; expected a whole number"),
        (
            "evolve:population=1",
            "strategy 'evolve:population=1': found population=1; expected at least 2",
        ),
        ("grid:generation=0", "found generation=0; expected at least 1"),
    ],
)
def test_a_bad_strategy_is_refused(text, says):
    with pytest.raises(InputError) as refused:
        read_strategy(text)
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["evolve", "tpe"])
def test_optuna_that_is_not_installed_is_said(name, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingDependency, match=r"pip install 'onewatt\[explore\]', or use grid"):
        next(read_strategy(name).proposals(Asking(SPACE, 2, 0)))
