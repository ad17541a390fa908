"""Drills end with a report, a verdict and an exit code that agree, and leave nothing broken behind."""

import json
import re
import signal

import pytest
from harness import audit, settings
from harness.cluster import Cluster, meridian, wait_until
from harness.drills import Running, check_page, drill, held, processes_under
from harness.fixtures import serve

# All on one cluster: each of these leaves it whole, which is what they promise.
SHARED = ["primary-failover", "leader-loss", "region-return", "partition", "split-promotion"]


@pytest.fixture(scope="module")
def cluster(binary, tmp_path_factory):
    """Of this file alone: drills move the primaries of every key, also of those of others."""
    yield from serve(Cluster(tmp_path_factory.mktemp("drills") / "data"))


def test_region_loss_loses_nothing(binary, tmp_path):
    store = tmp_path / "store"
    result = meridian("drill", "region-loss", "--json", "--store", store, timeout_s=900, check=False)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-3000:]
    latest = store / "region-loss" / "latest"
    report = json.loads((latest / "report.json").read_text())
    assert json.loads(result.stdout) == report

    assert report["passed"] is True
    assert report["checks"] and all(check["held"] for check in report["checks"])
    assert len(report["cluster"]["regions"]) == 3 and report["cluster"]["nodes_per_region"] == 3
    assert report["lost"] != report["promoted"]
    assert report["rpo"]["acknowledged"] > 0
    assert report["rpo"]["missing_during_loss"] == [] and report["rpo"]["missing_after_return"] == []
    for figure in ("detection_ms", "crypto_rto_ms", "control_rto_ms", "catch_up_ms"):
        assert report["figures"][figure] is not None, figure
    print({name: value for name, value in report["figures"].items() if isinstance(value, int)})
    check_page(latest / "report.html", report)
    assert (latest / "definition.toml").read_text() == meridian("drill", "show", "region-loss").stdout
    assert processes_under(tmp_path) == []


@pytest.mark.parametrize("name", SHARED)
def test_drill_on_the_running_cluster(cluster, tmp_path, name):
    report = drill(tmp_path / "store", name, "--quick", "--use-running", "--data-dir", cluster.data_dir)
    assert [checkpoint["missing"] for checkpoint in report["checkpoints"]] == [0] * len(report["checkpoints"])
    assert report["checkpoints"][-1]["name"] == "in the end"
    assert report["checkpoints"][-1]["sweep"]["ciphertexts"] == report["counts"]["encrypts"] > 0
    assert all(fault["to_ms"] is not None for fault in report["faults"])
    assert all(node["ready"] for region in cluster.status()["regions"] for node in region["nodes"])


def test_rolling_restart_hands_over(cluster, tmp_path):
    flags = ["--quick", "--use-running", "--data-dir", cluster.data_dir]
    report = drill(tmp_path / "store", "rolling-restart", *flags)
    restarted = {fault["what"].split(":")[0] for fault in report["faults"]}
    assert restarted == {f"{region}/{node}" for region in report["cluster"]["regions"] for node in (1, 2, 3)}
    assert report["counts"]["failed_operations"] == 0


def test_rotations_complete_while_regions_are_cut_off(cluster, tmp_path):
    flags = ["--rotations", 6, "--quick", "--use-running", "--data-dir", cluster.data_dir]
    report = drill(tmp_path / "store", "rotation-under-fault", *flags)
    assert report["figures"]["rotations"] >= 6 and report["faults"]
    assert report["counts"]["cross_region_decrypts"] > 0


def test_node_is_replaced_and_the_new_one_is_one_of_the_cluster(binary, tmp_path):
    data = tmp_path / "cluster"
    report = drill(tmp_path / "store", "node-replace", "--quick", "--data-dir", data, "--keep")
    assert held(report, "opens every ciphertext by itself")
    # Every node of the Region was restarted afterwards, with the new one among those that carried it.
    restarted = {fault["what"] for fault in report["faults"] if fault["what"].endswith("restart")}
    assert len(restarted) == 3 and "us-east-1/4: restart" in restarted
    assert report["counts"]["failed_operations"] == 0
    nodes = {r["name"]: [n["id"] for n in r["nodes"]] for r in json.loads((data / "cluster.json").read_text())["regions"]}
    assert len(nodes["us-east-1"]) == 3 and 4 in nodes["us-east-1"] and nodes["eu-west-1"] == [1, 2, 3]
    assert processes_under(tmp_path) == []


def test_unsafe_promotion_asks_and_is_audited(binary, tmp_path):
    data = tmp_path / "cluster"
    report = drill(tmp_path / "store", "unsafe-promotion", "--quick", "--nodes", 1, "--data-dir", data, "--keep")
    assert report["cluster"] == {"regions": ["us-east-1", "eu-west-1"], "witness": None, "nodes_per_region": 1}
    assert held(report, "acknowledges no shared change") and held(report, "changes nothing shared")
    records = [r for r in audit.records(Cluster(data)) if r.get("eventName") == "RegionPromote"]
    unsafe = [r for r in records if r["requestParameters"]["unsafe"] is True]
    assert unsafe and {r["awsRegion"] for r in records} == {"eu-west-1"}


def definition(path, steps, rest=""):
    path.write_text(f'version = 1\nname = "ours"\ndescription = "A team\'s own."\nsteps = [{steps}]\n{rest}')
    return path


def documented(path, name):
    """A definition of docs/operations/drills.md."""
    blocks = re.findall(r"```toml\n(.*?)```", (settings.ROOT / "docs" / "operations" / "drills.md").read_text(), re.DOTALL)
    path.write_text(next(block for block in blocks if f'name = "{name}"' in block))
    return path


def test_every_fault_of_local_clusters_is_a_step(cluster, tmp_path):
    """The bad day of the document: links, disks and clocks at once, and probes of a Region and of a node."""
    file = documented(tmp_path / "bad-day.toml", "bad-day")
    report = drill(tmp_path / "store", file, "--quick", "--use-running", "--data-dir", cluster.data_dir)
    what = " / ".join(fault["what"] for fault in report["faults"])
    for words in (
        "us-east-1 and eu-west-1: a round trip takes 160ms",
        "us-east-1 and eu-west-1: 2% is lost",
        "us-east-1 and eu-west-1: 2mbit per second",
        "us-east-1 and eu-west-1: key material takes 2 s",
        "eu-west-1/2: disk full",
        ": clock +2m",
        "is cut off from everybody else",
    ):
        assert words in what, what
    assert held(report, "probe: eu-west-1 serves CreateKey") and held(report, "probe: eu-west-1 serves Encrypt")
    assert all(fault["to_ms"] is not None for fault in report["faults"])
    status = cluster.status()
    assert status["faults"] == [] and all(node["ready"] for region in status["regions"] for node in region["nodes"])


def test_a_probe_of_a_node_that_is_cut_off(cluster, tmp_path):
    steps = """
      { hold = "1s" },
      { partition = { between = ["us-east-1/2", "us-east-1"] } },
      { probe = { at = "us-east-1/2", call = "create-key", expect = "not-served", within = "20s" } },
      { probe = { at = "us-east-1", call = "decrypt", within = "30s" } },
      { heal = ["us-east-1"] },
      { probe = { at = "us-east-1/2", call = "describe-key", within = "30s" } },
      { probe = { at = "us-east-1/2", call = "create-key", expect = "not-served", within = "1s" } },
    """
    flags = ["--use-running", "--data-dir", cluster.data_dir]
    report = drill(tmp_path / "store", definition(tmp_path / "ours.toml", steps), *flags, expect=1)
    assert held(report, "probe: us-east-1/2 does not serve CreateKey")
    assert held(report, "probe: us-east-1/2 serves DescribeKey")
    assert [step["outcome"] for step in report["steps"]] == ["done"] * 6 + ["failed"]
    assert "us-east-1/2 still serves CreateKey after 1 s" in report["stopped"]


def test_own_definition_with_a_missed_target(cluster, tmp_path):
    file = definition(tmp_path / "ours.toml", '{ hold = "1s" }', "[targets]\nrpo = 0\n")
    flags = ["--use-running", "--data-dir", cluster.data_dir]
    report = drill(tmp_path / "store", file, "--p99", "0ms", "--seed", 7, *flags, expect=1)
    assert not held(report, "target: p99") and held(report, "target: RPO")
    assert report["seed"] == 7 and report["command"].endswith("--seed 7") and str(file) in report["command"]


def test_stop_condition_ends_the_story_and_mends(cluster, tmp_path):
    steps = '\n  { pause = "us-east-1/3" },\n  { hold = "10m" },\n'
    file = definition(tmp_path / "ours.toml", steps, '[stop]\ntime-limit = "2s"\n')
    report = drill(tmp_path / "store", file, "--use-running", "--data-dir", cluster.data_dir, expect=1)
    assert "time limit of 2 s" in report["stopped"] and "line 6" in report["stopped"]
    assert [step["outcome"] for step in report["steps"]] == ["done", "stopped"]
    assert held(report, "every Region serves and agrees in the end") and held(report, "every ciphertext opens")
    assert report["faults"][0]["to_ms"] is not None


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_drill_mends_a_running_cluster(cluster, tmp_path, sent):
    steps = '{ kill = "us-east-1/3" }, { isolate = "eu-west-1" }, { hold = "10m" }'
    file = definition(tmp_path / "ours.toml", steps)
    with Running(tmp_path / "store", file, "--use-running", "--data-dir", cluster.data_dir) as running:
        running.until("step 3 of 3")
        code, printed = running.interrupt(sent)
    assert code == 1 and "interrupted" in printed

    def whole():
        regions = cluster.status()["regions"]
        return all(node["ready"] for region in regions for node in region["nodes"])

    wait_until(whole, "every node serves again", 90)
    assert cluster.status()["links"] == []


def test_interrupted_drill_leaves_no_process(binary, tmp_path):
    with Running(tmp_path / "store", definition(tmp_path / "ours.toml", '{ hold = "10m" }'), "--nodes", 1) as running:
        running.until("step 1 of 1")
        assert len(processes_under(tmp_path)) >= 4
        assert running.interrupt(signal.SIGTERM)[0] == 1
    assert processes_under(tmp_path) == []


def test_wrong_definition_is_refused_before_anything_starts(binary, tmp_path):
    file = definition(tmp_path / "ours.toml", '\n  { hold = "1s" },\n  { kill = "nobody" },\n')
    result = meridian("drill", "run", file, "--store", tmp_path / "store", check=False)
    assert result.returncode == 1 and "line 6" in result.stderr and "`nobody`" in result.stderr
    assert not (tmp_path / "store").exists()
    result = meridian("drill", "run", "no-such-drill", check=False)
    assert result.returncode == 1 and "region-loss" in result.stderr


def test_region_that_went_back_is_found_out(binary, tmp_path):
    report = drill(tmp_path / "store", "restore", "--quick", "--nodes", 1)
    events = [event["event"] for event in report["timeline"]]
    assert any("serves nothing" in event for event in events)
    assert any("is let in as incarnation" in event for event in events)
    assert held(report, "every ciphertext opens") and report["rpo"]["acknowledged"] > 0
    # All three Regions count in the end: the rebuilt one opens what was sealed before it went back.
    assert any("in the end: opening" in event and "in 3 Regions" in event for event in events)
    assert processes_under(tmp_path) == []


def test_drills_are_listed_and_shown(binary, tmp_path):
    listed = json.loads(meridian("drill", "list", "--json").stdout)["drills"]
    for entry in listed:
        assert f'name = "{entry["name"]}"' in meridian("drill", "show", entry["name"]).stdout
    assert {"region-loss", *SHARED, "rolling-restart", "node-replace", "rotation-under-fault"} <= {e["name"] for e in listed}


def test_series_sums_up_its_runs(cluster, tmp_path):
    file = definition(tmp_path / "ours.toml", '{ hold = "500ms" }')
    flags = ["--repeat", 2, "--seed", 5, "--json", "--use-running", "--data-dir", cluster.data_dir]
    result = meridian("drill", "run", file, "--store", tmp_path / "store", *flags, timeout_s=300)
    summary = json.loads(result.stdout)
    assert (summary["runs"], summary["passed"], summary["first_seed"]) == (2, 2, 5)
    assert summary["figures"]["length of a run"]["runs"] == 2
    assert summary["undecryptable"] == summary["missing"] == 0 and summary["ciphertexts"] > 0
    latest = tmp_path / "store" / "ours" / "latest"
    assert json.loads((latest / "summary.json").read_text()) == summary
    seeds = [json.loads((latest / run / "report.json").read_text())["seed"] for run in ("001", "002")]
    assert seeds == [5, 6]
