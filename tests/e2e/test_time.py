"""What happens by itself as Region time passes: rotations, deletions, last usage, events of the service; and limits."""

import time

import pytest
from botocore.exceptions import ClientError
from harness import audit, settings
from harness.clients import code, gateway, key_state, multi_region_key, refused, wait_primary, wait_state
from harness.cluster import Cluster, wait_until
from harness.fixtures import serve
from harness.identities import iam

HOME, *OTHERS = settings.REGIONS
DAY_S = 86_400


@pytest.fixture(scope="module")
def moving(binary, tmp_path_factory):
    """Three Regions of one node each, whose clocks these tests move."""
    yield from serve(Cluster(tmp_path_factory.mktemp("time") / "data", nodes=1))


@pytest.fixture
def small(binary, tmp_path):
    cluster = Cluster(tmp_path / "data", settings.REGIONS[:1], nodes=1)
    yield cluster
    cluster.end()


def kms(cluster, region=HOME):
    return gateway(cluster, region, retries={"mode": "standard", "total_max_attempts": 1})


def rotations(client, key):
    return client.list_key_rotations(KeyId=key)["Rotations"]


def service_events(cluster, name, key, region):
    """Records of `name` about `key` in `region`, one per event id: a leader change may repeat one."""
    found = [
        record
        for record in audit.records(cluster)
        if record["eventName"] == name
        and record["awsRegion"] == region
        and any(resource["ARN"].endswith(key) for resource in record.get("resources", []))
    ]
    return list({record["eventID"]: record for record in found}.values())


def wait_event(cluster, name, key, region, count=1):
    def enough():
        found = service_events(cluster, name, key, region)
        return found if len(found) >= count else None

    found = wait_until(enough, f"{count} {name} of {key} in {region}", 20, every_s=0.25)
    assert len(found) == count, f"{len(found)} {name}"
    return found


def offsets(cluster):
    return [region["offset_ms"] for region in cluster.clock()]


def test_the_clock_moves_everywhere_and_clients_go_on(moving):
    before = offsets(moving)
    times = moving.advance_clock("36h")
    assert [region["region"] for region in times] == list(settings.REGIONS)
    assert offsets(moving) == [offset + 36 * 3600 * 1000 for offset in before]
    for region in settings.REGIONS:
        created = kms(moving, region).create_key()["KeyMetadata"]["CreationDate"].timestamp()
        assert created - time.time() > 35 * 3600, "keys are created in Region time"


def test_rotations_fall_due_in_every_region(moving):
    home = kms(moving)
    shared = multi_region_key(moving, HOME, *OTHERS)
    single = home.create_key()["KeyMetadata"]["KeyId"]
    for key in (shared, single):
        home.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    due = home.get_key_rotation_status(KeyId=single)["NextRotationDate"]
    sealed = home.encrypt(KeyId=shared, Plaintext=b"before")["CiphertextBlob"]
    first = home.describe_key(KeyId=shared)["KeyMetadata"]["CurrentKeyMaterialId"]
    moving.advance_clock("91d")
    (rotation,) = rotations(home, single)
    assert rotation["RotationType"] == "AUTOMATIC" and rotation["RotationDate"] >= due
    current = {}
    for region in settings.REGIONS:
        client = kms(moving, region)
        wait_until(lambda: len(rotations(client, shared)) == 1, f"the rotation in {region}", 30)
        assert rotations(client, shared)[0]["RotationType"] == "AUTOMATIC"
        current[region] = client.describe_key(KeyId=shared)["KeyMetadata"]["CurrentKeyMaterialId"]
        assert client.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"before"
        (record,) = wait_event(moving, "RotateKey", shared, region)
        details = record["serviceEventDetails"]
        assert record["eventType"] == "AwsServiceEvent" and details["rotationType"] == "AUTOMATIC"
        assert details["previousKeyMaterialId"] == first
        assert details["currentKeyMaterialId"] == current[region]
    assert len(set(current.values())) == 1 and first not in current.values()
    following = home.get_key_rotation_status(KeyId=single)["NextRotationDate"]
    assert abs((following - due).total_seconds() - 90 * DAY_S) < 1
    moving.advance_clock("180d", "--step", "45d")
    assert len(rotations(home, single)) == 3, "in steps every date is kept"


def test_a_disabled_key_rotates_when_it_is_enabled(moving):
    home = kms(moving)
    key = home.create_key()["KeyMetadata"]["KeyId"]
    home.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    home.disable_key(KeyId=key)
    moving.advance_clock("100d")
    assert rotations(home, key) == [] and home.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    home.enable_key(KeyId=key)
    wait_until(lambda: len(rotations(home, key)) == 1, "the overdue rotation", 20)


def test_the_schedule_follows_the_primary(moving):
    home, other = kms(moving), kms(moving, OTHERS[0])
    key = multi_region_key(moving, HOME, OTHERS[0])
    home.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    answer = home.update_primary_region(KeyId=key, PrimaryRegion=OTHERS[0])
    wait_primary(other, key, OTHERS[0])
    wait_state(other, key)
    moving.advance_clock("91d")
    wait_until(lambda: len(rotations(home, key)) == 1 == len(rotations(other, key)), "one rotation in each", 30)
    request = answer["ResponseMetadata"]["RequestId"]
    (record,) = wait_event(moving, "UpdatePrimaryRegion", key, OTHERS[0])
    assert record["requestID"] == request and record["userIdentity"]["invokedBy"] == "kms.amazonaws.com"
    assert record["userIdentity"]["accountId"] == settings.ACCOUNT
    assert [r["awsRegion"] for r in service_events(moving, "UpdatePrimaryRegion", key, HOME)] == [HOME]


def test_keys_are_deleted_everywhere_at_the_end_of_their_windows(moving):
    home = kms(moving)
    single = home.create_key()["KeyMetadata"]["KeyId"]
    shared = multi_region_key(moving, HOME, OTHERS[0])
    home.schedule_key_deletion(KeyId=single, PendingWindowInDays=7)
    home.schedule_key_deletion(KeyId=shared, PendingWindowInDays=7)
    assert key_state(home, shared) == "PendingReplicaDeletion"
    kms(moving, OTHERS[0]).schedule_key_deletion(KeyId=shared, PendingWindowInDays=7)
    moving.advance_clock("6d")
    assert key_state(home, single) == "PendingDeletion"
    moving.advance_clock("25h")
    assert key_state(home, single) == "absent"
    assert key_state(kms(moving, OTHERS[0]), shared) == "absent"
    wait_state(home, shared, "PendingDeletion")
    moving.advance_clock("8d")
    assert key_state(home, shared) == "absent"
    for key, region in ((single, HOME), (shared, HOME), (shared, OTHERS[0])):
        (record,) = wait_event(moving, "DeleteKey", key, region)
        assert record["eventType"] == "AwsServiceEvent" and record["serviceEventDetails"] == {"keyId": key}
        assert record["userIdentity"] == {"accountId": settings.ACCOUNT, "invokedBy": "AWS Internal"}


def test_a_replica_is_recorded_in_its_own_region(moving):
    home = kms(moving)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    answer = home.replicate_key(
        KeyId=key, ReplicaRegion=OTHERS[1], Description="copy", Tags=[{"TagKey": "team", "TagValue": "blue"}]
    )
    wait_state(kms(moving, OTHERS[1]), key)
    (record,) = wait_event(moving, "CreateKey", key, OTHERS[1])
    assert record["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert record["eventType"] == "AwsApiCall" and record["readOnly"] is False
    assert record["userIdentity"]["type"] == "Root"
    assert record["userIdentity"]["invokedBy"] == "kms.amazonaws.com"
    assert record["requestParameters"]["multiRegion"] is True
    assert record["requestParameters"]["tags"] == [{"tagKey": "team", "tagValue": "blue"}]
    assert record["responseElements"]["keyMetadata"]["multiRegionConfiguration"]["multiRegionKeyType"] == "REPLICA"
    synchronized = wait_until(
        lambda: service_events(moving, "SynchronizeMultiRegionKey", key, HOME), "a SynchronizeMultiRegionKey", 20
    )
    assert {record["eventType"] for record in synchronized} == {"AwsApiCall"}
    assert all(record["requestID"] and record["requestParameters"] is None for record in synchronized)


def test_last_usage_is_kept_per_region_and_counts_success_only(moving):
    home, other = kms(moving), kms(moving, OTHERS[0])
    key = multi_region_key(moving, HOME, OTHERS[0])
    created = home.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    unused = home.get_key_last_usage(KeyId=key)
    assert unused["KeyLastUsage"] == {} and unused["KeyCreationDate"] == unused["TrackingStartDate"] == created
    home.get_key_rotation_status(KeyId=key)
    refused(lambda: home.decrypt(KeyId=key, CiphertextBlob=b"nothing of ours"), "InvalidCiphertextException")
    refused(lambda: home.encrypt(KeyId=key, Plaintext=b"x", DryRun=True), "DryRunOperationException")
    time.sleep(3)
    assert home.get_key_last_usage(KeyId=key)["KeyLastUsage"] == {}
    used = home.encrypt(KeyId=key, Plaintext=b"x")

    def last():
        return home.get_key_last_usage(KeyId=key)["KeyLastUsage"]

    wait_until(last, "the use", 15)
    usage = last()
    request = used["ResponseMetadata"]["RequestId"]
    (record,) = audit.by_request(moving)[request]
    assert (usage["Operation"], usage["KmsRequestId"]) == ("Encrypt", request)
    assert usage["CloudTrailEventId"] == record["eventID"]
    assert other.get_key_last_usage(KeyId=key)["KeyLastUsage"] == {}, "each Region counts for itself"
    target = home.create_key()["KeyMetadata"]["KeyId"]
    home.re_encrypt(CiphertextBlob=used["CiphertextBlob"], DestinationKeyId=target)
    for one in (key, target):
        wait_until(
            lambda one=one: home.get_key_last_usage(KeyId=one)["KeyLastUsage"].get("Operation") == "ReEncrypt",
            f"ReEncrypt on {one}",
            15,
        )


def test_last_usage_and_the_clock_survive_a_restart(small):
    small.up()
    client = kms(small)
    key = client.create_key()["KeyMetadata"]["KeyId"]
    small.advance_clock("10d")
    client.generate_data_key(KeyId=key, KeySpec="AES_256")
    small.down()
    small.up()
    assert offsets(small) == [10 * DAY_S * 1000]
    usage = kms(small).get_key_last_usage(KeyId=key)["KeyLastUsage"]
    assert usage["Operation"] == "GenerateDataKey", "noted uses are written before a node stops"


def test_custom_key_stores_do_not_exist(moving):
    home = kms(moving)
    assert home.describe_custom_key_stores()["CustomKeyStores"] == []
    store = "cks-1234567890abcdef0"
    both = {"CustomKeyStoreId": store, "CustomKeyStoreName": "n"}
    refused(lambda: home.describe_custom_key_stores(**both), "ValidationException")
    for call in (
        lambda: home.describe_custom_key_stores(CustomKeyStoreId=store),
        lambda: home.describe_custom_key_stores(CustomKeyStoreName="n"),
        lambda: home.connect_custom_key_store(CustomKeyStoreId=store),
        lambda: home.disconnect_custom_key_store(CustomKeyStoreId=store),
        lambda: home.update_custom_key_store(CustomKeyStoreId=store, NewCustomKeyStoreName="m"),
        lambda: home.delete_custom_key_store(CustomKeyStoreId=store),
        lambda: home.create_key(CustomKeyStoreId=store, Origin="AWS_CLOUDHSM"),
        lambda: home.generate_random(NumberOfBytes=8, CustomKeyStoreId=store),
    ):
        refused(call, "CustomKeyStoreNotFoundException")
    cluster = {
        "CustomKeyStoreName": "n",
        "CloudHsmClusterId": "cluster-2a34b5cdefg",
        "KeyStorePassword": "kmsPswd",
        "TrustAnchorCertificate": "certificate",
    }
    refused(lambda: home.create_custom_key_store(**cluster), "CloudHsmClusterNotFoundException")
    refused(
        lambda: home.create_custom_key_store(CustomKeyStoreName="n", CustomKeyStoreType="EXTERNAL_KEY_STORE"),
        "LimitExceededException",
    )
    short = refused(lambda: home.connect_custom_key_store(CustomKeyStoreId=""), "ValidationException")
    assert "customKeyStoreId" in str(short)


def test_limits_come_from_the_configuration(small, monkeypatch):
    monkeypatch.setenv("MERIDIAN_QUOTAS", "keys_per_account=2,aliases_per_key=1,tags_per_key=1,on_demand_rotations=1")
    monkeypatch.setenv("MERIDIAN_REQUEST_RATES", "aws")
    monkeypatch.setenv("MERIDIAN_REQUEST_RATE", "ListAliases=2,CreateKey=50,CreateAlias=50,iam_read=2")
    monkeypatch.setenv("MERIDIAN_AWS_MANAGED_SERVICES", "s3")
    small.up()
    client = kms(small)
    key, _ = (client.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    full = refused(client.create_key, "LimitExceededException")
    assert "Key quota for this account in this region is 2 but the current usage is 2." in str(full)
    client.create_alias(AliasName="alias/one", TargetKeyId=key)
    refused(lambda: client.create_alias(AliasName="alias/two", TargetKeyId=key), "LimitExceededException")
    tags = [{"TagKey": name, "TagValue": ""} for name in "ab"]
    refused(lambda: client.tag_resource(KeyId=key, Tags=tags), "TagException")
    client.rotate_key_on_demand(KeyId=key)
    refused(lambda: client.rotate_key_on_demand(KeyId=key), "LimitExceededException")

    managed = client.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert managed["KeyManager"] == "AWS" and managed["KeyState"] == "Enabled"
    assert client.get_key_rotation_status(KeyId=managed["KeyId"])["RotationPeriodInDays"] == 365
    refused(lambda: client.disable_key(KeyId=managed["KeyId"]), "AccessDeniedException")
    refused(lambda: client.encrypt(KeyId="alias/aws/s3", Plaintext=b"x"), "AccessDeniedException")
    refused(lambda: client.create_alias(AliasName="alias/aws/x", TargetKeyId=key), "NotAuthorizedException")

    time.sleep(1.1)
    throttled = 0
    for _ in range(20):
        try:
            client.list_aliases()
        except ClientError as error:
            assert code(error) == "ThrottlingException", error
            assert "You have exceeded the rate at which you may call KMS." in str(error)
            request = error.response["ResponseMetadata"]["RequestId"]
            throttled += 1
    assert throttled > 0
    (record,) = audit.by_request(small)[request]
    assert record["errorCode"] == "ThrottlingException" and record["eventName"] == "ListAliases"
    assert {alias["AliasName"] for alias in wait_until(lambda: aliases(client), "a quiet moment", 10)} == {
        "alias/aws/s3",
        "alias/one",
    }
    iam_is_throttled_in_its_own_words(small)


def iam_is_throttled_in_its_own_words(cluster):
    api = iam(cluster)
    refusals = []
    for _ in range(20):
        try:
            api.list_users()
        except ClientError as error:
            refusals.append(error)
    assert refusals and {code(error) for error in refusals} == {"Throttling"}
    assert refusals[0].response["Error"]["Message"] == "Rate exceeded"
    (record,) = audit.by_request(cluster)[refusals[0].response["ResponseMetadata"]["RequestId"]]
    assert (record["errorCode"], record["eventName"]) == ("Throttling", "ListUsers")
    assert api.create_user(UserName="not-a-read")


def aliases(client):
    try:
        return client.list_aliases()["Aliases"]
    except ClientError:
        return None


def test_a_clock_moves_only_forward_and_only_in_spans(moving):
    for text in ("-1d", "400", "soon"):
        assert moving.local("clock", "advance", text, check=False).returncode == 2
    before = offsets(moving)
    moving.advance_clock("0s")
    assert offsets(moving) == before
