"""Clients of pysher (PYS), used as programs use it."""

import json
import queue
import threading

import pysher
from happening import EVENTS, INTERNAL, happening


class Client:
    """One client, which subscribes in the library's own thread, so that it has bound what it wants before anything comes."""

    def __init__(self, tell, port, options):
        self.tell = tell
        self.listen = options.get("listen", [])
        self.channels = []
        self.jobs = queue.Queue()
        app = options["app"]
        how = {"secret": app["secret"]}
        if options.get("remote"):
            how = {"auth_endpoint": f"{options['endpoint']}/{app['id']}/pusher/auth"}
        self.library = pysher.Pusher(
            app["key"],
            custom_host="127.0.0.1",
            port=port,
            secure=False,
            user_data=options.get("user"),
            reconnect_interval=options.get("reconnect", 10),
            **how,
        )
        connection = self.library.connection
        connection.bind("pusher:connection_established", self.connected)
        connection.bind("pusher:pong", self.ponged)
        connection.bind("pusher:error", lambda data: tell("@error", data))

    def open(self):
        self.library.connect()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """Tells when the library has given up."""
        self.library.connection.join()
        self.tell("@over")

    def connected(self, data):
        self.tell("@connected", {"socketId": json.loads(data)["socket_id"]})
        for channel in self.channels:
            self.bind(channel)

    def ponged(self, data):
        if "@pong" in self.listen:
            self.tell("@pong", {"data": data})
        while not self.jobs.empty():
            self.jobs.get()()

    def bind(self, name):
        channel = self.library.subscribe(name)
        for event in EVENTS + self.listen:
            channel.bind(event, lambda data, event=event: self.came(name, event, data))

    def came(self, channel, event, data):
        """A text, always: programs of this library read it themselves."""
        assert isinstance(data, str), f"{event} has {data!r}"
        self.tell(*happening(channel, event, json.loads(data) if event.startswith(INTERNAL) else data))

    def subscribe(self, channel):
        def job():
            self.channels.append(channel)
            self.bind(channel)

        self.soon(job)

    def unsubscribe(self, channel):
        def job():
            self.channels.remove(channel)
            self.library.unsubscribe(channel)

        self.soon(job)

    def soon(self, job):
        """In the library's thread, when the answer to a ping has come."""
        self.jobs.put(job)
        self.library.connection.send_ping()

    def trigger(self, channel, event, data):
        self.library.channel(channel).trigger(event, data)

    def standing(self):
        connection = self.library.connection
        return {"state": connection.state, "isOver": not connection.is_alive()}

    def close(self):
        """In a thread of its own: the library waits for seconds for what its other thread has read."""
        threading.Thread(target=self.library.disconnect, daemon=True).start()

    dispose = close
