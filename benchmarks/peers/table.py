"""Ratios between onewatt and its peers, and the tables that show them, misses included."""

from __future__ import annotations

import statistics
from typing import Any

import nests
import timeloop_cases

#: How many times less CPU time is the target: with perfect factors, and with any other tiles.
TARGETS = {"perfect": 100.0}
OTHERWISE = 10.0
#: Two figures this close are equal: what is left is rounding of sums and of the file.
SAME = 1e-5

Runs = dict[str, dict[str, Any]]


def compare(runs: Runs) -> dict[str, Any]:
    """Return for each peer, objective and variant of onewatt the ratios of every layer.

    `quality` is the peer's figure over onewatt's and `time` its CPU seconds over onewatt's, so
    above one means that onewatt is better.  `quality_even` is the same for the nearest nest that
    onewatt can write, where the peer's is not one.
    """
    by: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for key, run in runs.items():
        tool, layer, objective = key.split("|")
        by.setdefault((tool, objective), {})[layer] = run
    found: dict[str, Any] = {}
    for (peer, objective), theirs in sorted(by.items()):
        for (own, same), mine in sorted(by.items()):
            if peer.startswith("onewatt/") or not own.startswith("onewatt/") or same != objective:
                continue
            rows = {n: row(theirs[n], mine[n], objective) for n in theirs if n in mine}
            found[f"{peer}|{objective}|{own}"] = summary(rows, own.rsplit("/", 1)[1])
    return found


def row(theirs: dict[str, Any], mine: dict[str, Any], objective: str) -> dict[str, Any]:
    """Return the ratios of one layer; a peer that did not finish has a time of *at least*."""
    found: dict[str, Any] = {"status": theirs["status"]}
    if "cpu_s" in theirs:
        found["time"] = theirs["cpu_s"] / mine["cpu_s"]
    if "score" not in mine:
        return {**found, "status": "onewatt failed"}
    if "score" not in theirs:
        return found
    overflow = theirs["score"]["overflow"]
    if overflow:
        return {**found, "status": f"overfills {', '.join(overflow)}"}
    found["quality"] = _figure(theirs["score"], objective) / _figure(mine["score"], objective)
    nearest = theirs.get("nearest_even", theirs["score"])
    if nearest:
        found["quality_even"] = _figure(nearest, objective) / _figure(mine["score"], objective)
    return found


def _figure(score: dict[str, Any], objective: str) -> float:
    return nests.figure(score["energy_J"], score["cycles"], objective)


def summary(rows: dict[str, dict[str, Any]], tiles: str) -> dict[str, Any]:
    """Return the rows with what they come to and the layers that miss a target."""
    target = TARGETS.get(tiles, OTHERWISE)
    quality = {n: r["quality"] for n, r in rows.items() if "quality" in r}
    finished = {n: r["time"] for n, r in rows.items() if r["status"] == "finished"}
    found: dict[str, Any] = {
        "layers": rows,
        "scored": len(quality),
        "time_target": target,
        "worse_than_peer": sorted(n for n, q in quality.items() if q < 1 - SAME),
        "worse_than_nearest_even": sorted(
            n for n, r in rows.items() if r.get("quality_even", 1) < 1 - SAME
        ),
        "time_missed": sorted(n for n, t in finished.items() if t < target),
        "unfinished": sorted(n for n, r in rows.items() if r["status"] != "finished"),
    }
    for name, values in (("quality", quality), ("time", finished)):
        if values:
            found[name] = {
                "worst": min(values.values()),
                "geomean": statistics.geometric_mean(values.values()),
                "best": max(values.values()),
            }
    return found


def text(data: dict[str, Any]) -> str:
    """Return the tables as Markdown."""
    parts = [_summaries(data["comparison"]), _misses(data["comparison"])]
    parts.append(_layers(data["runs"], "edp"))
    parts.append(_timeloop(data.get("timeloop") or {}))
    skipped = data.get("skipped", {})
    parts += [f"{peer} was skipped: {why}." for peer, why in skipped.items()]
    return "\n\n".join(p for p in parts if p) + "\n"


def _line(*cells: object) -> str:
    return "| " + " | ".join(str(c) for c in cells) + " |"


def _ratio(value: float | None) -> str:
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 3
    return f"{value:.{digits}f}"


def _summaries(comparison: dict[str, Any]) -> str:
    """Return a line for each peer, objective and tile set; `shipped` is in the file only."""
    head = ("peer", "objective", "onewatt", "quality worst", "geomean", "best", "worse on", "even",
            "time worst", "geomean", "target", "missed on", "unfinished")  # fmt: skip
    lines = [_line(*head), _line(*("---" for _ in head))]
    for key, one in comparison.items():
        peer, objective, own = key.split("|")
        if "/shipped/" in own:
            continue
        quality, time = one.get("quality", {}), one.get("time", {})
        cells = [_ratio(quality.get(k)) for k in ("worst", "geomean", "best")]
        worse = f"{len(one['worse_than_peer'])} of {one['scored']}"
        times = [_ratio(time.get(k)) for k in ("worst", "geomean")]
        missed = f"{len(one['time_missed'])} of {len(one['layers']) - len(one['unfinished'])}"
        lines.append(
            _line(peer, objective, own.removeprefix("onewatt/"), *cells, worse,
                  len(one["worse_than_nearest_even"]), *times,
                  f"{one['time_target']:g}", missed, len(one["unfinished"]))
        )  # fmt: skip
    return "\n".join(lines) if comparison else ""


def _misses(comparison: dict[str, Any]) -> str:
    """Return every layer that misses a target, and every one without a mapping to compare."""
    lines: list[str] = []
    for key, one in comparison.items():
        peer, objective, own = key.split("|")
        if "/shipped/" in own:
            continue
        rows = one["layers"]
        parts = [
            _named("worse than the peer", one["worse_than_peer"], rows, "quality"),
            _named("time", one["time_missed"], rows, "time"),
            ", ".join(f"{n} {rows[n]['status']}" for n in one["unfinished"]),
        ]
        found = "; ".join(p for p in parts if p) or "nothing"
        lines.append(f"- {peer}, {objective}, {own.removeprefix('onewatt/')}: {found}.")
    return "\n".join(["Misses:", "", *lines]) if lines else ""


def _named(what: str, names: list[str], rows: dict[str, dict[str, Any]], ratio: str) -> str:
    if not names:
        return ""
    return f"{what}: " + ", ".join(f"{n} {rows[n][ratio]:.4g}" for n in names)


def _layers(runs: Runs, objective: str) -> str:
    """Return the figure and CPU seconds of every tool on every layer, EDP in nJ s."""
    chosen = {k: r for k, r in runs.items() if k.endswith(f"|{objective}")}
    tools = sorted({k.split("|")[0] for k in chosen if "/shipped/" not in k})
    layers = list(dict.fromkeys(k.split("|")[1] for k in chosen))
    lines = [_line("layer: EDP [nJ s] (CPU s)", *tools)]
    lines.append(_line(*("---" for _ in range(len(tools) + 1))))
    for layer in layers:
        cells = [_cell(chosen.get(f"{tool}|{layer}|{objective}")) for tool in tools]
        lines.append(_line(layer, *cells))
    return "\n".join(lines) if chosen else ""


def _cell(run: dict[str, Any] | None) -> str:
    if run is None:
        return "–"
    seconds = f" ({run['cpu_s']:.2f})" if "cpu_s" in run else ""
    if "score" not in run:
        return run["status"] + seconds
    score = run["score"]
    mark = "!" if score["overflow"] else "" if run.get("proven", True) else "~"
    return f"{score['energy_J'] * score['cycles']:.4g}{mark}{seconds}"


def _timeloop(cases: dict[str, Any]) -> str:
    if "skipped" in cases:
        return f"Timeloop's cases were skipped: {cases['skipped']}."
    head = ("Timeloop case", "onewatt", "EDP ratio", "energy ratio", "onewatt CPU s", "time ratio")
    lines = [_line(*head), _line(*("---" for _ in head))]
    for name, case in cases.items():
        if "skipped" in case:
            lines.append(_line(name, f"skipped: {case['skipped']}", *("–" for _ in range(4))))
            continue
        for own in sorted(k for k in case if k.startswith("onewatt/")):
            label = own.removeprefix("onewatt/")
            if "failed" in case[own]:
                lines.append(_line(name, f"{label}: no mapping found", *("–" for _ in range(4))))
                continue
            edp = timeloop_cases.ratios(case, own, "edp")
            energy = timeloop_cases.ratios(case, own, "energy")
            times = f"{_ratio(edp['time_low'])} to {_ratio(edp['time_high'])}"
            seconds = f"{case[own]['edp']['cpu_s']:.3f}"
            qualities = [_ratio(r["quality"]) for r in (edp, energy)]
            lines.append(_line(name, label, *qualities, seconds, times))
    return "\n".join(lines) if cases else ""
