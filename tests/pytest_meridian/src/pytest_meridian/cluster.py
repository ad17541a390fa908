"""Regions of real processes on free ports of this machine, driven by the `meridian` program.

`meridian local up` runs as a child whose standard input is a pipe from here. However this process ends, that pipe ends
with it; the child kills its nodes, deletes their data and goes.
"""

import collections
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence

import boto3
from botocore.config import Config

from pytest_meridian import binary
from pytest_meridian.waiting import wait_until

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
KEPT_LINES = 200
END_TIMEOUT_S = 30
READY_TIMEOUT_S = 90


class ClusterError(Exception):
    """A cluster did not start, or a command was refused; carries what the program printed."""


class Cluster:
    """A running cluster. Use it as a context manager, or call `close`."""

    def __init__(
        self,
        regions: Sequence[str] = REGIONS,
        nodes: int = 1,
        witness: str | None = None,
        meridian: str | os.PathLike | None = None,
        env: dict[str, str] | None = None,
        keep: bool = False,
        start_timeout_s: int = 120,
    ):
        """Starts `nodes` nodes in each Region and returns when all serve.

        `witness` adds a Region of one node that votes and holds no key material. `env` is for the nodes, for example
        `MERIDIAN_QUOTAS`. `keep` leaves the directory behind, with every node's log.
        """
        self.regions = tuple(regions)
        self.meridian = binary.find(meridian)
        self.data_dir = tempfile.mkdtemp(prefix="meridian-")
        self._keep = keep
        command = [self.meridian, "local", "up", "--json", "--stop-on-stdin-eof", "--data-dir", self.data_dir]
        command += ["--regions", ",".join(self.regions), "--nodes", str(nodes), "--wait", str(start_timeout_s)]
        command += ["--witness", witness] if witness else []
        command += [] if keep else ["--wipe"]
        pipe = subprocess.PIPE
        self._up = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **(env or {})}
        )
        self._errors = collections.deque(maxlen=KEPT_LINES)
        self._reader = threading.Thread(target=self._errors.extend, args=(self._up.stderr,), daemon=True)
        self._reader.start()
        try:
            self.endpoint = self._announced()["endpoint"]
        except BaseException:
            self.close()
            raise

    def _announced(self) -> dict:
        line = self._up.stdout.readline()
        if not line:
            self._up.wait()
            self._reader.join()
            raise ClusterError("the cluster did not start\n" + "".join(self._errors))
        return json.loads(line)

    def close(self):
        """Ends every process and deletes the data; returns when nothing is left."""
        if self._up.poll() is None:
            self._up.stdin.close()
            try:
                self._up.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._up.kill()
                self._up.wait()
        self._reader.join()
        self._up.stdout.close()
        self._up.stderr.close()
        if not self._keep:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def client(self, region: str | None = None, service: str = "kms", **options):
        """A boto3 client of `region`, or of the first. `options` go to boto3, for example `config` or credentials."""
        options.setdefault("config", Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"}))
        options = {**CREDENTIALS, "endpoint_url": self.endpoint, **options}
        return boto3.session.Session().client(service, region_name=region or self.regions[0], **options)

    def node_client(self, node: str, **options):
        """A client of one node, `eu-west-1/2` or `eu-west-1/leader`."""
        found = self.nodes(node)
        if len(found) != 1:
            raise ClusterError(f"`{node}` does not name one node of this cluster")
        return self.client(node.split("/")[0], endpoint_url=f"http://{found[0]['api']}", **options)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which any AWS SDK or CLI finds the cluster."""
        return self.command("local", "env")

    def status(self) -> dict:
        """What `meridian local status` says of every Region and node."""
        return self.command("local", "status")

    def nodes(self, target: str | None = None) -> list[dict]:
        """The nodes of a Region, one node, or all of them, as `status` shows them."""
        region, _, node = (target or "").partition("/")
        found = []
        for plan in self.status()["regions"]:
            if region in ("", plan["name"]):
                number = plan["leader"] if node == "leader" else node
                found += [n for n in plan["nodes"] if not node or str(n["id"]) == str(number)]
        return found

    def wait_ready(self, target: str | None = None, timeout_s: float = READY_TIMEOUT_S):
        """Until every node of `target` serves: a Region, a node, or all of them."""

        def ready():
            nodes = self.nodes(target)
            return nodes and all(node["ready"] for node in nodes)

        wait_until(ready, f"every node of {target or 'the cluster'} serves", timeout_s)

    def wait_key_state(self, region: str, key: str, state: str = "Enabled", timeout_s: float = 60):
        """Until `region` says that `key` is in `state`."""
        client = self.client(region)

        def reached():
            try:
                return client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == state
            except client.exceptions.NotFoundException:
                return False

        wait_until(reached, f"`{key}` is {state} in {region}", timeout_s)

    def multi_region_key(self, primary: str, *replicas: str) -> str:
        """The id of a new multi-Region key of `primary`, usable there and in every Region of `replicas`."""
        home = self.client(primary)
        key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        for region in replicas:
            home.replicate_key(KeyId=key, ReplicaRegion=region)
        for region in replicas:
            self.wait_key_state(region, key)
        return key

    def add_region(self, region: str, witness: bool = False, nodes: int | None = None):
        """Lets another Region in; it serves and votes when this returns, and holds no key until one is replicated to it."""
        flags = ["--witness"] if witness else []
        flags += ["--nodes", str(nodes)] if nodes else []
        self.command("local", "add-region", region, *flags)
        if not witness:
            self.regions += (region,)

    def remove_region(self, region: str, lose_keys: bool = False):
        """Has the others remove a Region, ends its nodes and deletes what it had.

        Refused while it is the primary of keys that another Region holds; of keys that no other one holds, unless
        `lose_keys` says that they may go.
        """
        self.command("local", "remove-region", region, *(["--lose-keys"] if lose_keys else []))
        self.regions = tuple(known for known in self.regions if known != region)

    def command(self, *arguments: str, timeout_s: float = 300) -> dict:
        """The JSON answer of a `meridian` command about this cluster."""
        words = [str(self.meridian), *map(str, arguments), "--data-dir", self.data_dir, "--json"]
        done = subprocess.run(
            words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout_s, check=False
        )
        if done.returncode != 0:
            raise ClusterError(f"`meridian {' '.join(map(str, arguments))}` failed\n{done.stdout}{done.stderr}".rstrip())
        return json.loads(done.stdout)

    def __repr__(self):
        return f"Cluster({', '.join(self.regions)} at {self.endpoint})"
