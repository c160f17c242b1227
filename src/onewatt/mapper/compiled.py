"""Whether the compiled parts of the mapper lie in numba's cache, or are compiled when needed."""

from __future__ import annotations

from pathlib import Path

from onewatt.mapper import kernel


def compiled() -> bool:
    """Return whether the search is compiled; the first run after an installation does that.

    Notes
    -----
    Numba writes the index of a function when it has compiled it, and never looks at one that is
    older than the source.
    """
    source = Path(kernel.__file__)
    folder = Path(str(kernel.explore.stats.cache_path))  # pyright: ignore
    try:
        newest = max(
            (p.stat().st_mtime for p in folder.glob(f"{source.stem}.explore-*.nbi")), default=0.0
        )
        return newest >= source.stat().st_mtime
    except OSError:
        return True  # nobody knows; then say nothing
