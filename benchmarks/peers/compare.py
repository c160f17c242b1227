"""Compares onewatt's mappings with those of its peers, layer by layer, on one machine.

    python benchmarks/peers/environments.py
    python benchmarks/peers/compare.py [--peers zigzag,accelforge,timeloop] [--only-ours]

Every run is stored in results.json as it finishes, so an interrupted comparison goes on where it
stopped; --only-ours measures onewatt anew and keeps the peers' runs.  Times are CPU seconds (user
and system, children included).  Every mapping is re-scored by one model, onewatt's, on one chip.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import chip as chips
import environments
import even
import layers as chosen
import nests
import onewatt as ow
import ours
import table
import timeloop_cases

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "peers.md"
BEGIN, END = "<!-- written by benchmarks/peers/compare.py -->", "<!-- end -->"
#: Peer, its environment (also the name of its runner), and what it is told beside its defaults.
PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "zigzag": ("zigzag", {}),
    "zigzag_mixed": ("zigzag", {"enable_mix_spatial_mapping_generation": True}),
    "accelforge": ("accelforge", {}),
}
TIMELOOP = "timeloop"
OBJECTIVES = ("edp", "energy")
#: A run is killed if it takes this many times its CPU limit, plus a minute, of wall time.
PATIENCE = 4


class Store:
    """The runs so far, by ``tool|layer|objective``; written after each one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self.data.setdefault("runs", {})

    def has(self, key: str) -> bool:
        """Whether a run is there already."""
        return key in self.data["runs"]

    def put(self, key: str, run: dict[str, Any]) -> None:
        """Keep a run."""
        run["load"] = round(os.getloadavg()[0], 2)
        self.data["runs"][key] = rounded(run)
        self.write()

    def write(self) -> None:
        """Write the file in a fixed order."""
        self.data["runs"] = dict(sorted(self.data["runs"].items()))
        self.path.write_text(json.dumps(self.data, indent=1) + "\n")


def rounded(value: Any) -> Any:
    """Return plain data with numbers of six digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value


def run_peer(peer: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run a peer on one layer in its own environment and return what it wrote."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "job.json", Path(folder) / "result.json"
        given.write_text(json.dumps(job))
        home = PEERS[peer][0]
        command = [str(environments.python_of(home)), str(here / f"{home}_runner.py")]
        quiet = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        try:
            done = subprocess.run(
                [*command, str(given), str(found)], cwd=folder, env=quiet, capture_output=True,
                text=True, timeout=PATIENCE * job["limit_s"] + 60, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"status": "timeout", "cpu_s": job["limit_s"]}
        if found.exists():
            return json.loads(found.read_text())
    if done.returncode < 0:  # the hard CPU limit
        return {"status": "timeout", "cpu_s": job["limit_s"]}
    lines = (done.stderr or done.stdout).strip().splitlines()
    return {"status": "failed", "reason": lines[-1][:300] if lines else f"exit {done.returncode}"}


def compare_peer(peer: str, store: Store, names: list[str], options: argparse.Namespace) -> None:
    """Run a peer on every layer and objective that is not stored yet."""
    home, effort = PEERS[peer]
    if why := environments.missing(home):
        store.data.setdefault("skipped", {})[peer] = why
        print(f"{peer}: {why}")
        return
    store.data.get("skipped", {}).pop(peer, None)
    store.data.setdefault("versions", {})[home] = environments.versions(home)
    einsums, chip = chosen.load_layers(), chips.load()
    for objective in options.objectives:
        for name in names:
            key = f"{peer}|{name}|{objective}"
            if store.has(key):
                continue
            layer = chosen.describe(name, einsums[name])
            job = {"chip": chips.describe(chip), "layer": layer, "objective": objective}
            run = run_peer(peer, {**job, "effort": effort, "limit_s": options.timeout})
            rescore(run, einsums[name], chip, objective)
            store.put(key, run)
            print(f"{key}: {run['status']}, {run.get('cpu_s', 0):.1f} CPU-s", flush=True)


def rescore(run: dict[str, Any], einsum: ow.Einsum, chip: ow.Architecture, objective: str) -> None:
    """Put onewatt's score of a peer's nest into its run."""
    if "nest" not in run:
        return
    try:
        found = nests.score(einsum, chip, run["nest"], objective)
    except (ow.OnewattError, ValueError) as error:
        run["not_scored"] = str(error)
        return
    run["score"] = plain(found)
    if found.method != "direct":
        nearest = even.score(einsum, chip, run["nest"], objective)
        run["nearest_even"] = plain(nearest) if nearest else None


def plain(score: nests.Score) -> dict[str, Any]:
    """Return a score as the file keeps it."""
    return {
        "energy_J": score.energy, "cycles": score.cycles, "method": score.method,
        "mapping": score.mapping, "overflow": list(score.overflow),
    }  # fmt: skip


def compare_ours(store: Store, names: list[str], options: argparse.Namespace) -> None:
    """Measure onewatt's search on every layer, anew."""
    einsums = chosen.load_layers()
    store.data["runs"] = {
        k: v for k, v in store.data["runs"].items()
        if not (k.startswith("onewatt/") and k.split("|")[1] in names)
    }  # fmt: skip
    store.data["compile_cpu_s"] = round(ours.warm_up(chips.load()), 2)
    for dataflow in ("free", "shipped"):
        chip = chips.load(dataflow)
        for tiles in options.tiles or ours.tile_sets():
            for objective in options.objectives:
                for name in names:
                    run = ours.measure(einsums[name], chip, objective, tiles)
                    key = f"onewatt/{dataflow}/{tiles}|{name}|{objective}"
                    store.put(key, run)
                    print(f"{key}: {run['cpu_s']:.3f} CPU-s", flush=True)


def machine() -> dict[str, Any]:
    """Return what the times depend on."""
    return {
        "processors": os.cpu_count(),
        "load": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
        "onewatt": ow.__version__,
    }


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--peers", default=",".join([*PEERS, TIMELOOP]), help="which peers, by comma"
    )
    parser.add_argument("--timeout", type=int, default=120, help="CPU seconds a peer has a layer")
    parser.add_argument("--layers", default="", help="only layers whose name contains this")
    parser.add_argument("--objectives", default=",".join(OBJECTIVES))
    parser.add_argument("--tiles", default="", help="tile sets of onewatt, by comma")
    parser.add_argument("--only-ours", action="store_true", help="keep the peers' runs")
    parser.add_argument("--only-peers", action="store_true", help="keep onewatt's runs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.objectives = options.objectives.split(",")
    options.tiles = options.tiles.split(",") if options.tiles else []
    return options


def main() -> int:
    options = read_options()
    names = [n for n in chosen.load_layers() if options.layers in n]
    store = Store(options.results)
    store.data["chip"] = chips.CHIP
    store.data["machine"] = machine()
    wanted = [p for p in options.peers.split(",") if p != TIMELOOP]
    for peer in [] if options.only_ours else wanted:
        compare_peer(peer, store, names, options)
    if not options.only_peers:
        compare_ours(store, names, options)
        if TIMELOOP in options.peers:
            store.data["timeloop"] = rounded(timeloop_cases.compare())
    rescore_all(store, names)
    store.data["comparison"] = rounded(table.compare(store.data["runs"]))
    store.write()
    tables = table.text(store.data)
    print(tables)
    if options.results == RESULTS:
        write_page(tables)
    return 0


def rescore_all(store: Store, names: list[str]) -> None:
    """Score every stored nest again, so that a change of the model needs no peer to run."""
    einsums, chip = chosen.load_layers(), chips.load()
    for key, run in store.data["runs"].items():
        _, layer, objective = key.split("|")
        if layer in names:
            rescore(run, einsums[layer], chip, objective)
            store.data["runs"][key] = rounded(run)


def write_page(tables: str) -> None:
    """Put the tables into the page of the documentation."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
