from __future__ import annotations

import pytest

import onewatt as ow
from onewatt.importers.row_stationary import read_row_stationary

HEAD = "layer, m, n, e, p, q, r, t, glb_ifmap_kib\n"


def write(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def test_a_table_of_mappings(tmp_path):
    found = read_row_stationary(write(tmp_path, HEAD + "conv1, 96, 1, 7, 16, 1, 1, 2, 15.5\n"))
    assert {name: str(m) for name, m in found.items()} == {"conv1": "m96 n1 e7 p16 q1 r1 t2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer,m,n,e,p,q,r\n", "has no column 't'"),
        (HEAD + "a,1,1,1,1,1,1,1,\na,1,1,1,1,1,1,1,\n", r"csv:3: found layer 'a'"),
        (HEAD + ",1,1,1,1,1,1,1,\n", "found layer ''"),
        (HEAD + "a,1,1,0,1,1,1,1,\n", "column 'e' has '0'"),
        (HEAD + "a,1,1,1.5,1,1,1,1,\n", "column 'e' has '1.5'"),
        (HEAD + "a,1,1\n", "column 'e' has None"),
        (HEAD + "a,1,1,1,1,1,1,1,1,1\n", "csv:2: has more cells than the 9 columns of line 1"),
        (HEAD + f"a,1,1,{'1' * 5000},1,1,1,1,\n", "column 'e' has '1111"),
        ("", "has no column 'layer'"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, message):
    with pytest.raises(ow.InputError, match=message):
        read_row_stationary(write(tmp_path, text))
