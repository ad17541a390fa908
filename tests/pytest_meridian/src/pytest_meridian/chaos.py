"""What a test can do to a cluster, and how it is undone afterwards.

A target is a Region (`eu-west-1`), a node (`eu-west-1/2`), or whoever leads (`eu-west-1/leader`).
"""

import tempfile

from pytest_meridian.cluster import Cluster
from pytest_meridian.waiting import wait_until

FAULT_TIMEOUT_S = 30


class Chaos:
    """Faults of one cluster. `undo` takes back every fault that lasts; the `kms_chaos` fixture calls it."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self._links_touched = False
        self._disk_touched = False

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

    def loss(self, one: str, other: str, percent: float):
        """Loses a share of what two targets send to each other, at each try; what is lost is sent again, later."""
        self._link("loss", one, other, f"{percent}%")

    def rate(self, one: str, other: str, bits_per_s: int):
        """Lets only so much pass between two targets, in each direction, all connections together."""
        self._link("rate", one, other, f"{bits_per_s}bit")

    def latency(self, round_trips_ms: dict[tuple[str, str], float]):
        """Sets round-trip times between Regions: `{("us-east-1", "eu-west-1"): 80}`. Half is spent each way."""
        with tempfile.NamedTemporaryFile("w", prefix="meridian-latency-") as matrix:
            matrix.writelines(f"{one} {other} {ms}ms\n" for (one, other), ms in round_trips_ms.items())
            matrix.flush()
            self._link("latency", matrix.name)

    def slow_replication(self, one: str, other: str, by_ms: int):
        """Key material waits before it is installed on the other side, and a Region before it takes over a key:
        `Creating` and `Updating` last for as long."""
        self._link("slow-replication", one, other, f"{by_ms}ms")

    def disk_full(self, target: str):
        """None of the files of `target` can grow from now on. A node that has to write ends, until `disk_free`."""
        self._disk_touched = True
        self.cluster.command("local", "disk-full", target)

    def disk_free(self, target: str):
        """Makes room again; a node that ended for want of it is started. Returns when `target` serves."""
        self.cluster.command("local", "disk-free", target)
        self.cluster.wait_ready(target)

    def skew(self, target: str, ahead_s: int):
        """Sets the clocks of `target` so many seconds ahead, or behind; 0 ends it. Region time follows a majority."""
        self._link("skew", target, f"{ahead_s:+}s" if ahead_s else "0")

    def faults(self) -> list[str]:
        """What is in force, a line each, as `meridian local faults` prints it."""
        return self.cluster.status()["faults"]

    def heal(self, one: str | None = None, other: str | None = None):
        """Ends every fault of the network between two targets; without targets, everything but kills and pauses."""
        self.cluster.command("local", "heal", *(target for target in (one, other) if target))

    def advance_clock(self, days: int):
        """Moves the time of every Region forward; returns when what fell due has happened. It does not go back."""
        self.cluster.command("local", "clock", "advance", f"{days}d")

    def promote(self, lost: str, region: str):
        """Makes `region` primary of every multi-Region key whose primary was in the Region `lost`."""
        self.cluster.command("region", "promote", lost, "--in", region)

    def undo(self):
        """Heals, resumes and starts everything, and waits until every node serves. Promotions and the clock stay."""
        if self._links_touched or self._disk_touched:
            self.heal()
        # A node that ended for want of room has just been started.
        disturbed = self._disk_touched
        self._links_touched = self._disk_touched = False
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
