"""The plugin as its users have it: an inner pytest, and what is left when it has ended."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from pytest_meridian import wait_until

README = pathlib.Path(__file__).parents[1] / "README.md"
EXAMPLE = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[1]


def processes() -> set[int]:
    """Nodes and supervisors of this machine that the plugin could have started."""
    found = set()
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"meridian") and any(b"/meridian-" in word for word in words[1:]):
            found.add(int(entry.name))
    return found


def directories() -> set[str]:
    """Data directories that the plugin could have left."""
    return {str(path) for path in pathlib.Path(os.environ.get("TMPDIR", "/tmp")).glob("meridian-*")}


@pytest.fixture
def nothing_left(tmp_path, monkeypatch):
    """Clusters of the test live in a folder of their own, and no process and no file of them outlives the test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def mine():
        here = str(tmp_path).encode()
        return [p for p in processes() if here in pathlib.Path(f"/proc/{p}/cmdline").read_bytes()]

    yield mine
    assert mine() == []
    assert directories() == set()


def test_the_readme_example_passes(pytester, nothing_left):
    pytester.makepyfile(EXAMPLE)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_what_one_test_breaks_is_whole_in_the_next(pytester, nothing_left):
    pytester.makepyfile(
        """
        import pytest

        def test_breaks(kms_cluster, kms_client, kms_chaos):
            key = kms_cluster.multi_region_key("us-east-1", "eu-west-1")
            kms_chaos.isolate("us-east-1")
            with pytest.raises(kms_client().exceptions.DependencyTimeoutException):
                kms_client().rotate_key_on_demand(KeyId=key)
            kms_chaos.pause("us-east-1")
            kms_chaos.kill("eu-west-1/1")
            assert 0

        def test_is_whole(kms_cluster, kms_client):
            assert all(node["ready"] for node in kms_cluster.nodes())
            for region in kms_cluster.regions:
                kms_client(region).list_keys()
            kms_cluster.multi_region_key("us-east-1", "eu-west-1", "ap-southeast-2")
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(failed=1, passed=1)


def test_every_fault_does_what_it_says_and_is_gone_after_its_test(pytester, nothing_left):
    pytester.makepyfile((pathlib.Path(__file__).parent / "inner_faults.py").read_text())
    pytester.runpytest_subprocess("-x").assert_outcomes(passed=9)


def test_options_and_configuration_shape_the_cluster(pytester, nothing_left):
    pytester.makeini("[pytest]\nmeridian_regions = eu-west-1, us-west-2\nmeridian_nodes = 3\n")
    pytester.makepyfile(
        """
        def test_shape(kms_cluster):
            assert kms_cluster.regions == ("eu-west-1", "us-west-2")
            assert len(kms_cluster.nodes("us-west-2")) == 1
            roles = [region["role"] for region in kms_cluster.status()["regions"]]
            assert roles == ["data", "data", "witness"]
        """
    )
    result = pytester.runpytest_subprocess("--meridian-nodes", "1", "--meridian-witness", "eu-central-1")
    result.assert_outcomes(passed=1)


def test_code_that_makes_its_own_clients_finds_the_cluster(pytester, nothing_left):
    pytester.makepyfile(
        """
        import boto3

        def test_default_client(kms_env, kms_cluster):
            assert boto3.client("kms").list_keys()["Keys"] == []
            assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
        """
    )
    pytester.runpytest_subprocess("--meridian-regions", "us-east-1").assert_outcomes(passed=1)


def test_a_cluster_of_its_own_may_lose_its_primary_and_grow_old(pytester, nothing_left):
    pytester.makepyfile(
        """
        import pytest
        from pytest_meridian import Chaos, wait_until

        def test_failover_and_time(kms_new_cluster):
            cluster = kms_new_cluster(regions=["us-east-1", "eu-west-1"], witness="eu-central-1")
            key = cluster.multi_region_key("us-east-1", "eu-west-1")
            chaos, europe = Chaos(cluster), cluster.client("eu-west-1")
            chaos.kill("us-east-1")
            chaos.promote("us-east-1", "eu-west-1")
            europe.update_key_description(KeyId=key, Description="promoted")
            chaos.undo()
            doomed = europe.create_key()["KeyMetadata"]["KeyId"]
            europe.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
            chaos.advance_clock(8)
            with pytest.raises(europe.exceptions.NotFoundException):
                europe.describe_key(KeyId=doomed)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_regions_come_and_go(pytester, nothing_left):
    pytester.makepyfile(
        """
        import pytest
        from pytest_meridian import ClusterError

        def test_regions(kms_new_cluster):
            cluster = kms_new_cluster(regions=["us-east-1", "eu-west-1"])
            key = cluster.multi_region_key("us-east-1", "eu-west-1")
            cluster.add_region("eu-central-1", witness=True)
            cluster.add_region("sa-east-1")
            assert cluster.regions == ("us-east-1", "eu-west-1", "sa-east-1")
            cluster.client("us-east-1").replicate_key(KeyId=key, ReplicaRegion="sa-east-1")
            cluster.wait_key_state("sa-east-1", key)
            newcomer = cluster.client("sa-east-1")
            newcomer.create_key(MultiRegion=True)
            with pytest.raises(ClusterError, match="primary of"):
                cluster.remove_region("us-east-1")
            with pytest.raises(ClusterError, match="--lose-keys"):
                cluster.remove_region("sa-east-1")
            cluster.remove_region("sa-east-1", lose_keys=True)
            assert cluster.regions == ("us-east-1", "eu-west-1")
            with pytest.raises(newcomer.exceptions.ClientError):
                newcomer.list_keys()
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_missing_program_fails_with_what_to_do(pytester, nothing_left):
    pytester.makepyfile("def test_any(kms_cluster): pass")
    result = pytester.runpytest_subprocess("--meridian-binary", "/nowhere/meridian")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no `meridian` program*--meridian-binary*"])


def test_a_refused_cluster_says_why(pytester, nothing_left):
    pytester.makepyfile("def test_any(kms_cluster): pass")
    result = pytester.runpytest_subprocess("--meridian-regions", "Nowhere At All")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*Nowhere At All*"])


def test_a_killed_test_run_takes_its_cluster_along(pytester, nothing_left):
    pytester.makepyfile(
        """
        import pathlib, signal

        def test_hangs(kms_cluster, kms_chaos):
            pathlib.Path("started").touch()
            signal.pause()
        """
    )
    run = subprocess.Popen([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], cwd=pytester.path)
    try:
        wait_until((pytester.path / "started").exists, "the inner test runs", timeout_s=120)
        assert nothing_left() != []
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    wait_until(lambda: not nothing_left() and not directories(), "nothing is left", timeout_s=30)
