"""The chips that come with onewatt, as package data."""
