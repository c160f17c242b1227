"""Residual networks."""

from __future__ import annotations

from onewatt.importers.zoo.net import Net, Value
from onewatt.spec.workload import Workload


def _basic(net: Net, name: str, x: Value, width: int, stride: int) -> Value:
    y = net.conv(f"{name}.conv1", x, width, 3, stride=stride, norm=True)
    y = net.conv(f"{name}.conv2", y, width, 3, norm=True, act="")
    return _join(net, name, x, y, stride)


def _bottleneck(net: Net, name: str, x: Value, width: int, stride: int) -> Value:
    y = net.conv(f"{name}.conv1", x, width, 1, norm=True)
    y = net.conv(f"{name}.conv2", y, width, 3, stride=stride, norm=True)
    y = net.conv(f"{name}.conv3", y, 4 * width, 1, norm=True, act="")
    return _join(net, name, x, y, stride)


def _join(net: Net, name: str, x: Value, y: Value, stride: int) -> Value:
    if x.shape != y.shape:
        channels = y.shape[1]
        x = net.conv(f"{name}.downsample", x, channels, 1, stride=stride, norm=True, act="")
    return net.apply("relu", net.apply("add", x, y, name=f"{name}.add"), name=f"{name}.relu")


def _resnet(name: str, batch: int, block: object, depths: tuple[int, ...]) -> Workload:
    net = Net(name)
    x = net.conv("conv1", net.input(1, 3, 224, 224), 64, 7, stride=2, norm=True)
    x = net.pool("maxpool", x, 3, 2, pad=2)
    build = _basic if block == "basic" else _bottleneck
    for stage, depth in enumerate(depths):
        for i in range(depth):
            stride = 2 if stage and not i else 1
            x = build(net, f"layer{stage + 1}.{i}", x, 64 << stage, stride)
    return net.finish(batch, net.gemm("fc", net.mean("avgpool", x), 1000))


def resnet18(name: str, batch: int) -> Workload:
    """ResNet-18 on 224 pixels (He et al., CVPR 2016, table 1)."""
    return _resnet(name, batch, "basic", (2, 2, 2, 2))


def resnet50(name: str, batch: int) -> Workload:
    """ResNet-50 version 1.5 on 224 pixels: the stride is in the 3x3 convolution, not in the 1x1.

    He et al., CVPR 2016, table 1; the place of the stride as in torchvision and MLPerf.
    """
    return _resnet(name, batch, "bottleneck", (3, 4, 6, 3))


BUILDERS = {"resnet18": resnet18, "resnet50": resnet50}
