"""The pytest side: options, and the fixtures `kms_cluster`, `kms_client`, `kms_chaos`, `kms_env`, `kms_new_cluster`."""

import pytest

from pytest_meridian.binary import BinaryNotFound
from pytest_meridian.chaos import Chaos
from pytest_meridian.cluster import REGIONS, Cluster


def pytest_addoption(parser):
    group = parser.getgroup("meridian", "multi-Region KMS clusters")
    for flag, text in [
        ("binary", "the `meridian` program [MERIDIAN_BINARY, else PATH, else the source tree's newest build]"),
        ("regions", f"data Regions of the cluster, with commas [{','.join(REGIONS)}]"),
        ("nodes", "nodes per Region [1]"),
        ("witness", "a Region that votes and holds no key material [none]"),
    ]:
        group.addoption(f"--meridian-{flag}", metavar=flag.upper(), help=text)
        parser.addini(f"meridian_{flag}", text)
    group.addoption("--meridian-keep", action="store_true", help="keep the directory of every cluster, with its logs")


def _wish(config) -> dict:
    def wanted(name):
        return config.getoption(f"--meridian-{name}") or config.getini(f"meridian_{name}") or None

    wish = {"keep": config.getoption("--meridian-keep"), "meridian": wanted("binary"), "witness": wanted("witness")}
    if regions := wanted("regions"):
        wish["regions"] = tuple(region.strip() for region in regions.split(","))
    if nodes := wanted("nodes"):
        wish["nodes"] = int(nodes)
    return wish


def _start(config, **changes) -> Cluster:
    try:
        return Cluster(**{**_wish(config), **changes})
    except BinaryNotFound as error:
        missing = str(error)
    # Outside of the `except`, so that the report shows what to do and nothing else.
    pytest.fail(missing, pytrace=False)


@pytest.fixture(scope="session")
def kms_cluster(pytestconfig):
    """The cluster of this test run: real Regions on free ports, gone at the end of the run."""
    with _start(pytestconfig) as cluster:
        yield cluster


@pytest.fixture
def kms_client(kms_cluster):
    """`kms_client("eu-west-1")` is a boto3 KMS client of that Region, `kms_client()` of the first."""
    return kms_cluster.client


@pytest.fixture
def kms_chaos(kms_cluster):
    """Faults of the cluster. Whatever the test breaks is whole again before the next test begins."""
    chaos = Chaos(kms_cluster)
    yield chaos
    chaos.undo()


@pytest.fixture
def kms_env(kms_cluster, monkeypatch):
    """Code that makes its own AWS clients finds the cluster in its environment during this test."""
    env = kms_cluster.env
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@pytest.fixture
def kms_new_cluster(pytestconfig):
    """`kms_new_cluster(nodes=3)` starts a cluster for this test alone, for what cannot be undone, such as time."""
    started = []

    def start(**changes) -> Cluster:
        started.append(_start(pytestconfig, **changes))
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()
