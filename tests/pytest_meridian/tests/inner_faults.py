"""Every fault that `kms_chaos` knows, each as a user's test would cause it; what is left, the fixture mends. Run by
test_plugin.py in a pytest of its own. Times are lower bounds, which a busy machine only exceeds."""

import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from pytest_meridian import ClusterError, wait_until

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"


@pytest.fixture(autouse=True)
def nothing_is_left_of_the_test_before(kms_cluster, kms_chaos):
    assert kms_chaos.faults() == []
    assert all(node["ready"] for node in kms_cluster.nodes())


@pytest.fixture
def agreement(kms_client):
    """`agreement()` is how many milliseconds a majority of three Regions takes to agree on something."""

    def milliseconds():
        home = kms_client(US)
        key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        begin = time.monotonic()
        home.replicate_key(KeyId=key, ReplicaRegion=EU)
        return 1000 * (time.monotonic() - begin)

    return milliseconds


@pytest.fixture
def costs(agreement, kms_chaos):
    """`costs(ms, fault, *lines)`: every agreement takes at least `ms` under the fault, and less without it."""

    def check(ms, fault, *lines):
        wait_until(lambda: agreement() < ms, "an agreement takes less before the fault")
        fault()
        assert sorted(kms_chaos.faults()) == sorted(lines)
        for _ in range(3):
            assert agreement() >= ms
        kms_chaos.heal()
        wait_until(lambda: agreement() < ms, "an agreement takes less after the fault")

    return check


def both(fault):
    return [f"{fault}  {US} <-> {other}" for other in (EU, AP)]


def test_delay(costs, kms_chaos):
    costs(240, lambda: [kms_chaos.delay(US, other, 120) for other in (EU, AP)], *both("delay 120ms"))
    costs(240, lambda: [kms_chaos.delay(US, other, 140, 20) for other in (EU, AP)], *both("delay 140ms ± 20ms"))


def test_latency(costs, kms_chaos):
    costs(240, lambda: kms_chaos.latency({(US, EU): 240, (AP, US): 240.0}), *both("delay 120ms"))


def test_rate(costs, kms_chaos):
    # To agree, two Regions say some 2 kB. Below 100 kbit/s what they say anyway fills the link.
    costs(60, lambda: [kms_chaos.rate(US, other, 200_000) for other in (EU, AP)], *both("rate 200kbit"))


def test_loss(agreement, kms_chaos):
    wait_until(lambda: agreement() < 200, "an agreement takes less than a retransmission time-out")
    for other in (EU, AP):
        kms_chaos.loss(US, other, 40.5)
    assert sorted(kms_chaos.faults()) == sorted(both("loss 40.5%"))
    wait_until(lambda: agreement() >= 200, "an agreement meets a retransmission time-out")


def unheard_ms(cluster, region, peer):
    found = next(r for r in cluster.status()["regions"] if r["name"] == region)
    return next(p for p in found["peers"] if p["region"] == peer)["last_heard_ms"]


def test_isolate(kms_cluster, kms_client, kms_chaos):
    wait_until(lambda: unheard_ms(kms_cluster, US, EU) < 2000, "they hear each other")
    kms_chaos.isolate(EU)
    wait_until(lambda: unheard_ms(kms_cluster, US, EU) > 3000, "us-east-1 misses eu-west-1")
    wait_until(lambda: unheard_ms(kms_cluster, EU, AP) > 3000, "eu-west-1 misses ap-southeast-2")
    assert kms_client(EU).list_keys()["Keys"] is not None
    kms_chaos.heal(EU, US)
    wait_until(lambda: unheard_ms(kms_cluster, US, EU) < 2000, "they hear each other again")


def test_slow_replication(kms_cluster, kms_client, kms_chaos):
    home = kms_client(US)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms_chaos.slow_replication(US, EU, 3000)
    begin = time.monotonic()
    home.replicate_key(KeyId=key, ReplicaRegion=EU)
    kms_cluster.wait_key_state(EU, key, "Creating")
    kms_cluster.wait_key_state(EU, key, "Enabled")
    assert time.monotonic() - begin >= 3


def test_full_disk(kms_cluster, kms_client, kms_chaos):
    client = kms_client(AP)
    key = client.create_key()["KeyMetadata"]["KeyId"]

    def ended():
        # A call may be answered before the node has heard that its disk is full.
        try:
            client.create_key()
        except (BotoCoreError, ClientError):
            return kms_cluster.nodes(AP)[0]["state"] == "exited"

    kms_chaos.disk_full(AP)
    assert kms_chaos.faults() == [f"disk full  {AP}/1"]
    wait_until(ended, "the node ends rather than answer")
    kms_chaos.disk_free(AP)
    client.encrypt(KeyId=key, Plaintext=b"room")
    kms_chaos.disk_full(AP)
    wait_until(ended, "the node ends again, and is left to the fixture")


def test_skew(kms_cluster, kms_client, kms_chaos):
    def ahead_ms():
        clocks = kms_cluster.command("local", "clock", "show")["regions"]
        times = {clock["region"]: clock["time_ms"] for clock in clocks}
        return times[EU] - times[US]

    kms_chaos.skew(EU, 90)
    wait_until(lambda: ahead_ms() > 80_000, "Region time follows")
    assert kms_client(EU).list_keys()["Keys"] is not None
    kms_chaos.skew(EU, -60)
    assert kms_chaos.faults() == [f"clock -1m  {EU}/1"]


def test_refusals(kms_chaos):
    for fault, why in [
        (lambda: kms_chaos.loss(US, EU, 100), "partition"),
        (lambda: kms_chaos.rate(US, EU, 1), "8 bits"),
        (lambda: kms_chaos.latency({(US, "mars-north-1"): 1}), "no two Regions"),
        (lambda: kms_chaos.skew("us-east-1/9", 1), "us-east-1/9"),
    ]:
        with pytest.raises(ClusterError, match=why):
            fault()
