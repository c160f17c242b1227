import json

import jsonschema
import msgspec
import pytest

from onewatt.errors import InputError
from onewatt.report.schema import result_schema
from onewatt.report.store import load_result, load_saved, save_result, write_text, write_texts
from onewatt.spec.budget import Verdict
from report.example import result


def test_saved_results_come_back_equal(tmp_path):
    save_result(result(), tmp_path / "a" / "result.json", command="onewatt analyze x")
    assert load_saved(tmp_path / "a" / "result.json") == (result(), "onewatt analyze x")


def test_the_file_holds_the_public_table(tmp_path):
    save_result(result(), tmp_path / "result.json")
    table = json.loads((tmp_path / "result.json").read_text())
    assert table.pop("command") == ""
    assert table.pop("result")
    jsonschema.validate(table, result_schema(), jsonschema.Draft202012Validator)


def test_an_infinite_rate_can_be_saved(tmp_path):
    endless = Verdict(kind="rate", unit="Hz", asked=30.0, reached=float("inf"), met=True)
    save_result(msgspec.structs.replace(result(), budget=(endless,)), tmp_path / "r.json")
    assert load_result(tmp_path / "r.json").budget[0].met


def _changed(tmp_path, change):
    save_result(result(), tmp_path / "r.json")
    table = json.loads((tmp_path / "r.json").read_text())
    change(table)
    (tmp_path / "r.json").write_text(json.dumps(table))
    return tmp_path / "r.json"


def _rename(table):
    table["result"]["layers"][1]["name"] = "x"


def _entry(table):
    table["result"]["cost"]["entries"][3]["einsum"] = "nowhere"


def _text(table):
    table["result"]["cost"]["entries"][3]["energy"] = "much"


def _rank(table):
    table["result"]["layers"][0]["mapping"]["nodes"][1]["rank"] = "Z"


def _size(table):
    table["result"]["layers"][0]["mapping"]["nodes"][1]["size"] = 0


def _clock(table):
    table["result"]["architecture"]["clock"] = -1.0


def _schema(table):
    table["schema"] = "onewatt/result/9"


def _unknown(table):
    table["result"]["secret"] = 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_rename, "result.layers"),
        (_entry, r"result.cost.entries\[3\].einsum: found 'nowhere'"),
        (_text, r"\$.result.cost.entries\[3\].energy"),
        (_rank, r"result.layers\[0\].mapping: found loop 'Z'"),
        (_size, "a size of at least 1"),
        (_clock, "clock"),
        (_schema, "found schema 'onewatt/result/9'; expected 'onewatt/result/1'"),
        (_unknown, "unknown field `secret`"),
    ],
)
def test_a_file_that_is_no_result_is_refused_with_the_place(tmp_path, change, says):
    path = _changed(tmp_path, change)
    with pytest.raises(InputError, match=says) as caught:
        load_result(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema": "onewatt/result/1"}', b"[" * 100_000,
     b'{"schema": "onewatt/result/1", "result": NaN}', b'{"a": 1e999}'],
)  # fmt: skip
def test_broken_files_are_refused(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(InputError, match=r"r\.json"):
        load_result(tmp_path / "r.json")


def test_broken_json_is_placed(tmp_path):
    (tmp_path / "r.json").write_text('{\n "schema": oops}')
    with pytest.raises(InputError, match="line 2, column 12"):
        load_result(tmp_path / "r.json")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"gone.json: cannot be read \(No such file"):
        load_result(tmp_path / "gone.json")


def test_writing_is_all_or_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_texts({tmp_path / "a.txt": "new", tmp_path / "b.txt": "\ud800"})
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "x")
