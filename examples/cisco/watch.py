"""Watches a group of workers and gives the next task to whoever becomes available: python watch.py joe@example.com rita@example.com

Each line of the standard input is a task. A worker who has one gets the next when away or gone and back again.
"""

import os
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from pws import Refused, Service, id_of

WATCHER = os.environ.get("PWS_USER", "dispatcher")
# Where the server calls back. It must be able to reach it, and its operator must allow it.
HOST, PORT = os.environ.get("PWS_CALLBACK", "127.0.0.1:8090").rsplit(":", 1)
AN_HOUR = "3600"
# A callback may be lost, and until a fetch no other comes: so fetch now and then whatever happens.
EVERY = 600.0


class Desk:
    """Who is free, and what is to do."""

    def __init__(self):
        self.tasks = deque()
        self.free = {}
        self.lock = threading.Lock()

    def hear(self, who, state):
        """Somebody's state has changed."""
        with self.lock:
            print(f"{who} is {state}", flush=True)
            self.free.pop(who, None)
            if state == "AVAILABLE":
                self.free[who] = True
            self.assign()

    def add(self, task):
        """There is something more to do."""
        with self.lock:
            self.tasks.append(task)
            self.assign()

    def assign(self):
        """Gives tasks to who has been free the longest."""
        while self.tasks and self.free:
            who = next(iter(self.free))
            del self.free[who]
            print(f"{who}: {self.tasks.popleft()}", flush=True)


class Watcher:
    """One subscription, and what it takes to have it."""

    def __init__(self, contacts, desk):
        self.contacts = contacts
        self.desk = desk
        self.service = Service()
        self.endpoint = self.subscription = None
        # Of two fetches at once the older must not be heard last.
        self.one_at_a_time = threading.Lock()

    def begin(self):
        """Logs in, registers where to be called, and subscribes."""
        self.application = self.service.login()
        self.key = self.service.login_user(self.application, WATCHER)
        made = f"<endpoint><url>http://{HOST}:{PORT}/pws</url></endpoint>"
        self.endpoint = id_of(self.service.ask("POST", "/endpoints", self.application, made, Presence_Expiry=AN_HOUR))
        listed = "".join(f"<contact contactURI={quoteattr(contact)}/>" for contact in self.contacts)
        made = (
            f"<subscription><contactsList>{listed}</contactsList><subscriptionType>PRESENCE_NOTIFICATION</subscriptionType>"
            f"<endPointID>{self.endpoint}</endPointID></subscription>"
        )
        made = self.service.ask("POST", f"/users/{WATCHER}/subscriptions", self.key, made, Presence_Expiry=AN_HOUR)
        self.subscription = id_of(made)

    def fetch(self):
        """Asks for what has changed and lets the desk hear it; after that the server calls again."""
        with self.one_at_a_time:
            path = f"/users/{WATCHER}/presence/basic/subscriptions/{self.subscription}"
            for contact in ElementTree.fromstring(self.service.ask("GET", path, self.key).content):
                self.desk.hear(contact.get("contactURI"), contact.get("presenceStatus"))

    def renew(self):
        """Prolongs what the server would end after an hour, and fetches."""
        kept = "<subscription><subscriptionType>PRESENCE_NOTIFICATION</subscriptionType></subscription>"
        self.service.ask("PUT", f"/endpoints/{self.endpoint}", self.application, "<endpoint/>", Presence_Expiry=AN_HOUR)
        self.service.ask("PUT", f"/users/{WATCHER}/subscriptions/{self.subscription}", self.key, kept, Presence_Expiry=AN_HOUR)
        self.fetch()

    def end(self):
        """Takes back what was made."""
        if self.subscription:
            self.service.ask("DELETE", f"/users/{WATCHER}/subscriptions/{self.subscription}", self.key)
        if self.endpoint:
            self.service.ask("DELETE", f"/endpoints/{self.endpoint}", self.application)


def listen(watcher):
    """Answers the server's calls, each of which says no more than that there is something to fetch."""

    class Callback(BaseHTTPRequestHandler):
        """One call."""

        def do_GET(self):
            is_ours = self.path == f"/pws?id={watcher.subscription}&eventType=PRESENCE_NOTIFICATION"
            self.send_response(200 if is_ours else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if is_ours:
                attempt(watcher.fetch)

        def log_message(self, *_):
            """Says nothing of its own."""

    server = ThreadingHTTPServer((HOST, int(PORT)), Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def attempt(what):
    """Does it, and goes on if the server is busy or away: the next call or round makes up for it."""
    try:
        what()
    except (Refused, OSError) as error:
        print(error, file=sys.stderr, flush=True)


def read_tasks(desk):
    """Lines are tasks."""
    for line in sys.stdin:
        if line.strip():
            desk.add(line.strip())


def main():
    """Watches until it is interrupted."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    desk = Desk()
    watcher = Watcher(sys.argv[1:], desk)
    listen(watcher)
    threading.Thread(target=read_tasks, args=[desk], daemon=True).start()
    try:
        watcher.begin()
        watcher.fetch()
        while True:
            threading.Event().wait(EVERY)
            attempt(watcher.renew)
    except KeyboardInterrupt:
        pass
    except Refused as error:
        sys.exit(str(error))
    finally:
        attempt(watcher.end)


if __name__ == "__main__":
    main()
