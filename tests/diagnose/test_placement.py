import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.brute import fewest_steps
from onewatt.diagnose.placement import best_placement, shapes


@st.composite
def arrays(draw):
    ranks, axes = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    sizes = tuple(draw(st.integers(1, 9)) for _ in range(ranks))
    on = tuple(tuple(draw(st.booleans()) for _ in range(axes)) for _ in range(ranks))
    return sizes, on, tuple(draw(st.integers(1, 7)) for _ in range(axes))


@given(arrays())
@settings(max_examples=150, deadline=None)
def test_no_placement_takes_fewer_steps(case):
    sizes, on, axes = case
    found = best_placement(sizes, on, axes)
    named = dict(enumerate(axes))
    wanted = fewest_steps(dict(enumerate(sizes)), named, lambda r, a: on[r][a])
    assert found.steps == wanted
    assert found.steps == math.prod(-(-n // q) for n, q in zip(sizes, found.instances, strict=True))
    for a, size in enumerate(axes):
        assert math.prod(row[a] for row in found.spread) <= size
    for row, able in zip(found.spread, on, strict=True):
        assert all(n == 1 or may for n, may in zip(row, able, strict=True))


@given(arrays())
@settings(max_examples=100, deadline=None)
def test_no_instance_is_without_work(case):
    """One instance less on any axis would take more steps."""
    sizes, on, axes = case
    found = best_placement(sizes, on, axes)
    for n, row in zip(sizes, found.spread, strict=True):
        for held in row:
            if held > 1:
                fewer = math.prod(row) // held * (held - 1)
                assert -(-n // fewer) > -(-n // math.prod(row))


@given(arrays(), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_more_of_an_array_never_takes_more_steps(case, more):
    sizes, on, axes = case
    longer = tuple(n + more for n in axes)
    assert best_placement(sizes, on, longer).steps <= best_placement(sizes, on, axes).steps


def test_large_arrays():
    """128 x 128 PEs: 256 channels fill one axis twice, 128 filters the other once."""
    found = best_placement((128, 256), ((True, False), (False, True)), (128, 128))
    assert found == (2, ((128, 1), (1, 128)))
    assert best_placement((2**20,), ((True,),), (2**20,)).steps == 1


def test_shapes_are_every_array_of_so_many():
    assert list(shapes(12, 2)) == [(1, 12), (2, 6), (3, 4), (4, 3), (6, 2), (12, 1)]
    assert all(math.prod(s) == 30 for s in shapes(30, 3))
    assert len(set(shapes(30, 3))) == 27


@pytest.mark.parametrize("size", [1, 2, 12, 97, 128])
def test_one_rank_on_one_axis(size):
    for n in range(1, 40):
        assert best_placement((n,), ((True,),), (size,)).steps == math.ceil(n / size)
