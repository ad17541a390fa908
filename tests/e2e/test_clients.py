"""Clients that others wrote, against real processes: the AWS Encryption SDK, Tink, and the AWS SDK for JavaScript.

The first two reach the service through boto3 and are judged by the API model as every test is; the third has its own
serializer, signer, HTTP client and error classes. What the service answered is asserted, not only that the client was
content: a key ARN of the Region that was asked, and the key material that sealed the data key.
"""

import aws_encryption_sdk
import botocore.session
import pytest
import tink
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl import models as mpl
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, MasterKeyProviderError
from aws_encryption_sdk.key_providers import kms as providers
from harness import javascript, public_keys, settings
from harness.clients import gateway, judge, multi_region_key, rotate, wait_state
from harness.cluster import wait_until
from tink import aead
from tink.integration import awskms

HOME, SECOND, _ = settings.REGIONS
CONTEXT = {"tenant": "blue", "purpose": "päckchen"}
TEXT = bytes(range(256)) * 400  # more than one frame of a message
STRANGER = "111122223333"


def arn(key: str, region: str) -> str:
    return f"arn:aws:kms:{region}:{settings.ACCOUNT}:key/{key}"


class Answers(list):
    """What clients were answered, one (operation, KeyId, KeyMaterialId, error code) per call."""

    def of(self, events):
        """Notes every answer to the client or session whose event system this is; the model judges it first."""
        events.register("after-call.kms", judge)
        events.register("after-call.kms", self.note)

    def note(self, parsed, model, **_):
        code = parsed.get("Error", {}).get("Code")
        self.append((model.name, parsed.get("KeyId"), parsed.get("KeyMaterialId"), code))

    def take(self) -> list[tuple]:
        """All since the last time."""
        taken = list(self)
        self.clear()
        return taken


@pytest.fixture
def answers():
    return Answers()


def material(cluster, key: str) -> str:
    return gateway(cluster, HOME).describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


# --- The AWS Encryption SDK with the keyrings of its material providers library


@pytest.fixture(scope="module")
def keyrings():
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


@pytest.fixture(scope="module")
def encryption_sdk():
    """With its default commitment policy: messages that commit to their key, and signatures over them."""
    return aws_encryption_sdk.EncryptionSDKClient()


@pytest.fixture
def recorded(cluster, answers):
    """Clients of one Region whose answers go to `answers`; only they talk to the service."""

    def client(region):
        made = gateway(cluster, region)
        made.meta.events.register("after-call.kms", answers.note)
        return made

    return client


@pytest.fixture
def mrk_keyring(keyrings, recorded):
    """Seals with one multi-Region key in one Region."""

    def keyring(key, region):
        asked = mpl.CreateAwsKmsMrkKeyringInput(kms_key_id=arn(key, region), kms_client=recorded(region))
        return keyrings.create_aws_kms_mrk_keyring(input=asked)

    return keyring


@pytest.fixture
def discovery(keyrings, recorded):
    """Opens in one Region whatever a key of `account` sealed; knows no key."""

    def keyring(region, account=settings.ACCOUNT):
        allowed = mpl.DiscoveryFilter(account_ids=[account], partition="aws")
        asked = mpl.CreateAwsKmsMrkDiscoveryKeyringInput(
            kms_client=recorded(region), region=region, discovery_filter=allowed
        )
        return keyrings.create_aws_kms_mrk_discovery_keyring(input=asked)

    return keyring


def test_messages_of_the_encryption_sdk_open_by_discovery_in_another_region(
    cluster, answers, encryption_sdk, mrk_keyring, discovery
):
    key = multi_region_key(cluster, HOME, SECOND)
    assert key.startswith("mrk-")
    messages = []

    def seal(region, current):
        message, _ = encryption_sdk.encrypt(source=TEXT, keyring=mrk_keyring(key, region), encryption_context=CONTEXT)
        # The data key comes from the service itself, in the Region of the keyring.
        assert answers.take() == [("GenerateDataKey", arn(key, region), current, None)]
        messages.append((message, current))

    old = material(cluster, key)
    seal(HOME, old)
    seal(SECOND, old)
    open_everywhere(messages, key, answers, encryption_sdk, discovery)

    new = rotate(cluster, HOME, key, (HOME, SECOND))
    assert new != old
    seal(HOME, new)
    seal(SECOND, new)
    open_everywhere(messages, key, answers, encryption_sdk, discovery)


def open_everywhere(messages, key, answers, encryption_sdk, discovery):
    """Each of `messages` in both Regions, with the very material that sealed it."""
    for region in (HOME, SECOND):
        for message, sealed_with in messages:
            text, header = encryption_sdk.decrypt(
                source=message, keyring=discovery(region), encryption_context=CONTEXT
            )
            assert text == TEXT
            assert CONTEXT.items() <= header.encryption_context.items()
            assert answers.take() == [("Decrypt", arn(key, region), sealed_with, None)]


def test_the_service_refuses_a_message_whose_context_was_changed(
    cluster, answers, encryption_sdk, mrk_keyring, discovery
):
    key = multi_region_key(cluster, HOME, SECOND)
    message, _ = encryption_sdk.encrypt(source=TEXT, keyring=mrk_keyring(key, HOME), encryption_context=CONTEXT)
    answers.take()
    forged = message.replace(b"blue", b"grey", 1)
    assert forged != message
    with pytest.raises(AWSEncryptionSDKClientError):
        encryption_sdk.decrypt(source=forged, keyring=discovery(SECOND))
    assert [(operation, code) for operation, _, _, code in answers.take()] == [
        ("Decrypt", "InvalidCiphertextException")
    ]


def test_a_discovery_filter_of_another_account_asks_nothing(cluster, answers, encryption_sdk, mrk_keyring, discovery):
    key = multi_region_key(cluster, HOME)
    message, _ = encryption_sdk.encrypt(source=TEXT, keyring=mrk_keyring(key, HOME), encryption_context=CONTEXT)
    answers.take()
    with pytest.raises(AWSEncryptionSDKClientError):
        encryption_sdk.decrypt(source=message, keyring=discovery(HOME, account=STRANGER))
    assert answers.take() == []


def test_either_key_of_a_message_opens_it_while_the_other_is_disabled(
    cluster, answers, encryption_sdk, keyrings, mrk_keyring, discovery
):
    """A message under two multi-Region keys: the SDK seals its data key with Encrypt for the second."""
    first, second = multi_region_key(cluster, HOME, SECOND), multi_region_key(cluster, HOME, SECOND)
    children = {"generator": mrk_keyring(first, HOME), "child_keyrings": [mrk_keyring(second, HOME)]}
    both = keyrings.create_multi_keyring(input=mpl.CreateMultiKeyringInput(**children))
    message, _ = encryption_sdk.encrypt(source=TEXT, keyring=both, encryption_context=CONTEXT)
    sealed = [("GenerateDataKey", arn(first, HOME)), ("Encrypt", arn(second, HOME))]
    assert [answer[:2] for answer in answers.take()] == sealed

    there = gateway(cluster, SECOND)
    refused = []
    for disabled, usable in ((first, second), (second, first)):
        there.disable_key(KeyId=disabled)
        text, _ = encryption_sdk.decrypt(source=message, keyring=discovery(SECOND), encryption_context=CONTEXT)
        assert text == TEXT
        *before, (operation, opened_by, _, code) = answers.take()
        assert (operation, opened_by, code) == ("Decrypt", arn(usable, SECOND), None)
        refused += [code for *_, code in before]
        there.enable_key(KeyId=disabled)
    # The SDK tries the keys in an order of its own, so one of the two turns met the disabled one first.
    assert refused == ["DisabledException"]


def test_the_rsa_keyring_seals_outside_and_opens_here(cluster, answers, keyrings, recorded):
    kms = gateway(cluster, HOME)
    key = kms.create_key(KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    keyring = keyrings.create_aws_kms_rsa_keyring(
        input=mpl.CreateAwsKmsRsaKeyringInput(
            public_key=public_keys.pem(kms.get_public_key(KeyId=key)["PublicKey"]),
            kms_key_id=arn(key, HOME),
            encryption_algorithm="RSAES_OAEP_SHA_256",
            kms_client=recorded(HOME),
        )
    )
    # A message that is signed has a new public key in its context, which RSA-OAEP has no place for.
    unsigned = aws_encryption_sdk.EncryptionSDKClient()
    suite = aws_encryption_sdk.Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
    message, _ = unsigned.encrypt(source=TEXT, keyring=keyring, encryption_context=CONTEXT, algorithm=suite)
    assert answers.take() == []
    text, _ = unsigned.decrypt(source=message, keyring=keyring, encryption_context=CONTEXT)
    assert text == TEXT
    assert [answer[:2] for answer in answers.take()] == [("Decrypt", arn(key, HOME))]


def test_two_keys_of_the_service_agree_through_the_ecdh_keyring(cluster, answers, encryption_sdk, keyrings, recorded):
    kms = gateway(cluster, HOME)
    made = [kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"] for _ in "ab"]
    sender, recipient = made

    def keyring(mine, other):
        static = mpl.KmsPrivateKeyToStaticPublicKeyInput(
            sender_kms_identifier=arn(mine, HOME),
            sender_public_key=kms.get_public_key(KeyId=mine)["PublicKey"],
            recipient_public_key=kms.get_public_key(KeyId=other)["PublicKey"],
        )
        asked = mpl.CreateAwsKmsEcdhKeyringInput(
            key_agreement_scheme=mpl.KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey(static),
            curve_spec="ECC_NIST_P256",
            kms_client=recorded(HOME),
        )
        return keyrings.create_aws_kms_ecdh_keyring(input=asked)

    message, _ = encryption_sdk.encrypt(source=TEXT, keyring=keyring(sender, recipient), encryption_context=CONTEXT)
    assert ("DeriveSharedSecret", arn(sender, HOME)) in [answer[:2] for answer in answers.take()]
    text, _ = encryption_sdk.decrypt(source=message, keyring=keyring(recipient, sender), encryption_context=CONTEXT)
    assert text == TEXT
    assert ("DeriveSharedSecret", arn(recipient, HOME)) in [answer[:2] for answer in answers.take()]


# --- The AWS Encryption SDK with its own master key providers, in the environment of `meridian local env`


@pytest.fixture
def provider(cluster, answers, monkeypatch):
    """A provider of a class; it makes its own clients, which know of the cluster by the environment alone."""
    for name, value in cluster.env().items():
        monkeypatch.setenv(name, value)

    def make(cls, **options):
        session = botocore.session.Session()
        answers.of(session)
        return cls(botocore_session=session, **options)

    return make


def test_master_key_providers_find_the_replica_by_their_region(cluster, answers, encryption_sdk, provider):
    key = multi_region_key(cluster, HOME, SECOND)
    strict = provider(providers.MRKAwareStrictAwsKmsMasterKeyProvider, key_ids=[arn(key, HOME)])
    trusted = providers.DiscoveryFilter(account_ids=[settings.ACCOUNT], partition="aws")
    messages = []

    for turn in ("before", "after"):
        if turn == "after":
            rotate(cluster, HOME, key, (HOME, SECOND))
        current = material(cluster, key)
        message, _ = encryption_sdk.encrypt(source=TEXT, key_provider=strict, encryption_context=CONTEXT)
        assert answers.take() == [("GenerateDataKey", arn(key, HOME), current, None)]
        messages.append((message, current))
        for sealed, sealed_with in messages:
            # A provider each, so that none knows a key from the message before.
            finder = provider(
                providers.MRKAwareDiscoveryAwsKmsMasterKeyProvider, discovery_region=SECOND, discovery_filter=trusted
            )
            text, header = encryption_sdk.decrypt(source=sealed, key_provider=finder)
            assert text == TEXT and CONTEXT.items() <= header.encryption_context.items()
            assert answers.take() == [("Decrypt", arn(key, SECOND), sealed_with, None)]
    assert messages[0][1] != messages[1][1]


def test_a_master_key_provider_without_the_replica_is_refused(cluster, answers, encryption_sdk, provider):
    key = multi_region_key(cluster, HOME)
    strict = provider(providers.MRKAwareStrictAwsKmsMasterKeyProvider, key_ids=[arn(key, HOME)])
    message, _ = encryption_sdk.encrypt(source=TEXT, key_provider=strict, encryption_context=CONTEXT)
    answers.take()
    finder = provider(providers.MRKAwareDiscoveryAwsKmsMasterKeyProvider, discovery_region=SECOND)
    with pytest.raises((AWSEncryptionSDKClientError, MasterKeyProviderError)):
        encryption_sdk.decrypt(source=message, key_provider=finder)
    assert [(operation, code) for operation, _, _, code in answers.take()] == [("Decrypt", "NotFoundException")]


# --- Tink


def tink_aead(client, key: str, region: str) -> aead.Aead:
    uri = f"aws-kms://{arn(key, region)}"
    return awskms.new_client(boto3_client=client, key_uri=uri).get_aead(uri)


def test_tink_envelopes_open_in_another_region(cluster, answers, recorded):
    aead.register()
    key = multi_region_key(cluster, HOME, SECOND)

    def envelope(region):
        return aead.KmsEnvelopeAead(aead.aead_key_templates.AES256_GCM, tink_aead(recorded(region), key, region))

    sealed = {}
    for turn in ("before", "after"):
        if turn == "after":
            rotate(cluster, HOME, key, (HOME, SECOND))
        current = material(cluster, key)
        sealed[current] = envelope(HOME).encrypt(TEXT, b"tenant blue")
        assert [answer[:2] for answer in answers.take()] == [("Encrypt", arn(key, HOME))]
        for sealed_with, message in sealed.items():
            assert envelope(SECOND).decrypt(message, b"tenant blue") == TEXT
            assert answers.take() == [("Decrypt", arn(key, SECOND), sealed_with, None)]
    assert len(sealed) == 2


def test_tink_gives_its_associated_data_as_encryption_context(cluster, answers, recorded):
    aead.register()
    key = multi_region_key(cluster, HOME, SECOND)
    here, there = tink_aead(recorded(HOME), key, HOME), tink_aead(recorded(SECOND), key, SECOND)
    blob = here.encrypt(b"a secret", b"tenant blue")
    assert there.decrypt(blob, b"tenant blue") == b"a secret"
    answers.take()
    with pytest.raises(tink.TinkError, match="InvalidCiphertextException"):
        there.decrypt(blob, b"tenant grey")
    assert [answer[0] for answer in answers.take()] == ["Decrypt"]
    # The same bytes for a plain client that knows what Tink does.
    plain = gateway(cluster, SECOND).decrypt(
        CiphertextBlob=blob, EncryptionContext={"associatedData": b"tenant blue".hex()}
    )
    assert plain["Plaintext"] == b"a secret" and plain["KeyId"] == arn(key, SECOND)


def test_a_keyset_of_tink_under_a_key_of_the_service(cluster, recorded):
    aead.register()
    key = multi_region_key(cluster, HOME, SECOND)
    written = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    stored = tink.json_proto_keyset_format.serialize_encrypted(written, tink_aead(recorded(HOME), key, HOME), b"file 7")
    message = written.primitive(aead.Aead).encrypt(TEXT, b"")
    read = tink.json_proto_keyset_format.parse_encrypted(stored, tink_aead(recorded(SECOND), key, SECOND), b"file 7")
    assert read.primitive(aead.Aead).decrypt(message, b"") == TEXT


# --- The AWS SDK for JavaScript


@pytest.fixture(scope="module")
def node_packages(tmp_path_factory):
    if why := javascript.missing():
        pytest.skip(why)
    return javascript.install(tmp_path_factory.mktemp("javascript"))


@pytest.fixture(params=[1, 2], ids=["http1", "http2"])
def sdk(request, cluster, node_packages):
    with javascript.Sdk(node_packages, cluster.env(), http=request.param) as running:
        yield running


@pytest.fixture
def replicated(cluster, sdk):
    """The id of a multi-Region key made and replicated by the SDK."""

    def make(**options):
        created = sdk(HOME, "CreateKey", MultiRegion=True, **options)["KeyMetadata"]
        key = created["KeyId"]
        assert created["Arn"] == arn(key, HOME)
        assert created["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"
        replica = sdk(HOME, "ReplicateKey", KeyId=key, ReplicaRegion=SECOND)["ReplicaKeyMetadata"]
        assert replica["Arn"] == arn(key, SECOND)
        wait_state(gateway(cluster, SECOND), key)
        return key

    return make


def test_javascript_seals_in_one_region_and_opens_in_another(cluster, sdk, replicated):
    key = replicated(Description="from node")
    old = sdk(HOME, "DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    sealed = {old: javascript_seal(sdk, key)}
    sdk(HOME, "RotateKeyOnDemand", KeyId=key)
    new = wait_rotated(sdk, key, old)
    sealed[new] = javascript_seal(sdk, key)
    for material_id, blobs in sealed.items():
        for region in (HOME, SECOND):
            opened = sdk(region, "Decrypt", CiphertextBlob=blobs["direct"], EncryptionContext=CONTEXT)
            assert opened["Plaintext"] == b"from node" and opened["KeyId"] == arn(key, region)
            assert opened["KeyMaterialId"] == material_id
            data_key = sdk(region, "Decrypt", CiphertextBlob=blobs["data_key"], EncryptionContext=CONTEXT)
            assert data_key["Plaintext"] == blobs["plain_data_key"] and data_key["KeyId"] == arn(key, region)
            assert data_key["KeyMaterialId"] == material_id
    # And for another SDK.
    opened = gateway(cluster, SECOND).decrypt(CiphertextBlob=sealed[old]["direct"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == b"from node" and opened["KeyId"] == arn(key, SECOND)


def javascript_seal(sdk, key) -> dict[str, bytes]:
    direct = sdk(HOME, "Encrypt", KeyId=key, Plaintext=b"from node", EncryptionContext=CONTEXT)
    assert direct["KeyId"] == arn(key, HOME)
    data_key = sdk(HOME, "GenerateDataKey", KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert data_key["KeyId"] == arn(key, HOME) and len(data_key["Plaintext"]) == 32
    return {
        "direct": direct["CiphertextBlob"],
        "data_key": data_key["CiphertextBlob"],
        "plain_data_key": data_key["Plaintext"],
    }


def wait_rotated(sdk, key, old) -> str:
    def current(region):
        return sdk(region, "DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]

    def new():
        found = {current(region) for region in (HOME, SECOND)}
        return found.pop() if len(found) == 1 and old not in found else None

    return wait_until(new, f"{key} has new material in {HOME} and {SECOND}", timeout_s=90, every_s=0.25)


@pytest.mark.parametrize(
    ("spec", "algorithm"), [("ECC_NIST_P256", "ECDSA_SHA_256"), ("RSA_2048", "RSASSA_PSS_SHA_256")]
)
def test_javascript_signs_in_one_region_and_verifies_in_another(sdk, replicated, spec, algorithm):
    key = replicated(KeySpec=spec, KeyUsage="SIGN_VERIFY")
    message = b"to be signed"
    asked = {"KeyId": key, "Message": message, "SigningAlgorithm": algorithm, "MessageType": "RAW"}
    signed = sdk(HOME, "Sign", **asked)
    assert signed["KeyId"] == arn(key, HOME) and signed["SigningAlgorithm"] == algorithm
    verified = sdk(SECOND, "Verify", **asked, Signature=signed["Signature"])
    assert verified["SignatureValid"] is True and verified["KeyId"] == arn(key, SECOND)
    public = sdk(SECOND, "GetPublicKey", KeyId=key)
    assert public["KeyId"] == arn(key, SECOND)
    public_keys.verify(public["PublicKey"], algorithm, message, signed["Signature"])
    refusal(
        lambda: sdk(SECOND, "Verify", **{**asked, "Message": b"another"}, Signature=signed["Signature"]),
        "KMSInvalidSignatureException",
    )


def test_javascript_tells_refusals_apart_by_class(sdk):
    key = sdk(HOME, "CreateKey")["KeyMetadata"]["KeyId"]
    blob = sdk(HOME, "Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    refusal(lambda: sdk(HOME, "Decrypt", CiphertextBlob=blob, EncryptionContext={}), "InvalidCiphertextException")
    absent = refusal(lambda: sdk(SECOND, "DescribeKey", KeyId=key), "NotFoundException")
    assert arn(key, SECOND) in absent.message
    sdk(HOME, "DisableKey", KeyId=key)
    refusal(lambda: sdk(HOME, "Encrypt", KeyId=key, Plaintext=b"x"), "DisabledException")


def refusal(call, name: str) -> javascript.Refused:
    """Runs `call`, which the service must refuse with an error that the SDK has a class for."""
    with pytest.raises(javascript.Refused) as caught:
        call()
    error = caught.value
    assert (error.name, error.status, error.modelled) == (name, 400, True), error
    return error
