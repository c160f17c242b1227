"""The chart and the table of prices against the prices themselves."""

from __future__ import annotations

import html
import json
import re

import pytest

from onewatt.diagnose.changes import Lever
from onewatt.diagnose.prices import ChipPrices, Priced, Worth
from onewatt.report.html import html_page
from onewatt.report.prices_html import prices_chart, prices_section
from report.example import result

HOSTILE = "</script><script>alert(1)</script>"


def lever(name, value=1.0):
    return Lever(place=name, what="instances", value=value)


def worth(of, amount, energy, share, failed=""):
    return Worth(lever=of, after=of.value + amount, amount=amount, unit="instances",
                 energy=energy, share=share, area=1e-9, failed=failed)  # fmt: skip


@pytest.fixture
def found():
    gains, later, idle, broken = map(lever, ("gains", "later", "idle", HOSTILE))
    return ChipPrices(
        workload="net", chip="chip", objective="edp", tiles="perfect", energy=1e-6, latency=1e-3,
        reach=2.0, searches=7, rows=(
            Priced(step=worth(idle, 1.0, 0.0, 0.0), next=None, note=""),
            Priced(step=worth(gains, 1.0, -1e-9, -0.25), next=None, note=""),
            Priced(step=worth(later, 1.0, 1e-12, 0.01), next=worth(later, 4.0, -4e-9, -0.1),
                   note=""),
            Priced(step=worth(broken, 1.0, 0.0, 0.0, failed=HOSTILE), next=None, note=""),
        ),
    )  # fmt: skip


def test_bars_are_the_shares_of_what_matters(found):
    first, later = prices_chart(found)["data"]
    assert first["y"] == ["gains instances", "later instances"]
    assert first["x"] == pytest.approx([-25.0, 1.0])
    assert later["y"] == ["later instances"]
    assert later["x"] == pytest.approx([-10.0])
    assert first["text"][0] == "-25 % for +1 instance"
    assert first["marker"]["color"][0] != first["marker"]["color"][1], "gains and costs"
    low, high = prices_chart(found)["layout"]["xaxis"]["range"]
    assert low < -25
    assert high > 1


def test_the_table_has_every_row_and_what_each_is_worth(found):
    section = prices_section(found)
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", section)
    names = [html.unescape(name) for name, _ in rows]
    assert names == ["gains instances", "later instances", "the first more that gains",
                     "idle instances", f"{HOSTILE} instances"]  # fmt: skip
    cells = [re.findall(r">([^<]*)</td>", row) for _, row in rows]
    assert cells[0][:5] == ["1", "+1 instance", "-1.00 nJ", "0", "-25 %"]
    assert cells[2][2] == "-1.00 nJ", "4 nJ over four instances"
    assert cells[3][2] == "nothing"
    assert cells[4][2] == "unknown"
    assert "<script>alert" not in section


def test_nothing_asked_nothing_shown_and_nothing_drawn_where_nothing_matters(found):
    assert prices_section(None) == ""
    idle = ChipPrices(**{
        **{f: getattr(found, f) for f in found.__struct_fields__}, "rows": found.rows[:1]
    })  # fmt: skip
    assert prices_chart(idle) is None
    assert "data-chart" not in prices_section(idle)


def test_the_page_carries_chart_and_table(found):
    page = html_page(result(), prices=found)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert data["charts"]["worth"] == json.loads(json.dumps(prices_chart(found)))
    assert 'id="worth"' in page
    assert "<script>alert" not in re.sub(r"<script>/\*\*\n\* plotly.*?</script>", "", page)
    assert 'id="worth"' not in html_page(result())
