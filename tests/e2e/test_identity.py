"""Users, roles and sessions: IAM and STS by their own SDKs, and what they open and close in KMS, on every node."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from harness import settings
from harness.clients import code, gateway, multi_region_key, refused
from harness.cluster import Cluster, wait_until
from harness.fixtures import serve
from harness.identities import (
    OTHER_ACCOUNT,
    OTHER_ROOT,
    client,
    iam,
    keys_of,
    kms,
    policy,
    session_of,
    sts,
    trust,
)

HOME, SECOND, THIRD = settings.REGIONS
ACCOUNT = settings.ACCOUNT

UNKNOWN = ("UnrecognizedClientException", "InvalidClientTokenId")
# A policy or key that was given a moment ago may still be on its way to another Region.
LAG_S = 15


def every_node(cluster, region, credentials):
    return [
        client("kms", cluster.api(region, node["id"]), region, credentials)
        for node in cluster.nodes(region)
        if node["ready"]
    ]


def eventually(call, what, timeout_s=LAG_S):
    """The first answer of `call` that is not a refusal; changes reach other Regions within the lag."""

    def answer():
        try:
            return call() or True
        except ClientError as error:
            assert code(error) in (*UNKNOWN, "AccessDeniedException", "AccessDenied", "NoSuchEntity"), error
            return None

    return wait_until(answer, what, timeout_s)


@pytest.fixture
def user(cluster, request):
    """A fresh user with an access key; gone afterwards with all that hangs on it."""
    root, name = iam(cluster), "u" + request.node.name[5:50].replace("[", "-").replace("]", "")
    root.create_user(UserName=name)
    made = root.create_access_key(UserName=name)
    yield name, keys_of(made)
    forget(root, name)


def forget(root, name):
    try:
        root.get_user(UserName=name)
    except root.exceptions.NoSuchEntityException:
        return
    for key in root.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        root.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for inline in root.list_user_policies(UserName=name)["PolicyNames"]:
        root.delete_user_policy(UserName=name, PolicyName=inline)
    for attached in root.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        root.detach_user_policy(UserName=name, PolicyArn=attached["PolicyArn"])
    for group in root.list_groups_for_user(UserName=name)["Groups"]:
        root.remove_user_from_group(UserName=name, GroupName=group["GroupName"])
    root.delete_user(UserName=name)


def test_a_user_may_what_its_policy_says_and_nothing_after_it_is_taken_away(cluster, user):
    name, keys = user
    root, mine = iam(cluster), kms(cluster, credentials=keys)
    key = kms(cluster).create_key()["KeyMetadata"]["KeyId"]
    refused(lambda: mine.encrypt(KeyId=key, Plaintext=b"a"), "AccessDeniedException")
    root.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=policy(["kms:Encrypt", "kms:Decrypt"]))
    blob = mine.encrypt(KeyId=key, Plaintext=b"a")["CiphertextBlob"]
    nodes = every_node(cluster, HOME, keys)
    assert len(nodes) == 3
    for node in nodes:
        assert node.decrypt(CiphertextBlob=blob)["Plaintext"] == b"a"
    refused(lambda: mine.disable_key(KeyId=key), "AccessDeniedException")
    root.delete_user_policy(UserName=name, PolicyName="use")
    for node in nodes:
        refused(lambda node=node: node.decrypt(CiphertextBlob=blob), "AccessDeniedException")
    root.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=policy("kms:*"))
    root.update_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"], Status="Inactive")
    for node in nodes:
        refused(lambda node=node: node.decrypt(CiphertextBlob=blob), *UNKNOWN)
    root.update_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"], Status="Active")
    assert nodes[1].decrypt(CiphertextBlob=blob)["Plaintext"] == b"a"
    root.delete_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"])
    for node in nodes:
        refused(lambda node=node: node.decrypt(CiphertextBlob=blob), *UNKNOWN)


def test_a_revoked_key_is_refused_in_every_region_within_the_lag(cluster, user):
    name, keys = user
    root = iam(cluster)
    key = multi_region_key(cluster, HOME, SECOND, THIRD)
    root.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=policy("kms:*"))
    for region in settings.REGIONS:
        there = kms(cluster, region, keys)
        eventually(lambda there=there: there.encrypt(KeyId=key, Plaintext=b"a"), f"{name} is known in {region}")
    root.delete_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"])
    for region in settings.REGIONS:

        def gone(region=region):
            return all(refuses(node, key) for node in every_node(cluster, region, keys))

        wait_until(gone, f"{name} is refused on every node of {region}", LAG_S)


def refuses(node, key):
    try:
        node.encrypt(KeyId=key, Plaintext=b"a")
        return False
    except ClientError as error:
        return code(error) in UNKNOWN


def test_managed_policies_groups_and_boundaries(cluster, user):
    name, keys = user
    root, mine = iam(cluster), kms(cluster, credentials=keys)
    key = kms(cluster).create_key()["KeyMetadata"]["KeyId"]

    def usable():
        try:
            return bool(mine.encrypt(KeyId=key, Plaintext=b"a"))
        except ClientError as error:
            assert code(error) == "AccessDeniedException"
            return False

    made = root.create_policy(PolicyName=f"p-{name}", PolicyDocument=policy("kms:Encrypt"), Path="/apps/")["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/apps/p-{name}"
    root.create_group(GroupName=f"g-{name}")
    root.attach_group_policy(GroupName=f"g-{name}", PolicyArn=arn)
    assert not usable()
    root.add_user_to_group(GroupName=f"g-{name}", UserName=name)
    assert usable()
    root.create_policy_version(PolicyArn=arn, PolicyDocument=policy("kms:Decrypt"), SetAsDefault=True)
    assert not usable()
    root.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert usable()
    limit = root.create_policy(PolicyName=f"b-{name}", PolicyDocument=policy("kms:Decrypt"))["Policy"]["Arn"]
    root.put_user_permissions_boundary(UserName=name, PermissionsBoundary=limit)
    assert not usable()
    root.delete_user_permissions_boundary(UserName=name)
    assert usable()
    entities = root.list_entities_for_policy(PolicyArn=arn)
    assert [g["GroupName"] for g in entities["PolicyGroups"]] == [f"g-{name}"] and entities["PolicyUsers"] == []
    refused(lambda: root.delete_policy(PolicyArn=arn), "DeleteConflict")
    refused(lambda: root.delete_group(GroupName=f"g-{name}"), "DeleteConflict")
    refused(lambda: root.delete_user(UserName=name), "DeleteConflict")
    root.remove_user_from_group(GroupName=f"g-{name}", UserName=name)
    assert not usable()
    root.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert usable()
    root.detach_group_policy(GroupName=f"g-{name}", PolicyArn=arn)
    root.delete_group(GroupName=f"g-{name}")
    root.delete_policy_version(PolicyArn=arn, VersionId="v2")
    root.delete_policy(PolicyArn=arn)
    root.delete_policy(PolicyArn=limit)


def test_the_shapes_and_errors_of_iam(cluster):
    root = iam(cluster)
    name = "Shape-Test"
    made = root.create_user(UserName=name, Path="/a/b/", Tags=[{"Key": "team", "Value": "x = y@z"}])["User"]
    try:
        assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/a/b/{name}"
        assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
        shown = root.get_user(UserName="shape-TEST")["User"]
        assert shown["Tags"] == [{"Key": "team", "Value": "x = y@z"}] and shown["CreateDate"].year >= 2025
        refused(lambda: root.create_user(UserName="SHAPE-test"), "EntityAlreadyExists")
        refused(lambda: root.get_user(UserName="nobody"), "NoSuchEntity")
        refused(lambda: root.create_user(UserName="not/a/name"), "ValidationError")
        refused(
            lambda: root.put_user_policy(UserName=name, PolicyName="p", PolicyDocument='{"Statement":'),
            "MalformedPolicyDocument",
        )
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
        root.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        assert root.get_user_policy(UserName=name, PolicyName="p")["PolicyDocument"] == document
        first = root.create_access_key(UserName=name)["AccessKey"]
        assert first["AccessKeyId"].startswith("AKIA") and len(first["SecretAccessKey"]) == 40
        root.create_access_key(UserName=name)
        refused(lambda: root.create_access_key(UserName=name), "LimitExceeded")
        listed = root.list_access_keys(UserName=name)["AccessKeyMetadata"]
        assert len(listed) == 2 and all("SecretAccessKey" not in key for key in listed)
        pages = root.get_paginator("list_access_keys").paginate(UserName=name, PaginationConfig={"PageSize": 1})
        assert len([page for page in pages]) == 2
        root.update_user(UserName=name, NewUserName="Shape-Renamed")
        assert root.get_user(UserName="Shape-Renamed")["User"]["UserId"] == made["UserId"]
        refused(lambda: root.get_user(UserName=name), "NoSuchEntity")
        root.untag_user(UserName="Shape-Renamed", TagKeys=["team"])
        assert root.list_user_tags(UserName="Shape-Renamed")["Tags"] == []
        assert root.get_account_summary()["SummaryMap"]["Users"] >= 1
    finally:
        forget(root, name)
        forget(root, "Shape-Renamed")


def test_users_may_call_iam_only_as_their_policies_say(cluster, user):
    name, keys = user
    mine = iam(cluster, keys)
    refused(lambda: mine.list_users(), "AccessDenied")
    error = refused(lambda: mine.create_user(UserName="x"), "AccessDenied")
    assert "iam:CreateUser" in str(error) and f"user/{name}" in str(error)
    iam(cluster).put_user_policy(UserName=name, PolicyName="see", PolicyDocument=policy("iam:List*"))
    assert name in [u["UserName"] for u in mine.list_users()["Users"]]
    refused(lambda: mine.create_user(UserName="x"), "AccessDenied")
    identity = sts(cluster, credentials=keys).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}" and identity["UserId"].startswith("AIDA")


@pytest.fixture
def role(cluster, user):
    """A role that the user may assume."""
    name, _ = user
    root = iam(cluster)
    made = root.create_role(
        RoleName=f"r-{name}",
        AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"}),
    )["Role"]
    yield made
    for inline in root.list_role_policies(RoleName=made["RoleName"])["PolicyNames"]:
        root.delete_role_policy(RoleName=made["RoleName"], PolicyName=inline)
    root.delete_role(RoleName=made["RoleName"])


def test_a_session_of_a_role_works_in_every_region_and_obeys_its_policies(cluster, user, role):
    name, keys = user
    root = iam(cluster)
    key = multi_region_key(cluster, HOME, SECOND)
    blob = kms(cluster).encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    root.put_role_policy(RoleName=role["RoleName"], PolicyName="use", PolicyDocument=policy("kms:*"))
    assumed = sts(cluster, credentials=keys).assume_role(RoleArn=role["Arn"], RoleSessionName="job-7")
    assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/job-7"
    session = session_of(assumed)
    assert sts(cluster, credentials=session).get_caller_identity()["Arn"] == assumed["AssumedRoleUser"]["Arn"]
    there = kms(cluster, SECOND, session)
    assert eventually(lambda: there.decrypt(CiphertextBlob=blob), "the session works there")["Plaintext"] == b"secret"
    narrow = sts(cluster, credentials=keys).assume_role(
        RoleArn=role["Arn"], RoleSessionName="narrow", Policy=policy("kms:Encrypt")
    )
    refused(lambda: kms(cluster, HOME, session_of(narrow)).decrypt(CiphertextBlob=blob), "AccessDeniedException")
    forged = dict(session, aws_session_token=session_of(narrow)["aws_session_token"])
    refused(lambda: kms(cluster, HOME, forged).decrypt(CiphertextBlob=blob), *UNKNOWN)
    refused(
        lambda: sts(cluster, credentials=session).get_session_token(), "AccessDenied"
    )
    # A session assumed elsewhere, from the copy there.
    elsewhere = eventually(
        lambda: sts(cluster, SECOND, keys).assume_role(RoleArn=role["Arn"], RoleSessionName="there"), "the role is known there"
    )
    assert kms(cluster, HOME, session_of(elsewhere)).decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_who_may_assume_a_role(cluster, user, role):
    name, keys = user
    root = iam(cluster)
    refused(lambda: sts(cluster).assume_role(RoleArn=role["Arn"], RoleSessionName="root"), "AccessDenied")
    root.update_assume_role_policy(
        RoleName=role["RoleName"],
        PolicyDocument=trust(
            {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"}, Condition={"StringEquals": {"sts:ExternalId": "e-1"}}
        ),
    )
    caller = sts(cluster, credentials=keys)
    refused(lambda: caller.assume_role(RoleArn=role["Arn"], RoleSessionName="aa"), "AccessDenied")
    assert caller.assume_role(RoleArn=role["Arn"], RoleSessionName="aa", ExternalId="e-1")
    # A user made anew under the same name is another user.
    forget(root, name)
    root.create_user(UserName=name)
    anew = keys_of(root.create_access_key(UserName=name))
    refused(
        lambda: sts(cluster, credentials=anew).assume_role(RoleArn=role["Arn"], RoleSessionName="aa", ExternalId="e-1"),
        "AccessDenied",
    )
    shown = root.get_role(RoleName=role["RoleName"])["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"]["AWS"].startswith("AIDA")


def test_other_sessions(cluster, user):
    name, keys = user
    root, caller = iam(cluster), sts(cluster, credentials=keys)
    key = kms(cluster).create_key()["KeyMetadata"]["KeyId"]
    root.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=policy(["kms:*", "sts:GetFederationToken"]))
    plain = session_of(caller.get_session_token(DurationSeconds=900))
    assert kms(cluster, HOME, plain).encrypt(KeyId=key, Plaintext=b"a")
    federated = caller.get_federation_token(Name="bob", Policy=policy("kms:Encrypt"))
    assert federated["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    bob = kms(cluster, HOME, session_of(federated))
    assert bob.encrypt(KeyId=key, Plaintext=b"a")
    refused(lambda: bob.disable_key(KeyId=key), "AccessDeniedException")
    nothing = kms(cluster, HOME, session_of(caller.get_federation_token(Name="eve")))
    refused(lambda: nothing.encrypt(KeyId=key, Plaintext=b"a"), "AccessDeniedException")
    root.delete_user_policy(UserName=name, PolicyName="use")
    refused(lambda: bob.encrypt(KeyId=key, Plaintext=b"a"), "AccessDeniedException")


def test_the_four_combinations_between_accounts(cluster):
    owner, other = iam(cluster), iam(cluster, OTHER_ROOT)
    name = "cross"
    other.create_user(UserName=name)
    try:
        keys = keys_of(other.create_access_key(UserName=name))
        arn = f"arn:aws:iam::{OTHER_ACCOUNT}:user/{name}"
        mine = kms(cluster)
        created = mine.create_key()["KeyMetadata"]
        theirs = kms(cluster, credentials=keys)

        def key_policy(opened):
            own = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
            foreign = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:Encrypt", "Resource": "*"}
            document = {"Version": "2012-10-17", "Statement": [own, foreign] if opened else [own]}
            mine.put_key_policy(KeyId=created["KeyId"], PolicyName="default", Policy=json.dumps(document))

        for opened in (False, True):
            for permitted in (False, True):
                key_policy(opened)
                if permitted:
                    other.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy("kms:Encrypt"))
                else:
                    for inline in other.list_user_policies(UserName=name)["PolicyNames"]:
                        other.delete_user_policy(UserName=name, PolicyName=inline)
                if opened and permitted:
                    assert theirs.encrypt(KeyId=created["Arn"], Plaintext=b"a")
                else:
                    refused(lambda: theirs.encrypt(KeyId=created["Arn"], Plaintext=b"a"), "AccessDeniedException")
        refused(lambda: owner.get_user(UserName=name), "NoSuchEntity")
    finally:
        forget(other, name)


def test_a_policy_cannot_name_a_stranger_and_shows_who_is_gone(cluster, user):
    name, keys = user
    root, arn = iam(cluster), f"arn:aws:iam::{ACCOUNT}:user/{name}"
    mine = kms(cluster)
    key = mine.create_key()["KeyMetadata"]["KeyId"]

    def put(principal):
        own = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
        named = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:Encrypt", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [own, named]})
        mine.put_key_policy(KeyId=key, PolicyName="default", Policy=document)

    def shown():
        document = json.loads(mine.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        return document["Statement"][1]["Principal"]["AWS"]

    refused(lambda: put(arn + "-stranger"), "MalformedPolicyDocumentException")
    put(arn)
    assert shown() == arn
    was = root.get_user(UserName=name)["User"]["UserId"]
    assert kms(cluster, credentials=keys).encrypt(KeyId=key, Plaintext=b"a")
    forget(root, name)
    assert shown() == was and was.startswith("AIDA")
    # Whoever bears the name now is another.
    root.create_user(UserName=name)
    anew = keys_of(root.create_access_key(UserName=name))
    refused(lambda: kms(cluster, credentials=anew).encrypt(KeyId=key, Plaintext=b"a"), "AccessDeniedException")
    assert shown() == was
    refused(lambda: put(was), "MalformedPolicyDocumentException")
    put(arn)
    assert kms(cluster, credentials=anew).encrypt(KeyId=key, Plaintext=b"a")


def test_a_policy_shows_the_id_of_a_role_that_is_gone(cluster, user):
    name, keys = user
    root, mine = iam(cluster), kms(cluster)
    assumer = f"arn:aws:iam::{ACCOUNT}:user/{name}"

    def make():
        made = root.create_role(RoleName=f"gone-{name}", AssumeRolePolicyDocument=trust({"AWS": assumer}))["Role"]
        assumed = sts(cluster, credentials=keys).assume_role(RoleArn=made["Arn"], RoleSessionName="one")
        return made, kms(cluster, credentials=session_of(assumed))

    role, session = make()
    own = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    named = {"Effect": "Allow", "Principal": {"AWS": role["Arn"]}, "Action": "kms:Encrypt", "Resource": "*"}
    key = mine.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [own, named]}))["KeyMetadata"]
    assert session.encrypt(KeyId=key["KeyId"], Plaintext=b"a")
    root.delete_role(RoleName=f"gone-{name}")
    shown = json.loads(mine.get_key_policy(KeyId=key["KeyId"])["Policy"])["Statement"][1]["Principal"]["AWS"]
    assert shown == role["RoleId"] and shown.startswith("AROA")
    refused(lambda: session.encrypt(KeyId=key["KeyId"], Plaintext=b"a"), *UNKNOWN)
    _, session = make()
    refused(lambda: session.encrypt(KeyId=key["KeyId"], Plaintext=b"a"), "AccessDeniedException")
    root.delete_role(RoleName=f"gone-{name}")


def test_the_last_use_of_an_access_key_is_shown(cluster, user):
    name, keys = user
    root, key_id = iam(cluster), keys["aws_access_key_id"]

    def last():
        return root.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]

    assert (last()["ServiceName"], last()["Region"]) == ("N/A", "N/A") and "LastUsedDate" not in last()
    refused(lambda: kms(cluster, credentials=keys).list_keys(), "AccessDeniedException")
    used = wait_until(lambda: last() if last()["ServiceName"] == "kms" else None, "the use of KMS is shown", 20)
    assert used["Region"] == HOME and used["LastUsedDate"]
    assert sts(cluster, credentials=keys).get_caller_identity()
    wait_until(lambda: last()["ServiceName"] == "sts", "the use of STS is shown", 20)
    root.delete_access_key(UserName=name, AccessKeyId=key_id)
    refused(lambda: last(), "NoSuchEntity")


def test_policies_of_aws_are_there_and_their_uses_are_counted(cluster, user):
    name, keys = user
    root, arn = iam(cluster), "arn:aws:iam::aws:policy/ReadOnlyAccess"
    listed = {policy["PolicyName"] for policy in root.list_policies(Scope="AWS")["Policies"]}
    assert {"AdministratorAccess", "PowerUserAccess", "IAMReadOnlyAccess", "SecurityAudit"} <= listed
    root.attach_user_policy(UserName=name, PolicyArn=arn)
    assert root.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    attached = root.list_policies(Scope="AWS", OnlyAttached=True)["Policies"]
    assert [policy["Arn"] for policy in attached] == [arn]
    assert [version["VersionId"] for version in root.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v1"]
    refused(lambda: root.get_policy_version(PolicyArn=arn, VersionId="v2"), "NoSuchEntity")
    mine = kms(cluster, credentials=keys)
    key = kms(cluster).create_key()["KeyMetadata"]["KeyId"]
    assert mine.describe_key(KeyId=key) and mine.list_keys()
    refused(lambda: mine.encrypt(KeyId=key, Plaintext=b"a"), "AccessDeniedException")
    refused(lambda: mine.create_key(), "AccessDeniedException")


def test_writes_are_taken_by_the_home_and_named_elsewhere(cluster):
    endpoint = cluster.region_endpoint(SECOND)
    elsewhere = client("iam", endpoint, SECOND)
    error = refused(lambda: elsewhere.create_user(UserName="late"), "ServiceUnavailable")
    assert HOME in str(error)
    assert elsewhere.list_users()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_status_shows_the_home_and_the_lag(cluster):
    from harness.cluster import meridian

    iam(cluster).create_group(GroupName="status-group")
    iam(cluster).delete_group(GroupName="status-group")

    def caught_up():
        views = json.loads(meridian("region", "status", "--data-dir", cluster.data_dir, "--json").stdout)
        found = {view["region"]: view["identity"] for view in views if view["role"] == "leader"}
        assert all(identity["home"] == HOME for identity in found.values())
        sequences = {identity["sequence"] for identity in found.values()}
        lags = {identity["lag"] for identity in found.values()}
        return len(found) == 3 and len(sequences) == 1 and lags == {0}

    wait_until(caught_up, "every Region has every change", LAG_S)


@pytest.fixture
def fragile(binary, tmp_path):
    yield from serve(Cluster(tmp_path / "data", regions=settings.REGIONS, nodes=1))


def test_users_outlive_their_home_and_promotion_moves_it(fragile):
    root = iam(fragile)
    root.create_user(UserName="ann")
    keys = keys_of(root.create_access_key(UserName="ann"))
    root.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=policy("kms:*"))
    at_home = kms(fragile).create_key()["KeyMetadata"]["KeyId"]
    there = kms(fragile, SECOND, keys)
    key = eventually(lambda: there.create_key(), "ann is known in the second Region", 60)["KeyMetadata"]["KeyId"]
    time.sleep(1)
    fragile.kill(HOME)
    assert there.encrypt(KeyId=key, Plaintext=b"a")
    assert session_of(sts(fragile, SECOND, keys).get_session_token())
    refused(lambda: iam(fragile).create_user(UserName="bob"), "ServiceUnavailable", "ServiceUnavailableException")
    fragile.region_promote(HOME, SECOND)

    def taken():
        try:
            return iam(fragile).create_user(UserName="bob")
        except ClientError as error:
            assert code(error) in ("ServiceUnavailable", "ServiceUnavailableException"), error
            return None

    wait_until(taken, "the promoted Region takes changes", 60)
    iam(fragile).delete_user_policy(UserName="ann", PolicyName="all")
    refused(lambda: there.encrypt(KeyId=key, Plaintext=b"a"), "AccessDeniedException")
    fragile.start(HOME)
    fragile.wait_ready()
    # The old home follows: what it allowed is refused there too.
    back = client("kms", fragile.region_endpoint(HOME), HOME, keys)

    def follows():
        try:
            back.encrypt(KeyId=at_home, Plaintext=b"a")
            return False
        except ClientError as error:
            return code(error) == "AccessDeniedException"

    wait_until(follows, "the old home follows the new one", 60)
    names = client("iam", fragile.region_endpoint(HOME), HOME).list_users()["Users"]
    assert {user["UserName"] for user in names} == {"ann", "bob"}


def test_sessions_end(cluster):
    """A token of another deployment, or cut short, is nobody's."""
    answer = sts(cluster).get_session_token(DurationSeconds=900)
    session = session_of(answer)
    assert gateway(cluster, HOME).list_keys() and kms(cluster, HOME, session).list_keys()
    cut = dict(session, aws_session_token=session["aws_session_token"][:-8])
    refused(lambda: kms(cluster, HOME, cut).list_keys(), *UNKNOWN)
    missing = {k: v for k, v in session.items() if k != "aws_session_token"}
    refused(lambda: kms(cluster, HOME, missing).list_keys(), *UNKNOWN)
