"""Small chips with stated energies, for tests that must not depend on the component library."""

from __future__ import annotations

import msgspec

from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Axis,
    Clock,
    Compute,
    Container,
    Memory,
    Network,
    Technology,
)

EVERY = ("Inputs", "Weights", "Outputs")


def energy(joules, *actions):
    return tuple(
        ActionEnergy(action=a, energy=joules, low=joules / 2, high=joules * 2, source="test")
        for a in actions or ("read", "fill", "update", "drain")
    )


def tiny(buffer_bits=2048, spad_bits=64, **changes):
    """DRAM, one buffer for inputs and outputs, a 2x3 array with one scratchpad, a MAC."""
    chip = Architecture(
        name="tiny", clock=1e8, technology=Technology(node=65e-9),
        nodes=(
            Memory(name="DRAM", keeps=EVERY, shared_bandwidth=4.0, energy=energy(200e-12)),
            Memory(name="GLB", keeps=("Inputs", "Outputs"), capacity=buffer_bits,
                   read_bandwidth=2.0, write_bandwidth=2.0, energy=energy(6e-12)),
            Network(name="NoC", tensors=("Inputs", "Weights"), words_per_cycle=4.0,
                    energy=energy(2e-12, "hop")),
            Network(name="column", tensors=("Outputs",), axes=("Y",), reduces=True,
                    energy=energy(2e-12, "hop")),
            Container(name="PE", fanout=(Axis(name="Y", size=2), Axis(name="X", size=3))),
            Memory(name="Spad", keeps=EVERY, capacity=3 * spad_bits, energy=energy(1e-12)),
            Compute(name="MAC", energy=energy(1e-12, "compute")),
            Compute(name="ALU", work="vector", energy=energy(0.5e-12, "compute")),
        ),
        upkeep=Clock(energy=energy(3e-12, "clock")),
    )  # fmt: skip
    return msgspec.structs.replace(chip, **changes) if changes else chip
