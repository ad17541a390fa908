"""What a customer does to bring key material: wrapping it with another implementation of RSA-OAEP and AES key wrap."""

import datetime
import os

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

DIRECT = {"RSAES_OAEP_SHA_1": hashes.SHA1(), "RSAES_OAEP_SHA_256": hashes.SHA256()}
TWO_STEPS = {"RSA_AES_KEY_WRAP_SHA_1": hashes.SHA1(), "RSA_AES_KEY_WRAP_SHA_256": hashes.SHA256()}
ALGORITHMS = [*DIRECT, *TWO_STEPS]
WRAPPING_SPECS = ["RSA_2048", "RSA_3072", "RSA_4096"]


def oaep(public_key: bytes, digest, plaintext: bytes) -> bytes:
    key = serialization.load_der_public_key(public_key)
    return key.encrypt(plaintext, padding.OAEP(padding.MGF1(digest), digest, None))


def wrap(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """`material` under the wrapping key, as `algorithm` says."""
    if digest := DIRECT.get(algorithm):
        return oaep(public_key, digest, material)
    ephemeral = os.urandom(32)
    return oaep(public_key, TWO_STEPS[algorithm], ephemeral) + aes_key_wrap_with_padding(ephemeral, material)


def pkcs8(private_key) -> bytes:
    """A private key of `cryptography` in the form that imports take."""
    return private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def parameters(client, key: str, algorithm: str = "RSAES_OAEP_SHA_256", spec: str = "RSA_2048") -> dict:
    return client.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)


def wrapped(client, key: str, material: bytes, algorithm: str = "RSAES_OAEP_SHA_256", spec: str = "RSA_2048") -> dict:
    """The members of ImportKeyMaterial that say what is imported, with a token made for it."""
    given = parameters(client, key, algorithm, spec)
    return {
        "KeyId": key,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": wrap(given["PublicKey"], algorithm, material),
    }


def import_material(client, key: str, material: bytes, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048", **members):
    """Imports `material`; it does not expire unless `members` say so."""
    members.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    return client.import_key_material(**wrapped(client, key, material, algorithm, spec), **members)


def external_key(client, **members) -> str:
    return client.create_key(Origin="EXTERNAL", **members)["KeyMetadata"]["KeyId"]


def imported_key(client, material: bytes, algorithm="RSAES_OAEP_SHA_256", **members) -> str:
    """A key with this material."""
    key = external_key(client, **members)
    import_material(client, key, material, algorithm)
    return key


def in_seconds(seconds: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
