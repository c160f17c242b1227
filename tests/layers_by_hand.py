"""Small layers written out, for tests."""

from __future__ import annotations

from onewatt.spec.workload import Einsum, Index, Rank, Tensor, Workload


def tensor(name, text, **fields):
    return Tensor(name=name, projection=tuple(Index.parse(i) for i in text.split()), **fields)


def einsum(name, sizes, inputs, weights, outputs, **fields):
    return Einsum(
        name=name, op=fields.pop("op", "conv"),
        ranks=tuple(Rank(name=r, size=n) for r, n in sizes.items()),
        inputs=(tensor("Inputs", inputs), tensor("Weights", weights)),
        output=tensor("Outputs", outputs), **fields,
    )  # fmt: skip


def conv(name="conv", *, stride=1, n=1, m=4, c=3, p=6, r=3, **fields):
    sizes = {"N": n, "M": m, "C": c, "P": p, "Q": p, "R": r, "S": r}
    return einsum(name, sizes, f"N C {stride}P+R {stride}Q+S", "M C R S", "N M P Q", **fields)


def gemm(name="gemm", *, m=8, c=12, p=5, **fields):
    return einsum(name, {"M": m, "C": c, "P": p}, "P C", "M C", "P M", op="gemm", **fields)


def relu(name="relu", *, words=20, fused=False, **fields):
    return Einsum(
        name=name, op="relu", work="vector", ranks=(Rank(name="M", size=words),), fused=fused,
        inputs=(tensor("Inputs", "M"),), output=tensor("Outputs", "M"), **fields,
    )  # fmt: skip


def network(*einsums):
    return Workload(name="net", einsums=tuple(einsums))
