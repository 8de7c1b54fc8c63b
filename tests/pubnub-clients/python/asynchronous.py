"""Clients of the SDK for asyncio (PyA), in a loop in a thread of its own."""

import asyncio
import threading

import calls
from pubnub.pubnub_asyncio import PubNubAsyncio
from told import Listener

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def run(coroutine):
    """In the loop's thread, and waits for it."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)


class Client:
    """One client."""

    def __init__(self, tell, options):
        run(self.begin(tell, options))

    async def begin(self, tell, options):
        self.pubnub = PubNubAsyncio(calls.configuration(options), custom_event_loop=loop)
        self.pubnub.add_listener(Listener(tell))

    def call(self, what, command):
        """Does one thing, and waits for what comes of it."""
        return run(self.do(what, command))

    async def do(self, what, command):
        if what == "dispose":
            return await self.pubnub.stop()
        now = calls.at_once(self.pubnub, what, command)
        if now is not None:
            return now()
        return calls.given(what, await calls.CALLS[what](self.pubnub, command).result())
