"""Small studies on tiny chips, for tests; workers import them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from chips_by_hand import energy, tiny
from layers_by_hand import gemm, network, relu
from onewatt.errors import InputError
from onewatt.spec.budget import Budget
from onewatt.spec.study import Knob, Objective

LEAST = (Objective.parse("energy"), Objective.parse("latency"))
SPACE = (
    Knob(path="buffer", values=("256", "1024", "4096")),
    Knob(path="speed", values=("1", "2", "3")),
    Knob(path="width", values=("4", "8")),
)


@dataclass(frozen=True)
class Tiny:
    """Buffer, clock and network width; faster costs more energy, wider is more accurate."""

    name: str = "tiny"
    space: tuple[Knob, ...] = SPACE
    objectives: tuple[Objective, ...] = LEAST
    constraints: Budget | None = None
    pause: float = 0.0
    broken: str = ""

    def workload(self, point):
        if self.broken and point["width"] == self.broken:
            raise KeyError(f"no network of width {self.broken}")
        return network(gemm("a", m=int(point["width"])), gemm("b", m=6), relu())

    def architecture(self, point):
        knobs = dict(point.knobs)
        speed = float(knobs.get("speed", "1"))
        chip = tiny(buffer_bits=int(point["buffer"]), spad_bits=int(knobs.get("spad", "64")))
        nodes = tuple(
            msgspec.structs.replace(n, energy=energy(1e-12 * speed**2, "compute"))
            if n.name == "MAC" else n for n in chip.nodes
        )  # fmt: skip
        return msgspec.structs.replace(chip, nodes=nodes, clock=chip.clock * speed)

    def quality(self, point):
        time.sleep(self.pause)
        if self.broken and point["speed"] == self.broken:
            raise InputError("the accuracy cannot be measured")
        return {"accuracy": 1 - 1 / int(point["width"])}
