"""Results: mappings, ledger and bounds of a workload on a chip."""

from __future__ import annotations

from typing import Literal

from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Verdict
from onewatt.spec.cost import Cost
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import Prices
from onewatt.spec.types import Noun
from onewatt.spec.workload import Workload

Objective = Literal["energy", "latency", "edp", "layer_edp"]
Convention = Literal["literal", "timeloop", "isca16", "jssc17"]


class Bound(Noun):
    """A value that no mapping can beat, in `unit` (J, s or J s).

    `compulsory` is the part of it that does not depend on the sizes of memories, if it is known.
    """

    value: float
    unit: str
    compulsory: float | None = None


class LayerResult(Noun):
    """What was found for one layer.

    `mapping` is None for vector work.  `evaluations` counts the sets of mappings that were bounded
    or costed.  `optimal` says that the search proved there is none better in its mapspace; `gap` is
    the share by which a better one could undercut this if the search was stopped.
    """

    name: str
    mapping: Mapping | None
    active_pes: int
    lower_bound: Bound
    optimal: bool
    evaluations: int = 0
    gap: float = 0.0


class Result(Noun):
    """The answer of a search: which mappings, what they cost, and how sure that is.

    `within` is the cap on the latency of one batch [s] under which the energy was minimised, if
    there was one.
    """

    workload: Workload
    architecture: Architecture
    prices: Prices
    objective: Objective
    mapspace: str
    layers: tuple[LayerResult, ...]
    cost: Cost
    convention: Convention = "literal"
    batch: int = 1
    seed: int = 0
    versions: tuple[tuple[str, str], ...] = ()
    budget: tuple[Verdict, ...] = ()
    within: float | None = None

    @property
    def energy(self) -> float:
        """Energy of one batch [J]."""
        return self.cost.energy

    @property
    def latency(self) -> float:
        """Latency of one batch, layers in sequence [s]."""
        return sum(self.cost.cycles_by_einsum().values()) / self.architecture.clock

    @property
    def edp(self) -> float:
        """Energy-delay product of the whole network, (ΣE)·(ΣT) [J s]."""
        return self.energy * self.latency

    @property
    def power(self) -> float:
        """Energy over latency [W]."""
        return self.energy / self.latency if self.latency else 0.0

    def cycles(self, layer: str) -> float:
        """Return the cycles of one layer, all its runs together."""
        return self.cost.cycles(layer)
