"""One virtual environment for each peer, with pinned versions, in a folder git ignores.

    python benchmarks/peers/environments.py [zigzag accelforge]

ONEWATT_PEERS_PYTHON312 may name the Python 3.12 that AccelForge needs; by default `python3.12`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / ".envs"
PACKAGES = {
    # ZigZag imports six but does not declare it
    "zigzag": ["zigzag-dse==3.9.1", "six"],
    "accelforge": ["accelforge==1.0.467"],
}


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, whether or not it exists."""
    return FOLDER / peer / "bin" / "python"


def missing(peer: str) -> str:
    """Return what to do if a peer is not installed, or nothing."""
    if python_of(peer).exists():
        return ""
    return f"not installed; run python {Path(__file__).name} {peer}"


def install(peer: str) -> None:
    """Make the environment of a peer, anew if it exists."""
    creator = sys.executable
    if peer == "accelforge":
        wanted = os.environ.get("ONEWATT_PEERS_PYTHON312", "python3.12")
        creator = shutil.which(wanted) or sys.exit(f"{peer} needs Python 3.12; found no {wanted!r}")
    subprocess.run([creator, "-m", "venv", "--clear", str(FOLDER / peer)], check=True)
    pip = [str(python_of(peer)), "-m", "pip", "install", "--quiet", *PACKAGES[peer]]
    subprocess.run(pip, check=True)


def versions(peer: str) -> dict[str, str]:
    """Return the versions of a peer and of its Python."""
    name = PACKAGES[peer][0].split("==")[0]
    code = (
        "import platform; from importlib.metadata import version; "
        f"print(version({name!r}), platform.python_version())"
    )
    out = subprocess.run([str(python_of(peer)), "-c", code], capture_output=True, text=True)
    found = out.stdout.split()
    return {name: found[0], "python": found[1]} if len(found) == 2 else {}


if __name__ == "__main__":
    for chosen in sys.argv[1:] or PACKAGES:
        install(chosen)
