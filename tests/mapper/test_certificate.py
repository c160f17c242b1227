"""Certificates prove what they claim, and a changed one does not."""

from __future__ import annotations

import random

import msgspec
import pytest

from chips_by_hand import tiny
from layers_by_hand import conv, gemm
from mapper import random_cases
from onewatt.errors import InputError, MappingError
from onewatt.mapper.certificate import Tree, load_certificate, save_certificate
from onewatt.mapper.exact import certify
from onewatt.mapper.problem import without_trivial
from onewatt.mapper.verify import Refuted, check


@pytest.fixture(scope="module")
def proof():
    return certify(conv(m=8, c=8, p=5), tiny(), "layer_edp", "perfect")


def changed(proof, number, **changes):
    trees = list(proof.trees)
    trees[number] = msgspec.structs.replace(trees[number], **changes)
    return msgspec.structs.replace(proof, trees=tuple(trees))


def test_random_certificates_hold():
    """Bounds written twice agree that nothing better is left, on every kind of layer and chip."""
    rng, done = random.Random(11), 0
    while done < 20:
        layer, chip = without_trivial(random_cases.layer(rng)), random_cases.chip(rng)
        tiles = rng.choice(["perfect", "tight", "full"])
        goal = rng.choice(["energy", "latency", "layer_edp", "front"])
        try:
            proof = certify(layer, chip, goal, tiles)
        except MappingError:
            continue
        if sum(len(t.codes) for t in proof.trees) < 1200:
            assert check(proof) > 0
            done += 1


def test_a_file_keeps_a_certificate(proof, tmp_path):
    save_certificate(proof, tmp_path / "proof.json")
    again = load_certificate(tmp_path / "proof.json")
    assert again == proof
    assert check(again) > 10


def test_the_checker_says_how_far_it_is(proof):
    told = []
    check(proof, lambda done, total, name: told.append((done, total, name)))
    codes = sum(len(t.codes) for t in proof.trees)
    assert [done for done, *_ in told] == sorted(done for done, *_ in told)
    assert told[0] == (0, codes, proof.einsum.name)
    assert codes - 3 <= told[-1][0] < codes  # a box takes up to three codes


def test_a_cheaper_claim_is_refuted(proof):
    lie = msgspec.structs.replace(proof, energies=(proof.energies[0] * 0.9,))
    with pytest.raises(Refuted, match="the answer costs"):
        check(lie)


def test_a_worse_answer_is_refuted(proof):
    """A mapping that is not the best leaves boxes that may hold a better one."""
    worse = certify(proof.einsum, proof.architecture, "energy", "perfect")
    if worse.answer == proof.answer:
        pytest.skip("both objectives have one answer here")
    lie = msgspec.structs.replace(
        proof, answer=worse.answer, energies=worse.energies, cycles=worse.cycles
    )
    with pytest.raises(Refuted, match="may hold a better one"):
        check(lie)


def test_a_missing_case_is_refuted(proof):
    lie = msgspec.structs.replace(proof, trees=proof.trees[1:])
    with pytest.raises(Refuted, match="not covered"):
        check(lie)


def test_changed_trees_are_refuted(proof):
    """A leaf in the place of a cut, a tree that breaks off, one with more than it needs."""
    number = max(range(len(proof.trees)), key=lambda i: len(proof.trees[i].codes))
    codes = proof.trees[number].codes
    assert codes[0] >= 8
    for lie in ((0,), (1,), codes[:-1], (*codes, 0), (codes[0], 99, *codes[2:])):
        with pytest.raises(Refuted):
            check(changed(proof, number, codes=tuple(lie)))


def test_a_leaf_is_what_it_says(proof):
    """A box that is left is not empty, nor a single tiling; a cut lies inside its rank."""
    number = max(range(len(proof.trees)), key=lambda i: len(proof.trees[i].codes))
    codes = proof.trees[number].codes
    at = next(i for i in range(len(codes) - 1, 0, -1) if codes[i] == 0 and codes[i - 3] >= 8)
    for leaf, says in ((1, "is not empty"), (2, "is not a single tiling")):
        with pytest.raises(Refuted, match=says):
            check(changed(proof, number, codes=(*codes[:at], leaf, *codes[at + 1 :])))
    with pytest.raises(Refuted, match="tile -5, is not of this layer"):
        check(changed(proof, number, codes=(*codes[:2], -5, *codes[3:])))


def test_a_layer_that_is_not_the_one_is_refuted(proof):
    other = msgspec.structs.replace(proof, einsum=conv(m=13, c=8, p=10))
    with pytest.raises((Refuted, MappingError)):
        check(other)


def test_hostile_files(proof, tmp_path):
    path = tmp_path / "proof.json"
    for text in (b"", b"{}", b"[1]", b'{"trees": [{"codes": "!"}]}', b"\xff\xfe", b"[" * 9999):
        path.write_bytes(text)
        with pytest.raises(InputError, match="is not a certificate"):
            load_certificate(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_certificate(tmp_path)


def test_a_certificate_has_one_tree_a_case_and_a_cost_an_answer(proof, tmp_path):
    number = max(range(len(proof.trees)), key=lambda i: len(proof.trees[i].codes))
    tree = proof.trees[number]
    with pytest.raises(InputError, match="breaks off inside its last cut"):
        changed(proof, number, codes=tree.codes[:2])
    with pytest.raises(InputError, match="two trees of case"):
        msgspec.structs.replace(
            proof, trees=(Tree(tree.template, tree.through, (0,)), *proof.trees)
        )
    with pytest.raises(InputError, match="1 answers, 0 energies and 1 cycles"):
        msgspec.structs.replace(proof, energies=())
    save_certificate(proof, tmp_path / "proof.json")
    whole = msgspec.json.decode((tmp_path / "proof.json").read_bytes())
    for lie, says in (
        (whole | {"cycles": []}, "1 answers, 1 energies and 0 cycles"),
        (whole | {"trees": [*whole["trees"], whole["trees"][0]]}, "two trees of case"),
        ({k: v for k, v in whole.items() if k != "schema"}, "no 'schema'"),
    ):
        (tmp_path / "lie.json").write_bytes(msgspec.json.encode(lie))
        with pytest.raises(InputError, match=f"lie.json: is not a certificate: .*{says}"):
            load_certificate(tmp_path / "lie.json")


def test_gemm_on_every_set():
    for tiles in ("perfect", "tight", "full"):
        proof = certify(gemm(m=6, c=7, p=5), tiny(), "energy", tiles)
        assert isinstance(proof.trees[0], Tree)
        assert check(proof) > 0
