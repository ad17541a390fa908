"""Asymmetric and HMAC keys against other implementations: what one makes, the other takes."""

import concurrent.futures
import hashlib
import hmac
import os
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import audit, public_keys, settings
from harness.clients import gateway, node, refused, wait_state
from harness.imports import imported_key, pkcs8

HOME, SECOND, THIRD = settings.REGIONS
TEXT = b"a message of some length"
CURVES = {spec: curve for spec, curve in public_keys.CURVES.items() if spec.startswith("ECC_NIST_")}
MACS = {"HMAC_224": "sha224", "HMAC_256": "sha256", "HMAC_384": "sha384", "HMAC_512": "sha512"}
KEMS = {"ML_KEM_512": 768, "ML_KEM_768": 1088, "ML_KEM_1024": 1568}
RSA = ["RSA_2048", "RSA_3072", "RSA_4096"]
PAIRS = [*RSA, *CURVES, "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", *KEMS]


@pytest.fixture(scope="module")
def kms(cluster):
    return gateway(cluster, HOME)


@pytest.fixture(scope="module")
def made(kms):
    """One key of each spec and usage, made when it is first asked for."""
    keys = {}

    def key(spec: str, usage: str) -> str:
        if (spec, usage) not in keys:
            keys[spec, usage] = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        return keys[spec, usage]

    return key


@pytest.fixture(scope="module")
def outside(kms):
    """A private key of `cryptography` of each spec and usage, and the key that it is imported into."""
    keys = {}

    def key(spec: str, usage: str):
        if (spec, usage) not in keys:
            private = public_keys.generate(spec)
            wrapping = "RSA_AES_KEY_WRAP_SHA_256"
            keys[spec, usage] = imported_key(kms, pkcs8(private), wrapping, KeySpec=spec, KeyUsage=usage), private
        return keys[spec, usage]

    return key


def public_key(kms, key: str) -> bytes:
    return kms.get_public_key(KeyId=key)["PublicKey"]


@pytest.mark.parametrize("spec", public_keys.SIGNING)
def test_signatures_verify_elsewhere_and_here(kms, made, spec):
    key = made(spec, "SIGN_VERIFY")
    answer = kms.get_public_key(KeyId=key)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    der = answer["PublicKey"]
    assert len(der) == public_keys.SPKI_BYTES[spec]
    assert answer["KeySpec"] == answer["CustomerMasterKeySpec"] == spec and answer["KeyUsage"] == "SIGN_VERIFY"
    assert sorted(answer["SigningAlgorithms"]) == sorted(public_keys.SIGNING[spec])
    assert metadata["SigningAlgorithms"] == answer["SigningAlgorithms"]
    assert "EncryptionAlgorithms" not in metadata and "CurrentKeyMaterialId" not in metadata
    for algorithm in public_keys.SIGNING[spec]:
        for message_type in public_keys.message_types(algorithm):
            message = public_keys.as_message(der, algorithm, message_type, TEXT)
            signed = {"KeyId": key, "Message": message, "MessageType": message_type, "SigningAlgorithm": algorithm}
            signature = kms.sign(**signed)["Signature"]
            public_keys.verify(der, algorithm, TEXT, signature)
            assert kms.verify(**signed, Signature=signature)["SignatureValid"] is True
            spoilt = bytes([signature[0] ^ 1]) + signature[1:]
            for wrong in (spoilt, signature[:-1], b"x"):
                error = refused(lambda s=wrong: kms.verify(**signed, Signature=s), "KMSInvalidSignatureException")
                assert "message" not in error.response and error.response["Error"].get("Message", "") == ""
            refused(lambda: kms.sign(**signed, DryRun=True), "DryRunOperationException")
            refused(lambda: kms.verify(**signed, Signature=signature, DryRun=True), "DryRunOperationException")
        if algorithm.startswith("ECDSA"):
            assert public_keys.ecdsa_is_der(signature)
        with pytest.raises((InvalidSignature, ValueError)):
            public_keys.verify(der, algorithm, TEXT + b"!", signature)


@pytest.mark.parametrize("spec", public_keys.SIGNING)
def test_outside_signatures_verify_here(kms, outside, spec):
    key, private = outside(spec, "SIGN_VERIFY")
    der = public_keys.spki(private)
    for algorithm in public_keys.SIGNING[spec]:
        signature = public_keys.sign(private, algorithm, TEXT)
        for message_type in public_keys.message_types(algorithm):
            message = public_keys.as_message(der, algorithm, message_type, TEXT)
            signed = {"KeyId": key, "Message": message, "MessageType": message_type, "SigningAlgorithm": algorithm}
            verified = kms.verify(**signed, Signature=signature)
            assert verified["SignatureValid"] is True and verified["SigningAlgorithm"] == algorithm
            for at in (0, len(signature) // 2, len(signature) - 1):
                spoilt = flipped(signature, at)
                refused(lambda s=spoilt: kms.verify(**signed, Signature=s), "KMSInvalidSignatureException")
            signed["Message"] = flipped(message, 0)
            refused(lambda: kms.verify(**signed, Signature=signature), "KMSInvalidSignatureException")


@pytest.mark.parametrize("spec", public_keys.SIGNING)
def test_outside_keys_sign_here(kms, outside, spec):
    key, private = outside(spec, "SIGN_VERIFY")
    der = public_keys.spki(private)
    assert public_key(kms, key) == der
    for algorithm in public_keys.SIGNING[spec]:
        for message_type in public_keys.message_types(algorithm):
            message = public_keys.as_message(der, algorithm, message_type, TEXT)
            signed = {"KeyId": key, "Message": message, "MessageType": message_type, "SigningAlgorithm": algorithm}
            public_keys.verify(der, algorithm, TEXT, kms.sign(**signed)["Signature"])


def flipped(data: bytes, at: int) -> bytes:
    """With one bit of byte `at` the other way round."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_messages_that_an_algorithm_does_not_take(kms, made):
    rsa, edwards = made("RSA_2048", "SIGN_VERIFY"), made("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    lattice = made("ML_DSA_44", "SIGN_VERIFY")

    def error(key, algorithm, message_type, message):
        call = lambda: kms.sign(KeyId=key, SigningAlgorithm=algorithm, MessageType=message_type, Message=message)  # noqa: E731
        return str(refused(call, "ValidationException"))

    text = "Digest is invalid length for algorithm RSASSA_PSS_SHA_256."
    assert text in error(rsa, "RSASSA_PSS_SHA_256", "DIGEST", b"x" * 31)
    assert "EXTERNAL_MU" in error(rsa, "RSASSA_PSS_SHA_256", "EXTERNAL_MU", b"x" * 64)
    assert "DIGEST" in error(edwards, "ED25519_SHA_512", "DIGEST", b"x" * 64)
    assert "RAW" in error(edwards, "ED25519_PH_SHA_512", "RAW", b"x" * 64)
    assert "DIGEST" in error(lattice, "ML_DSA_SHAKE_256", "DIGEST", b"x" * 64)
    assert "4096" in error(rsa, "RSASSA_PSS_SHA_256", "RAW", b"x" * 4097)
    call = lambda: kms.sign(KeyId=rsa, SigningAlgorithm="ECDSA_SHA_256", Message=b"x")  # noqa: E731
    assert "Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048." in str(refused(call, "InvalidKeyUsageException"))


@pytest.mark.parametrize("spec", MACS)
def test_macs_have_their_length_and_verify(kms, made, spec):
    key, algorithm = made(spec, "GENERATE_VERIFY_MAC"), spec.replace("HMAC_", "HMAC_SHA_")
    mac = kms.generate_mac(KeyId=key, Message=TEXT, MacAlgorithm=algorithm)["Mac"]
    assert len(mac) == hashlib.new(MACS[spec]).digest_size
    assert kms.generate_mac(KeyId=key, Message=TEXT, MacAlgorithm=algorithm)["Mac"] == mac
    verified = kms.verify_mac(KeyId=key, Message=TEXT, MacAlgorithm=algorithm, Mac=mac)
    assert verified["MacValid"] is True and verified["MacAlgorithm"] == algorithm
    for wrong in (mac[:-1], mac + b"x", bytes([mac[0] ^ 1]) + mac[1:]):
        call = lambda m=wrong: kms.verify_mac(KeyId=key, Message=TEXT, MacAlgorithm=algorithm, Mac=m)  # noqa: E731
        refused(call, "KMSInvalidMacException")
    other = "HMAC_SHA_256" if spec != "HMAC_256" else "HMAC_SHA_512"
    call = lambda: kms.generate_mac(KeyId=key, Message=TEXT, MacAlgorithm=other)  # noqa: E731
    assert f"Algorithm {other} is incompatible with key spec {spec}." in str(refused(call, "InvalidKeyUsageException"))
    refused(lambda: kms.get_public_key(KeyId=key), "UnsupportedOperationException")


@pytest.mark.parametrize("spec", MACS)
def test_outside_macs_are_those_made_here(kms, spec):
    material = os.urandom(hashlib.new(MACS[spec]).digest_size)
    key = imported_key(kms, material, KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
    mac = hmac.digest(material, TEXT, MACS[spec])
    named = {"KeyId": key, "Message": TEXT, "MacAlgorithm": spec.replace("HMAC_", "HMAC_SHA_")}
    assert kms.generate_mac(**named)["Mac"] == mac
    assert kms.verify_mac(**named, Mac=mac)["MacValid"] is True
    refused(lambda: kms.verify_mac(**named, Mac=flipped(mac, len(mac) - 1)), "KMSInvalidMacException")


@pytest.mark.parametrize("spec", RSA)
def test_rsa_encryption_in_both_directions(kms, made, spec):
    key = made(spec, "ENCRYPT_DECRYPT")
    der, bits = public_key(kms, key), int(spec[4:])
    for algorithm, hash_bytes in (("RSAES_OAEP_SHA_1", 20), ("RSAES_OAEP_SHA_256", 32)):
        most = bits // 8 - 2 * hash_bytes - 2
        sealed = public_keys.load(der).encrypt(b"y" * most, public_keys.oaep(algorithm))
        named = {"KeyId": key, "EncryptionAlgorithm": algorithm}
        opened = kms.decrypt(CiphertextBlob=sealed, **named)
        assert opened["Plaintext"] == b"y" * most and opened["EncryptionAlgorithm"] == algorithm
        assert "KeyMaterialId" not in opened
        blob = kms.encrypt(Plaintext=b"y" * most, **named)["CiphertextBlob"]
        assert len(blob) == bits // 8 and kms.decrypt(CiphertextBlob=blob, **named)["Plaintext"] == b"y" * most
        error = refused(lambda: kms.encrypt(Plaintext=b"y" * (most + 1), **named), "ValidationException")
        assert f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes." in str(error)
        refused(lambda: kms.decrypt(CiphertextBlob=blob[:-1] + b"x", **named), "InvalidCiphertextException")
        context = {"EncryptionContext": {"a": "1"}}
        refused(lambda: kms.encrypt(Plaintext=b"y", **named, **context), "ValidationException")
        refused(lambda: kms.decrypt(CiphertextBlob=blob, **named, **context), "ValidationException")
        refused(lambda: kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm=algorithm), "InvalidCiphertextException")
    refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"y"), "InvalidKeyUsageException")
    refused(lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"), "InvalidKeyUsageException")
    refused(lambda: kms.sign(KeyId=key, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256"), "InvalidKeyUsageException")


@pytest.mark.parametrize("spec", RSA)
def test_outside_rsa_keys_open_what_the_other_side_sealed(kms, outside, spec):
    key, private = outside(spec, "ENCRYPT_DECRYPT")
    assert public_key(kms, key) == public_keys.spki(private)
    for algorithm in ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"):
        named, padding = {"KeyId": key, "EncryptionAlgorithm": algorithm}, public_keys.oaep(algorithm)
        sealed = private.public_key().encrypt(TEXT, padding)
        assert kms.decrypt(CiphertextBlob=sealed, **named)["Plaintext"] == TEXT
        assert private.decrypt(kms.encrypt(Plaintext=TEXT, **named)["CiphertextBlob"], padding) == TEXT
        spoilt = flipped(sealed, len(sealed) - 1)
        refused(lambda s=spoilt: kms.decrypt(CiphertextBlob=s, **named), "InvalidCiphertextException")


def test_the_private_half_opens_elsewhere_what_was_sealed_here(kms, made):
    """A data key pair is the one way to hold a private key outside."""
    wrapping = made("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    pair = kms.generate_data_key_pair(KeyId=wrapping, KeyPairSpec="RSA_2048")
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    sealed = public_keys.load(pair["PublicKey"]).encrypt(b"x", public_keys.oaep("RSAES_OAEP_SHA_256"))
    assert private.decrypt(sealed, public_keys.oaep("RSAES_OAEP_SHA_256")) == b"x"


def test_re_encrypt_between_symmetric_and_rsa_keys(kms, made):
    symmetric, rsa = made("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), made("RSA_2048", "ENCRYPT_DECRYPT")
    algorithm = "RSAES_OAEP_SHA_256"
    blob = kms.encrypt(KeyId=symmetric, Plaintext=TEXT, EncryptionContext={"a": "1"})["CiphertextBlob"]
    to_rsa = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=rsa,
        DestinationEncryptionAlgorithm=algorithm,
    )
    assert "DestinationKeyMaterialId" not in to_rsa and "SourceKeyMaterialId" in to_rsa
    assert to_rsa["DestinationEncryptionAlgorithm"] == algorithm
    back = kms.re_encrypt(
        CiphertextBlob=to_rsa["CiphertextBlob"],
        SourceKeyId=rsa,
        SourceEncryptionAlgorithm=algorithm,
        DestinationKeyId=symmetric,
    )
    assert "SourceKeyMaterialId" not in back and "DestinationKeyMaterialId" in back
    assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == TEXT
    long = kms.encrypt(KeyId=symmetric, Plaintext=b"x" * 191)["CiphertextBlob"]
    destination = {"DestinationKeyId": rsa, "DestinationEncryptionAlgorithm": algorithm}
    refused(lambda: kms.re_encrypt(CiphertextBlob=long, **destination), "ValidationException")
    signing = made("RSA_2048", "SIGN_VERIFY")
    refused(lambda: kms.decrypt(CiphertextBlob=long, KeyId=signing), "IncorrectKeyException")


@pytest.mark.parametrize("spec", CURVES)
def test_shared_secrets_agree_with_the_other_side(kms, made, spec):
    key = made(spec, "KEY_AGREEMENT")
    der = public_key(kms, key)
    peer = ec.generate_private_key(CURVES[spec])
    mine = public_keys.spki(peer)
    answer = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=mine)
    assert answer["SharedSecret"] == peer.exchange(ec.ECDH(), public_keys.load(der))
    assert answer["KeyAgreementAlgorithm"] == "ECDH" and answer["KeyOrigin"] == "AWS_KMS"
    other = next(curve for name, curve in CURVES.items() if name != spec)
    for wrong in (public_keys.spki(ec.generate_private_key(other)), b"not a key", mine[:-1]):
        call = lambda p=wrong: kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=p)  # noqa: E731
        error = refused(call, "ValidationException")
        assert error.response["Error"].get("Message", "") == ""


@pytest.mark.parametrize("spec", CURVES)
def test_outside_keys_agree_on_the_same_secret(kms, outside, spec):
    key, private = outside(spec, "KEY_AGREEMENT")
    assert public_key(kms, key) == public_keys.spki(private)
    peer = ec.generate_private_key(CURVES[spec])
    agreed = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": public_keys.spki(peer)}
    answer = kms.derive_shared_secret(**agreed)
    assert answer["SharedSecret"] == private.exchange(ec.ECDH(), peer.public_key())
    assert answer["SharedSecret"] == peer.exchange(ec.ECDH(), private.public_key())
    assert answer["KeyOrigin"] == "EXTERNAL"


def test_two_keys_of_the_service_agree(kms, made):
    one = made("ECC_NIST_P256", "KEY_AGREEMENT")
    two = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
    secrets = [
        kms.derive_shared_secret(KeyId=a, KeyAgreementAlgorithm="ECDH", PublicKey=public_key(kms, b))["SharedSecret"]
        for a, b in ((one, two), (two, one))
    ]
    assert secrets[0] == secrets[1] and len(secrets[0]) == 32


@pytest.mark.parametrize("spec", KEMS)
def test_encapsulation_in_both_directions(kms, made, spec):
    key = made(spec, "ENCAPSULATE_DECAPSULATE")
    named = {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"}
    der = public_key(kms, key)
    assert len(der) == public_keys.SPKI_BYTES[spec]
    secret, ciphertext = public_keys.encapsulate(der, spec)
    assert kms.decapsulate(SharedSecretCiphertextBlob=ciphertext, **named)["SharedSecret"] == secret
    own = kms.encapsulate(**named)
    assert len(own["SharedSecret"]) == 32 and len(own["SharedSecretCiphertextBlob"]) == KEMS[spec]
    blob = own["SharedSecretCiphertextBlob"]
    assert kms.decapsulate(SharedSecretCiphertextBlob=blob, **named)["SharedSecret"] == own["SharedSecret"]
    spoilt = bytes([blob[0] ^ 1]) + blob[1:]
    other = kms.decapsulate(SharedSecretCiphertextBlob=spoilt, **named)["SharedSecret"]
    assert len(other) == 32 and other != own["SharedSecret"]
    refused(lambda: kms.decapsulate(SharedSecretCiphertextBlob=blob[:-1], **named), "InvalidCiphertextException")


@pytest.mark.parametrize("spec", KEMS)
def test_outside_keys_decapsulate_the_same_secret(kms, spec):
    private, usage = public_keys.generate_pkcs8(spec), "ENCAPSULATE_DECAPSULATE"
    key = imported_key(kms, private, "RSA_AES_KEY_WRAP_SHA_256", KeySpec=spec, KeyUsage=usage)
    der = public_key(kms, key)
    check_pair(spec, private, der)
    named = {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"}
    secret, ciphertext = public_keys.encapsulate(der, spec)
    assert kms.decapsulate(SharedSecretCiphertextBlob=ciphertext, **named)["SharedSecret"] == secret
    own = kms.encapsulate(**named)
    assert public_keys.decapsulate(private, spec, own["SharedSecretCiphertextBlob"]) == own["SharedSecret"]


@pytest.mark.parametrize("spec", PAIRS)
def test_data_key_pairs_match_and_decrypt_to_themselves(kms, made, spec):
    wrapping, context = made("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), {"purpose": "pair"}
    asked = {"KeyId": wrapping, "KeyPairSpec": spec, "EncryptionContext": context}
    pair = kms.generate_data_key_pair(**asked)
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"] and opened["KeyMaterialId"] == pair["KeyMaterialId"]
    refused(lambda: kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"]), "InvalidCiphertextException")
    check_pair(spec, pair["PrivateKeyPlaintext"], pair["PublicKey"])
    blind = kms.generate_data_key_pair_without_plaintext(**asked)
    assert "PrivateKeyPlaintext" not in blind and blind["PublicKey"] != pair["PublicKey"]
    private = kms.decrypt(CiphertextBlob=blind["PrivateKeyCiphertextBlob"], EncryptionContext=context)["Plaintext"]
    check_pair(spec, private, blind["PublicKey"])
    refused(lambda: kms.generate_data_key_pair(**asked, DryRun=True), "DryRunOperationException")


def check_pair(spec: str, private: bytes, public: bytes):
    assert len(public) == public_keys.SPKI_BYTES[spec]
    if spec in KEMS:
        secret, ciphertext = public_keys.encapsulate(public, spec)
        assert public_keys.decapsulate(private, spec, ciphertext) == secret
        return
    assert public_keys.spki(serialization.load_der_private_key(private, None)) == public


def test_data_key_pairs_need_a_symmetric_key(kms, made):
    rsa = made("RSA_2048", "ENCRYPT_DECRYPT")
    refused(lambda: kms.generate_data_key_pair(KeyId=rsa, KeyPairSpec="RSA_2048"), "InvalidKeyUsageException")
    wrapping = made("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    refused(lambda: kms.generate_data_key_pair(KeyId=wrapping, KeyPairSpec="SM2"), "UnsupportedOperationException")
    refused(lambda: kms.create_key(KeySpec="SM2", KeyUsage="SIGN_VERIFY"), "UnsupportedOperationException")


def test_keys_that_cannot_rotate_say_so(kms, made):
    for key in (made("RSA_2048", "SIGN_VERIFY"), made("HMAC_256", "GENERATE_VERIFY_MAC")):
        for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand, kms.list_key_rotations):
            error = refused(lambda c=call: c(KeyId=key), "UnsupportedOperationException")
            assert error.response["Error"].get("Message", "") == ""
        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


def test_a_spec_needs_a_usage_that_fits(kms):
    error = refused(lambda: kms.create_key(KeySpec="HMAC_256"), "ValidationException")
    assert "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys." in str(error)
    error = refused(lambda: kms.create_key(KeySpec="RSA_2048", KeyUsage="KEY_AGREEMENT"), "ValidationException")
    assert "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048" in str(error)


def test_replicas_do_the_same(cluster, kms):
    second = gateway(cluster, SECOND)
    usages = {
        "RSA_2048": "ENCRYPT_DECRYPT",
        "ECC_NIST_P384": "SIGN_VERIFY",
        "ECC_NIST_P521": "KEY_AGREEMENT",
        "ML_DSA_65": "SIGN_VERIFY",
        "ML_KEM_768": "ENCAPSULATE_DECAPSULATE",
        "HMAC_384": "GENERATE_VERIFY_MAC",
    }
    keys = {}
    for spec, usage in usages.items():
        keys[spec] = kms.create_key(KeySpec=spec, KeyUsage=usage, MultiRegion=True)["KeyMetadata"]["KeyId"]
        kms.replicate_key(KeyId=keys[spec], ReplicaRegion=SECOND)
    for spec, key in keys.items():
        wait_state(second, key)
        if not spec.startswith("HMAC"):
            assert public_key(second, key) == public_key(kms, key)
    named = {"KeyId": keys["RSA_2048"], "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(Plaintext=TEXT, **named)["CiphertextBlob"]
    assert second.decrypt(CiphertextBlob=blob, **named)["Plaintext"] == TEXT
    for spec, algorithm in (("ECC_NIST_P384", "ECDSA_SHA_384"), ("ML_DSA_65", "ML_DSA_SHAKE_256")):
        signed = {"KeyId": keys[spec], "Message": TEXT, "SigningAlgorithm": algorithm}
        for maker, checker in ((kms, second), (second, kms)):
            signature = maker.sign(**signed)["Signature"]
            assert checker.verify(**signed, Signature=signature)["SignatureValid"] is True
            public_keys.verify(public_key(kms, keys[spec]), algorithm, TEXT, signature)
    peer = public_keys.spki(ec.generate_private_key(ec.SECP521R1()))
    agreed = {"KeyId": keys["ECC_NIST_P521"], "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer}
    assert kms.derive_shared_secret(**agreed)["SharedSecret"] == second.derive_shared_secret(**agreed)["SharedSecret"]
    kem = {"KeyId": keys["ML_KEM_768"], "EncapsulationAlgorithm": "ML_KEM"}
    own = kms.encapsulate(**kem)
    opened = second.decapsulate(SharedSecretCiphertextBlob=own["SharedSecretCiphertextBlob"], **kem)
    assert opened["SharedSecret"] == own["SharedSecret"]
    mac = {"KeyId": keys["HMAC_384"], "Message": TEXT, "MacAlgorithm": "HMAC_SHA_384"}
    assert kms.generate_mac(**mac)["Mac"] == second.generate_mac(**mac)["Mac"]


def test_audit_records_name_the_algorithm_and_hold_no_message(cluster, kms, made):
    signing, mac = made("ECC_NIST_P256", "SIGN_VERIFY"), made("HMAC_256", "GENERATE_VERIFY_MAC")
    signed = {"KeyId": signing, "Message": TEXT, "SigningAlgorithm": "ECDSA_SHA_256"}
    answer = kms.sign(**signed)
    verified = kms.verify(**signed, Signature=answer["Signature"])
    tagged = {"KeyId": mac, "Message": TEXT, "MacAlgorithm": "HMAC_SHA_256"}
    wrapping = made("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    expected = [
        (answer, {"keyId": signing, "messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"}),
        (verified, {"keyId": signing, "messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"}),
        (kms.generate_mac(**tagged), {"keyId": mac, "macAlgorithm": "HMAC_SHA_256"}),
        (kms.get_public_key(KeyId=signing), {"keyId": signing}),
        (
            kms.generate_data_key_pair(KeyId=wrapping, KeyPairSpec="ECC_NIST_P256", EncryptionContext={"a": "1"}),
            {"keyId": wrapping, "keyPairSpec": "ECC_NIST_P256", "encryptionContext": {"a": "1"}},
        ),
    ]
    records = audit.by_request(cluster)
    for response, parameters in expected:
        (record,) = records[response["ResponseMetadata"]["RequestId"]]
        assert record["requestParameters"] == parameters
        assert record["responseElements"] is None and record["readOnly"] is True
        assert len(record["resources"]) == 1


def test_slow_keys_do_not_hold_up_other_calls(cluster):
    """RSA keys of 4,096 bits take a node up to seconds each; Encrypt on the same node goes on meanwhile."""
    one = node(cluster, HOME, 1, read_timeout_s=120)
    key = one.create_key()["KeyMetadata"]["KeyId"]
    one.encrypt(KeyId=key, Plaintext=b"x")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        slow = [
            pool.submit(lambda: one.create_key(KeySpec="RSA_4096", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"])
            for _ in range(6)
        ]
        waits = []
        while not all(future.done() for future in slow):
            began = time.monotonic()
            one.encrypt(KeyId=key, Plaintext=b"x")
            waits.append(time.monotonic() - began)
            time.sleep(0.02)
        keys = {future.result() for future in slow}
    assert len(keys) == 6
    waits.sort()
    print(f"{len(waits)} calls of Encrypt meanwhile, median {waits[len(waits) // 2]:.3f} s, slowest {waits[-1]:.3f} s")
    assert len(waits) >= 10 and waits[len(waits) // 2] < 0.5


