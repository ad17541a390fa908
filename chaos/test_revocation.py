"""After DisableKey returned, Decrypt is refused on every other node at once, also while nodes freeze and thaw (B1)."""

import concurrent.futures
import random
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from harness import settings
from harness.clients import code, node
from harness.cluster import wait_until

REGION = settings.REGIONS[0]
ROUNDS = settings.rounds("revocation", short=100, full=1000)
UNAVAILABLE = {
    "KMSInternalException",
    "DependencyTimeoutException",
    "ServiceUnavailableException",
    "KeyUnavailableException",
    "ThrottlingException",
    "InternalFailure",
}


class Freezer:
    """Pauses one random node for a random moment, again and again; never two at once, so a majority stays."""

    def __init__(self, cluster, seed):
        self._cluster, self._dice = cluster, random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.freezes = 0

    def _run(self):
        while not self._stop.wait(self._dice.uniform(0.05, 0.8)):
            target = f"{REGION}/{self._dice.randint(1, 3)}"
            self._cluster.pause(target)
            self._stop.wait(self._dice.uniform(0.05, 1.0))
            self._cluster.resume(target)
            self.freezes += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


def persistently(call, timeout_s=60):
    """Repeats `call` until it succeeds; a frozen node answers late or not at all."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"no success within {timeout_s} s") from error
            time.sleep(0.02)


def outcome(call) -> str:
    """`plaintext`, the error's code, or `no answer`."""
    try:
        call()
        return "plaintext"
    except ClientError as error:
        return code(error)
    except BotoCoreError:
        return "no answer"


def fresh(clients, at):
    """A new key and a ciphertext of it, made at node `at`."""
    key = persistently(lambda: clients[at].create_key())["KeyMetadata"]["KeyId"]
    return key, persistently(lambda: clients[at].encrypt(KeyId=key, Plaintext=b"x"))["CiphertextBlob"]


def enabled(clients, at, key, sealed):
    """The key enabled at node `at`, or a new one.

    An EnableKey without an answer may still take effect after a later DisableKey returned, and rightly so: a key for
    which one is on its way is of no use to this test.
    """
    try:
        clients[at].enable_key(KeyId=key)
        return key, sealed
    except (ClientError, BotoCoreError):
        return fresh(clients, at)


def test_decrypt_is_refused_everywhere_once_disable_returned(cluster):
    clients = {number: node(cluster, REGION, number, read_timeout_s=5) for number in (1, 2, 3)}
    key, sealed = fresh(clients, 1)
    dice = random.Random(settings.SEED)
    seen: dict[str, int] = {}
    with concurrent.futures.ThreadPoolExecutor(8) as pool, Freezer(cluster, settings.SEED) as freezer:
        for number in range(ROUNDS):
            at = dice.randint(1, 3)
            key, sealed = enabled(clients, at, key, sealed)
            warm = dice.choice([n for n in clients if n != at])
            persistently(lambda: clients[warm].decrypt(CiphertextBlob=sealed))
            persistently(lambda: clients[at].disable_key(KeyId=key))
            others = [n for n in clients if n != at]
            calls = [pool.submit(outcome, lambda n=n: clients[n].decrypt(CiphertextBlob=sealed)) for n in others]
            for other, result in zip(others, (call.result() for call in calls)):
                assert result != "plaintext", f"round {number}: node {other} decrypts after node {at} disabled"
                seen[result] = seen.get(result, 0) + 1
    print(f"{ROUNDS} rounds, {freezer.freezes} freezes: {seen}")
    assert freezer.freezes > 0
    assert set(seen) <= {"DisabledException", "no answer"} | UNAVAILABLE, seen
    assert seen["DisabledException"] > ROUNDS  # most answers are the refusal itself
    for other in clients.values():
        wait_until(
            lambda c=other: outcome(lambda: c.decrypt(CiphertextBlob=sealed)) == "DisabledException",
            "every node answers DisabledException in the end",
        )
