"""Multi-Region KMS clusters inside pytest. The fixtures are in `plugin`; everything works without them, too."""

from pytest_meridian.chaos import Chaos
from pytest_meridian.cluster import Cluster, ClusterError
from pytest_meridian.waiting import wait_until

__all__ = ["Chaos", "Cluster", "ClusterError", "wait_until"]
