"""Operators' commands about Regions, against real processes: who votes, who comes back how, who is not heard."""

import json
import shutil

import pytest
from botocore.exceptions import ClientError
from harness.audit import records
from harness.clients import gateway, key_state, kms, multi_region_key, rotate, wait_state
from harness.cluster import Cluster, meridian, wait_until
from harness.guest import Guest, operator, peer, views

HOME, SECOND, THIRD = "us-east-1", "eu-west-1", "ap-southeast-2"


@pytest.fixture
def regions(binary, tmp_path):
    """Three Regions of one node each."""
    cluster = Cluster(tmp_path / "data", (HOME, SECOND, THIRD), nodes=1)
    yield from served(cluster)


@pytest.fixture
def pair(binary, tmp_path):
    """Two Regions and nobody to decide between them."""
    cluster = Cluster(tmp_path / "data", (HOME, SECOND), nodes=1)
    yield from served(cluster)


def served(cluster: Cluster):
    try:
        cluster.up()
        yield cluster
        assert not cluster.panics()
    finally:
        cluster.end()


@pytest.fixture
def guests(tmp_path):
    """Makes Regions beside a cluster; they end with the test."""
    made = []

    def make(cluster: Cluster, name: str, **options) -> Guest:
        made.append(Guest(cluster, name, tmp_path / f"{name}-{len(made)}", **options))
        return made[-1]

    yield make
    for guest in made:
        guest.stop()


def generations(cluster: Cluster) -> set[int]:
    return {view["directory"]["generation"] for view in views(cluster).values()}


def test_a_fourth_region_comes_in_online_takes_part_and_goes(regions, guests):
    key = multi_region_key(regions, HOME, SECOND)
    sealed = gateway(regions, HOME).encrypt(KeyId=key, Plaintext=b"before")["CiphertextBlob"]
    guest = guests(regions, "sa-east-1")
    guest.prepare()
    guest.invite()
    guest.start()
    guest.wait_ready()
    wait_until(lambda: generations(regions) == {2}, "every Region goes by the new directory")
    wait_until(guest.votes, "it has read what the others agreed on")
    wait_until(lambda: not any(view["directory"]["reading"] for view in views(regions).values()), "so have they")

    gateway(regions, HOME).replicate_key(KeyId=key, ReplicaRegion="sa-east-1")
    wait_state(guest.client(), key)
    assert guest.client().decrypt(CiphertextBlob=sealed)["Plaintext"] == b"before"
    material = rotate(regions, HOME, key, (HOME, SECOND))
    wait_until(lambda: guest.client().describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == material, "it seals anew")
    there = guest.client().encrypt(KeyId=key, Plaintext=b"there")["CiphertextBlob"]
    assert gateway(regions, SECOND).decrypt(CiphertextBlob=there)["Plaintext"] == b"there"

    # It makes the difference between two and three of four.
    regions.kill(HOME)
    promoted = json.loads(meridian("key", "promote", key, "--in", SECOND, "--data-dir", regions.data_dir, "--json").stdout)
    assert promoted["keys"][0]["promoted"], promoted
    regions.start(HOME)
    regions.wait_ready()

    operator(regions, "remove", "sa-east-1", "--in", SECOND)

    def members():
        metadata = gateway(regions, SECOND).describe_key(KeyId=key)["KeyMetadata"]
        return {replica["Region"] for replica in metadata["MultiRegionConfiguration"]["ReplicaKeys"]}

    wait_until(lambda: members() == {HOME}, "the primary drops it from the key")
    wait_until(lambda: not guest.is_ready(), "it knows that it was removed")
    with pytest.raises(ClientError):
        guest.client().decrypt(CiphertextBlob=sealed)
    assert gateway(regions, SECOND).decrypt(CiphertextBlob=there)["Plaintext"] == b"there"
    recorded = {record["eventName"] for record in records(regions)}
    assert {"RegionInvite", "RegionRemove", "RegionPromote"} <= recorded


def test_two_regions_need_a_witness_and_get_one_online(pair, guests):
    key = multi_region_key(pair, HOME, SECOND)
    pair.kill(HOME)
    refused = meridian("key", "promote", key, "--in", SECOND, "--data-dir", pair.data_dir, check=False, timeout_s=60)
    assert refused.returncode != 0
    for word in ("no majority", HOME, "2 of the 2", "witness", "--unsafe"):
        assert word in refused.stdout + refused.stderr, word
    unsafe = ("key", "promote", key, "--in", SECOND, "--unsafe", "--confirm", HOME)
    assert meridian(*unsafe, "--data-dir", pair.data_dir, check=False).returncode != 0, "the wrong name was typed"
    promotions = [record for record in records(pair) if record["eventName"] == "RegionPromote"]
    codes = [record.get("errorCode") for record in promotions]
    assert codes == [None, "Refused", None, "Invalid"], "what was asked for, and what was refused"
    assert "no majority" in promotions[1]["errorMessage"] and promotions[3]["requestParameters"]["confirmation"] == HOME
    pair.start(HOME)
    pair.wait_ready()

    witness = guests(pair, "eu-central-1", witness=True)
    witness.prepare()
    witness.invite()
    witness.start()
    wait_until(lambda: generations(pair) == {2}, "both go by the new directory")
    wait_until(witness.votes, "it has read what the two agreed on")
    pair.kill(HOME)
    promoted = json.loads(meridian("key", "promote", key, "--in", SECOND, "--data-dir", pair.data_dir, "--json").stdout)
    assert promoted["keys"][0]["promoted"], promoted


def test_a_region_that_lost_everything_comes_back_as_a_new_incarnation(regions, guests):
    key = multi_region_key(regions, HOME, SECOND, THIRD)
    sealed = gateway(regions, THIRD).encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    regions.kill(THIRD)
    rebuilt = guests(regions, THIRD)
    rebuilt.prepare()
    known = rebuilt.invite("--in", HOME, check=False)
    assert known.returncode != 0 and "region remove" in known.stderr
    operator(regions, "remove", THIRD, "--in", HOME)
    wait_until(lambda: THIRD not in json.dumps(registers(regions, HOME)), "no key counts it as a member")
    rebuilt.invite("--in", HOME)
    rebuilt.start()
    rebuilt.wait_ready()
    wait_until(rebuilt.votes, "it has read what the others agreed on")
    assert key_state(rebuilt.client(), key) == "absent"
    gateway(regions, HOME).replicate_key(KeyId=key, ReplicaRegion=THIRD)
    wait_state(rebuilt.client(), key)
    assert rebuilt.client().decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"

    # The disk that was thought lost turns up, with the old incarnation.
    rebuilt.stop()
    regions.start(THIRD)
    refused = wait_until(lambda: peer(regions, HOME, THIRD)["refused"], "its letters are refused")
    assert set(refused) <= {"removed", "unconfirmed"} and "removed" in refused
    assert gateway(regions, HOME).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"


def registers(cluster: Cluster, region: str) -> list[dict]:
    lines = operator(cluster, "registers", "--in", region, "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_a_region_whose_disk_went_back_is_found_out_and_does_not_serve(regions, tmp_path):
    key = multi_region_key(regions, HOME, SECOND)
    regions.kill(SECOND)
    data = regions.data_dir / SECOND / "node-1" / "data"
    wait_until(lambda: regions.region(SECOND)["nodes"][0].get("pid") is None, "its process is gone")
    shutil.copytree(data, tmp_path / "earlier")
    regions.start(SECOND)
    regions.wait_ready()
    rotate(regions, HOME, key, (HOME, SECOND))

    regions.kill(SECOND)
    wait_until(lambda: regions.region(SECOND)["nodes"][0].get("pid") is None, "its process is gone")
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "earlier", data)
    regions.start(SECOND)
    found = wait_until(lambda: views(regions).get(SECOND, {}).get("directory", {}).get("rolled_back_by"), "it is found out")
    assert found in (HOME, THIRD)
    wait_until(lambda: not regions.region(SECOND)["nodes"][0]["ready"], "it does not serve")
    direct = kms(regions.api(SECOND, 1), SECOND, retries={"mode": "standard", "total_max_attempts": 1})
    with pytest.raises(ClientError):
        direct.describe_key(KeyId=key)
    # The others go on, and never hear it again.
    assert gateway(regions, HOME).generate_data_key(KeyId=key, KeySpec="AES_256")["KeyMaterialId"]
    before = peer(regions, HOME, SECOND)["last_heard_ms"]
    wait_until(lambda: (peer(regions, HOME, SECOND)["last_heard_ms"] or 0) > (before or 0) + 2_000, "it is silent", 30)


def test_an_isolated_region_serves_on_holds_up_a_rotation_and_returns(regions):
    key = multi_region_key(regions, HOME, SECOND)
    operator(regions, "isolate", SECOND)
    assert views(regions)[SECOND]["directory"]["isolated"] == [SECOND]
    home, second = gateway(regions, HOME), gateway(regions, SECOND)
    home.rotate_key_on_demand(KeyId=key)

    def waiting():
        answer = meridian("rotation", "status", "--in", HOME, "--data-dir", regions.data_dir, "--json").stdout
        return [found for found in json.loads(answer)[0]["waiting"] if found["key"] == key]

    found = wait_until(waiting, "the rotation waits")
    wait_until(lambda: waiting()[0]["waiting_for"] == [SECOND], f"for {SECOND}: {found}")
    sealed = second.encrypt(KeyId=key, Plaintext=b"alone")["CiphertextBlob"]
    assert home.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"alone"
    age = wait_until(lambda: (peer(regions, HOME, SECOND)["canary_age_ms"] or 0) > 1_500, "its canary ages")
    assert age
    operator(regions, "return", SECOND)
    wait_until(lambda: not waiting(), "the rotation is complete")
    wait_until(lambda: peer(regions, HOME, SECOND)["canary_age_ms"] < 1_500, "it is level again")
    assert second.decrypt(CiphertextBlob=home.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"])["Plaintext"] == b"new"
