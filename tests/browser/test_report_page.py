"""The page in a real browser: it draws, sorts, chooses, stays offline and shows hostile text."""

import pytest

from onewatt.report.html import html_page
from report.example import conv, pool, result

HOSTILE = "</script><script>alert(1)</script>"
QUOTED = 'it\'s "quoted" & <b>bold</b> ünïcode 层 \u2028'


@pytest.fixture
def page_of(open_page):
    """Open the page of a result."""
    return lambda found, **options: open_page(
        html_page(found, command="onewatt analyze x"), "#detail-nest span", **options
    )


def network(many):
    einsums = [conv(f"block{i // 6}.conv{i % 6}", 8 + 8 * (i % 3), 14) for i in range(many)]
    return result((*einsums, pool("pool")))


def column(page, position):
    return page.locator(f"#layer-table tbody td:nth-child({position})").evaluate_all(
        "cells => cells.map((cell) => cell.dataset.value)"
    )


@pytest.mark.parametrize("many", [1, 60])
@pytest.mark.parametrize("width", [1280, 800])
def test_charts_are_drawn_and_nothing_overflows(page_of, many, width):
    page = page_of(network(many), viewport={"width": width, "height": 900})
    charts = page.locator("figure .chart")
    assert charts.count() == 5
    for i in range(charts.count()):
        box = charts.nth(i).locator("svg.main-svg").first.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 200
    marks = page.locator("#per-layer .bars path").evaluate_all(
        "paths => paths.filter((p) => p.getBoundingClientRect().height > 1).length"
    )
    assert marks >= many
    assert page.locator("#flow .sankey-link").count() > 3
    assert page.locator("#levels .bars path").count() > 3
    assert page.locator("#roofline .points path").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_bounds_of_the_chosen_layer_are_drawn(page_of):
    page = page_of(network(6))
    assert page.locator("#detail-why tbody tr").count() == 7
    assert page.locator("#detail-waterfall .bars path").count() >= 7
    page.locator("#layer-table tbody tr").last.click()  # vector work has no bounds
    assert page.locator("#detail-bounds").is_hidden()
    assert page.locator("#detail-why tbody tr").count() == 0


def test_sorting_by_click(page_of):
    page = page_of(network(12))
    energy = page.get_by_role("button", name="energy", exact=True).last
    energy.click()
    values = [float(v) for v in column(page, 5)]
    assert values == sorted(values, reverse=True)
    energy.click()
    values = [float(v) for v in column(page, 5)]
    assert values == sorted(values)
    page.get_by_role("button", name="layer", exact=True).click()
    names = column(page, 2)
    assert names[:3] == ["block0.conv0", "block0.conv1", "block0.conv2"]
    page.get_by_role("button", name="#", exact=True).click()
    assert column(page, 1) == [str(i) for i in range(13)]


def test_filtering(page_of):
    page = page_of(network(12))
    page.get_by_label("Filter").fill("BLOCK1")
    assert page.locator("#layer-table tbody tr:visible").count() == 6
    assert page.locator("#shown").inner_text() == "6 of 13 layers"
    page.get_by_label("Filter").fill("")
    assert page.locator("#layer-table tbody tr:visible").count() == 13


def test_choosing_a_layer_shows_its_nest(page_of):
    page = page_of(result())
    before = page.locator("#detail-nest").inner_text()
    page.get_by_role("button", name="conv2").click()
    assert page.locator("#detail-name").inner_text() == "conv2"
    after = page.locator("#detail-nest").inner_text()
    assert after != before
    assert "for M in 2 steps of 8" in after
    assert page.locator("#detail-traffic tbody tr").count() == 11
    page.get_by_role("button", name="pool").click()
    assert "no loop nest" in page.locator("#detail-nest").inner_text()


def test_a_bar_chooses_its_layer(page_of):
    page = page_of(result())
    page.locator("#per-layer").scroll_into_view_if_needed()
    bar = page.locator("#per-layer .trace.bars").first.locator("path").nth(1).bounding_box()
    page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    assert page.locator("#detail-name").inner_text() == "conv2"


def test_a_bar_chooses_its_layer_where_others_have_none(page_of):
    small = (pool(f"p{i}", 1, 2 + i) for i in range(5))
    page = page_of(result((conv("dear", 64, 56), *small, conv("last", 64, 28))))
    page.locator("#per-layer").scroll_into_view_if_needed()
    bar = page.locator("#per-layer .trace.bars").first.locator("path").nth(1).bounding_box()
    page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    assert page.locator("#detail-name").inner_text() == "last"


def test_keyboard(page_of):
    page = page_of(result())
    page.get_by_role("button", name="conv1").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#detail-name").inner_text() == "conv2"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.locator("#detail-name").inner_text() == "conv1"
    page.keyboard.press("ArrowUp")
    assert page.locator("#detail-name").inner_text() == "conv1"


def test_flow_in_words(page_of):
    page = page_of(result())
    widths = "paths => paths.map((path) => path.getAttribute('d')).join()"
    links = page.locator("#flow .sankey-link")
    before = links.evaluate_all(widths)
    page.get_by_role("button", name="words").click()
    page.wait_for_function(
        "before => [...document.querySelectorAll('#flow .sankey-link')]"
        ".map((path) => path.getAttribute('d')).join() !== before",
        arg=before,
    )
    assert page.get_by_role("button", name="words").get_attribute("aria-pressed") == "true"


def test_dark_and_light(page_of):
    page = page_of(result(), color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Light").click()
    light = page.evaluate(colour)
    assert dark != light
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(colour) == dark


def test_charts_keep_their_height_when_the_window_changes(page_of, heights):
    page = page_of(network(4))
    before = heights(page)
    page.click("#theme")  # draws every chart again
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(600)  # plotly draws the charts once more
    assert heights(page) == before
    assert len(before) > 3
    assert all(place == drawn > 100 for place, drawn in before)


def test_hostile_names_are_shown_as_text(page_of):
    page = page_of(result((conv(HOSTILE), conv(QUOTED, 8)), name=HOSTILE))
    assert HOSTILE in page.locator("h1").inner_text()
    page.locator("#layer-table td.name button").nth(1).click()
    assert page.locator("#detail-name").text_content() == QUOTED
    page.locator("#layer-table td.name button").nth(0).click()
    assert page.locator("#detail-name").text_content() == HOSTILE
    assert "alert(1)" in page.locator("#per-layer .xtick").first.text_content()
    assert page.locator("b", has_text="bold").count() == 0


def test_a_network_without_prices_or_budget(page_of):
    page = page_of(network(2))
    assert page.locator("#unpriced").inner_text().startswith("1 operator has no price")
