"""Operators' commands about Regions, against real processes: who votes, who comes back how, who is not heard."""

import json
import shutil

import pytest
from botocore.exceptions import ClientError
from harness.audit import records
from harness.clients import NONE, gateway, key_state, kms, multi_region_key, rotate, wait_state
from harness.cluster import Cluster, meridian, wait_until
from harness.fixtures import serve
from harness.guest import Guest, operator, peer, views

HOME, SECOND, THIRD, FOURTH = "us-east-1", "eu-west-1", "ap-southeast-2", "sa-east-1"


@pytest.fixture
def regions(binary, tmp_path):
    """Three Regions of one node each."""
    yield from serve(Cluster(tmp_path / "data", (HOME, SECOND, THIRD), nodes=1))


@pytest.fixture
def pair(binary, tmp_path):
    """Two Regions and nobody to decide between them."""
    yield from serve(Cluster(tmp_path / "data", (HOME, SECOND), nodes=1))


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


def ready(cluster: Cluster, region: str) -> bool:
    return all(node["ready"] for node in cluster.region(region)["nodes"])


def test_a_fourth_region_comes_in_online_takes_part_and_goes(regions):
    key = multi_region_key(regions, HOME, SECOND)
    sealed = gateway(regions, HOME).encrypt(KeyId=key, Plaintext=b"before")["CiphertextBlob"]
    regions.advance_clock("10d")
    added = json.loads(regions.local("add-region", FOURTH, "--json").stdout)
    assert (added["role"], added["nodes"]) == ("data", [f"{FOURTH}/1"])
    wait_until(lambda: generations(regions) == {2}, "every Region goes by the new directory")
    wait_until(lambda: not any(view["directory"]["reading"] for view in views(regions).values()), "all have read")
    assert len({clock["offset_ms"] for clock in regions.clock()}) == 1, "its time is that of the others"
    assert f"[profile meridian-{FOURTH}]" in open(regions.env()["AWS_CONFIG_FILE"]).read()
    again = regions.local("add-region", FOURTH, check=False)
    assert again.returncode != 0 and "already" in again.stderr

    gateway(regions, HOME).replicate_key(KeyId=key, ReplicaRegion=FOURTH)
    fourth = gateway(regions, FOURTH)
    wait_state(fourth, key)
    assert fourth.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"before"
    own_endpoint = kms(regions.region_endpoint(FOURTH), FOURTH)
    assert own_endpoint.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"before"
    material = rotate(regions, HOME, key, (HOME, SECOND))
    wait_until(lambda: fourth.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == material, "it seals anew")
    there = fourth.encrypt(KeyId=key, Plaintext=b"there")["CiphertextBlob"]
    assert gateway(regions, SECOND).decrypt(CiphertextBlob=there)["Plaintext"] == b"there"

    # Faults reach it, and it makes the difference between two and three of four.
    regions.local("isolate", FOURTH)
    wait_until(lambda: peer(regions, HOME, FOURTH)["last_heard_ms"] > 2_000, "it is missed")
    regions.local("heal")
    wait_until(lambda: peer(regions, HOME, FOURTH)["last_heard_ms"] < 1_500, "it is heard again")
    regions.kill(HOME)
    promoted = json.loads(meridian("key", "promote", key, "--in", SECOND, "--data-dir", regions.data_dir, "--json").stdout)
    assert promoted["keys"][0]["promoted"], promoted
    regions.start(HOME)
    regions.wait_ready()

    # It is one of the cluster's for the next `up`, too.
    regions.down()
    regions.region_names.append(FOURTH)
    regions.up()
    assert gateway(regions, FOURTH).decrypt(CiphertextBlob=there)["Plaintext"] == b"there"

    operator(regions, "remove", FOURTH, "--in", SECOND)
    regions.region_names.remove(FOURTH)

    def members():
        metadata = gateway(regions, SECOND).describe_key(KeyId=key)["KeyMetadata"]
        return {replica["Region"] for replica in metadata["MultiRegionConfiguration"]["ReplicaKeys"]}

    wait_until(lambda: members() == {HOME}, "the primary drops it from the key")
    wait_until(lambda: not ready(regions, FOURTH), "it knows that it was removed")
    with pytest.raises(ClientError):
        kms(regions.api(FOURTH, 1), FOURTH, retries=NONE).decrypt(CiphertextBlob=sealed)
    regions.local("remove-region", FOURTH)
    assert FOURTH not in regions.data_regions() and not (regions.data_dir / FOURTH).exists()
    with pytest.raises(ClientError, match="this cluster has"):
        gateway(regions, FOURTH).list_keys()
    assert gateway(regions, SECOND).decrypt(CiphertextBlob=there)["Plaintext"] == b"there"
    recorded = {record["eventName"] for record in records(regions)}
    assert {"RegionInvite", "RegionRemove", "RegionPromote"} <= recorded


def test_a_region_begins_anew_under_its_name(regions):
    key = multi_region_key(regions, HOME, SECOND, THIRD)
    sealed = gateway(regions, THIRD).encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    refused = regions.local("remove-region", HOME, check=False)
    assert refused.returncode != 0 and "primary" in refused.stderr, refused.stderr
    assert ready(regions, HOME)
    before = peer(regions, HOME, THIRD)["incarnation"]
    regions.local("remove-region", THIRD)
    # At once: primaries may not have dropped it from their keys yet, and the command waits for that.
    regions.local("add-region", THIRD)
    assert peer(regions, HOME, THIRD)["incarnation"] != before
    assert key_state(gateway(regions, THIRD), key) == "absent"
    gateway(regions, HOME).replicate_key(KeyId=key, ReplicaRegion=THIRD)
    wait_state(gateway(regions, THIRD), key)
    assert gateway(regions, THIRD).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"
    rotate(regions, HOME, key, (HOME, SECOND, THIRD))


def test_two_regions_need_a_witness_and_get_one_online(pair):
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
    alone = pair.local("add-region", "eu-central-1", "--witness", "--wait", 3, check=False)
    assert alone.returncode != 0 and "no majority" in alone.stderr and "again" in alone.stderr
    pair.start(HOME)
    pair.wait_ready()

    added = json.loads(pair.local("add-region", "eu-central-1", "--witness", "--json").stdout)
    assert added["role"] == "witness" and added["endpoint"] is None
    wait_until(lambda: generations(pair) == {2}, "both go by the new directory")
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


def test_keys_that_only_a_lost_region_held_are_given_up(regions):
    shared = multi_region_key(regions, THIRD, SECOND)
    sealed = gateway(regions, THIRD).encrypt(KeyId=shared, Plaintext=b"kept")["CiphertextBlob"]
    alone = gateway(regions, THIRD).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    for region in (HOME, SECOND):
        wait_until(lambda: alone in json.dumps(registers(regions, region)), "the others know that it exists")  # noqa: B023
    regions.kill(THIRD)
    promoted = json.loads(operator(regions, "promote", THIRD, "--in", SECOND, "--json").stdout)
    assert [key["key"] for key in promoted["keys"] if key["promoted"]] == [shared], promoted

    def remove(*flags):
        return operator(regions, "remove", THIRD, "--in", SECOND, *flags, check=False)

    stopped = remove()
    assert stopped.returncode != 0 and "--lose-keys" in stopped.stderr and alone in stopped.stderr, stopped.stderr
    assert "--confirm" in remove("--lose-keys").stderr
    assert "typing the name" in remove("--lose-keys", "--confirm", SECOND).stderr
    assert remove("--lose-keys", "--confirm", THIRD).returncode == 0
    for region in (HOME, SECOND):
        wait_until(lambda: phase(regions, region, alone) == "given up", "it is given up everywhere")  # noqa: B023
    assert phase(regions, SECOND, shared) == "stable"
    assert gateway(regions, SECOND).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"
    removals = [record for record in records(regions) if record["eventName"] == "RegionRemove"]
    assert [record.get("errorCode") for record in removals] == [None, "Refused", None, "Invalid", None]
    assert [record["requestParameters"]["loseKeys"] for record in removals] == [False, False, True, True, True]

    # Nobody waits for it: the name comes back at once, and knows that the key is gone.
    regions.local("remove-region", THIRD)
    regions.local("add-region", THIRD)
    wait_until(lambda: phase(regions, THIRD, alone) == "given up", "the newcomer knows")
    assert key_state(gateway(regions, THIRD), alone) == "absent"


def phase(cluster: Cluster, region: str, key: str) -> str | None:
    return next((line["phase"] for line in registers(cluster, region) if line["key"] == key), None)


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
