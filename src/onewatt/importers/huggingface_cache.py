"""One decode step: a token after a cache of keys and values."""

# Packages without types are Any here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any

import msgspec

from onewatt.errors import ImportFailure
from onewatt.spec.workload import Workload


def decode_step(
    torch: Any, model: Any, config: Any, batch: int, context: int
) -> tuple[Any, tuple[Any, ...]]:
    """Return a module for one more token, and its inputs: the token, then keys and values.

    The cache enters as tensors, so that reading it is part of the workload.
    """
    from transformers import DynamicCache

    text = config.get_text_config()
    layers: Any = getattr(text, "num_hidden_layers", None)
    heads = getattr(text, "num_key_value_heads", None) or getattr(text, "num_attention_heads", None)
    hidden: Any = getattr(text, "hidden_size", None)
    queries: Any = getattr(text, "num_attention_heads", None)
    if not all(isinstance(v, int) for v in (layers, heads, hidden, queries)) or getattr(
        config, "is_encoder_decoder", False
    ):
        raise ImportFailure(
            f"{type(model).__name__}: a decode step (--context) needs a decoder with a key/value "
            "cache; use --seq-len for this network"
        )
    depth = getattr(text, "head_dim", None) or hidden // queries

    class DecodeStep(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, token: Any, *cache: Any) -> Any:
            pairs = list(zip(cache[0::2], cache[1::2], strict=True))
            filled = DynamicCache(pairs)
            found = self.model(input_ids=token, past_key_values=filled, use_cache=True)
            return found[0]

    token = torch.zeros((batch, 1), dtype=torch.long, device="meta")
    kind = next(model.parameters()).dtype
    shape = (batch, heads, context, depth)
    cache = [torch.empty(shape, dtype=kind, device="meta") for _ in range(2 * layers)]
    return DecodeStep(), (token, *cache)


def without_prefix(workload: Workload, prefix: str) -> Workload:
    """Return a workload whose layer and weight names have lost the name of a wrapper."""

    def bare(tensor: Any) -> Any:
        return msgspec.structs.replace(tensor, value=tensor.value.removeprefix(prefix))

    einsums = tuple(
        msgspec.structs.replace(
            e,
            name=e.name.removeprefix(prefix),
            inputs=tuple(bare(t) for t in e.inputs),
            output=bare(e.output),
        )
        for e in workload.einsums
    )
    return msgspec.structs.replace(workload, einsums=einsums)
