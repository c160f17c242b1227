"""PyTorch programs: closed forms from the definition of each layer."""

import copy
import warnings

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from onewatt.errors import ImportFailure, InputError  # noqa: E402
from onewatt.importers.load import load_workload  # noqa: E402
from onewatt.importers.pytorch import load_module  # noqa: E402

torch.set_num_threads(1)


def by_name(workload):
    return {e.name: e for e in workload.einsums}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.down = nn.Conv2d(16, 32, 1, stride=2)

    def forward(self, x):
        return torch.relu(self.conv2(torch.relu(self.bn1(self.conv1(x)))) + self.down(x))


def test_names_fusion_and_shapes():
    net = nn.Sequential()
    net.layer1 = nn.Sequential(Block())
    workload = load_module(net, [(2, 16, 12, 12)])
    found = by_name(workload)
    assert found["layer1.0.conv1"].macs == 2 * 36 * 32 * 16 * 9
    assert found["layer1.0.conv2"].macs == 2 * 36 * 32 * 9
    assert found["layer1.0.conv2"].op == "depthwise"
    assert found["layer1.0.down"].macs == 2 * 36 * 32 * 16
    assert found["layer1.0.bn1"].fused
    relus = [e for e in workload.einsums if e.op == "relu"]
    assert [e.fused for e in relus] == [True, True]  # the second on the path of an addition
    assert not found["layer1.0.add"].fused
    assert found["layer1.0.conv1"].inputs[1].value == "layer1.0.conv1.weight"
    assert found["layer1.0.conv1"].inputs[0].value == found["layer1.0.down"].inputs[0].value


def test_the_module_is_not_changed():
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.LSTM(4, 4)).train()
    before = copy.deepcopy(net.state_dict())
    ids = [id(p) for p in net.parameters()]
    keys = set(net[2].__dict__)
    workload = load_module(net, [(3, 1, 4)])
    assert net.training
    assert net[1].training
    assert [id(p) for p in net.parameters()] == ids
    assert set(net[2].__dict__) == keys
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert workload.macs == 3 * 16 + 3 * 16 * (4 + 4)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers(kind, gates, device):
    net = kind(10, 20, num_layers=2, bidirectional=True, batch_first=True, device=device)
    workload = load_module(net, [(3, 7, 10)])
    layer = 2 * 3 * 7 * gates * 20
    assert workload.macs == layer * (10 + 20) + layer * (40 + 20)
    assert not workload.unpriced


def test_projected_lstm_and_cells():
    net = nn.LSTM(10, 20, proj_size=5)
    assert load_module(net, [(7, 3, 10)]).macs == 7 * 3 * (80 * (10 + 5) + 20 * 5)
    assert load_module(nn.LSTMCell(10, 20), [(3, 10)]).macs == 3 * 80 * 30
    assert load_module(nn.GRUCell(10, 20), [(3, 10)]).macs == 3 * 60 * 30


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_convolutions_of_every_dimension(dims):
    conv = getattr(nn, f"Conv{dims}d")(6, 9, 3, stride=2, dilation=2, groups=3)
    up = getattr(nn, f"ConvTranspose{dims}d")(6, 9, 3, stride=2, groups=3)
    size = (11,) * dims
    assert load_module(conv, [(2, 6, *size)]).macs == 2 * 4**dims * 9 * 2 * 3**dims
    assert load_module(up, [(2, 6, *size)]).macs == 2 * 11**dims * 6 * 3 * 3**dims
    assert load_module(up, [(6, *size)]).macs == 11**dims * 6 * 3 * 3**dims


def test_padding_by_name():
    conv = nn.Conv2d(3, 4, 3, padding="same")
    (layer,) = load_module(conv, [(1, 3, 8, 9)]).einsums
    assert layer.sizes == {"N": 1, "G": 1, "M": 4, "C": 3, "P": 8, "Q": 9, "R": 3, "S": 3}


def test_attention_module():
    net = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    workload = load_module(net, [(2, 9, 32)])
    assert workload.macs == 2 * 9 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * 2 * 9 * 9 * 32
    assert not workload.unpriced


class Grouped(nn.Module):
    """Eight query heads on two heads of keys and values, in the three usual spellings."""

    def __init__(self, spelling):
        super().__init__()
        self.spelling = spelling

    def forward(self, q, k, v):
        attend = nn.functional.scaled_dot_product_attention
        if self.spelling == "flag":
            return attend(q, k, v, enable_gqa=True)
        b, h, t, d = k.shape
        k, v = (x[:, :, None].expand(b, h, 4, t, d).reshape(b, 4 * h, t, d) for x in (k, v))
        if self.spelling == "expand":
            return attend(q, k, v)
        return torch.softmax(q @ k.transpose(2, 3), -1) @ v


@pytest.mark.parametrize("spelling", ["flag", "expand", "matmul"])
def test_shared_heads_are_rows(spelling):
    workload = load_module(Grouped(spelling), [(3, 8, 5, 16), (3, 2, 7, 16), (3, 2, 7, 16)])
    scores, context = (e for e in workload.einsums if e.work == "mac")
    assert scores.sizes == {"G": 6, "P": 20, "M": 7, "C": 16}
    assert context.sizes == {"G": 6, "P": 20, "M": 16, "C": 7}
    assert scores.words(scores.inputs[1]) == 3 * 2 * 7 * 16  # keys are read once a group
    assert scores.inputs[1].value == "k"
    assert context.inputs[1].value == "v"


class Products(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(5, 6))
        self.bilinear = nn.Bilinear(5, 5, 3)

    def forward(self, x):
        y = torch.einsum("btc,cm->btm", x, self.w)
        z = torch.bmm(y, y.transpose(1, 2))
        b = torch.baddbmm(z, y, y.transpose(1, 2))
        a = torch.addmm(x[0, 0, :1], x[0], self.w)
        return b, a, self.bilinear(x, x)


def test_products():
    workload = load_module(Products(), [(2, 7, 5)])
    assert [e.macs for e in workload.einsums if e.work == "mac"] == [
        2 * 7 * 5 * 6,
        2 * 7 * 7 * 6,
        2 * 7 * 7 * 6,
        7 * 5 * 6,
        14 * 5 * 5 * 3,
        14 * 5 * 3,
    ]


def test_grouped_experts():
    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(4, 16, 32, dtype=torch.bfloat16))

        def forward(self, x, offsets):
            return torch._grouped_mm(x, self.w, offs=offsets)

    inputs = (torch.zeros(24, 16, dtype=torch.bfloat16), torch.zeros(4, dtype=torch.int32))
    (layer,) = load_module(Experts(), inputs).einsums
    assert layer.macs == 24 * 16 * 32
    assert layer.sizes == {"G": 4, "P": 6, "M": 32, "C": 16}


def test_vector_work():
    net = nn.Sequential(
        nn.MaxPool2d(3, 2),
        nn.GELU(),
        nn.GroupNorm(2, 4),
        nn.Upsample(scale_factor=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Softmax(-1),
    )
    workload = load_module(net, [(2, 4, 9, 9)])
    assert [(e.op, e.points) for e in workload.einsums] == [
        ("maxpool", 2 * 4 * 16 * 9),
        ("gelu", 2 * 4 * 16),
        ("group_norm", 2 * 4 * 16),
        ("nearest", 2 * 4 * 64),
        ("avgpool", 2 * 4 * 64),
        ("softmax", 8),
    ]
    assert workload.macs == 0


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(100, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 100)

    def forward(self, ids):
        return self.head(self.norm(self.table(ids)))


def test_embedding_moves_its_rows():
    workload = load_module(Embedded(), torch.zeros(2, 6, dtype=torch.long))
    table, norm, head = workload.einsums
    assert (table.op, table.operations) == ("embedding", 0)
    assert table.words(table.inputs[0]) == 2 * 6 * 8
    assert norm.words(norm.inputs[1]) == 8
    assert head.macs == 12 * 800


def test_buffers_that_are_written_are_no_constants():
    class Scan(nn.Module):
        def forward(self, x, w):
            out = torch.zeros(4, 3)
            for i in range(4):
                out[i] = x[i] * 2
            return out @ w

    workload = load_module(Scan(), [(4, 3), (3, 5)])
    assert workload.macs == 4 * 3 * 5
    assert not workload.unpriced


def test_unknown_operators_are_named_never_zero():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.linalg.inv(x) @ x, torch.fft.fft(x).abs()

    workload = load_module(Odd(), [(4, 4)])
    assert workload.macs == 64
    assert {u.op for u in workload.unpriced} >= {"aten._fft_r2c"} or {
        u.op for u in workload.unpriced
    } >= {"aten.fft_fft"}
    assert any("inv" in u.op for u in workload.unpriced)
    assert all(u.words > 0 for u in workload.unpriced)


def test_control_flow_is_named():
    class Branch(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda v: v @ v, lambda v: v + 1, (x,))

    workload = load_module(Branch(), [(4, 4)])
    (branch,) = workload.unpriced
    assert "control flow" in branch.reason


def test_without_gradients_and_autocast_are_seen_through():
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 5)

        def forward(self, x):
            with torch.no_grad():
                y = self.fc(x)
            with torch.autocast("cpu", enabled=False):
                return self.fc(x) + y

    assert load_module(Wrapped(), [(3, 4)]).macs == 2 * 3 * 20


def test_programs_that_cannot_be_exported_are_recorded():
    class Stubborn(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.lstm = nn.LSTM(4, 6, batch_first=True)
            self.fc = nn.Linear(6, 2)

        def forward(self, x):
            if torch.compiler.is_exporting():
                raise RuntimeError("not for export")
            y, _ = self.lstm(self.conv(x).flatten(2).transpose(1, 2))
            return self.fc(y)

    workload = load_module(Stubborn(), [(2, 3, 6, 6)])
    assert workload.macs == 2 * 16 * (4 * 27 + 24 * (4 + 6) + 12)
    assert not workload.unpriced
    assert "conv" in by_name(workload)


def test_what_fits_nowhere_asks_for_onnx():
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("boom")

    with pytest.raises(ImportFailure, match=r"boom.*ONNX"):
        load_module(Broken(), [(1, 2)])


def test_exported_programs_and_batches():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    one = 36 * 4 * 27 + 1440
    exported = torch.export.export(net.eval(), (torch.zeros(2, 3, 8, 8),))
    assert load_workload(exported).macs == 2 * one
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decomposed = exported.run_decompositions()
    assert load_workload(decomposed).macs == 2 * one
    assert load_workload(net, example_inputs=[(1, 3, 8, 8)], batch=5).macs == 5 * one
    assert load_workload(net, shapes={"input": (1, 3, 8, 8)}).macs == one
    with pytest.raises(InputError, match="batch 2 for an ExportedProgram"):
        load_workload(exported, batch=2)
    with pytest.raises(InputError, match="first size 3"):
        load_workload(net, example_inputs=[(3, 3, 8, 8)], batch=5)
    with pytest.raises(InputError, match="needs example_inputs"):
        load_workload(net)
    with pytest.raises(InputError, match="type str"):
        load_workload(net, example_inputs="x")


def test_against_onnx(tmp_path):
    """A block read from Python and from the file that PyTorch writes has the same layers."""
    net, path = nn.Sequential(Block(), nn.AvgPool2d(6), nn.Flatten(), nn.Linear(32, 10)), tmp_path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = torch.zeros(1, 16, 12, 12)
        torch.onnx.export(net.eval(), (x,), path / "m.onnx", dynamo=False)
    ours, theirs = load_module(net, [(1, 16, 12, 12)]), load_workload(path / "m.onnx")
    macs = [[e.signature for e in w.einsums if e.work == "mac"] for w in (ours, theirs)]
    assert macs[0] == macs[1]


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pt2", ".bin", ".pkl", ".safetensors"])
def test_pickles_are_refused(suffix):
    with pytest.raises(ImportFailure, match="export the network to ONNX"):
        load_workload(f"model{suffix}")
