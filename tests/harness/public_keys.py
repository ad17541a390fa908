"""Asymmetric cryptography of other people's libraries, on keys that the service made and on keys made here.

`cryptography` (OpenSSL) does everything but two things: pycryptodome does Ed25519ph, kyber-py does ML-KEM-512.
"""

import hashlib
import os

from Crypto.Hash import SHA512
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, padding, rsa, utils
from kyber_py.ml_kem import ML_KEM_512

from harness.imports import pkcs8

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
CURVES = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}
OTHER_PRIVATE_KEYS = {
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey,
    "ML_DSA_44": mldsa.MLDSA44PrivateKey,
    "ML_DSA_65": mldsa.MLDSA65PrivateKey,
    "ML_DSA_87": mldsa.MLDSA87PrivateKey,
    "ML_KEM_768": mlkem.MLKEM768PrivateKey,
    "ML_KEM_1024": mlkem.MLKEM1024PrivateKey,
}
# What stands before the seed in PKCS#8.
ML_KEM_512_PKCS8 = bytes.fromhex("3054020100300b060960864801650304040104428040")
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


def generate(spec: str):
    """A fresh private key of `cryptography`, which has all specs but ML_KEM_512."""
    if spec.startswith("RSA_"):
        return rsa.generate_private_key(65537, int(spec[4:]))
    if curve := CURVES.get(spec):
        return ec.generate_private_key(curve)
    return OTHER_PRIVATE_KEYS[spec].generate()


def generate_pkcs8(spec: str) -> bytes:
    if spec == "ML_KEM_512":
        return ML_KEM_512_PKCS8 + os.urandom(64)
    return pkcs8(generate(spec))


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
        case ["ED25519", "PH", "SHA", "512"]:
            # As in `verify`.
            twice = SHA512.new(hashlib.sha512(text).digest())
            return eddsa.new(ECC.import_key(pkcs8(private)), "rfc8032").sign(twice)
        case ["ED25519", "SHA", "512"] | ["ML", "DSA", "SHAKE", "256"]:
            return private.sign(text)
        case _:
            raise AssertionError(f"unknown algorithm {algorithm}")


def oaep(algorithm: str):
    hash_ = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    return padding.OAEP(padding.MGF1(hash_), hash_, None)


def encapsulate(der: bytes, spec: str) -> tuple[bytes, bytes]:
    """A fresh secret and its ciphertext."""
    if spec == "ML_KEM_512":
        return ML_KEM_512.encaps(der[-800:])  # the key is the end of the DER
    return load(der).encapsulate()


def decapsulate(private_der: bytes, spec: str, ciphertext: bytes) -> bytes:
    """Opens with a private key in the form of a 64-byte seed."""
    if spec == "ML_KEM_512":
        seed = private_der[-64:]
        _, private = ML_KEM_512.key_derive(seed)
        return ML_KEM_512.decaps(private, ciphertext)
    return serialization.load_der_private_key(private_der, None).decapsulate(ciphertext)


def ecdsa_is_der(signature: bytes) -> bool:
    return utils.encode_dss_signature(*utils.decode_dss_signature(signature)) == signature
