"""Random small layers and chips on which all memories bind, for comparison with brute force."""

from __future__ import annotations

from chips_by_hand import EVERY, energy
from laws.nests import shape, tensor
from onewatt.spec.architecture import (
    Architecture,
    Axis,
    Clock,
    Compute,
    Container,
    Dataflow,
    Limit,
    Memory,
    Network,
    Technology,
)
from onewatt.spec.workload import Einsum, Index, Rank

RANKS = "GMCPQRS"


def layer(rng):
    """A convolution, product, depthwise or transposed convolution with ranks up to 8."""
    kind = rng.choice(["conv", "conv", "conv2", "depthwise", "gemm", "transposed", "plane"])
    stride, dilation = rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2])
    i, w, o = (
        (("C", f"{stride}P+{dilation}R", f"{stride}Q+S"), ("M", "C", "R", "S"), ("M", "P", "Q"))
        if kind == "conv2" else shape(kind, stride, dilation)
    )  # fmt: skip
    names = sorted({t.rank for d in (*i, *w, *o) for t in Index.parse(d).terms})
    most = rng.choice([2, 3, 4, 6, 8])
    return Einsum(
        name="layer", op=kind, ranks=tuple(Rank(name=n, size=rng.randint(1, most)) for n in names),
        inputs=(tensor("Inputs", *i), tensor("Weights", *w)), output=tensor("Outputs", *o),
    )  # fmt: skip


def chip(rng):
    """A chip with tight memories, slow ports and any mixture of what each place keeps.

    Some have clusters, an array of arrays with a buffer in each, and some pay apart for what comes
    back.
    """

    def paid(*actions):
        return energy(rng.choice([1, 2, 5, 20, 200]) * 1e-12, *actions)

    def paid_apart():
        """What comes back may cost more than what leaves, or less."""
        if rng.random() >= 0.3:
            return paid()
        return paid("read", "fill") + paid("update", "drain")

    clusters = ("CX",) * (rng.random() < 0.3)
    networks = tuple(
        Network(
            name=f"net_{t}", tensors=(t,), delivery=rng.choice(["unicast", "multicast"]),
            axes=rng.choice([("X",), ("Y",), ("X", "Y")])
            + (clusters and rng.choice([(), clusters])),
            reduces=t == "Outputs" and rng.random() < 0.5,
            forwards=t != "Outputs" and rng.random() < 0.3,
            words_per_cycle=rng.choice([None, 1.0, 2.0]), energy=paid("hop"),
        )
        for t in EVERY if rng.random() < 0.6
    )  # fmt: skip
    keeps = tuple(t for t in EVERY if rng.random() < 0.7)
    may = tuple(t for t in EVERY if t not in keeps and rng.random() < 0.3)
    buffer = Memory(
        name="GLB", keeps=keeps, may_keep=may, capacity=rng.choice([64, 128, 256, 512, None]),
        width=rng.choice([None, 64]), shared_bandwidth=rng.choice([None, 1.0, 4.0]),
        buffering=rng.choice([1, 2, 2]), energy=paid_apart(),
    )  # fmt: skip
    here = tuple(t for t in EVERY if rng.random() < 0.6)
    pad = Memory(
        name="Spad", keeps=here, capacity=rng.choice([32, 48, 64, 128, None]),
        read_bandwidth=rng.choice([None, 1.0]), energy=paid_apart(),
    )  # fmt: skip
    sizes = [1, 2, 3] if clusters else [1, 2, 3, 4]
    axes = tuple(Axis(name=a, size=rng.choice(sizes)) for a in (*clusters, "Y", "X"))
    places = (*clusters, "Y", "X", *(("Spad",) if here else ()))
    limits = tuple(
        Limit(where=place, ranks=tuple(r for r in RANKS if rng.random() < 0.45))
        for place in places if rng.random() < 0.5
    )  # fmt: skip
    dram = Memory(
        name="DRAM", keeps=EVERY, shared_bandwidth=rng.choice([None, 1.0, 4.0]),
        energy=energy(200e-12),
    )  # fmt: skip
    return Architecture(
        name="random", clock=1e9, technology=Technology(node=65e-9),
        nodes=(
            dram, *([Container(name="cluster", fanout=axes[:1])] if clusters else []),
            *((buffer,) if keeps or may else ()), *networks,
            Container(name="PE", fanout=axes[-2:]), *((pad,) if here else ()),
            Compute(name="MAC", energy=energy(1e-12, "compute")),
        ),
        dataflow=Dataflow(name="random", limits=limits),
        upkeep=Clock(energy=energy(rng.choice([0, 3]) * 1e-12, "clock")),
    )  # fmt: skip
