//! The keys of an app for the Pusher dialect: `apps.#.pusher.*`.

use super::super::value::Kind::{Count, Duration, Flag, Path, Positive, Size, Wait};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "apps.#.pusher.enabled",
        Flag,
        "true",
        "Whether the Pusher dialect serves the app; otherwise connections end with 4003 and requests with 403.",
    ),
    key(
        "apps.#.pusher.tls_only",
        Flag,
        "false",
        "Whether connections without TLS end with 4000, and requests with 403. Behind a trusted proxy X-Forwarded-Proto counts.",
    ),
    key(
        "apps.#.pusher.path",
        Path,
        "",
        "A path before `/app/` and `/apps/`, such as /hub, under which the dialect answers too.",
    ),
    key(
        "apps.#.pusher.connections",
        Count,
        "0",
        "The most Pusher connections of the app on one node; more end with 4004. 0: any number.",
    ),
    key(
        "apps.#.pusher.client_events",
        Flag,
        "false",
        "Whether clients may send events of their own on private and presence channels.",
    ),
    key(
        "apps.#.pusher.client_events_per_second",
        Positive,
        "10",
        "The most of them a second of one connection; more are dropped with 4301.",
    ),
    key(
        "apps.#.pusher.subscription_count",
        Flag,
        "false",
        "Whether the subscribers of a channel are told their number.",
    ),
    key(
        "apps.#.pusher.subscription_error",
        Flag,
        "false",
        "Whether a refused subscription is told as `pusher:subscription_error` too.",
    ),
    key(
        "apps.#.pusher.watchlist",
        Flag,
        "false",
        "Whether a signed-in user is told which users of its watchlist come online and go.",
    ),
    key(
        "apps.#.pusher.watchlist_users",
        Positive,
        "100",
        "The most users of one watchlist; those beyond it are not watched.",
    ),
    key(
        "apps.#.pusher.authorized_connections",
        Flag,
        "false",
        "Whether a connection must sign in or subscribe to a private or presence channel.",
    ),
    key(
        "apps.#.pusher.authorization_timeout",
        Wait,
        "30s",
        "How long it may take to do so; then it ends with 4009.",
    ),
    key(
        "apps.#.pusher.event_buffer",
        Flag,
        "false",
        "Whether events have ids and a client can resume after one. What is kept for that is kept beside `presence.history`.",
    ),
    key("apps.#.pusher.buffer_events", Positive, "10000", "The most events kept, on all channels together."),
    key("apps.#.pusher.buffer_bytes", Size, "16MiB", "The most bytes of these."),
    key("apps.#.pusher.buffer_lasts", Wait, "5m", "How long each is kept."),
    key(
        "apps.#.pusher.resume_bytes",
        Size,
        "1MiB",
        "The most bytes of the events that one subscription is given when it resumes; beyond that it is told that it is not complete.",
    ),
    key("apps.#.pusher.grace", Duration, "3s", "How long a presence member outlives its last connection."),
    key(
        "apps.#.pusher.strict",
        Flag,
        "false",
        "Whether a presence member leaves as soon as its last connection is lost, as on the hosted service: a grace of 0.",
    ),
    key("apps.#.pusher.members", Count, "0", "The most members of one presence channel. 0: any number."),
    key("apps.#.pusher.user_bytes", Size, "1KiB", "The most bytes of channel_data or a sign-in's user_info."),
    key("apps.#.pusher.user_id_length", Positive, "128", "The most characters of a user id, in 128 bytes."),
    key("apps.#.pusher.channel_length", Positive, "200", "The most characters of a channel name, to 256."),
    key("apps.#.pusher.event_length", Positive, "200", "The most characters of an event name."),
    key("apps.#.pusher.data_bytes", Size, "10KiB", "The most bytes of the data of an event."),
    key("apps.#.pusher.channels_per_trigger", Positive, "100", "The most channels of one trigger."),
    key("apps.#.pusher.events_per_batch", Positive, "10", "The most events of one batch."),
    key("apps.#.pusher.cache_lasts", Wait, "30m", "How long a cache channel keeps its last event."),
    key(
        "apps.#.pusher.activity_timeout",
        Wait,
        "120s",
        "After how long a silence clients are asked to ping.",
    ),
    key(
        "apps.#.pusher.requests_per_second",
        Count,
        "0",
        "The most requests a second to the HTTP API; more are answered 429. 0: any number.",
    ),
    key("apps.#.pusher.clock_window", Wait, "600s", "How far the timestamp of a signed request may be off."),
    key(
        "apps.#.pusher.replays",
        Positive,
        "65536",
        "How many signed POSTs are remembered, so that the same one later has no effect; the oldest are forgotten first.",
    ),
];
