"""`GET /metrics` of a running cluster, read as Prometheus reads it; the alarms, each caused by a fault."""

import re
import urllib.request

import pytest
from harness.clients import gateway, multi_region_key, wait_state
from harness.cluster import Cluster, wait_until
from harness.fixtures import serve
from harness.guest import Guest, operator
from prometheus_client.parser import text_string_to_metric_families

HOME, SECOND, THIRD = "us-east-1", "eu-west-1", "ap-southeast-2"
# kms-region's `alarm_ms`.
ALARM_S = 60


class Scrape:
    """One page of one node."""

    def __init__(self, api: str):
        with urllib.request.urlopen(f"http://{api}/metrics", timeout=5) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            self.text = answer.read().decode()
        self.families = list(text_string_to_metric_families(self.text))

    def samples(self, name: str) -> dict[tuple, float]:
        """The values of a metric by its labels, sorted."""
        found = [sample for family in self.families for sample in family.samples if sample.name == name]
        return {tuple(sorted(sample.labels.items())): sample.value for sample in found}

    def value(self, name: str, **labels) -> float:
        """One value; 0 for a counter that nothing was counted for yet."""
        found = self.samples(name).get(tuple(sorted(labels.items())))
        assert found is not None or name.endswith("_total"), f"no {name}{labels}\n{self.text}"
        return found or 0.0


@pytest.fixture
def regions(binary, tmp_path):
    yield from serve(Cluster(tmp_path / "data", (HOME, SECOND, THIRD), nodes=1))


def scrape(cluster: Cluster, region: str, node: int = 1) -> Scrape:
    return Scrape(cluster.api(region, node).removeprefix("http://"))


def test_every_node_has_a_page_that_names_no_key_and_no_caller(cluster):
    key = multi_region_key(cluster, HOME, SECOND)
    gateway(cluster, HOME).create_alias(AliasName="alias/metrics", TargetKeyId=key)
    leaders = {region: 0.0 for region in cluster.region_names}
    for region in cluster.region_names:
        for node in cluster.nodes(region):
            page = Scrape(node["api"])
            names = [family.name for family in page.families]
            assert len(names) == len(set(names)), "a family appears once"
            assert all(family.documentation and family.type in ("gauge", "counter") for family in page.families)
            assert all(name.startswith("meridian_") for name in names)
            assert not re.search(r"arn:|mrk-|000000000000|alias|[0-9a-f]{8}-[0-9a-f]{4}", page.text), page.text
            leaders[region] += page.value("meridian_node_leader")
            assert page.value("meridian_node_ready") == 1
            assert page.value("meridian_region_voters") == 3
            if page.value("meridian_node_leader"):
                peers = {dict(labels)["peer"] for labels in page.samples("meridian_region_peer_canary_age_seconds")}
                assert peers == set(cluster.region_names) - {region}
    assert leaders == dict.fromkeys(cluster.region_names, 1.0), "each Region has one leader"


def test_alarms_of_a_rotation_held_up_and_of_a_region_behind(regions):
    key = multi_region_key(regions, HOME, SECOND, THIRD)
    before = scrape(regions, HOME)
    assert before.samples("meridian_region_alarms_total") == {}
    assert before.value("meridian_region_rotations_waiting") == 0
    assert before.value("meridian_region_peer_canary_age_seconds", peer=THIRD) < 30

    regions.local("isolate", THIRD)
    gateway(regions, HOME).rotate_key_on_demand(KeyId=key)
    wait_until(lambda: scrape(regions, HOME).value("meridian_region_rotations_waiting") == 1, "the rotation waits")
    waiting = scrape(regions, HOME)
    wait_until(
        lambda: scrape(regions, HOME).value("meridian_region_peer_rotations_waiting", peer=THIRD) == 1, "for the Region that is cut off"
    )
    assert waiting.value("meridian_region_alarms_total", alarm="rotation-held-up") == 0, "not at once"

    for alarm in ("rotation-held-up", "peer-behind"):
        wait_until(
            lambda alarm=alarm: scrape(regions, HOME).value("meridian_region_alarms_total", alarm=alarm) >= 1,
            f"the alarm {alarm}",
            timeout_s=ALARM_S * 2,
        )
    late = scrape(regions, HOME)
    assert late.value("meridian_region_rotation_wait_seconds") >= ALARM_S
    assert late.value("meridian_region_peer_canary_age_seconds", peer=THIRD) >= ALARM_S
    assert late.value("meridian_region_peer_silence_seconds", peer=THIRD) >= ALARM_S - 10
    assert late.value("meridian_region_peer_canary_age_seconds", peer=SECOND) < 30
    assert late.value("meridian_region_peer_rotations_waiting", peer=SECOND) == 0
    log = (regions.data_dir / HOME / "node-1" / "log" / "node.log").read_text()
    events = [line for line in log.splitlines() if "alarm of the Region protocol" in line]
    assert any(key in line and THIRD in line for line in events) and any("nothing complete was heard" in line for line in events)

    regions.local("heal")
    wait_until(lambda: scrape(regions, HOME).value("meridian_region_rotations_waiting") == 0, "the rotation goes on")
    wait_until(
        lambda: scrape(regions, HOME).value("meridian_region_peer_canary_age_seconds", peer=THIRD) < 5, "it is level again"
    )
    assert scrape(regions, HOME).value("meridian_region_rotation_wait_seconds") == 0


def test_letters_of_an_old_disk_are_refused_and_counted(regions, tmp_path):
    key = multi_region_key(regions, HOME, SECOND, THIRD)
    refused = dict(peer=THIRD, reason="removed")
    assert scrape(regions, HOME).value("meridian_region_peer_letters_refused_total", **refused) == 0
    regions.kill(THIRD)
    rebuilt = Guest(regions, THIRD, tmp_path / "rebuilt")
    rebuilt.prepare()
    operator(regions, "remove", THIRD, "--in", HOME)
    wait_until(lambda: rebuilt.invite("--in", HOME, check=False).returncode == 0, "no key counts it as a member any more")
    try:
        rebuilt.start()
        rebuilt.wait_ready()
        gateway(regions, HOME).replicate_key(KeyId=key, ReplicaRegion=THIRD)
        wait_state(rebuilt.client(), key)
    finally:
        rebuilt.stop()
    regions.start(THIRD)
    counted = wait_until(
        lambda: scrape(regions, HOME).value("meridian_region_peer_letters_refused_total", **refused), "its letters are refused"
    )
    page = scrape(regions, HOME)
    assert page.value("meridian_region_letters_total", result="refused") >= counted >= 1
    assert page.value("meridian_region_letters_total", result="taken") > 0
