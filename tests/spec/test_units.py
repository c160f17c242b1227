"""Units: a quantity that is written reads back as itself, and a wrong one says what is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near import near
from onewatt.errors import UnitError
from onewatt.units import DIMENSIONS, format_quantity, parse_quantity

EVERY_UNIT = [(d, u) for d in DIMENSIONS for u in DIMENSIONS[d].table]


@given(
    value=st.floats(min_value=1e-30, max_value=1e30),
    unit=st.sampled_from(sorted(set(DIMENSIONS) - {"bit"})),
)
def test_a_formatted_quantity_parses_to_the_same_value(value, unit):
    assert parse_quantity(format_quantity(value, unit), unit) == value


@given(bits=st.integers(min_value=0, max_value=2**50))
def test_a_formatted_capacity_parses_to_the_same_bits(bits):
    assert parse_quantity(format_quantity(bits, "bit"), "bit") == bits


@given(value=st.floats(min_value=1e-15, max_value=1e6), digits=st.integers(2, 6))
def test_rounded_output_is_within_half_a_digit(value, digits):
    shown = parse_quantity(format_quantity(value, "J", digits), "J")
    assert shown == near(value, rel=0.51 * 10.0 ** (1 - digits))


@pytest.mark.parametrize(("dimension", "unit"), EVERY_UNIT)
def test_every_unit_of_the_tables_is_read(dimension, unit):
    assert parse_quantity(f"2 {unit}", dimension) == 2 * DIMENSIONS[dimension].table[unit]
    if not unit[0].isdigit():
        assert parse_quantity(f"2{unit}", dimension) == 2 * DIMENSIONS[dimension].table[unit]


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("108 KiB", "bit", 108 * 1024 * 8),
        ("1 kB", "bit", 8000),
        ("200 MHz", "Hz", 2e8),
        ("0.96 pJ", "J", 0.96e-12),
        (".5 mJ", "J", 0.5e-3),
        ("1e3 nJ", "J", 1e-6),
        ("30 fps", "Hz", 30),
        ("12.25 mm²", "m2", 12.25e-6),
        ("3.2 GB/s", "bit/s", 25.6e9),
        ("2 h", "s", 7200),
    ],
)
def test_known_quantities(text, unit, value):
    assert parse_quantity(text, unit) == near(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("108", "bit", "found '108' without a unit, expected a capacity or width with its unit"),
        (108, "bit", "write 108 with a unit"),
        (True, "J", "found True, expected an energy"),
        (None, "J", "found None, expected an energy"),
        ("five pJ", "J", "found 'five pJ', expected an energy with its unit, such as '0.96 pJ'"),
        ("5 MHz", "J", "unit 'MHz', which is a frequency; expected an energy"),
        ("5 pj", "J", "unknown unit 'pj'. Did you mean 'pJ'? Expected an energy"),
        ("1e999 J", "J", "not a finite number"),
        ("1e308 kJ", "J", "too large for a number"),
        ("nan J", "J", "expected an energy"),
        ("1 J 2 J", "J", "unit 'J 2 J'"),
    ],
)
def test_messages_of_units(text, unit, message):
    with pytest.raises(UnitError, match=re.escape(message)):
        parse_quantity(text, unit)
