"""Secret bytes are in no file: not in logs, consensus entries, state, snapshots or audit records (invariant F1).

Plaintexts that pass through the API are known to any caller. The key material itself is not: the example
`reveal_material` of the crate `meridian` opens a stopped node's data with the Region's root key and prints it. It is
compiled with a feature of kms-crypto that no program which ships enables.
"""

import os
import shutil
import subprocess

import pytest
from harness import canary, settings
from harness.clients import gateway, multi_region_key, rotate
from harness.cluster import Cluster

REGIONS = settings.REGIONS[:2]
REVEAL = settings.BINARY.parent / "examples" / "reveal_material"


@pytest.fixture(scope="module")
def used(binary, tmp_path_factory):
    """A cluster of its own that worked, restarted, and is down; the secrets its callers saw; one key's id."""
    cluster = Cluster(tmp_path_factory.mktemp("canary") / "data", REGIONS, nodes=3)
    try:
        cluster.up()
        home = gateway(cluster, REGIONS[0])
        key = multi_region_key(cluster, *REGIONS)
        rotate(cluster, REGIONS[0], key, REGIONS)
        text = os.urandom(32)
        sealed = home.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"]
        secrets = {
            "plaintext": text,
            "data key": home.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"],
            "random bytes": home.generate_random(NumberOfBytes=32)["Plaintext"],
        }
        assert gateway(cluster, REGIONS[1]).decrypt(CiphertextBlob=sealed)["Plaintext"] == text
        home.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=key)
        cluster.down()
        cluster.up()
        assert gateway(cluster, REGIONS[1]).decrypt(CiphertextBlob=sealed)["Plaintext"] == text
        cluster.down()
        yield cluster, secrets, key
    finally:
        cluster.end()


def test_what_callers_saw_is_in_no_file(used):
    cluster, secrets, _ = used
    assert len(list(cluster.data_dir.rglob("*"))) > 20
    for name, secret in secrets.items():
        assert canary.find(secret, cluster.data_dir) == [], name


@pytest.mark.parametrize("region", REGIONS)
def test_key_material_is_in_no_file(used, region, tmp_path):
    cluster, _, key = used
    if not REVEAL.exists():
        pytest.skip("`cargo build -p meridian --example reveal_material` was not run, or there is no such example")
    home = cluster.data_dir / region
    copy = shutil.copytree(home / "node-1" / "data", tmp_path / "copy")
    output = subprocess.run(
        [REVEAL, copy, "1", home / "root.key", key],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    materials = [bytes.fromhex(line) for line in output.split()]
    assert len(materials) == 2 and all(len(material) == 32 for material in materials)
    for material in materials:
        assert canary.find(material, cluster.data_dir) == []
