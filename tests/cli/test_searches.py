"""Verbs that search in earnest, on small networks."""

import json

from near import near
from onewatt.cli import main
from onewatt.importers import load as importer
from onewatt.report.store import load_result


def test_accelergy_tables_replace_the_energies_of_a_chip(tmp_path, capsys):
    chip = tmp_path / "chip.yaml"
    chip.write_text(
        "name: small\nclock: 1 GHz\ntechnology: {node: 32 nm}\nnodes:\n"
        "- {memory: DRAM, keeps: [Inputs, Weights, Outputs], energy: {read: 1 pJ}}\n"
        "- {compute: mac, energy: {compute: 1 pJ}}\n"
    )
    table = tmp_path / "ERT.yaml"
    rows = "\n".join(
        f"  - {{name: 'top.{name}[1..1]', actions: [{actions}]}}"
        for name, actions in (
            ("DRAM", "{name: read, energy: 7}, {name: write, energy: 7}"),
            ("mac", "{name: compute, energy: 3}"),
        )
    )
    table.write_text(f"ERT:\n  version: '0.4'\n  tables:\n{rows}\n")
    net = tmp_path / "net.yaml"
    net.write_text(
        "name: net\neinsums:\n- name: fc\n  op: gemm\n  ranks: {M: 2, C: 3}\n"
        "  inputs:\n  - {name: Inputs, projection: [C]}\n  - {name: Weights, projection: [M, C]}\n"
        "  output: {name: Outputs, projection: [M]}\n"
    )
    assert (
        main(["analyze", str(net), "--chip", str(chip), "--energy-table", str(table), "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    # 6 products; every product reads both operands, updates a sum and reads it but the first time
    assert found["totals"]["energy_J"] == near((6 * 3 + (6 + 6 + 6 + 4) * 7) * 1e-12)
    assert main(["analyze", str(net), "--chip", str(chip), "--area-table", str(table)]) == 1
    assert "--area-table needs --energy-table" in capsys.readouterr().err


def test_a_network_without_any_price_is_refused(capsys, tmp_path, monkeypatch):
    from onewatt.spec.workload import Unpriced, Workload

    bare = Workload(name="odd", einsums=(), unpriced=(Unpriced(name="x", op="Mystery"),))
    monkeypatch.setattr(importer, "load_workload", lambda source, **options: bare)
    assert main(["analyze", "odd.onnx", "--chip", "eyeriss", "--budget", "1 W"]) == 1
    assert "nothing that can be priced: 'x' (Mystery)" in capsys.readouterr().err


def test_a_cap_on_latency_is_met_told_and_refused(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(arguments)
        return code, *capsys.readouterr()

    asked = ["analyze", "mlperf_ad", "--chip", "eyeriss", "--objective", "energy"]
    code, out, err = run(*asked, "--within", "1.7 ms", "-o", "kept")
    assert code == 0, err
    assert "energy within 1.7 ms" in " ".join(out.split())
    table = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert table["within_s"] == 0.0017
    assert table["totals"]["latency_s"] <= 0.0017
    assert "energy within 1.7 ms" in (tmp_path / "kept" / "report.html").read_text()
    assert load_result(tmp_path / "kept" / "result.json").within == 0.0017
    code, _, err = run(*asked, "--within", "1 us")
    assert code == 1
    assert "the least latency is" in err
    assert "held up by" in err


def test_map_writes_a_proof_and_verify_recounts_it(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(arguments)
        return code, *capsys.readouterr()

    code, _, err = run(
        "map", "mlperf_ad::fc1", "--chip", "eyeriss", "--objective", "energy", "--tiles", "perfect",
        "--certificate", "proof.json", "--verify",
    )  # fmt: skip
    assert code == 0, err
    assert "boxes recounted by the checker" in err
    code, out, _ = run("verify", "proof.json")
    assert code == 0
    assert "proved: no mapping of 'fc1' on 'eyeriss' is better in energy" in out
    told = json.loads((tmp_path / "proof.json").read_text())
    assert f" in {told['cycles'][0]:.0f} cycles; " in " ".join(out.split())
    (tmp_path / "proof.json").write_text('{"trees": []}')
    code, _, err = run("verify", "proof.json")
    assert code == 1
    assert "is not a certificate" in err


def test_the_files_of_a_result_are_the_same_bytes_wherever_and_by_however_many_workers(tmp_path):
    asked = ["analyze", "mlperf_ad", "--chip", "eyeriss", "--tiles", "perfect"]
    assert main([*asked, "--fresh", "-q", "-o", str(tmp_path / "a")]) == 0
    assert main([*asked, "--jobs=2", "--quiet", "--fresh", f"--output={tmp_path / 'b'}"]) == 0
    assert main([*asked, "-j1", "-q", f"-o{tmp_path / 'c'}"]) == 0
    for name in ("result.json", "layers.csv", "report.html"):
        made = [(tmp_path / folder / name).read_bytes() for folder in "abc"]
        assert made[0] == made[1] == made[2]
    made = json.loads((tmp_path / "a" / "result.json").read_text())["command"]
    assert made == "onewatt analyze mlperf_ad --chip eyeriss --tiles perfect"
