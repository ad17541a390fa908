"""Drills again and again: no run loses anything, and what recovery takes is known as a distribution."""

import json

from harness import settings
from harness.cluster import meridian

RUNS = settings.rounds("drills", 3, 100)
ROTATIONS = settings.rounds("rotations", 20, 1000)


def test_region_loss_in_a_row(binary, tmp_path):
    flags = ["--quick", "--repeat", RUNS, "--seed", settings.SEED, "--json", "--store", tmp_path / "store"]
    result = meridian("drill", "region-loss", *flags, timeout_s=120 + 60 * RUNS, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    summary = json.loads(result.stdout)
    assert summary["runs"] == summary["passed"] == RUNS and summary["failed_seeds"] == []
    assert summary["undecryptable"] == summary["missing"] == 0
    assert summary["ciphertexts"] > 0 and summary["acknowledged"] > 0
    for name in ("crypto RTO (longest gap of any client)", "control RTO (shared change acknowledged)"):
        spread = summary["figures"][name]
        assert spread["runs"] == RUNS
        print(f"{name}: p50 {spread['p50_ms']} ms, p99 {spread['p99_ms']} ms, most {spread['max_ms']} ms")


def test_rotations_under_random_partitions(binary, tmp_path):
    flags = ["--rotations", ROTATIONS, "--seed", settings.SEED, "--json", "--store", tmp_path / "store"]
    result = meridian("drill", "run", "rotation-under-fault", *flags, timeout_s=300 + 10 * ROTATIONS, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    report = json.loads(result.stdout)
    assert report["figures"]["rotations"] >= ROTATIONS and len(report["faults"]) > 0
    assert report["checkpoints"][-1]["sweep"]["failed"] == 0
    counts = report["counts"]
    print(f"{len(report['faults'])} cuts, {counts['encrypts']} ciphertexts, {counts['cross_region_decrypts']} decrypts")
