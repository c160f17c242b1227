import json
import re

import msgspec
import pytest

from onewatt.errors import InputError
from onewatt.report import charts
from onewatt.report.figures import figures, links, roof
from onewatt.report.html import html_page, write_report
from onewatt.report.schema import schema
from onewatt.spec.cost import Cost
from onewatt.spec.price import Prices
from onewatt.spec.workload import Unpriced, Workload
from report.example import conv, pool, result

HOSTILE = "</script><script>alert(1)</script>\u2028 \"'&<b>"


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def without_plotly(page):
    return re.sub(r"<script>/\*\*\n\* plotly.*?</script>", "", page, flags=re.DOTALL)


def test_page_holds_everything_and_links_nowhere():
    page = without_plotly(html_page(result(), command="onewatt analyze net.onnx --chip tiny"))
    assert len(page) < 200_000
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "{{" not in page
    for words in ("little net", "A tiny chip", "budget met", "NonMaxSuppression", "horowitz2014",
                  "onewatt analyze net.onnx --chip tiny", "a few by hand"):  # fmt: skip
        assert words in page


def test_hostile_names_stay_text():
    page = without_plotly(html_page(result((conv(HOSTILE), pool("{{data}}")), name=HOSTILE)))
    assert "<script>alert" not in page
    assert data_of(page)["layers"][0]["name"] == HOSTILE
    assert "{{data}}" in page
    for chart in data_of(page)["charts"].values():
        assert "<script" not in json.dumps(chart)


def test_every_layer_has_its_nest():
    page = html_page(result())
    first, *_, last = data_of(page)["layers"]
    assert first["nest"][0] == ["storage", "DRAM keeps Inputs, Weights, Outputs"]
    assert first["nest"][-1][0] == "compute"
    assert last["nest"][0][0] == "note"


@pytest.mark.parametrize("many", [1, 60])
def test_small_and_large_networks(many):
    page = html_page(result(tuple(conv(f"conv{i}", 8, 14) for i in range(many))))
    assert len(data_of(page)["layers"]) == many


def test_empty_networks():
    left = Workload(name="empty", einsums=(), unpriced=(Unpriced(name="x", op="Y"),))
    bare = msgspec.structs.replace(
        result(), workload=left, layers=(), cost=Cost(), prices=Prices(prices=()), budget=()
    )
    assert "1 operator has no price" in html_page(bare)


def test_bars_hold_the_whole_energy():
    found = figures(result())
    for chart, axis in ((charts.by_level(found), "x"), (charts.by_layer(found), "y")):
        total = sum(sum(trace[axis]) for trace in chart["data"])
        assert total == pytest.approx(found.totals.energy)


def test_bars_too_small_to_see_are_left_out_and_said():
    einsums = (conv("dear", 64, 56), *(pool(f"p{i}", 1, 2 + i) for i in range(5)), conv("last", 64))
    found = figures(result(einsums))
    assert charts.drawn(found) == [0, 6]
    assert charts.by_layer(found)["data"][0]["customdata"] == [0, 6]
    assert "5 layers that take less than 0.1 % each have no bar" in html_page(found.result)


def test_flow_holds_the_energy_of_all_movement():
    found = result()
    moved = sum(
        e.energy for e in found.cost.entries if e.component in ("DRAM", "GLB", "bus", "spad")
    )
    assert sum(link.energy for link in links(found)) == pytest.approx(moved)
    first = next(link for link in links(found) if link.tensor == "Weights")
    assert (first.source, first.sink) == ("DRAM", "spad")


def test_no_layer_lies_above_the_roof():
    found = figures(result())
    limits = roof(found.result)
    assert limits == (168.0, 8.0)
    points = [t for t in charts.roofline(found)["data"] if t["mode"] == "markers"]
    for trace in points:
        for x, y in zip(trace["x"], trace["y"], strict=True):
            assert y <= min(limits.peak, x * limits.bytes_per_cycle) * 1.001
    assert charts.roofline(figures(result((pool("p"),)))) is None


def test_the_page_is_the_same_every_time():
    assert html_page(result()) == html_page(result())


def test_the_page_is_written_whole(tmp_path):
    write_report(result(), tmp_path / "deep" / "report.html")
    assert (tmp_path / "deep" / "report.html").read_text().startswith("<!doctype html>")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(result(), tmp_path)


def test_file_schemas_describe_files():
    import jsonschema
    import yaml

    from onewatt.components.chips import list_chips, load_chip
    from onewatt.spec.files import dumps

    for kind, nouns in (
        ("chip", [load_chip(c.name) for c in list_chips()]),
        ("workload", [result().workload]),
        ("mapping", [result().layers[0].mapping]),
    ):
        checker = jsonschema.Draft202012Validator(schema(kind))
        checker.check_schema(schema(kind))
        for noun in nouns:
            checker.validate(yaml.safe_load(dumps(noun, kind)))
    broken = yaml.safe_load(dumps(load_chip("eyeriss"), "chip"))
    broken["clock"] = 200e6
    assert not jsonschema.Draft202012Validator(schema("chip")).is_valid(broken)


def test_unknown_schemas_are_refused():
    with pytest.raises(InputError, match="Did you mean 'mapping'"):
        schema("mappings")
