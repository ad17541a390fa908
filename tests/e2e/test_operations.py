"""Every operation of the API once at least, with boto3: a real result, or the right modelled error.

The last test counts what was called and compares it with docs/spec/operations.md.
"""

import json
import os
import re

import pytest
from harness import settings
from harness.clients import gateway, refused, wait_primary, wait_state
from harness.imports import external_key, import_material

HOME, SECOND, THIRD = settings.REGIONS
CALLED: set[str] = set()
SUCCEEDED: set[str] = set()
REFUSALS: dict[str, set[str]] = {}


def recording(client):
    """Notes each operation that `client` calls, and each that succeeds."""

    def note(http_response, parsed, model, **_):
        CALLED.add(model.name)
        if http_response.status_code == 200:
            SUCCEEDED.add(model.name)
        else:
            REFUSALS.setdefault(model.name, set()).add(parsed["Error"]["Code"])

    client.meta.events.register("after-call.kms", note)
    return client


@pytest.fixture(scope="module")
def kms(cluster):
    return recording(gateway(cluster, HOME))


@pytest.fixture(scope="module")
def second(cluster):
    return recording(gateway(cluster, SECOND))


@pytest.fixture(scope="module")
def key(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


def arn(key, region=HOME):
    return f"arn:aws:kms:{region}:{settings.ACCOUNT}:key/{key}"


def test_create_and_describe_agree(kms):
    created = kms.create_key(Description="ledger", Tags=[{"TagKey": "team", "TagValue": "blue"}])["KeyMetadata"]
    key = created["KeyId"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key)
    assert created["Arn"] == arn(key)
    expected = {
        "AWSAccountId": settings.ACCOUNT,
        "Description": "ledger",
        "Enabled": True,
        "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "KeyManager": "CUSTOMER",
        "Origin": "AWS_KMS",
        "MultiRegion": False,
    }
    assert expected.items() <= created.items()
    assert re.fullmatch(r"[0-9a-f]{64}", created["CurrentKeyMaterialId"])
    assert "MultiRegionConfiguration" not in created and "DeletionDate" not in created
    assert kms.describe_key(KeyId=key)["KeyMetadata"] == created
    assert kms.describe_key(KeyId=arn(key))["KeyMetadata"] == created


def test_create_key_refuses_what_it_must(kms):
    refused(lambda: kms.create_key(Policy="{"), "MalformedPolicyDocumentException")
    refused(lambda: kms.create_key(Policy=json.dumps(DENY_ALL)), "MalformedPolicyDocumentException")
    refused(lambda: kms.create_key(Tags=[{"TagKey": "aws:x", "TagValue": ""}]), "TagException")
    twice = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]
    refused(lambda: kms.create_key(Tags=twice), "TagException")


def test_keys_are_listed_page_by_page(kms):
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(4)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    listed = [entry["KeyId"] for page in pages for entry in page["Keys"]]
    assert len(pages) > 2 and all(len(page["Keys"]) <= 2 for page in pages)
    assert made <= set(listed) and len(listed) == len(set(listed))
    assert all(entry["KeyArn"] == arn(entry["KeyId"]) for page in pages for entry in page["Keys"])
    refused(lambda: kms.list_keys(Marker="nobody gave this out"), "InvalidMarkerException")


def test_encrypt_and_decrypt_with_and_without_context(kms, key):
    for context in ({}, {"tenant": "blue", "purpose": "päckchen"}):
        sealed = kms.encrypt(KeyId=key, Plaintext=b"some text", EncryptionContext=context)
        assert sealed["KeyId"] == arn(key) and sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
        opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
        assert opened["Plaintext"] == b"some text" and opened["KeyId"] == arn(key)
        assert opened["KeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
        named = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context, KeyId=arn(key))
        assert named["Plaintext"] == b"some text"
        wrong = {**context, "extra": "1"}
        refused(
            lambda: kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=wrong),
            "InvalidCiphertextException",
        )


def test_largest_plaintext_fits_and_one_more_does_not(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x" * 4096)["CiphertextBlob"]
    assert len(sealed) <= 6144
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x" * 4096
    error = refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x" * 4097), "ValidationException")
    assert "Member must have length less than or equal to 4096" in str(error)


def test_two_encryptions_of_one_text_differ(kms, key):
    assert len({kms.encrypt(KeyId=key, Plaintext=b"same")["CiphertextBlob"] for _ in range(5)}) == 5


def test_decrypt_with_another_key_is_refused(kms, key):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    refused(lambda: kms.decrypt(CiphertextBlob=sealed, KeyId=other), "IncorrectKeyException")
    refused(lambda: kms.decrypt(CiphertextBlob=b"\x07" * 200), "InvalidCiphertextException")


def test_reencrypt_moves_a_ciphertext_to_another_key_and_context(kms, key):
    target = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"moved", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=sealed,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=target,
        DestinationEncryptionContext={"b": "2"},
    )
    assert moved["SourceKeyId"] == arn(key) and moved["KeyId"] == arn(target)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert opened["Plaintext"] == b"moved" and opened["KeyId"] == arn(target)


def test_data_keys_have_the_length_asked_for_and_decrypt_to_themselves(kms, key):
    for asked, length in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 100}, 100)):
        made = kms.generate_data_key(KeyId=key, EncryptionContext={"a": "1"}, **asked)
        assert len(made["Plaintext"]) == length
        opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "1"})
        assert opened["Plaintext"] == made["Plaintext"]
        blind = kms.generate_data_key_without_plaintext(KeyId=key, **asked)
        assert "Plaintext" not in blind
        assert len(kms.decrypt(CiphertextBlob=blind["CiphertextBlob"])["Plaintext"]) == length
    refused(lambda: kms.generate_data_key(KeyId=key), "ValidationException")
    refused(lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", NumberOfBytes=3), "ValidationException")
    refused(lambda: kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=1025), "ValidationException")


def test_random_bytes(kms):
    drawn = [kms.generate_random(NumberOfBytes=64)["Plaintext"] for _ in range(3)]
    assert len(set(drawn)) == 3 and all(len(bytes_) == 64 for bytes_ in drawn)
    refused(lambda: kms.generate_random(), "ValidationException")
    refused(lambda: kms.generate_random(NumberOfBytes=1025), "ValidationException")


def test_dry_run_answers_as_the_call_would_and_does_nothing(kms, key):
    refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=True), "DryRunOperationException")
    missing = "12345678-1234-1234-1234-123456789012"
    refused(lambda: kms.encrypt(KeyId=missing, Plaintext=b"x", DryRun=True), "NotFoundException")


def test_a_disabled_key_refuses_cryptography_until_enabled(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "Disabled" and metadata["Enabled"] is False
    error = refused(lambda: kms.decrypt(CiphertextBlob=sealed), "DisabledException")
    assert f"{arn(key)} is disabled." in str(error)
    for call in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=key),
        lambda: kms.rotate_key_on_demand(KeyId=key),
        lambda: kms.enable_key_rotation(KeyId=key),
    ):
        refused(call, "DisabledException")
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_description(kms, key):
    kms.update_key_description(KeyId=key, Description="other")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "other"
    kms.update_key_description(KeyId=key, Description="")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == ""


def test_deletion_is_scheduled_and_cancelled(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert scheduled["KeyId"] == arn(key) and scheduled["KeyState"] == "PendingDeletion"
    assert scheduled["PendingWindowInDays"] == 7
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["DeletionDate"] == scheduled["DeletionDate"]
    refused(lambda: kms.decrypt(CiphertextBlob=sealed), "KMSInvalidStateException")
    refused(lambda: kms.enable_key(KeyId=key), "KMSInvalidStateException")
    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == arn(key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    refused(lambda: kms.cancel_key_deletion(KeyId=key), "KMSInvalidStateException")
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    refused(lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=6), "ValidationException")


def test_aliases_are_created_moved_listed_and_deleted(kms, key):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/walk", TargetKeyId=key)
    sealed = kms.encrypt(KeyId="alias/walk", Plaintext=b"x")
    assert sealed["KeyId"] == arn(key)
    assert kms.describe_key(KeyId=f"arn:aws:kms:{HOME}:{settings.ACCOUNT}:alias/walk")["KeyMetadata"]["KeyId"] == key
    refused(lambda: kms.create_alias(AliasName="alias/walk", TargetKeyId=other), "AlreadyExistsException")
    kms.update_alias(AliasName="alias/walk", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/walk")["KeyMetadata"]["KeyId"] == other
    named = [alias for alias in kms.list_aliases(KeyId=other)["Aliases"] if alias["AliasName"] == "alias/walk"]
    assert len(named) == 1 and named[0]["TargetKeyId"] == other
    kms.delete_alias(AliasName="alias/walk")
    refused(lambda: kms.describe_key(KeyId="alias/walk"), "NotFoundException")
    refused(lambda: kms.delete_alias(AliasName="alias/walk"), "NotFoundException")
    refused(lambda: kms.create_alias(AliasName="walk", TargetKeyId=key), "ValidationException")
    refused(lambda: kms.disable_key(KeyId="alias/walk"), "InvalidArnException")


def test_tags_are_set_replaced_listed_and_removed(kms, key):
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": ""}])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "2"}])
    assert tags(kms, key) == {"a": "2", "b": ""}
    kms.untag_resource(KeyId=key, TagKeys=["a", "never there"])
    assert tags(kms, key) == {"b": ""}
    refused(lambda: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "aws:a", "TagValue": "1"}]), "TagException")


def tags(kms, key):
    return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]}


ROOT = f"arn:aws:iam::{settings.ACCOUNT}:root"
DENY_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}],
}
NO_DECRYPT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "all", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "but", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
    ],
}


def test_a_key_policy_gates_the_key(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    default = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert default["Statement"][0]["Principal"] == {"AWS": ROOT}
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(NO_DECRYPT))
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == NO_DECRYPT
    refused(lambda: kms.decrypt(CiphertextBlob=sealed), "AccessDeniedException")
    kms.encrypt(KeyId=key, Plaintext=b"still allowed")
    kms.put_key_policy(KeyId=key, Policy=json.dumps(default))
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    refused(lambda: kms.put_key_policy(KeyId=key, Policy="not JSON"), "MalformedPolicyDocumentException")
    refused(lambda: kms.put_key_policy(KeyId=key, Policy=json.dumps(DENY_ALL)), "MalformedPolicyDocumentException")
    refused(lambda: kms.get_key_policy(KeyId=key, PolicyName="other"), "NotFoundException")


def test_automatic_rotation_is_enabled_shown_and_disabled(kms, key):
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["KeyRotationEnabled"] is True and status["RotationPeriodInDays"] == 180
    assert status["NextRotationDate"] > kms.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    refused(lambda: kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=89), "ValidationException")


def test_rotation_on_demand_keeps_old_ciphertext_readable(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    first = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == arn(key)
    second = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    new = kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"])
    assert first != second and new["KeyMaterialId"] == second
    opened = kms.decrypt(CiphertextBlob=old)
    assert opened["Plaintext"] == b"old" and opened["KeyMaterialId"] == first
    rotations = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [entry["RotationType"] for entry in rotations] == ["ON_DEMAND"]
    everything = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    states = {entry["KeyMaterialId"]: entry["KeyMaterialState"] for entry in everything}
    assert states == {first: "NON_CURRENT", second: "CURRENT"}


def test_a_replica_serves_the_same_ciphertext(kms, second):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    assert re.fullmatch(r"mrk-[0-9a-f]{32}", key)
    answer = kms.replicate_key(KeyId=key, ReplicaRegion=SECOND, Description="copy")
    replica = answer["ReplicaKeyMetadata"]
    assert replica["Arn"] == arn(key, SECOND) and replica["Description"] == "copy"
    assert replica["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    wait_state(second, key)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    opened = second.decrypt(CiphertextBlob=sealed)
    assert opened["Plaintext"] == b"x" and opened["KeyId"] == arn(key, SECOND)
    error = refused(lambda: second.replicate_key(KeyId=key, ReplicaRegion=THIRD), "UnsupportedOperationException")
    assert "is not a multi-region primary key" in str(error)
    refused(lambda: kms.replicate_key(KeyId=key, ReplicaRegion=SECOND), "AlreadyExistsException")


def test_the_primary_moves_on_request(kms, second):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key, ReplicaRegion=SECOND)
    wait_state(second, key)
    kms.update_primary_region(KeyId=key, PrimaryRegion=SECOND)
    for client in (kms, second):
        wait_state(client, key)
        wait_primary(client, key, SECOND)
    refused(lambda: kms.rotate_key_on_demand(KeyId=key), "UnsupportedOperationException")
    second.rotate_key_on_demand(KeyId=key)


def test_a_replica_is_deleted_before_its_primary(kms, second):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key, ReplicaRegion=SECOND)
    wait_state(second, key)
    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert answer["KeyState"] == "PendingReplicaDeletion" and "DeletionDate" not in answer
    kms.cancel_key_deletion(KeyId=key)
    assert second.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)["KeyState"] == "PendingDeletion"
    second.cancel_key_deletion(KeyId=key)


def test_grants_from_creation_to_their_end(kms, key):
    make = {"KeyId": key, "GranteePrincipal": ROOT, "RetiringPrincipal": ROOT, "Operations": ["Decrypt"]}
    one, two = kms.create_grant(**make), kms.create_grant(**make)
    listed = {entry["GrantId"] for entry in kms.list_grants(KeyId=key)["Grants"]}
    assert listed == {one["GrantId"], two["GrantId"]}
    retirable = kms.list_retirable_grants(RetiringPrincipal=ROOT, Limit=100)["Grants"]
    assert listed <= {entry["GrantId"] for entry in retirable}
    kms.revoke_grant(KeyId=key, GrantId=one["GrantId"])
    kms.retire_grant(GrantToken=two["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_identifiers_that_lead_nowhere(kms, key):
    absent = "12345678-1234-1234-1234-123456789012"
    error = refused(lambda: kms.describe_key(KeyId=absent), "NotFoundException")
    assert f"Key '{arn(absent)}' does not exist" in str(error)
    error = refused(lambda: kms.describe_key(KeyId="fake-key-id"), "NotFoundException")
    assert "Invalid keyId 'fake-key-id'" in str(error)
    error = refused(lambda: kms.describe_key(KeyId=arn(key, SECOND)), "NotFoundException")
    assert f"Invalid arn {SECOND}" in str(error)
    refused(lambda: kms.describe_key(KeyId="alias/absent"), "NotFoundException")


def test_keys_for_signatures_macs_agreement_and_encapsulation(kms):
    """One round of each; test_asymmetric.py has every spec, against other implementations."""

    def made(spec, usage):
        return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]

    signed = {"KeyId": made("ECC_NIST_P256", "SIGN_VERIFY"), "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**signed)["Signature"]
    assert kms.verify(**signed, Signature=signature)["SignatureValid"] is True
    refused(lambda: kms.verify(**signed, Signature=b"x"), "KMSInvalidSignatureException")
    tagged = {"KeyId": made("HMAC_256", "GENERATE_VERIFY_MAC"), "Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    assert kms.verify_mac(**tagged, Mac=kms.generate_mac(**tagged)["Mac"])["MacValid"] is True
    refused(lambda: kms.verify_mac(**tagged, Mac=b"x"), "KMSInvalidMacException")
    agreement = made("ECC_NIST_P256", "KEY_AGREEMENT")
    peer = kms.get_public_key(KeyId=agreement)["PublicKey"]
    derived = kms.derive_shared_secret(KeyId=agreement, KeyAgreementAlgorithm="ECDH", PublicKey=peer)
    assert len(derived["SharedSecret"]) == 32
    kem = {"KeyId": made("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"), "EncapsulationAlgorithm": "ML_KEM"}
    own = kms.encapsulate(**kem)
    opened = kms.decapsulate(**kem, SharedSecretCiphertextBlob=own["SharedSecretCiphertextBlob"])
    assert opened["SharedSecret"] == own["SharedSecret"]


def test_data_key_pairs(kms, key):
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"]
    blind = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    assert "PrivateKeyPlaintext" not in blind


def test_imported_material(kms):
    """One round; test_import.py has every wrapping, spec and state."""
    key = external_key(kms)
    material = os.urandom(32)
    import_material(kms, key, material)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    kms.delete_imported_key_material(KeyId=key)
    refused(lambda: kms.decrypt(CiphertextBlob=sealed), "KMSInvalidStateException")
    import_material(kms, key, material)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_last_usage(kms, key):
    assert kms.get_key_last_usage(KeyId=key)["TrackingStartDate"]


def test_custom_key_stores_are_absent(kms):
    store = {"CustomKeyStoreId": "cks-12345678901234567"}
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []
    refused(lambda: kms.connect_custom_key_store(**store), "CustomKeyStoreNotFoundException")
    refused(lambda: kms.disconnect_custom_key_store(**store), "CustomKeyStoreNotFoundException")
    refused(lambda: kms.delete_custom_key_store(**store), "CustomKeyStoreNotFoundException")
    refused(lambda: kms.update_custom_key_store(**store, NewCustomKeyStoreName="n"), "CustomKeyStoreNotFoundException")
    made = {
        "CustomKeyStoreName": "n",
        "CloudHsmClusterId": "cluster-2a34b5cdefg",
        "KeyStorePassword": "kmspswd",
        "TrustAnchorCertificate": "certificate",
    }
    refused(lambda: kms.create_custom_key_store(**made), "CloudHsmClusterNotFoundException")


# There is no custom key store and none can be made: these operations only have refusals, of the model's own codes.
WITHOUT_RESULT = {
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "DeleteCustomKeyStore",
    "DisconnectCustomKeyStore",
    "UpdateCustomKeyStore",
}


def documented() -> set[str]:
    text = (settings.ROOT / "docs" / "spec" / "operations.md").read_text()
    return set(re.findall(r"^\| (\w+) \| implemented \|", text, re.MULTILINE))


def test_the_walk_called_every_operation_and_all_but_the_key_stores_succeeded(kms):
    """Counts what the tests above did; runs last in this module."""
    every = set(kms.meta.service_model.operation_names)
    assert len(every) == 56 and documented() == every
    assert CALLED == every, f"never called: {sorted(every - CALLED)}"
    missing = CALLED - SUCCEEDED
    print(f"{len(SUCCEEDED)} operations with a result, {len(missing)} without: {sorted(missing)}")
    assert missing == WITHOUT_RESULT
    for name in missing:
        modelled = {shape.name for shape in kms.meta.service_model.operation_model(name).error_shapes}
        assert REFUSALS[name] and set(REFUSALS[name]) <= modelled, f"{name}: {REFUSALS[name]}"
