//! The schema: every key with its kind, its default and what it means. Checks, documentation and suggestions come from here.

use super::value::Kind;
use super::value::Kind::{
    Address, Count, Duration, Flag, Format, HookFormat, Level, List, Name, Networks, OptionalAddress, Path,
    Percent, Positive, Secret, Size, Text, Wait,
};

/// One key. In paths, `#` stands for the place in a list of tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    pub(super) doc: &'static str,
}

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default, doc }
}

/// Every key there is.
pub(super) const KEYS: &[Key] = &[
    key("listen", Address, "127.0.0.1:8080", "Where browsers, phones and backends connect."),
    key(
        "data_dir",
        Text,
        "",
        "A folder for what must survive a restart: the mark below which no timetoken is given out again. Empty: timetokens follow the wall clock.",
    ),
    key(
        "tls.cert",
        Text,
        "",
        "The certificate chain (PEM file) of the main listener. With `tls.key`, or neither.",
    ),
    key("tls.key", Text, "", "Its private key (PEM file)."),
    key("http.head_timeout", Wait, "5s", "How long TLS and the head of a request may take."),
    key(
        "http.keep_alive",
        Wait,
        "120s",
        "How long a connection that has authenticated may rest between requests; others have `http.head_timeout`.",
    ),
    key("http.body_timeout", Wait, "20s", "How long the body of a request may take."),
    key("http.body_bytes", Size, "64KiB", "The most bytes of a request's body."),
    key(
        "http.trusted_proxies",
        List,
        "",
        "Networks (such as 10.0.0.0/8) of the proxies whose X-Forwarded-For, -Host and -Proto are believed.",
    ),
    key(
        "http.hosts",
        List,
        "localhost,127.0.0.1,[::1]",
        "Host names under which demo and admin pages answer, against DNS rebinding, and which addresses that the hub tells may name.",
    ),
    key(
        "admin.listen",
        OptionalAddress,
        "127.0.0.1:8081",
        "Where /metrics and admin calls are served. Empty: nowhere.",
    ),
    key("admin.token", Secret, "", "The bearer token of admin calls. Empty: they are refused."),
    key("log.format", Format, "text", "`text` or `json`."),
    key(
        "log.level",
        Level,
        "info",
        "`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,presence_hub::broker=debug`.",
    ),
    key(
        "limits.frame_bytes",
        Size,
        "64KiB",
        "The most bytes of a frame and of a message; more closes with 1009.",
    ),
    key("limits.fragments", Positive, "128", "The most fragments of one message."),
    key("limits.json_depth", Positive, "32", "How deep JSON may nest."),
    key("limits.json_keys", Positive, "256", "The most keys of one JSON object."),
    key("limits.json_string", Size, "16KiB", "The most bytes of one JSON string."),
    key(
        "limits.outbox_bytes",
        Size,
        "256KiB",
        "The most bytes that wait for one connection. At half of it presence is coalesced; messages beyond it close with 4008.",
    ),
    key("limits.outbox_frames", Positive, "512", "The most frames that wait for one connection."),
    key(
        "limits.stall",
        Wait,
        "30s",
        "How long a connection may fail to take anything before it is closed with 4008.",
    ),
    key(
        "limits.connections",
        Count,
        "0",
        "The most connections. 0: as the file descriptors allow, less a fifth.",
    ),
    key(
        "limits.connections_per_address",
        Positive,
        "256",
        "The most connections from one address (IPv6: one /64). Loopback is exempt.",
    ),
    key("limits.connections_per_party", Positive, "32", "The most connections of one party."),
    key(
        "limits.unauthenticated_percent",
        Percent,
        "10",
        "The share of connections that may be unauthenticated at once.",
    ),
    key("limits.topics_per_session", Positive, "100", "The most topics that one connection subscribes to."),
    key("limits.subscribes_per_second", Positive, "20", "The most subscribes a second of one connection."),
    key(
        "limits.events_per_second",
        Positive,
        "50",
        "The most events a second of one connection. Presence beyond it is coalesced, the rest refused.",
    ),
    key(
        "limits.updates_per_second",
        Positive,
        "10",
        "The most updates of its presence a second that one connection's topic tells; more are coalesced, and the last one always arrives.",
    ),
    key("limits.content_bytes", Size, "16KiB", "The most bytes of a presence's content."),
    key("limits.dial_ins", Count, "1000", "The most telephones of one backend's connection."),
    key("limits.receivers", Positive, "256", "The most parties that one event may be directed to."),
    key(
        "limits.churn_per_second",
        Positive,
        "5",
        "How often a second one connection may join the same topic again; more closes with 1008, or 4100 in the Pusher dialect.",
    ),
    key(
        "limits.control_frames_per_second",
        Positive,
        "20",
        "The most WebSocket control frames a second of one connection; more closes with 1008.",
    ),
    key("limits.members_per_topic", Count, "0", "The most members of one topic. 0: any number."),
    key(
        "limits.documents",
        Positive,
        "10000",
        "The most documents that one app keeps; the settings of a space are one, and the list of the spaces that a party has created another.",
    ),
    key(
        "limits.document_bytes",
        Size,
        "256KiB",
        "The most bytes of one document. A member of a space takes about 200, and never more than 2 KiB: about 1300 members fit into the default.",
    ),
    key("limits.documents_bytes", Size, "256MiB", "The most bytes of all documents of one app together."),
    key(
        "limits.password_tries_per_minute",
        Positive,
        "10",
        "How many wrong passwords a minute somebody may try at one space: each party, and all guests of one address together.",
    ),
    key("limits.spaces_per_minute", Positive, "10", "How many spaces a minute one party may create."),
    key(
        "limits.spaces_per_party",
        Positive,
        "100",
        "How many spaces there may be that one party has created; backends may create any number.",
    ),
    key("limits.auth_timeout", Wait, "5s", "How long a connection may take to authenticate."),
    key("limits.ping_interval", Wait, "10s", "The hub pings after this long without a frame from a client."),
    key("limits.pong_timeout", Wait, "5s", "It closes the connection after this much longer."),
    key(
        "limits.inbox",
        Positive,
        "4096",
        "The most requests that wait for the broker; beyond it connections are not read.",
    ),
    key("presence.grace", Duration, "15s", "How long a member outlives its last connection."),
    key(
        "presence.announce_max",
        Count,
        "2000",
        "Above this many members a topic tells its changes once an interval, as their net.",
    ),
    key("presence.interval", Wait, "1s", "That interval."),
    key("presence.storm_tick", Wait, "20ms", "How long the changes of a storm are held together."),
    key(
        "presence.sessions_tick",
        Wait,
        "2s",
        "How long a change of only the number of a member's connections waits for its undoing.",
    ),
    key(
        "presence.history",
        Count,
        "100",
        "How many changes and messages of a topic are kept for those who were away.",
    ),
    key(
        "presence.history_bytes",
        Size,
        "256KiB",
        "The most bytes of these; the oldest beyond it are forgotten.",
    ),
    key("presence.retention", Duration, "60s", "How long an empty topic is remembered."),
    key("socketio.ping_interval", Wait, "25s", "How often Engine.IO's heartbeat beats."),
    key(
        "socketio.connect_timeout",
        Wait,
        "45s",
        "How long a connection may stay that was refused or has left its namespace; one that has not tried has limits.auth_timeout.",
    ),
    key("socketio.attachments", Count, "10", "The most binary parts of one packet; never more than 10."),
    key(
        "socketio.attachment_timeout",
        Wait,
        "10s",
        "How long the binary parts of a packet may take to come.",
    ),
    key("socketio.ping_timeout", Wait, "20s", "How long the answer to its ping may take."),
    key("drain.window", Duration, "10s", "Over how long the clients of a stopping hub are told to go."),
    key("drain.timeout", Duration, "15s", "When a stopping hub ends whatever is left."),
    key(
        "egress.allow",
        Networks,
        "",
        "Private networks (such as 10.0.0.0/8, or 127.0.0.1) that the hub may call. Public addresses need no entry; link-local and metadata addresses are never called.",
    ),
    key("egress.http", Flag, "false", "Whether the hub may call plain http:// addresses too."),
    key("webhooks.timeout", Wait, "3s", "How long a webhook's receiver may take to answer."),
    key(
        "webhooks.retry_for",
        Duration,
        "5m",
        "How long a post that its receiver does not take is tried again, at growing intervals of up to a minute, before it is given up.",
    ),
    key(
        "webhooks.queue_events",
        Positive,
        "10000",
        "The most events that wait for one receiver; beyond it the oldest are given up.",
    ),
    key("webhooks.queue_bytes", Size, "16MiB", "The most bytes of them."),
    key(
        "webhooks.lanes",
        Positive,
        "4",
        "The most posts under way to one receiver; a topic's events never overtake one another.",
    ),
    key(
        "webhooks.dead_letters",
        Count,
        "100",
        "How many of the events given up by each receiver's courier are kept for the operator: GET /admin/webhooks.",
    ),
    key("webhooks.flush", Duration, "5s", "How long a stopping hub goes on delivering what is left."),
    key("apps.#.id", Name, "", "The app's id: digits, for Pusher's libraries."),
    key("apps.#.key", Name, "", "The public key, which names the app in tokens and addresses."),
    key("apps.#.secret", Secret, "", "The secret that signs tokens."),
    key(
        "apps.#.open_topics",
        Flag,
        "false",
        "Whether `private-` and `presence-` topics are open to every dialect without a capability.",
    ),
    key(
        "apps.#.origins",
        List,
        "",
        "Web origins that may connect, such as https://app.example.com; `*` is any. Pages that the hub serves always may.",
    ),
    key("apps.#.anonymous", Flag, "true", "Whether guests may ask for a token."),
    key("apps.#.audience", Text, "", "The `aud` that tokens must have. Empty: not checked."),
    key("apps.#.issuer", Text, "", "The `iss` that tokens must have. Empty: not checked."),
    key("apps.#.leeway", Duration, "5s", "How much clocks of token makers may be wrong."),
    key("apps.#.grace", Duration, "", "The app's own `presence.grace`."),
    key(
        "apps.#.topics.#.pattern",
        Text,
        "",
        "Topics that differ: a name in which `*` stands for one segment, and `**` at the end for all that follow. Segments are divided by `/`, `:` and `.`.",
    ),
    key("apps.#.topics.#.grace", Duration, "", "Their grace."),
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
        "Whether connections without TLS end with 4000. Behind a trusted proxy X-Forwarded-Proto counts.",
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
        "Whether events have ids and a client can resume after one. How many are kept, and how long, say `presence.history` and `presence.retention`.",
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
    key(
        "apps.#.webhooks.#.url",
        Text,
        "",
        "Where the app's events are posted, such as https://app.example.com/hooks. Not the place for a secret: it is printed with the configuration.",
    ),
    key(
        "apps.#.webhooks.#.format",
        HookFormat,
        "hub",
        "`hub`, the hub's own (protocol/webhooks.md), or `pusher`.",
    ),
    key(
        "apps.#.webhooks.#.events",
        List,
        "",
        "Which events, in the format's own names. Empty: all but `counts` or `subscription_count`.",
    ),
    key(
        "apps.#.webhooks.#.topics",
        List,
        "",
        "Of which topics: patterns as in `apps.#.topics.#.pattern`. With no patterns and no prefixes: of all.",
    ),
    key("apps.#.webhooks.#.prefixes", List, "", "Also of the topics whose names begin so."),
    key("apps.#.webhooks.#.key", Name, "", "The key that Pusher's format names. Empty: the app's."),
    key(
        "apps.#.webhooks.#.secret",
        Secret,
        "",
        "The secret that signs the posts; `whsec_` and base64 is unwrapped in the hub's format. Empty: the app's.",
    ),
    key(
        "apps.#.webhooks.#.authorization",
        Secret,
        "",
        "What the posts carry as their Authorization header, such as Bearer and a token.",
    ),
    key(
        "apps.#.webhooks.#.hold",
        Duration,
        "",
        "How long after the last sign of life a leave or vacancy is held, so that a quick return is told to nobody. Default: `3s` in Pusher's format, `0s` in the hub's.",
    ),
    key(
        "apps.#.webhooks.#.batch_window",
        Duration,
        "0s",
        "How long an event waits for others to share its post. 0: each has a post of its own.",
    ),
    key("apps.#.webhooks.#.batch_events", Positive, "100", "The most events of one post."),
];

/// The highest place in a list.
const MAX_PLACE: usize = 999;

/// The key of a path, whose numbers are places.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    let general = generalised(path)?;
    KEYS.iter().find(|key| key.path == general)
}

/// Whether there are keys below a path, whose numbers are places.
pub(super) fn is_section(path: &str) -> bool {
    let is_below =
        |general: &str, key: &str| key.strip_prefix(general).is_some_and(|rest| rest.starts_with('.'));
    generalised(path).is_some_and(|general| KEYS.iter().any(|key| is_below(&general, key.path)))
}

/// The nearest key to one that does not exist: spelled nearly so, or of the same name elsewhere.
pub(super) fn suggestion(path: &str) -> Option<String> {
    let candidates: Vec<_> = KEYS.iter().map(|key| with_places(key.path, path)).collect();
    let near = |candidate: &String| strsim::jaro_winkler(candidate, path);
    let best = candidates.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|best| near(best) > 0.9);
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    best.or_else(|| candidates.iter().find(|candidate| last(candidate) == last(path))).cloned()
}

/// A path with `#` for its places; `None` if one is not spelled as the hub spells it, or too high.
fn generalised(path: &str) -> Option<String> {
    let part = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
        _ if part.is_empty() || part == "#" => None,
        true => is_place(part).then(|| "#".to_owned()),
        false => Some(part.to_owned()),
    };
    Some(path.split('.').map(part).collect::<Option<Vec<_>>>()?.join("."))
}

fn is_place(part: &str) -> bool {
    part.parse().is_ok_and(|place: usize| place <= MAX_PLACE && place.to_string() == part)
}

/// A key's path with the places of another path, or 0.
fn with_places(key: &str, path: &str) -> String {
    let mut places = path.split('.').filter(|part| is_place(part));
    let parts: Vec<_> =
        key.split('.').map(|part| if part == "#" { places.next().unwrap_or("0") } else { part }).collect();
    parts.join(".")
}
