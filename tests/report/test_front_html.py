"""The page of a front without a browser: what is in it, what is left out, and why."""

import io
import json
import re

import msgspec
import pytest
from rich.console import Console

import onewatt as ow
from chips_by_hand import tiny
from codesign.studies import Tiny
from layers_by_hand import conv, network, relu
from onewatt.codesign.study import load_study
from onewatt.errors import InputError
from onewatt.model.uncertainty import distinguishable, odds, spread_of
from onewatt.report.chip_drawing import boxes
from onewatt.report.front_export import chip_file, command, study_file
from onewatt.report.front_html import front_page, write_front_page
from onewatt.report.front_noise import noise_mark, noise_notes
from onewatt.report.front_point import full_result, study_of_front
from onewatt.report.front_text import show_front, show_point
from onewatt.spec.budget import Budget
from onewatt.spec.files import dumps, loads
from onewatt.spec.front import Point

STUDY = """
name: small
workload: net.yaml
chip: chip.yaml
pricing: stated
knobs:
  chip.GLB.capacity: [128 B, 256 B]
  pair:
    settings:
      a: {chip.clock: 100 MHz}
      b: {chip.clock: 170 MHz, chip.GLB.energy.read.energy: 11 pJ}
objectives: [energy, latency]
"""


def written(folder, text=STUDY, net=None):
    net = net or network(
        conv("a", m=4, c=2, p=4), conv("again", m=4, c=2, p=4), conv("b", m=2, c=4, p=2, r=1),
        relu(),
    )  # fmt: skip
    (folder / "net.yaml").write_text(dumps(net, "workload"))
    (folder / "chip.yaml").write_text(dumps(tiny(), "chip"))
    (folder / "study.yaml").write_text(text)
    return load_study(folder / "study.yaml")


@pytest.fixture
def small(tmp_path):
    study = written(tmp_path)
    return study, ow.explore(study), tmp_path


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def without_plotly(page):
    return re.sub(r"<script>/\*\*\n\* plotly.*?</script>", "", page, flags=re.DOTALL)


def point_of(evaluated):
    return Point(knobs=tuple(evaluated.knobs.items()))


def test_a_point_in_full_is_what_a_search_finds(small):
    study, front, folder = small
    for study_again in (study, study_of_front(front, folder)):
        for point in front.best:
            found = full_result(study_again, point)
            searched = ow.search(
                study.workload(point_of(point)), study.architecture(point_of(point)),
                tiles="perfect",
            )  # fmt: skip
            assert sorted(found.cost.entries, key=repr) == sorted(searched.cost.entries, key=repr)
            assert [x.mapping for x in found.layers] == [x.mapping for x in searched.layers]
            assert ow.eyexam(found).causes == ow.eyexam(searched).causes


def test_a_study_that_has_changed_is_not_shown_as_if_it_had_not(small):
    _, front, folder = small
    other = tiny()
    nodes = tuple(
        msgspec.structs.replace(n, read_bandwidth=1.0) if n.name == "GLB" else n
        for n in other.nodes
    )
    changed = msgspec.structs.replace(other, nodes=nodes, clock=7e7)
    text = STUDY.replace("pair", "other").replace("chip.clock: 100 MHz", "dataflow: free")
    written(folder, text)
    (folder / "chip.yaml").write_text(dumps(changed, "chip"))
    study = study_of_front(front, folder)
    changes = [p for p in front.best if p.knobs["pair"] == "b"]
    with pytest.raises(InputError, match=r"but .* in the front.*explore again"):
        full_result(study, changes[0])
    detail = data_of(front_page(front, folder=folder))["details"][str(changes[0].number)]
    assert "explore again" in detail["missing"]
    assert "charts" not in detail
    assert detail["layers"], "what the front itself holds is shown"


def test_a_point_without_mappings_says_how_to_get_them(small):
    study, front, _ = small
    light = next(p for p in front.points if not p.on_front)
    with pytest.raises(InputError, match="explore with --full"):
        full_result(study, light)
    whole = ow.explore(study, full=True)
    assert len(data_of(front_page(whole, study=study))["details"]) == 4


def test_details_stay_within_their_room(small):
    study, front, _ = small
    everything = data_of(front_page(front, study=study))
    one = max(len(json.dumps(d)) for d in everything["details"].values())
    few = data_of(front_page(front, study=study, room=one + 10))
    assert len(everything["details"]) == len(front.best) > 1
    assert len(few["details"]) == 1
    assert few["left"]["details"] == len(front.best) - 1
    assert len(few["points"]) == len(front.points)


def test_thirty_points_of_a_front_take_less_than_5_mb(tmp_path):
    """Beside plotly, with every layer of its own shape."""
    net = network(*(conv(f"layer{i}", m=3 + i % 5, c=2 + i // 5, p=4) for i in range(15)))
    study = written(tmp_path, net=net)
    front = ow.explore(study, full=True)
    many = msgspec.structs.replace(
        front,
        points=tuple(
            msgspec.structs.replace(front.points[i % 4], number=i, on_front=True) for i in range(30)
        ),
    )
    page = without_plotly(front_page(many, study=study))
    found = data_of(page)
    assert len(page) < 5e6
    assert len(found["details"]) + found["left"]["details"] == 30
    assert len(found["details"]) > 20


def unnamed(chip):
    """Return a chip without the words that say where it is from."""

    def plain(energies):
        return tuple(msgspec.structs.replace(e, source="") for e in energies)

    nodes = tuple(
        msgspec.structs.replace(n, energy=plain(n.energy)) if hasattr(n, "energy") else n
        for n in chip.nodes
    )
    upkeep = msgspec.structs.replace(chip.upkeep, energy=plain(chip.upkeep.energy))
    return msgspec.structs.replace(chip, name="", title="", source="", nodes=nodes, upkeep=upkeep)


def test_two_exported_chips_share_the_errors_of_the_chip_they_were_made_from(small):
    """They differ by name, and the odds between them are those of the points that they are."""
    study, front, _ = small
    one, two = front.best[:2]
    chips = [loads(p.result.chip, "chip") for p in (one, two)]
    assert len({c.name for c in chips}) == 2
    made = [ow.search(study.workload(point_of(p)), c, tiles="perfect")
            for p, c in zip((one, two), chips, strict=True)]  # fmt: skip
    before = [full_result(study, p) for p in (one, two)]
    assert [r.energy for r in made] == [r.energy for r in before]
    assert odds(*map(spread_of, made)).better == odds(*map(spread_of, before)).better
    keys = [{t.key for t in spread_of(r)} for r in made]
    assert keys[0] == keys[1]


def test_exported_files_are_the_point(small):
    study, front, folder = small
    for point in front.best:
        text = chip_file(front, point, point.result.chip, "do this")
        assert "# do this\n" in text
        made, own = loads(text, "chip"), study.architecture(point_of(point))
        assert made.name == f"small_{point.number}"
        assert made.title == f"{own.title or own.name}, point {point.number} of small"
        for knob, value in point.knobs.items():
            assert f"{knob} {value}" in made.source
        assert "made from chip tiny" in made.source
        assert unnamed(made) == unnamed(own)
        (folder / "one.yaml").write_text(study_file(front, point, study))
        one = load_study(folder / "one.yaml")
        (again,) = ow.explore(one).points
        assert (again.knobs, again.objectives) == (point.knobs, point.objectives)


def test_a_comment_cannot_be_ended_by_what_it_says(small):
    study, front, _ = small
    asked = msgspec.structs.replace(front.study, name="x\nclock: 1 Hz\u2028clock: 2 Hz\x85\x00y")
    front = msgspec.structs.replace(front, study=asked)
    point = front.best[0]
    text = chip_file(front, point, point.result.chip, "ok\nclock: 3 Hz")
    assert unnamed(loads(text, "chip")) == unnamed(study.architecture(point_of(point)))


def test_the_command_names_what_the_point_chose(tmp_path):
    zoo = STUDY.replace("net.yaml", "mlperf_kws").replace(
        "  pair:", "  batch: [1, 4]\n  mapspace: [tight]\n  pair:"
    )
    study = written(tmp_path, zoo)
    front = ow.explore(study, evaluations=4)
    line = command(front.points[3], study)
    assert line == (
        "onewatt analyze mlperf_kws --chip point_3.chip.yaml --objective edp --tiles tight "
        "--batch 4"
    )
    dense = written(tmp_path, STUDY.replace("  pair:", "  density.Weights: [0.5]\n  pair:"))
    assert command(ow.explore(dense).points[0], dense) is None


def test_programs_have_pages_too():
    study = Tiny(constraints=Budget.parse("1 J"))
    front = ow.explore(study)
    page = front_page(front)
    assert "was a program" in page
    detail = data_of(page)["details"][str(front.best[0].number)]
    assert "program" in detail["missing"]
    assert [f["kind"] for f in detail["files"]] == ["chip"]
    with_study = data_of(front_page(front, study=study))["details"][str(front.best[0].number)]
    assert with_study["missing"] == ""
    assert with_study["causes"]


def test_page_holds_everything_and_links_nowhere(small):
    study, front, _ = small
    page = without_plotly(front_page(front, study=study, notes={0: "within the noise"}))
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "{{" not in page.replace("{{data}}", "")
    assert data_of(page)["points"][0]["note"] == "within the noise"
    assert f"{len(front.best)} points on the front" in page


def test_hostile_names_stay_text(tmp_path):
    hostile = "</script><script>alert(1)</script>{{data}}"
    study = written(tmp_path, STUDY.replace("name: small", f'name: "{hostile}"'))
    page = without_plotly(front_page(ow.explore(study), study=study, notes={0: hostile}))
    assert "<script>alert" not in page
    assert data_of(page)["points"][0]["note"] == hostile


def test_a_front_without_a_point_that_keeps_the_limits():
    study = Tiny(constraints=Budget.parse("1 pJ"))
    front = ow.explore(study)
    assert not front.best
    page = front_page(front, study=study)
    assert "no point keeps the limits" in page
    assert "energy must fall by" in page
    assert data_of(page)["start"] == front.nearest


def test_a_run_that_was_stopped_says_so(small):
    study, front, _ = small
    front = msgspec.structs.replace(front, complete=False)
    assert "stopped before its end" in front_page(front, study=study)
    empty = msgspec.structs.replace(front, points=(), reference=None, hypervolume=None)
    assert data_of(front_page(empty, study=study))["start"] is None


def test_boxes_nest_and_share_the_whole_energy():
    chip = tiny()
    spent = {"DRAM": 3.0, "GLB": 1.0, "clock": 4.0}
    drawn = {box["name"]: box for box in boxes(chip, spent, frozenset({"GLB"}))}
    assert list(drawn) == [n.name for n in chip.nodes]
    assert (drawn["DRAM"]["width"], drawn["GLB"]["share"]) == (37.5, "12 %")
    assert drawn["GLB"]["turned"]
    assert (drawn["Spad"]["many"], drawn["PE"]["many"]) == (6, 1)
    assert drawn["PE"]["facts"] == ["Y 2 × X 3"]
    assert drawn["GLB"]["facts"][:2] == ["Inputs, Outputs", "256 B"]


def test_the_page_is_written_at_once(small, tmp_path):
    study, front, _ = small
    file = tmp_path / "front.html"
    write_front_page(front, file, study=study, source="front.json")
    assert file.read_text(encoding="utf-8") == front_page(front, study=study, source="front.json")
    with pytest.raises(InputError):
        write_front_page(front, tmp_path / "study.yaml" / "x.html", study=study)


def test_points_within_the_noise_say_so(small):
    """Each mark is what two full results say of each other, on the page, in words, in a table."""
    study, front, _ = small
    best = front.best
    assert len(best) > 1
    results = {p.number: full_result(study, p) for p in best}
    for point in best:
        near = tuple(
            other for other in sorted(results)
            if other != point.number
            and not distinguishable(results[point.number], results[other])
        )  # fmt: skip
        assert point.within_noise_of == near
    assert all(p.within_noise_of is None for p in front.points if not p.on_front)
    marked = msgspec.structs.replace(front, points=tuple(
        msgspec.structs.replace(p, within_noise_of=tuple(n for n in results if n != p.number))
        if p.on_front else p for p in front.points
    ))  # fmt: skip
    notes = noise_notes(marked)
    assert sorted(notes) == sorted(results)
    page = front_page(marked, study=study)
    rows = {p["number"]: p for p in data_of(page)["points"]}
    assert {n: row["note"] for n, row in rows.items() if row["note"]} == notes
    assert {n: row["mark"] for n, row in rows.items() if row["note"]} == {
        n: noise_mark(marked.points[n]) for n in results
    }
    assert "~ N: by the uncertainty of prices not surely another energy" in page
    least = best[0]
    assert f"at point {least.number} ~ " in page, "the least energy is not sold as surely that"
    console = Console(width=200, record=True, file=io.StringIO())
    show_front(marked, console)
    show_point(marked, least.number, console)
    shown = console.export_text()
    assert noise_mark(marked.points[least.number]) in shown
    assert "not surely another energy" in shown
    assert notes[least.number] in shown.replace("\n", " ").replace("  ", " ")
    text = chip_file(marked, marked.points[least.number], "name: x", "")
    assert f"# {notes[least.number].capitalize()}" in text
