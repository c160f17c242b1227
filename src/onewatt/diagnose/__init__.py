"""Diagnosis: why a network on a chip is not faster, and what would make it so."""
