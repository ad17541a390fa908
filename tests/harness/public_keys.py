"""Asymmetric cryptography of other people's libraries, on keys that the service made.

`cryptography` (OpenSSL) does everything but two things: pycryptodome verifies Ed25519ph, kyber-py does ML-KEM-512.
"""

import hashlib

from Crypto.Hash import SHA512
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, utils
from kyber_py.ml_kem import ML_KEM_512

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}

RSA_SIGNING = [f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PSS", "PKCS1_V1_5") for bits in HASHES]
# Every key spec for signatures, with its algorithms.
SIGNING = {
    **{f"RSA_{bits}": RSA_SIGNING for bits in (2048, 3072, 4096)},
    "ECC_NIST_P256": ["ECDSA_SHA_256"],
    "ECC_NIST_P384": ["ECDSA_SHA_384"],
    "ECC_NIST_P521": ["ECDSA_SHA_512"],
    "ECC_SECG_P256K1": ["ECDSA_SHA_256"],
    "ECC_NIST_EDWARDS25519": ["ED25519_SHA_512", "ED25519_PH_SHA_512"],
    **{f"ML_DSA_{size}": ["ML_DSA_SHAKE_256"] for size in (44, 65, 87)},
}
# The size of each public key in DER, where it is fixed.
SPKI_BYTES = {
    "RSA_2048": 294,
    "RSA_3072": 422,
    "RSA_4096": 550,
    "ECC_NIST_P256": 91,
    "ECC_NIST_P384": 120,
    "ECC_NIST_P521": 158,
    "ECC_SECG_P256K1": 88,
    "ECC_NIST_EDWARDS25519": 44,
    "ML_DSA_44": 1334,
    "ML_DSA_65": 1974,
    "ML_DSA_87": 2614,
    "ML_KEM_512": 822,
    "ML_KEM_768": 1206,
    "ML_KEM_1024": 1590,
}


def message_types(algorithm: str) -> list[str]:
    return {
        "ED25519_SHA_512": ["RAW"],
        "ED25519_PH_SHA_512": ["DIGEST"],
        "ML_DSA_SHAKE_256": ["RAW", "EXTERNAL_MU"],
    }.get(algorithm, ["RAW", "DIGEST"])


def as_message(der: bytes, algorithm: str, message_type: str, text: bytes) -> bytes:
    """What a caller sends as `Message` so that `text` is signed."""
    match message_type:
        case "DIGEST":
            return hashlib.new(f"sha{algorithm[-3:]}", text).digest()
        case "EXTERNAL_MU":
            hasher = mldsa.MLDSAMuHasher(load(der))
            hasher.update(text)
            return hasher.finalize()
    return text


def load(der: bytes):
    return serialization.load_der_public_key(der)


def pem(der: bytes) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return load(der).public_bytes(serialization.Encoding.PEM, form)


def spki(private) -> bytes:
    """The public half of a private key of `cryptography`, in DER."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.DER, form)


def verify(der: bytes, algorithm: str, text: bytes, signature: bytes):
    """Raises unless `signature` is one of `text` under the public key."""
    match algorithm.split("_"):
        case ["RSASSA", "PSS", "SHA", bits]:
            pss = padding.PSS(padding.MGF1(HASHES[bits]), padding.PSS.DIGEST_LENGTH)
            load(der).verify(signature, text, pss, HASHES[bits])
        case ["RSASSA", "PKCS1", *_, bits]:
            load(der).verify(signature, text, padding.PKCS1v15(), HASHES[bits])
        case ["ECDSA", "SHA", bits]:
            load(der).verify(signature, text, ec.ECDSA(HASHES[bits]))
        case ["ED25519", "SHA", "512"] | ["ML", "DSA", "SHAKE", "256"]:
            load(der).verify(signature, text)
        case ["ED25519", "PH", "SHA", "512"]:
            # The service hashes what it gets, although that is a digest already.
            twice = SHA512.new(hashlib.sha512(text).digest())
            eddsa.new(ECC.import_key(der), "rfc8032").verify(twice, signature)
        case _:
            raise AssertionError(f"unknown algorithm {algorithm}")


def sign(private, algorithm: str, text: bytes) -> bytes:
    """A signature by a private key of `cryptography`."""
    match algorithm.split("_"):
        case ["RSASSA", "PSS", "SHA", bits]:
            pss = padding.PSS(padding.MGF1(HASHES[bits]), padding.PSS.DIGEST_LENGTH)
            return private.sign(text, pss, HASHES[bits])
        case ["RSASSA", "PKCS1", *_, bits]:
            return private.sign(text, padding.PKCS1v15(), HASHES[bits])
        case ["ECDSA", "SHA", bits]:
            return private.sign(text, ec.ECDSA(HASHES[bits]))
    return private.sign(text)


def oaep(algorithm: str):
    hash_ = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    return padding.OAEP(padding.MGF1(hash_), hash_, None)


def encapsulate(der: bytes, spec: str) -> tuple[bytes, bytes]:
    """A fresh secret and its ciphertext."""
    if spec == "ML_KEM_512":
        return ML_KEM_512.encaps(der[-800:])  # the key is the end of the DER
    return load(der).encapsulate()


def decapsulate(pkcs8: bytes, spec: str, ciphertext: bytes) -> bytes:
    """Opens with a private key in the form of a 64-byte seed."""
    if spec == "ML_KEM_512":
        seed = pkcs8[-64:]
        _, private = ML_KEM_512.key_derive(seed)
        return ML_KEM_512.decaps(private, ciphertext)
    return serialization.load_der_private_key(pkcs8, None).decapsulate(ciphertext)


def ecdsa_is_der(signature: bytes) -> bool:
    return utils.encode_dss_signature(*utils.decode_dss_signature(signature)) == signature
