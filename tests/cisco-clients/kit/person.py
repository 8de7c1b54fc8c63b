"""A person who is in the hub by another dialect: the native one, at /ws."""

import base64
import hashlib
import hmac
import itertools
import json
import time

from websockets.sync.client import connect

from kit.patience import SOON


def part(data):
    """A part of a JWT."""
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=")


def token(app, party):
    """What the backend of an app, which is its key and its secret, signs for one of its users."""
    key, secret = app
    head = {"alg": "HS256", "typ": "JWT", "kid": key}
    signed = part(head) + b"." + part({"sub": party, "displayname": party.title(), "exp": int(time.time()) + 3600})
    return (signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


class Person:
    """A connection of a party; whatever it does is done when the method returns. `with` ends it."""

    def __init__(self, hub, app, party, topic="lobby"):
        url = hub.urls["main"].replace("http", "ws", 1)
        self.connection = connect(f"{url}/ws?token={token(app, party)}", open_timeout=SOON, compression=None)
        self.socket = self.connection.__enter__()
        self.ids = itertools.count(1)
        self.topic = topic
        self.say("SUBSCRIBE_CHANNEL", {"channel": {"type": "topic", "_id": topic}})

    def say(self, event, payload):
        """Sends an event and waits for its acknowledgement."""
        number = next(self.ids)
        self.socket.send(json.dumps({"event": event, "payload": payload, "id": number}))
        while True:
            frame = json.loads(self.socket.recv(timeout=SOON))
            if frame["event"] == "ACK" and frame["payload"]["id"] == number:
                assert frame["payload"]["ok"], frame
                return

    def hears(self, category):
        """The next event of this category."""
        while True:
            frame = json.loads(self.socket.recv(timeout=SOON))
            if frame["payload"].get("category") == category:
                return frame

    def presence(self, category, content):
        """Says something about its own presence."""
        category = f"app.event.presence.party.{category}"
        self.say("SEND_PRESENCE_EVENT", {"category": category, "topicId": self.topic, "content": content})

    def join(self):
        """Is there, and active."""
        self.presence("online", {"mediaSession": {}})

    def idle(self):
        """Is there, but not active."""
        self.presence("online", {"mediaSession": {}, "idle": True})

    def media(self):
        """Is in a media session."""
        self.presence("online", {"mediaSession": {"connected": True, "audio": True}})

    def leave(self):
        """Is there no more."""
        self.presence("leaves", {})

    def close(self):
        """Hangs up."""
        self.connection.__exit__(None, None, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
