"""The policy matrix of tests/policy_matrix/matrix.json through real nodes, with boto3.

Decisions are played with real users, roles in sessions and roots of two accounts; conditions by a root, a user and a
role each, once in an Allow and once in a Deny. What the API cannot express, services and suppositions, goes through
`meridian authz simulate`, which decides on a node.
"""

import json
import time

import pytest
from botocore.exceptions import ClientError

from harness import settings
from harness.clients import gateway
from harness.cluster import meridian
from harness.identities import OTHER_ACCOUNT as OTHER
from harness.identities import document, iam, keys_of, kms, policy, session_of, sts, trust
from harness.policy_matrix import Stage, in_threads, matrix, outcome

HOME = settings.REGIONS[0]
# The time that all cases with real callers may take on a busy machine.
MOST_S = 180


@pytest.fixture(scope="module")
def root(cluster):
    return gateway(cluster, HOME)


@pytest.fixture(scope="module")
def key(root):
    return root.create_key()["KeyMetadata"]["Arn"]


def test_every_decision_with_real_callers(cluster):
    started = time.monotonic()
    played = Stage(cluster).play(matrix()["decisions"])
    took = time.monotonic() - started
    wrong = [case for case in played if case[1] != case[2]]
    assert not wrong, wrong
    print(f"{len(played)} decisions with real callers in {took:.0f} s")
    assert len(played) >= 300
    assert took < MOST_S


# What tells callers apart: the matrix says what holds for the root.
OF_THE_CALLER = ("aws:Principal", "aws:userid", "aws:username", "aws:MultiFactorAuth", "aws:TokenIssueTime")


@pytest.fixture(scope="module")
def callers(cluster, root):
    """A root, a user and a role in a session, of one account, that may do everything in KMS."""
    api = iam(cluster)
    api.create_user(UserName="conditions-user")
    api.put_user_policy(
        UserName="conditions-user", PolicyName="all", PolicyDocument=policy(["kms:*", "sts:AssumeRole"])
    )
    user = keys_of(api.create_access_key(UserName="conditions-user"))
    arn = f"arn:aws:iam::{settings.ACCOUNT}:user/conditions-user"
    role = api.create_role(RoleName="conditions-role", AssumeRolePolicyDocument=trust({"AWS": arn}))["Role"]
    api.put_role_policy(RoleName="conditions-role", PolicyName="all", PolicyDocument=policy("kms:*"))
    assumed = sts(cluster, credentials=user).assume_role(RoleArn=role["Arn"], RoleSessionName="conditions")
    return [root, kms(cluster, credentials=user), kms(cluster, credentials=session_of(assumed))]


def expected(holds) -> tuple[str, str]:
    allows, denies = {True: (True, True), False: (False, False)}.get(holds, (False, True))
    return ("allow" if allows else "implicit resource", "explicit resource" if denies else "allow")


def in_both_effects(caller, key, context) -> tuple[str, str]:
    return (
        outcome(lambda: caller.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)),
        outcome(
            lambda: caller.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
        ),
    )


def conditional(case: dict) -> str:
    """Encrypt is allowed, GenerateDataKeyWithoutPlaintext denied, under the condition of the case."""
    condition = {case["operator"]: {case["key"]: case["values"]}}
    common = {"Principal": {"AWS": settings.ACCOUNT}, "Resource": "*"}
    statements = [
        {"Effect": "Allow", "NotAction": "kms:Encrypt", **common},
        {"Effect": "Allow", "Action": "kms:Encrypt", "Condition": condition, **common},
        {"Effect": "Deny", "Action": "kms:GenerateDataKeyWithoutPlaintext", "Condition": condition, **common},
    ]
    return document(statements, case.get("version", "2012-10-17"))


def test_every_condition_with_real_callers(callers):
    root = callers[0]

    def check(cases):
        key, wrong, count = root.create_key()["KeyMetadata"]["Arn"], [], 0
        for case in cases:
            root.put_key_policy(KeyId=key, Policy=conditional(case))
            only_root = any(name in json.dumps([case["key"], case["values"]]) for name in OF_THE_CALLER)
            for number, caller in enumerate(callers[:1] if only_root else callers):
                got = in_both_effects(caller, key, case["encryption_context"])
                count += 1
                if got != expected(case["holds"]):
                    wrong.append((case["id"], number, got, expected(case["holds"])))
        return count, wrong

    conditions = matrix()["conditions"]
    found = in_threads(check, [conditions[first::8] for first in range(8)])
    wrong = [case for _, part in found for case in part]
    assert not wrong, wrong
    assert sum(count for count, _ in found) >= 1000


def test_refused_documents(root, key):
    for case in matrix(key=key)["refused_documents"]:
        text = case["document"] if isinstance(case["document"], str) else json.dumps(case["document"])
        with pytest.raises(ClientError) as refusal:
            root.put_key_policy(KeyId=key, Policy=text, BypassPolicyLockoutSafetyCheck=True)
        assert refusal.value.response["Error"]["Code"] == "MalformedPolicyDocumentException", case["id"]


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
    for case in matrix(key=key)["decisions"]:
        if any(case.get(member) for member in NOT_SUPPOSED) or "TokenIssueTime" in json.dumps(case):
            continue
        answer = simulate(cluster, tmp_path, case, key)
        if answer["allowed"] != (case["expect"] == "allow"):
            wrong.append((case["id"], answer["reason"], case["expect"]))
        checked += 1
    assert not wrong, wrong
    assert checked > 250


def test_explain_names_the_statement(cluster, root):
    key = root.create_key()["KeyMetadata"]["KeyId"]
    arguments = ["--principal", settings.ACCOUNT, "--action", "kms:Decrypt", "--key", key, "--in", HOME]
    text = meridian("authz", "explain", *arguments, "--data-dir", cluster.data_dir).stdout
    assert text.startswith("allowed ")
    assert "statement 1 (`Enable IAM User Permissions`) of key policy `default` names the caller" in text
    arguments[1] = OTHER
    answer = json.loads(meridian("authz", "explain", *arguments, "--json", "--data-dir", cluster.data_dir).stdout)
    assert not answer["allowed"]
    assert answer["policies"][0]["statements"][0]["missed"] == "it is about other principals"
