"""The Presence Web Service as the two scripts need it: sessions, and requests that carry their keys."""

import os
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import requests

# What changes when a script moves from one server to another.
SERVER = os.environ.get("PWS_SERVER", "http://127.0.0.1:8082")
APPLICATION = os.environ.get("PWS_APPLICATION", "demo")
PASSWORD = os.environ.get("PWS_PASSWORD", "demo-secret")


class Refused(Exception):
    """The server did not do what was asked; says why."""


class Service:
    """The server, over one connection that is kept."""

    def __init__(self):
        self.http = requests.Session()

    def ask(self, method, path, key=None, body=None, **headers):
        """One request. Names of headers are written with underscores."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            headers["Presence-Session-Key"] = key
        answer = self.http.request(method, f"{SERVER}/presence-service{path}", data=body, headers=headers, timeout=10)
        if not answer.ok:
            raise Refused(f"{method} {path}: {answer.status_code} {reason(answer.content)}")
        return answer

    def login(self):
        """Logs the application user in; its key. The same key each time, as long as the session lives."""
        body = f"<session><password>{escape(PASSWORD)}</password></session>"
        return key_of(self.ask("POST", f"/users/{APPLICATION}/sessions", body=body, Content_Type="text/xml"))

    def login_user(self, application_key, user):
        """Logs an end user in, for whom the application user answers; its key."""
        return key_of(self.ask("POST", f"/users/{user}/sessions", application_key))


def key_of(answer):
    """The session's key in the answer to a login."""
    return ElementTree.fromstring(answer.content).findtext("sessionKey")


def id_of(answer):
    """The id of what was made, from the address that the answer names."""
    return answer.headers["Location"].rsplit("/", 1)[1]


def reason(body):
    """Code and message of an error."""
    try:
        told = {element.tag.rpartition("}")[2]: element.text for element in ElementTree.fromstring(body)}
        return f"{told.get('code')}: {told.get('message')}"
    except ElementTree.ParseError:
        return ""
