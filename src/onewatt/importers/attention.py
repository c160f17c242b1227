"""Scaled dot-product attention as two matrix products and a softmax."""

from __future__ import annotations

from onewatt.importers import layers, vector
from onewatt.importers.record import Recorder


def record_attention(
    rec: Recorder,
    name: str,
    values: tuple[str, str, str, str],
    *,
    batch: int,
    heads: int,
    shared_by: int = 1,
    queries: int,
    keys: int,
    depth: int,
    value_depth: int,
) -> None:
    """Append attention of `heads` key/value heads, each shared by `shared_by` query heads.

    The query heads that share keys and values are rows of one matrix product, so that the sharing
    is there to be used.  `values` names queries, keys, values and the output.
    """
    q, k, v, out = values
    groups, rows = batch * heads, shared_by * queries
    scores, shares = f"{out}/scores", f"{out}/shares"
    shape = (batch, heads * shared_by, queries, keys)
    rec.tensor(scores, shape)
    rec.tensor(shares, shape)
    rec.add(
        layers.matmul(
            f"{name}.scores", (q, k, scores), groups=groups, rows=rows, outputs=keys, inputs=depth
        )
    )
    rec.add(vector.pointwise(f"{name}.softmax", "softmax", [(scores, shape)], (shares, shape)))
    rec.add(
        layers.matmul(
            f"{name}.context",
            (shares, v, out),
            groups=groups,
            rows=rows,
            outputs=value_depth,
            inputs=keys,
        )
    )
