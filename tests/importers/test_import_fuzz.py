"""Damaged files: success or one of our errors, never anything else."""

from pathlib import Path

import onnx
import tflite_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onewatt.errors import OnewattError
from onewatt.importers.onnx import load_onnx
from onewatt.importers.tflite import from_bytes
from onewatt.spec.workload import Workload

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
BOUNDED = settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ONNX = (LIGHT / "light_bvlc_alexnet.onnx").read_bytes()
TFLITE = tflite_files.small_network()
EDITS = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=6)


def damaged(content, cut, edits):
    content = bytearray(content[: int(len(content) * cut)])
    for place, value in edits:
        if content:
            content[place % len(content)] = value
    return bytes(content)


def accepted(load):
    try:
        workload = load()
    except OnewattError:
        return
    assert isinstance(workload, Workload)
    assert workload.macs >= 0


@BOUNDED
@given(cut=st.one_of(st.just(1.0), st.floats(0, 1)), edits=EDITS)
def test_onnx(tmp_path, cut, edits):
    path = tmp_path / "m.onnx"
    path.write_bytes(damaged(ONNX, cut, edits))
    accepted(lambda: load_onnx(path))


@BOUNDED
@given(cut=st.one_of(st.just(1.0), st.floats(0, 1)), edits=EDITS)
def test_tflite(cut, edits):
    content = damaged(TFLITE, cut, edits)
    accepted(lambda: from_bytes(content, name="m", source="m.tflite"))
