"""Tables of measured rows: what is read, and what is refused with its line and column."""

from __future__ import annotations

import pytest

from onewatt.codesign.calibrate_table import load_rows, read_table
from onewatt.errors import InputError

HEAD = "workload,batch,energy_J,latency_s\n"


def table(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return read_table(path)


def test_rows_are_read(tmp_path):
    found = table(tmp_path, HEAD + "mlperf_ad,2,1e-3,\nmlperf_kws,,,0.5\n")
    assert [(r.line, r.workload, r.batch, r.energy, r.latency) for r in found.rows] == [
        (2, "mlperf_ad", 2, 1e-3, None), (3, "mlperf_kws", 1, None, 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEAD + "mlperf_ad,1,1e-3,2e-3\n",
        HEAD.replace(",", ";") + "mlperf_ad;1;1e-3;2e-3\n",
        HEAD.replace(",", "\t") + "mlperf_ad\t1\t1e-3\t2e-3\n",
        HEAD.replace("\n", "\r\n") + "mlperf_ad,1,1e-3,2e-3\r\n",
        "# measured on Monday\n\n" + HEAD + "\n# cold\nmlperf_ad,1.0,1 mJ,2 ms\n",
        "note,Latency_s , workload,energy_j,batch\nx,2e-3,mlperf_ad,1e-3,1\n",
    ],
)
def test_the_same_row_however_it_is_written(tmp_path, text):
    (row,) = table(tmp_path, text).rows
    assert (row.workload, row.batch) == ("mlperf_ad", 1)
    assert (row.energy, row.latency) == (pytest.approx(1e-3), pytest.approx(2e-3))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (HEAD, "no rows"),
        ("net,energy_J\nmlperf_ad,1\n", ":1: found no column 'workload'"),
        ("workloads,energy_J\nmlperf_ad,1\n", ":1: unknown column 'workloads'"),
        ("workload,batch\nmlperf_ad,1\n", "neither column 'energy_J' nor 'latency_s'"),
        ("workload,energy_uJ\nmlperf_ad,1\n", "unknown column 'energy_uJ'"),
        ("workload,energy_J,energy_J\nmlperf_ad,1,1\n", "'energy_J' twice"),
        (HEAD + "mlperf_ad,1,-2,\n", ":2: column 'energy_J': found '-2'"),
        (HEAD + "mlperf_ad,1,0,\n", ":2: column 'energy_J': found '0'"),
        (HEAD + "mlperf_ad,1,1,nan\n", ":2: column 'latency_s': found 'nan'"),
        (HEAD + "mlperf_ad,1,inf,\n", ":2: column 'energy_J': found 'inf'"),
        (HEAD + "mlperf_ad,1,2 ms,\n", "unit 'ms', which is a time"),
        (HEAD + "mlperf_ad,1,lots,\n", ":2: column 'energy_J': found 'lots'"),
        (HEAD + 'mlperf_ad,1,"1,5",\n', "write decimals with a point"),
        (HEAD + "mlperf_ad,1,1,5,2,5\n", ":2: found 6 cells below 4 columns; write decimals"),
        (HEAD + "mlperf_ad,0,1,\n", ":2: column 'batch': found '0'"),
        (HEAD + "mlperf_ad,1.5,1,\n", ":2: column 'batch': found '1.5'"),
        (HEAD + "mlperf_ad,one,1,\n", ":2: column 'batch': found 'one'"),
        (HEAD + "mlperf_ad,1,,\n", ":2: columns 'energy_J' and 'latency_s' are both empty"),
        (HEAD + ",1,1,\n", ":2: column 'workload' is empty"),
        (HEAD + "a,1,1,1\n\n# x\nb,1,,\n", ":5: columns"),
    ],
)
def test_refusals_name_the_line_and_the_column(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        table(tmp_path, text)
    assert words in str(caught.value)
    assert "t.csv" in str(caught.value)


def test_a_table_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(InputError, match="UTF-8"):
        table(tmp_path, HEAD + "mlperf_ad,1,1,\n", "utf-16")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "none.csv")


def test_an_unknown_network_names_its_line(tmp_path):
    found = table(tmp_path, HEAD + "mlperf_ad,1,1,\nmlperf_ksw,1,1,\n")
    with pytest.raises(InputError, match=r"t\.csv:3: column 'workload': .*mlperf_kws"):
        load_rows(found)


def test_relative_paths_count_from_the_folder_of_the_table(tmp_path, monkeypatch):
    from onewatt.importers.load import load_workload
    from onewatt.spec.files import dumps

    (tmp_path / "nets").mkdir()
    net = dumps(load_workload("mlperf_ad"), "workload")
    (tmp_path / "nets" / "mine.yaml").write_text(net)
    found = table(tmp_path, HEAD + "nets/mine.yaml,1,1,\n")
    monkeypatch.chdir("/")
    assert load_rows(found)[found.rows[0].source, 1].macs == 264_192
