//! The keys of an app's webhooks: `apps.#.webhooks.#.*`.

use super::super::value::Kind::{Duration, HookFormat, List, Name, Positive, Secret, Text};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
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
        "`hub`, the hub's own, `pusher` or `pubnub` (protocol/webhooks.md).",
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
    key(
        "apps.#.webhooks.#.key",
        Name,
        "",
        "The key that Pusher's and PubNub's formats name. Empty: the app's oldest that is enabled, or its subscribe key.",
    ),
    key(
        "apps.#.webhooks.#.secret",
        Secret,
        "",
        "The secret that signs the posts; `whsec_` and base64 is unwrapped in the hub's and PubNub's formats. Empty: the app's, each that is enabled in the hub's format, or its PubNub secret key.",
    ),
    key(
        "apps.#.webhooks.#.next_secret",
        Secret,
        "",
        "A secret that signs the posts too, in the hub's format, while receivers change to it.",
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
        "How long after the last sign of life a leave or vacancy is held, so that a quick return is told to nobody. Beyond what may wait (`webhooks.queue_events`, `webhooks.queue_bytes`) the oldest are told before that. Default: `3s` in Pusher's format, `0s` in the hub's; PubNub's has none.",
    ),
    key(
        "apps.#.webhooks.#.batch_window",
        Duration,
        "0s",
        "How long an event waits for others to share its post. 0: each has a post of its own.",
    ),
    key("apps.#.webhooks.#.batch_events", Positive, "100", "The most events of one post."),
];
