"""Killing any one node, then the leader, of each Region loses no call after the SDK's own retries."""

import time

import pytest
from harness import settings
from harness.clients import gateway
from harness.load import Load

WORKERS = 4
SETTLE_S = 2.0


@pytest.fixture(scope="module", params=settings.REGIONS)
def region(request):
    return request.param


@pytest.fixture(scope="module")
def key(cluster, region):
    return gateway(cluster, region).create_key()["KeyMetadata"]["KeyId"]


def mixed(cluster, region, key):
    """Reads and writes, each checked."""
    clients = [gateway(cluster, region) for _ in range(WORKERS)]

    def work(worker, number):
        kms = clients[worker]
        text = f"{worker}-{number}".encode()
        sealed = kms.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == text
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": f"w{worker}", "TagValue": str(number)}])
        tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]}
        assert tags[f"w{worker}"] == str(number)
        kms.create_key()

    return work


@pytest.mark.parametrize("victim", ["1", "2", "3", "leader"])
def test_no_call_is_lost(cluster, region, key, victim):
    with Load(mixed(cluster, region, key), WORKERS) as load:
        time.sleep(1)
        before = {node["id"]: node["pid"] for node in cluster.nodes(region)}
        cluster.kill(f"{region}/{victim}")
        time.sleep(SETTLE_S)
        dead = [node["id"] for node in cluster.nodes(region) if not node["pid"]]
        assert len(dead) == 1 and dead[0] in before
        cluster.start(f"{region}/{dead[0]}")
        cluster.wait_ready(region)
        time.sleep(1)
    print(f"{region} without {victim}: {load.calls} rounds of 5 calls")
    assert load.calls > 0
    assert not load.failures, f"{len(load.failures)} lost:\n" + "\n".join(load.failures[:5])
