"""How the counting is compiled: with a digest of this folder, see `onewatt.run.jit`."""

from __future__ import annotations

from pathlib import Path

from onewatt.run.jit import Kernels

FOLDER = Path(__file__).parent
_KERNELS = Kernels(FOLDER)
compiled, leaf, inlined = _KERNELS.compiled, _KERNELS.leaf, _KERNELS.inlined
