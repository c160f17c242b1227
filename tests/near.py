"""Comparison of small SI values: `pytest.approx` alone calls everything below 1e-12 equal."""

from __future__ import annotations

import pytest


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel, abs=0)
