"""A Region whose processes the test starts itself, as an operator would: prepared, let in, started with its invitation. For
what `meridian local add-region` does not do: two Regions of one name, of which one is an old disk that turns up."""

import json
import pathlib
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

from harness import settings
from harness.clients import kms
from harness.cluster import Cluster, CommandFailed, meridian, wait_until

CONFIGURATION = """
deployment = "{deployment}"
region = "{region}"
node = 1
role = "{role}"
incarnation = "{incarnation}"
data_dir = "{home}/data"
bootstrap = true
signing_key = "{home}/signing.key"
invitation = "{home}/invitation.json"
listen = {{ api = "{api}", cluster = "{cluster}" }}
tls = {{ ca = "{ca}", cert = "{home}/node-1.pem", key = "{home}/node-1.key" }}
root_key = {{ file = "{home}/root.key" }}
[local]
virtual_clock = true
[[member]]
id = 1
cluster = "{cluster}"
api = "{api}"
[[credential]]
access_key_id = "test"
secret_access_key = "test"
account = "000000000000"
"""


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Guest:
    """One Region of one node beside a local cluster."""

    def __init__(self, cluster: Cluster, name: str, home: pathlib.Path):
        self.host, self.name, self.home = cluster, name, pathlib.Path(home)
        self.api, self.cluster = free_address(), free_address()
        self.process = None

    def prepare(self) -> dict:
        shutil.rmtree(self.home, ignore_errors=True)
        pki = self.host.data_dir / "pki"
        output = ["--output", self.home, "--ca-dir", pki, "--nodes", 1, "--json"]
        return json.loads(meridian("region", "prepare", self.name, *output).stdout)

    def invite(self, *flags, check: bool = True):
        output = ["--output", self.home / "invitation.json"]
        return operator(self.host, "invite", self.home, "--node", self.cluster, *output, *flags, check=check)

    def start(self):
        prepared = json.loads((self.home / "region.json").read_text())
        invitation = json.loads((self.home / "invitation.json").read_text())
        text = CONFIGURATION.format(
            deployment=invitation["deployment"],
            region=self.name,
            role=prepared["role"],
            incarnation=prepared["incarnation"],
            home=self.home,
            api=self.api,
            cluster=self.cluster,
            ca=self.host.data_dir / "pki" / "ca.pem",
        )
        configuration = self.home / "meridian.toml"
        configuration.write_text(text)
        command = [settings.BINARY, "server", "--config", configuration, "--stop-on-stdin-eof"]
        with (self.home / "node.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.api}/ready", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self):
        wait_until(self.is_ready, f"{self.name} serves; see {self.home}/node.log", 60)

    def client(self):
        return kms(f"http://{self.api}", self.name)

    def status(self) -> dict:
        """What its node says of itself."""
        pki = self.host.data_dir / "pki"
        files = ["--ca", pki / "ca.pem", "--cert", pki / "operator.pem", "--key-file", pki / "operator.key"]
        return json.loads(meridian("region", "status", "--admin", self.cluster, *files, "--json").stdout)[0]

    def votes(self) -> bool:
        """True once it has read what the others agreed on."""
        try:
            directory = self.status()["directory"]
            # None before its node has joined.
            return directory is not None and directory["votes"]
        except CommandFailed:
            return False

    def stop(self):
        if self.process:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def operator(cluster: Cluster, verb: str, *arguments, **options):
    """`meridian region VERB` against a local cluster."""
    return meridian("region", verb, *arguments, "--data-dir", cluster.data_dir, **options)


def views(cluster: Cluster) -> dict[str, dict]:
    """What the leader of each Region of the cluster knows."""
    return {view["region"]: view for view in json.loads(operator(cluster, "status", "--json").stdout)}


def peer(cluster: Cluster, of: str, about: str) -> dict:
    return next(found for found in views(cluster)[of]["peers"] if found["region"] == about)
