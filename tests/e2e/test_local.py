"""`meridian local` itself: what it starts, keeps, refuses and leaves behind."""

import socket

import pytest
from harness import settings
from harness.clients import gateway, multi_region_key
from harness.cluster import Cluster, meridian


@pytest.fixture
def small(binary, tmp_path):
    """One Region of one node: enough for questions about the command."""
    cluster = Cluster(tmp_path / "data", settings.REGIONS[:1], nodes=1)
    yield cluster
    cluster.end()


def test_data_survives_down_and_up(small):
    small.up()
    key = gateway(small, settings.REGIONS[0]).create_key()["KeyMetadata"]["KeyId"]
    sealed = gateway(small, settings.REGIONS[0]).encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    small.down()
    assert small.processes() == []
    small.up()
    assert gateway(small, settings.REGIONS[0]).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"


def test_a_second_up_is_refused_and_harmless(small):
    small.up()
    again = small.local("up", "--detach", check=False)
    assert again.returncode != 0 and "already running" in again.stderr
    assert gateway(small, settings.REGIONS[0]).list_keys()["Keys"] == []


def test_a_taken_port_is_named(small):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = small.local(
            "up", "--regions", settings.REGIONS[0], "--nodes", 1, "--gateway-port", port, "--detach", check=False
        )
    assert result.returncode != 0
    assert str(port) in result.stderr and "taken" in result.stderr
    assert small.processes() == []


def test_down_of_nothing_and_status_of_nothing_say_so(small):
    for verb in ("status", "env"):
        result = small.local(verb, check=False)
        assert result.returncode != 0 and "meridian local up" in result.stderr


def test_an_unknown_target_is_refused_with_what_there_is(small):
    small.up()
    result = small.local("kill", "mars-north-1/7", check=False)
    assert result.returncode != 0
    assert settings.REGIONS[0] in result.stderr


def test_wipe_leaves_nothing(small):
    small.up()
    small.down(wipe=True)
    assert not small.data_dir.exists() or not any(small.data_dir.iterdir())
    assert small.processes() == []


def test_two_regions_and_a_witness_share_a_key(binary, tmp_path):
    cluster = Cluster(tmp_path / "data", settings.REGIONS[:2], nodes=1, witness=True)
    try:
        cluster.up()
        roles = sorted(region["role"] for region in cluster.status()["regions"])
        assert roles == ["data", "data", "witness"]
        key = multi_region_key(cluster, *settings.REGIONS[:2])
        sealed = gateway(cluster, settings.REGIONS[0]).encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        assert gateway(cluster, settings.REGIONS[1]).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    finally:
        cluster.end()


def test_status_of_the_shared_cluster_is_complete(cluster):
    status = cluster.status()
    assert [region["name"] for region in status["regions"]] == list(settings.REGIONS)
    for region in status["regions"]:
        assert [node["id"] for node in region["nodes"]] == [1, 2, 3]
        assert all(node["ready"] and node["pid"] for node in region["nodes"])


def test_version_and_help_answer(binary):
    assert "meridian local up" in meridian("--help").stdout
    assert "meridian" in meridian("--version").stdout
    result = meridian("local", "explode", check=False)
    assert result.returncode == 2 and "explode" in result.stderr
