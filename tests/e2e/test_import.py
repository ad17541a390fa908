"""Imported key material: every wrapping, every kind of key, expiry, several materials, three Regions, every refusal."""

import datetime
import os
import time

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from harness import settings
from harness.clients import gateway, refused, wait_primary, wait_state
from harness.cluster import wait_until
from harness.imports import (
    ALGORITHMS,
    DIRECT,
    TWO_STEPS,
    WRAPPING_SPECS,
    external_key,
    import_material,
    imported_key,
    in_seconds,
    parameters,
    pkcs8,
    wrapped,
)

HOME, SECOND, THIRD = settings.REGIONS[:3]


@pytest.fixture
def kms(cluster):
    return gateway(cluster, HOME)


def metadata(client, key: str) -> dict:
    return client.describe_key(KeyId=key)["KeyMetadata"]


def rotations(client, key: str) -> list[dict]:
    return client.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]


def states(client, key: str) -> list[str]:
    return [entry["KeyMaterialState"] for entry in rotations(client, key)]


def message(error: ClientError) -> str:
    return error.response["Error"]["Message"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("spec", WRAPPING_SPECS)
def test_every_wrapping_brings_symmetric_material(kms, algorithm, spec):
    key = external_key(kms)
    given = parameters(kms, key, algorithm, spec)
    public = serialization.load_der_public_key(given["PublicKey"])
    assert f"RSA_{public.key_size}" == spec
    left = given["ParametersValidTo"] - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=23, minutes=59) < left <= datetime.timedelta(hours=24, minutes=1)
    imported = import_material(kms, key, os.urandom(32), algorithm, spec)
    assert imported["KeyId"] == given["KeyId"] == metadata(kms, key)["Arn"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"attack at dawn")["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=sealed)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"attack at dawn", imported["KeyMaterialId"])


def test_a_key_shows_its_material_coming_and_going(kms):
    key, material = external_key(kms), os.urandom(32)
    created = metadata(kms, key)
    assert (created["KeyState"], created["Enabled"], created["Origin"]) == ("PendingImport", False, "EXTERNAL")
    assert not {"ExpirationModel", "ValidTo", "CurrentKeyMaterialId"} & created.keys()
    pending = refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), "KMSInvalidStateException")
    assert message(pending) == f"{created['Arn']} is pending import."
    refused(lambda: kms.enable_key(KeyId=key), "KMSInvalidStateException")
    assert "KeyMaterialId" not in kms.delete_imported_key_material(KeyId=key)

    valid_to = in_seconds(3600).replace(microsecond=0)
    imported = import_material(kms, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=valid_to)
    here = metadata(kms, key)
    assert (here["KeyState"], here["ExpirationModel"], here["ValidTo"]) == ("Enabled", "KEY_MATERIAL_EXPIRES", valid_to)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    deleted = kms.delete_imported_key_material(KeyId=key)
    assert deleted["KeyMaterialId"] == imported["KeyMaterialId"] == here["CurrentKeyMaterialId"]
    gone = metadata(kms, key)
    assert (gone["KeyState"], gone["CurrentKeyMaterialId"]) == ("PendingImport", imported["KeyMaterialId"])
    assert not {"ExpirationModel", "ValidTo"} & gone.keys()
    refused(lambda: kms.decrypt(CiphertextBlob=sealed), "KMSInvalidStateException")

    import_material(kms, key, material)
    assert metadata(kms, key)["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_material_expires_by_itself_and_comes_back(kms):
    key, material = external_key(kms), os.urandom(32)
    import_material(kms, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=in_seconds(4))
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    wait_state(kms, key, "PendingImport", timeout_s=30)
    refused(lambda: kms.decrypt(CiphertextBlob=sealed), "KMSInvalidStateException")
    import_material(kms, key, material)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_a_second_import_moves_the_expiry(kms):
    key, material = external_key(kms), os.urandom(32)
    import_material(kms, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=in_seconds(6))
    later = in_seconds(364 * 86_400).replace(microsecond=0)
    import_material(kms, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=later)
    time.sleep(8)  # past the first date
    assert metadata(kms, key)["KeyState"] == "Enabled"
    assert metadata(kms, key)["ValidTo"] == later
    import_material(kms, key, material)
    assert "ValidTo" not in metadata(kms, key)


def test_several_materials_rotate_in_and_all_of_them_are_needed(kms):
    key, materials = external_key(kms), [os.urandom(32) for _ in range(3)]
    arn = metadata(kms, key)["Arn"]
    first = import_material(kms, key, materials[0], KeyMaterialDescription="of the first year")["KeyMaterialId"]
    none = refused(lambda: kms.rotate_key_on_demand(KeyId=key), "KMSInvalidStateException")
    assert message(none) == f"No available key material pending rotation for the key: {arn}."
    second = import_material(kms, key, materials[1], ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    assert metadata(kms, key)["CurrentKeyMaterialId"] == first
    third = wrapped(kms, key, materials[2])
    late = refused(
        lambda: kms.import_key_material(
            **third, ImportType="NEW_KEY_MATERIAL", ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE"
        ),
        "KMSInvalidStateException",
    )
    assert message(late).startswith("New key material (id: ")
    assert message(late).endswith(
        f") cannot be imported into KMS key {arn}, because another key material (id: {second}) is pending rotation."
    )
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == arn
    assert metadata(kms, key)["CurrentKeyMaterialId"] == second
    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    listed = rotations(kms, key)
    assert [entry["KeyMaterialState"] for entry in listed] == ["NON_CURRENT", "CURRENT"]
    assert (listed[0]["KeyMaterialDescription"], listed[0]["ImportState"]) == ("of the first year", "IMPORTED")
    assert "RotationDate" not in listed[0] and listed[1]["RotationType"] == "ON_DEMAND"
    only = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [entry["KeyMaterialId"] for entry in only] == [second]

    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
    refused(lambda: kms.decrypt(CiphertextBlob=new), "KMSInvalidStateException")
    assert rotations(kms, key)[0]["ImportState"] == "PENDING_IMPORT"
    import_material(kms, key, materials[0], KeyMaterialId=first)
    for blob, text, material in (old, b"old", first), (new, b"new", second):
        opened = kms.decrypt(CiphertextBlob=blob)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (text, material)
    assert rotations(kms, key)[0]["KeyMaterialDescription"] == "of the first year"

    pending = import_material(kms, key, materials[2], ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=pending)
    assert (metadata(kms, key)["KeyState"], len(rotations(kms, key))) == ("Enabled", 2)


def test_every_refusal(kms):
    own = kms.create_key()["KeyMetadata"]
    foreign = f"{own['Arn']} origin is AWS_KMS which is not valid for this operation."
    for call in (
        lambda: parameters(kms, own["KeyId"]),
        lambda: kms.delete_imported_key_material(KeyId=own["KeyId"]),
        lambda: kms.import_key_material(KeyId=own["KeyId"], ImportToken=b"x", EncryptedKeyMaterial=b"y"),
    ):
        assert message(refused(call, "UnsupportedOperationException")) == foreign
    key, other = external_key(kms), external_key(kms)
    arn = metadata(kms, key)["Arn"]
    external = f"{arn} origin is EXTERNAL which is not valid for this operation."
    for call in kms.enable_key_rotation, kms.disable_key_rotation, kms.get_key_rotation_status:
        assert message(refused(lambda call=call: call(KeyId=key), "UnsupportedOperationException")) == external
    refused(lambda: parameters(kms, key, "RSAES_PKCS1_V1_5"), "UnsupportedOperationException")
    refused(lambda: parameters(kms, key, "SM2PKE", "SM2"), "UnsupportedOperationException")
    refused(lambda: parameters(kms, key, "RSA"), "ValidationException")

    material = os.urandom(32)
    good = wrapped(kms, key, material)
    forever = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}

    def import_(code, **members):
        return message(refused(lambda: kms.import_key_material(**{**good, **forever, **members}), code))

    expires = {"ExpirationModel": "KEY_MATERIAL_EXPIRES"}
    no_date = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
    assert import_("ValidationException", **expires) == no_date
    import_("ValidationException", ValidTo=in_seconds(60))
    import_("ValidationException", **expires, ValidTo=in_seconds(-60))
    import_("ValidationException", **expires, ValidTo=in_seconds(366 * 86_400))
    import_("ValidationException", KeyMaterialId="ab")
    import_("ValidationException", KeyMaterialId="ab" * 32, ImportType="NEW_KEY_MATERIAL")
    import_("IncorrectKeyMaterialException", ImportType="EXISTING_KEY_MATERIAL")
    refused(
        lambda: kms.import_key_material(**{**good, **forever, "ImportToken": b"x"}), "InvalidImportTokenException"
    )
    strange = wrapped(kms, other, material)["ImportToken"]
    refused(
        lambda: kms.import_key_material(**{**good, **forever, "ImportToken": strange}), "InvalidImportTokenException"
    )
    garbled = bytes([good["EncryptedKeyMaterial"][0] ^ 1]) + good["EncryptedKeyMaterial"][1:]
    refused(
        lambda: kms.import_key_material(**{**good, **forever, "EncryptedKeyMaterial": garbled}),
        "InvalidCiphertextException",
    )
    for length in 1, 31, 33:
        short = wrapped(kms, key, os.urandom(length))
        refused(lambda short=short: kms.import_key_material(**short, **forever), "IncorrectKeyMaterialException")

    kms.import_key_material(**good, **forever)
    import_("IncorrectKeyMaterialException", ImportType="NEW_KEY_MATERIAL")
    import_("IncorrectKeyMaterialException", KeyMaterialId="ab" * 32)
    different = wrapped(kms, key, os.urandom(32))
    refused(lambda: kms.import_key_material(**different, **forever), "IncorrectKeyMaterialException")
    refused(lambda: kms.delete_imported_key_material(KeyId=key, KeyMaterialId="ab" * 32), "NotFoundException")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    refused(lambda: parameters(kms, key), "KMSInvalidStateException")
    refused(lambda: kms.import_key_material(**good, **forever), "KMSInvalidStateException")
    kms.delete_imported_key_material(KeyId=key)
    assert metadata(kms, key)["KeyState"] == "PendingDeletion"


def test_a_token_works_on_every_node_of_its_region_only(cluster, kms):
    key = external_key(kms, MultiRegion=True)
    material = os.urandom(32)
    given = wrapped(kms, key, material)
    for _ in range(6):  # the gateway takes the nodes in turn
        kms.import_key_material(**given, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    kms.replicate_key(KeyId=key, ReplicaRegion=SECOND)
    there = gateway(cluster, SECOND)
    wait_state(there, key, "PendingImport")
    refused(
        lambda: there.import_key_material(**given, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE"),
        "InvalidImportTokenException",
    )


def replicated(cluster, material: bytes) -> str:
    """An imported key in three Regions, with the same material in each."""
    home = gateway(cluster, HOME)
    key = external_key(home, MultiRegion=True)
    refused(lambda: home.replicate_key(KeyId=key, ReplicaRegion=SECOND), "KMSInvalidStateException")
    import_material(home, key, material)
    for region in SECOND, THIRD:
        home.replicate_key(KeyId=key, ReplicaRegion=region)
        wait_state(gateway(cluster, region), key, "PendingImport")
        import_material(gateway(cluster, region), key, material)
        wait_state(gateway(cluster, region), key)
    return key


def wait_states(cluster, key: str, *expected: str):
    """Until the key's materials are in these states in every Region."""
    for region in HOME, SECOND, THIRD:
        client = gateway(cluster, region)
        wait_until(lambda client=client: states(client, key) == list(expected), f"{expected} in {region}", 60)


def test_three_regions_import_and_rotate_together(cluster):
    clients = {region: gateway(cluster, region) for region in (HOME, SECOND, THIRD)}
    home, second, third = clients.values()
    materials = [os.urandom(32) for _ in range(2)]
    key = replicated(cluster, materials[0])
    old = home.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    assert all(client.decrypt(CiphertextBlob=old)["Plaintext"] == b"old" for client in clients.values())

    different = wrapped(second, key, materials[1])
    forever = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    refused(lambda: second.import_key_material(**different, **forever), "IncorrectKeyMaterialException")
    refused(
        lambda: second.import_key_material(**different, **forever, ImportType="NEW_KEY_MATERIAL"),
        "UnsupportedOperationException",
    )
    new = import_material(home, key, materials[1], ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    waiting = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    wait_states(cluster, key, "CURRENT", waiting)
    refused(lambda: home.rotate_key_on_demand(KeyId=key), "KMSInvalidStateException")
    for client in second, third:
        assert rotations(client, key)[1]["ImportState"] == "PENDING_IMPORT"
        import_material(client, key, materials[1], ImportType="EXISTING_KEY_MATERIAL")
    wait_states(cluster, key, "CURRENT", "PENDING_ROTATION")

    # One Region loses it: the others keep it, and the rotation waits again.
    third.delete_imported_key_material(KeyId=key, KeyMaterialId=new)
    wait_states(cluster, key, "CURRENT", waiting)
    assert rotations(second, key)[1]["ImportState"] == "IMPORTED"
    import_material(third, key, materials[1])
    wait_states(cluster, key, "CURRENT", "PENDING_ROTATION")
    refused(lambda: third.rotate_key_on_demand(KeyId=key), "UnsupportedOperationException")
    home.rotate_key_on_demand(KeyId=key)
    wait_states(cluster, key, "NON_CURRENT", "CURRENT")
    sealed = third.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    for client in clients.values():
        opened = client.decrypt(CiphertextBlob=sealed)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"new", new)
        assert client.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"


def test_a_pending_material_is_taken_back_by_the_primary_everywhere(cluster):
    home, second = gateway(cluster, HOME), gateway(cluster, SECOND)
    key, material = replicated(cluster, os.urandom(32)), os.urandom(32)
    new = import_material(home, key, material, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    wait_states(cluster, key, "CURRENT", "PENDING_MULTI_REGION_IMPORT_AND_ROTATION")
    import_material(second, key, material)
    home.delete_imported_key_material(KeyId=key, KeyMaterialId=new)
    wait_states(cluster, key, "CURRENT")
    wrong = wrapped(second, key, material)
    refused(
        lambda: second.import_key_material(**wrong, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE"),
        "IncorrectKeyMaterialException",
    )
    import_material(home, key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")


def test_expiry_is_a_matter_of_one_region(cluster):
    home, second = gateway(cluster, HOME), gateway(cluster, SECOND)
    material = os.urandom(32)
    key = replicated(cluster, material)
    import_material(second, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=in_seconds(3))
    wait_state(second, key, "PendingImport", timeout_s=30)
    sealed = home.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    refused(lambda: second.decrypt(CiphertextBlob=sealed), "KMSInvalidStateException")
    assert "ValidTo" not in metadata(home, key)
    import_material(second, key, material)
    assert second.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_a_new_primary_goes_on_with_a_pending_material(cluster):
    home, second, third = (gateway(cluster, region) for region in (HOME, SECOND, THIRD))
    key, material = replicated(cluster, os.urandom(32)), os.urandom(32)
    new = import_material(home, key, material, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    wait_states(cluster, key, "CURRENT", "PENDING_MULTI_REGION_IMPORT_AND_ROTATION")
    import_material(second, key, material)
    home.update_primary_region(KeyId=key, PrimaryRegion=SECOND)
    wait_primary(second, key, SECOND)
    wait_primary(third, key, SECOND)
    import_material(third, key, material)
    wait_states(cluster, key, "CURRENT", "PENDING_ROTATION")
    second.rotate_key_on_demand(KeyId=key)
    wait_states(cluster, key, "NON_CURRENT", "CURRENT")
    assert metadata(home, key)["CurrentKeyMaterialId"] == new


ELLIPTIC = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}
ECDSA = {"ECC_NIST_P384": hashes.SHA384(), "ECC_NIST_P521": hashes.SHA512()}


@pytest.mark.parametrize("spec", ELLIPTIC)
def test_elliptic_curve_keys_sign_as_their_owner_would(kms, spec):
    private = ec.generate_private_key(ELLIPTIC[spec])
    key = external_key(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    fits = [a for a in ALGORITHMS if spec != "ECC_NIST_P521" or a in TWO_STEPS]
    for algorithm in set(ALGORITHMS) - set(fits):
        refused(lambda algorithm=algorithm: parameters(kms, key, algorithm), "UnsupportedOperationException")
    for algorithm in fits:
        assert "KeyMaterialId" not in import_material(kms, key, pkcs8(private), algorithm)
    digest = ECDSA.get(spec, hashes.SHA256())
    signature = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm=f"ECDSA_SHA_{digest.digest_size * 8}")["Signature"]
    private.public_key().verify(signature, b"m", ec.ECDSA(digest))
    other = wrapped(kms, key, pkcs8(ec.generate_private_key(ELLIPTIC[spec])), fits[0])
    refused(
        lambda: kms.import_key_material(**other, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE"),
        "IncorrectKeyMaterialException",
    )


def test_edwards_curve_keys_sign_as_their_owner_would(kms):
    private = ed25519.Ed25519PrivateKey.generate()
    key = imported_key(kms, pkcs8(private), KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    signature = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ED25519_SHA_512")["Signature"]
    private.public_key().verify(signature, b"m")


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa_keys_decrypt_and_sign_as_their_owner_would(kms, bits):
    private = rsa.generate_private_key(65537, bits)
    key = external_key(kms, KeySpec=f"RSA_{bits}", KeyUsage="ENCRYPT_DECRYPT")
    for algorithm in DIRECT:
        refused(lambda algorithm=algorithm: parameters(kms, key, algorithm), "UnsupportedOperationException")
    for algorithm in TWO_STEPS:
        import_material(kms, key, pkcs8(private), algorithm)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    blob = private.public_key().encrypt(b"x", oaep)
    assert kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")["Plaintext"] == b"x"
    spki = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert spki.public_numbers() == private.public_key().public_numbers()
    kms.delete_imported_key_material(KeyId=key)
    refused(lambda: kms.get_public_key(KeyId=key), "KMSInvalidStateException")
    wrong = external_key(kms, KeySpec="RSA_4096" if bits != 4096 else "RSA_2048", KeyUsage="SIGN_VERIFY")
    misfit = wrapped(kms, wrong, pkcs8(private), "RSA_AES_KEY_WRAP_SHA_256")
    refused(
        lambda: kms.import_key_material(**misfit, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE"),
        "IncorrectKeyMaterialException",
    )


def test_an_imported_signing_key_works_in_every_region(cluster):
    home, second = gateway(cluster, HOME), gateway(cluster, SECOND)
    private = ec.generate_private_key(ec.SECP256R1())
    key = external_key(home, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", MultiRegion=True)
    import_material(home, key, pkcs8(private))
    home.replicate_key(KeyId=key, ReplicaRegion=SECOND)
    wait_state(second, key, "PendingImport")
    import_material(second, key, pkcs8(private))
    for client in home, second:
        signature = client.sign(KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        private.public_key().verify(signature, b"m", ec.ECDSA(hashes.SHA256()))


def test_a_token_shows_nothing_of_its_wrapping_key(kms):
    """The token holds a private key, sealed: no DER of one shows in it, and two of them have nothing in common."""
    key = external_key(kms)
    tokens = [parameters(kms, key)["ImportToken"] for _ in range(2)]
    rsa_encryption = bytes.fromhex("2a864886f70d010101")
    assert all(rsa_encryption not in token for token in tokens)
    shared = {tokens[0][n : n + 8] for n in range(5, len(tokens[0]) - 8)}
    assert all(tokens[1][n : n + 8] not in shared for n in range(5, len(tokens[1]) - 8))
