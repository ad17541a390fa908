"""Looks for secret bytes in files, in every form in which a program writes bytes."""

import base64
import pathlib


def forms(secret: bytes) -> dict[str, bytes]:
    """`secret` raw, in hex, in base64 at each of the three alignments, and as a list of numbers."""
    found = {
        "raw": secret,
        "reversed": secret[::-1],
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "list": b", ".join(b"%d" % byte for byte in secret),
        "compact list": b",".join(b"%d" % byte for byte in secret),
    }
    for shift in range(3):
        # Characters that depend on the bytes around the secret are cut off at both ends.
        text = base64.b64encode(b"\0" * shift + secret + b"\0" * 2)
        start = -(-shift * 8 // 6)
        end = (shift + len(secret)) * 8 // 6
        found[f"base64 at {shift}"] = text[start:end]
        found[f"base64url at {shift}"] = text[start:end].replace(b"+", b"-").replace(b"/", b"_")
    return found


def find(secret: bytes, folder: pathlib.Path) -> list[str]:
    """Files under `folder` that hold `secret`, with the form it was found in."""
    wanted = forms(secret)
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        found += [f"{path.relative_to(folder)} ({form})" for form, text in wanted.items() if text in content]
    return found
