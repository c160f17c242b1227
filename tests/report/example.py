"""Small results made by hand: a chip, a network and a ledger with round numbers."""

from __future__ import annotations

from onewatt.spec.architecture import (
    Architecture,
    Axis,
    Compute,
    Container,
    Dataflow,
    Memory,
    Network,
    Technology,
)
from onewatt.spec.budget import Verdict
from onewatt.spec.cost import Busy, Cost, Entry
from onewatt.spec.mapping import Mapping
from onewatt.spec.price import ComponentArea, Price, Prices
from onewatt.spec.result import Bound, LayerResult, Result
from onewatt.spec.workload import (
    Einsum,
    Index,
    Rank,
    Tensor,
    TensorShape,
    Unpriced,
    Workload,
)

PICOJOULES = {
    ("DRAM", "read"): 200.0, ("DRAM", "update"): 200.0, ("GLB", "read"): 6.0, ("GLB", "fill"): 6.0,
    ("GLB", "update"): 6.0, ("GLB", "drain"): 6.0, ("bus", "hop"): 2.0, ("spad", "read"): 1.0,
    ("spad", "fill"): 1.0, ("spad", "update"): 1.0, ("spad", "drain"): 1.0, ("MAC", "compute"): 1.0,
    ("ALU", "compute"): 0.5, ("clock", "clock"): 40.0,
}  # fmt: skip


def prices() -> Prices:
    return Prices(
        prices=tuple(
            Price(component=c, action=a, energy=pj * 1e-12, low=pj * 0.7e-12, high=pj * 1.5e-12,
                  source="chen2017eyeriss, table 3" if c != "DRAM" else "horowitz2014, slide 9")
            for (c, a), pj in PICOJOULES.items()
        ),
        areas=(ComponentArea(component="GLB", area=2e-6, source="CACTI 7"),
               ComponentArea(component="MAC", area=1e-6, source="synthesis, 65 nm")),
    )  # fmt: skip


def chip(name: str = "tiny") -> Architecture:
    return Architecture(
        name=name, title="A tiny chip", clock=200e6, technology=Technology(node=65e-9),
        source="made by hand for tests", dataflow=Dataflow(name="row-stationary", source="a paper"),
        nodes=(
            Memory(name="DRAM", keeps=("Inputs", "Weights", "Outputs"), width=64, word=16,
                   shared_bandwidth=4.0),
            Memory(name="GLB", keeps=("Inputs", "Outputs"), capacity=884736, width=64),
            Network(name="bus", tensors=("Inputs", "Weights", "Outputs"), axes=("X",)),
            Container(name="array", fanout=(Axis(name="X", size=14), Axis(name="Y", size=12))),
            Memory(name="spad", keeps=("Inputs", "Weights", "Outputs"), capacity=4096, width=16),
            Compute(name="MAC"),
            Compute(name="ALU", work="vector", lanes=4),
        ),
    )  # fmt: skip


def conv(name: str, channels: int = 16, size: int = 14, count: int = 1, kernel: int = 3) -> Einsum:
    ranks = {"M": channels, "C": channels, "P": size, "Q": size, "R": kernel, "S": kernel}
    return Einsum(
        name=name, op="Conv", count=count,
        ranks=tuple(Rank(name=k, size=v) for k, v in ranks.items()),
        inputs=(
            Tensor(name="Inputs", projection=tuple(map(Index.parse, ("C", "P+R", "Q+S")))),
            Tensor(name="Weights", projection=tuple(map(Index.parse, ("M", "C", "R", "S")))),
        ),
        output=Tensor(name="Outputs", projection=tuple(map(Index.parse, ("M", "P", "Q")))),
    )  # fmt: skip


def pool(name: str, channels: int = 16, size: int = 14) -> Einsum:
    ranks = {"M": channels, "P": size, "Q": size}
    dims = tuple(map(Index.parse, ranks))
    return Einsum(
        name=name, op="MaxPool", work="vector",
        ranks=tuple(Rank(name=k, size=v) for k, v in ranks.items()),
        inputs=(Tensor(name="Inputs", projection=dims),),
        output=Tensor(name="Outputs", projection=dims),
    )  # fmt: skip


def mapping(einsum: Einsum) -> Mapping:
    sizes = einsum.sizes
    return Mapping.parse(
        f"DRAM[Inputs Weights Outputs] M/{max(1, sizes['M'] // 2)} GLB[Inputs Outputs] "
        f"C/{max(1, sizes['C'] // 4)} Q/1@X S/1@Y spad[Inputs Weights Outputs] C/1 M/1 P/1 R/1"
    )


def _rows(einsum: Einsum) -> list[tuple[str, str, str, float]]:
    words = {t.name: float(einsum.words(t)) for t in einsum.tensors}
    if einsum.work == "vector":
        return [("DRAM", "Inputs", "read", words["Inputs"]),
                ("DRAM", "Outputs", "update", words["Outputs"]),
                ("ALU", "Outputs", "compute", float(einsum.points))]  # fmt: skip
    n = float(einsum.points)
    i, w, o = words["Inputs"], words["Weights"], words["Outputs"]
    return [
        ("DRAM", "Inputs", "read", 2 * i), ("DRAM", "Weights", "read", w),
        ("DRAM", "Outputs", "update", o), ("GLB", "Inputs", "fill", 2 * i),
        ("GLB", "Inputs", "read", 6 * i), ("GLB", "Outputs", "update", 4 * o),
        ("GLB", "Outputs", "read", 3 * o), ("GLB", "Outputs", "drain", o),
        ("bus", "Inputs", "hop", 9 * i), ("bus", "Weights", "hop", 14 * w),
        ("bus", "Outputs", "hop", 7 * o), ("spad", "Inputs", "fill", 9 * i),
        ("spad", "Inputs", "read", n), ("spad", "Weights", "fill", 14 * w),
        ("spad", "Weights", "read", n), ("spad", "Outputs", "update", n),
        ("spad", "Outputs", "read", n - o), ("spad", "Outputs", "drain", 4 * o),
        ("MAC", "Outputs", "compute", n), ("clock", "", "clock", n / 100),
    ]  # fmt: skip


def ledger(einsum: Einsum) -> Cost:
    n = einsum.count
    entries = tuple(
        Entry(einsum=einsum.name, component=c, tensor=t, action=a, count=words * n,  # type: ignore[arg-type]
              energy=words * n * PICOJOULES[c, a] * 1e-12,
              energy_low=words * n * PICOJOULES[c, a] * 0.7e-12,
              energy_high=words * n * PICOJOULES[c, a] * 1.5e-12,
              bits=words * n * 16 if a not in ("compute", "clock") else 0.0)
        for c, t, a, words in _rows(einsum)
    )  # fmt: skip
    off = sum(words for c, _, _, words in _rows(einsum) if c == "DRAM") / 4
    compute = einsum.points / (100 if einsum.work == "mac" else 4)
    busy = (Busy(einsum=einsum.name, component="compute", cycles=float(int(compute * n) + 1)),
            Busy(einsum=einsum.name, component="DRAM", cycles=float(int(off * n) + 1)))  # fmt: skip
    return Cost(entries=entries, busy=busy)


def result(
    einsums: tuple[Einsum, ...] | None = None,
    *,
    name: str = "little net",
    unpriced: bool = True,
    missed: bool = False,
) -> Result:
    """Return a result; by default with two equal convolutions, a third and a pooling layer."""
    einsums = einsums or (conv("conv1", 8, 28), conv("conv2"), conv("conv3"), pool("pool"))
    left = Unpriced(
        name="nms", op="NonMaxSuppression", words=8420, reason="no rule for this operator",
        shapes=(TensorShape(name="boxes", shape=(1, 2100, 4)), TensorShape(name="k", shape=())),
    )  # fmt: skip
    cost = Cost()
    for einsum in einsums:
        cost += ledger(einsum)
    layers = tuple(
        LayerResult(
            name=e.name, mapping=mapping(e) if e.work == "mac" else None,
            active_pes=126 if e.work == "mac" else 0, optimal=e.work == "vector", evaluations=1000,
            lower_bound=Bound(value=e.points * 1e-12 * e.points * 1e-11, unit="J s"),
        )
        for e in einsums
    )  # fmt: skip
    budget = (
        Verdict(
            kind="power", unit="W", asked=0.05 if missed else 1.0, reached=0.21, met=not missed
        ),
        Verdict(kind="rate", unit="Hz", asked=30.0, reached=4600.0, met=True),
    )
    return Result(
        workload=Workload(name=name, einsums=einsums, source="made by hand",
                          unpriced=(left,) if unpriced else ()),
        architecture=chip(), prices=prices(), objective="edp", mapspace="a few by hand",
        layers=layers, cost=cost, versions=(("onewatt", "0.1.0"),), budget=budget,
    )  # fmt: skip
