"""How kernels are compiled: once after an installation, and again when any of them changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb


class Kernels:
    """Functions of some folders that call each other, compiled when called and kept on disk.

    Numba looks at the age of a function's own file only.  With a digest of all sources in its name,
    a kept result is never used after a change of a function that it calls.
    """

    def __init__(self, *folders: Path) -> None:
        sources = [path for folder in folders for path in sorted(folder.glob("*.py"))]
        self.digest = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:12]

    def compiled(self, function: Callable[..., Any], **options: Any) -> Any:
        """Compile a function; one whose name begins with ``_`` cannot be called from Python."""
        if function.__name__.startswith("_"):  # a door for Python takes its time to compile
            options["no_cpython_wrapper"] = True
        function.__qualname__ = f"{function.__qualname__}-{self.digest}"
        options |= {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}
        # said, as it is otherwise taken from whichever function happens to call this one first
        return nb.njit(**{"_nrt": True} | options)(function)  # pyright: ignore

    def leaf(self, function: Callable[..., Any]) -> Any:
        """Compile a function that makes no arrays, only reads and writes those it is given.

        It need not count references to them, which would take most of its time.
        """
        return self.compiled(function, _nrt=False)

    def inlined(self, function: Callable[..., Any]) -> Any:
        """Compile into every caller.

        For what is called for every word, where a call would count references to its arrays, and
        for what mostly calls something large, which would be optimised once more for it.
        """
        return self.compiled(function, inline="always")


def kept(kernel: Any) -> bool:
    """Return whether numba's cache has a kernel as its sources are now."""
    if nb.config.DISABLE_JIT:  # pyright: ignore
        return True
    try:
        folder = Path(str(kernel.stats.cache_path))
        return any(folder.glob(f"*{kernel.py_func.__qualname__}-*.nbi"))
    except OSError:
        return True  # nobody knows; then say nothing
