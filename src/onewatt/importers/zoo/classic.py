"""AlexNet, VGG-16, GoogLeNet and SqueezeNet."""

from __future__ import annotations

from onewatt.importers.zoo.net import Net, Value
from onewatt.spec.workload import Workload


def alexnet(name: str, batch: int) -> Workload:
    """AlexNet on 227 pixels, with its two groups in conv2, conv4 and conv5.

    Krizhevsky, Sutskever, Hinton, NIPS 2012, with the Caffe model's order of pooling; the fully
    connected layers are convolutions, as Chen et al., ISCA 2016 (Eyeriss), table II, write them.
    """
    net = Net(name)
    x = net.conv("conv1", net.input(1, 3, 227, 227), 96, 11, stride=4, pad=0)
    x = net.pool("pool1", net.apply("lrn", x, name="norm1"), 3, 2)
    x = net.conv("conv2", x, 256, 5, groups=2)
    x = net.pool("pool2", net.apply("lrn", x, name="norm2"), 3, 2)
    x = net.conv("conv3", x, 384)
    x = net.conv("conv4", x, 384, groups=2)
    x = net.pool("pool5", net.conv("conv5", x, 256, groups=2), 3, 2)
    x = net.conv("fc6", x, 4096, 6, pad=0)
    x = net.conv("fc7", x, 4096, 1)
    x = net.conv("fc8", x, 1000, 1, act="")
    return net.finish(batch, net.apply("softmax", x, name="prob"))


def vgg16(name: str, batch: int) -> Workload:
    """VGG-16, configuration D of Simonyan and Zisserman, ICLR 2015, table 1."""
    net = Net(name)
    x = net.input(1, 3, 224, 224)
    for stage, (channels, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for i in range(1, depth + 1):
            x = net.conv(f"conv{stage}_{i}", x, channels)
        x = net.pool(f"pool{stage}", x, 2, 2)
    x = net.conv("fc6", x, 4096, 7, pad=0)
    x = net.conv("fc7", x, 4096, 1)
    x = net.conv("fc8", x, 1000, 1, act="")
    return net.finish(batch, net.apply("softmax", x, name="prob"))


#: Szegedy et al., CVPR 2015, table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
_INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def _inception(net: Net, name: str, x: Value) -> Value:
    one, three_in, three, five_in, five, pooled = _INCEPTION[name]
    head = f"inception_{name}"
    a = net.conv(f"{head}.1x1", x, one, 1)
    b = net.conv(f"{head}.3x3", net.conv(f"{head}.3x3_reduce", x, three_in, 1), three, 3)
    c = net.conv(f"{head}.5x5", net.conv(f"{head}.5x5_reduce", x, five_in, 1), five, 5)
    d = net.conv(f"{head}.pool_proj", net.pool(f"{head}.pool", x, 3, 1, pad=2), pooled, 1)
    return net.concat(f"{head}.output", a, b, c, d)


def googlenet(name: str, batch: int) -> Workload:
    """GoogLeNet on 224 pixels without its auxiliary classifiers."""
    net = Net(name)
    x = net.conv("conv1", net.input(1, 3, 224, 224), 64, 7, stride=2)
    x = net.apply("lrn", net.pool("pool1", x, 3, 2, ceil=True), name="norm1")
    x = net.conv("conv2", net.conv("conv2_reduce", x, 64, 1), 192, 3)
    x = net.pool("pool2", net.apply("lrn", x, name="norm2"), 3, 2, ceil=True)
    for block in _INCEPTION:
        x = _inception(net, block, x)
        if block in ("3b", "4e"):
            x = net.pool(f"pool{block[0]}", x, 3, 2, ceil=True)
    x = net.gemm("fc", net.mean("pool5", x), 1000)
    return net.finish(batch, net.apply("softmax", x, name="prob"))


def squeezenet(name: str, batch: int) -> Workload:
    """SqueezeNet 1.1 on 224 pixels (Iandola et al., 2016, and the authors' release of 1.1)."""
    net = Net(name)
    x = net.conv("conv1", net.input(1, 3, 224, 224), 64, 3, stride=2, pad=0)
    x = net.pool("pool1", x, 3, 2, ceil=True)
    squeeze = (16, 16, 32, 32, 48, 48, 64, 64)
    for fire, width in enumerate(squeeze, 2):
        head = f"fire{fire}"
        x = net.conv(f"{head}.squeeze", x, width, 1)
        a = net.conv(f"{head}.expand1x1", x, 4 * width, 1)
        b = net.conv(f"{head}.expand3x3", x, 4 * width, 3)
        x = net.concat(f"{head}.concat", a, b)
        if fire in (3, 5):
            x = net.pool(f"pool{fire}", x, 3, 2, ceil=True)
    x = net.mean("pool10", net.conv("conv10", x, 1000, 1))
    return net.finish(batch, net.apply("softmax", x, name="prob"))


BUILDERS = {"alexnet": alexnet, "vgg16": vgg16, "googlenet": googlenet, "squeezenet": squeezenet}
