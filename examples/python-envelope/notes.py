"""Notes in files, each sealed under a data key of its own, which is sealed under a multi-Region KMS key.

An envelope is `length of the sealed data key (2 bytes) | sealed data key | note`, where the note is AES-256-GCM under the
data key. Any Region that holds the KMS key can open it, so the application asks the Regions in turn.
"""

import json
import pathlib
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# A data key seals one note and no other, so every note may have the same nonce.
NONCE = bytes(12)


class NoRegion(Exception):
    """No Region answered."""


class Damaged(Exception):
    """The note was changed, or belongs to another name."""


class Envelopes:
    """Seals and opens under one multi-Region key, through the first of `clients` whose Region answers."""

    def __init__(self, key_id: str, clients: Sequence):
        self.key_id = key_id
        self.clients = clients

    def seal(self, plaintext: bytes, context: dict[str, str]) -> bytes:
        made = self._any_region(
            lambda kms: kms.generate_data_key(KeyId=self.key_id, KeySpec="AES_256", EncryptionContext=context)
        )
        sealed_key = made["CiphertextBlob"]
        note = AESGCM(made["Plaintext"]).encrypt(NONCE, plaintext, _canonical(context))
        return len(sealed_key).to_bytes(2) + sealed_key + note

    def open(self, envelope: bytes, context: dict[str, str]) -> bytes:
        end = 2 + int.from_bytes(envelope[:2])
        sealed_key, note = envelope[2:end], envelope[end:]
        try:
            opened = self._any_region(
                lambda kms: kms.decrypt(KeyId=self.key_id, CiphertextBlob=sealed_key, EncryptionContext=context)
            )
            return AESGCM(opened["Plaintext"]).decrypt(NONCE, note, _canonical(context))
        except InvalidTag as error:
            raise Damaged("the note was changed") from error
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidCiphertextException":
                raise Damaged("the data key was changed, or belongs to another note") from error
            raise

    def _any_region(self, call: Callable):
        last = None
        for kms in self.clients:
            try:
                return call(kms)
            except BotoCoreError as error:  # no connection, no answer in time
                last = error
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    raise  # a refusal: another Region would say the same
                last = error
        raise NoRegion("no Region answered") from last


class Notes:
    """Named notes in a folder."""

    def __init__(self, folder: pathlib.Path, envelopes: Envelopes):
        self.folder = pathlib.Path(folder)
        self.envelopes = envelopes

    def write(self, name: str, text: str):
        envelope = self.envelopes.seal(text.encode(), {"note": name})
        self._path(name).write_bytes(envelope)

    def read(self, name: str) -> str:
        return self.envelopes.open(self._path(name).read_bytes(), {"note": name}).decode()

    def _path(self, name: str) -> pathlib.Path:
        return self.folder / f"{name}.sealed"


def _canonical(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()
