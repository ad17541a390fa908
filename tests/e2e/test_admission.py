"""A node whose disk went back to an earlier state takes no part before it was removed and added again (A5)."""

import pathlib
import shutil
import urllib.request

import pytest
from botocore.exceptions import ClientError
from harness.clients import gateway, node
from harness.cluster import Cluster, meridian, wait_until
from harness.fixtures import serve

REGION = "us-east-1"
VICTIM = 3


@pytest.fixture
def cluster(binary, tmp_path):
    """One Region of three nodes."""
    yield from serve(Cluster(tmp_path / "data", (REGION,), nodes=3))


def directory(cluster: Cluster, number: int) -> pathlib.Path:
    return cluster.data_dir / REGION / f"node-{number}" / "data"


def view(cluster: Cluster, number: int) -> dict:
    return next(entry for entry in cluster.nodes(REGION) if entry["id"] == number)


def log(cluster: Cluster, number: int) -> str:
    return (cluster.data_dir / REGION / f"node-{number}" / "log" / "node.log").read_text()


def not_admitted(cluster: Cluster, number: int) -> str:
    return (view(cluster, number)["raft"] or {}).get("not_admitted") or ""


def refused(cluster: Cluster, number: int, because: str):
    def why():
        text = not_admitted(cluster, number)
        return text if because in text else None

    return wait_until(why, f"node {number} is refused because {because}")


def operate(cluster: Cluster, *arguments):
    return meridian("node", *arguments, "--in", REGION, "--data-dir", cluster.data_dir)


def is_ready(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{api}/ready", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def start_without_waiting(cluster: Cluster, number: int):
    """A node that is refused never becomes ready."""
    cluster.local("start", f"{REGION}/{number}", check=False, timeout_s=60)


def set_back(cluster: Cluster, copy: pathlib.Path, number: int = VICTIM):
    cluster.local("stop", f"{REGION}/{number}")
    shutil.rmtree(directory(cluster, number))
    shutil.copytree(copy, directory(cluster, number))


def copy_of(cluster: Cluster, to: pathlib.Path, number: int = VICTIM) -> pathlib.Path:
    cluster.local("stop", f"{REGION}/{number}")
    shutil.copytree(directory(cluster, number), to)
    start_without_waiting(cluster, number)
    cluster.wait_ready()
    return to


def test_a_node_that_went_back_is_refused_and_comes_back_as_a_new_one(cluster, tmp_path):
    kms = gateway(cluster, REGION)
    copy = copy_of(cluster, tmp_path / "copy")
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)]
    sealed = kms.encrypt(KeyId=keys[0], Plaintext=b"kept")["CiphertextBlob"]
    set_back(cluster, copy)
    start_without_waiting(cluster, VICTIM)

    text = refused(cluster, VICTIM, "went back to an earlier state of its disk")
    assert f"meridian node remove {VICTIM} --in {REGION}" in text
    told = [line for line in log(cluster, VICTIM).splitlines() if "takes no part in its Region" in line]
    assert len(told) == 1, told
    assert not is_ready(view(cluster, VICTIM)["api"])
    with pytest.raises(ClientError) as error:
        node(cluster, REGION, VICTIM, retries={"total_max_attempts": 1}).list_keys()
    answer = error.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert answer["Error"]["Code"] == "ServiceUnavailableException"

    # The others lost nothing and go on. With one of them down, two nodes are left, and one of them does not count.
    assert {key["KeyId"] for key in kms.list_keys()["Keys"]} >= set(keys)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"
    keys.append(kms.create_key()["KeyMetadata"]["KeyId"])

    # A restart changes nothing.
    cluster.kill(f"{REGION}/{VICTIM}")
    start_without_waiting(cluster, VICTIM)
    refused(cluster, VICTIM, "went back")

    member = next(m for m in view(cluster, 1)["raft"]["members"] if m["node"] == VICTIM)
    operate(cluster, "remove", VICTIM)
    refused(cluster, VICTIM, "removed from its Region")
    cluster.kill(f"{REGION}/{VICTIM}")
    shutil.rmtree(directory(cluster, VICTIM))
    start_without_waiting(cluster, VICTIM)
    wait_until(lambda: "no member of its Region yet" in not_admitted(cluster, VICTIM), "the new node waits")
    addresses = ["--cluster-address", member["cluster"], "--api-address", view(cluster, VICTIM)["api"]]
    operate(cluster, "add", VICTIM, *addresses)
    operate(cluster, "promote", VICTIM)
    cluster.wait_ready()
    assert not not_admitted(cluster, VICTIM)

    # It counts again: the Region serves with it and one other.
    cluster.kill(f"{REGION}/1")
    wait_until(lambda: cluster.region(REGION)["leader"] in (2, VICTIM), "a leader of the two")
    assert {key["KeyId"] for key in node(cluster, REGION, VICTIM).list_keys()["Keys"]} >= set(keys)
    assert node(cluster, REGION, VICTIM).decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"


def test_a_node_with_an_emptied_disk_founds_no_region_of_its_own(cluster):
    """Node 1 is the one with `bootstrap = true`."""
    key = gateway(cluster, REGION).create_key()["KeyMetadata"]["KeyId"]
    cluster.kill(f"{REGION}/1")
    shutil.rmtree(directory(cluster, 1))
    start_without_waiting(cluster, 1)
    refused(cluster, 1, "went back to an earlier state of its disk")
    assert [k["KeyId"] for k in gateway(cluster, REGION).list_keys()["Keys"]].count(key) == 1


def test_a_region_that_lost_power_starts_with_any_two_nodes(cluster):
    key = gateway(cluster, REGION).create_key()["KeyMetadata"]["KeyId"]
    cluster.kill(REGION)
    for number in (2, 3):
        start_without_waiting(cluster, number)

    def serves():
        return is_ready(view(cluster, 2)["api"]) and is_ready(view(cluster, 3)["api"])

    wait_until(serves, "two nodes serve", timeout_s=20)
    assert node(cluster, REGION, 2).describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
