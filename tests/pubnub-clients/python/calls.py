"""The calls of the SDK's builders, and what they give, in the words of the tests."""

from pubnub.enums import PNReconnectionPolicy
from pubnub.models.consumer.v3.channel import Channel
from pubnub.models.consumer.v3.group import Group
from pubnub.models.consumer.v3.uuid import UUID
from pubnub.pnconfiguration import PNConfiguration


def configuration(options):
    """What a client is made with."""
    made = PNConfiguration()
    made.origin = f"127.0.0.1:{options['port']}"
    made.ssl = False
    made.daemon = True
    made.subscribe_key = options["subscribeKey"]
    made.publish_key = options["publishKey"]
    made.user_id = options["user"]
    made.secret_key = options.get("secretKey")
    made.auth_key = options.get("auth")
    made.filter_expression = options.get("filter")
    if "reconnect" in options:
        made.reconnect_policy = PNReconnectionPolicy.LINEAR
    if "interval" in options:
        made.set_presence_timeout_with_custom_interval(options["timeout"], options["interval"])
        made.enable_presence_heartbeat = True
    elif "timeout" in options:
        made.set_presence_timeout(options["timeout"])
    return made


def built(builder, **values):
    """A builder that was told each value there is."""
    for name, value in values.items():
        if value is not None:
            getattr(builder, name)(value)
    return builder


def named(pubnub, what, command):
    """The names of channels and groups that a builder is told, where there are any: a text, a list, or a tuple if that is asked for."""
    as_asked = tuple if command.get("asTuple") else lambda names: names
    names = {"channels": command.get("channels"), "channel_groups": command.get("groups")}
    told = {name: as_asked(value) for name, value in names.items() if value is not None}
    return built(getattr(pubnub, what)(), **told)


def grant(pubnub, asked):
    """A grant: names or patterns, with the methods of each permission."""

    def resources(kind, of):
        for name, permissions in (asked.get(of) or {}).items():
            yield allow(kind.id(name), permissions)
        for pattern, permissions in (asked.get(f"{of}Patterns") or {}).items():
            yield allow(kind.pattern(pattern), permissions)

    def allow(resource, permissions):
        for permission in permissions:
            getattr(resource, permission)()
        return resource

    builder = built(pubnub.grant_token(), ttl=asked["ttl"], authorized_uuid=asked.get("uuid"), meta=asked.get("meta"))
    for of, kind in (("channels", Channel), ("groups", Group), ("uuids", UUID)):
        told = list(resources(kind, of))
        if told:
            getattr(builder, of)(told)
    return builder


CALLS = {
    "publish": lambda pubnub, asked: built(
        pubnub.publish(),
        channel=asked["channel"],
        message=asked["message"],
        meta=asked.get("meta"),
        use_post=asked.get("post"),
        use_compression=asked.get("compress"),
        should_store=asked.get("store"),
    ),
    "fire": lambda pubnub, asked: built(pubnub.fire(), channel=asked["channel"], message=asked["message"]),
    "signal": lambda pubnub, asked: built(pubnub.signal(), channel=asked["channel"], message=asked["message"]),
    "hereNow": lambda pubnub, asked: built(
        named(pubnub, "here_now", asked), include_state=asked.get("state"), include_uuids=asked.get("uuids")
    ),
    "whereNow": lambda pubnub, asked: built(pubnub.where_now(), uuid=asked.get("uuid")),
    "setState": lambda pubnub, asked: built(named(pubnub, "set_state", asked), state=asked.get("state")),
    "getState": lambda pubnub, asked: built(named(pubnub, "get_state", asked), uuid=asked.get("uuid")),
    "addToGroup": lambda pubnub, asked: built(
        pubnub.add_channel_to_channel_group(), channels=asked["channels"], channel_group=asked["group"]
    ),
    "removeFromGroup": lambda pubnub, asked: built(
        pubnub.remove_channel_from_channel_group(), channels=asked["channels"], channel_group=asked["group"]
    ),
    "listGroup": lambda pubnub, asked: built(pubnub.list_channels_in_channel_group(), channel_group=asked["group"]),
    "deleteGroup": lambda pubnub, asked: built(pubnub.remove_channel_group(), channel_group=asked["group"]),
    "time": lambda pubnub, asked: pubnub.time(),
    "history": lambda pubnub, asked: built(pubnub.history(), channel=asked["channel"], include_timetoken=True),
    "grant": grant,
    "revoke": lambda pubnub, asked: pubnub.revoke_token(asked["token"]),
}

RESULTS = {
    "hereNow": lambda result: {
        "channels": {
            channel.channel_name: {"occupancy": channel.occupancy, "occupants": [vars(one) for one in channel.occupants]}
            for channel in result.channels
        },
        "totalChannels": result.total_channels,
        "totalOccupancy": result.total_occupancy,
    },
    "whereNow": lambda result: result.channels,
    "setState": lambda result: result.state,
    "getState": lambda result: result.channels,
    "listGroup": lambda result: result.channels,
    "publish": lambda result: str(result.timetoken),
    "fire": lambda result: str(result.timetoken),
    "signal": lambda result: str(result.timetoken),
    "time": lambda result: str(int(result)),
    "history": lambda result: [{"message": item.entry, "tt": str(item.timetoken)} for item in result.messages],
    "grant": lambda result: result.token,
}


def given(what, result):
    """What a call gave."""
    return RESULTS.get(what, lambda _: None)(result)


def listen(subscription, command):
    """What a subscription names."""
    built(subscription, channels=command.get("channels"), channel_groups=command.get("groups"))
    if command.get("presence"):
        subscription.with_presence()
    subscription.execute()


def parsed(value):
    """A token that was parsed, whose keys may be bytes."""
    if isinstance(value, dict):
        return {parsed(key): parsed(one) for key, one in value.items()}
    return value.decode("latin1") if isinstance(value, bytes) else value


def at_once(pubnub, what, command):
    """Does what needs no answer of the hub; None if it is no such thing."""
    if what == "subscribe":
        return lambda: listen(pubnub.subscribe(), command)
    if what == "unsubscribe":
        names = {"channels": command.get("channels"), "channel_groups": command.get("groups")}
        return lambda: built(pubnub.unsubscribe(), **names).execute()
    if what == "unsubscribeAll":
        return pubnub.unsubscribe_all
    if what == "reconnect":
        return pubnub.reconnect
    if what == "setAuth":
        return lambda: pubnub.set_token(command["auth"])
    if what == "parseToken":
        return lambda: parsed(pubnub.parse_token(command["token"]))
    return None
