"""Signed requests that no SDK would send: every part of the signature and the request can be spoilt on its own."""

import dataclasses
import datetime
import http.client
import json
import urllib.parse

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclasses.dataclass
class Answer:
    """A response, its body parsed if it is JSON."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        return self.json().get("__type", "").rsplit("#", 1)[-1]

    @property
    def message(self) -> str:
        return self.json().get("message", "")

    def json(self) -> dict:
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            return {}


class DatedSigV4Auth(SigV4Auth):
    """botocore's signer with a date of the caller's choice."""

    def __init__(self, credentials, service, region, date: datetime.datetime):
        super().__init__(credentials, service, region)
        self._date = date

    def add_auth(self, request):
        request.context["timestamp"] = self._date.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


def signed(
    endpoint: str,
    region: str,
    operation: str,
    body,
    access_key: str = "test",
    secret: str = "test",
    service: str = "kms",
    date: datetime.datetime | None = None,
    target: str | None = None,
    headers: dict[str, str] | None = None,
) -> AWSRequest:
    """A POST to `endpoint`, signed by botocore's signer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = AWSRequest("POST", endpoint + "/", data=data)
    request.headers["Content-Type"] = "application/x-amz-json-1.1"
    request.headers["X-Amz-Target"] = target or f"TrentService.{operation}"
    for name, value in (headers or {}).items():
        request.headers[name] = value
    date = date or datetime.datetime.now(datetime.timezone.utc)
    DatedSigV4Auth(Credentials(access_key, secret), service, region, date).add_auth(request)
    return request


def send(endpoint: str, request: AWSRequest, body: bytes | None = None, timeout_s: float = 60) -> Answer:
    """Sends `request`, with another body than the signed one if `body` is given."""
    data = request.data if body is None else body
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=timeout_s)
    try:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        connection.request("POST", "/", body=data, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def call(endpoint: str, region: str, operation: str, body, **options) -> Answer:
    """Signs and sends."""
    return send(endpoint, signed(endpoint, region, operation, body, **options))
