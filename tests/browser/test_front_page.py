"""The page of a front in a real browser: points are picked, understood and taken away as files."""

import itertools
import json
import shlex
from types import SimpleNamespace

import pytest

import onewatt as ow
from chips_by_hand import tiny
from layers_by_hand import conv, network, relu
from onewatt.cli import main
from onewatt.codesign.naming import named_chip
from onewatt.codesign.study import load_study
from onewatt.report.front_html import front_page
from onewatt.report.front_text import value
from onewatt.report.wording import percent
from onewatt.spec.files import dumps
from onewatt.spec.front import Point

HOSTILE = "</script><script>alert(1)</script>"
LAYER = "a<img src=x onerror=alert(2)>&amp;"
STUDY = f"""
name: "{HOSTILE}"
workload: net.yaml
chip: chip.yaml
pricing: stated
knobs:
  chip.GLB.capacity: [16 bit, 128 B, 256 B, 512 B]
  "<b>clock</b>":
    settings:
      "<script>alert(3)</script>": {{chip.clock: 100 MHz}}
      fast: {{chip.clock: 170 MHz, chip.GLB.energy.read.energy: 11 pJ}}
  mapper_objective: [edp, latency]
objectives: [energy, latency]
constraints: 2.5 us
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A front with points of every kind, the folder of its files and its study."""
    folder = tmp_path_factory.mktemp("study")
    net = network(conv(LAYER, m=4, c=2, p=4), conv("b", m=2, c=4, p=2, r=1), relu())
    (folder / "net.yaml").write_text(dumps(net, "workload"))
    (folder / "chip.yaml").write_text(dumps(tiny(), "chip"))
    (folder / "study.yaml").write_text(STUDY)
    study = load_study(folder / "study.yaml")
    front = ow.explore(study, cache=folder / "layers")
    states = {(p.reason is None, p.feasible, p.on_front) for p in front.points}
    assert len(states) == 4, "failed, missed, kept and front"
    return SimpleNamespace(front=front, folder=folder, study=study)


@pytest.fixture
def page_of(open_page, found):
    def opened(front=found.front, notes=None, **options):
        text = front_page(front, folder=found.folder, source="front.json", notes=notes)
        page = open_page(text, "#scatter .main-svg", **options)
        page.wait_for_selector("#scatter .points path")
        return page

    return opened


def chosen(page):
    return int(page.locator("#chosen-name").inner_text().removeprefix("Point "))


def row(page, number):
    return page.locator(f"#point-table tr[data-number='{number}']")


def middle_of(place):
    place.page.locator("#scatter").scroll_into_view_if_needed()
    place.page.wait_for_timeout(200)  # plotly draws once more after a choice
    box = place.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def best(found):
    return found.front.best[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 390])
def test_everything_is_drawn_and_nothing_overflows(page_of, found, width, scheme):
    page = page_of(viewport={"width": width, "height": 900}, color_scheme=scheme)
    able = [p for p in found.front.points if p.reason is None]
    assert page.locator("#lines path").count() == len(able)
    assert page.locator("#point-table tbody tr").count() == len(found.front.points)
    assert page.locator("#scatter .points path").count() == len(able) + 2  # reference, ring
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for chart in ("#scatter", "#chart-levels", "#chart-time", "#detail-waterfall"):
        box = page.locator(f"{chart} svg.main-svg").first.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 200
    # no label of an axis runs into the next one
    boxes = [t.bounding_box() for t in page.locator("#lines text.title").all()]
    tops = sorted((b["y"], b["x"], b["width"]) for b in boxes if b and b["width"])
    for (y, x, wide), (below, right, _) in itertools.pairwise(tops):
        assert y != below or x + wide <= right
    assert all(x >= page.locator("#lines").bounding_box()["x"] for _, x, _ in tops)
    # no value beside an axis reaches the next axis
    axes = page.locator("#lines > g").all()
    places = [a.locator("line").first.bounding_box()["x"] for a in axes]
    for axis, right in zip(axes, places[1:], strict=False):
        for tick in axis.locator("text.tick").all():
            box = tick.bounding_box()
            assert box["x"] + box["width"] < right


def test_a_row_chooses_its_point_with_all_that_is_known_of_it(page_of, found):
    page = page_of()
    point = best(found)
    row(page, point.number).click()
    assert chosen(page) == point.number
    assert row(page, point.number).get_attribute("aria-selected") == "true"
    shown = page.locator("#chosen-measures").inner_text()
    for objective in found.front.study.objectives:
        assert value(objective, point.objectives[objective.name]) in shown
    knobs = page.locator("#chosen-knobs dd").all_text_contents()
    assert knobs == list(point.knobs.values())
    assert "latency" in page.locator("#chosen-limits").inner_text()
    parts = page.locator("#chip-boxes .part b").all_text_contents()
    assert parts == ["DRAM", "GLB", "NoC", "column", "Spad ×6", "MAC ×6", "ALU ×6"]
    assert page.locator("#chip-boxes .turned b").all_text_contents()[0] == "GLB"
    nest = page.locator("#detail-nest").inner_text()
    assert nest.startswith("DRAM keeps")
    assert nest.rstrip().endswith("compute")
    mapping = page.locator("#detail-mapping").inner_text()
    assert mapping == point.result.layers[0].mapping
    assert page.locator("#cause-table tbody tr").count() >= 2
    assert "costs most" in page.locator("#said").inner_text()
    assert page.locator("#detail-why tbody tr").count() == 7
    page.locator("#layer-table button", has_text="relu").click()
    assert "no loop nest" in page.locator("#detail-nest").inner_text()
    assert page.locator("#detail-bounds").is_hidden()


def test_the_figures_are_those_of_a_search(page_of, found):
    point = best(found)
    page = page_of()
    row(page, point.number).click()
    result = ow.search(
        found.study.workload(_point(point)), found.study.architecture(_point(point)),
        objective=point.knobs["mapper_objective"], tiles="perfect",
    )  # fmt: skip
    exam = ow.eyexam(result)
    rows = page.locator("#cause-table tbody tr").evaluate_all(
        "rows => rows.map((row) => [row.cells[0].textContent, row.cells[2].textContent])"
    )
    assert rows == [[c.name, percent(c.share)] for c in exam.causes if c.cycles]


def _point(point):
    return Point(knobs=tuple(point.knobs.items()))


def test_a_dot_and_a_line_choose_their_points(page_of, found):
    page = page_of()
    other = found.front.best[-1].number
    row(page, other).click()
    before = chosen(page)
    assert before == other
    missed = page.locator("#scatter .scatterlayer .trace").nth(1).locator(".points path")
    page.mouse.click(*middle_of(missed.first))
    first = next(p for p in found.front.points if p.reason is None and not p.feasible)
    assert chosen(page) == first.number
    assert "missed" in page.locator("#chosen-limits").inner_text()
    line = page.locator(f"#lines path[data-number='{other}']")
    line.dispatch_event("click")
    assert chosen(page) == other
    assert "chosen" in page.locator(f"#lines path[data-number='{other}']").get_attribute("class")


def test_keyboard(page_of, found):
    page = page_of()
    numbers = [p.number for p in found.front.best]
    row(page, numbers[0]).click()
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    assert chosen(page) == numbers[1]
    able = sorted(
        (p for p in found.front.points if p.reason is None),
        key=lambda p: (p.objectives["energy"], p.number),
    )
    row(page, able[0].number).click()
    page.locator("#scatter").focus()
    page.keyboard.press("ArrowRight")
    assert chosen(page) == able[1].number
    page.keyboard.press("ArrowLeft")
    assert chosen(page) == able[0].number
    page.get_by_role("button", name="point", exact=True).click()
    page.locator("#point-table tbody button").first.focus()
    page.keyboard.press("ArrowDown")
    assert chosen(page) == 1


def test_the_exported_chip_gives_the_point_again(page_of, found, monkeypatch, capsys):
    page = page_of()
    point = best(found)
    row(page, point.number).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download chip").click()
    file = found.folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    chip, name = found.study.architecture(_point(point)), found.front.study.name
    assert ow.load_chip(file) == named_chip(chip, name, point.number, _point(point))
    said = page.locator("#files .command code").first.inner_text()
    monkeypatch.chdir(found.folder)
    assert main([*shlex.split(said)[1:], "--json", "--fresh"]) == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    assert totals["energy_J"] == pytest.approx(point.result.totals.energy, rel=1e-12)
    assert totals["latency_s"] == pytest.approx(point.result.totals.latency, rel=1e-12)


def test_the_exported_study_gives_the_point_again(page_of, found):
    page = page_of()
    point = best(found)
    row(page, point.number).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download study").click()
    file = found.folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    again = ow.explore(load_study(file))
    assert [p.objectives for p in again.points] == [point.objectives]


def test_copying(page_of, found):
    page = page_of(permissions=["clipboard-read", "clipboard-write"])
    row(page, best(found).number).click()
    page.locator("#files").get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(f"# Point {best(found).number} of the front")
    assert "schema: onewatt/chip/1" in text


def test_ranges_keep_what_lies_within(page_of, found):
    page = page_of()
    everything = len(found.front.points)
    grip = page.locator("#lines .grip").first  # the capacity: 256 B and 512 B are its upper half
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + 0.6 * box["height"], steps=4)
    page.mouse.up()
    kept = [p for p in found.front.points if p.knobs["chip.GLB.capacity"] in ("256 B", "512 B")]
    assert page.locator("#shown").inner_text() == f"{len(kept)} of {everything} points"
    assert page.locator("#point-table tbody tr:visible").count() == len(kept)
    page.get_by_role("button", name="Clear ranges").click()
    assert page.locator("#shown").inner_text() == f"{everything} points"
    page.get_by_role("button", name="front", exact=True).click()
    assert page.locator("#point-table tbody tr:visible").count() == len(found.front.best)


def test_sorting(page_of, found):
    page = page_of()
    head = page.locator("#point-table").get_by_role("button", name="energy")
    read = "rows => rows.map((row) => Number(row.dataset.number))"
    head.click()
    able = [p for p in found.front.points if p.reason is None]
    wanted = [p.number for p in sorted(able, key=lambda p: p.objectives["energy"])]
    shown = page.locator("#point-table tbody tr").evaluate_all(read)
    energy = {p.number: p.objectives["energy"] for p in able}
    assert [energy[n] for n in shown[: len(able)]] == [energy[n] for n in wanted]
    assert set(shown[len(able) :]) == {p.number for p in found.front.points if p.reason}


def test_axes_and_logarithm(page_of):
    page = page_of()
    assert "energy" in page.locator("#scatter .xtitle").text_content()
    page.get_by_label("across").select_option(index=1)
    assert "latency" in page.locator("#scatter .xtitle").text_content()
    page.locator("#axis-y").select_option(index=0)
    page.get_by_label("logarithmic").check()
    kind = page.evaluate("document.getElementById('scatter').layout.xaxis.type")
    assert kind == "log"


def test_points_without_details_say_so(page_of, found):
    page = page_of()
    bad = next(p for p in found.front.points if p.reason)
    row(page, bad.number).click()
    assert "does not fit" in page.locator("#nothing").inner_text()
    assert page.locator("#details").is_hidden()
    light = next(p for p in found.front.points if p.feasible and not p.on_front)
    row(page, light.number).click()
    assert "--full" in page.locator("#nothing").inner_text()
    row(page, best(found).number).click()
    assert page.locator("#nothing").is_hidden()
    assert page.locator("#details").is_visible()


def test_without_the_files_of_the_study_the_front_itself_is_shown(open_page, found, tmp_path):
    page = open_page(front_page(found.front, folder=tmp_path), "#scatter .points path")
    row(page, best(found).number).click()
    assert "cannot be read again" in page.locator("#nothing").inner_text()
    assert page.locator("#chip-boxes .part").count() == 7
    assert page.locator("#layer-table tbody tr").count() == 3
    assert page.locator("#detail-mapping").inner_text() == best(found).result.layers[0].mapping
    assert page.locator("#causes").is_hidden()
    assert page.locator("#energy-table tbody tr").count() > 4


def test_charts_keep_their_height_when_the_window_changes(page_of, heights):
    page = page_of()
    before = heights(page)
    page.click("#next")  # draws every chart again
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(600)  # plotly draws the charts once more
    assert [place for place, _ in heights(page)] == [place for place, _ in before]
    assert all(place == drawn > 100 for place, drawn in heights(page))


def test_hostile_text_is_shown_as_text(page_of, found):
    number = best(found).number
    page = page_of(notes={number: HOSTILE})
    assert HOSTILE in page.locator("h1").inner_text()
    row(page, number).click()
    assert page.locator("#chosen-note").text_content() == HOSTILE
    assert "<b>clock</b>" in page.locator("#chosen-knobs").text_content()
    assert LAYER in page.locator("#layer-table").text_content()
    assert page.locator("#detail-name").text_content() == LAYER
    assert page.locator("main img").count() == 0
    assert page.locator("main b", has_text="clock").count() == 0
    page.mouse.move(*middle_of(page.locator("#scatter .points path").nth(2)))
    page.locator("#scatter .hoverlayer text").first.wait_for()
    assert "<b>clock</b>" in page.locator("#scatter .hoverlayer").text_content()
