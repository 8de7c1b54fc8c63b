"""The REST interface as scripts speak it, with `requests`."""

import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import requests

from kit.patience import SOON

ROOT = "/presence-service"
NAMESPACE = "urn:cisco:cup:presence:soap"
ERROR = re.compile(
    rb'<\?xml version="1\.0" encoding="UTF-8"\?>\n\n'
    rb'\t<description xmlns="urn:cisco:cup:presence:soap">\n'
    rb"\t\t<code>(\d{3})</code>\n\t\t<message>([^<\n]+)</message>\n\t\t<fix>([^<\n]+)</fix>\n"
    rb"\t</description>\n?"
)
SUBSCRIPTION_TYPE = "PRESENCE_NOTIFICATION"
# Every key that a hub has given out, so that a test can look for them where they must not be.
keys = set()


def password(text):
    """The body of a login."""
    return f"<session><password>{escape(text)}</password></session>"


def endpoint(url, expiration=None):
    """The body of a registration."""
    more = "" if expiration is None else f"<expiration>{expiration}</expiration>"
    return f"<endpoint><url>{escape(url)}</url>{more}</endpoint>"


def contact(uri):
    """One contact of a list."""
    return f"<contact contactURI={quoteattr(uri)}/>"


def subscription(contacts, end_point, kind=SUBSCRIPTION_TYPE, expiration=None):
    """The body of a subscription; the contacts are addresses, or XML as it is."""
    listed = contacts if isinstance(contacts, str) else f"<contactsList>{''.join(map(contact, contacts))}</contactsList>"
    more = "" if expiration is None else f"<expiration>{expiration}</expiration>"
    return f"<subscription>{listed}<subscriptionType>{kind}</subscriptionType><endPointID>{end_point}</endPointID>{more}</subscription>"


def basic(state):
    """The body of a basic presence."""
    return f"<presence>{state}</presence>"


def local(element):
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def listed(response, form="basic"):
    """The contacts of a basic list and their states, in order."""
    assert response.status_code == 200, response.text
    root = ElementTree.fromstring(response.content)
    assert (root.tag, root.attrib) == ("presenceList", {"type": form}), response.text
    if form == "rich":
        return [entry.attrib["entity"].removeprefix("sip:") for entry in root]
    assert all(entry.tag == "contact" and set(entry.attrib) == {"contactURI", "presenceStatus"} for entry in root), response.text
    return [(entry.attrib["contactURI"], entry.attrib["presenceStatus"]) for entry in root]


def refused(response, status, code):
    """Fails unless a request was refused so, with the recorded layout of the body; returns message and fix."""
    match = ERROR.fullmatch(response.content)
    assert match, f"{response.status_code}: {response.content!r}"
    assert (response.status_code, int(match[1])) == (status, code), response.text
    return match[2].decode(), match[3].decode()


def number_of(response, kind, status=201):
    """The id at the end of a Location, read whole and as the known scripts read it."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    location = response.headers["location"]
    match = re.fullmatch(rf"https?://[^/]+{ROOT}/(?:users/[^/]+/)?{kind}/(\d+)", location)
    assert match, location
    return int(match[1])


class Rest:
    """One keep-alive client of one listener."""

    def __init__(self, url, verify=True):
        self.url = url + ROOT
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = verify

    def ask(self, method, path, body=None, key=None, **headers):
        """Sends what is given and nothing else; names of headers are written with underscores."""
        headers = {name.replace("_", "-"): str(value) for name, value in headers.items() if value is not None}
        if key is not None:
            headers["Presence-Session-Key"] = key
        data = body.encode() if isinstance(body, str) else body
        answer = self.session.request(method, self.url + path, data=data, headers=headers, timeout=SOON, allow_redirects=False)
        assert "transfer-encoding" not in answer.headers, "an answer came in chunks"
        assert int(answer.headers["content-length"]) == len(answer.content)
        return answer

    def key(self, answer, status=201):
        """The key of a login's answer, as scripts look for it."""
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        root = ElementTree.fromstring(answer.content)
        assert root.tag == "session", answer.text
        found = root.find("sessionKey").text
        keys.add(found)
        return found

    def application(self, name, secret):
        """Logs an application user in."""
        return Application(self, name, self.key(self.ask("POST", f"/users/{name}/sessions", password(secret), Content_Type="text/xml")))


class Session:
    """Somebody who is logged in."""

    def __init__(self, rest, name, key):
        self.rest = rest
        self.name = name
        self.key = key

    def ask(self, method, path, body=None, **headers):
        """With the session's key."""
        return self.rest.ask(method, path, body, self.key, **headers)

    def logout(self):
        """Ends the session."""
        return self.ask("DELETE", f"/users/{self.name}/session")


class Application(Session):
    """An application user."""

    def user(self, name, forced=False):
        """Logs an end user in."""
        method, path = ("PUT", f"/users/{name}/session") if forced else ("POST", f"/users/{name}/sessions")
        return User(self.rest, name, self.rest.key(self.ask(method, path, b"", Content_Length=0)))

    def register(self, url, expiry=3600):
        """Registers an endpoint; the answer."""
        return self.ask("POST", "/endpoints", endpoint(url), Presence_Expiry=expiry)

    def endpoint(self, url):
        """Registers an endpoint; its id."""
        return number_of(self.register(url), "endpoints")

    def unregister(self, number):
        """Ends an endpoint."""
        return self.ask("DELETE", f"/endpoints/{number}")


class User(Session):
    """An end user."""

    def subscribe(self, contacts, end_point, expiry=3600, **more):
        """Subscribes; the answer."""
        body = subscription(contacts, end_point, **more)
        return self.ask("POST", f"/users/{self.name}/subscriptions", body, Presence_Expiry=expiry)

    def subscription(self, contacts, end_point):
        """Subscribes; the id."""
        return number_of(self.subscribe(contacts, end_point), "subscriptions")

    def change(self, number, body, expiry=None):
        """Adds to a subscription, or prolongs it."""
        return self.ask("PUT", f"/users/{self.name}/subscriptions/{number}", body, Presence_Expiry=expiry)

    def unsubscribe(self, number):
        """Ends a subscription."""
        return self.ask("DELETE", f"/users/{self.name}/subscriptions/{number}")

    def fetch(self, number, form="basic", body=None):
        """Asks for what has changed; the answer."""
        return self.ask("GET", f"/users/{self.name}/presence/{form}/subscriptions/{number}", body)

    def changes(self, number, form="basic"):
        """What has changed."""
        return listed(self.fetch(number, form), form)

    def poll(self, uri, form="basic"):
        """Asks for one contact; the answer."""
        return self.ask("GET", f"/users/{self.name}/presence/{form}/contacts/{uri}")

    def state(self, uri):
        """The state of one contact."""
        [(polled, state)] = listed(self.poll(uri))
        assert polled == uri
        return state

    def put(self, body, form="basic", override=None, expiry=3600):
        """Sets its own presence; the answer."""
        return self.ask("PUT", f"/users/{self.name}/presence/{form}", body, Presence_Override=override, Presence_Expiry=expiry)

    def set(self, state, override="false"):
        """Sets a basic presence."""
        answer = self.put(basic(state), override=override)
        assert answer.status_code in (200, 201, 204), answer.text
