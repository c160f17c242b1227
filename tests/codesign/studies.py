"""Small studies on tiny chips, for tests; workers import them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from chips_by_hand import tiny
from layers_by_hand import gemm, network, relu
from onewatt.errors import InputError
from onewatt.spec.budget import Budget
from onewatt.spec.study import Knob, Objective

LEAST = (Objective.parse("energy"), Objective.parse("latency"))
SPACE = (
    Knob(path="buffer", values=("256", "1024", "4096")),
    Knob(path="spad", values=("32", "64", "128")),
    Knob(path="width", values=("4", "8")),
)


@dataclass(frozen=True)
class Tiny:
    """Buffer, scratchpad and network width, with an accuracy that rises with the width."""

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
        return tiny(buffer_bits=int(point["buffer"]), spad_bits=int(point["spad"]))

    def quality(self, point):
        time.sleep(self.pause)
        if self.broken and point["spad"] == self.broken:
            raise InputError("the accuracy cannot be measured")
        return {"accuracy": 1 - 1 / int(point["width"])}
