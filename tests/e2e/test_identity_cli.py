"""Identities with the aws command line client: made, used on every node, taken away, and refused on every node at once,
in other Regions as soon as `meridian region status` shows no lag."""

import base64
import functools
import json
import os
import subprocess
import sysconfig

import pytest
from botocore.exceptions import ClientError

from harness import settings
from harness.clients import code, multi_region_key
from harness.cluster import meridian, wait_until
from harness.identities import client, policy, trust

HOME, *OTHERS = settings.REGIONS
UNKNOWN = "UnrecognizedClientException"
DENIED = "AccessDeniedException"
# Far more than the lag between Regions of one machine; the wait ends when status says so.
LAG_S = 15


class Aws:
    """The aws client in a clean environment, with the credentials that it is given."""

    def __init__(self, cluster, tmp_path):
        path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
        self.env = {**cluster.env(), "PATH": path, "HOME": str(tmp_path), "AWS_PAGER": ""}

    def run(self, *words, credentials=None, check=True):
        env = dict(self.env)
        for name, value in (credentials or {}).items():
            env[name.upper()] = value
        command = ["aws", *words, "--output", "json"]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=check)

    def __call__(self, *words, credentials=None):
        try:
            text = self.run(*words, credentials=credentials).stdout
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"aws {' '.join(words)}: {error.stderr}") from error
        return json.loads(text) if text.strip() else None

    def refused(self, *words, credentials=None) -> str:
        result = self.run(*words, credentials=credentials, check=False)
        assert result.returncode != 0, result.stdout
        return result.stderr


@pytest.fixture(scope="module")
def aws(cluster, tmp_path_factory):
    return Aws(cluster, tmp_path_factory.mktemp("aws"))


@pytest.fixture(scope="module")
def key(cluster):
    return multi_region_key(cluster, *settings.REGIONS)


def credentials_of(answer) -> dict:
    found = answer.get("AccessKey") or answer["Credentials"]
    credentials = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    if "SessionToken" in found:
        credentials["aws_session_token"] = found["SessionToken"]
    return credentials


@functools.cache
def addresses(cluster) -> dict[str, list[str]]:
    """Where each node serves, by Region; asked once, since nothing moves in these tests."""
    found = {region["name"]: [node["api"] for node in region["nodes"]] for region in cluster.status()["regions"]}
    assert all(len(found[region]) == 3 for region in settings.REGIONS)
    return found


def nodes(cluster, region, credentials):
    return [client("kms", f"http://{api}", region, credentials) for api in addresses(cluster)[region]]


def answers(node, blob) -> str:
    try:
        node.decrypt(CiphertextBlob=blob)
        return "allowed"
    except ClientError as error:
        return code(error)


def on_every_node(cluster, region, credentials, blob) -> set[str]:
    return {answers(node, blob) for node in nodes(cluster, region, credentials)}


def identities(cluster) -> dict:
    views = json.loads(meridian("region", "status", "--data-dir", cluster.data_dir, "--json").stdout)
    return {view["region"]: view["identity"] for view in views if view["role"] == "leader"}


def wait_for_no_lag(cluster):
    """Until status shows that every Region has the changes that the home has now."""
    newest = identities(cluster)[HOME]["sequence"]

    def caught_up():
        found = identities(cluster)
        behind = [region for region in settings.REGIONS if found.get(region, {}).get("sequence", -1) < newest]
        return not behind and all(found[region]["lag"] == 0 for region in settings.REGIONS)

    wait_until(caught_up, "no Region lags behind the home", LAG_S)


def everywhere(cluster, credentials, blob, expected):
    """At once on every node of the home; elsewhere once status shows no lag."""
    assert on_every_node(cluster, HOME, credentials, blob) == {expected}
    wait_for_no_lag(cluster)
    for region in OTHERS:
        assert on_every_node(cluster, region, credentials, blob) == {expected}, region


def test_given_used_and_taken_away(cluster, aws, key, tmp_path):
    name, managed = "cli-ann", f"arn:aws:iam::{settings.ACCOUNT}:policy/cli-use"
    assert aws("iam", "create-user", "--user-name", name)["User"]["UserId"].startswith("AIDA")
    document = tmp_path / "policy.json"
    document.write_text(policy(["kms:Encrypt", "kms:Decrypt"]), encoding="utf-8")
    made = aws("iam", "create-policy", "--policy-name", "cli-use", "--policy-document", f"file://{document}")
    assert made["Policy"]["Arn"] == managed
    user = credentials_of(aws("iam", "create-access-key", "--user-name", name))

    (tmp_path / "text").write_bytes(b"a secret")
    encrypt = ("kms", "encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path / 'text'}")
    assert DENIED in aws.refused(*encrypt, credentials=user)
    aws("iam", "attach-user-policy", "--user-name", name, "--policy-arn", managed)
    blob = base64.b64decode(aws(*encrypt, credentials=user)["CiphertextBlob"])
    (tmp_path / "blob").write_bytes(blob)
    decrypt = ("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path / 'blob'}")
    for number in range(1, 4):
        at_node = ("--endpoint-url", cluster.api(HOME, number))
        opened = aws(*decrypt, *at_node, credentials=user)["Plaintext"]
        assert base64.b64decode(opened) == b"a secret"
    everywhere(cluster, user, blob, "allowed")

    aws("iam", "detach-user-policy", "--user-name", name, "--policy-arn", managed)
    everywhere(cluster, user, blob, DENIED)
    assert DENIED in aws.refused(*decrypt, credentials=user)

    aws("iam", "put-user-policy", "--user-name", name, "--policy-name", "use", "--policy-document", f"file://{document}")
    everywhere(cluster, user, blob, "allowed")
    session = credentials_of(aws("sts", "get-session-token", credentials=user))
    used = aws("iam", "get-access-key-last-used", "--access-key-id", user["aws_access_key_id"])
    assert used["UserName"] == name
    aws("iam", "delete-access-key", "--user-name", name, "--access-key-id", user["aws_access_key_id"])
    everywhere(cluster, user, blob, UNKNOWN)
    everywhere(cluster, session, blob, "allowed")

    aws("iam", "delete-user-policy", "--user-name", name, "--policy-name", "use")
    everywhere(cluster, session, blob, DENIED)
    aws("iam", "delete-user", "--user-name", name)
    everywhere(cluster, session, blob, UNKNOWN)
    aws("iam", "delete-policy", "--policy-arn", managed)


def test_a_role_is_assumed_and_its_session_decrypts(cluster, aws, key, tmp_path):
    user, role = "cli-bob", f"arn:aws:iam::{settings.ACCOUNT}:role/cli-worker"
    arn = aws("iam", "create-user", "--user-name", user)["User"]["Arn"]
    keys = credentials_of(aws("iam", "create-access-key", "--user-name", user))
    for name, document in [("trust", trust({"AWS": arn})), ("use", policy("kms:Decrypt"))]:
        (tmp_path / name).write_text(document, encoding="utf-8")
    aws(
        *("iam", "create-role", "--role-name", "cli-worker"),
        *("--assume-role-policy-document", f"file://{tmp_path / 'trust'}"),
    )
    aws(
        *("iam", "put-role-policy", "--role-name", "cli-worker", "--policy-name", "use"),
        *("--policy-document", f"file://{tmp_path / 'use'}"),
    )
    (tmp_path / "text").write_bytes(b"for the worker")
    sealed = aws("kms", "encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path / 'text'}")
    (tmp_path / "blob").write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    decrypt = ("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path / 'blob'}")

    assert DENIED in aws.refused(*decrypt, credentials=keys), "the user itself may nothing"
    assume = ("sts", "assume-role", "--role-arn", role, "--role-session-name", "job-7")
    assumed = aws(*assume, credentials=keys)
    assert assumed["AssumedRoleUser"]["Arn"].endswith("assumed-role/cli-worker/job-7")
    session = credentials_of(assumed)
    assert base64.b64decode(aws(*decrypt, credentials=session)["Plaintext"]) == b"for the worker"
    wait_for_no_lag(cluster)
    for region in OTHERS:
        there = aws(*decrypt, "--region", region, credentials=session)
        assert base64.b64decode(there["Plaintext"]) == b"for the worker"

    aws("iam", "delete-role-policy", "--role-name", "cli-worker", "--policy-name", "use")
    everywhere(cluster, session, base64.b64decode(sealed["CiphertextBlob"]), DENIED)
    aws("iam", "delete-role", "--role-name", "cli-worker")
    everywhere(cluster, session, base64.b64decode(sealed["CiphertextBlob"]), UNKNOWN)
    assert "AccessDenied" in aws.refused(*assume, credentials=keys)
    aws("iam", "delete-access-key", "--user-name", user, "--access-key-id", keys["aws_access_key_id"])
    aws("iam", "delete-user", "--user-name", user)
