"""The audit files of a cluster: CloudTrail records, one JSON object per line."""

import json
import pathlib

from harness.cluster import Cluster


def files(cluster: Cluster) -> list[pathlib.Path]:
    """Every audit file of every node."""
    return sorted(path for path in cluster.data_dir.glob("*/node-*/data/audit/**/*") if path.is_file())


def records(cluster: Cluster) -> list[dict]:
    """Every record of every node, parsed; a line that is no JSON object fails the test that asks."""
    found = []
    for path in files(cluster):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                record = json.loads(line)
            except ValueError as error:
                raise AssertionError(f"{path.name}:{number} is no JSON: {error}") from error
            assert isinstance(record, dict), f"{path.name}:{number} is no object"
            found.append(record)
    return found


def by_request(cluster: Cluster) -> dict[str, list[dict]]:
    """Records by the request id that the caller got."""
    found: dict[str, list[dict]] = {}
    for record in records(cluster):
        if "requestID" in record:
            found.setdefault(record["requestID"], []).append(record)
    return found
