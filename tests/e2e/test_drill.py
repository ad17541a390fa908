"""`meridian drill region-loss` ends with a report, a verdict and an exit code that agree."""

import json

from harness.cluster import meridian


def test_region_loss_loses_nothing(binary, tmp_path):
    store = tmp_path / "store"
    result = meridian("drill", "region-loss", "--json", "--store", store, timeout_s=900, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    written = json.loads((store / "region-loss" / "latest" / "report.json").read_text())
    assert json.loads(result.stdout) == written
