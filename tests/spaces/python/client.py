"""Hosts clients of python-socketio, any version, for the tests: commands come as JSON lines, and so go events."""

import json
import sys
import threading

import socketio

writing = threading.Lock()
clients = {}


def tell(client, event, payload=None, **more):
    """One line to the tests."""
    with writing:
        print(json.dumps({"client": client, "event": event, "payload": payload, **more}, default=str), flush=True)


class Client:
    """One client, with the handlers that a program has."""

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.namespace = command["namespace"]
        self.presence = command.get("presence")
        self.io = socketio.Client(
            reconnection=command["reconnection"], reconnection_delay=0.1, reconnection_delay_max=0.1, randomization_factor=0
        )
        on = self.io.on
        on("connect", self.connected, namespace=self.namespace)
        on("disconnect", self.disconnected, namespace=self.namespace)
        on("connect_error", self.refused, namespace=self.namespace)
        for event in command["events"]:
            on(event, self.handler(event), namespace=self.namespace)

    def connect(self):
        """As in a program's main, which waits."""
        more = {"auth": self.command["auth"]} if self.command.get("auth") else {}
        try:
            self.io.connect(
                self.command["url"], transports=self.command["transports"], namespaces=[self.namespace], **more
            )
        except socketio.exceptions.ConnectionError as error:
            tell(self.name, "@raised", str(error))

    def connected(self):
        tell(self.name, "@connect", sid=self.sid())
        if self.presence:
            self.emit("SUBSCRIBE_CHANNEL", self.presence["subscribe"])

    def sid(self):
        """The id that the library shows; version 4 has only that of the transport."""
        return self.io.get_sid(self.namespace) if hasattr(self.io, "get_sid") else self.io.eio.sid

    def disconnected(self, *reason):
        tell(self.name, "@disconnect", *reason)

    def refused(self, *reason):
        tell(self.name, "@connect_error", reason[0] if reason else None)

    def handler(self, event):
        """The handler of one event."""

        def handle(*arguments):
            tell(self.name, event, arguments[0] if arguments else None)
            if event == "CHANNEL_SUBSCRIBED" and self.presence:
                self.emit(
                    "SEND_PRESENCE_EVENT",
                    {
                        "category": "app.event.presence.party.online",
                        "topicId": self.presence["topic"],
                        "content": self.presence["content"],
                    },
                )

        return handle

    def emit(self, event, payload=None):
        try:
            self.io.emit(event, payload, namespace=self.namespace)
        except socketio.exceptions.SocketIOError as error:
            tell(self.name, "@raised", str(error))

    def dispose(self):
        """Ends whatever the library still does."""
        self.io.reconnection = False
        stop = getattr(self.io, "shutdown", self.io.disconnect)
        try:
            stop()
        finally:
            tell(self.name, "@disposed")


def obey(command):
    """Does what a line says."""
    name, what = command["client"], command["do"]
    if what == "connect":
        clients[name] = Client(name, command)
        threading.Thread(target=clients[name].connect, daemon=True).start()
    elif what == "emit":
        clients[name].emit(command["event"], command.get("payload"))
    elif what == "disconnect":
        threading.Thread(target=clients[name].io.disconnect, daemon=True).start()
    elif what == "dispose":
        threading.Thread(target=clients[name].dispose, daemon=True).start()


for line in sys.stdin:
    obey(json.loads(line))
