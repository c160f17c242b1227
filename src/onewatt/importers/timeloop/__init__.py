"""Timeloop v4: its architecture, problem, constraint and mapping files, and its mapping strings."""
