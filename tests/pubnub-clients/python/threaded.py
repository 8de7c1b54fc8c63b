"""Clients of the synchronous SDK (Py), used as programs use it."""

import calls
from pubnub.pubnub import PubNub
from told import Listener


class Client:
    """One client."""

    def __init__(self, tell, options):
        self.pubnub = PubNub(calls.configuration(options))
        self.pubnub.add_listener(Listener(tell))

    def call(self, what, command):
        """Does one thing, and waits for what comes of it."""
        if what == "dispose":
            # Abandoned polls end only with the process, and what still comes by them is nobody's.
            self.pubnub._subscription_manager.stop()
            return None
        now = calls.at_once(self.pubnub, what, command)
        if now is not None:
            return now()
        return calls.given(what, calls.CALLS[what](self.pubnub, command).sync().result)
