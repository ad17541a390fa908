"""Steady streams of calls in the background, with every answer and every failure noted."""

import threading
import time
import traceback


class Load:
    """Calls `work(worker, number)` over and over in threads until the block ends.

    `work` returns what it wants noted (or None) and may raise; nothing is retried here. With `tolerate`, failures are
    counted and the stream goes on; without it they are kept as text, for a test to show.
    """

    def __init__(self, work, workers: int = 4, tolerate: bool = False, pause_s: float = 0.0):
        self._work, self._tolerate, self._pause_s = work, tolerate, pause_s
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(workers)]
        self.noted: list = []
        self.failures: list[str] = []
        self.calls = 0
        self.failed = 0

    def _run(self, worker: int):
        number = 0
        while not self._stop.is_set():
            number += 1
            try:
                result = self._work(worker, number)
            except Exception:  # noqa: BLE001 - whatever it is, it is this stream's finding
                with self._lock:
                    self.failed += 1
                    if not self._tolerate:
                        self.failures.append(f"{time.strftime('%H:%M:%S')} {traceback.format_exc(limit=-2)}")
                time.sleep(0.05)
                continue
            with self._lock:
                self.calls += 1
                if result is not None:
                    self.noted.append(result)
            time.sleep(self._pause_s)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=120)
        assert not any(thread.is_alive() for thread in self._threads), "a call hangs"
