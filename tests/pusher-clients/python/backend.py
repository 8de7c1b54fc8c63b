"""The server libraries (PY3, PYR), by what is theirs: how they are made, and what they call things."""

import importlib
import os
import socket

import pusher

resolve = socket.getaddrinfo


def lead(name, port):
    """Has a host name and whatever port lead to a port of this machine, as a hosts file does with the name."""

    def led(host, wanted, *more, **keys):
        return resolve("127.0.0.1", port, *more, **keys) if host == name else resolve(host, wanted, *more, **keys)

    socket.getaddrinfo = led


def make(kind, app, at):
    """A function that calls a method of a new object of the library."""
    at = dict(at)
    leads = at.pop("leads", None)
    backend = at.pop("backend", None)
    if leads:
        lead(**leads)
    at = {key: value for key, value in at.items() if value is not None}
    names = {"app_id": app["id"], "key": app["key"], "secret": app["secret"]}
    if kind == "PY3":
        # This one believes only the authorities that it brings along, and can be told of no others.
        if "SSL_CERT_FILE" in os.environ:
            importlib.import_module("pusher.requests").CERT_PATH = os.environ["SSL_CERT_FILE"]
        library = pusher.Pusher(**names, **at)
        renamed = {"authorize": library.authenticate}
    else:
        config = pusher.Config(**names, **at)
        adapter = importlib.import_module(f"pusher.{backend}").RequestsBackend(config) if backend else None
        library = pusher.Pusher(config, adapter)
        renamed = {"authorize": config.authenticate_subscription, "validate_webhook": config.validate_webhook}
    return lambda method, args: (renamed.get(method) or getattr(library, method))(*args)
