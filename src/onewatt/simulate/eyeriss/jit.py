"""How the clockwork is compiled: once after an installation, and again when any part changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb

#: A digest of every source that the compiled code is made of.
DIGEST = hashlib.sha256(
    b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()[:12]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, and keep the result on disk.

    Numba looks at the age of a function's own file only.  With the digest in its name, a kept
    result is never used after a change of a function that it calls.
    """
    return _compile(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile what is called for every word: a call would count references to all its arrays."""
    return _compile(function, inline="always")


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    function.__qualname__ = f"{function.__qualname__}-{DIGEST}"
    return nb.njit(cache=True, error_model="numpy", **options)(function)  # pyright: ignore
