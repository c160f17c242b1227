"""docs/witnesses.md names tests; all of them exist, and every number of the list is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/witnesses.md").read_text(encoding="utf-8")


@cache
def names_in(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}


def named():
    """Yield each row with the tests it names; a bare ``::name`` is in the file before it."""
    for row in PAGE.splitlines():
        if not row.startswith("|") or "`" not in row:
            continue
        place, found = "", []
        for path, name in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", row):
            place = path or place
            found.append((place, name))
        yield row, found


def test_every_test_that_is_named_exists():
    rows = list(named())
    assert len(rows) == 25
    for row, found in rows:
        assert found, row
        for path, name in found:
            assert name in names_in(path), (path, name)


def test_the_facts_are_numbered_without_a_gap():
    numbers = [int(n) for n in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, 20))
