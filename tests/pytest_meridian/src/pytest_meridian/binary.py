"""Which `meridian` program to run."""

import os
import pathlib
import shutil

# This file, in an editable installation, lies in Meridian's source tree.
SOURCE_TREE = pathlib.Path(__file__).resolve().parents[4]
BUILDS = [SOURCE_TREE / "target" / profile / "meridian" for profile in ("release", "debug")]


class BinaryNotFound(Exception):
    """There is no program to run; the text says what to do."""


def find(named: str | os.PathLike | None = None) -> pathlib.Path:
    """The one that was named, else by MERIDIAN_BINARY, else on PATH, else the newest build of the source tree."""
    named = named or os.environ.get("MERIDIAN_BINARY")
    if named:
        return _existing([pathlib.Path(named)])
    on_path = shutil.which("meridian")
    builds = sorted((build for build in BUILDS if build.exists()), key=lambda build: -build.stat().st_mtime)
    return _existing([*([pathlib.Path(on_path)] if on_path else []), *builds] or BUILDS)


def _existing(candidates: list[pathlib.Path]) -> pathlib.Path:
    for path in candidates:
        if path.is_file():
            return path.resolve()
    raise BinaryNotFound(
        f"no `meridian` program: run `cargo build --release -p meridian` in {_source_tree()}, name one with"
        f" --meridian-binary or MERIDIAN_BINARY, or put one on PATH; looked at: {', '.join(map(str, candidates))}"
    )


def _source_tree() -> str:
    return str(SOURCE_TREE) if (SOURCE_TREE / "crates" / "meridian").is_dir() else "Meridian's source tree"
