"""Expected sizes against the codecs on random, structured and measured tensors."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onewatt.components.chips import load_chip
from onewatt.components.library import prices
from onewatt.errors import InputError
from onewatt.importers.densities import with_densities
from onewatt.importers.zoo import load_zoo
from onewatt.mapper.search import search
from onewatt.model.density import measure, with_zeros
from onewatt.model.formats import compressed_bits
from onewatt.simulate import encode_csc, encode_rlc
from onewatt.spec.architecture import SparseFeature
from onewatt.spec.files import dumps, loads
from onewatt.spec.workload import Einsum, Index, Rank, Tensor, Workload
from onewatt.spec.zeros import Cut, Measured, Run, Structured

SEED = 20190611


def rlc_bits(values):
    return encode_rlc(values).size * 64 / values.size


def csc_bits(values, segment, address):
    code = encode_csc(values.reshape(-1, segment), address_bits=32)
    return (12 * code.words.size + address * (code.address.size - 1)) / values.size


def structured(rng, kept, block, words):
    order = rng.random((words // block, block)).argsort(axis=1)
    return np.where(order < kept, rng.integers(1, 128, order.shape), 0).reshape(-1)


@pytest.mark.parametrize("density", [0.0, 0.01, 0.05, 0.2, 0.5, 0.9, 1.0])
def test_rlc_of_random_tensors(density):
    rng = np.random.default_rng(SEED)
    values = np.where(rng.random(400_000) < density, rng.integers(1, 2**15, 400_000), 0)
    assert rlc_bits(values) == pytest.approx(compressed_bits("rlc", density, 16), rel=0.02)
    assert rlc_bits(values) == pytest.approx(
        compressed_bits("rlc", measure(values).density, 16), rel=0.003
    )


@pytest.mark.parametrize("segment", [1, 8, 16, 17, 64])
@pytest.mark.parametrize("density", [0.0, 0.01, 0.05, 0.2, 0.5, 1.0])
def test_csc_of_random_tensors(density, segment):
    rng = np.random.default_rng(SEED)
    size = 600_000 // segment * segment
    values = np.where(rng.random(size) < density, rng.integers(1, 128, size), 0)
    expected = compressed_bits("csc", density, 8, segment=segment, address=7)
    assert csc_bits(values, segment, 7) == pytest.approx(expected, rel=0.02)


def test_csc_of_one_long_segment_is_that_of_an_endless_stream():
    endless = compressed_bits("csc", 0.03, 8)
    assert compressed_bits("csc", 0.03, 8, segment=10**6) == pytest.approx(endless, rel=1e-4)
    rng = np.random.default_rng(SEED)
    values = np.where(rng.random(10**6) < 0.03, 1, 0)
    assert csc_bits(values, 10**6, 0) == pytest.approx(endless, rel=0.01)


@pytest.mark.parametrize(
    ("kept", "block"), [(2, 4), (1, 4), (1, 1), (1, 16), (1, 40), (2, 48), (3, 70)]
)
def test_structured_tensors(kept, block):
    rng = np.random.default_rng(SEED)
    values = structured(rng, kept, block, 40_000 * block // block * block)
    zeros = Structured(kept=kept, block=block)
    rlc = compressed_bits("rlc", zeros.density, 16, zeros=zeros)
    assert rlc_bits(values) == pytest.approx(rlc, rel=0.01)
    for blocks in (1, 4):
        csc = compressed_bits(
            "csc", zeros.density, 8, zeros=zeros, segment=blocks * block, address=7
        )
        assert csc_bits(values[: 4 * block * (values.size // (4 * block))], blocks * block, 7) == (
            pytest.approx(csc, rel=0.01)
        )


@pytest.mark.parametrize(("kept", "block"), [(1, 3), (2, 4), (2, 20), (1, 35)])
def test_structure_is_the_mean_over_every_placement(kept, block):
    """All placements of two neighbouring blocks, each encoded for itself."""
    each = []
    for first, second in itertools.product(itertools.combinations(range(block), kept), repeat=2):
        values = np.zeros(2 * block, int)
        values[[*first, *(block + s for s in second)]] = 1
        each.append(csc_bits(values, 2 * block, 0))
    zeros = Structured(kept=kept, block=block)
    found = compressed_bits("csc", zeros.density, 8, zeros=zeros, segment=2 * block)
    assert found == pytest.approx(np.mean(each), rel=1e-12)


@settings(deadline=None)
@given(
    st.integers(1, 30), st.sampled_from([1, 7, 8, 16, 40, 90]), st.floats(0, 1), st.integers(0, 99)
)
def test_measured_sizes_are_those_of_the_codec(rows, segment, density, seed):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((rows, segment)) < density**3, 5, 0)
    zeros = measure(values, segments=(0, segment))
    csc = compressed_bits("csc", zeros.density, 8, zeros=zeros, segment=segment, address=7)
    assert csc == pytest.approx(csc_bits(values, segment, 7), rel=1e-12)
    pairs = compressed_bits("rlc", zeros.density, 16, zeros=zeros) * values.size * 63 / 64 / 21
    assert encode_rlc(values).size == -(-round(pairs) // 3)


def test_where_the_zeros_lie_makes_a_difference():
    """640 pairs and 5760 / 32 = 180 of zeros only; scattered, few runs are too long for a pair."""
    values = np.zeros(6400, int)
    values[:640] = 1
    clustered = compressed_bits("rlc", 0.1, 16, zeros=measure(values))
    assert clustered == pytest.approx((640 + 180) / 6400 * 64 / 3)
    assert compressed_bits("rlc", 0.1, 16) < 0.85 * clustered


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("rlc", -0.1, 16), {}, "density is -0.1; expected a share of non-zeros from 0 to 1"),
        (("dense", 1.5, 16), {}, "density is 1.5"),
        (("csc", float("nan"), 8), {}, "density is nan"),
        (("rcl", 0.5, 16), {}, "unknown format 'rcl'. Did you mean 'rlc'"),
        (("rlc", 0.4, 16), {"zeros": Structured(kept=2, block=4)}, "the zeros make it 0.5"),
        (("csc", 0.5, 8), {"zeros": measure([0, 1]), "segment": 2}, r"segments=\(..., 2\)"),
        (
            ("csc", 0.5, 8),
            {"zeros": Structured(kept=2, block=4), "segment": 6},
            "2:4 does not divide",
        ),
    ],
)
def test_refusals(arguments, options, message):
    with pytest.raises(InputError, match=message):
        compressed_bits(*arguments, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Structured(kept=5, block=4), "structure 5:4 is impossible"),
        (lambda: Structured(kept=0, block=4), "structure 0:4 is impossible"),
        (lambda: Run(zeros=-1, times=1), "run of -1 zeros"),
        (lambda: Measured(words=4, nonzeros=5), "5 non-zeros of 4 words"),
        (lambda: Measured(words=4, nonzeros=1, cuts=(Cut(gaps=(Run(zeros=1, times=1),)),)),
         "covers 1 non-zeros and 2 words; expected 1 and 4"),
        (lambda: measure([]), "cannot measure 0 values"),
        (lambda: measure(["a"]), "expected at least one number"),
        (lambda: measure([1.0, float("nan")]), "value 1 is not a number"),
        (lambda: measure([1, 2, 3], segments=(2,)), "3 values are no whole segments of 2"),
        (lambda: tensor(density=0.4, zeros=Structured(kept=2, block=4)), "its zeros make it 0.5"),
        (lambda: tensor(density=-0.5), "has density -0.5; expected a number from 0 to 1"),
        (lambda: SparseFeature(tensor="Inputs", format="rlc", segment=8), "only csc has them"),
        (lambda: SparseFeature(tensor="Inputs", format="csc", address=7), "how long a segment is"),
        (lambda: SparseFeature(tensor="Inputs", format="csc", segment=-1), "segment -1"),
    ],
)  # fmt: skip
def test_nouns_that_contradict_themselves(make, message):
    with pytest.raises(InputError, match=message):
        make()


def tensor(**options):
    return Tensor(name="Inputs", projection=(Index.parse("C"),), **options)


def layer(inputs):
    c, m = Index.parse("C"), Index.parse("M")
    return Einsum(
        name="fc", op="fc", ranks=(Rank(name="C", size=64), Rank(name="M", size=32)),
        inputs=(inputs, Tensor(name="Weights", projection=(m, c))),
        output=Tensor(name="Outputs", projection=(m,)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "zeros", [Structured(kept=2, block=4), measure([0, 0, 3, 1, 0, 5, 0, 0], segments=(0, 4))]
)
def test_a_workload_keeps_how_its_zeros_lie(zeros):
    workload = Workload(name="w", einsums=(layer(with_zeros(tensor(), zeros)),))
    assert loads(dumps(workload, "workload"), "workload") == workload
    plain = layer(tensor(density=zeros.density))
    assert plain.signature != workload.einsums[0].signature


def test_a_file_says_n_of_m_and_the_chip_its_segments():
    text = "name: Inputs\nprojection: [C]\ndensity: 0.5\nzeros: {structured: 2, block: 4}\n"
    body = text.replace("\n", "\n      ").strip()
    workload = loads(
        f"name: w\neinsums:\n  - name: l\n    op: fc\n    ranks: {{C: 4, M: 2}}\n    inputs:\n"
        f"    - {body}\n    - {{name: Weights, projection: [M, C]}}\n"
        "    output: {name: Outputs, projection: [M]}\n",
        "workload",
    )
    assert workload.einsums[0].inputs[0].zeros == Structured(kept=2, block=4)


def test_a_memory_moves_what_the_format_takes():
    """The ledger's bits are the words of the tensor times the measured size."""
    chip = load_chip("eyeriss")
    outer = chip.memories[0]
    feature = SparseFeature(tensor="Inputs", format="csc", segment=8, address=4)
    nodes = tuple(
        msgspec.structs.replace(n, sparse=(feature,)) if n is outer else n for n in chip.nodes
    )
    chip = msgspec.structs.replace(chip, nodes=nodes)
    values = np.zeros(64, int)
    values[:16] = 1
    zeros = measure(values, segments=(8,))
    workload = Workload(name="w", einsums=(layer(with_zeros(tensor(), zeros)),))
    result = search(workload, chip, workers=1)
    row = next(
        e for e in result.cost.entries
        if (e.component, e.tensor, e.action) == (outer.name, "Inputs", "read")
    )  # fmt: skip
    assert row.count == 64
    assert row.bits == pytest.approx(16 * (16 + 4) + 8 * 4)
    assert prices(chip).get(outer.name, "read") is not None


def test_a_table_of_densities_replaces_a_structure(tmp_path):
    net = load_zoo("alexnet")
    first = net.einsums[0]
    weights = with_zeros(first.inputs[1], Structured(kept=2, block=4))
    net = msgspec.structs.replace(
        net,
        einsums=(
            msgspec.structs.replace(first, inputs=(first.inputs[0], weights)),
            *net.einsums[1:],
        ),
    )
    table = tmp_path / "d.csv"
    table.write_text(f"layer,inputs,weights,outputs\n{first.name},1,0.3,1\n")
    found = with_densities(net, table).einsums[0].inputs[1]
    assert (found.density, found.zeros) == (0.3, None)
