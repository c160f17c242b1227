"""onewatt's side: the only place that calls its search."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec

import onewatt as ow
from onewatt.spec.workload import Index, Rank, Tensor

OBJECTIVES = {"edp": "layer_edp", "energy": "energy"}
#: The sets of tile sizes that are measured: perfect factors, and the default with imperfect ones.
TILE_SETS = ("perfect", "tight")
#: CPU seconds a layer has before the search ends with the best so far, which is then not proven.
LIMIT = 20.0


def tile_sets() -> tuple[str, ...]:
    """Return the sets of tile sizes to measure."""
    return TILE_SETS


def best(einsum: ow.Einsum, chip: ow.Architecture, objective: str, tiles: str) -> ow.Result:
    """Return onewatt's best mapping of one layer."""
    network = ow.Workload(name="one", einsums=(einsum,))
    options: dict[str, Any] = {"objective": OBJECTIVES[objective], "tiles": tiles}
    return ow.search(network, chip, stop=_Spent(LIMIT), **options)


class _Spent(threading.Event):
    """Set once this process has spent some CPU seconds, however busy others are."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.process_time() + seconds

    def is_set(self) -> bool:
        """Return whether they are spent."""
        return time.process_time() > self.end


def measure(einsum: ow.Einsum, chip: ow.Architecture, objective: str, tiles: str) -> dict[str, Any]:
    """Map one layer and return nest, score and CPU seconds; call `warm_up` before."""
    start = time.process_time()
    try:
        result = best(einsum, chip, objective, tiles)
    except ow.OnewattError as error:
        seconds = time.process_time() - start
        return {"status": "failed", "cpu_s": seconds, "reason": str(error)}
    seconds = time.process_time() - start
    layer = result.layers[0]
    cost = ow.evaluate(einsum, chip, layer.mapping)
    return {
        "status": "finished",
        "cpu_s": seconds,
        "proven": layer.optimal,
        "mapspace": result.mapspace,
        "lower_bound": msgspec.to_builtins(layer.lower_bound),
        "score": {
            "energy_J": cost.energy,
            "cycles": cost.cycles(einsum.name),
            "method": "direct",
            "mapping": str(layer.mapping),
            "overflow": [],
        },
    }


def warm_up(chip: ow.Architecture) -> float:
    """Map two tiny layers so that everything is compiled, and return the CPU seconds of that."""
    start = time.process_time()
    for stride in (1, 2):
        for objective in OBJECTIVES:
            for tiles in tile_sets():
                best(_tiny(stride), chip, objective, tiles)
    return time.process_time() - start


def _tiny(stride: int) -> ow.Einsum:
    parts = {
        "Inputs": ("C", f"{stride}P+R", f"{stride}Q+S"),
        "Weights": ("M", "C", "R", "S"),
        "Outputs": ("M", "P", "Q"),
    }
    tensors = [
        Tensor(name=name, projection=tuple(Index.parse(i) for i in indices))
        for name, indices in parts.items()
    ]
    sizes = {"M": 4, "C": 4, "P": 6, "Q": 6, "R": 3, "S": 3}
    ranks = tuple(Rank(name=n, size=s) for n, s in sizes.items())
    return ow.Einsum(
        name="tiny", op="conv", ranks=ranks, inputs=tuple(tensors[:2]), output=tensors[2]
    )
