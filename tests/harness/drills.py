"""Running drills, and reading what they leave."""

import html.parser
import json
import pathlib
import signal
import subprocess

from harness import settings
from harness.cluster import meridian, wait_until

VOID = {"meta"}


class Page(html.parser.HTMLParser):
    """A page in which every element is closed in its order; a stray end tag fails at once."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> at {self.getpos()}, open: {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def count(self, name: str, css_class: str | None = None) -> int:
        classes = [attributes.get("class", "").split() for tag, attributes in self.elements if tag == name]
        return len(classes) if css_class is None else sum(css_class in found for found in classes)


def check_page(path: pathlib.Path, report: dict):
    """The page is well-formed, fetches and runs nothing, and draws what the report says."""
    page = Page(path.read_text())
    assert page.count("script") == page.count("link") == page.count("img") == 0
    assert not any(value and "//" in value for _, attributes in page.elements for value in attributes.values())
    assert page.count("svg") == 1 + len(report["latency"])
    assert page.count("rect", "step") == len(report["steps"])
    assert page.count("rect", "fault") == len(report["faults"])
    assert page.count("line", "mark") == len(report["checkpoints"])
    assert page.count("polyline", "p50") >= 1
    words = " ".join(page.text)
    assert report["command"] in words and str(report["seed"]) in words
    for check in report["checks"]:
        assert check["name"].removeprefix("target: ") in words


def drill(store: pathlib.Path, name, *flags, expect: int = 0, timeout_s: float = 600) -> dict:
    """Runs a drill to its end; its report, which the files in `latest` and the exit code agree with."""
    result = meridian("drill", "run", name, "--json", "--store", store, *flags, timeout_s=timeout_s, check=False)
    assert result.returncode == expect, result.stdout[-6000:] + result.stderr[-6000:]
    report = json.loads(result.stdout)
    latest = store / report["drill"] / "latest"
    assert json.loads((latest / "report.json").read_text()) == report
    assert report["passed"] == (expect == 0) == all(check["held"] for check in report["checks"])
    check_page(latest / "report.html", report)
    return report


def held(report: dict, words: str) -> bool:
    """Whether the checks whose names contain the words held; there must be one."""
    found = [check["held"] for check in report["checks"] if words in check["name"]]
    assert found, f"no check about `{words}`"
    return all(found)


class Running:
    """A drill that goes on beside the test; gone at the end of the `with` block, whatever happens."""

    def __init__(self, store: pathlib.Path, name, *flags):
        self.log = pathlib.Path(store).parent / "progress.txt"
        command = [str(settings.BINARY), "drill", "run", str(name), "--store", str(store), *map(str, flags)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def until(self, words: str, timeout_s: float = 180):
        """Waits until its progress mentions the words."""

        def seen():
            text = self.log.read_text()
            assert words in text or self.process.poll() is None, text
            return words in text

        wait_until(seen, f"`{words}` in the progress of the drill", timeout_s)

    def interrupt(self, sent: signal.Signals, timeout_s: float = 90) -> tuple[int, str]:
        """Sends the signal and waits for the end; exit code and everything that was printed."""
        self.process.send_signal(sent)
        return self.process.wait(timeout_s), self.log.read_text()


def processes_under(folder: pathlib.Path) -> list[str]:
    """Command lines of processes that mention the folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found
