"""Where the reference data lie; what needs them says so where they are missing."""

from __future__ import annotations

import os
from pathlib import Path


class Missing(Exception):
    """The reference data are not there, so nothing of theirs can be computed."""


def folder(name: str) -> Path:
    """Return a folder of the reference data.

    Raises
    ------
    Missing
        If ``ONEWATT_REFERENCE_DATA`` is not set, or has no such folder.
    """
    root = os.environ.get("ONEWATT_REFERENCE_DATA")
    if not root or not (Path(root) / name).is_dir():
        raise Missing(f"ONEWATT_REFERENCE_DATA has no {name}/")
    return Path(root) / name
