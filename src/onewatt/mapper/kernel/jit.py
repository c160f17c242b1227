"""How the kernels are compiled: once after an installation, and again when any of them changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb

from onewatt.model import kernel as model_kernel


def _digest() -> str:
    """Return a digest of every source that compiled code of the mapper is made of."""
    sources = [Path(model_kernel.__file__), *sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:12]


DIGEST = _digest()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, and keep the result on disk.

    Numba looks at the age of a function's own file only.  With the digest in its name, a kept
    result is never used after a change of a function that it calls.
    """
    return _compile(function)


def leaf(function: Callable[..., Any]) -> Any:
    """Compile a function that makes no arrays, only reads and writes those it is given.

    It need not count references to them, which would take most of its time.
    """
    return _compile(function, _nrt=False)


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    """Compile; what only compiled code calls gets no door for Python, which takes its time too."""
    if function.__name__.startswith("_"):
        options["no_cpython_wrapper"] = True
    function.__qualname__ = f"{function.__qualname__}-{DIGEST}"
    options |= {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    return nb.njit(**options)(function)  # pyright: ignore
