"""Compressed formats, bit by bit: RLC of Eyeriss and CSC of Eyeriss v2."""
