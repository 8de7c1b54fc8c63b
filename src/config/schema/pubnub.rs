//! The keys of an app for the PubNub dialect: `apps.#.pubnub.*`.

use super::super::value::Kind::{Count, Duration, Flag, LeaveOnClose, Name, Positive, Secret, Size, Wait};
use super::{Key, key};

/// In two halves, so that each stays readable: what the dialect does, then how much of it.
pub(super) const BEHAVIOUR: &[Key] = &[
    key(
        "apps.#.pubnub.enabled",
        Flag,
        "true",
        "Whether the PubNub dialect serves the app; otherwise its subscribe key is not known.",
    ),
    key("apps.#.pubnub.publish_key", Name, "", "What clients name to publish. Empty: `apps.#.key`."),
    key(
        "apps.#.pubnub.subscribe_key",
        Name,
        "",
        "What clients name for everything else; no two apps may have the same. Empty: `apps.#.key`.",
    ),
    key(
        "apps.#.pubnub.secret_key",
        Secret,
        "",
        "What backends sign their requests with, and what signs access tokens. Empty: `apps.#.secret`.",
    ),
    key(
        "apps.#.pubnub.access_manager",
        Flag,
        "true",
        "Whether requests need a token, or a backend's signature. Without it anybody may claim any uuid; the demo app has it off.",
    ),
    key(
        "apps.#.pubnub.hold",
        Wait,
        "280s",
        "How long a subscribe is held while nothing happens. Clients wait 310 s for an answer.",
    ),
    key(
        "apps.#.pubnub.timeout",
        Wait,
        "300s",
        "How long after its last request somebody is present, when the client does not say.",
    ),
    key("apps.#.pubnub.minimum_timeout", Wait, "3s", "The shortest such time that a client may ask for."),
    key("apps.#.pubnub.maximum_timeout", Wait, "24h", "The longest such time that a client may ask for."),
    key(
        "apps.#.pubnub.leave_on_close",
        LeaveOnClose,
        "rust",
        "Whether closing a held subscribe is a leave: `never`, `always`, or of clients in `rust` only, which send no leave.",
    ),
    key(
        "apps.#.pubnub.close_grace",
        Duration,
        "2s",
        "How long after that the leave is told, unless the same uuid is back.",
    ),
    key(
        "apps.#.pubnub.announce_max",
        Positive,
        "20",
        "With more occupants than this a channel is told in intervals instead of one by one.",
    ),
    key("apps.#.pubnub.interval", Wait, "10s", "How far apart these intervals are."),
    key("apps.#.pubnub.deltas", Flag, "false", "Whether an interval names who came and who went."),
    key(
        "apps.#.pubnub.delta_bytes",
        Size,
        "30KiB",
        "The most bytes of these names; an interval with more asks clients to ask who is here.",
    ),
    key(
        "apps.#.pubnub.debounce",
        Duration,
        "0s",
        "How long a leave is kept back, so that a quick return is told to nobody.",
    ),
    key("apps.#.pubnub.global_here_now", Flag, "true", "Whether clients may ask who is in all channels."),
    key(
        "apps.#.pubnub.stream_filtering",
        Flag,
        "true",
        "Whether presence events say in `u` what filters can ask of them.",
    ),
    key(
        "apps.#.pubnub.presence",
        Flag,
        "true",
        "Whether there is presence: occupants, their state, and the events about them.",
    ),
    key("apps.#.pubnub.channel_groups", Flag, "true", "Whether there are channel groups."),
    key("apps.#.pubnub.region", Count, "1", "The number that stands as the region in cursors."),
];

pub(super) const BOUNDS: &[Key] = &[
    key("apps.#.pubnub.groups_per_client", Positive, "10", "The most channel groups of one request."),
    key("apps.#.pubnub.channels_per_group", Positive, "2000", "The most channels of one channel group."),
    key(
        "apps.#.pubnub.channels_per_request",
        Positive,
        "1000",
        "The most channels that one request may name.",
    ),
    key("apps.#.pubnub.queue", Positive, "100", "How many events of a channel are kept for who was away."),
    key("apps.#.pubnub.queue_lasts", Wait, "20m", "How long they are kept."),
    key(
        "apps.#.pubnub.queue_bytes",
        Size,
        "128MiB",
        "About how many bytes they may hold in all channels of the app; of more the older half is forgotten.",
    ),
    key(
        "apps.#.pubnub.polls",
        Count,
        "0",
        "The most held subscribes of the app on one node; more are told to come back later. 0: any number.",
    ),
    key(
        "apps.#.pubnub.polls_per_uuid",
        Positive,
        "32",
        "The most of them of one uuid; of more the oldest is answered.",
    ),
    key(
        "apps.#.pubnub.occupants",
        Positive,
        "100000",
        "The most places in channels that users of this dialect may have together.",
    ),
    key(
        "apps.#.pubnub.absent_states",
        Positive,
        "10000",
        "The most states that are kept of users who are not present, in all channels together; more are refused with 429.",
    ),
    key("apps.#.pubnub.message_bytes", Size, "32KiB", "The most bytes of a message."),
    key("apps.#.pubnub.signal_bytes", Size, "512", "The most bytes of a signal."),
    key(
        "apps.#.pubnub.state_bytes",
        Size,
        "16KiB",
        "The most bytes of the state of a user in a channel, to `limits.content_bytes`.",
    ),
    key(
        "apps.#.pubnub.state_lasts",
        Wait,
        "300s",
        "How long the state of somebody is kept who is not present.",
    ),
    key(
        "apps.#.pubnub.requests_per_second",
        Count,
        "0",
        "The most requests a second of the app on one node; more are answered 429. 0: any number.",
    ),
    key("apps.#.pubnub.clock_window", Wait, "60s", "How far the timestamp of a signed request may be off."),
    key(
        "apps.#.pubnub.revocations",
        Positive,
        "10000",
        "How many revoked tokens are remembered until they end; a revocation beyond that is refused.",
    ),
];
