"""Eyexam: seven bounds on the speed of a layer, each with one constraint of the chip more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

from onewatt.diagnose.bounds import Facts, examine
from onewatt.diagnose.delivery import Delivery
from onewatt.diagnose.wording import fragmentation, said
from onewatt.errors import InputError, unknown
from onewatt.model.sparse import effective
from onewatt.spec.cost import Busy, Cost
from onewatt.spec.result import LayerResult, Result
from onewatt.spec.types import Noun
from onewatt.spec.workload import Einsum

StepName = Literal[
    "layer shape", "dataflow", "number of PEs", "array dimensions", "storage", "bandwidth",
    "access pattern",
]  # fmt: skip
STEPS: tuple[StepName, ...] = get_args(StepName)
#: What the time of a network goes to besides the seven steps.
PEAK, CHOICE, VECTOR = "arithmetic at peak", "choice of mapping", "vector work"


class Step(Noun):
    """One of the seven bounds.

    `bound` is in MACs per cycle, `cycles` the fewest cycles of one run, `loss` how far the bound is
    below the one before [MAC/cycle].  `lost` are the cycles of all runs that the constraint costs
    beyond what the chip needs with every PE at work.
    """

    name: StepName
    bound: float
    cycles: float
    loss: float
    lost: float
    cause: str
    knob: str


class LayerExam(Noun):
    """The seven bounds of a layer and what they come from.

    `peak` are the MACs per cycle of all PEs, `active` those of the PEs that the mapping keeps at
    work, on average.  `spatial` and `temporal` are the two fragmentations of the best placement:
    the share of PEs that ever have work, and how full those are.  `chosen` are the cycles of all
    runs, among those lost to storage, that no memory forces but the mapping chose.
    """

    name: str
    op: str
    count: int
    macs: int
    cycles: float
    peak: float
    active: float
    spatial: float
    temporal: float
    chosen: float
    bottleneck: str
    steps: tuple[Step, ...]
    deliveries: tuple[Delivery, ...]
    measured: bool = False

    @property
    def bounds(self) -> tuple[float, ...]:
        """The seven bounds, in MACs per cycle."""
        return tuple(s.bound for s in self.steps)


class Cause(Noun):
    """What something costs a network: cycles of all layers, and their share of the time [1]."""

    name: str
    cycles: float
    share: float


class Exam(Noun):
    """The exam of a network on a chip.

    `vector_cycles` are those of layers without MACs, which have no bounds.  `left` names the layers
    without bounds, because all their operations are skipped.
    """

    workload: str
    chip: str
    objective: str
    layers: tuple[LayerExam, ...]
    vector_cycles: float = 0.0
    left: tuple[str, ...] = ()

    @property
    def cycles(self) -> float:
        """Cycles of the whole network."""
        return math.fsum(x.cycles for x in self.layers) + self.vector_cycles

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Where the time of the network goes; the cycles add up to all of them."""
        rows = {PEAK: math.fsum(x.macs / x.peak for x in self.layers)}
        for i, name in enumerate(STEPS):
            rows[name] = math.fsum(x.steps[i].lost for x in self.layers)
            if name == "storage":
                rows[CHOICE] = math.fsum(x.chosen for x in self.layers)
                rows[name] -= rows[CHOICE]
        rows[VECTOR] = self.vector_cycles
        whole = self.cycles
        return tuple(
            Cause(name=n, cycles=c, share=c / whole if whole else 0.0) for n, c in rows.items()
        )

    @property
    def costliest(self) -> Cause | None:
        """The cause that costs the network most; None if nothing is lost."""
        lost = [c for c in self.causes if c.name not in (PEAK, VECTOR) and c.cycles > 0]
        return max(lost, key=lambda c: c.cycles, default=None)


def eyexam(result: Result, *, measured: Mapping[str, float] | None = None) -> Exam:
    """Return the seven bounds on the speed of each layer of a result.

    Parameters
    ----------
    result : Result
        Mappings and ledger of a network on a chip.
    measured : mapping of str to float or None
        Cycles of one run of a layer by name, where a machine has run it; without, the last bound is
        what the model predicts.

    Returns
    -------
    Exam
        For each layer of MACs the seven bounds [MAC/cycle] with the loss, cause and knob of each.

    Raises
    ------
    InputError
        If the ledger does not belong to the mappings, or a measurement to no layer or not to this
        chip.

    Notes
    -----
    Each bound adds a constraint, so it is at most the one before; the last is the MACs per cycle of
    the result.  Definitions with equations: docs/eyexam.md.  The seven steps are those of [1]_.

    References
    ----------
    .. [1] eyerissv2_arxiv, appendix (Eyexam); mssc20.

    Examples
    --------
    >>> import onewatt as ow
    >>> result = ow.search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss"))
    >>> layer = eyexam(result).layers[0]
    >>> [f"{bound:.4g}" for bound in layer.bounds]
    ['8.192e+04', '8.192e+04', '167.9', '165.2', '165.2', '1.189', '1.189']
    """
    cycles = dict(measured or {})
    names = [e.name for e in result.workload.einsums if e.work == "mac"]
    for name in cycles:
        if name not in names:
            raise InputError(f"measured: {unknown('layer', name, names)}")
    found = {layer.name: layer for layer in result.layers}
    busy: dict[str, list[Busy]] = {}
    for row in result.cost.busy:
        busy.setdefault(row.einsum, []).append(row)
    spent = result.cost.cycles_by_einsum()
    layers: list[LayerExam] = []
    left: list[str] = []
    vector = 0.0
    for einsum in result.workload.einsums:
        mine = spent.get(einsum.name, 0.0)
        if einsum.work == "vector":
            vector += mine
        elif mine <= 0 or not effective(einsum, result.architecture.mac).paced:
            left.append(einsum.name)
        else:
            rows = tuple(busy[einsum.name])
            facts = _facts(result, einsum, found[einsum.name], rows, mine, cycles.get(einsum.name))
            layers.append(_layer(facts, mine, result.objective))
    return Exam(
        workload=result.workload.name, chip=result.architecture.name, objective=result.objective,
        layers=tuple(layers), vector_cycles=vector, left=tuple(left),
    )  # fmt: skip


def _facts(
    result: Result, einsum: Einsum, layer: LayerResult, busy: tuple[Busy, ...], cycles: float,
    measured: float | None,
) -> Facts:  # fmt: skip
    if layer.mapping is None:
        raise InputError(f"layer {einsum.name!r} has no mapping in this result; expected one")
    return examine(
        einsum, result.architecture, layer.mapping, busy, cycles=cycles / einsum.count,
        convention=result.convention, measured=measured,
    )  # fmt: skip


def _layer(facts: Facts, cycles: float, objective: str) -> LayerExam:
    einsum, n = facts.einsum, facts.einsum.count
    taken = facts.cycles[6] * n if facts.measured else cycles
    bounds = [einsum.points / c for c in facts.cycles[:6]] + [einsum.macs / taken]
    clamped = [facts.ideal, *(max(facts.ideal, c) for c in facts.cycles[:6]), taken / n]
    lost = [(clamped[i + 1] - clamped[i]) * n for i in range(len(STEPS))]
    steps = tuple(
        Step(
            name=name, bound=bounds[i], cycles=facts.cycles[i],
            loss=bounds[i - 1] - bounds[i] if i else 0.0, lost=lost[i], cause=words.cause,
            knob=words.knob if lost[i] > 0 else "",
        )
        for i, (name, words) in enumerate(zip(STEPS, said(facts, objective), strict=True))
    )  # fmt: skip
    spatial, temporal = fragmentation(facts)
    return LayerExam(
        name=einsum.name, op=einsum.op, count=n, macs=einsum.macs, cycles=taken,
        peak=einsum.points / facts.ideal, active=einsum.points / facts.arithmetic,
        spatial=spatial, temporal=temporal, chosen=facts.chosen * n,
        bottleneck=Cost(busy=facts.busy).bottleneck(einsum.name),
        steps=steps, deliveries=facts.deliveries, measured=facts.measured,
    )  # fmt: skip
