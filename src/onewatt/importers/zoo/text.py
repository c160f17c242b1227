"""Transformers of text."""

from __future__ import annotations

from onewatt.importers.zoo.net import Net, Value
from onewatt.spec.workload import Workload


def bert_base(name: str, batch: int, seq: float) -> Workload:
    """BERT-base with its pooler and a classifier of two labels (Devlin et al., NAACL 2019)."""
    net, tokens, width = Net(name), int(seq), 768
    x = net.embed("embeddings.word", tokens, 30522, width)
    x = net.apply("add", x, name="embeddings.add")
    x = net.apply("layer_norm", x, name="embeddings.norm", params=2)
    for i in range(12):
        head = f"layer.{i}"
        q, k, v = (net.gemm(f"{head}.attention.{p}", x, width) for p in ("query", "key", "value"))
        y = net.attention(f"{head}.attention", q, k, v, heads=12)
        y = net.gemm(f"{head}.attention.output", y, width)
        y = net.apply("add", x, y, name=f"{head}.attention.add")
        x = net.apply("layer_norm", y, name=f"{head}.attention.norm", params=2)
        y = net.gemm(f"{head}.intermediate", x, 4 * width, act="gelu")
        y = net.apply("add", x, net.gemm(f"{head}.output", y, width), name=f"{head}.add")
        x = net.apply("layer_norm", y, name=f"{head}.norm", params=2)
    first = Value("pooler.first", (1, width))
    net.rec.tensor(first.name, first.shape)
    net.rec.view(first.name, x.name, whole=False)
    x = net.gemm("classifier", net.gemm("pooler", first, width, act="tanh"), 2)
    return net.finish(batch, x)


def llama_1b(name: str, batch: int, seq: float) -> Workload:
    """Llama 3.2 1B reading a whole sequence: logits at every position, full attention.

    Shape: 16 layers, width 2,048, 32 query heads on 8 heads of keys and values, inner width 8,192,
    128,256 words (config.json of meta-llama/Llama-3.2-1B).
    """
    net, tokens, width = Net(name), int(seq), 2048
    x = net.embed("embed_tokens", tokens, 128256, width)
    for i in range(16):
        head = f"layers.{i}"
        y = net.apply("rms_norm", x, name=f"{head}.input_norm", params=1)
        q = net.gemm(f"{head}.self_attn.q_proj", y, width)
        k = net.gemm(f"{head}.self_attn.k_proj", y, 512)
        v = net.gemm(f"{head}.self_attn.v_proj", y, 512)
        q = net.apply("rotary", q, name=f"{head}.self_attn.q_rotary")
        k = net.apply("rotary", k, name=f"{head}.self_attn.k_rotary")
        y = net.attention(f"{head}.self_attn", q, k, v, heads=32, kept=8)
        y = net.gemm(f"{head}.self_attn.o_proj", y, width)
        x = net.apply("add", x, y, name=f"{head}.self_attn.add")
        y = net.apply("rms_norm", x, name=f"{head}.post_norm", params=1)
        gate = net.gemm(f"{head}.mlp.gate_proj", y, 8192, act="silu")
        up = net.gemm(f"{head}.mlp.up_proj", y, 8192)
        y = net.apply("mul", gate, up, name=f"{head}.mlp.mul")
        x = net.apply("add", x, net.gemm(f"{head}.mlp.down_proj", y, width), name=f"{head}.mlp.add")
    x = net.apply("rms_norm", x, name="norm", params=1)
    return net.finish(batch, net.gemm("lm_head", x, 128256))


BUILDERS = {"bert_base": bert_base, "llama_1b": llama_1b}
