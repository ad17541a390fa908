"""The primary Region is lost, another is promoted, and nothing that was returned is undecryptable (C1, C5, C6)."""

from harness import settings
from harness.clients import gateway, multi_region_key, refused, rotate, wait_primary
from harness.cluster import wait_until

LOST, HEIR, THIRD = settings.REGIONS


def opens(cluster, region, ciphertexts):
    kms = gateway(cluster, region)
    for sealed, text in ciphertexts:
        assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == text, region


def seal(cluster, region, key, text):
    return gateway(cluster, region).encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"], text


def test_a_lost_primary_is_replaced_and_returns_as_a_replica(cluster):
    keys = [multi_region_key(cluster, LOST, HEIR, THIRD) for _ in range(3)]
    ciphertexts = [seal(cluster, region, key, b"before") for key in keys for region in settings.REGIONS]
    rotate(cluster, LOST, keys[0], settings.REGIONS)
    ciphertexts += [seal(cluster, region, keys[0], b"rotated") for region in settings.REGIONS]

    cluster.kill(LOST)
    for region in (HEIR, THIRD):
        opens(cluster, region, ciphertexts)  # cryptography goes on without the primary
        refused(lambda r=region: gateway(cluster, r).rotate_key_on_demand(KeyId=keys[0]), "UnsupportedOperationException")

    cluster.region_promote(LOST, HEIR)
    for key in keys:
        wait_primary(gateway(cluster, HEIR), key, HEIR)
        wait_primary(gateway(cluster, THIRD), key, HEIR)

    # New material becomes current only when every member has it: the lost Region is one until it is back or evicted.
    home = gateway(cluster, HEIR)
    before = home.describe_key(KeyId=keys[1])["KeyMetadata"]["CurrentKeyMaterialId"]
    home.rotate_key_on_demand(KeyId=keys[1])
    ciphertexts += [seal(cluster, region, key, b"after") for key in keys for region in (HEIR, THIRD)]
    for region in (HEIR, THIRD):
        opens(cluster, region, ciphertexts)

    cluster.start(LOST)
    cluster.wait_ready(LOST)
    for key in keys:
        wait_primary(gateway(cluster, LOST), key, HEIR)
    refused(lambda: gateway(cluster, LOST).rotate_key_on_demand(KeyId=keys[2]), "UnsupportedOperationException")

    def rotated():
        described = [gateway(cluster, region).describe_key(KeyId=keys[1]) for region in settings.REGIONS]
        found = {answer["KeyMetadata"]["CurrentKeyMaterialId"] for answer in described}
        return len(found) == 1 and before not in found

    wait_until(rotated, "the rotation that waited for the lost Region is complete everywhere", timeout_s=90)
    ciphertexts += [seal(cluster, region, key, b"returned") for key in keys for region in settings.REGIONS]
    for region in settings.REGIONS:
        opens(cluster, region, ciphertexts)


def test_nothing_is_left_after_down(cluster):
    assert len(cluster.processes()) >= 10  # nine nodes and the supervisor
    cluster.down()
    assert cluster.processes() == []
