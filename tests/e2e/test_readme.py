"""README's tour works when pasted; its commands are the ones that CI runs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig

import pytest
from harness import settings
from harness.cluster import Cluster

README = (settings.ROOT / "README.md").read_text()
PLUGIN = (settings.ROOT / "tests" / "pytest_meridian" / "README.md").read_text()
TESTKIT = (settings.ROOT / "crates" / "meridian-testkit" / "README.md").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


BLOCKS = blocks("sh")


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


def paste(commands: str, folder, **environment) -> str:
    """What a shell prints that is given `commands` in `folder`, without anything of this test run's environment."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME")}
    environment = {
        **kept,
        "MERIDIAN_SOURCE": str(settings.ROOT),
        "MERIDIAN_BINARY": str(settings.BINARY),
        **environment,
    }
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_readme_shows_the_same_examples():
    assert blocks("python") == blocks("python", PLUGIN)
    assert blocks("rust") == blocks("rust", TESTKIT)


@pytest.mark.skipif(not importlib.util.find_spec("ensurepip"), reason="this Python makes no virtual environments")
def test_the_path_of_a_python_user(binary, tmp_path):
    """An empty folder, a fresh environment, the example, and README's commands as they stand there."""
    (tmp_path / "test_region_loss.py").write_text(blocks("python")[0])
    commands = next(block for block in BLOCKS if "pip install -e" in block)
    assert "1 passed" in paste(commands, tmp_path)


@pytest.mark.skipif(not shutil.which("cargo"), reason="there is no cargo")
def test_the_path_of_a_rust_user(binary, tmp_path):
    """The same with an empty project. What the source tree has compiled already is used, by its profile and its versions."""
    commands = next(block for block in BLOCKS if "cargo add --dev --path" in block)
    (tmp_path / "region_loss.rs").write_text(blocks("rust")[0])
    lock = settings.ROOT / "examples" / "rust-envelope" / "Cargo.lock"
    start = "mkdir -p tests\n"
    assert commands.count(start) == 1
    commands = commands.replace(start, f"{start}cp ../region_loss.rs tests/\ncp '{lock}' .\n")
    profile = {"OPT_LEVEL": "1", "DEBUG": "line-tables-only", "BUILD_OVERRIDE_OPT_LEVEL": "0"}
    shared = {f"CARGO_PROFILE_DEV_{name}": value for name, value in profile.items()}
    printed = paste(commands, tmp_path, CARGO_TARGET_DIR=str(settings.ROOT / "target"), **shared)
    assert "test a_ciphertext_outlives_its_region ... ok" in printed
