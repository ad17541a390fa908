"""What must be refused is refused with AWS's error, and nothing else happens. Panics are looked for by the fixture."""

import datetime
import json

import pytest
from harness import raw, settings
from harness.clients import gateway
from harness.raw import call, send, signed

REGION, OTHER = settings.REGIONS[:2]
MISMATCH = "The request signature we calculated does not match the signature you provided."


@pytest.fixture(scope="module", params=["gateway", "node"])
def endpoint(request, cluster):
    """The same answers through the gateway and from a node itself."""
    return cluster.region_endpoint(REGION) if request.param == "gateway" else cluster.api(REGION, 2)


@pytest.fixture(scope="module")
def key(cluster):
    return gateway(cluster, REGION).create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture(scope="module")
def sealed(cluster, key):
    return gateway(cluster, REGION).encrypt(KeyId=key, Plaintext=b"text", EncryptionContext={"a": "1"})["CiphertextBlob"]


@pytest.fixture(autouse=True)
def the_key_stays_as_it_was(cluster, key, sealed):
    client = gateway(cluster, REGION)
    before = client.describe_key(KeyId=key)["KeyMetadata"]
    yield
    assert client.describe_key(KeyId=key)["KeyMetadata"] == before
    assert client.decrypt(CiphertextBlob=sealed, EncryptionContext={"a": "1"})["Plaintext"] == b"text"


def check(answer: raw.Answer, error: str, message: str = "", status: int = 400):
    assert (answer.status, answer.error) == (status, error), answer
    assert message in answer.message
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert len(answer.headers["x-amzn-requestid"]) == 36


def test_a_good_request_passes(endpoint, key):
    answer = call(endpoint, REGION, "DescribeKey", {"KeyId": key})
    assert answer.status == 200 and answer.json()["KeyMetadata"]["KeyId"] == key


def test_wrong_secret(endpoint, key):
    answer = call(endpoint, REGION, "DisableKey", {"KeyId": key}, secret="wrong")
    check(answer, "InvalidSignatureException", MISMATCH)


def test_unknown_access_key(endpoint, key):
    answer = call(endpoint, REGION, "DisableKey", {"KeyId": key}, access_key="AKIANOBODY")
    check(answer, "UnrecognizedClientException", "The security token included in the request is invalid.")


def test_wrong_region(endpoint, key):
    answer = call(endpoint, OTHER, "DisableKey", {"KeyId": key})
    check(answer, "InvalidSignatureException", "Credential should be scoped to a valid region.")


def test_wrong_service(endpoint, key):
    answer = call(endpoint, REGION, "DisableKey", {"KeyId": key}, service="s3")
    check(answer, "InvalidSignatureException", "Credential should be scoped to correct service: 'kms'.")


@pytest.mark.parametrize("minutes, message", [(-6, "Signature expired"), (6, "Signature not yet current")])
def test_wrong_date(endpoint, key, minutes, message):
    date = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    check(call(endpoint, REGION, "DisableKey", {"KeyId": key}, date=date), "InvalidSignatureException", message)


def test_no_signature(endpoint, key):
    request = signed(endpoint, REGION, "DisableKey", {"KeyId": key})
    del request.headers["Authorization"]
    check(send(endpoint, request), "MissingAuthenticationTokenException")


def test_broken_authorization_header(endpoint, key):
    request = signed(endpoint, REGION, "DisableKey", {"KeyId": key})
    header = request.headers["Authorization"].replace("Signature=", "Sign=")
    del request.headers["Authorization"]
    request.headers["Authorization"] = header
    check(send(endpoint, request), "IncompleteSignatureException")


def test_tampered_body(endpoint, key):
    request = signed(endpoint, REGION, "EnableKey", {"KeyId": key})
    answer = send(endpoint, request, body=json.dumps({"KeyId": "alias/evil"}).encode())
    check(answer, "InvalidSignatureException")


def test_tampered_target(endpoint, key):
    request = signed(endpoint, REGION, "DescribeKey", {"KeyId": key})
    del request.headers["X-Amz-Target"]
    request.headers["X-Amz-Target"] = "TrentService.DisableKey"
    check(send(endpoint, request), "InvalidSignatureException")


def test_tampered_ciphertext(endpoint, key, sealed):
    """One bit in each part of the blob: version, names, salt, commitment, text, tag."""
    for position in (0, 1, 5, 25, 60, 90, 116, len(sealed) - 1):
        spoilt = bytearray(sealed)
        spoilt[position] ^= 1
        answer = decrypt(endpoint, bytes(spoilt), {"a": "1"}, key)
        assert answer.status == 400, (position, answer)
        assert answer.error in ("InvalidCiphertextException", "IncorrectKeyException"), (position, answer)
    check(decrypt(endpoint, sealed[:-1], {"a": "1"}, key), "InvalidCiphertextException")


def test_wrong_encryption_context(endpoint, key, sealed):
    for context in ({}, {"a": "2"}, {"A": "1"}, {"a": "1", "b": ""}):
        answer = decrypt(endpoint, sealed, context, key)
        check(answer, "InvalidCiphertextException")
        assert "message" not in answer.json()


def decrypt(endpoint, blob, context, key):
    import base64

    body = {"CiphertextBlob": base64.b64encode(blob).decode(), "EncryptionContext": context, "KeyId": key}
    return call(endpoint, REGION, "Decrypt", body)


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"KeyId": 7}', b'{"KeyId": "x"} trailing', b"[" * 100_000],
    ids=["open", "empty", "list", "null", "string", "bytes", "number", "trailing", "deep"],
)
def test_malformed_json(endpoint, body):
    answer = call(endpoint, REGION, "DescribeKey", body)
    assert answer.status == 400
    assert answer.error in ("SerializationException", "ValidationException"), answer


def test_bad_base64(endpoint, key):
    check(call(endpoint, REGION, "Encrypt", {"KeyId": key, "Plaintext": "%%"}), "SerializationException")


def test_missing_member(endpoint):
    answer = call(endpoint, REGION, "Encrypt", {"Plaintext": "eA=="})
    check(answer, "ValidationException", "Value null at 'keyId' failed to satisfy constraint: Member must not be null")


def test_several_violations_are_reported_together(endpoint, key):
    body = {"KeyId": "", "RotationPeriodInDays": 10}
    check(call(endpoint, REGION, "EnableKeyRotation", body), "ValidationException", "2 validation errors detected: ")


@pytest.mark.parametrize("target", ["TrentService.Nothing", "TrentService.encrypt", "DynamoDB_20120810.GetItem", "x"])
def test_unknown_operation(endpoint, target):
    check(call(endpoint, REGION, "", {}, target=target), "UnknownOperationException")


def test_body_of_ten_megabytes(endpoint, key):
    """Refused before it is read whole; a connection that is closed meanwhile is a refusal too."""
    request = signed(endpoint, REGION, "Encrypt", {"KeyId": key, "Plaintext": "A" * 10_000_000})
    try:
        answer = send(endpoint, request)
    except (BrokenPipeError, ConnectionResetError):
        return
    assert answer.status in (400, 413), answer
    assert answer.error in ("RequestEntityTooLargeException", "SerializationException", "ValidationException"), answer


def test_other_methods_and_paths_are_refused(endpoint):
    import http.client
    import urllib.parse

    for method, path in (("GET", "/"), ("PUT", "/"), ("POST", "/other"), ("DELETE", "/x?y=z")):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=30)
        connection.request(method, path, body=b"{}" if method in ("PUT", "POST") else None)
        assert 400 <= connection.getresponse().status < 500
        connection.close()
