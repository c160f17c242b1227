"""A small language for writing down networks: a method appends a layer, returns its result."""

from __future__ import annotations

import math
from typing import NamedTuple

from onewatt.importers import layers, vector
from onewatt.importers.attention import record_attention
from onewatt.importers.record import Recorder
from onewatt.spec.workload import Workload


class Value(NamedTuple):
    """A tensor of the network: its name and shape."""

    name: str
    shape: tuple[int, ...]


class Net:
    """A network being written; `bits` is the width of its integers, None for floating point."""

    def __init__(self, name: str, bits: int | None = None) -> None:
        self.name = name
        self.bits = bits
        self.rec = Recorder(f"zoo:{name}")

    def input(self, *shape: int) -> Value:
        """Return the input of the network."""
        return self._value("input", shape)

    def finish(self, batch: int, *outputs: Value) -> Workload:
        """Return the workload at a batch size."""
        return self.rec.finish(self.name, [o.name for o in outputs], batch=(batch, 1))

    def conv(
        self,
        name: str,
        x: Value,
        channels: int,
        kernel: int | tuple[int, int] = 3,
        *,
        stride: int = 1,
        pad: int | tuple[int, int] | None = None,
        groups: int = 1,
        norm: bool = False,
        act: str = "relu",
    ) -> Value:
        """Append a convolution, with batch normalisation and activation if asked for.

        `pad` is what both sides of an axis get together; None keeps the size over the stride.
        """
        r, s = (kernel, kernel) if isinstance(kernel, int) else kernel
        _, c, h, w = x.shape
        if pad is None:
            size = (-(-h // stride), -(-w // stride))
        else:
            ph, pw = (pad, pad) if isinstance(pad, int) else pad
            size = ((h + ph - r) // stride + 1, (w + pw - s) // stride + 1)
        weights = self._weights(name, channels, c // groups, r, s)
        out = self._value(name, (1, channels, *size))
        self.rec.add(
            layers.convolution(
                name, (x.name, weights, out.name), groups=groups, outputs=channels // groups,
                inputs=c // groups, size=size, kernel=(r, s), stride=(stride, stride),
            )
        )  # fmt: skip
        if norm:
            out = self.apply("batch_norm", out, name=f"{name}.bn")
        return self.apply(act, out, name=f"{name}.{act}") if act else out

    def gemm(self, name: str, x: Value, outputs: int, *, act: str = "") -> Value:
        """Append a matrix product with weights over the last axis."""
        inputs = x.shape[-1]
        weights = self._weights(name, outputs, inputs)
        out = self._value(name, (*x.shape[:-1], outputs))
        rows = math.prod(x.shape[:-1])
        values = (x.name, weights, out.name)
        self.rec.add(layers.gemm(name, values, rows=rows, outputs=outputs, inputs=inputs))
        return self.apply(act, out, name=f"{name}.{act}") if act else out

    def apply(self, op: str, *operands: Value, name: str, params: int = 0) -> Value:
        """Append element-wise work or a normalisation; `params` vectors lie along the last axis."""
        out = self._value(name, operands[0].shape)
        read = [*operands, *(self._param(f"{name}.p{i}", out.shape[-1]) for i in range(params))]
        self.rec.add(vector.pointwise(name, op, read, out))
        return out

    def pool(
        self, name: str, x: Value, kernel: int, stride: int, *, op: str = "maxpool",
        pad: int = 0, ceil: bool = False,
    ) -> Value:  # fmt: skip
        """Append pooling; `pad` as in `conv`, `ceil` keeps windows that hang over the edge."""
        n, c, *size = x.shape
        extra = stride - 1 if ceil else 0
        out = tuple((s + pad - kernel + extra) // stride + 1 for s in size)
        result = self._value(name, (n, c, *out))
        self.rec.add(
            vector.pool(
                name, op, (x.name, result.name), batch=n, channels=c, size=out,
                kernel=(kernel,) * len(out), stride=(stride,) * len(out),
            )
        )  # fmt: skip
        return result

    def mean(self, name: str, x: Value) -> Value:
        """Append the average over a picture."""
        out = self._value(name, x.shape[:2])
        self.rec.add(vector.reduction(name, "avgpool", x, (2, 3), out.name))
        return out

    def concat(self, name: str, *parts: Value) -> Value:
        """Append the concatenation of channels."""
        n, _, *size = parts[0].shape
        out = self._value(name, (n, sum(p.shape[1] for p in parts), *size))
        self.rec.add(vector.movement(name, "concat", "", out), reads=[p.name for p in parts])
        return out

    def embed(self, name: str, tokens: int, words: int, depth: int) -> Value:
        """Append a look-up of one row per token."""
        ids = self._value(f"{name}.ids", (1, tokens))
        table = self._weights(name, words, depth)
        out = self._value(name, (1, tokens, depth))
        operands = [(table, out.shape), (ids.name, (1, tokens, 1))]
        self.rec.add(vector.pointwise(name, "embedding", operands, out))
        return out

    def attention(
        self, name: str, q: Value, k: Value, v: Value, *, heads: int, kept: int | None = None
    ) -> Value:
        """Append attention of query heads over `kept` heads of keys and values."""
        tokens, depth = q.shape[1], q.shape[2] // heads
        out = self._value(name, q.shape)
        kept = kept or heads
        record_attention(
            self.rec, name, (q.name, k.name, v.name, out.name), batch=1, heads=kept,
            shared_by=heads // kept, queries=tokens, keys=k.shape[1], depth=depth,
            value_depth=depth,
        )  # fmt: skip
        return out

    def _value(self, name: str, shape: tuple[int, ...]) -> Value:
        self.rec.tensor(name, shape, bits=self.bits)
        return Value(name, shape)

    def _param(self, name: str, size: int) -> Value:
        self.rec.tensor(name, (size,), constant=True, bits=self.bits)
        return Value(name, (size,))

    def _weights(self, name: str, *shape: int) -> str:
        weights = f"{name}.weight"
        self.rec.tensor(weights, shape, constant=True, bits=self.bits)
        return weights
