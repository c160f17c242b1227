"""The public tables of an exam and of flexibility: plain data in a fixed order."""

from __future__ import annotations

from typing import Any

from onewatt.diagnose.eyexam import Exam, LayerExam
from onewatt.diagnose.flexibility import Flexibility
from onewatt.diagnose.roofline import Roof, roofline
from onewatt.report.tables import number

#: The names and versions of the tables.
SCHEMA, FLEXIBILITY_SCHEMA = "onewatt/eyexam/1", "onewatt/flexibility/1"

Json = dict[str, Any]


def exam_json(exam: Exam) -> Json:
    """Return an exam as plain data, ready for `json.dumps`.

    Parameters
    ----------
    exam : Exam
        Of a network on a chip.

    Returns
    -------
    dict
        Bounds in MACs per cycle, `lost` in cycles of all runs; `causes` add up to `cycles`.
    """
    roofs = roofline(exam)
    return {
        "schema": SCHEMA,
        "workload": exam.workload,
        "chip": exam.chip,
        "objective": exam.objective,
        "cycles": number(exam.cycles),
        "causes": [
            {"name": c.name, "cycles": number(c.cycles), "share": c.share} for c in exam.causes
        ],
        "layers": [_layer(x, r) for x, r in zip(exam.layers, roofs, strict=True)],
        "left": list(exam.left),
    }


def _layer(layer: LayerExam, roof: Roof) -> Json:
    return {
        "name": layer.name, "op": layer.op, "count": layer.count, "macs": layer.macs,
        "cycles": number(layer.cycles), "peak": layer.peak, "active": layer.active,
        "spatial": layer.spatial, "temporal": layer.temporal, "chosen": number(layer.chosen),
        "bottleneck": layer.bottleneck, "measured": layer.measured,
        "steps": [
            {"name": s.name, "bound": s.bound, "cycles": number(s.cycles), "loss": s.loss,
             "lost": number(s.lost), "cause": s.cause, "knob": s.knob or None}
            for s in layer.steps
        ],
        "deliveries": [
            {"component": d.component, "tensor": d.tensor, "port": d.port,
             "words": number(d.words), "words_per_cycle": number(d.rate),
             "instances": d.instances, "cycles": number(d.cycles)}
            for d in layer.deliveries
        ],
        "slopes": [
            {"component": s.component, "port": s.port, "tensors": list(s.tensors),
             "words_per_cycle": number(s.rate), "macs_per_word": s.intensity, "bound": s.bound}
            for s in roof.slopes
        ],
    }  # fmt: skip


def flexibility_json(rows: tuple[Flexibility, ...]) -> Json:
    """Return flexibility as plain data; shares are of 1."""
    return {
        "schema": FLEXIBILITY_SCHEMA,
        "rows": [
            {"chip": r.chip, "network": r.network, "stress": r.stress, "worst": r.worst,
             "worst_layer": r.worst_layer, "limit": r.limit, "mean": r.mean,
             "array_mean": r.array_mean, "whole": r.whole,
             "layers": [
                 {"name": x.layer, "count": x.count, "array": x.array, "kept": x.kept,
                  "limit": x.limit}
                 for x in r.layers
             ]}
            for r in rows
        ],
    }  # fmt: skip
