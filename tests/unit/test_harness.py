"""The helpers themselves: they need no cluster."""

import base64
import datetime

from harness import canary, raw


def test_a_secret_is_found_in_every_form(tmp_path):
    secret = bytes(range(7, 39))
    written = {
        "raw": b"x" + secret + b"y",
        "hex": secret.hex().encode(),
        "b64-0": base64.b64encode(secret + b"tail"),
        "b64-1": base64.b64encode(b"a" + secret + b"tail"),
        "b64-2": base64.b64encode(b"ab" + secret),
        "json": str(list(secret)).encode(),
    }
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    found = {place.split(" ", 1)[0] for place in canary.find(secret, tmp_path)}
    assert found == set(written)


def test_other_bytes_are_not_found(tmp_path):
    (tmp_path / "a").write_bytes(base64.b64encode(bytes(range(100, 164))) + bytes(range(200, 240)).hex().encode())
    assert canary.find(bytes(range(7, 39)), tmp_path) == []


def test_a_request_is_signed_with_the_date_that_is_asked_for():
    date = datetime.datetime(2020, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    request = raw.signed("http://127.0.0.1:1", "eu-west-1", "ListKeys", {}, date=date)
    assert request.headers["X-Amz-Date"] == "20200203T040506Z"
    assert "Credential=test/20200203/eu-west-1/kms/aws4_request" in request.headers["Authorization"]
    assert "x-amz-target" in request.headers["Authorization"]


def test_the_signature_covers_body_and_secret():
    date = datetime.datetime(2020, 2, 3, tzinfo=datetime.timezone.utc)

    def signature(body, secret="test"):
        request = raw.signed("http://127.0.0.1:1", "eu-west-1", "ListKeys", body, date=date, secret=secret)
        return request.headers["Authorization"].rsplit("Signature=", 1)[1]

    assert signature({}) == signature({})
    assert len({signature({}), signature({"Limit": 1}), signature({}, "other")}) == 3
