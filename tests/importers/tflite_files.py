"""Writes small TensorFlow Lite files with the flatbuffers builder, for the tests."""

import flatbuffers
import numpy as np
import tflite

T = tflite.TensorType
OP = tflite.BuiltinOperator
OPTIONS = tflite.BuiltinOptions


def _vector(builder, start, items, prepend):
    start(builder, len(items))
    for item in reversed(items):
        prepend(item)
    return builder.EndVector()


def _offsets(builder, start, items):
    return _vector(builder, start, items, builder.PrependUOffsetTRelative)


def _ints(builder, start, items):
    return _vector(builder, start, items, builder.PrependInt32)


def _settings(builder, kind, values):
    getattr(tflite, f"{kind}Start")(builder)
    for name, value in values.items():
        getattr(tflite, f"{kind}Add{name}")(builder, value)
    return getattr(tflite, f"{kind}End")(builder)


def write(tensors, operators, inputs, outputs):  # noqa: PLR0915
    """Return a file.

    `tensors`: name -> (shape, type, data or None); `operators`: (builtin code or custom name,
    input names, output names, options class, option values).
    """
    b = flatbuffers.Builder(1024)
    names = list(tensors)
    buffers = [b""]
    made = []
    for name, (shape, kind, data) in tensors.items():
        if data is not None:
            buffers.append(np.asarray(data).tobytes())
        text = b.CreateString(name)
        dims = _ints(b, tflite.TensorStartShapeVector, shape)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, dims)
        tflite.TensorAddType(b, kind)
        tflite.TensorAddBuffer(b, len(buffers) - 1 if data is not None else 0)
        tflite.TensorAddName(b, text)
        made.append(tflite.TensorEnd(b))
    codes, steps = [], []
    kinds = list(dict.fromkeys(o[0] for o in operators))
    for kind in kinds:
        custom = b.CreateString(kind) if isinstance(kind, str) else None
        number = OP.CUSTOM if custom else kind
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(b, number)
        if custom:
            tflite.OperatorCodeAddCustomCode(b, custom)
        codes.append(tflite.OperatorCodeEnd(b))
    for kind, reads, writes, options, values in operators:
        table = _settings(b, options, values) if options else None
        read = _ints(
            b, tflite.OperatorStartInputsVector, [names.index(r) if r else -1 for r in reads]
        )
        wrote = _ints(b, tflite.OperatorStartOutputsVector, [names.index(w) for w in writes])
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, kinds.index(kind))
        tflite.OperatorAddInputs(b, read)
        tflite.OperatorAddOutputs(b, wrote)
        if options:
            tflite.OperatorAddBuiltinOptionsType(b, getattr(OPTIONS, options))
            tflite.OperatorAddBuiltinOptions(b, table)
        steps.append(tflite.OperatorEnd(b))
    tensor_list = _offsets(b, tflite.SubGraphStartTensorsVector, made)
    ins = _ints(b, tflite.SubGraphStartInputsVector, [names.index(n) for n in inputs])
    outs = _ints(b, tflite.SubGraphStartOutputsVector, [names.index(n) for n in outputs])
    step_list = _offsets(b, tflite.SubGraphStartOperatorsVector, steps)
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensor_list)
    tflite.SubGraphAddInputs(b, ins)
    tflite.SubGraphAddOutputs(b, outs)
    tflite.SubGraphAddOperators(b, step_list)
    graph = tflite.SubGraphEnd(b)
    stored = []
    for data in buffers:
        content = b.CreateByteVector(data) if data else None
        tflite.BufferStart(b)
        if content is not None:
            tflite.BufferAddData(b, content)
        stored.append(tflite.BufferEnd(b))
    code_list = _offsets(b, tflite.ModelStartOperatorCodesVector, codes)
    graph_list = _offsets(b, tflite.ModelStartSubgraphsVector, [graph])
    buffer_list = _offsets(b, tflite.ModelStartBuffersVector, stored)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, code_list)
    tflite.ModelAddSubgraphs(b, graph_list)
    tflite.ModelAddBuffers(b, buffer_list)
    b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
    return bytes(b.Output())


def int8(*shape):
    """Return an activation and its type."""
    return shape, T.INT8, None


def weights(*shape, kind=np.int8):
    """Return a constant of zeros."""
    return shape, {np.int8: T.INT8, np.float32: T.FLOAT32}[kind], np.zeros(shape, kind)


def small_network():
    """Return pad, convolution with ReLU6, depthwise, addition, mean, dense, softmax."""
    step = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    return write(
        {
            "x": int8(1, 8, 8, 3),
            "pads": ((4, 2), T.INT32, np.zeros((4, 2), np.int32)),
            "xp": int8(1, 9, 9, 3),
            "w": weights(4, 3, 3, 3),
            "b": ((4,), T.INT32, np.zeros(4, np.int32)),
            "y": int8(1, 4, 4, 4),
            "dw": weights(1, 3, 3, 8),
            "d": int8(1, 4, 4, 8),
            "a": int8(1, 4, 4, 8),
            "axes": ((2,), T.INT32, np.array([1, 2], np.int32)),
            "m": int8(1, 8),
            "fw": weights(5, 8),
            "f": int8(1, 5),
            "s": int8(1, 5),
        },
        [
            (OP.PAD, ["x", "pads"], ["xp"], None, {}),
            (
                OP.CONV_2D,
                ["xp", "w", "b"],
                ["y"],
                "Conv2DOptions",
                {**step, "StrideH": 2, "StrideW": 2, "Padding": 1, "FusedActivationFunction": 3},
            ),
            (
                OP.DEPTHWISE_CONV_2D,
                ["y", "dw", ""],
                ["d"],
                "DepthwiseConv2DOptions",
                {**step, "DepthMultiplier": 2},
            ),
            (OP.ADD, ["d", "d"], ["a"], "AddOptions", {"FusedActivationFunction": 1}),
            (OP.MEAN, ["a", "axes"], ["m"], "ReducerOptions", {"KeepDims": False}),
            (OP.FULLY_CONNECTED, ["m", "fw", ""], ["f"], "FullyConnectedOptions", {}),
            (OP.SOFTMAX, ["f"], ["s"], "SoftmaxOptions", {"Beta": 1.0}),
        ],
        ["x"],
        ["s"],
    )
