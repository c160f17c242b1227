"""Package data: the dataflows that can be put on any chip with an array."""
