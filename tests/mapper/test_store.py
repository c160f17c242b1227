"""Finished layers are found again, and damaged files are not believed."""

from __future__ import annotations

import threading

import msgspec
import pytest

from chips_by_hand import tiny
from layers_by_hand import gemm, network, relu
from onewatt.errors import Stopped
from onewatt.mapper import search as searching
from onewatt.mapper.search import search

NET = network(gemm("a", m=6), gemm("b", m=4, c=6), relu())


@pytest.fixture
def searched(monkeypatch):
    """Names of layers that were really searched."""
    names = []

    def search_layer(einsum, *arguments, **options):
        names.append(einsum.name)
        return real(einsum, *arguments, **options)

    real = searching.search_layer
    monkeypatch.setattr(searching, "search_layer", search_layer)
    return names


def test_a_second_search_finds_the_first_again(searched, tmp_path):
    first = search(NET, tiny(), cache=tmp_path)
    assert sorted(searched) == ["a", "b"]
    searched.clear()
    second = search(NET, tiny(), cache=tmp_path)
    assert searched == []
    assert msgspec.json.encode(second) == msgspec.json.encode(first)
    assert [x.evaluations for x in second.layers] == [x.evaluations for x in first.layers]
    search(network(gemm("of another name", m=6, count=3)), tiny(), cache=tmp_path)
    assert searched == []


def test_what_is_asked_otherwise_is_searched_anew(searched, tmp_path):
    net = network(gemm("b"))
    search(net, tiny(), cache=tmp_path)
    search(net, tiny(), cache=tmp_path, tiles="perfect")
    search(net, tiny(), cache=tmp_path, objective="energy")
    search(net, tiny(clock=2e8), cache=tmp_path)
    search(network(gemm("b", m=9)), tiny(), cache=tmp_path)
    search(net, tiny())
    assert searched == ["b"] * 6
    assert len(list(tmp_path.iterdir())) == 5


def test_a_gap_is_kept_for_the_effort_that_left_it(searched, tmp_path):
    net = network(gemm("a", m=48, c=36, p=24))
    first = search(net, tiny(), cache=tmp_path, effort=1)
    assert first.layers[0].gap > 0, "this effort proves nothing"
    again = search(net, tiny(), cache=tmp_path, effort=1)
    assert searched == ["a"]
    assert msgspec.json.encode(again) == msgspec.json.encode(first)
    assert search(net, tiny(), effort=1) == first, "the same effort ends alike"
    searched.clear()
    more = search(net, tiny(), cache=tmp_path, effort=None)
    assert searched == ["a"], "another effort is searched anew"
    assert more.layers[0].optimal
    searched.clear()
    assert search(net, tiny(), cache=tmp_path, effort=1) == more
    assert searched == [], "what is proved holds for any effort"


def test_an_interrupted_layer_is_not_kept(searched, tmp_path):
    net, stop = network(gemm("a", m=48, c=36, p=24)), threading.Event()
    stop.set()
    try:
        found = search(net, tiny(), cache=tmp_path, stop=stop)
    except Stopped:
        pytest.skip("stopped before there was a mapping")
    assert found.layers[0].gap > 0
    assert not list(tmp_path.iterdir())
    search(net, tiny(), cache=tmp_path)
    assert searched == ["a", "a"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data, other: b"",
        lambda data, other: data[: len(data) // 2],
        lambda data, other: b"\xff\xfe\x00",
        lambda data, other: (
            data[: data.index(b'"mappings"')] + b'"mappings":[],"boxes":1,"scored":1}'
        ),
        lambda data, other: data.replace(b"DRAM", b"DROM"),
        lambda data, other: other,
    ],
)
def test_a_damaged_file_is_searched_anew_and_replaced(searched, tmp_path, damage):
    first = search(NET, tiny(), cache=tmp_path)
    files = sorted(tmp_path.iterdir())
    whole = {path: path.read_bytes() for path in files}
    for one, two in (files, files[::-1]):
        one.write_bytes(damage(whole[one], whole[two]))
        searched.clear()
        second = search(NET, tiny(), cache=tmp_path)
        assert len(searched) == 1
        assert second == first
        assert {path: path.read_bytes() for path in sorted(tmp_path.iterdir())} == whole


def test_a_folder_that_cannot_be_written_is_no_error(searched, tmp_path):
    (tmp_path / "file").write_text("")
    first = search(NET, tiny(), cache=tmp_path / "file")
    assert first == search(NET, tiny(), cache=tmp_path / "file" / "below")
    assert len(searched) == 4
