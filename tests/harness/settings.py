"""How long and how often: short by default, the project's own bar with MERIDIAN_TEST_FULL=1 (`tests/run --full`)."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FULL = os.environ.get("MERIDIAN_TEST_FULL", "0") not in ("", "0")
BINARY = pathlib.Path(os.environ.get("MERIDIAN_BINARY", ROOT / "target" / "debug" / "meridian"))
SEED = int(os.environ.get("MERIDIAN_TEST_SEED", "0")) or int.from_bytes(os.urandom(4), "big")

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
ACCOUNT = "000000000000"


def rounds(name: str, short: int, full: int) -> int:
    """The number of rounds of the test `name`; MERIDIAN_ROUNDS_<NAME> overrides both."""
    return int(os.environ.get(f"MERIDIAN_ROUNDS_{name.upper()}", full if FULL else short))
