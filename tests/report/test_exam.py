import io
import json
import re

import jsonschema
import msgspec
import pytest
from rich.console import Console

import onewatt as ow
from onewatt.diagnose.eyexam import STEPS
from onewatt.diagnose.flexibility import flexibility
from onewatt.report import charts, exam_charts
from onewatt.report.exam_tables import exam_json, flexibility_json
from onewatt.report.exam_text import lost_to, sentence, show_exam, show_flexibility
from onewatt.report.figures import figures
from onewatt.report.html import html_page
from onewatt.report.schema import exam_schema, flexibility_schema, schema
from report.example import result as by_hand


@pytest.fixture(scope="module")
def result():
    return ow.search(ow.load_workload("mlperf_kws"), ow.load_chip("systolic_ws"))


@pytest.fixture(scope="module")
def exam(result):
    return ow.eyexam(result)


def shown(show, thing, width=110):
    text = io.StringIO()
    show(thing, Console(file=text, width=width, highlight=False, color_system=None))
    return text.getvalue()


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_text(exam, golden):
    golden("exam.txt", shown(show_exam, exam))


def test_flexibility_text(golden):
    net = ow.load_workload("mlperf_kws", batch=16), ow.load_workload("mlperf_kws")
    rows = flexibility(ow.stressed(*net), [ow.load_chip("systolic_ws")])
    golden("flexibility.txt", shown(show_flexibility, rows))
    table = flexibility_json(rows)
    jsonschema.validate(table, flexibility_schema(), jsonschema.Draft202012Validator)
    assert json.loads(json.dumps(table, allow_nan=False)) == table


def test_json(exam):
    table = exam_json(exam)
    jsonschema.validate(table, exam_schema(), jsonschema.Draft202012Validator)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert [s["name"] for s in table["layers"][0]["steps"]] == list(STEPS)
    assert sum(c["cycles"] for c in table["causes"]) == pytest.approx(table["cycles"])
    assert schema("eyexam") == exam_schema()
    assert schema("flexibility") == flexibility_schema()


def test_the_sentence_names_the_costliest_cause(exam):
    assert sentence(exam).startswith("Of all causes, dataflow costs most: 91 % of the time")
    for cause in exam.causes[:-1]:
        assert sum(lost_to(x, cause.name) for x in exam.layers) == pytest.approx(cause.cycles)


def test_bars_hold_the_whole_time(exam, result):
    chart = exam_charts.by_cause(exam, result.architecture.clock)
    drawn = sum(sum(trace["y"]) for trace in chart["data"])
    taken = (exam.cycles - exam.vector_cycles) / result.architecture.clock
    assert drawn == pytest.approx(taken)
    assert exam_charts.by_cause(msgspec.structs.replace(exam, layers=()), 1.0) is None


def test_the_waterfall_hangs_together(exam):
    for layer in exam.layers:
        left, lost, peak = exam_charts.waterfall(layer)["data"]
        tops = [b + y for b, y in zip(lost["base"], lost["y"], strict=True)]
        assert tops[1:] == pytest.approx(lost["base"][:-1])  # each begins where the last one ended
        assert lost["base"] == list(layer.bounds)
        assert [left["base"] + y for y in left["y"]] == pytest.approx(lost["base"])
        assert 0 < left["base"] < min(layer.bounds)
        assert peak["y"] == [layer.peak] * 2


def test_the_page_draws_it(result):
    page = html_page(result)
    assert "Of all causes, dataflow costs most" in page
    found = data_of(page)
    macs = {e.name for e in result.workload.einsums if e.work == "mac"}
    for layer in found["layers"]:
        assert (layer["bounds"] is not None) == (layer["name"] in macs)
        assert len(layer["why"]) == (7 if layer["name"] in macs else 0)
    ceilings = found["charts"]["roofline"]["data"][-1]
    assert ceilings["name"] == "ceiling of the PEs at work"
    assert 9 in ceilings["y"]  # depthwise layers: nine taps on as many PEs
    assert len(charts.roofline(figures(result))["data"]) == len(
        found["charts"]["roofline"]["data"]
    ) - 1  # fmt: skip


def test_a_ledger_of_other_mappings_is_said_on_the_page():
    found = by_hand()
    busy = tuple(msgspec.structs.replace(b, cycles=1.0) for b in found.cost.busy)
    cost = msgspec.structs.replace(found.cost, busy=busy)
    page = html_page(msgspec.structs.replace(found, cost=cost))
    assert "Not examined: layer" in page
    assert "do not belong together" in page
    assert all(layer["bounds"] is None for layer in data_of(page)["layers"])
