"""The errors onewatt raises, one sentence per class.

Every message says where, what was found, what was expected and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OnewattError(Exception):
    """Anything onewatt refuses; the command line turns it into one line and exit code 1."""


class InputError(OnewattError):
    """An argument or a file that does not say what it has to say."""


class InsideError(InputError):
    """A noun that contradicts itself at a place inside: keys and names that lead there."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


class UnitError(InputError):
    """A quantity without a unit, or with a unit of another kind."""


class ImportFailure(InputError):
    """A model file that cannot be read as a network."""


class MappingError(InputError):
    """A mapping that does not fit the workload or the architecture."""


class OutOfReach(InputError):
    """Limits that nothing in a space can keep, known before anything runs."""


class MissingDependency(OnewattError):
    """An optional package that the request needs is not installed."""


class Stopped(Exception):
    """A search that was asked to stop: it was no mistake, but not all that was asked is there."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest valid name, or an empty string."""
    by_lower = {v.lower(): v for v in valid}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


def unknown(what: str, name: str, valid: Iterable[str]) -> str:
    """Return the sentence for a name that is not in a list of valid names."""
    known = list(valid)
    shown = ", ".join(known) if len(known) <= 24 else ", ".join(known[:24]) + ", ..."
    return f"unknown {what} {name!r}.{nearest(name, known)} Valid: {shown}."
