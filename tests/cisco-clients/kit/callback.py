"""The endpoint of a watcher: it hears what the hub calls, and answers as a test says."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.patience import SOON


@dataclass
class Hit:
    """One call."""

    method: str
    target: str
    headers: dict
    body: bytes

    @property
    def subscription(self):
        """Which subscription it is about, read as the strictest of the known clients does: by position."""
        path, _, query = self.target.partition("?")
        first, second = query.split("&")
        assert (path, first[:3], second) == ("/pws", "id=", "eventType=PRESENCE_NOTIFICATION"), self.target
        return int(first[3:])


class Callback:
    """Listens on a free port of this machine; `with` ends it."""

    def __init__(self):
        self.hits = []
        self.count = 0
        self.came = threading.Condition()
        # Returns the status, and perhaps headers, of the answer.
        self.answer = lambda hit: 200
        self.server = None
        self.port = 0
        self.up()

    @property
    def url(self):
        """What to register."""
        return f"http://127.0.0.1:{self.port}/pws"

    def up(self):
        """Begins to listen, where it has listened before."""
        self.server = Server(("127.0.0.1", self.port), self.handler())
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self):
        """Listens no more: who calls is refused."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def handler(self):
        """What the library calls for each request."""
        callback = self

        class Handler(BaseHTTPRequestHandler):
            """Keeps the request and answers it."""

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                hit = Hit(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length))
                callback.keep(hit)
                answer = callback.answer(hit)
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in ({"Content-Length": "0"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_):
                """Says nothing."""

        return Handler

    def keep(self, hit):
        """Remembers a call and wakes who waits for one."""
        with self.came:
            self.hits.append(hit)
            self.count += 1
            self.came.notify_all()

    def next(self, patience=SOON):
        """The next call."""
        with self.came:
            assert self.came.wait_for(lambda: self.hits, patience), f"waited {patience} s for a callback"
            return self.hits.pop(0)

    def nothing_more(self):
        """Fails if there was a call that the test did not expect. Only after a fence this says that there was none."""
        with self.came:
            assert not self.hits, f"unexpected callbacks: {[hit.target for hit in self.hits]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()


class Server(ThreadingHTTPServer):
    """Comes back on the port that it had, and waits for nobody when it ends."""

    allow_reuse_address = True
    block_on_close = False
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """A hub that hangs up is no news."""
