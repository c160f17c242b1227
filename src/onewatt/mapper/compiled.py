"""Whether the compiled parts of the mapper lie in numba's cache, or are compiled when needed."""

from __future__ import annotations

from pathlib import Path

from onewatt.mapper.kernel.explore import explore
from onewatt.mapper.kernel.jit import DIGEST


def compiled() -> bool:
    """Return whether the search is compiled; the first run after an installation does that."""
    folder = Path(str(explore.stats.cache_path))
    try:
        return any(folder.glob(f"*explore-{DIGEST}-*.nbi"))
    except OSError:
        return True  # nobody knows; then say nothing
