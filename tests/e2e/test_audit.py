"""One CloudTrail record for each call, with the fields that CloudTrail has, and no secrets."""

import json

import pytest
from harness import audit, settings
from harness.clients import gateway, refused
from harness.raw import call

REGION = settings.REGIONS[0]
ALWAYS = {
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "requestParameters",
    "responseElements",
    "requestID",
    "eventID",
    "readOnly",
    "eventType",
    "managementEvent",
    "eventCategory",
}


@pytest.fixture(scope="module")
def kms(cluster):
    return gateway(cluster, REGION, retries={"mode": "standard", "total_max_attempts": 1})


@pytest.fixture(scope="module")
def key(kms):
    return kms.create_key()["KeyMetadata"]


def one_record(cluster, request_id):
    found = audit.by_request(cluster).get(request_id, [])
    assert len(found) == 1, f"{len(found)} records of {request_id}"
    return found[0]


def test_each_call_has_one_record(cluster, kms, key):
    calls = [
        ("Encrypt", True, kms.encrypt(KeyId=key["KeyId"], Plaintext=b"a secret text")),
        ("GenerateDataKey", True, kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")),
        ("DescribeKey", True, kms.describe_key(KeyId=key["KeyId"])),
        ("ListKeys", True, kms.list_keys()),
        ("TagResource", False, kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "a", "TagValue": "1"}])),
        ("CreateKey", False, kms.create_key()),
        ("GenerateRandom", True, kms.generate_random(NumberOfBytes=8)),
    ]
    by_request = audit.by_request(cluster)
    for name, read_only, answer in calls:
        found = by_request.get(answer["ResponseMetadata"]["RequestId"], [])
        assert len(found) == 1, f"{len(found)} records of {name}"
        (record,) = found
        assert ALWAYS <= set(record), sorted(ALWAYS - set(record))
        assert record["eventName"] == name and record["readOnly"] is read_only
        assert record["eventSource"] == "kms.amazonaws.com" and record["awsRegion"] == REGION
        assert record["eventType"] == "AwsApiCall" and record["eventCategory"] == "Management"
        identity = record["userIdentity"]
        assert identity["type"] == "Root" and identity["accountId"] == settings.ACCOUNT
        assert identity["accessKeyId"] == "test"
        assert "errorCode" not in record


def test_a_decrypt_names_key_context_and_material_but_no_text(cluster, kms, key):
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"never in a record", EncryptionContext={"tenant": "blue"})
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"tenant": "blue"})
    record = one_record(cluster, opened["ResponseMetadata"]["RequestId"])
    assert record["requestParameters"]["encryptionContext"] == {"tenant": "blue"}
    assert record["requestParameters"]["encryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert record["resources"] == [
        {"accountId": settings.ACCOUNT, "type": "AWS::KMS::Key", "ARN": key["Arn"]}
    ]
    assert record["responseElements"] is None
    assert record["additionalEventData"]["keyMaterialId"] == opened["KeyMaterialId"]
    text = json.dumps(record)
    assert "never in a record" not in text and "ciphertextBlob" not in text and "plaintext" not in text


def test_refusals_are_recorded_with_their_error(cluster, kms, key):
    error = refused(lambda: kms.describe_key(KeyId="alias/absent"), "NotFoundException")
    record = one_record(cluster, error.response["ResponseMetadata"]["RequestId"])
    assert record["errorCode"] == "NotFoundException" and record["responseElements"] is None
    answer = call(cluster.region_endpoint(REGION), REGION, "DisableKey", {"KeyId": key["KeyId"]}, secret="wrong")
    record = one_record(cluster, answer.headers["x-amzn-requestid"])
    assert record["errorCode"] == "InvalidSignatureException" and record["eventName"] == "DisableKey"


def test_record_ids_are_unique_and_every_line_is_json(cluster, kms):
    ids = [record["eventID"] for record in audit.records(cluster)]
    assert ids and len(ids) == len(set(ids))
