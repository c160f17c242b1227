"""MobileNets."""

from __future__ import annotations

from onewatt.importers.zoo.net import Net, Value
from onewatt.spec.workload import Workload

#: Howard et al., 2017, table 1: output channels and stride of the thirteen separable blocks.
SEPARABLE = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1),
    (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def separable(net: Net, name: str, x: Value, channels: int, stride: int, act: str) -> Value:
    """Append a depthwise and a pointwise convolution."""
    groups = x.shape[1]
    x = net.conv(f"{name}.dw", x, groups, 3, stride=stride, groups=groups, norm=True, act=act)
    return net.conv(f"{name}.pw", x, channels, 1, norm=True, act=act)


def mobilenet_v1(name: str, batch: int, width: float, resolution: float) -> Workload:
    """MobileNet v1 of a width and resolution, with a classifier of 1,000 classes."""
    net, size = Net(name), int(resolution)
    x = net.input(1, 3, size, size)
    first = max(1, int(32 * width))
    x = net.conv("conv", x, first, 3, stride=2, norm=True, act="relu6")
    for i, (channels, stride) in enumerate(SEPARABLE, 1):
        x = separable(net, f"block{i}", x, max(1, int(channels * width)), stride, "relu6")
    x = net.gemm("fc", net.mean("avgpool", x), 1000)
    return net.finish(batch, net.apply("softmax", x, name="prob"))


#: Sandler et al., CVPR 2018, table 2: expansion, output channels, repetitions, stride.
_INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
             (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip


def mobilenet_v2(name: str, batch: int) -> Workload:
    """MobileNet v2 of width 1 on 224 pixels."""
    net = Net(name)
    x = net.conv("conv", net.input(1, 3, 224, 224), 32, 3, stride=2, norm=True, act="relu6")
    block = 0
    for expansion, channels, repetitions, first in _INVERTED:
        for i in range(repetitions):
            stride = first if i == 0 else 1
            head, y = f"block{block}", x
            if expansion > 1:
                wide = x.shape[1] * expansion
                y = net.conv(f"{head}.expand", x, wide, 1, norm=True, act="relu6")
            groups = y.shape[1]
            y = net.conv(
                f"{head}.dw", y, groups, 3, stride=stride, groups=groups, norm=True, act="relu6"
            )
            y = net.conv(f"{head}.project", y, channels, 1, norm=True, act="")
            x = net.apply("add", x, y, name=f"{head}.add") if x.shape == y.shape else y
            block += 1
    x = net.conv("conv_last", x, 1280, 1, norm=True, act="relu6")
    x = net.gemm("fc", net.mean("avgpool", x), 1000)
    return net.finish(batch, x)


BUILDERS = {"mobilenet_v1": mobilenet_v1, "mobilenet_v2": mobilenet_v2}
