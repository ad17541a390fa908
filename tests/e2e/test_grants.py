"""Grants with boto3 against real nodes: what they let through, and that their end is final on every node (B1)."""

import concurrent.futures
import json

import pytest
from harness import audit, settings
from harness.clients import gateway, node, refused

REGION = settings.REGIONS[0]
ROOT = f"arn:aws:iam::{settings.ACCOUNT}:root"
ROUNDS = settings.rounds("grants", short=100, full=100)

# Manages the key and its grants, and uses it for nothing: what root may do beyond this, a grant allows.
MANAGEMENT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": ROOT},
            "Action": ["kms:*Policy", "kms:*Grant*", "kms:DescribeKey", "kms:ScheduleKeyDeletion", "kms:*ableKey"],
            "Resource": "*",
        },
    }
)


@pytest.fixture(scope="module")
def kms(cluster):
    return gateway(cluster, REGION)


@pytest.fixture
def key(kms):
    key = kms.create_key(Policy=MANAGEMENT)["KeyMetadata"]["KeyId"]
    yield key
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def grant(kms, key, *operations, **members):
    return kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=list(operations), **members)


def grants(kms, key, **filters):
    pages = kms.get_paginator("list_grants").paginate(KeyId=key, **filters)
    return [entry for page in pages for entry in page["Grants"]]


def test_a_grant_allows_what_it_lists(kms, key):
    refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), "AccessDeniedException")
    made = grant(kms, key, "Encrypt", "Decrypt")
    assert len(made["GrantId"]) == 64 and set(made["GrantId"]) <= set("0123456789abcdef")
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    refused(lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"), "AccessDeniedException")
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    error = refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), "AccessDeniedException")
    assert "no resource-based policy allows the kms:Encrypt action" in str(error)
    refused(lambda: kms.revoke_grant(KeyId=key, GrantId=made["GrantId"]), "NotFoundException")


def test_a_deny_in_the_key_policy_wins(kms, key):
    grant(kms, key, "Encrypt")
    kms.encrypt(KeyId=key, Plaintext=b"x")
    policy = json.loads(MANAGEMENT)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    kms.put_key_policy(KeyId=key, Policy=json.dumps({"Statement": [policy["Statement"], deny]}))
    error = refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), "AccessDeniedException")
    assert "explicit deny" in str(error)


@pytest.mark.parametrize("kind, larger", [("EncryptionContextEquals", False), ("EncryptionContextSubset", True)])
def test_constraints_look_at_the_context(kms, key, kind, larger):
    grant(kms, key, "Encrypt", Constraints={kind: {"Tenant": "blue"}})

    def encrypt(context):
        return kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)

    encrypt({"tenant": "blue"})
    for context in ({}, {"tenant": "Blue"}, {"row": "7"}):
        refused(lambda c=context: encrypt(c), "AccessDeniedException")
    if larger:
        encrypt({"tenant": "blue", "row": "7"})
    else:
        refused(lambda: encrypt({"tenant": "blue", "row": "7"}), "AccessDeniedException")


def test_a_name_makes_a_retry_harmless(kms, key):
    one = grant(kms, key, "Decrypt", Name="ledger")
    two = grant(kms, key, "Decrypt", Name="ledger")
    assert one["GrantId"] == two["GrantId"] and one["GrantToken"] != two["GrantToken"]
    assert grant(kms, key, "Encrypt", Name="ledger")["GrantId"] != one["GrantId"]
    assert [entry["Name"] for entry in grants(kms, key)] == ["ledger", "ledger"]


def test_a_grant_passes_on_no_more_than_it_has(kms, key):
    only_grants = json.loads(MANAGEMENT)
    only_grants["Statement"]["Action"] = ["kms:*Policy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion"]
    constraint = {"EncryptionContextSubset": {"a": "1"}}
    parent = grant(kms, key, "CreateGrant", "Encrypt", Constraints=constraint)
    kms.put_key_policy(KeyId=key, Policy=json.dumps(only_grants))
    grant(kms, key, "Encrypt", Constraints={"EncryptionContextEquals": {"a": "1", "b": "2"}})
    for operations, constraints in (
        (["Encrypt"], {}),
        (["Encrypt"], {"EncryptionContextSubset": {"b": "2"}}),
        (["Decrypt"], constraint),
    ):
        refused(
            lambda o=operations, c=constraints: grant(kms, key, *o, **({"Constraints": c} if c else {})),
            "AccessDeniedException",
        )
    kms.revoke_grant(KeyId=key, GrantId=parent["GrantId"])
    refused(lambda: grant(kms, key, "Encrypt", Constraints=constraint), "AccessDeniedException")


def test_lists_show_filter_and_page(kms, key):
    made = [grant(kms, key, "Decrypt", RetiringPrincipal=ROOT)["GrantId"] for _ in range(3)]
    entries = grants(kms, key, PaginationConfig={"PageSize": 2})
    assert [entry["GrantId"] for entry in entries] == sorted(made)
    entry = grants(kms, key, GrantId=made[0])[0]
    assert entry["KeyId"].endswith(f"key/{key}") and entry["Name"] == ""
    assert entry["IssuingAccount"] == entry["GranteePrincipal"] == entry["RetiringPrincipal"] == ROOT
    assert entry["Operations"] == ["Decrypt"] and "Constraints" not in entry
    assert grants(kms, key, GranteePrincipal="arn:aws:iam::999999999999:root") == []
    refused(lambda: kms.list_grants(KeyId=key, Marker="x"), "InvalidMarkerException")
    refused(lambda: kms.list_grants(KeyId=key, GrantId="x"), "InvalidGrantIdException")
    pages = kms.get_paginator("list_retirable_grants").paginate(RetiringPrincipal=ROOT, PaginationConfig={"PageSize": 2})
    retirable = {entry["GrantId"] for page in pages for entry in page["Grants"]}
    assert set(made) <= retirable
    refused(
        lambda: kms.list_retirable_grants(RetiringPrincipal="arn:aws:iam::999999999999:root"), "AccessDeniedException"
    )


def test_retiring_by_token_and_by_id(kms, key, cluster):
    by_token, by_id = grant(kms, key, "Decrypt"), grant(kms, key, "Decrypt")
    refused(lambda: kms.retire_grant(GrantToken=by_token["GrantToken"], DryRun=True), "DryRunOperationException")
    refused(lambda: kms.retire_grant(GrantToken=by_token["GrantToken"], KeyId=key), "ValidationException")
    refused(lambda: kms.retire_grant(GrantToken="x"), "InvalidGrantTokenException")
    answer = kms.retire_grant(GrantToken=by_token["GrantToken"])
    kms.retire_grant(KeyId=key, GrantId=by_id["GrantId"])
    assert grants(kms, key) == []
    refused(lambda: kms.retire_grant(GrantToken=by_token["GrantToken"]), "NotFoundException")
    record = audit.by_request(cluster)[answer["ResponseMetadata"]["RequestId"]][0]
    assert record["eventName"] == "RetireGrant" and record["requestParameters"] is None
    assert record["additionalEventData"] == {"grantId": by_token["GrantId"]}
    assert record["resources"][0]["ARN"].endswith(f"key/{key}") and record["readOnly"] is False


def test_the_record_of_a_grant_holds_no_token(kms, key, cluster):
    answer = grant(kms, key, "Decrypt", Name="n", Constraints={"EncryptionContextSubset": {"Tenant": "blue"}})
    record = audit.by_request(cluster)[answer["ResponseMetadata"]["RequestId"]][0]
    assert record["requestParameters"] == {
        "keyId": key,
        "granteePrincipal": ROOT,
        "operations": ["Decrypt"],
        "constraints": {"encryptionContextSubset": {"Tenant": "blue"}},
        "name": "n",
    }
    assert record["responseElements"]["grantId"] == answer["GrantId"]
    assert answer["GrantToken"] not in json.dumps(record)


def test_grants_outlive_disable_and_take_no_part_elsewhere(kms, cluster):
    key = kms.create_key(Policy=MANAGEMENT, MultiRegion=True)["KeyMetadata"]["KeyId"]
    grant(kms, key, "Encrypt")
    kms.disable_key(KeyId=key)
    refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), "DisabledException")
    refused(lambda: grant(kms, key, "Decrypt"), "DisabledException")
    assert len(grants(kms, key)) == 1
    kms.enable_key(KeyId=key)
    kms.encrypt(KeyId=key, Plaintext=b"x")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    refused(lambda: grant(kms, key, "Decrypt"), "KMSInvalidStateException")
    kms.revoke_grant(KeyId=key, GrantId=grants(kms, key)[0]["GrantId"])


def test_the_end_of_a_grant_is_final_on_every_node(kms, key, cluster):
    """A grant works on every node when CreateGrant returned, and on none once RevokeGrant or RetireGrant returned."""
    clients = {number: node(cluster, REGION, number) for number in (1, 2, 3)}

    def encrypts(number):
        return clients[number].encrypt(KeyId=key, Plaintext=b"x")

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for number in range(ROUNDS):
            at = clients[number % 3 + 1]
            made = grant(at, key, "Encrypt")
            list(pool.map(encrypts, clients))
            end = clients[(number // 3) % 3 + 1]
            if number % 2:
                end.revoke_grant(KeyId=key, GrantId=made["GrantId"])
            else:
                end.retire_grant(GrantToken=made["GrantToken"])
            list(pool.map(lambda n: refused(lambda: encrypts(n), "AccessDeniedException"), clients))
