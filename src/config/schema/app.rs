//! The keys of an app that every dialect heeds: `apps.#.*`.

use super::super::value::Kind::{Duration, Flag, List, Name, Secret, Text};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key("apps.#.id", Name, "", "The app's id: digits, for Pusher's libraries."),
    key("apps.#.key", Name, "", "The public key, which names the app in tokens and addresses."),
    key("apps.#.secret", Secret, "", "The secret that signs tokens."),
    key(
        "apps.#.keys.#.key",
        Name,
        "",
        "The public key of a further pair, oldest first. Whatever one pair opens every other opens too, so that an app can change from one to the next. The hub itself signs with the oldest that is enabled. Where there are such pairs, `apps.#.key` may be left out.",
    ),
    key("apps.#.keys.#.secret", Secret, "", "Its secret."),
    key(
        "apps.#.keys.#.enabled",
        Flag,
        "true",
        "Whether the pair is good. Passwords of spaces that were set with it are, even if it is not.",
    ),
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
];
