"""What the exact search costs: CPU seconds a layer to a proven optimum, by set of tile sizes.

    python benchmarks/mapper.py [--parts eyeriss/preset/tight] [--minutes 20] [--again] [--table]

Writes mapper.json beside it after every layer and goes on where it stopped; --again measures anew.
A layer is given LIMIT CPU seconds; what is not proven by then is kept with its gap, counted with
the time it took, and left out of the gains.  Times are CPU seconds of one process that has
everything compiled, for one run of each distinct layer; the machine's load is kept with each part.
`boxes` are sets of tilings for which a bound was computed, not mappings that were evaluated.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import onewatt as ow
from onewatt.components.library import prices as price_list
from onewatt.mapper.compiled import compile_ahead
from onewatt.mapper.exact import Goal, Tiles, search_layer
from onewatt.mapper.problem import without_trivial
from onewatt.spec.result import Objective

RESULTS = Path(__file__).with_suffix(".json")
LIMIT = 20.0
CHIPS = ("eyeriss", "eyeriss_like")
NETWORKS = (
    "alexnet", "resnet18", "mobilenet_v2", "bert_base", "resnet50", "vgg16", "llama_1b:512",
)  # fmt: skip
#: The networks on which the largest set of tile sizes is tried, which has no target.
LARGEST = ("alexnet", "resnet18", "mobilenet_v2", "bert_base")
#: The network that is searched on an array of arrays, the one of its paper.
CLUSTERED = "mobilenet_v1:0.5:128"
#: CPU seconds a layer that were aimed at: the median, and the worst layer.
TARGETS = {"perfect": (0.05, 0.3), "tight": (0.3, 3.0)}
COLD_TARGETS = {"resnet50_wall_s": 15.0, "compile_s": 20.0}
SETS: tuple[Tiles, ...] = ("perfect", "tight", "full")


class Part(NamedTuple):
    """Layers of a network that are searched in one way."""

    chip: str
    dataflow: str
    tiles: Tiles
    goal: Goal
    network: str

    @property
    def key(self) -> str:
        """The name of the part without its network."""
        return f"{self.chip}/{self.dataflow}/{self.tiles}/{self.goal}"


def every_part() -> Iterator[Part]:
    """Return the parts, the ones most worth having first."""
    first, rest = NETWORKS[:5], NETWORKS[5:]
    yield from _parts("preset", SETS[:2], first)
    yield from _parts("preset", SETS[:2], rest)
    for tiles, chip in itertools.product(SETS[:2], CHIPS):
        yield Part(chip, "preset", tiles, "front", "resnet50")
    yield from _parts("free", SETS[:2], first)
    yield from _parts("free", SETS[:2], rest)
    yield Part("eyeriss_v2", "preset", "tight", "layer_edp", CLUSTERED)
    yield Part("eyeriss_v2", "preset", "tight", "energy", CLUSTERED)
    for chip, network in itertools.product(CHIPS, LARGEST):
        yield Part(chip, "preset", "full", "layer_edp", network)


def _parts(dataflow: str, sets: Iterable[Tiles], networks: Iterable[str]) -> Iterator[Part]:
    goals: tuple[Goal, ...] = ("layer_edp", "energy")
    for chip, tiles, goal, network in itertools.product(CHIPS, sets, goals, networks):
        yield Part(chip, dataflow, tiles, goal, network)


def load_chip(part: Part) -> ow.Architecture:
    chip = ow.load_chip(part.chip)
    return chip if part.dataflow == "preset" else ow.with_dataflow(chip, part.dataflow)


def layers_of(part: Part) -> dict[str, ow.Einsum]:
    """Return the distinct layers with multiplications, by the name of the first of each."""
    distinct: dict[object, ow.Einsum] = {}
    for einsum in ow.load_workload(part.network).einsums:
        if einsum.work == "mac":
            distinct.setdefault(einsum.signature, einsum)
    return {e.name: e for e in distinct.values()}


def measure(einsum: ow.Einsum, chip: ow.Architecture, part: Part) -> dict[str, Any]:
    """Search one layer; `value` is its energy [J], or energy times cycles [J]."""
    one, prices = without_trivial(einsum), price_list(chip)
    start = time.process_time()

    def late() -> bool:
        return time.process_time() - start > LIMIT

    try:
        found = search_layer(one, chip, prices, goal=part.goal, tiles=part.tiles, stop=late)
    except ow.MappingError as error:
        return {"cpu_s": rounded(time.process_time() - start), "failed": str(error)}
    taken = time.process_time() - start
    row = {"cpu_s": taken, "boxes": found.boxes, "scored": found.scored, "gap": found.gap}
    best = found.front[0]
    if part.goal == "front":
        row["front"] = len(found.front)
    else:
        row["value"] = best.energy * (best.cycles if part.goal == "layer_edp" else 1)
    return {k: rounded(v) for k, v in row.items()}


def rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.7g}")


def warm_up() -> None:
    """Search one small layer for every goal and set, so that everything is compiled or loaded."""
    net = ow.load_workload("mlperf_ad")
    chip = ow.load_chip("eyeriss")
    einsum = min((e for e in net.einsums if e.work == "mac"), key=lambda e: e.macs)
    for goal in ("layer_edp", "energy", "front"):
        for tiles in SETS:
            search_layer(without_trivial(einsum), chip, price_list(chip), goal=goal, tiles=tiles)


# -- cold processes -------------------------------------------------------------------------


def cold(*arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run this program in a cold process and return what it printed, with its time and memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        **json.loads(done.stdout.splitlines()[-1]), "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2), "load": loads(),
    }  # fmt: skip


def whole_network(chip: str, tiles: Tiles, objective: Objective, limit: float) -> None:
    """Search ResNet-50 with two workers; print what came of it."""
    stop = threading.Event()
    alarm = threading.Timer(limit, stop.set)
    alarm.daemon = True
    alarm.start()
    network = ow.load_workload("resnet50")
    result = ow.search(
        network, ow.load_chip(chip), objective=objective, tiles=tiles, workers=2, stop=stop
    )
    alarm.cancel()
    layers = [x for x in result.layers if x.mapping is not None]
    peak = max(
        resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({
        "limit_s": limit, "layers": len(layers), "unproven": sum(not x.optimal for x in layers),
        "peak_MB_of_largest_process": round(peak / 1e3),
    }))  # fmt: skip


def cold_runs() -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Return the runs in cold processes by name."""

    def compiled() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            return cold("--cold-compile", environment={"NUMBA_CACHE_DIR": folder})

    yield "compile", compiled
    yield "start_with_cache", lambda: cold("--cold-compile")
    for chip, objective, tiles in itertools.product(CHIPS, ("layer_edp", "edp"), SETS[:2]):
        options = ("--cold-search", chip, "--cold-tiles", tiles, "--cold-objective", objective)
        yield f"resnet50/{chip}/{objective}/{tiles}", lambda given=options: cold(*given)


# -- the file -------------------------------------------------------------------------------


def loads() -> list[float]:
    return [round(x, 2) for x in os.getloadavg()]


def read() -> dict[str, Any]:
    data = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return {
        "machine": {},
        "limit_cpu_s": LIMIT,
        "cold": {},
        "summary": {},
        "gains": {},
        "parts": {},
    } | data


def write(data: dict[str, Any]) -> None:
    """Write the file, each innermost object on one line."""
    data["machine"] = {
        "processors": os.cpu_count(), "python": platform.python_version(), "onewatt": ow.__version__
    }  # fmt: skip
    data["summary"], data["gains"] = summaries(data["parts"]), gains(data["parts"])
    text = json.dumps(data, indent=1)
    for inner in (r"\{[^{}\[\]]*\}", r"\[[^{}\[\]]*\]"):
        text = re.sub(inner, lambda m: re.sub(r"\s*\n\s*", " ", m[0]), text)
    RESULTS.write_text(text + "\n")


def summaries(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the times of each chip, dataflow, set and goal over all layers that were searched."""
    found = {}
    for key, networks in parts.items():
        rows = {
            f"{network}/{name}": row
            for network, part in networks.items() for name, row in part["layers"].items()
        }  # fmt: skip
        done = {n: r for n, r in rows.items() if "failed" not in r}
        if not done:
            continue
        worst = max(done, key=lambda n: done[n]["cpu_s"])
        proven = [n for n, r in done.items() if r["gap"] == 0]
        total = sum(r["cpu_s"] for r in done.values())
        boxes = sum(r["boxes"] for r in done.values())
        found[key] = {
            "layers": len(done), "proven": len(proven), "failed": len(rows) - len(done),
            "median_s": rounded(statistics.median(r["cpu_s"] for r in done.values())),
            "worst_s": done[worst]["cpu_s"], "worst_layer": worst, "sum_s": rounded(total),
            "boxes": boxes, "boxes_per_s": round(boxes / total),
            "scored": sum(r["scored"] for r in done.values()),
        }  # fmt: skip
        tiles = key.split("/")[2]
        if tiles in TARGETS:
            median, most = TARGETS[tiles]
            found[key]["median_target_met"] = found[key]["median_s"] < median
            found[key]["worst_target_met"] = found[key]["worst_s"] < most
            found[key]["layers_over_worst_target"] = sum(r["cpu_s"] >= most for r in done.values())
    return found


def gains(parts: dict[str, Any]) -> dict[str, Any]:
    """Return what each set gains over the next smaller one, where both optima are proven."""
    found = {}
    for key, networks in parts.items():
        chip, dataflow, tiles, goal = key.split("/")
        rank = SETS.index(tiles)
        smaller = parts.get(f"{chip}/{dataflow}/{SETS[rank - 1]}/{goal}") if rank else None
        if smaller is None or goal == "front":
            continue
        ratios = {}
        for network, part in networks.items():
            for name, row in part["layers"].items():
                other = smaller.get(network, {"layers": {}})["layers"].get(name, {})
                if row.get("gap") == 0 and other.get("gap") == 0:
                    ratios[f"{network}/{name}"] = other["value"] / row["value"]
        if ratios:
            most = max(ratios, key=ratios.__getitem__)
            found[f"{key} over {SETS[rank - 1]}"] = {
                "layers": len(ratios),
                "geomean": rounded(statistics.geometric_mean(ratios.values())),
                "max": rounded(ratios[most]), "max_layer": most,
                "min": rounded(min(ratios.values())),
            }  # fmt: skip
    return found


def table(data: dict[str, Any]) -> str:
    """Return the summaries as Markdown."""
    lines = [
        "| chip/dataflow/tiles/goal | layers | proven | median s | worst s | worst layer | sum s "
        "| boxes/s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for key, s in data["summary"].items():
        marks = ["" if s.get(f"{w}_target_met", True) else " ✗" for w in ("median", "worst")]
        lines.append(
            f"| {key} | {s['layers']} | {s['proven']} | {s['median_s']:.3f}{marks[0]} | "
            f"{s['worst_s']:.2f}{marks[1]} | {s['worst_layer']} | {s['sum_s']:.1f} "
            f"| {s['boxes_per_s']} |"
        )
    lines += ["", "| set over the smaller one | layers | geomean | max | layer |",
              "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for key, g in data["gains"].items():
        lines.append(
            f"| {key} | {g['layers']} | {g['geomean']:.4f} | {g['max']:.3f} | {g['max_layer']} |"
        )
    lines += [
        "",
        "| cold process | wall s | CPU s | peak MB | unproven |",
        "| --- | --- | --- | --- | --- |",
    ]
    for key, c in data["cold"].items():
        cells = (c["wall_s"], c["cpu_s"], c["peak_MB_of_largest_process"], c.get("unproven", "–"))
        lines.append(f"| {key} | " + " | ".join(str(x) for x in cells) + " |")
    lines += ["", f"Targets: CPU seconds a layer (median, worst) {TARGETS}; cold {COLD_TARGETS}."]
    return "\n".join(lines)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default="", help="only parts whose name holds this, or `cold`")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no layer after this long")
    parser.add_argument("--again", action="store_true", help="measure anew what is there")
    parser.add_argument("--table", action="store_true", help="only print the tables")
    parser.add_argument("--cold-compile", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--cold-search", default="", help=argparse.SUPPRESS)
    parser.add_argument("--cold-tiles", default="tight", help=argparse.SUPPRESS)
    parser.add_argument("--cold-objective", default="edp", help=argparse.SUPPRESS)
    parser.add_argument("--cold-limit", type=float, default=60.0, help=argparse.SUPPRESS)
    return parser.parse_args()


def run_cold(data: dict[str, Any], options: argparse.Namespace, end: float, *, other: bool) -> None:
    """Run cold processes: those of the first chip, or those of the other one."""
    for name, work in cold_runs():
        wanted = options.parts in f"cold/{name}" and (f"/{CHIPS[1]}/" in name) == other
        if not wanted or time.monotonic() > end or (name in data["cold"] and not options.again):
            continue
        data["cold"][name] = work()
        write(data)
        print(f"cold/{name}: {data['cold'][name]}", file=sys.stderr, flush=True)


def quieter(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """Return the less disturbed of two measurements of one search: same boxes, proved in both."""
    if before is None or "failed" in before or "failed" in now:
        return now
    same = before["boxes"] == now["boxes"] and before["gap"] == now["gap"] == 0
    return before if same and before["cpu_s"] < now["cpu_s"] else now


def run_parts(data: dict[str, Any], options: argparse.Namespace, end: float) -> None:
    for part in every_part():
        name = f"{part.key}/{part.network}"
        if options.parts not in name:
            continue
        networks = data["parts"].setdefault(part.key, {})
        before = networks.get(part.network, {"layers": {}})["layers"]
        if options.again:
            networks.pop(part.network, None)
        kept = networks.setdefault(part.network, {"load": loads(), "layers": {}})
        chip, todo = load_chip(part), layers_of(part)
        for layer, einsum in todo.items():
            if layer in kept["layers"]:
                continue
            if time.monotonic() > end:
                return
            kept["layers"][layer] = quieter(before.get(layer), measure(einsum, chip, part))
            kept["load"] = loads()
            write(data)
            print(f"{name}/{layer}: {kept['layers'][layer]}", file=sys.stderr, flush=True)


def main() -> None:
    options = read_options()
    if options.cold_compile:
        compile_ahead()
        warm_up()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"peak_MB_of_largest_process": round(peak / 1e3)}))
        return
    if options.cold_search:
        whole_network(
            options.cold_search, options.cold_tiles, options.cold_objective, options.cold_limit
        )
        return
    end = time.monotonic() + 60 * options.minutes
    data = read()
    if not options.table:
        warm_up()
        run_cold(data, options, end, other=False)
        run_parts(data, options, end)
        run_cold(data, options, end, other=True)
        data["parts"] = {
            k: {n: p for n, p in v.items() if p["layers"]} for k, v in data["parts"].items()
        }
        data["parts"] = {k: v for k, v in data["parts"].items() if v}
        write(data)
    print(table(data))


if __name__ == "__main__":
    main()
