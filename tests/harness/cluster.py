"""A cluster of real processes, driven through the `meridian local` commands that users type."""

import json
import os
import pathlib
import signal
import subprocess
import time

from harness import settings


class CommandFailed(AssertionError):
    """A `meridian` command ended with another exit code than 0; carries what it printed."""

    def __init__(self, result: subprocess.CompletedProcess):
        self.result = result
        super().__init__(
            f"`{' '.join(map(str, result.args))}` ended with {result.returncode}\n{result.stdout}{result.stderr}"
        )


def meridian(*arguments, timeout_s: float = 120, check: bool = True, env: dict | None = None):
    """Runs the binary to its end."""
    command = [str(settings.BINARY), *map(str, arguments)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, env=env, stdin=subprocess.DEVNULL, check=False
    )
    if check and result.returncode != 0:
        raise CommandFailed(result)
    return result


def wait_until(condition, what: str, timeout_s: float = 60, every_s: float = 0.1):
    """The first true value of `condition()`, or a failure that says what was waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(every_s)


class Cluster:
    """One local cluster in one data directory."""

    def __init__(self, data_dir: pathlib.Path, regions=settings.REGIONS, nodes: int = 3, witness: bool = False):
        self.data_dir = pathlib.Path(data_dir)
        self.region_names = list(regions)
        self.nodes_per_region = nodes
        self.witness = witness
        self.pids: set[int] = set()  # every process ever seen, to prove that none is left

    def up(self, *flags, timeout_s: float = 180):
        shape = ["--regions", ",".join(self.region_names), "--nodes", self.nodes_per_region]
        shape += ["--witness"] if self.witness else []
        result = self.local("up", *shape, "--detach", "--json", *flags, timeout_s=timeout_s)
        self.status()
        return json.loads(result.stdout)

    def down(self, wipe: bool = False):
        self.local("down", *(["--wipe"] if wipe else []), check=False)

    def local(self, verb: str, *arguments, **options):
        return meridian("local", verb, *arguments, "--data-dir", self.data_dir, **options)

    def kill(self, target: str):
        self.local("kill", target)

    def pause(self, target: str):
        self.local("pause", target)

    def resume(self, target: str):
        self.local("resume", target)

    def start(self, target: str):
        self.local("start", target)

    def advance_clock(self, by: str, *flags, timeout_s: float = 300) -> list[dict]:
        """Moves the time of every Region forward and waits for what falls due; each Region's time."""
        answer = self.local("clock", "advance", by, "--json", *flags, timeout_s=timeout_s)
        return json.loads(answer.stdout)["regions"]

    def clock(self) -> list[dict]:
        return json.loads(self.local("clock", "show", "--json").stdout)["regions"]

    def region_promote(self, lost: str, into: str, timeout_s: float = 120):
        return meridian(
            "region", "promote", lost, "--in", into, "--data-dir", self.data_dir, "--json", timeout_s=timeout_s
        )

    def status(self) -> dict:
        report = json.loads(self.local("status", "--json").stdout)
        self.pids.add(report["supervisor_pid"])
        self.pids.update(node["pid"] for region in report["regions"] for node in region["nodes"] if node.get("pid"))
        return report

    def region(self, name: str) -> dict:
        return next(region for region in self.status()["regions"] if region["name"] == name)

    def nodes(self, region: str) -> list[dict]:
        return self.region(region)["nodes"]

    def data_regions(self) -> list[str]:
        return [region["name"] for region in self.status()["regions"] if region["role"] == "data"]

    def api(self, region: str, node: int) -> str:
        return next(f"http://{n['api']}" for n in self.nodes(region) if n["id"] == node)

    def gateway(self) -> str:
        return self.status()["endpoint"]

    def region_endpoint(self, region: str) -> str:
        return self.region(region)["endpoint"]

    def wait_ready(self, *regions: str, timeout_s: float = 90):
        """Every node of these Regions (all, if none is named) runs and answers its readiness probe."""
        wanted = set(regions) or set(self.region_names)

        def late():
            found = [r for r in self.status()["regions"] if r["name"] in wanted]
            return [(r["name"], node) for r in found for node in r["nodes"] if not node["ready"]]

        deadline = time.monotonic() + timeout_s
        while nodes := late():
            assert time.monotonic() < deadline, f"not ready within {timeout_s} s: {nodes}"
            time.sleep(0.1)

    def env(self) -> dict[str, str]:
        """The environment of a shell after `eval "$(meridian local env)"`, nothing of ours in it."""
        script = f'eval "$("$1" local env --shell bash --data-dir "$2")" && env -0'
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.data_dir)}
        arguments = ["bash", "-c", script, "env", str(settings.BINARY), str(self.data_dir)]
        output = subprocess.run(arguments, capture_output=True, env=clean, timeout=60, check=True).stdout
        pairs = (line.split("=", 1) for line in output.decode().split("\0") if "=" in line)
        return dict(pairs)

    def log_files(self) -> list[pathlib.Path]:
        return sorted(self.data_dir.rglob("*.log"))

    def panics(self) -> list[str]:
        """Lines of any log that tell of a panic."""
        found = []
        for path in self.log_files():
            for line in path.read_text(errors="replace").splitlines():
                if "panicked at" in line or "RUST_BACKTRACE" in line:
                    found.append(f"{path.relative_to(self.data_dir)}: {line}")
        return found

    def processes(self) -> list[int]:
        """Processes that run and belong to this cluster: those seen in `status`, and any with its directory as argument."""
        mine = str(self.data_dir).encode()
        found = {pid for pid in self.pids if _runs(pid) and _is_meridian(pid)}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            if entry.name.isdigit() and _is_meridian(int(entry.name)) and mine in _command_line(int(entry.name)):
                found.add(int(entry.name))
        return sorted(found - {os.getpid()})

    def end(self):
        """Stops the cluster, wipes it, and leaves no process, whatever state it is in."""
        try:
            self.down(wipe=True)
        finally:
            left = self.processes()
            for pid in left:
                _end(pid)
        assert not left, f"processes left after `down`: {left}"


def _command_line(pid: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _is_meridian(pid: int) -> bool:
    return _command_line(pid).split(b"\0", 1)[0].endswith(b"meridian")


def _runs(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _end(pid: int):
    try:
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
