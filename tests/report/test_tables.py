import csv
import io
import json
import math

import jsonschema
import msgspec
import pytest

from onewatt.report.figures import (
    ARITHMETIC,
    UPKEEP,
    figures,
    grouped,
    level_energy,
    notable,
    total_bound,
)
from onewatt.report.schema import result_schema
from onewatt.report.tables import findings, layers_csv, result_json
from onewatt.report.wording import objective
from onewatt.spec.budget import Verdict
from onewatt.spec.cost import Cost
from onewatt.spec.price import Prices
from onewatt.spec.result import Bound
from onewatt.spec.workload import Unpriced, Workload
from report.example import conv, pool, result

TABLE = ["schema", "workload", "chip", "objective", "within_s", "mapspace", "convention", "seed",
         "versions", "sources", "totals", "layers", "unpriced", "budget"]  # fmt: skip
TOTALS = ["macs", "energy_J", "energy_J_low", "energy_J_high", "off_chip_energy_J", "latency_s",
          "power_W", "edp_Js", "area_m2", "lower_bound", "optimal"]  # fmt: skip
LAYER = ["name", "op", "count", "macs", "cycles", "energy_J", "latency_s", "active_pes",
         "lower_bound", "optimal", "gap", "bottleneck", "mapping", "traffic"]  # fmt: skip
TRAFFIC = ["component", "tensor", "read_words", "write_words", "bytes", "energy_J"]


def check(found):
    table = result_json(found)
    jsonschema.validate(table, result_schema(), jsonschema.Draft202012Validator)
    json.dumps(table, allow_nan=False)
    return table


def test_table_has_the_keys_of_the_contract():
    table = check(result())
    assert list(table) == TABLE
    assert list(table["totals"]) == TOTALS
    assert list(table["layers"][0]) == LAYER
    assert list(table["layers"][0]["traffic"][0]) == TRAFFIC
    assert list(table["unpriced"][0]) == ["name", "op", "shapes", "words"]
    assert list(table["budget"][0]) == [
        "kind", "unit", "asked", "reached", "met", "factor", "floor", "impossible", "remedies"
    ]  # fmt: skip


def test_json_is_golden(golden):
    golden("result.json", json.dumps(result_json(result()), indent=1) + "\n")


def test_totals_are_the_sums_of_the_ledger():
    found = result()
    totals = result_json(found)["totals"]
    rows = found.cost.entries
    off = math.fsum(e.energy for e in rows if e.component == "DRAM")
    assert totals["energy_J"] == math.fsum(e.energy for e in rows)
    assert totals["off_chip_energy_J"] == off
    assert totals["power_W"] == pytest.approx(totals["energy_J"] / totals["latency_s"])
    assert totals["edp_Js"] == pytest.approx(totals["energy_J"] * totals["latency_s"])
    assert totals["macs"] == 3 * 451584


def test_layers_add_up_to_the_totals():
    table = result_json(result((conv("a", count=3), pool("b"), conv("c", 8))))
    for key in ("energy_J", "latency_s", "macs"):
        assert math.fsum(x[key] for x in table["layers"]) == pytest.approx(table["totals"][key])


def test_traffic_counts_what_is_served_and_what_is_written():
    einsum = conv("a", count=2)
    (layer,) = result_json(result((einsum,)))["layers"]
    words = {t.name: einsum.words(t) for t in einsum.tensors}
    rows = {(t["component"], t["tensor"]): t for t in layer["traffic"]}
    dram = rows["DRAM", "Outputs"]
    assert (dram["read_words"], dram["write_words"]) == (0, 2 * words["Outputs"])
    assert dram["bytes"] == 2 * words["Outputs"] * 2
    # What is drained costs energy, but it is neither served inwards nor written.
    glb = rows["GLB", "Outputs"]
    assert glb["read_words"] == 2 * 3 * words["Outputs"]
    assert glb["write_words"] == 2 * 4 * words["Outputs"]
    assert glb["energy_J"] == pytest.approx(2 * 8 * words["Outputs"] * 6e-12)
    assert rows["bus", "Weights"]["read_words"] == 2 * 14 * words["Weights"]
    assert layer["traffic"][0]["component"] == "DRAM"
    assert "MAC" not in {t["component"] for t in layer["traffic"]}


def test_what_is_not_known_is_null():
    bare = msgspec.structs.replace(result(), prices=Prices(prices=()))
    assert check(bare)["totals"]["area_m2"] is None
    pooling = check(result((pool("p"),)))["layers"][0]
    assert pooling["mapping"] is None


def test_no_number_is_infinite():
    left = Workload(name="empty", einsums=(), unpriced=(Unpriced(name="x", op="Y"),))
    endless = Verdict(kind="rate", unit="Hz", asked=30.0, reached=math.inf, met=True)
    found = msgspec.structs.replace(
        result(), workload=left, layers=(), cost=Cost(), budget=(endless,)
    )
    table = check(found)
    assert table["budget"][0]["reached"] is None
    assert table["totals"]["power_W"] == 0.0
    assert table["totals"]["optimal"] is False


def test_bounds_of_the_network():
    assert total_bound([Bound(value=1.0, unit="J"), Bound(value=2.0, unit="J")]).value == 3.0
    # (ΣE)(ΣT) of E = (1, 4), T = (4, 1) is 25; the bound from the products alone is 16.
    product = total_bound([Bound(value=4.0, unit="J s"), Bound(value=4.0, unit="J s")])
    assert product.value == pytest.approx(16.0)
    assert total_bound([Bound(value=1.0, unit="J"), Bound(value=1.0, unit="s")]).value == 0.0


def test_what_a_bound_is_made_of_adds_up_as_the_bound_does():
    some = [Bound(value=v, unit="J", compulsory=c) for v, c in ((2.0, 1.5), (3.0, 3.0))]
    assert total_bound(some).compulsory == 4.5
    assert total_bound([*some, Bound(value=1.0, unit="J")]).compulsory is None
    products = [Bound(value=v, unit="J s", compulsory=c) for v, c in ((9.0, 4.0), (4.0, 4.0))]
    assert total_bound(products).value == pytest.approx(25.0)
    assert total_bound(products).compulsory == pytest.approx(16.0)
    found = result()
    layers = tuple(msgspec.structs.replace(x, lower_bound=products[0]) for x in found.layers)
    found = msgspec.structs.replace(found, layers=layers)
    assert check(found)["layers"][0]["lower_bound"]["compulsory"] == 4.0
    row = next(csv.DictReader(io.StringIO(layers_csv(found))))
    assert float(row["lower_bound_compulsory"]) == 4.0


def test_levels_and_parts_are_in_the_order_of_the_chip():
    found = figures(result())
    assert found.levels == ("DRAM", "GLB", "bus", "spad", "MAC", "ALU", "clock")
    assert found.parts == ("Inputs", "Weights", "Outputs", ARITHMETIC, UPKEEP)
    assert math.fsum(level_energy(found).values()) == pytest.approx(found.totals.energy)
    assert math.fsum(layer.share for layer in found.layers) == pytest.approx(1.0)


def test_equal_layers_are_grouped():
    groups = grouped(figures(result((conv("a"), conv("b", count=3), conv("c", 8)))))
    assert [(g.name, g.many) for g in groups] == [("a", 4), ("c", 1)]
    assert math.fsum(g.share for g in groups) == pytest.approx(1.0)


def test_what_takes_nothing_is_told_together():
    dear = (conv("dear", 64, 56),)
    few = grouped(figures(result((*dear, pool("p", 1, 2)))))
    assert notable(few) == (list(few), [])
    many = grouped(figures(result((*dear, *(pool(f"p{i}", 1, 2 + i) for i in range(5))))))
    shown, rest = notable(many)
    assert [g.name for g in shown] == ["dear"]
    assert len(rest) == 5


def test_csv_has_a_line_a_layer_and_no_formulas():
    rows = list(
        csv.reader(io.StringIO(layers_csv(result((conv('=cmd|" /C calc"!A0'), conv("b"))))))
    )
    assert len(rows) == 3
    assert rows[1][0] == '\'=cmd|" /C calc"!A0'
    head = rows[0]
    energies = [float(rows[2][i]) for i, name in enumerate(head) if name.endswith("_J")
                and name != "energy_J"]  # fmt: skip
    assert math.fsum(energies) == pytest.approx(float(rows[2][head.index("energy_J")]))


def test_csv_tells_the_gap_as_the_json_does():
    """A proved layer, one with a gap, one whose mapping was given, and vector work."""
    found = result((conv("a"), conv("b"), conv("c"), pool("p")))
    a, b, c, p = found.layers
    layers = (msgspec.structs.replace(a, optimal=True), msgspec.structs.replace(b, gap=0.25), c, p)
    found = msgspec.structs.replace(found, layers=layers)
    rows = list(csv.DictReader(io.StringIO(layers_csv(found))))
    assert [row["gap"] for row in rows] == ["0", "0.25", "", "0"]
    assert [row["optimal"] for row in rows] == ["true", "false", "false", "true"]
    told = [layer["gap"] for layer in check(found)["layers"]]
    assert told == [0, 0.25, None, 0]


def test_a_cap_is_told_with_the_objective():
    found = msgspec.structs.replace(result(), objective="energy", within=0.01)
    assert check(found)["within_s"] == 0.01
    assert objective(found) == "energy within 10 ms"


def test_findings_name_the_dearest_level_and_layer():
    said = findings(figures(result()))
    assert said[0] == "DRAM takes 54 % of the energy."
    assert "conv2 (x2)" in said[1]
    assert findings(figures(msgspec.structs.replace(result(), cost=Cost()))) == []
