import random

import pytest
from harness import settings
from harness.cluster import Cluster
from harness.fixtures import *  # noqa: F403
from harness.fixtures import serve


@pytest.fixture(scope="module")
def cluster(binary, tmp_path_factory):
    """Each file has a cluster of its own: these tests hurt it."""
    yield from serve(Cluster(tmp_path_factory.mktemp("chaos") / "data"))


@pytest.fixture
def dice():
    """Random choices; the seed is in pytest's header and set with MERIDIAN_TEST_SEED."""
    return random.Random(settings.SEED)
