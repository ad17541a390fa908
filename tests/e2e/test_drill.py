"""`meridian drill region-loss` ends with a report, a verdict and an exit code that agree."""

import json
import pathlib

from harness.cluster import meridian


def test_region_loss_loses_nothing(binary, tmp_path):
    store = tmp_path / "store"
    result = meridian("drill", "region-loss", "--json", "--store", store, timeout_s=900, check=False)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-3000:]
    report = json.loads((store / "region-loss" / "latest" / "report.json").read_text())
    assert json.loads(result.stdout) == report

    assert report["passed"] is True
    assert report["checks"] and all(check["held"] for check in report["checks"])
    assert len(report["cluster"]["regions"]) == 3 and report["cluster"]["nodes_per_region"] == 3
    assert report["lost"] != report["promoted"]
    assert report["rpo"]["acknowledged"] > 0
    assert report["rpo"]["missing_during_loss"] == [] and report["rpo"]["missing_after_return"] == []
    for figure in ("detection_ms", "crypto_rto_ms", "control_rto_ms", "catch_up_ms"):
        assert report["figures"][figure] is not None, figure
    print({name: value for name, value in report["figures"].items() if isinstance(value, int)})
    assert processes_under(tmp_path) == []


def processes_under(folder: pathlib.Path) -> list[str]:
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found
