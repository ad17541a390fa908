"""The policy matrix of tests/policy_matrix/matrix.json through real nodes.

Conditions, refused documents and what concerns account roots go through the API with boto3: each condition once in an
Allow and once in a Deny. Callers of every other kind go through `meridian authz simulate`, which decides on a node.
"""

import json
import pathlib

import pytest
from botocore.exceptions import ClientError
from harness import settings
from harness.clients import gateway
from harness.cluster import meridian

HOME = settings.REGIONS[0]
OTHER = "999988887777" if settings.ACCOUNT != "999988887777" else "888877776666"
MATRIX = pathlib.Path(__file__).parents[1] / "policy_matrix" / "matrix.json"


def matrix(key: str = "{key}") -> dict:
    text = MATRIX.read_text(encoding="utf-8")
    for name, value in {"account": settings.ACCOUNT, "other": OTHER, "region": HOME, "key": key}.items():
        text = text.replace("{" + name + "}", value)
    return json.loads(text)


@pytest.fixture(scope="module")
def kms(cluster):
    return gateway(cluster, HOME)


@pytest.fixture(scope="module")
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def document(statements: list, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": statements})


def outcome(call) -> str:
    """`allow`, or what an AccessDenied says: `explicit resource`, `implicit identity` and so on."""
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        message = error.response["Error"]["Message"]
        kind = "explicit" if "with an explicit deny in" in message else "implicit"
        sources = {"resource-based": "resource", "identity-based": "identity", "boundary": "boundary"}
        return kind + " " + next(short for word, short in sources.items() if word in message)
    return "allow"


def expected(holds) -> tuple[str, str]:
    allows, denies = {True: (True, True), False: (False, False)}.get(holds, (False, True))
    return ("allow" if allows else "implicit resource", "explicit resource" if denies else "allow")


def test_conditions(kms, key):
    owner, wrong = {"AWS": settings.ACCOUNT}, []
    for case in matrix()["conditions"]:
        condition = {case["operator"]: {case["key"]: case["values"]}}
        common = {"Principal": owner, "Resource": "*"}
        other, one = "kms:GenerateDataKeyWithoutPlaintext", "kms:Encrypt"
        statements = [
            {"Effect": "Allow", "NotAction": one, **common},
            {"Effect": "Allow", "Action": one, "Condition": condition, **common},
            {"Effect": "Deny", "Action": other, "Condition": condition, **common},
        ]
        kms.put_key_policy(KeyId=key, Policy=document(statements, case.get("version", "2012-10-17")))
        context = case["encryption_context"]
        got = (
            outcome(lambda: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)),
            outcome(
                lambda: kms.generate_data_key_without_plaintext(
                    KeyId=key, KeySpec="AES_256", EncryptionContext=context
                )
            ),
        )
        if got != expected(case["holds"]):
            wrong.append((case["id"], got, expected(case["holds"])))
    assert not wrong, wrong


def test_refused_documents(kms, key):
    for case in matrix()["refused_documents"]:
        policy = case["document"] if isinstance(case["document"], str) else json.dumps(case["document"])
        with pytest.raises(ClientError) as refusal:
            kms.put_key_policy(KeyId=key, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
        assert refusal.value.response["Error"]["Code"] == "MalformedPolicyDocumentException", case["id"]


def names_somebody(statements: list) -> bool:
    """Users and roles of the matrix do not exist in this cluster, and a policy that names one cannot be put."""
    return any(part in json.dumps(statements) for part in (":user/", ":role/", ":assumed-role/"))


def test_roots(kms):
    """A policy may lock its author out, so every case has its own key."""
    checked = 0
    for case in matrix()["decisions"]:
        policy = case["key_policy"]
        if case["caller"] != "root" or policy is None or names_somebody(policy):
            continue
        key = kms.create_key(Policy=document(policy), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
        assert outcome(lambda key=key: kms.encrypt(KeyId=key, Plaintext=b"x")) == case["expect"], case["id"]
        checked += 1
    assert checked > 30


CALLERS = {
    "root": settings.ACCOUNT,
    "user": f"arn:aws:iam::{settings.ACCOUNT}:user/matrix-user",
    "role": f"arn:aws:sts::{settings.ACCOUNT}:assumed-role/matrix-role/matrix-session",
    "foreign-root": OTHER,
    "foreign-user": f"arn:aws:iam::{OTHER}:user/matrix-user",
    "foreign-role": f"arn:aws:sts::{OTHER}:assumed-role/matrix-role/matrix-session",
    "service": "backup.example",
}
# What a question cannot suppose: grants, tags of the caller, tags and aliases of the key, and facts of a session.
NOT_SUPPOSED = ("grant", "caller_tags", "key_tags", "key_aliases")


def simulate(cluster, tmp_path, case: dict, key: str) -> dict:
    arguments = ["--principal", CALLERS[case["caller"]], "--action", case["action"], "--in", HOME, "--json"]
    if case["key_policy"] is not None:
        arguments += ["--key", key]
    # A user of another name than those in force is known by name only beside a supposed key policy.
    flags = {"key_policy": "--key-policy", "identity": "--identity-policy", "boundary": "--boundary"}
    flags["session"] = "--session-policy"
    for member, flag in flags.items():
        if case.get(member):
            path = tmp_path / f"{member}.json"
            path.write_text(document(case[member]), encoding="utf-8")
            arguments += [flag, path]
    if case["key_policy"] is None:
        path = tmp_path / "unused.json"
        path.write_text(document([{"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}]))
        arguments += ["--key-policy", path]
    return json.loads(meridian("authz", "simulate", *arguments, "--data-dir", cluster.data_dir).stdout)


def test_every_kind_of_caller(cluster, key, tmp_path):
    checked, wrong = 0, []
    for case in matrix(key)["decisions"]:
        if any(case.get(member) for member in NOT_SUPPOSED) or "TokenIssueTime" in json.dumps(case):
            continue
        answer = simulate(cluster, tmp_path, case, key)
        if answer["allowed"] != (case["expect"] == "allow"):
            wrong.append((case["id"], answer["reason"], case["expect"]))
        checked += 1
    assert not wrong, wrong
    assert checked > 250


def test_explain_names_the_statement(cluster, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    arguments = ["--principal", settings.ACCOUNT, "--action", "kms:Decrypt", "--key", key, "--in", HOME]
    text = meridian("authz", "explain", *arguments, "--data-dir", cluster.data_dir).stdout
    assert text.startswith("allowed ")
    assert "statement 1 (`Enable IAM User Permissions`) of key policy `default` names the caller" in text
    arguments[1] = OTHER
    answer = json.loads(meridian("authz", "explain", *arguments, "--json", "--data-dir", cluster.data_dir).stdout)
    assert not answer["allowed"]
    assert answer["policies"][0]["statements"][0]["missed"] == "it is about other principals"
