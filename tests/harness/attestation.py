"""Enclaves of our own: attestation documents as the Nitro hypervisor makes them, under a root that is ours."""

import datetime
import pathlib
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

IMAGE, BOOT = b"\xaa" * 48, b"\xbb" * 48
MODULE = "i-0123456789abcdef0-enc0123456789abcdef"


class Enclave:
    """An RSA key, and the authority that vouches for whoever holds it."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        self._root_key, self._leaf_key = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
        self.root = certificate("root", self._root_key, "root", self._root_key, authority=True)
        self._leaf = certificate("leaf", self._leaf_key, "root", self._root_key, authority=False)

    def root_pem(self) -> bytes:
        return self.root.public_bytes(serialization.Encoding.PEM)

    def public_key(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.DER, form)

    def document(self) -> bytes:
        """COSE_Sign1 over the CBOR map of a document [RFC 9052]."""
        der = [c.public_bytes(serialization.Encoding.DER) for c in (self._leaf, self.root)]
        payload = cbor(
            {
                "module_id": MODULE,
                "digest": "SHA384",
                "timestamp": int(time.time() * 1000),
                "pcrs": {0: IMAGE, 4: BOOT},
                "certificate": der[0],
                "cabundle": [der[1]],
                "public_key": self.public_key(),
            }
        )
        protected = b"\xa1\x01\x38\x22"  # {1: -35}: ES384
        signed = cbor(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(self._leaf_key.sign(signed, ec.ECDSA(hashes.SHA384())))
        return cbor([protected, {}, payload, r.to_bytes(48, "big") + s.to_bytes(48, "big")])

    def recipient(self) -> dict:
        return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": self.document()}

    def open(self, envelope: bytes, folder: pathlib.Path) -> bytes:
        """Opens a CiphertextForRecipient with OpenSSL."""
        form = serialization.PrivateFormat.PKCS8
        private = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        (folder / "enclave.pem").write_bytes(private)
        (folder / "envelope.der").write_bytes(envelope)
        command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary"]
        command += ["-in", folder / "envelope.der", "-inkey", folder / "enclave.pem"]
        return subprocess.run(command, check=True, capture_output=True).stdout


def certificate(name: str, key, issuer: str, issuer_key, authority: bool) -> x509.Certificate:
    def named(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(named(issuer), named(name), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=3))
    builder = builder.add_extension(x509.BasicConstraints(authority, 0 if authority else None), critical=True)
    return builder.sign(issuer_key, hashes.SHA384())


def cbor(value) -> bytes:
    """The few kinds of CBOR that a document has."""
    match value:
        case int():
            return head(0, value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(cbor(item) for item in value)
        case dict():
            return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())
    raise TypeError(value)


def head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size, code = next((size, code) for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)) if number < 1 << 8 * size)
    return bytes([major << 5 | code]) + number.to_bytes(size, "big")
