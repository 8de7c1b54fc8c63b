"""Hosts the Python SDK (Py, PyA) for the tests: questions come as JSON lines, answers and what came to clients go as such."""

import json
import logging
import sys
import threading

from pubnub.exceptions import PubNubException

import asynchronous
import threaded

KINDS = {"Py": threaded.Client, "PyA": asynchronous.Client}

# What goes wrong comes as a status or is raised.
logging.getLogger("pubnub").setLevel(logging.CRITICAL)

writing = threading.Lock()
clients = {}


def write(line):
    """One line to the tests."""
    with writing:
        print(json.dumps(line, default=str), flush=True)


def teller(client):
    """Tells what came to a client."""
    return lambda event, payload=None: write({"client": client, "event": event, "payload": payload})


def do(command):
    """Does what a line says."""
    name = command["client"]
    if command["do"] == "open":
        clients[name] = KINDS[command["kind"]](teller(name), command["options"])
        return None
    return clients[name].call(command["do"], command)


def raised(error):
    """What the library raised; its answers to refused requests are texts of JSON."""
    told = {"name": type(error).__name__, "text": str(error)}
    if isinstance(error, PubNubException):
        told["status"] = error._status_code
        if error.status is not None:
            told["status"] = told["status"] or error.status.status_code
            told["channels"] = error.status.affected_channels
            told["groups"] = error.status.affected_groups
    return told


def obey(command):
    """Does it, and answers."""
    number = command["number"]
    try:
        write({"answers": number, "result": do(command)})
    except Exception as error:  # whatever a library raises is the test's to judge
        write({"answers": number, "raised": raised(error)})


for line in sys.stdin:
    threading.Thread(target=obey, args=[json.loads(line)], daemon=True).start()
