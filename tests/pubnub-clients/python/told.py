"""What comes to a listener of the SDK, in the words of the tests."""

from pubnub.callbacks import SubscribeCallback
from pubnub.enums import PNStatusCategory

CATEGORIES = {value: name for name, value in vars(PNStatusCategory).items() if name.startswith("PN")}


class Listener(SubscribeCallback):
    """Tells all of it."""

    def __init__(self, tell):
        self.tell = tell

    def status(self, pubnub, status):
        self.tell(
            "@status",
            {
                "category": CATEGORIES.get(status.category),
                "operation": status.operation,
                "channels": status.affected_channels,
                "groups": status.affected_groups,
                "status": status.status_code,
                "isError": status.is_error(),
            },
        )

    def presence(self, pubnub, presence):
        told = ("uuid", "timestamp", "occupancy", "subscription", "channel", "state", "join", "leave", "timeout")
        payload = {name: getattr(presence, name) for name in told}
        self.tell("@presence", {"action": presence.event, "tt": str(presence.timetoken), **payload})

    def message(self, pubnub, message):
        self.tell("@message", self.of(message))

    def signal(self, pubnub, signal):
        self.tell("@signal", self.of(signal))

    @staticmethod
    def of(message):
        told = ("message", "subscription", "channel", "publisher")
        payload = {name: getattr(message, name) for name in told}
        return {"tt": str(message.timetoken), "meta": message.user_metadata, **payload}
