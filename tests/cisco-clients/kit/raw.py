"""Requests by hand, where a library would not misbehave."""

import socket

from kit.patience import SOON


class Answer:
    """What came back on a connection."""

    def __init__(self, data):
        head, _, self.content = data.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        self.status_code = int(first.split()[1]) if first else None
        self.headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}

    @property
    def text(self):
        """The body as text."""
        return self.content.decode(errors="replace")


def connected(port):
    """A connection to a listener."""
    return socket.create_connection(("127.0.0.1", port), SOON)


def answer_on(connection):
    """The next answer: head and as much body as it says."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return Answer(data)
        data += more
    found = Answer(data)
    missing = int(found.headers.get("content-length", 0)) - len(found.content)
    while missing > 0:
        more = connection.recv(65536)
        if not more:
            break
        found.content += more
        missing -= len(more)
    return found


def exchange(port, data):
    """Sends these bytes on a connection of their own; the answer."""
    with connected(port) as connection:
        connection.sendall(data)
        return answer_on(connection)


def request(method, target, body=b"", **headers):
    """A request as bytes."""
    headers = {"Host": "127.0.0.1", "Content-Length": len(body)} | {k.replace("_", "-"): v for k, v in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body
