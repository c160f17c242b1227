"""How the clockwork is compiled: with a digest of this folder, see `onewatt.run.jit`."""

from __future__ import annotations

from pathlib import Path

from onewatt.run.jit import Kernels

_KERNELS = Kernels(Path(__file__).parent)
compiled, inlined = _KERNELS.compiled, _KERNELS.inlined
