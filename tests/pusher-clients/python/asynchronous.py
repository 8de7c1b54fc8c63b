"""Clients of asyncpusher (APY), used as programs use it; the server library beside it signs for them."""

import asyncio
import logging
import threading

import pusher
from asyncpusher import Pusher
from happening import EVENTS, happening

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def run(coroutine):
    """In the loop's thread, and waits for it."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)


class Log(logging.Handler):
    """Hears from the library's log that it has given up, which it says nowhere else."""

    def __init__(self, tell):
        super().__init__()
        self.tell = tell

    def emit(self, record):
        if record.getMessage() == "End of forever":
            self.tell("@over")


class Client:
    """One client."""

    def __init__(self, tell, port, options):
        self.tell = tell
        self.port = port
        self.options = options
        app = options["app"]
        self.key = app["key"]
        self.backend = pusher.Pusher(app_id=app["id"], key=app["key"], secret=app["secret"])
        self.log = logging.getLogger(f"asyncpusher of {id(self)}")
        self.log.setLevel(logging.INFO)
        self.log.propagate = False
        self.log.addHandler(Log(tell))

    def open(self):
        run(self.begin())

    async def begin(self):
        self.library = Pusher(
            self.key,
            secure=False,
            custom_host="127.0.0.1",
            custom_port=self.port,
            channel_authenticator=self.sign,
            auto_sub=True,
            log=self.log,
        )
        self.library.connection.bind("pusher:connection_established", self.connected)
        self.library.connection.bind("pusher:error", self.failed)
        self.connecting = asyncio.ensure_future(self.library.connect())

    async def sign(self, asked):
        user = self.options.get("user") if asked["channel_name"].startswith("presence-") else None
        return self.backend.authenticate(asked["channel_name"], asked["socket_id"], user)

    async def connected(self, data):
        self.tell("@connected", {"socketId": data["socket_id"]})

    async def failed(self, data):
        self.tell("@error", data)

    def subscribe(self, name):
        run(self.bind(name))

    async def bind(self, name):
        channel = await self.library.subscribe(name)
        for event in EVENTS + self.options.get("listen", []):
            channel.bind(event, self.handler(name, event))

    def handler(self, name, event):
        async def handle(data):
            self.tell(*happening(name, event, data))

        return handle

    def unsubscribe(self, channel):
        run(self.library.unsubscribe(channel))

    def trigger(self, channel, event, data):
        run(self.library.channels[channel].trigger({"event": event, "data": data}))

    def standing(self):
        connection = self.library.connection
        return {"state": connection.state.name, "isOver": connection._stop}

    def close(self):
        run(self.library.disconnect())

    def dispose(self):
        self.close()
        loop.call_soon_threadsafe(self.connecting.cancel)
