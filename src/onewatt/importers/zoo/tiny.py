"""The four networks of MLPerf Tiny v1, in int8 (Banbury et al., NeurIPS 2021 datasets track).

Shapes from the reference models of github.com/mlcommons/tiny (Apache-2.0); batch normalisation is
folded into the weights there.
"""

from __future__ import annotations

from onewatt.importers.zoo.mobile import SEPARABLE
from onewatt.importers.zoo.net import Net
from onewatt.spec.workload import Workload

_BITS = 8


def anomaly_detection(name: str, batch: int) -> Workload:
    """Fully connected autoencoder on 640 spectrogram features."""
    net = Net(name, _BITS)
    x = net.input(1, 640)
    for i, width in enumerate((128, 128, 128, 128, 8, 128, 128, 128, 128, 640), 1):
        x = net.gemm(f"fc{i}", x, width, act="relu" if i < 10 else "")
    return net.finish(batch, x)


def image_classification(name: str, batch: int) -> Workload:
    """ResNet-8 on 32x32 pixels."""
    net = Net(name, _BITS)
    x = net.conv("conv1", net.input(1, 3, 32, 32), 16, 3)
    for stage, width in enumerate((16, 32, 64), 1):
        stride, head = (1 if stage == 1 else 2), f"stack{stage}"
        y = net.conv(f"{head}.conv1", x, width, 3, stride=stride)
        y = net.conv(f"{head}.conv2", y, width, 3, act="")
        if stride == 2:
            x = net.conv(f"{head}.shortcut", x, width, 1, stride=2, act="")
        x = net.apply("relu", net.apply("add", x, y, name=f"{head}.add"), name=f"{head}.relu")
    x = net.gemm("fc", net.mean("avgpool", x), 10)
    return net.finish(batch, net.apply("softmax", x, name="softmax"))


def keyword_spotting(name: str, batch: int) -> Workload:
    """DS-CNN on 49x10 cepstral features."""
    net = Net(name, _BITS)
    x = net.conv("conv1", net.input(1, 1, 49, 10), 64, (10, 4), stride=2)
    for i in range(1, 5):
        x = net.conv(f"block{i}.dw", x, 64, 3, groups=64)
        x = net.conv(f"block{i}.pw", x, 64, 1)
    x = net.gemm("fc", net.mean("avgpool", x), 12)
    return net.finish(batch, net.apply("softmax", x, name="softmax"))


def visual_wake_words(name: str, batch: int) -> Workload:
    """MobileNet v1 of width 0.25 on 96x96 pixels, two classes."""
    net = Net(name, _BITS)
    x = net.conv("conv", net.input(1, 3, 96, 96), 8, 3, stride=2)
    for i, (channels, stride) in enumerate(SEPARABLE, 1):
        groups = x.shape[1]
        x = net.conv(f"block{i}.dw", x, groups, 3, stride=stride, groups=groups)
        x = net.conv(f"block{i}.pw", x, channels // 4, 1)
    x = net.gemm("fc", net.mean("avgpool", x), 2)
    return net.finish(batch, net.apply("softmax", x, name="softmax"))


BUILDERS = {
    "mlperf_ad": anomaly_detection,
    "mlperf_ic": image_classification,
    "mlperf_kws": keyword_spotting,
    "mlperf_vww": visual_wake_words,
}
