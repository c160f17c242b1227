"""The version of onewatt."""

__version__ = "0.1.0"
