"""S46: a chat client of python-socketio 4 as guests use it: it reads, without asking, each key that such programs rely on.

Usage: guest_chat.py HUB SPACE NAME TEXT. Joins as a guest, says TEXT, and prints what it heard until its own text has come back."""

import json
import sys
import threading

import requests
import socketio


class GuestChat:
    """One guest in one space."""

    def __init__(self, hub, space, name):
        self.hub = hub
        self.space = space
        answer = requests.post(f"{hub}/api/anonymous/auth", data={"displayname": name, "username": name}, timeout=10)
        self.token = answer.json()["token"]
        self.headers = {"Authorization": f"jwt {self.token}"}
        self.me = self.get("/api/users/me")
        self.title = self.get(f"/api/spaces/{space}")["title"]
        self.is_heard = threading.Event()
        self.io = socketio.Client()
        self.io.on("connect", self.connected, namespace="/chat")
        self.io.on("CHANNEL_SUBSCRIBED", self.subscribed, namespace="/chat")
        self.io.on("MESSAGE_SENT", self.heard, namespace="/chat")

    def get(self, path):
        answer = requests.get(self.hub + path, headers=self.headers, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def run(self, text):
        self.text = text
        url = f"{self.hub}/chat?token={self.token}&tokenType=jwt"
        self.io.connect(url, transports=["websocket"], namespaces=["/chat"])
        is_heard = self.is_heard.wait(20)
        self.io.disconnect()
        return is_heard

    def connected(self):
        self.io.emit("SUBSCRIBE_CHANNEL", {"channel": {"_id": self.space, "type": "topic"}}, namespace="/chat")

    def subscribed(self, payload):
        message = {"content": {"bodyText": self.text}, "category": "chat", "topicId": payload["channel"]["_id"]}
        self.io.emit("SEND_MESSAGE", message, namespace="/chat")

    def heard(self, payload):
        sender = payload["sender"]
        line = {
            "space": payload["topicTitle"],
            "kind": payload["topicType"],
            "topic": payload["topicId"],
            "id": payload["_id"],
            "category": payload["category"],
            "created": payload["created"],
            "by": sender["_id"],
            "name": sender["displayname"],
            "login": sender["username"],
            "picture": sender["picture_url"],
            "type": sender["type"],
            "text": payload["content"]["bodyText"],
            "files": [file["name"] for file in payload["content"]["data"]],
            "title": self.title,
            "mine": sender["_id"] == self.me["_id"],
        }
        print(json.dumps(line), flush=True)
        if line["mine"]:
            self.is_heard.set()


if __name__ == "__main__":
    hub, space, name, text = sys.argv[1:]
    sys.exit(0 if GuestChat(hub, space, name).run(text) else 1)
