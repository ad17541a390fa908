"""Answers that only an attested enclave can read, against enclaves of our own and OpenSSL's CMS."""

import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from harness import attestation, audit, public_keys, settings
from harness.attestation import Enclave
from harness.clients import gateway, refused
from harness.cluster import Cluster
from harness.fixtures import keep_logs

REGION = settings.REGIONS[0]


@pytest.fixture(scope="module")
def enclave():
    return Enclave()


@pytest.fixture(scope="module")
def attested(binary, enclave, tmp_path_factory):
    """A Region of one node that believes the enclave's root."""
    folder = tmp_path_factory.mktemp("recipient")
    (folder / "root.pem").write_bytes(enclave.root_pem())
    cluster = Cluster(folder / "data", regions=(REGION,), nodes=1)
    shape = ["--regions", REGION, "--nodes", 1, "--detach", "--json"]
    environment = {**os.environ, "MERIDIAN_ATTESTATION_ROOT": str(folder / "root.pem")}
    try:
        cluster.local("up", *shape, env=environment, timeout_s=180)
        cluster.status()
        yield cluster
        assert not cluster.panics()
    finally:
        keep_logs(cluster)
        cluster.end()


@pytest.fixture(scope="module")
def kms(attested):
    return gateway(attested, REGION)


def test_secrets_are_for_the_enclave_alone(attested, kms, enclave, tmp_path):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    asked = {"Recipient": enclave.recipient()}
    blob = kms.encrypt(KeyId=key, Plaintext=b"for the enclave")["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, **asked)
    assert "Plaintext" not in opened and "KeyMaterialId" not in opened
    assert enclave.open(opened["CiphertextForRecipient"], tmp_path) == b"for the enclave"
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", **asked)
    assert "Plaintext" not in made and "KeyMaterialId" not in made
    data_key = enclave.open(made["CiphertextForRecipient"], tmp_path)
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == data_key and len(data_key) == 32
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256", **asked)
    assert "PrivateKeyPlaintext" not in pair and "KeyMaterialId" in pair
    private = enclave.open(pair["CiphertextForRecipient"], tmp_path)
    assert kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"] == private
    random = kms.generate_random(NumberOfBytes=100, **asked)
    assert "Plaintext" not in random and len(enclave.open(random["CiphertextForRecipient"], tmp_path)) == 100
    agreement = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
    peer = ec.generate_private_key(ec.SECP256R1())
    derived = kms.derive_shared_secret(
        KeyId=agreement, KeyAgreementAlgorithm="ECDH", PublicKey=public_keys.spki(peer), **asked
    )
    assert "SharedSecret" not in derived
    public = public_keys.load(kms.get_public_key(KeyId=agreement)["PublicKey"])
    assert enclave.open(derived["CiphertextForRecipient"], tmp_path) == peer.exchange(ec.ECDH(), public)
    (record,) = audit.by_request(attested)[opened["ResponseMetadata"]["RequestId"]]
    assert record["additionalEventData"]["recipient"] == {
        "attestationDocumentModuleId": attestation.MODULE,
        "attestationDocumentEnclaveImageDigest": attestation.IMAGE.hex(),
    }
    assert record["requestParameters"]["recipient"] == {"keyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}


def test_policies_can_ask_for_an_enclave(kms, enclave):
    image = {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": attestation.IMAGE.hex()}}
    boot = {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR4": attestation.BOOT.hex()}}
    root = f"arn:aws:iam::{settings.ACCOUNT}:root"

    def key(condition):
        allow = {"Effect": "Allow", "Principal": {"AWS": root}, "Resource": "*"}
        statements = [
            {**allow, "Action": ["kms:PutKeyPolicy", "kms:Encrypt"]},
            {**allow, "Action": "kms:Decrypt", "Condition": condition},
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        return kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]

    for condition in (image, boot):
        blob = kms.encrypt(KeyId=key(condition), Plaintext=b"x")["CiphertextBlob"]
        refused(lambda b=blob: kms.decrypt(CiphertextBlob=b), "AccessDeniedException")
        assert "CiphertextForRecipient" in kms.decrypt(CiphertextBlob=blob, Recipient=enclave.recipient())
    other = {"StringEquals": {"kms:RecipientAttestation:ImageSha384": "00" * 48}}
    blob = kms.encrypt(KeyId=key(other), Plaintext=b"x")["CiphertextBlob"]
    refused(lambda: kms.decrypt(CiphertextBlob=blob, Recipient=enclave.recipient()), "AccessDeniedException")


def test_documents_that_nobody_vouches_for_are_refused(kms, enclave):
    def recipient(document):
        return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}

    right = enclave.document()
    for wrong in (Enclave().document(), right[:-1], right[:-1] + bytes([right[-1] ^ 1]), b"x"):
        call = lambda d=wrong: kms.generate_random(NumberOfBytes=8, Recipient=recipient(d))  # noqa: E731
        error = refused(call, "ValidationException")
        assert "attestation document" in str(error)
    refused(lambda: kms.generate_random(NumberOfBytes=8, Recipient={}), "ValidationException")


def test_without_a_root_a_recipient_is_refused(cluster, enclave):
    plain = gateway(cluster, REGION)
    call = lambda: plain.generate_random(NumberOfBytes=8, Recipient=enclave.recipient())  # noqa: E731
    assert "no root certificate" in str(refused(call, "UnsupportedOperationException"))
