"""Throughput of exploring: points per second, what a point costs besides its search, and a plan.

    python benchmarks/explore.py            # measure, write explore.json beside this script
    python benchmarks/explore.py --table    # only print what is there

Three things are measured, on a machine whose load is stored with them:

- the machinery alone: items without work through store and processes, and proposals of strategies;
- a study of 48 points (12 chips, four batches) of mlperf_ad on Eyeriss with an empty layer cache
  and an empty store, in this process and on 1 and 2 processes, then with every outcome kept;
- the CPU time of a point that is not its search: building, pricing, judging, encoding and keeping.

Wall times suffer from what else the machine does; CPU times less so.

The plan to a million points is calculated from them: it is no measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path

from onewatt.codesign import outcome
from onewatt.codesign.explore import explore
from onewatt.codesign.outcome import Context, build, key_of, worked_out
from onewatt.codesign.strategies import STRATEGIES, read_strategy
from onewatt.codesign.strategies.base import Asking, Tried
from onewatt.codesign.study import FileStudy, points, size, study_of
from onewatt.model.evaluate import versions
from onewatt.run.executors import open_executor
from onewatt.run.share import Item, work_out
from onewatt.run.store import Store
from onewatt.run.workers import available
from onewatt.spec.files import loads
from onewatt.spec.study import Knob

HERE = Path(__file__).resolve().parent
STUDY = """
workload: mlperf_ad
chip: eyeriss
knobs:
  chip.GLB.capacity: [25 KiB, 50 KiB, 100 KiB, 200 KiB]
  chip.PE.Y: [6, 9, 12]
  batch: [1, 2, 4, 8]
objectives: [energy, latency]
mapper_objective: energy
"""
ITEMS, PROPOSALS, MILLION = 2000, 200, 10**6


def nothing(context: object, item: int) -> bytes:
    """Return an outcome as large as a real one, without work."""
    return os.urandom(1000)


def machinery(executor: str) -> dict[str, float]:
    """Return the seconds of an item without work through store and executor."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "s.sqlite") as store:
        workers = open_executor(executor, nothing, None)
        try:
            work_out([Item("warm", 0)], store, workers, done=lambda k, c: None)
            items = [Item(f"{i:064d}", i) for i in range(ITEMS)]
            start, cpu = time.perf_counter(), time.process_time()
            work_out(items, store, workers, done=lambda k, c: None)
            wall = time.perf_counter() - start
            own = time.process_time() - cpu
            start = time.perf_counter()
            work_out(items, store, workers, done=lambda k, c: None)
            again = time.perf_counter() - start
        finally:
            workers.close()
    return {"wall_s": wall / ITEMS, "coordinator_cpu_s": own / ITEMS, "kept_s": again / ITEMS}


def proposals(name: str) -> float:
    """Return the CPU seconds of a proposal of a strategy, among the first two hundred."""
    space = tuple(Knob(path=n, values=tuple(map(str, range(10)))) for n in "abcdef")
    run, start = read_strategy(name).proposals(Asking(space, 2, 0)), time.process_time()
    generation, asked = next(run), 0
    while asked < PROPOSALS:
        asked += len(generation)
        told = [Tried(p, (float(p["a"]) + 1, 10 - float(p["b"]))) for p in generation]
        generation = run.send(told)
    run.close()
    return (time.process_time() - start) / asked


def coordinator(study: FileStudy) -> float:
    """Return the CPU seconds that building a point and its key take, which the coordinator does."""
    every = list(points(study.space))
    for point in every:  # what is read once is read
        build(study, point)
    start = time.process_time()
    for point in every:
        key_of(study, point, build(study, point))
    return (time.process_time() - start) / len(every)


def cpu() -> float:
    """Return the CPU seconds of this process and of the children that have ended."""
    own, children = (
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def run(study: FileStudy, executor: str) -> dict[str, float]:
    """Return points per second with nothing kept, then with every outcome kept."""
    with tempfile.TemporaryDirectory() as folder:
        begun: list[float] = []

        def progress(state: object) -> None:
            begun.append(time.perf_counter())

        start, before = time.perf_counter(), cpu()
        options = {"store": Path(folder) / "s.sqlite", "executor": executor}
        front = explore(study, cache=Path(folder) / "layers", progress=progress, **options)
        wall, spent = time.perf_counter() - start, cpu() - before
        start = time.perf_counter()
        explore(study, cache=Path(folder) / "layers", **options)
        again = time.perf_counter() - start
    count = front.counts.evaluated
    steady = (begun[-1] - begun[1]) / (count - 1)  # without the start of the processes
    return {
        "points": count, "wall_s": wall, "points_per_s": count / wall,
        "cpu_s_per_point_with_start": spent / count,
        "steady_s_per_point": steady, "kept_s_per_point": again / count,
    }  # fmt: skip


def searches(study: FileStudy) -> dict[str, float]:
    """Return the CPU seconds of a point's search and of the rest of working it out.

    The layer cache is empty at first.
    """
    searching, real = [0.0], outcome.search

    def timed(*arguments: object, **options: object) -> object:
        start = time.process_time()
        found = real(*arguments, **options)
        searching[0] += time.process_time() - start
        return found

    with tempfile.TemporaryDirectory() as folder:
        context = Context(study, str(Path(folder) / "layers"))
        every = list(points(study.space))
        outcome.search, start = timed, time.process_time()
        try:
            for point in every:
                worked_out(context, point)
        finally:
            outcome.search = real
        whole = time.process_time() - start
    return {
        "search_cpu_s_per_point": searching[0] / len(every),
        "rest_cpu_s_per_point": (whole - searching[0]) / len(every),
    }


def plan(search: float, overhead: float, proposal: dict[str, float]) -> dict[str, object]:
    """Calculate a million points: hours on some workers, and where one coordinator ends."""
    most = int(search / overhead)
    rows = [
        {"workers": n, "hours": MILLION * max(search / n, overhead) / 3600}
        for n in (1, 2, 16, 64, 256, 1024)
    ]
    return {
        "search_s_per_point": search, "coordinator_s_per_point": overhead, "rows": rows,
        "workers_that_one_coordinator_feeds": most,
        "hours_at_least": MILLION * overhead / 3600,
        "proposal_s": proposal,
        "note": "calculated, not measured: points of this size, workers of this machine's speed",
    }  # fmt: skip


def measure() -> dict[str, object]:
    """Measure everything once."""
    study = study_of(loads(STUDY, "study"), name="benchmark")
    worked_out(Context(study), next(points(study.space)))  # compile and read once
    load = [os.getloadavg()[0]]
    idle = {name: machinery(name) for name in ("here", "local:1", "local:2")}
    build_s = coordinator(study)
    proposal = {name: proposals(name) for name in STRATEGIES}
    load.append(os.getloadavg()[0])
    worked = searches(study)
    runs = {name: run(study, name) for name in ("here", "local:1", "local:2")}
    load.append(os.getloadavg()[0])
    overhead = build_s + idle["local:2"]["coordinator_cpu_s"]
    return {
        "machine": {"processors": available(), "python": platform.python_version(),
                    "load_before_between_after": load},
        "versions": dict(versions()),
        "study": {"points": size(study.space), "text": STUDY.strip()},
        "machinery_per_item": idle,
        "proposal_cpu_s": proposal,
        "cpu_per_point": {
            **worked,
            "coordinator_build_and_key_cpu_s": build_s,
            "coordinator_store_and_pipe_cpu_s": idle["local:2"]["coordinator_cpu_s"],
            "overhead_beyond_search_cpu_s": worked["rest_cpu_s_per_point"] + overhead,
        },
        "runs": runs,
        "plan_to_a_million": plan(sum(worked.values()), overhead, proposal),
    }  # fmt: skip


def table(found: dict[str, object]) -> str:
    """Return the runs as a table in Markdown."""
    lines = ["| executor | points/s | s per point, steady | kept: ms per point |",
             "| --- | --- | --- | --- |"]  # fmt: skip
    for name, row in found["runs"].items():
        lines.append(
            f"| {name} | {row['points_per_s']:.2f} | {row['steady_s_per_point']:.3f} | "
            f"{1e3 * row['kept_s_per_point']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only print what is there")
    path = HERE / "explore.json"
    if not parser.parse_args().table:
        path.write_text(json.dumps(measure(), indent=1) + "\n")
    print(table(json.loads(path.read_text())))


if __name__ == "__main__":
    main()
