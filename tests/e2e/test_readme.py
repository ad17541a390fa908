"""README's tour works when pasted; its commands are the ones that CI runs."""

import os
import re
import subprocess
import sysconfig

from harness import settings
from harness.cluster import Cluster

README = (settings.ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_first_two_commands():
    assert BLOCKS[0] == "cargo run --release -p meridian -- drill region-loss\n"
    assert BLOCKS[1] == "./tests/run\n"
    assert "exec ./tests/run" in (settings.ROOT / ".ci" / "run").read_text()


def test_the_tour(binary, tmp_path):
    """As written, but with the binary that is built already, and with `down --wipe` at the end."""
    tour = next(block for block in BLOCKS if "meridian local up" in block)
    lines = tour.splitlines()
    assert lines[0].startswith("cargo build") and lines[1].startswith("alias meridian=")
    start = 'set -euo pipefail\nmeridian() { "$MERIDIAN" "$@"; }\n'
    script = start + "\n".join(lines[2:])
    data_dir = tmp_path / "data"
    environment = {
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "MERIDIAN": str(settings.BINARY),
        "MERIDIAN_DATA_DIR": str(data_dir),
    }
    try:
        result = subprocess.run(
            ["bash", "-c", script],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "hello" in result.stdout.splitlines()
    finally:
        Cluster(data_dir).end()
