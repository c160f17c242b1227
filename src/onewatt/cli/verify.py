"""``onewatt verify``: recount a proof that no mapping is better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onewatt.cli import terminal

if TYPE_CHECKING:
    from onewatt.mapper.certificate import Certificate

RECOUNTING = "recounting the proof"
_GOALS = {"front": "energy and latency at once", "layer_edp": "EDP"}


def verify(
    certificate: Annotated[
        Path, typer.Argument(metavar="PROOF.json", help="What `map --certificate` wrote.")
    ],
) -> None:
    """Check a certificate with a program that shares nothing with the search.

    It costs the answer again, follows every cut of the space and computes every bound anew, in
    some milliseconds a box.  Exit code 1 if the proof does not hold.
    """
    from onewatt.mapper.certificate import load_certificate
    from onewatt.mapper.verify import check

    proof = load_certificate(certificate)
    with terminal.progress(True, RECOUNTING) as advance:
        boxes = check(proof, advance)
    chip, goal = proof.architecture, _GOALS.get(proof.goal, proof.goal)
    terminal.console().print(
        f"proved: no mapping of {proof.einsum.name!r} on {chip.name!r} is better in {goal} "
        f"(tiles {proof.tiles}, dataflow {chip.dataflow.name}) than {_answer(proof)}; "
        f"{boxes} boxes recounted"
    )


def _answer(proof: Certificate) -> str:
    """Return what a proof is about: one cost, or the ends of a front."""
    from onewatt.units import format_quantity, typeset

    costs = [
        f"{typeset(format_quantity(energy, 'J', digits=6))} in {cycles:.0f} cycles"
        for energy, cycles in zip(proof.energies, proof.cycles, strict=True)
    ]
    return costs[0] if len(costs) == 1 else f"its {len(costs)}, {costs[0]} to {costs[-1]}"
