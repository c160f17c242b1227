"""AI in a one-watt budget: where the joules and cycles of a network on a chip go, and why."""

__version__ = "0.1.0"
