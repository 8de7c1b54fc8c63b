"""What came on a channel, in the words of the tests."""

import json

INTERNAL = "pusher_internal:"

# What a program binds that wants to know all that the protocol has to say.
EVENTS = [
    INTERNAL + "subscription_succeeded",
    INTERNAL + "subscription_count",
    INTERNAL + "member_added",
    INTERNAL + "member_removed",
    "pusher:subscription_error",
    "pusher:cache_miss",
]


def happening(channel, event, data):
    """The name and the payload; `data` has been read."""
    if event == INTERNAL + "subscription_succeeded":
        presence = data.get("presence", {})
        return "@subscribed", {"channel": channel, "count": presence.get("count"), "ids": presence.get("ids")}
    if event == INTERNAL + "subscription_count":
        return "@count", {"channel": channel, "count": data["subscription_count"]}
    if event.startswith(INTERNAL + "member_"):
        name = "@added" if event.endswith("added") else "@removed"
        return name, {"channel": channel, "id": data["user_id"], "info": data.get("user_info")}
    return event, {"channel": channel, "data": data}
