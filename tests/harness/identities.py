"""Clients of IAM, STS and KMS with any credentials, and the documents that they put."""

import json

import boto3
from botocore.config import Config

from harness import settings
from harness.clients import CREDENTIALS, NONE, judge

OTHER_ACCOUNT = "111111111111"
OTHER_ROOT = {"aws_access_key_id": "second", "aws_secret_access_key": "second"}
# A session loads the API models once; making clients from it is not safe in threads.
SESSION = boto3.session.Session()


def client(service, endpoint, region, credentials=None, retries=None):
    config = Config(
        retries=retries or NONE,
        parameter_validation=False,  # the service is to judge, not the client
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=50,
    )
    made = SESSION.client(
        service, region_name=region, endpoint_url=endpoint, config=config, **(credentials or CREDENTIALS)
    )
    if service == "kms":
        made.meta.events.register("after-call.kms", judge)
    return made


def iam(cluster, credentials=None):
    return client("iam", cluster.gateway(), settings.REGIONS[0], credentials)


def sts(cluster, region=settings.REGIONS[0], credentials=None):
    return client("sts", cluster.gateway(), region, credentials)


def kms(cluster, region=settings.REGIONS[0], credentials=None):
    return client("kms", cluster.gateway(), region, credentials)


def keys_of(answer):
    """The credentials in an answer of CreateAccessKey."""
    key = answer["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def session_of(answer):
    """The credentials in an answer of STS."""
    found = answer["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def document(statements: list, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": statements})


def policy(action, resource="*", effect="Allow", **more):
    return document([{"Effect": effect, "Action": action, "Resource": resource, **more}])


def trust(principal, **more):
    return document(
        [{"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"], **more}]
    )
