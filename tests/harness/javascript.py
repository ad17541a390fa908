"""The AWS SDK for JavaScript, driven from Python through tests/javascript/kms.mjs."""

import base64
import json
import os
import pathlib
import shutil
import subprocess

from harness import settings

SOURCES = settings.ROOT / "tests" / "javascript"
OLDEST_NODE = 20  # what the SDK asks for


def missing() -> str | None:
    """Why the SDK cannot run here, if it cannot."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "the AWS SDK for JavaScript needs node and npm"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        return f"the AWS SDK for JavaScript needs node {OLDEST_NODE} or later, not {version.strip()}"
    return None


def install(folder: pathlib.Path) -> pathlib.Path:
    """The script and exactly the packages of package-lock.json in `folder`."""
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Refused(AssertionError):
    """The service refused a call; as the SDK's own exception tells it."""

    def __init__(self, error: dict):
        self.name, self.message = error["name"], error["message"]
        self.status, self.modelled = error["status"], error["modelled"]
        super().__init__(f"{self.name}: {self.message}")


class Sdk:
    """One node process; `sdk(region, "Encrypt", KeyId=...)` makes one call and gives its output."""

    def __init__(self, folder: pathlib.Path, environment: dict, http: int):
        self.process = subprocess.Popen(
            ["node", "kms.mjs"],
            cwd=folder,
            env={**environment, "PATH": os.environ["PATH"], "MERIDIAN_HTTP": str(http)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, region: str, command: str, **parameters) -> dict:
        question = {"region": region, "command": command, "input": parameters}
        self.process.stdin.write(json.dumps(question, default=_from_bytes) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"node ended with {self.process.wait(timeout=60)} on {command}; its reason is above"
        answer = json.loads(line, object_hook=_to_bytes)
        if "error" in answer:
            raise Refused(answer["error"])
        assert answer["requestId"], f"{command} answered without a request id"
        return answer["output"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            assert self.process.wait(timeout=30) == 0
        finally:
            self.process.kill()
            self.process.stdout.close()


def _from_bytes(value):
    return {"$bytes": base64.b64encode(value).decode()}


def _to_bytes(value: dict):
    return base64.b64decode(value["$bytes"]) if set(value) == {"$bytes"} else value
