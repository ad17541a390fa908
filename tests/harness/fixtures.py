"""Fixtures for both test folders; their conftest.py imports them."""

import shutil

import pytest

from harness import settings
from harness.cluster import Cluster

NO_BINARY = f"no binary at {settings.BINARY}: run `cargo build -p meridian` or name one with MERIDIAN_BINARY"


@pytest.fixture(scope="session")
def binary():
    assert settings.BINARY.exists(), NO_BINARY
    return settings.BINARY


def serve(cluster: Cluster):
    """Brings `cluster` up for a fixture; takes it down whatever happens, and fails on any panic in a log."""
    try:
        cluster.up()
        yield cluster
        panics = cluster.panics()
        assert not panics, "\n".join(panics)
    finally:
        keep_logs(cluster)
        cluster.end()


def keep_logs(cluster: Cluster):
    """Copies the logs to target/test-logs, where they outlive the cluster; the newest run replaces the last."""
    kept = settings.ROOT / "target" / "test-logs" / cluster.data_dir.parent.name.rstrip("0123456789")
    shutil.rmtree(kept, ignore_errors=True)
    for path in cluster.log_files():
        copy = kept / path.relative_to(cluster.data_dir)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


@pytest.fixture(scope="session")
def cluster(binary, tmp_path_factory):
    """Three Regions of three nodes, shared by all tests that leave every node as it was."""
    yield from serve(Cluster(tmp_path_factory.mktemp("cluster") / "data"))


def pytest_report_header():
    return f"meridian: {settings.BINARY}, full: {settings.FULL}, seed: {settings.SEED}"
