import io

import msgspec
import pytest
from rich.console import Console

from onewatt.report.compare import compare, comparison_json
from onewatt.report.compare_text import show_comparison
from onewatt.report.nouns import show_names, show_noun
from onewatt.report.text import show_layer, show_result
from onewatt.report.wording import band, margin, percent, quantity, verdict
from onewatt.spec.budget import Verdict
from onewatt.spec.cost import Cost
from report.example import chip, conv, mapping, pool, result


def printed(show, *args, width=100):
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, emoji=False, markup=False)
    show(*args, console)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def test_result_is_golden(golden):
    golden("result.txt", printed(show_result, result(missed=True)))


def test_layer_is_golden(golden):
    golden("layer.txt", printed(show_layer, result(), "conv2"))


def test_comparison_is_golden(golden):
    other = result((conv("conv1", 8, 14), conv("new")))
    golden("comparison.txt", printed(show_comparison, compare(result(), other)))


@pytest.mark.parametrize("width", [60, 80])
def test_narrow_terminals_keep_level_names_and_numbers(width):
    text = printed(show_result, result(), width=width)
    assert max(map(len, text.splitlines())) <= width
    if width == 80:
        assert "  DRAM  11.0 µJ    54 %" in text
        assert "upkeep" in text
        assert "542 nJ\n" in text


def test_markup_in_names_is_text():
    name = "[bold red]x[/] :smile:"
    text = printed(show_result, result((conv(name), pool("[/]"))))
    assert "[bold red]x[/]" in text
    assert ":smile:" in text


def test_missing_prices_are_loud():
    text = printed(show_result, result())
    assert "WARNING: 1 operator without a price" in text
    assert "NonMaxSuppression" in text
    assert "WARNING" not in printed(show_result, result(unpriced=False))


def test_empty_results_can_be_shown():
    empty = msgspec.structs.replace(result(), cost=Cost(), budget=())
    assert "little net" in printed(show_result, empty)


def test_nouns():
    tree = printed(show_noun, chip())
    assert "memory GLB: 108 KiB; keeps Inputs, Outputs" in tree
    assert "array array: X 14 x Y 12" in tree
    assert "M16 C16 P14 Q14 R3 S3" in printed(show_noun, result().workload)
    assert "C/4" in printed(show_noun, mapping(conv("a")))
    assert "eyeriss" in printed(show_names, [("eyeriss", "a chip", "a paper")])


def test_comparison_matches_layers_by_name():
    found = comparison_json(compare(result(), result((conv("conv1", 8, 14), conv("new")))))
    rows = {row["name"]: row["energy_J"] for row in found["layers"]}
    assert rows["new"]["before"] is None
    assert rows["pool"]["after"] is None
    assert 0 < rows["conv1"]["ratio"] < 1
    assert {c["name"]: c["unit"] for c in found["totals"]}["edp"] == "J s"


def test_a_result_equals_itself():
    found = comparison_json(compare(result(), result()))
    assert all(c["ratio"] in (1.0, None) for c in (*found["totals"], *found["levels"]))


def test_wording():
    assert band(1e-3, 1e-3, 1e-3, "J") == "1.00 mJ"
    assert band(0.0, 0.0, 1.0, "J") == "0 J (0 to 1)"
    assert quantity(float("inf"), "W") == "–"
    assert quantity(2.5e-6, "m2") == "2.50 mm²"
    assert percent(1.0) == "100 %"
    slow = Verdict(kind="rate", unit="Hz", asked=30.0, reached=0.0, met=False)
    assert margin(slow) == "nothing is reached"
    near = Verdict(kind="energy", unit="J", asked=1.0, reached=1.05, met=False)
    assert verdict(near) == "energy MISSED: 1.05 J of at most 1.00 J (5.0 % too high)"
