"""Recurrent layers: the input product of all steps, then per step a product and the gates."""

from __future__ import annotations

from onewatt.importers import layers, vector
from onewatt.importers.record import Recorder

#: Gates per kind of cell.
GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def record_direction(
    rec: Recorder,
    name: str,
    kind: str,
    values: tuple[str, str, str, str],
    *,
    batch: int,
    steps: int,
    inputs: int,
    hidden: int,
    projected: int = 0,
) -> None:
    """Append one layer in one direction.

    `values` names the inputs, the input weights, the recurrent weights and the output;
    `projected` is the size of the projected state of an LSTM, 0 without projection.
    """
    data, weights, recurrent, out = values
    gates, state = GATES[kind], projected or hidden
    mixed, previous = f"{name}/gates", f"{name}/state"
    rec.tensor(mixed, (steps * batch, gates * hidden))
    rec.add(
        layers.gemm(
            f"{name}.input", (data, weights, mixed), rows=steps * batch, outputs=gates * hidden,
            inputs=inputs,
        )
    )  # fmt: skip
    rec.add(
        layers.gemm(
            f"{name}.recurrent", (previous, recurrent, f"{name}/recurrent"), rows=batch,
            outputs=gates * hidden, inputs=state, count=steps,
        )
    )  # fmt: skip
    target = f"{name}/hidden" if projected else out
    rec.add(
        vector.cell(
            f"{name}.gates",
            f"{kind}_cell",
            (mixed, target),
            batch=batch,
            hidden=hidden,
            gates=gates,
            count=steps,
        )
    )
    if projected:
        weights = f"{recurrent}/projection"
        rec.add(
            layers.gemm(
                f"{name}.projection", (target, weights, out), rows=batch, outputs=projected,
                inputs=hidden, count=steps,
            )
        )  # fmt: skip
