"""Hugging Face configurations: integers from the definition of each architecture."""

import json

import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import torch  # noqa: E402

from onewatt.errors import ImportFailure, InputError  # noqa: E402
from onewatt.importers.huggingface import load_model_config  # noqa: E402
from onewatt.importers.load import load_workload  # noqa: E402

torch.set_num_threads(1)


def decoder(tokens, keys, width, layers, heads, kept, depth, inner, words, *, gated=True):
    """Return MACs of a decoder with shared heads, from its definition."""
    projections = 2 * width * heads * depth + 2 * width * kept * depth
    attention = 2 * heads * depth * keys
    mlp = (3 if gated else 2) * width * inner
    return tokens * (layers * (projections + attention + mlp) + width * words)


def encoder(tokens, width, layers, inner):
    return tokens * layers * (4 * width * width + 2 * tokens * width + 2 * width * inner)


def check(config, expected, **options):
    workload = load_model_config(config, name="m", **options)
    assert workload.macs == expected
    assert not workload.unpriced
    return workload


def test_resnet50():
    stages = ((256, 64, 3, 56), (512, 128, 4, 28), (1024, 256, 6, 14), (2048, 512, 3, 7))
    macs, before = 112 * 112 * 64 * 147, 64
    for wide, thin, depth, size in stages:
        for i in range(depth):
            stride = 2 if i == 0 and before != 64 else 1
            # version 1.5: the 1x1 convolution before the stride works on the larger picture
            macs += (size * stride) ** 2 * before * thin
            macs += size**2 * (9 * thin * thin + thin * wide)
            macs += size**2 * before * wide if i == 0 else 0
            before = wide
    assert macs + 2 * 2048 == 4_087_140_352
    workload = check(transformers.ResNetConfig(), 4_087_140_352)
    assert sum(e.work == "mac" for e in workload.einsums) == 54
    names = {e.name for e in workload.einsums}
    assert "resnet.encoder.stages.0.layers.0.layer.1.convolution" in names


def test_mobilenet_v2():
    blocks = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
              (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
    size, channels, macs = 112, 32, 112 * 112 * 32 * 27
    for expansion, out, depth, first in blocks:
        for i in range(depth):
            wide, old = channels * expansion, size
            size //= first if i == 0 else 1
            macs += old**2 * channels * wide * (expansion > 1) + size**2 * wide * (9 + out)
            channels = out
    macs += 49 * 320 * 1280 + 1280 * 2
    assert macs == 299_496_832
    check(transformers.MobileNetV2Config(), macs)


def test_vit():
    patches = 196 * 768 * 768
    macs = patches + encoder(197, 768, 12, 3072) + 2 * 768
    assert round(macs / 1e9, 3) == 17.563
    check(transformers.ViTConfig(), macs)


def test_bert():
    macs = encoder(128, 768, 12, 3072) + 768 * 768 + 2 * 768
    assert round(macs / 1e9, 3) == 11.174
    workload = check(transformers.BertConfig(), macs, seq_len=128)
    # query, key, value, output; two of the MLP; scores, context; pooler; classifier
    assert len({e.signature for e in workload.einsums if e.work == "mac"}) == 7


def llama(layers=16, **options):
    return transformers.LlamaConfig(
        hidden_size=2048, intermediate_size=8192, num_hidden_layers=layers,
        num_attention_heads=32, num_key_value_heads=8, vocab_size=128256, **options,
    )  # fmt: skip


def test_llama_1b():
    macs = decoder(512, 512, 2048, 16, 32, 8, 64, 8192, 128256)
    assert macs == 649_882_238_976
    workload = check(llama(), macs, seq_len=512)
    scores = next(e for e in workload.einsums if e.op == "matmul")
    assert scores.sizes == {"G": 8, "P": 4 * 512, "M": 512, "C": 64}
    assert load_workload("llama_1b:512").macs == macs


def test_llama_decode_step():
    """One token after 2,000: attention sees 2,001 keys, the cache is read and not copied."""
    macs = decoder(1, 2001, 2048, 2, 32, 8, 64, 8192, 128256)
    workload = check(llama(2), macs, context=2000)
    scores = next(e for e in workload.einsums if e.op == "matmul")
    assert scores.sizes == {"G": 8, "P": 4, "M": 2001, "C": 64}
    assert scores.words(scores.inputs[1]) == 8 * 2001 * 64
    assert "model.layers.0.self_attn.q_proj" in {e.name for e in workload.einsums}
    moved = sum(e.words(e.output) for e in workload.einsums if e.op == "concat")
    assert moved == 2 * (32 + 8) * 64  # the rotation of one token's queries and keys
    macs = 4 * decoder(1, 101, 2048, 1, 32, 8, 64, 8192, 128256)
    check(llama(1), macs, context=100, batch=4)


def test_gpt2():
    macs = encoder(128, 768, 12, 3072) + 128 * 768 * 50257
    assert round(macs / 1e9, 3) == 16.114
    check(transformers.GPT2Config(architectures=["GPT2LMHeadModel"]), macs, seq_len=128)


def test_convnext():
    macs, size = 56 * 56 * 96 * 48, 56
    for i, (width, depth) in enumerate(((96, 3), (192, 3), (384, 9), (768, 3))):
        if i:
            size //= 2
            macs += size**2 * (width // 2) * width * 4
        macs += depth * size**2 * (49 * width + 8 * width * width)
    macs += 2 * 768
    assert round(macs / 1e9, 3) == 4.455
    check(transformers.ConvNextConfig(), macs)


def test_swin():
    macs, size = 56 * 56 * 96 * 48, 56
    for i, (width, depth) in enumerate(((96, 2), (192, 2), (384, 6), (768, 2))):
        if i:
            size //= 2
            macs += size**2 * (2 * width) * width  # merging: four patches of width/2 into width
        macs += depth * size**2 * (12 * width * width + 2 * 49 * width)
    macs += 2 * 768
    assert round(macs / 1e9, 3) == 4.490
    check(transformers.SwinConfig(), macs)


def test_whisper():
    config = transformers.WhisperConfig(architectures=["WhisperModel"])
    listens = 3000 * 384 * 80 * 3 + 1500 * 384 * 384 * 3 + encoder(1500, 384, 4, 1536)
    assert round(listens / 1e9, 3) == 18.469
    # one token: own attention, attention over 1,500 positions whose keys are made, MLP
    own = 4 * 384**2 + 2 * 384
    crossed = 2 * 384**2 + 1500 * (2 * 384**2 + 2 * 384)
    check(config, listens + 4 * (own + crossed + 2 * 384 * 1536))


def test_qwen3():
    config = transformers.Qwen3Config(
        hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=8,
        num_key_value_heads=2, head_dim=64, vocab_size=1000,
    )  # fmt: skip
    check(config, decoder(48, 48, 256, 2, 8, 2, 64, 512, 1000), seq_len=48)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_mixtral(dtype):
    config = transformers.MixtralConfig(
        hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=8,
        num_key_value_heads=2, num_local_experts=8, num_experts_per_tok=2, vocab_size=1000,
        dtype=dtype,
    )  # fmt: skip
    # every token visits two experts; the router is one more product
    macs = decoder(48, 48, 256, 2, 8, 2, 32, 2 * 512, 1000) + 48 * 2 * 256 * 8
    workload = check(config, macs, seq_len=48)
    experts = [e for e in workload.einsums if e.sizes.get("G") == 8 and e.op == "matmul"]
    assert [e.words(e.inputs[1]) for e in experts] == [8 * 256 * 1024, 8 * 512 * 256] * 2


def test_mamba():
    width, inner, state, rank, tokens = 64, 128, 16, 4, 12
    config = transformers.MambaConfig(
        hidden_size=width, num_hidden_layers=2, state_size=state, vocab_size=500,
        time_step_rank=rank,
    )  # fmt: skip
    layer = width * 2 * inner + inner * (rank + 2 * state) + rank * inner + inner * width
    # the depthwise convolution of four taps runs over three more positions and is cut
    convolution, scan = (tokens + 3) * inner * 4, tokens * inner * state
    macs = 2 * (tokens * layer + convolution + scan) + tokens * width * 500
    check(config, macs, seq_len=tokens)


def test_t5_distilbert_opt_and_deit():
    config = transformers.T5Config(
        d_model=64, d_kv=8, d_ff=128, num_layers=2, num_decoder_layers=2, num_heads=8,
        vocab_size=500, architectures=["T5ForConditionalGeneration"],
    )  # fmt: skip
    cross = 10 * (4 * 64 * 64 + 2 * 10 * 64)
    macs = 2 * encoder(10, 64, 2, 128) + 2 * cross + 10 * 64 * 500
    check(config, macs, seq_len=10)
    config = transformers.DistilBertConfig(
        dim=64, hidden_dim=128, n_layers=2, n_heads=4, vocab_size=500
    )
    check(config, encoder(10, 64, 2, 128) + 64 * 64 + 2 * 64, seq_len=10)
    config = transformers.OPTConfig(
        hidden_size=64, ffn_dim=128, num_hidden_layers=2, num_attention_heads=4, vocab_size=500,
        word_embed_proj_dim=64,
    )  # fmt: skip
    check(config, encoder(10, 64, 2, 128) + 10 * 64 * 500, seq_len=10)
    config = transformers.DeiTConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        image_size=32,
    )  # fmt: skip
    check(config, 4 * 768 * 64 + encoder(6, 64, 2, 128) + 2 * 64)


def save(directory, **entries):
    (directory / "config.json").write_text(json.dumps(entries))
    return directory


BERT = {"model_type": "bert", "hidden_size": 64, "intermediate_size": 128, "vocab_size": 500,
        "num_hidden_layers": 2, "num_attention_heads": 4}  # fmt: skip


def test_directories(tmp_path, monkeypatch):
    def nothing(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", nothing)
    directory = save(tmp_path, **BERT, architectures=["BertForMaskedLM"])
    expected = encoder(10, 64, 2, 128) + 10 * (64 * 64 + 64 * 500)
    assert load_workload(directory, seq_len=10).macs == expected
    assert load_workload(directory / "config.json", seq_len=10, batch=3).macs == 3 * expected
    with pytest.raises(InputError, match="seq_len 9999"):
        load_workload(directory, seq_len=9999)
    with pytest.raises(InputError, match="context 0"):
        load_workload(directory, context=0)
    with pytest.raises(InputError, match="found shapes for a configuration"):
        load_workload(directory, shapes={"x": (1,)})


def test_configurations_that_are_refused(tmp_path):
    for content, message in (
        ("{", "valid JSON"),
        ("[" * 100_000, "valid JSON"),
        ("[]", "model_type"),
        ('{"model_type": "brt"}', "Did you mean"),
        ('{"model_type": "bert", "auto_map": {"AutoModel": "x.Y"}}', "code of its own"),
        ('{"model_type": "bert", "hidden_size": 7}', "built"),
        ('{"model_type": "bert", "num_hidden_layers": 1000000000}', "at most 4096 layers"),
        ('{"model_type": "bert", "hidden_size": "x"}', "configuration|built"),
    ):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ImportFailure, match=message):
            load_workload(tmp_path)
    save(tmp_path, model_type="resnet")
    with pytest.raises(InputError, match="--context"):
        load_workload(tmp_path, context=8)
    with pytest.raises(InputError, match="say one"):
        load_workload(tmp_path, context=8, seq_len=4)
    with pytest.raises(InputError, match="pictures"):
        load_workload(tmp_path, seq_len=4)
