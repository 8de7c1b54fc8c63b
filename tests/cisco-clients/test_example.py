"""The example: its watcher hears what its other script says, and what somebody on /ws does."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kit.hub import Hub, configuration
from kit.patience import END, until
from kit.person import Person

EXAMPLE = Path(__file__).parents[2] / "examples/cisco"
DEMO = ("demo-key", "demo-secret")


def free_port():
    """A port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Script:
    """A script of the example that runs."""

    def __init__(self, hub, output, name, *arguments, **more):
        environment = os.environ | {"PWS_SERVER": hub.urls["http"], "PYTHONDONTWRITEBYTECODE": "1"} | more
        self.output = output
        with open(output, "wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, EXAMPLE / name, *arguments], env=environment, stdin=subprocess.PIPE, stdout=file, stderr=file, text=True
            )

    def says(self, line, times=1):
        """Waits until it has said a line that often."""
        until(lambda: f"{line!r} in {self.output.read_text()!r}", lambda: self.output.read_text().splitlines().count(line) >= times)

    def hears(self, line):
        """Types a line."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ends(self, status=0):
        """Waits for its end."""
        assert self.process.wait(END) == status, self.output.read_text()

    def interrupt(self):
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)


@pytest.fixture
def demo():
    """A hub as the example's page says, with the demo app."""
    with Hub(configuration([])) as hub:
        yield hub


def test_the_example_watches_and_reacts(demo, tmp_path):
    watcher = Script(demo, tmp_path / "watch", "watch.py", "joe@example.com", "rita@example.com", PWS_CALLBACK=f"127.0.0.1:{free_port()}")
    try:
        watcher.says("joe@example.com is UNKNOWN")
        watcher.says("rita@example.com is UNKNOWN")
        watcher.hears("Water the plants")
        Script(demo, tmp_path / "say", "say.py", "joe", "AVAILABLE").ends()
        watcher.says("joe@example.com is AVAILABLE")
        watcher.says("joe@example.com: Water the plants")
        watcher.hears("Answer the telephone")
        with Person(demo, DEMO, "rita") as rita:
            rita.join()
            watcher.says("rita@example.com is AVAILABLE")
            watcher.says("rita@example.com: Answer the telephone")
            rita.idle()
            watcher.says("rita@example.com is AWAY")
            rita.leave()
        watcher.says("rita@example.com is UNAVAILABLE")
        Script(demo, tmp_path / "say", "say.py", "joe", "DND").ends()
        watcher.says("joe@example.com is DND")
        watcher.interrupt()
        watcher.ends()
    finally:
        watcher.process.kill()
    assert not re.search("refused|Traceback", watcher.output.read_text())


def test_the_example_says_why_it_was_refused(demo, tmp_path):
    refused = Script(demo, tmp_path / "say", "say.py", "joe", "ASLEEP")
    refused.ends(1)
    assert "400 120: " in refused.output.read_text()
