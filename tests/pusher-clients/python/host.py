"""Hosts the Python libraries for the tests: questions come as JSON lines, answers and what came to clients go as such."""

import importlib
import json
import sys
import threading

# pusher-rest is of 2014, and looks for two classes where they were then.
import collections
import collections.abc

collections.Sized = collections.abc.Sized
collections.Iterable = collections.abc.Iterable

writing = threading.Lock()
# Only this module's lines go to the tests: pusher-rest prints.
lines = sys.stdout
sys.stdout = sys.stderr
clients = {}
backends = {}

KINDS = {"PYS": "threaded", "APY": "asynchronous", "PY3": "backend", "PYR": "backend"}


def write(line):
    """One line to the tests."""
    with writing:
        print(json.dumps(line, default=text_of), file=lines, flush=True)


def text_of(value):
    """What is no JSON: the bytes that PY3 gives of a shared secret."""
    return value.decode() if isinstance(value, bytes) else str(value)


def teller(client):
    """Tells what came to a client."""
    return lambda event, payload=None: write({"client": client, "event": event, "payload": payload})


def do(command):
    """Does what a line says."""
    what = command["do"]
    if what == "make":
        module = importlib.import_module(KINDS[command["kind"]])
        backends[command["backend"]] = module.make(command["kind"], command["app"], command["at"])
        return None
    if what == "call":
        return backends[command["backend"]](command["method"], command["args"])
    if what == "open":
        module = importlib.import_module(KINDS[command["kind"]])
        client = command["client"]
        clients[client] = module.Client(teller(client), command["port"], command["options"])
        return clients[client].open()
    client = clients[command["client"]]
    more = [command[key] for key in ("channel", "event", "data") if key in command]
    return getattr(client, what)(*more)


def obey(command):
    """Does it, and answers."""
    number = command["number"]
    try:
        write({"answers": number, "result": do(command)})
    except Exception as error:  # whatever a library raises is the test's to judge
        write({"answers": number, "raised": {"name": type(error).__name__, "text": str(error)}})


for line in sys.stdin:
    threading.Thread(target=obey, args=[json.loads(line)], daemon=True).start()
