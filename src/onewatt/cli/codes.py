"""Exit codes of every verb."""

from __future__ import annotations

DONE, BAD_INPUT, BUDGET_MISSED, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141
