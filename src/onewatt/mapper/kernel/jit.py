"""How the search is compiled: with a digest of this folder and of the model's, which it calls."""

from __future__ import annotations

from pathlib import Path

from onewatt.model.kernel import jit
from onewatt.run.jit import Kernels

_KERNELS = Kernels(jit.FOLDER, Path(__file__).parent)
leaf, inlined = _KERNELS.leaf, _KERNELS.inlined
