"""Scaling laws: what must hold whatever the numbers are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near import near
from onewatt.components import scaling
from onewatt.errors import InputError

nodes = st.floats(5e-9, 250e-9)


@given(nodes, nodes, nodes)
def test_scaling_in_two_steps_is_scaling_in_one(a, b, c):
    once = scaling.node_factor(a, c).value
    assert once == near(scaling.node_factor(a, b).value * scaling.node_factor(b, c).value)


@given(nodes, nodes)
def test_the_band_of_the_node_holds_its_value_and_is_nothing_at_home(a, b):
    band = scaling.node_factor(a, b)
    assert band.low <= band.value <= band.high
    assert scaling.node_factor(a, a) == (1.0, 1.0, 1.0)


def test_half_the_feature_size_is_half_the_capacitance():
    assert scaling.node_factor(65e-9, 32.5e-9) == near((0.5**1.3, 0.5, 0.5**0.7))


@given(nodes, nodes)
def test_the_supply_never_rises_in_a_smaller_node(a, b):
    small, large = sorted((a, b))
    assert scaling.nominal_voltage(small) <= scaling.nominal_voltage(large) + 1e-12


@pytest.mark.parametrize(("node", "volts"), [(65e-9, 1.0), (45e-9, 0.9), (180e-9, 1.8)])
def test_nominal_supplies(node, volts):
    assert scaling.nominal_voltage(node) == volts


@pytest.mark.parametrize("node", [0.0, -65e-9, math.nan, math.inf])
def test_a_node_that_is_none(node):
    with pytest.raises(InputError, match="expected more than 0, such as '65 nm'"):
        scaling.nominal_voltage(node)


@given(st.floats(0.1, 10), st.floats(-2, 2))
def test_a_power_law_is_found_again(coefficient, exponent):
    points = [(x, coefficient * x**exponent) for x in (1.0, 3.0, 10.0, 40.0)]
    assert scaling.power_law(points) == pytest.approx((coefficient, exponent), abs=1e-9)


@pytest.mark.parametrize(
    "points", [[], [(1.0, 1.0)], [(1, 1), (1, 2)], [(0, 1), (1, 1)], [(1, -1), (2, 1)]]
)
def test_points_that_fix_no_power_law(points):
    with pytest.raises(InputError, match="expected two or more positive ones"):
        scaling.power_law(points)


def test_the_published_multipliers_grow_with_the_square_of_the_width():
    assert scaling.power_law([(8, 0.2), (32, 3.1)])[1] == near(2, rel=0.015)


@given(st.lists(st.floats(1e-15, 1e-6), min_size=1, max_size=9))
def test_the_geometric_mean_lies_among_its_values(values):
    mean = scaling.geometric_mean(values)
    assert min(values) * (1 - 1e-9) <= mean <= max(values) * (1 + 1e-9)


def test_the_geometric_mean_with_a_zero():
    assert scaling.geometric_mean([0.0, 5.0]) == 0.0
