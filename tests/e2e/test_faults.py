"""Faults by name: what a partition, a delay, a full disk and a wrong clock do to a cluster, and that nothing is left of them."""

import json
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from harness import settings
from harness.clients import NONE, gateway, kms, multi_region_key, node, rotate, wait_state
from harness.cluster import Cluster, wait_until
from harness.fixtures import serve

US, EU, AP = settings.REGIONS


@pytest.fixture(scope="module")
def faulty(binary, tmp_path_factory):
    """Three Regions of three nodes, whose nodes are hurt here."""
    yield from serve(Cluster(tmp_path_factory.mktemp("faults") / "data"))


@pytest.fixture(autouse=True)
def healed(request):
    """Leaves nothing in force, and every node well."""
    yield
    if "faulty" in request.fixturenames:
        cluster = request.getfixturevalue("faulty")
        cluster.local("heal")
        assert faults(cluster) == {"links": [], "nodes": []}
        cluster.wait_ready()


def faults(cluster: Cluster) -> dict:
    return json.loads(cluster.local("faults", "--json").stdout)


def peer(cluster: Cluster, region: str, other: str) -> dict:
    return next(peer for peer in cluster.region(region)["peers"] if peer["region"] == other)


def material(cluster: Cluster, region: str, key: str) -> str:
    return gateway(cluster, region).describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


def applied(cluster: Cluster, region: str) -> list:
    return [n["raft"] and n["raft"]["applied"] for n in cluster.nodes(region)]


def test_a_cut_off_region_goes_on_and_catches_up(faulty):
    key = multi_region_key(faulty, US, EU, AP)
    cut_off, home = gateway(faulty, EU), gateway(faulty, US)
    before = home.encrypt(KeyId=key, Plaintext=b"before")["CiphertextBlob"]
    old = material(faulty, US, key)
    faulty.local("isolate", EU)
    # What needs no other Region goes on, in both parts.
    assert cut_off.decrypt(CiphertextBlob=before)["Plaintext"] == b"before"
    during = cut_off.encrypt(KeyId=key, Plaintext=b"during")["CiphertextBlob"]
    assert home.decrypt(CiphertextBlob=during)["Plaintext"] == b"during"
    cut_off.tag_resource(KeyId=key, Tags=[{"TagKey": "part", "TagValue": "cut off"}])
    # A rotation waits for every member: nobody seals with what one of them lacks.
    home.rotate_key_on_demand(KeyId=key)
    time.sleep(2)
    assert {material(faulty, region, key) for region in settings.REGIONS} == {old}
    wait_until(lambda: peer(faulty, US, EU)["last_heard_ms"] > 2000, "us-east-1 misses eu-west-1")
    faulty.local("heal")
    wait_until(lambda: {material(faulty, region, key) for region in settings.REGIONS} != {old}, "the rotation goes on")
    wait_until(lambda: len({material(faulty, region, key) for region in settings.REGIONS}) == 1, "all Regions agree")
    after = home.encrypt(KeyId=key, Plaintext=b"after")["CiphertextBlob"]
    for region in settings.REGIONS:
        for sealed, text in ((before, b"before"), (during, b"during"), (after, b"after")):
            assert gateway(faulty, region).decrypt(CiphertextBlob=sealed)["Plaintext"] == text


def test_a_cut_off_primary_can_change_nothing_that_is_shared(faulty):
    key = multi_region_key(faulty, US, EU, AP)
    old = material(faulty, US, key)
    faulty.local("isolate", US)
    alone = kms(faulty.gateway(), US, retries=NONE)
    with pytest.raises((ClientError, BotoCoreError)):
        alone.rotate_key_on_demand(KeyId=key)
    assert alone.encrypt(KeyId=key, Plaintext=b"alone")["KeyId"].endswith(key)
    assert {material(faulty, region, key) for region in settings.REGIONS} == {old}
    faulty.local("heal")
    # The change was refused as unknown: it may have happened by now, and then in every Region or in none.
    wait_until(lambda: len({material(faulty, region, key) for region in settings.REGIONS}) == 1, "all Regions agree")
    rotate(faulty, US, key, settings.REGIONS)


def test_one_way_is_not_heard_one_way(faulty):
    wait_until(lambda: peer(faulty, US, EU)["last_heard_ms"] < 1500, "they hear each other")
    faulty.local("partition", US, EU, "--one-way")
    (fault,) = faults(faulty)["links"]
    assert (fault["fault"], fault["from"], fault["to"], fault["way"]) == ("partition", US, EU, "one-way")
    wait_until(lambda: peer(faulty, EU, US)["last_heard_ms"] > 3000, "eu-west-1 misses us-east-1")
    assert peer(faulty, AP, US)["last_heard_ms"] < 3000
    faulty.local("heal", US, EU)
    wait_until(lambda: peer(faulty, EU, US)["last_heard_ms"] < 1500, "eu-west-1 hears us-east-1 again")


def test_a_leader_that_is_cut_off_is_replaced_and_not_served_from(faulty):
    old = faulty.region(US)["leader"]
    key = gateway(faulty, US).create_key()["KeyMetadata"]["KeyId"]
    faulty.local("isolate", f"{US}/leader")
    others = [n["id"] for n in faulty.nodes(US) if n["id"] != old]

    def replaced():
        led_by = {n["id"]: n["raft"]["leader"] for n in faulty.nodes(US) if n["raft"]}
        return {led_by.get(n) for n in others} < set(others) and led_by[others[0]]

    assert wait_until(replaced, "the others elect a leader") != old
    wait_until(lambda: not next(n["ready"] for n in faulty.nodes(US) if n["id"] == old), "it knows that it is cut off")
    sealed = gateway(faulty, US).encrypt(KeyId=key, Plaintext=b"go on")["CiphertextBlob"]
    with pytest.raises((ClientError, BotoCoreError)):
        node(faulty, US, old).decrypt(CiphertextBlob=sealed)
    faulty.local("heal")
    wait_until(lambda: len(set(applied(faulty, US))) == 1, "all nodes are level")
    assert node(faulty, US, old).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"go on"


def test_a_follower_that_its_leader_cannot_reach_disturbs_nobody(faulty):
    region = faulty.region(EU)
    follower = next(n["id"] for n in region["nodes"] if n["id"] != region["leader"])
    faulty.local("partition", f"{EU}/{follower}", f"{EU}/leader")
    key = gateway(faulty, EU).create_key()["KeyMetadata"]["KeyId"]
    time.sleep(1.5)
    now = faulty.region(EU)
    assert (now["leader"], now["term"]) == (region["leader"], region["term"])

    def is_ready():
        return next(n["ready"] for n in faulty.nodes(EU) if n["id"] == follower)

    wait_until(lambda: not is_ready(), "it says that it hears no leader")
    faulty.local("heal")
    wait_until(lambda: len(set(applied(faulty, EU))) == 1, "the follower has caught up")
    wait_until(is_ready, "it serves again")
    assert node(faulty, EU, follower).describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key


def test_a_delay_between_regions_is_paid_by_what_they_agree_on(faulty):
    def seconds(call) -> float:
        started = time.monotonic()
        call()
        return time.monotonic() - started

    for other in (EU, AP):
        faulty.local("delay", US, other, "80ms", "--jitter", "5ms")
    home = gateway(faulty, US)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    shared = seconds(lambda: home.replicate_key(KeyId=key, ReplicaRegion=EU))
    assert shared >= 0.15, "a majority of Regions is one round trip away"
    assert seconds(lambda: home.encrypt(KeyId=key, Plaintext=b"here")) < shared
    wait_state(gateway(faulty, EU), key)


def test_regions_a_satellite_apart_connect_and_agree(faulty):
    for other in (US, AP):
        faulty.local("delay", EU, other, "600ms")
    faulty.kill(EU)
    faulty.start(EU)
    faulty.wait_ready()
    home = gateway(faulty, US)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    home.replicate_key(KeyId=key, ReplicaRegion=EU)
    wait_state(gateway(faulty, EU), key)


def test_a_replica_is_creating_for_as_long_as_asked(faulty):
    home, there = gateway(faulty, US), gateway(faulty, EU)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    faulty.local("slow-replication", US, EU, "4s")
    started = time.monotonic()
    home.replicate_key(KeyId=key, ReplicaRegion=EU)
    wait_state(there, key, "Creating")
    wait_state(there, key, "Enabled")
    assert 4 <= time.monotonic() - started
    home.update_primary_region(KeyId=key, PrimaryRegion=EU)
    wait_state(there, key, "Updating")
    wait_state(there, key, "Enabled")
    wait_state(home, key, "Enabled")


def test_a_node_with_a_full_disk_ends_and_comes_back_whole(faulty):
    region = faulty.region(AP)
    follower = next(n["id"] for n in region["nodes"] if n["id"] != region["leader"])
    key = gateway(faulty, AP).create_key()["KeyMetadata"]["KeyId"]
    faulty.local("disk-full", f"{AP}/{follower}")
    assert faults(faulty)["nodes"][0]["disk_full"] is True

    def state():
        return next(n["state"] for n in faulty.nodes(AP) if n["id"] == follower)

    wait_until(lambda: state() == "exited", "it stops rather than answer for what it cannot write")
    log = (faulty.data_dir / AP / f"node-{follower}" / "log" / "node.log").read_text()
    assert "storage failed" in log and "File too large" in log
    sealed = gateway(faulty, AP).encrypt(KeyId=key, Plaintext=b"meanwhile")["CiphertextBlob"]
    faulty.local("start", f"{AP}/{follower}")
    wait_until(lambda: state() == "exited", "there is still no room")
    faulty.local("disk-free", f"{AP}/{follower}")
    faulty.wait_ready(AP)
    wait_until(lambda: len(set(applied(faulty, AP))) == 1, "it has caught up")
    assert node(faulty, AP, follower).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"meanwhile"


def test_a_region_without_room_refuses_and_loses_nothing(faulty):
    client = kms(faulty.gateway(), AP, retries=NONE)
    key = client.create_key()["KeyMetadata"]["KeyId"]
    sealed = client.encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    faulty.local("disk-full", AP)
    made = set()
    with pytest.raises((ClientError, BotoCoreError)):
        for _ in range(50):
            made.add(client.create_key()["KeyMetadata"]["KeyId"])
    with pytest.raises((ClientError, BotoCoreError)):
        client.decrypt(CiphertextBlob=sealed)
    assert gateway(faulty, US).list_keys()["Keys"] is not None
    faulty.local("disk-free", AP)
    faulty.wait_ready(AP)
    assert client.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"
    for acknowledged in made:
        assert client.describe_key(KeyId=acknowledged)["KeyMetadata"]["KeyState"] == "Enabled"


def times(cluster: Cluster) -> dict[str, int]:
    return {clock["region"]: clock["time_ms"] for clock in cluster.clock()}


def test_one_wrong_clock_of_three_moves_no_region_time(faulty):
    for skew in ("+1h", "-1h"):
        faulty.local("skew", f"{EU}/leader", skew)
        time.sleep(2.5)
        now = times(faulty)
        assert abs(now[EU] - now[US]) < 10_000, f"{skew} moved Region time: {now}"
        assert gateway(faulty, EU).list_keys()["Keys"] is not None


def test_region_time_follows_a_majority_and_never_goes_back(faulty):
    client = gateway(faulty, EU)
    faulty.local("skew", EU, "+90s")
    wait_until(lambda: times(faulty)[EU] - times(faulty)[US] > 80_000, "Region time follows its voters")
    assert client.list_keys()["Keys"] is not None, "90 s are within what a signature may be off"
    ahead = times(faulty)[EU]
    faulty.local("skew", EU, "0")
    time.sleep(2.5)
    assert times(faulty)[EU] >= ahead
    assert client.list_keys()["Keys"] is not None


def test_faults_are_named_and_refused_clearly(faulty):
    faulty.local("partition", US, EU)
    faulty.local("loss", US, AP, "5%")
    faulty.local("rate", US, AP, "1mbit", "--one-way")
    faulty.local("skew", f"{AP}/2", "-5m")
    faulty.pause(f"{AP}/3")
    lines = set(faulty.local("faults").stdout.splitlines())
    assert lines == {
        f"partition  {US} <-> {EU}",
        f"loss 5%  {US} <-> {AP}",
        f"rate 1mbit  {US} --> {AP}",
        f"clock -5m  {AP}/2",
        f"paused  {AP}/3",
    }
    assert lines <= {line.strip() for line in faulty.local("status").stdout.splitlines()}
    faulty.resume(f"{AP}/3")
    for arguments, reason in (
        (("partition", US, "mars-north-1"), "mars-north-1"),
        (("partition", US, f"{EU}/9"), f"{EU}/9"),
        (("partition", US, US), "nothing between"),
        (("partition", US), "<B>"),
        (("delay", US, EU, "soon"), "80ms"),
        (("delay", US, EU, "5ms", "--jitter", "6ms"), "jitter"),
        (("loss", US, EU, "100%"), "partition"),
        (("rate", US, EU, "1Mbit"), "1mbit"),
        (("skew", EU, "late"), "+90s"),
        (("latency", "/nonexistent"), "/nonexistent"),
        (("isolate", f"{US},{EU},{AP}"), "whole cluster"),
    ):
        refused = faulty.local(*arguments, check=False)
        assert refused.returncode != 0 and reason in refused.stderr, (arguments, refused.stderr)


def test_a_new_up_has_no_faults_but_those_it_is_given(binary, tmp_path):
    small = Cluster(tmp_path / "data", settings.REGIONS[:2], nodes=1)
    try:
        small.up("--latency-preset", "aws")
        (latency,) = faults(small)["links"]
        assert (latency["fault"], latency["delay_us"]) == ("delay", 40_500)
        small.local("skew", US, "+5m")
        small.down()
        small.up()
        assert faults(small) == {"links": [], "nodes": []}
        matrix = tmp_path / "regions.txt"
        matrix.write_text(f"# round trips\n{US} to {EU} 20 ms\n")
        assert f"{US} <-> {EU}  20ms" in small.local("latency", matrix).stdout
        small.down()
        small.up("--direct")
        refused = small.local("partition", US, EU, check=False)
        assert refused.returncode != 0 and "--direct" in refused.stderr
    finally:
        small.end()
