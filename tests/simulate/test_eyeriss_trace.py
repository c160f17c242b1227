"""Traces of the row-stationary array: they say everything, and a wrong word is found."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from onewatt.errors import InputError
from onewatt.simulate import (
    EyerissArray,
    Window,
    replay,
    row_stationary,
    trace_csv,
    trace_perfetto,
)
from onewatt.simulate.eyeriss.layout import limits
from simulate.test_eyeriss import cases, reference, run_case, tensors

ALL = Window(0, 2**40)


def layer(seed=0, **options):
    rng = np.random.default_rng(seed)
    inputs = rng.integers(-5, 6, (2, 4, 9, 9))
    weights = rng.integers(-5, 6, (6, 2, 3, 3))
    mapping = options.pop("mapping", "m2 n2 e3 p2 q1 r1 t1")
    return row_stationary(inputs, weights, mapping, groups=2, **options)


@pytest.mark.parametrize(
    ("mapping", "stride"),
    [("m2 n2 e3 p2 q1 r1 t1", 1), ("m3 n1 e4 p2 q1 r2 t1", 2), ("m3 n1 e2 p1 q2 r1 t3", 5)],
)
def test_the_trace_alone_gives_counts_and_output(mapping, stride):
    run = layer(mapping=mapping, stride=stride, window=ALL)
    found = replay(trace_csv(run))
    assert found.counts == {kind: n for kind, n in run.counts.items() if n}
    assert [found.output[i] for i in range(run.output.size)] == run.output.ravel().tolist()
    assert run.total_cycles - 2 <= found.last < run.total_cycles  # the link moves 6 in 5 cycles
    quiet = layer(mapping=mapping, stride=stride)
    assert quiet.counts == run.counts
    assert quiet.total_cycles == run.total_cycles
    assert not len(quiet.events)


arrays = st.builds(
    EyerissArray, ifmap_bus=st.integers(1, 3), filter_bus=st.integers(1, 4),
    psum_bus=st.integers(1, 4), link_words=st.integers(1, 9), link_cycles=st.integers(1, 5),
    prefetch=st.integers(0, 40), ifmap_spad=st.integers(1, 12),
)  # fmt: skip


@given(cases(), arrays, st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_no_word_is_read_before_it_is_there(case, array, seed):
    """By rising cycle every read finds what was written: on any bus, link and queue."""
    layer, mapping = case
    assume(all(x.needed <= x.available for x in limits(layer, mapping, array)))
    assume(layer.N * layer.G * layer.M * layer.C * layer.E * layer.F * layer.R * layer.S < 8000)
    inputs, weights = tensors(layer, seed)
    run = run_case(layer, mapping, inputs, weights, array=array, window=ALL)
    found = replay(trace_csv(run))
    assert found.counts == {kind: n for kind, n in run.counts.items() if n}
    output = reference(inputs, weights, (layer.U, layer.V), layer.G)
    assert [found.output[i] for i in range(output.size)] == output.ravel().tolist()


def test_no_port_moves_more_than_it_can_in_a_cycle():
    """Spads read and write one word a cycle; the filter bus has four, the ifmap bus one."""
    run = layer(window=ALL)
    most = Counter()
    for (_, port, action), words in Counter(
        (r["cycle"], r["port"], r["action"]) for r in csv.DictReader(trace_csv(run).splitlines())
    ).items():
        kind = port.partition("[")[0], action
        most[kind] = max(most[kind], words)
    wide = {
        ("GLB psum", "read"): 4,
        ("GLB psum", "update"): 4,
        ("filter spad", "fill"): 4,
        ("GIN filter", "hop"): 4,
        ("DRAM filter", "read"): 2,
        ("DRAM ifmap", "read"): 2,
        ("DRAM ofmap", "update"): 2,
        ("GLB ifmap", "fill"): 2,
        ("GLB psum", "drain"): 2,
    }
    assert all(words <= wide.get(kind, 1) for kind, words in most.items()), most
    assert most["GLB psum", "read"] == 4


def test_windows_are_parts_of_the_whole():
    whole = trace_csv(layer(window=ALL)).splitlines()[1:]
    end = int(whole[-1].split(",")[0]) + 1
    parts = []
    for first in range(0, end, 100):
        text = trace_csv(layer(window=Window(first, first + 100)))
        assert replay(text).counts  # a window in the middle is checked as far as it goes
        parts += text.splitlines()[1:]
    assert parts == whole


def changed(text, wanted, change):
    """Return a trace with the first row that is wanted changed, and its line."""
    rows = list(csv.reader(text.splitlines()))
    line = next(i for i, row in enumerate(rows) if wanted(row))
    rows[line] = change(rows[line])
    body = "\n".join(",".join(f'"{c}"' if "," in c else c for c in row) for row in rows)
    return body, line + 1


@pytest.mark.parametrize(
    ("port", "action", "message"),
    [
        ("GLB ifmap", "read", "which was written there"),
        ("GLB psum", "read", "which was written there"),
        ("GLB psum", "drain", "which was written there"),
        ("filter spad", "read", "which was written there"),
        ("ifmap spad", "read", "which was written there"),
        ("psum spad", "drain", "which was written there"),
        ("psum spad", "update", "the sum of what was read"),
        ("mac", "compute", "the product of what was read"),
        ("GLB ifmap", "fill", "which was sent there"),
        ("DRAM ofmap", "update", "which was sent there"),
        ("GIN filter", "hop", "which was sent there"),
        ("filter spad", "fill", "which was sent there"),
        ("GIN ifmap", "hop", "which was sent there"),
        ("ifmap spad", "fill", "which was sent there"),
        ("column[2", "hop", "of its spad and nothing from below"),
        ("column[1", "hop", "of its spad and what came from below, -?[0-9]+ of filter 0"),
    ],
)
def test_a_wrong_word_is_found_where_it_is(port, action, message):
    text = trace_csv(layer(window=ALL))
    bad, line = changed(
        text,
        lambda row: row[1].startswith(port) and row[2] == action,
        lambda row: [*row[:4], str(int(row[4]) + 1)],
    )
    with pytest.raises(
        InputError, match=rf"rtl.csv:{line}: cycle \d+, {re.escape(port)}.*{message}"
    ):
        replay(bad, name="rtl.csv")


@pytest.mark.parametrize("seed", range(4))
def test_no_wrong_word_goes_unseen(seed):
    """Any one word changed in a whole run is refused, there or where it is used."""
    text = trace_csv(layer(seed=seed, window=ALL))
    lines = text.splitlines()
    rng = random.Random(seed)
    kinds: dict[str, list[int]] = {}
    for i, line in enumerate(lines[1:], 1):
        kinds.setdefault(re.sub(r"\d+", "", line.rsplit(",", 2)[0]), []).append(i)
    assert len(kinds) == 20  # every kind of row
    for kind, where in kinds.items():
        if "gated" in kind:  # a MAC that rests has no word
            continue
        for i in rng.sample(where, min(3, len(where))):
            head, data = lines[i].rsplit(",", 1)
            bad = [*lines[:i], f"{head},{int(data) + 1}", *lines[i + 1 :]]
            with pytest.raises(InputError, match="expected"):
                replay("\n".join(bad))


def adds_wrongly(text, cycle_from):
    """Return a trace of a machine whose buffer has one more in a sum, and all that follows."""
    rows = list(csv.reader(text.splitlines()))
    at = next(
        i for i, row in enumerate(rows)
        if row[1:3] == ["GLB psum", "update"] and int(row[0]) >= cycle_from
    )  # fmt: skip
    place = rows[at][3]
    for row in rows[at:]:
        if row[1] == "GLB psum" and row[3] == place:
            row[4] = str(int(row[4]) + 1)
    return "\n".join(",".join(f'"{c}"' if "," in c else c for c in row) for row in rows), at + 1


def test_a_sum_that_no_column_made_is_found():
    """The buffer gives back what was written there, but no column has added it up."""
    bad, line = adds_wrongly(trace_csv(layer(window=ALL)), 0)
    with pytest.raises(InputError, match=f"rtl.csv:{line}: .*a sum that left a column"):
        replay(bad, name="rtl.csv")


@pytest.mark.parametrize("lost", [0, 1])
def test_a_foot_that_leaves_out_the_sum_of_the_buffer_is_found(lost):
    """Channels come in passes; the foot of a column adds what earlier ones left in the buffer."""
    text = trace_csv(layer(mapping="m2 n1 e3 p2 q1 r1 t1", window=ALL))
    rows = list(csv.reader(text.splitlines()))
    read = [i for i, row in enumerate(rows) if row[1:3] == ["GLB psum", "read"]]
    first = next(i for i in read if rows[i][4] != "0")
    foot = next(
        i for i, row in enumerate(rows)
        if i > first and row[1].startswith("column[2") and (rows[i - 1][2], rows[i - 1][3]) ==
        ("drain", row[3]) and int(row[4]) - int(rows[i - 1][4]) == int(rows[first][4])
    )  # fmt: skip
    rows[foot][4] = str(int(rows[foot - 1][4]) if lost else int(rows[foot][4]) + 1)
    body = "\n".join(",".join(f'"{c}"' if "," in c else c for c in row) for row in rows)
    with pytest.raises(InputError, match=f"t:{foot + 1}: .*a sum that came from the buffer"):
        replay(body, name="t")


def test_the_rows_of_a_cycle_may_come_in_any_order():
    """A hardware simulation lists its ports in an order of its own, memories before their users."""
    head, *rows = trace_csv(layer(window=ALL)).splitlines()
    turned = sorted(rows, key=lambda row: (int(row.split(",")[0]), "column" not in row))
    assert turned != rows
    replay("\n".join([head, *turned]))


def test_a_mac_that_should_have_worked_is_found():
    text = trace_csv(layer(window=ALL))
    bad, line = changed(
        text,
        lambda row: row[1].startswith("mac") and row[2] == "compute" and row[4] != "0",
        lambda row: [row[0], row[1], "gated", row[3], "0"],
    )
    with pytest.raises(InputError, match=f"rtl.csv:{line}: .*a MAC that works on input"):
        replay(bad, name="rtl.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t:1: found columns"),
        ("cycle,port,action,address,data\n1,GLB ifmap,read,0\n", "t:2: found 4 cells; expected 5"),
        ("cycle,port,action,address,data\n1,GLB ifmap,read,0,x\n", "t:2: .*whole numbers"),
        ("cycle,port,action,address,data\n1,GLB ifmap,flush,0,1\n", "t:2: unknown action"),
        ("cycle,port,action,address,data\n2,GLB ifmap,read,0,1\n1,GLB ifmap,read,0,1\n",
         "t:3: cycle 1 comes after 2"),
        ('cycle,port,action,address,data\n2,"mac[0,0]",compute,0,1\n',
         "operands that are read in the same cycle"),
    ],
)  # fmt: skip
def test_what_is_no_trace_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        replay(text, name="t")


def test_the_picture_has_every_word():
    run = layer(window=ALL)
    drawn = json.loads(trace_perfetto(run))["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in drawn if e["ph"] == "M"}
    words = Counter()
    busy = Counter()
    for e in drawn:
        if e["ph"] == "X":
            assert e["dur"] >= 1
            words[names[e["tid"]].partition("[")[0], e["name"]] += e["args"]["words"]
            busy[names[e["tid"]], e["name"]] += e["dur"]
    assert words == {kind: n for kind, n in run.counts.items() if n}
    assert max(n for (port, _), n in busy.items() if port == "GLB ifmap") <= run.total_cycles


def test_the_picture_holds_every_word_of_the_table():
    run = layer(window=ALL)
    drawn = json.loads(trace_perfetto(run))["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in drawn if e["ph"] == "M"}
    told = Counter()
    for e in (e for e in drawn if e["ph"] == "X"):
        cycles, addresses, data = (e["args"][k] for k in ("cycle", "address", "data"))
        assert len(cycles) == len(addresses) == len(data) == e["args"]["words"]
        assert (cycles[0], cycles[-1]) == (e["ts"], e["ts"] + e["dur"] - 1)
        port, action = names[e["tid"]], e["name"]
        told.update(
            (c, port, action, a, d) for c, a, d in zip(cycles, addresses, data, strict=True)
        )
    rows = csv.DictReader(trace_csv(run).splitlines())
    assert told == Counter(
        (int(r["cycle"]), r["port"], r["action"], int(r["address"]), int(r["data"])) for r in rows
    )


def test_columns_wait_for_a_slow_way_out():
    """No more sums wait above the columns than one window has: the next ones stay in their PEs."""
    rng = np.random.default_rng(0)
    inputs, weights = rng.integers(-9, 9, (1, 2, 8, 12)), rng.integers(-9, 9, (4, 2, 3, 3))
    run = row_stationary(
        inputs, weights, "m4 n1 e6 p4 q1 r1 t1", array=EyerissArray(psum_bus=1), window=ALL
    )
    moves = []
    for row in csv.DictReader(trace_csv(run).splitlines()):
        if (row["port"], row["action"]) == ("GLB psum", "update"):
            moves.append((int(row["cycle"]), -1))
        elif row["port"].startswith("column[0,"):
            moves.append((int(row["cycle"]), 1))
    waiting = np.cumsum([step for _, step in sorted(moves)])
    assert waiting[-1] == 0
    assert 4 * 5 < waiting.max() <= 4 * 6
