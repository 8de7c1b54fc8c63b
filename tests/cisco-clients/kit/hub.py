"""A hub in a process of its own, on free ports."""

import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

from kit.patience import END, START, until

BINARY = os.environ.get("PRESENCE_HUB_BIN") or str(Path(__file__).parents[3] / "target/debug/presence-hub")
PEOPLE = ["owner", "owner2", "joe", "rita", "carlotta", "sentinel", "fence"]
DOMAINS = ["example.com", "127.0.0.1"]
LISTENS = {
    "main": r"listens on (http://127\.0\.0\.1:\d+)",
    "admin": r"(?i)admin[^\n]*(http://127\.0\.0\.1:\d+)",
    "http": r"(?i)cisco[^\n]*(http://127\.0\.0\.1:\d+)",
    "https": r"(?i)cisco[^\n]*(https://127\.0\.0\.1:\d+)",
}


def lines(settings):
    """Settings as lines of TOML."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())


def credentials(number):
    """The key and the secret of an app."""
    return f"key-{number}", f"a secret of app {number}"


def app(number, users, **cisco):
    """An app of the configuration with these application users (names and passwords)."""
    settings = {"end_users": PEOPLE, "domains": DOMAINS} | cisco
    key, secret = credentials(number)
    described = {"id": str(number), "key": key, "secret": secret}
    people = "".join(f"[[apps.cisco.app_users]]\n{lines({'name': name, 'password': password})}" for name, password in users.items())
    return f"[[apps]]\n{lines(described)}[apps.cisco]\n{lines(settings)}{people}"


def configuration(apps, **settings):
    """A whole configuration: callbacks to this machine are allowed, unless the settings say something else."""
    everywhere = {
        "listen": "127.0.0.1:0",
        "admin.listen": "127.0.0.1:0",
        "cisco.enabled": True,
        "cisco.http": "127.0.0.1:0",
        "cisco.https": "127.0.0.1:0",
        "egress.allow": ["127.0.0.1"],
        "presence.grace": "0s",
        "log.level": "debug",
        "drain.window": "0s",
        "drain.timeout": "1s",
    }
    return lines(everywhere | {key.replace("__", "."): value for key, value in settings.items()}) + "".join(apps)


class Hub:
    """A hub that runs; `with` ends it."""

    def __init__(self, text, doors=("http", "https"), folder=None):
        self.owns_folder = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="presence-hub-tests-"))
        self.text = text
        self.doors = ("main", "admin", *doors)
        self.urls = {}
        self.start()

    def start(self):
        """Starts it, again if it was ended."""
        file = self.folder / "hub.toml"
        file.touch(mode=0o600)
        file.write_text(self.text)
        # The hub takes each variable of its prefix for a setting, and is to have none but those of the test.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PRESENCE_HUB_")}
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                [BINARY, "--config", file], env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            until(lambda: f"the hub's ports in:\n{self.output}", self.has_started, START)
        except BaseException:
            self.end()
            raise

    def has_started(self):
        """Whether it has said where it listens."""
        assert self.process.poll() is None, f"{BINARY} ended with {self.process.returncode}:\n{self.output}"
        found = {door: re.search(LISTENS[door], self.output) for door in self.doors}
        self.urls = {door: match[1] for door, match in found.items() if match}
        return len(self.urls) == len(self.doors)

    @property
    def output(self):
        """All that the hub has written, log and all."""
        return (self.folder / "output").read_text(errors="replace")

    def certificate(self):
        """A file with the certificate that the hub shows."""
        file = self.folder / "shown.pem"
        if not file.exists():
            file.write_text(ssl.get_server_certificate(("127.0.0.1", self.port("https"))))
        return str(file)

    def port(self, door):
        """The port of a listener."""
        return int(self.urls[door].rsplit(":", 1)[1])


    def end(self):
        """Asks it to go, and makes it."""
        self.process.terminate()
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
