"""Roofline: the ceiling and the slopes of a layer, tightened by what its mapping leaves at work."""

from __future__ import annotations

import math

from onewatt.diagnose.delivery import Delivery
from onewatt.diagnose.eyexam import Exam, LayerExam
from onewatt.spec.types import Noun


class Slope(Noun):
    """What a port or a network allows: at most `rate` times `intensity` MACs a cycle.

    `rate` are the words a cycle to all instances at work, `intensity` the MACs for each such word
    of the data types in `tensors`, which share the port.
    """

    component: str
    port: str
    tensors: tuple[str, ...]
    rate: float
    intensity: float

    @property
    def bound(self) -> float:
        """MACs a cycle that the slope allows at this intensity."""
        return self.rate * self.intensity


class Roof(Noun):
    """The roofline of a layer.

    `peak` is the ceiling of all PEs and `ceiling` that of the PEs at work [MAC/cycle], `slopes` are
    those of every port and network, the steepest limit first.  `reached` is what the layer reaches.
    """

    layer: str
    peak: float
    ceiling: float
    slopes: tuple[Slope, ...]
    reached: float

    @property
    def bound(self) -> float:
        """The least of the ceiling and the slopes [MAC/cycle]."""
        return min([self.ceiling, *(s.bound for s in self.slopes)])


def roofline(exam: Exam) -> tuple[Roof, ...]:
    """Return the roofline of each layer of an exam.

    Parameters
    ----------
    exam : Exam
        Of a network on a chip.

    Returns
    -------
    tuple of Roof
        One a layer of MACs, MACs a cycle over MACs a word.

    Notes
    -----
    A layer of N MACs with w words at the busiest of n instances of a port of b words a cycle
    reaches at most N / (w / b) = (n b) (N / (n w)) MACs a cycle: the words to the instances at
    work are the slope, the MACs a word the intensity.  Fewer PEs at work lower the ceiling, and
    their ports the slope.

    Examples
    --------
    >>> import onewatt as ow
    >>> result = ow.search(ow.load_workload("mlperf_ad"), ow.load_chip("eyeriss"))
    >>> roof = roofline(ow.eyexam(result))[0]
    >>> roof.peak, roof.slopes[0].component, roof.slopes[0].rate
    (168.0, 'DRAM', 1.2)
    """
    return tuple(_roof(layer) for layer in exam.layers)


def _roof(layer: LayerExam) -> Roof:
    points = layer.macs / layer.count
    groups: dict[tuple[str, str], list[Delivery]] = {}
    for row in layer.deliveries:
        groups.setdefault((row.component, row.port), []).append(row)
    slopes = [
        Slope(
            component=component, port=port, tensors=tuple(d.tensor for d in rows),
            rate=rows[0].rate * rows[0].instances,
            intensity=points / (math.fsum(d.words for d in rows) * rows[0].instances),
        )
        for (component, port), rows in groups.items()
    ]  # fmt: skip
    return Roof(
        layer=layer.name, peak=layer.peak, ceiling=layer.active,
        slopes=tuple(sorted(slopes, key=lambda s: s.bound)), reached=layer.steps[-1].bound,
    )  # fmt: skip
