"""A search that is stopped keeps the best so far and says how far it may be off."""

from __future__ import annotations

import threading

import pytest

from chips_by_hand import tiny
from layers_by_hand import conv, gemm, network, relu
from near import near
from onewatt.components.library import prices
from onewatt.errors import Stopped
from onewatt.mapper import exact
from onewatt.mapper.exact import search_layer
from onewatt.mapper.search import search
from onewatt.report.figures import figures
from onewatt.report.tables import proof, result_json

NET = network(conv("a", m=12, c=8, p=4), gemm("b", m=12, c=20, p=14), relu())


@pytest.fixture
def stop():
    event = threading.Event()
    event.set()
    return event


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(exact, "_CHUNK", 100)


@pytest.mark.parametrize("objective", ["edp", "energy", "layer_edp"])
def test_the_gap_holds(stop, objective, tmp_path):
    chip = tiny()
    cut = search(NET, chip, objective=objective, stop=stop, cache=tmp_path)
    best = search(NET, chip, objective=objective)
    assert all(layer.optimal and layer.gap == 0 for layer in best.layers)
    assert "proved optimal" in proof(figures(best))
    assert any(layer.gap for layer in cut.layers)
    for stopped, layer, e in zip(cut.layers, best.layers, NET.einsums, strict=True):
        assert stopped.optimal == (stopped.gap == 0)
        if e.work == "vector" or objective == "edp":
            continue  # the best of a network need not be the best of each layer
        value = [
            {"energy": energy, "layer_edp": energy * cycles}[objective]
            for r in (cut, best)
            for energy, cycles in [(_energy(r, layer.name), r.cycles(layer.name))]
        ]
        assert value[1] >= value[0] * (1 - stopped.gap) * (1 - 1e-6)
    # what is not proved is not kept
    assert len(list(tmp_path.iterdir())) == sum(x.optimal for x in cut.layers if x.mapping)
    table = result_json(cut)
    assert [x["gap"] for x in table["layers"]] == [near(x.gap) for x in cut.layers]
    assert table["totals"]["optimal"] is False
    assert "of 2 layers not proved, at most" in proof(figures(cut))


def _energy(result, layer):
    return sum(e.energy for e in result.cost.entries if e.einsum == layer)


class Later(threading.Event):
    """An event that sets itself after it was asked some times."""

    def __init__(self, asks):
        super().__init__()
        self.asks = asks

    def is_set(self):
        self.asks -= 1
        return self.asks < 0


def test_what_reaches_its_bound_is_proved_all_the_same():
    net = network(gemm("b", m=12, c=20, p=14))
    best = search(net, tiny(), objective="latency")
    cuts = [search(net, tiny(), objective="latency", stop=Later(n)) for n in (0, 1, 2, 4, 8)]
    for cut in cuts:
        assert best.latency >= cut.latency * (1 - cut.layers[0].gap) * (1 - 1e-9)
    assert cuts[0].layers[0].gap > 0
    assert (cuts[-1].latency, cuts[-1].layers[0].gap) == (best.latency, 0)


def test_a_stop_after_the_proof_changes_nothing(stop, tmp_path):
    whole = search(NET, tiny(), cache=tmp_path)
    assert search(NET, tiny(), cache=tmp_path, stop=stop) == whole


def test_a_stop_before_anything_is_found_is_no_verdict_on_the_layer(stop, monkeypatch):
    monkeypatch.setattr(exact, "_CHUNK", 1)
    with pytest.raises(Stopped, match="before any mapping was found"):
        search_layer(NET.einsums[0], tiny(), prices(tiny()), stop=stop.is_set)
    with pytest.raises(Stopped, match=r"before any mapping of layer '[ab]' was found"):
        search(NET, tiny(), stop=stop)
