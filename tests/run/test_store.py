"""The store keeps what it was given, shares it, and notices damage."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings

import pytest

from onewatt.errors import InputError
from onewatt.run.store import APPLICATION, Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outcomes.sqlite"


def test_what_is_put_is_found_again_by_another(path):
    with Store(path) as store:
        assert store.get("a") is None
        store.put("a", b"\x00found")
        store.put("a", b"later")
        assert store.get("a") == b"\x00found", "the first to come stays"
        store.put("a", b"anew", replace=True)
    with Store(path) as store:
        assert (store.get("a"), len(store)) == (b"anew", 1)


def test_a_claim_keeps_others_off_until_it_is_done(path):
    with Store(path) as one, Store(path) as two:
        assert one.claim("a")
        assert one.claim("a"), "its own claim is no obstacle"
        assert not two.claim("a")
        assert two.claim("b")
        one.put("a", b"found")
        assert not two.claim("a"), "it is done"
        assert two.claim("a", again=True)
        assert two.get("a") == b"found"


def test_a_released_claim_is_free(path):
    with Store(path) as one, Store(path) as two:
        one.claim("a")
        one.claim("b")
        one.release(["a"])
        assert two.claim("a")
        assert not two.claim("b")
        one.close()
        assert two.claim("b"), "closing releases"


def test_a_lease_ends_and_is_renewed(path):
    now = [1000.0]
    with (
        Store(path, lease=60.0, clock=lambda: now[0]) as one,
        Store(path, lease=60.0, clock=lambda: now[0]) as two,
    ):
        one.claim("a")
        now[0] += 59
        assert not two.claim("a")
        one.renew()
        now[0] += 59
        assert not two.claim("a")
        now[0] += 2
        assert two.claim("a")
        assert not one.claim("a"), "it is the other's now"


def test_the_heart_renews_in_the_background(path):
    with Store(path, lease=0.4) as one, Store(path) as two:
        one.claim("a")
        time.sleep(1.0)
        assert not two.claim("a")


def test_the_claims_of_a_killed_process_are_taken_over_at_once(path):
    code = (
        "import sys, time; from onewatt.run.store import Store; s = Store(sys.argv[1]);"
        "s.put('done', b'kept'); s.claim('a'); print('claimed', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"claimed\n"
    with Store(path) as store:
        assert not store.claim("a")
        other.send_signal(signal.SIGKILL)
        time.sleep(0.2)
        assert store.claim("a"), "dead, although nobody has waited for it"
        assert store.get("done") == b"kept"
    other.wait()
    other.stdout.close()


def test_another_machine_keeps_its_lease(path):
    with Store(path) as store:
        gone = "0123456789abcdef:999999:aa"
        store._database.execute("INSERT INTO claims VALUES ('a', ?, ?)", (gone, time.time() + 50))
        assert not store.claim("a"), "its process number says nothing here"
        store._database.execute("UPDATE claims SET expires = ?", (time.time() - 1,))
        assert store.claim("a")


def test_threads_may_share_a_store(path):
    with Store(path) as store:
        threads = [
            threading.Thread(target=lambda i=i: [store.put(f"{i} {j}", b"x") for j in range(20)])
            for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store) == 80


# -- damage -------------------------------------------------------------------------------------


def filled(path, rows=200):
    with Store(path) as store:
        for i in range(rows):
            store.put(f"key {i}", os.urandom(300))
    assert not path.with_name(path.name + "-wal").exists(), "closing leaves one file"
    return path.read_bytes()


def test_a_text_file_is_no_store(path):
    path.write_text("a study of something else, long enough to be a header of a database" * 20)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"outcomes.sqlite: is damaged or no store .*run again"):
        Store(path)
    assert path.read_bytes() == before


def test_a_truncated_store_is_refused(path):
    whole = filled(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged or no store"):
        Store(path)


def test_an_empty_file_becomes_a_store(path):
    path.write_bytes(b"")
    with Store(path) as store:
        assert len(store) == 0


def test_the_database_of_somebody_else_is_left_alone(path):
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mails (text TEXT)")
    database.commit()
    database.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"SQLite file of something else \(tables mails\)"):
        Store(path)
    assert path.read_bytes() == before


def test_a_store_of_another_version_is_refused(path):
    filled(path, 1)
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    database.execute("PRAGMA user_version = 7")
    database.close()
    with pytest.raises(InputError, match="found version 7; expected 1"):
        Store(path)


def test_a_store_with_other_tables_is_refused(path):
    filled(path, 1)
    database = sqlite3.connect(path)
    database.execute("ALTER TABLE outcomes RENAME COLUMN digest TO sum")
    database.commit()
    database.close()
    with pytest.raises(InputError, match="columns content, key, sum"):
        Store(path)


def test_a_damaged_row_is_said_dropped_and_worked_out_anew(path):
    with Store(path) as store:
        store.put("a", b"0123456789" * 30)
        store.put("b", b"whole")
    data = path.read_bytes()
    at = data.index(b"0123456789")
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])
    with Store(path) as store:
        with pytest.warns(RuntimeWarning, match="the outcome a... is damaged .* worked out anew"):
            assert store.get("a") is None
        assert store.claim("a")
        store.put("a", b"again")
        assert (store.get("a"), store.get("b")) == (b"again", b"whole")


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_never_pass_for_an_outcome(path, seed):
    """Whatever byte is flipped: the file is refused, a row is, or everything is as it was."""
    content = {f"key {i}": f"content {i} ".encode() * 20 for i in range(60)}
    with Store(path) as store:
        for key, value in content.items():
            store.put(key, value)
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(3):
        data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))
    refusal, found = "", {}
    try:
        with Store(path) as store, warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            found = {key: store.get(key) for key in content}
    except InputError as error:
        refusal = str(error)
    assert "is damaged or no store" in refusal if refusal else found
    assert all(value in (content[key], None) for key, value in found.items())


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be opened"):
        Store(tmp_path / "file" / "store.sqlite")
