"""kill -9 of random nodes under writes, then of all nine at once: every acknowledged write is there (A1)."""

import concurrent.futures
import threading
import time

import pytest
from harness import settings
from harness.clients import gateway, node
from harness.cluster import Cluster, wait_until
from harness.fixtures import serve
from harness.load import Load

ROUNDS = settings.rounds("crashes", short=10, full=100)
WORKERS_PER_REGION = 2
EVERYONE = [f"{region}/{number}" for region in settings.REGIONS for number in (1, 2, 3)]


class Ledger:
    """Writes that were acknowledged: keys created, aliases set, the last value of each tag."""

    def __init__(self):
        self.lock = threading.Lock()
        self.keys: dict[str, list[str]] = {region: [] for region in settings.REGIONS}
        self.aliases: dict[str, dict[str, str]] = {region: {} for region in settings.REGIONS}
        self.tags: dict[str, dict[str, int]] = {region: {} for region in settings.REGIONS}
        self.ciphertexts: dict[str, list[tuple[bytes, bytes]]] = {region: [] for region in settings.REGIONS}


def writer(cluster, ledger):
    clients = [gateway(cluster, region) for region in settings.REGIONS for _ in range(WORKERS_PER_REGION)]
    homes = [region for region in settings.REGIONS for _ in range(WORKERS_PER_REGION)]

    def work(worker, number):
        kms, region = clients[worker], homes[worker]
        key = kms.create_key(Description=f"{worker}-{number}")["KeyMetadata"]["KeyId"]
        with ledger.lock:
            ledger.keys[region].append(key)
        name = f"alias/w{worker}-{number}-{time.monotonic_ns()}"
        kms.create_alias(AliasName=name, TargetKeyId=key)
        with ledger.lock:
            ledger.aliases[region][name] = key
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "n", "TagValue": str(number)}])
        text = f"{worker}-{number}".encode()
        sealed = kms.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"]
        with ledger.lock:
            ledger.tags[region][key] = number
            ledger.ciphertexts[region].append((sealed, text))

    return work


def check(cluster, ledger):
    """Every acknowledged write, read from a node that is another one each time."""
    for region in settings.REGIONS:
        clients = [node(cluster, region, number, retries={"mode": "standard"}) for number in (1, 2, 3)]
        for client in clients:
            assert set(ledger.keys[region]) <= keys(client), f"{region} lost keys"
            pages = client.get_paginator("list_aliases").paginate()
            found = {alias["AliasName"]: alias.get("TargetKeyId") for page in pages for alias in page["Aliases"]}
            lost = {name: key for name, key in ledger.aliases[region].items() if found.get(name) != key}
            assert not lost, f"{region} lost aliases: {lost}"
        for number, (key, value) in enumerate(ledger.tags[region].items()):
            tags = clients[number % 3].list_resource_tags(KeyId=key)["Tags"]
            assert tags == [{"TagKey": "n", "TagValue": str(value)}], f"{region} lost a tag of {key}"
        for number, (sealed, text) in enumerate(ledger.ciphertexts[region]):
            assert clients[number % 3].decrypt(CiphertextBlob=sealed)["Plaintext"] == text


def running(cluster) -> list[str]:
    regions = cluster.status()["regions"]
    return [f"{region['name']}/{member['id']}" for region in regions for member in region["nodes"] if member["pid"]]


def start_dead(cluster):
    for target in set(EVERYONE) - set(running(cluster)):
        cluster.start(target)
    cluster.wait_ready(timeout_s=120)


def test_acknowledged_writes_survive_kills_of_random_nodes(cluster, dice):
    ledger = Ledger()
    kills = 0
    with Load(writer(cluster, ledger), WORKERS_PER_REGION * 3, tolerate=True, pause_s=0.05) as load:
        for _ in range(ROUNDS):
            time.sleep(dice.uniform(0.2, 1.0))
            victims = dice.sample(EVERYONE, dice.choice([1, 1, 2, 3, 5]))
            for victim in victims:
                cluster.kill(victim)
            wait_until(lambda v=victims: not set(v) & set(running(cluster)), "the victims are dead", timeout_s=10)
            kills += len(victims)
            time.sleep(dice.uniform(0.0, 0.5))
            start_dead(cluster)
    written = sum(map(len, ledger.keys.values()))
    print(f"{ROUNDS} rounds, {kills} kills, {written} keys written, {load.failed} calls without an answer")
    assert written > ROUNDS
    check(cluster, ledger)


def test_acknowledged_writes_survive_a_kill_of_all_nine_at_once(cluster):
    ledger = Ledger()
    with Load(writer(cluster, ledger), WORKERS_PER_REGION * 3, tolerate=True, pause_s=0.05):
        for _ in range(settings.rounds("all_nine", short=2, full=10)):
            time.sleep(3)
            with concurrent.futures.ThreadPoolExecutor(len(settings.REGIONS)) as pool:
                list(pool.map(cluster.kill, settings.REGIONS))
            wait_until(lambda: not running(cluster), "no node runs", timeout_s=10)
            start_dead(cluster)
            time.sleep(1)
    assert sum(map(len, ledger.keys.values())) > 0
    check(cluster, ledger)


@pytest.fixture
def region_alone(binary, tmp_path):
    """One Region, so that all the load of this machine is its own."""
    yield from serve(Cluster(tmp_path / "data", settings.REGIONS[:1]))


def test_nodes_of_a_region_agree_after_kills_of_all_of_them_under_load(region_alone):
    """Many writers at once, so that entries are on their way to every disk when the kill comes.

    A leader that was restored in its old term after such a kill once gave used log ids to new entries: each node had the
    same number of keys and not the same keys. `enable_leader_restore` in kms-raft brings that back.
    """
    cluster, region = region_alone, settings.REGIONS[0]
    clients = [gateway(cluster, region) for _ in range(16)]

    def create(worker, _):
        return clients[worker].create_key()["KeyMetadata"]["KeyId"]

    with Load(create, len(clients), tolerate=True) as load:
        for _ in range(settings.rounds("whole_region", short=20, full=100)):
            time.sleep(1.2)
            cluster.kill(region)
            wait_until(lambda: not any(node["pid"] for node in cluster.nodes(region)), "no node runs", timeout_s=10)
            cluster.start(region)
            cluster.wait_ready(region)
    assert load.calls > 0
    found = [keys(node(cluster, region, number, retries={"mode": "standard"})) for number in (1, 2, 3)]
    lost = [len(set(load.noted) - there) for there in found]
    assert lost == [0, 0, 0], f"{lost} of {load.calls} acknowledged keys are missing on the three nodes"
    assert found[0] == found[1] == found[2]


def keys(kms) -> set[str]:
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1000})
    return {entry["KeyId"] for page in pages for entry in page["Keys"]}
