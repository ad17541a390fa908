"""What a test can do to a cluster, and how it is undone afterwards.

A target is a Region (`eu-west-1`), a node (`eu-west-1/2`), or whoever leads (`eu-west-1/leader`).
"""

from pytest_meridian.cluster import Cluster
from pytest_meridian.waiting import wait_until

FAULT_TIMEOUT_S = 30


class Chaos:
    """Faults of one cluster. `undo` takes back every fault that lasts; the `kms_chaos` fixture calls it."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self._links_touched = False

    def kill(self, target: str):
        """Ends `target` with SIGKILL; it stays down until `start`."""
        nodes = self.cluster.command("local", "kill", target)["nodes"]
        self._wait(nodes, "is gone", lambda node: node["state"] == "killed" and node["pid"] is None)

    def start(self, target: str):
        """Starts a `target` that is down, on its old data; returns when it serves."""
        self.cluster.command("local", "start", target)
        self.cluster.wait_ready(target)

    def pause(self, target: str):
        """Freezes `target` with SIGSTOP: connections stay open, and nothing answers."""
        nodes = self.cluster.command("local", "pause", target)["nodes"]
        self._wait(nodes, "is paused", lambda node: node["state"] == "paused")

    def resume(self, target: str):
        """Lets a paused `target` run on; returns when it serves."""
        self.cluster.command("local", "resume", target)
        self.cluster.wait_ready(target)

    def partition(self, one: str, other: str, one_way: bool = False):
        """Cuts every link between two targets, or only what `one` sends to `other`."""
        self._link("partition", one, other, *(["--one-way"] if one_way else []))

    def isolate(self, target: str):
        """Cuts `target` off from everything else in the cluster; clients still reach it."""
        self._link("isolate", target)

    def delay(self, one: str, other: str, by_ms: int, jitter_ms: int = 0):
        """Delays everything between two targets."""
        self._link("delay", one, other, f"{by_ms}ms", *(["--jitter", f"{jitter_ms}ms"] if jitter_ms else []))

    def loss(self, one: str, other: str, percent: int):
        """Loses a share of what two targets send to each other."""
        self._link("loss", one, other, f"{percent}%")

    def heal(self, one: str | None = None, other: str | None = None):
        """Ends partitions, delays and losses between two targets, or everywhere."""
        self.cluster.command("local", "heal", *(target for target in (one, other) if target))

    def advance_clock(self, days: int):
        """Moves the time of every Region forward; returns when what fell due has happened. It does not go back."""
        self.cluster.command("local", "clock", "advance", f"{days}d")

    def promote(self, lost: str, region: str):
        """Makes `region` primary of every multi-Region key whose primary was in the Region `lost`."""
        self.cluster.command("region", "promote", lost, "--in", region)

    def undo(self):
        """Heals, resumes and starts everything, and waits until every node serves. Promotions and the clock stay."""
        if self._links_touched:
            self.heal()
            self._links_touched = False
        disturbed = False
        for region in self.cluster.status()["regions"]:
            for node in region["nodes"]:
                name = f"{region['name']}/{node['id']}"
                if node["state"] == "paused":
                    self.cluster.command("local", "resume", name)
                elif node["state"] != "running":
                    self.cluster.command("local", "start", name)
                else:
                    continue
                disturbed = True
        if disturbed:
            self.cluster.wait_ready()

    def _link(self, verb: str, *arguments: str):
        self._links_touched = True
        self.cluster.command("local", verb, *arguments)

    def _wait(self, names: list[str], what: str, holds):
        def reached():
            return all(holds(node) for name in names for node in self.cluster.nodes(name))

        wait_until(reached, f"{', '.join(names)} {what}", FAULT_TIMEOUT_S)
