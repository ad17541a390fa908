"""boto3 clients: through the gateway as users have them, or straight at one node."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.cluster import Cluster, wait_until
from harness.model import check_answer

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

# The SDKs' own standard retries, with their own number of attempts.
STANDARD = {"mode": "standard"}
NONE = {"mode": "standard", "total_max_attempts": 1}


def kms(endpoint: str, region: str, retries=None, read_timeout_s: float = 30, pool: int = 50):
    """A client of `endpoint` that signs for `region`."""
    config = Config(
        retries=STANDARD if retries is None else retries,
        parameter_validation=False,  # the service is to judge, not the client
        connect_timeout=5,
        read_timeout=read_timeout_s,
        max_pool_connections=pool,
    )
    session = boto3.session.Session(region_name=region, **CREDENTIALS)
    client = session.client("kms", endpoint_url=endpoint, config=config)
    client.meta.events.register("after-call.kms", judge)
    return client


def judge(http_response, model, **_):
    """Every answer that any test gets is one that the API model allows."""
    check_answer(model, http_response.status_code, http_response.content)


def gateway(cluster: Cluster, region: str, **options):
    """A client of the gateway port that serves all Regions."""
    return kms(cluster.gateway(), region, **options)


def node(cluster: Cluster, region: str, number: int, **options):
    """A client of one node, without retries unless asked."""
    options.setdefault("retries", NONE)
    return kms(cluster.api(region, number), region, **options)


def code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def refused(call, *codes: str) -> ClientError:
    """Runs `call`, which must be refused with one of `codes`; the error."""
    try:
        answer = call()
    except ClientError as error:
        assert code(error) in codes, f"expected {' or '.join(codes)}, got {error}"
        return error
    raise AssertionError(f"expected {' or '.join(codes)}, got {answer}")


def key_state(client, key: str) -> str:
    """The state of `key`, or `absent`."""
    try:
        return client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    except client.exceptions.NotFoundException:
        return "absent"


def wait_state(client, key: str, state: str = "Enabled", timeout_s: float = 60):
    wait_until(lambda: key_state(client, key) == state, f"{key} is {state}", timeout_s)


def wait_primary(client, key: str, region: str, timeout_s: float = 60):
    """Until `client`'s Region says that `region` is the primary of `key`."""

    def primary():
        configuration = client.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
        return configuration["PrimaryKey"]["Region"] == region

    wait_until(primary, f"{region} is primary of {key}", timeout_s)


def multi_region_key(cluster: Cluster, primary: str, *replicas: str, timeout_s: float = 60) -> str:
    """The id of a fresh key of `primary`, usable in every Region of `replicas`."""
    home = gateway(cluster, primary)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    for region in replicas:
        home.replicate_key(KeyId=key, ReplicaRegion=region)
    for region in replicas:
        wait_state(gateway(cluster, region), key, timeout_s=timeout_s)
    return key


def rotate(cluster: Cluster, primary: str, key: str, regions, timeout_s: float = 90) -> str:
    """Rotates `key` on demand and waits until every Region of `regions` seals with the new material; its id."""
    home = gateway(cluster, primary)
    before = home.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    home.rotate_key_on_demand(KeyId=key)

    def current(region):
        return gateway(cluster, region).describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]

    def everywhere():
        found = {current(region) for region in regions}
        return found.pop() if len(found) == 1 and before not in found else None

    return wait_until(everywhere, f"{key} has new material in {', '.join(regions)}", timeout_s, every_s=0.25)
