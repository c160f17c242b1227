"""Timeloop's reference cases, count by count (Accelergy-Project/timeloop-accelergy-exercises, MIT).

Convention ``timeloop``.  Counts and cycles are exact; energies agree to the two decimals that the
statistics print.  Cases with compressed or skipped data are named below with the reason.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onewatt.errors import InputError
from onewatt.model.evaluate import evaluate
from published.timeloop_case import read_case, statistics

DATA = os.environ.get("ONEWATT_REFERENCE_DATA")
DENSE = [
    "timeloop__00-model-conv1d-1level",
    "timeloop__01-model-conv1d-2level__os",
    "timeloop__02-model-conv1d+oc-2level__no-tiling",
    "timeloop__02-model-conv1d+oc-2level__tiling",
    "timeloop__03-model-conv1d+oc-3level__bypass",
    "timeloop__04-model-conv1d+oc-3levelspatial__kp",
    "timeloop__05-mapper-conv1d+oc-3level__baked",
    "timeloop__05-mapper-conv1d+oc-3level__null",
    "timeloop__06-mapper-convlayer-eyeriss",
    "timeloop+accelergy__intmac",
    "eyeriss_like",
    "simba_like",
    "simple_weight_stationary",
    "sparse_tensor_core_like",
    "sparseloop__01.2.1-DUDU-dot-product",
]
NOT_REPRODUCED = {
    "sparseloop__01.2.3-SCDU-dot-product": "skips on a compressed operand",
    "sparseloop__02.2.2-spMspM-tiled": "CP and UOP formats with metadata accesses",
    "sparseloop__03.2.1-conv1d": "compressed weights with metadata accesses",
    "sparseloop__03.2.2-conv1d+oc": "compressed weights with metadata accesses",
    "sparseloop__04.2.1-eyeriss-like-gating": "run-length compression and gating on densities",
    "sparseloop__04.2.3-eyeriss-like-onchip-compression": "on-chip compression and skipping",
}
ROLES = {"A": "Inputs", "B": "Weights", "Z": "Outputs"}
ACTIONS = {"reads": "read", "fills": "fill", "updates": "update"}


@pytest.fixture(scope="module")
def root():
    if not DATA:
        pytest.skip("ONEWATT_REFERENCE_DATA is not set: Timeloop's reference cases are NOT checked")
    return Path(DATA) / "timeloop_cases"


def test_every_case_is_either_reproduced_or_named(root):
    assert set(statistics(root)) == {*DENSE, *NOT_REPRODUCED}


@pytest.mark.parametrize("name", NOT_REPRODUCED)
def test_a_case_that_is_not_modelled_is_refused_by_the_name_of_its_key(root, name):
    with pytest.raises(InputError, match="'sparse_optimizations' of a Timeloop file is not model"):
        read_case(root, name)


@pytest.mark.parametrize("name", DENSE)
def test_counts_energy_and_cycles(root, name):
    case = read_case(root, name)
    cost = evaluate(
        case.einsum, case.architecture, case.mapping, prices=case.prices, convention="timeloop"
    )
    assert cost.cycles(case.einsum.name) == case.expected["summary"]["Cycles"]
    for level, expected in case.expected["levels"].items():
        if "Leakage energy (total)" in expected["stats"]:
            leak = sum(e.energy for e in cost.entries if (e.component, e.action) == (level, "leak"))
            assert leak * 1e12 == pytest.approx(
                expected["stats"]["Leakage energy (total)"], abs=0.006, rel=1e-6
            )
        for space, row in expected["dataspaces"].items():
            mine = [
                e
                for e in cost.entries
                if e.component == level and e.tensor == ROLES.get(space, space)
            ]
            for column, action in ACTIONS.items():
                published = row[f"Scalar {column} (per-instance)"] * row["Utilized instances (max)"]
                assert sum(e.count for e in mine if e.action == action) == published, (level, space)
            energy = sum(e.energy for e in mine if e.action != "leak") * 1e12
            assert energy == pytest.approx(row["Energy (total)"], abs=0.006, rel=1e-8)
    mac = next(k for k in case.expected["levels"] if k == case.architecture.mac.name)
    computes = sum(e.count for e in cost.entries if e.component == mac and e.action == "compute")
    assert computes == case.expected["levels"][mac]["stats"]["Computes (total)"]
