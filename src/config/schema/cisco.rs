//! The keys of the Cisco dialect: `cisco.*` of the hub and `apps.#.cisco.*` of each app.

use super::super::value::Kind::{
    Count, Duration, Flag, List, OptionalAddress, Percent, Positive, Secret, Size, Text, Wait,
};
use super::{Key, key};

pub(super) const HUB_KEYS: &[Key] = &[
    key(
        "cisco.enabled",
        Flag,
        "false",
        "Whether the Cisco dialect has listeners of its own, on the ports that its clients know. The main listener serves its paths in any case.",
    ),
    key(
        "cisco.http",
        OptionalAddress,
        "127.0.0.1:8082",
        "Where it is served without TLS. Empty: nowhere but on the main listener.",
    ),
    key("cisco.https", OptionalAddress, "127.0.0.1:8083", "Where it is served with TLS. Empty: nowhere."),
    key(
        "cisco.cert",
        Text,
        "",
        "The certificate chain (PEM file) of `cisco.https`. With `cisco.key`, or neither: then the hub signs one for itself, and keeps it in `data_dir` if that is set.",
    ),
    key("cisco.key", Text, "", "Its private key (PEM file)."),
    key("cisco.body_bytes", Size, "512KiB", "The most bytes of a request's body: about 6000 contacts."),
    key("cisco.xml_depth", Positive, "16", "How deep the XML of a request may nest."),
    key("cisco.xml_elements", Positive, "20000", "The most elements of one request."),
    key("cisco.xml_attributes", Positive, "32", "The most attributes of one element."),
    key(
        "cisco.contacts_per_list",
        Positive,
        "100",
        "The most contacts of one list over SOAP; more are refused with 135.",
    ),
    key(
        "cisco.load_high",
        Percent,
        "80",
        "The share of the machine's processors in use by the hub at which callbacks pause and requests are refused with 210.",
    ),
    key("cisco.load_low", Percent, "70", "The share below which they go on."),
    key("cisco.load_of_all", Flag, "false", "Whether what other programs use of the processors counts too."),
    key(
        "cisco.queue_high",
        Percent,
        "50",
        "The share of `limits.inbox` that may wait for the broker before the same happens; half as much ends it.",
    ),
    key("cisco.load_every", Wait, "1s", "How often the load is looked at."),
    key(
        "cisco.callback_http",
        Flag,
        "true",
        "Whether callbacks may go to plain http:// addresses, whatever `egress.http` says: they carry nothing that is secret.",
    ),
    key("cisco.callback_ports", List, "", "The ports that callbacks may go to. Empty: any."),
    key("cisco.callbacks", Positive, "256", "The most callbacks under way at once; others wait their turn."),
];

pub(super) const APP_KEYS: &[Key] = &[
    key(
        "apps.#.cisco.enabled",
        Flag,
        "true",
        "Whether the Cisco dialect serves the app; otherwise its users cannot log in.",
    ),
    key(
        "apps.#.cisco.app_users.#.name",
        Text,
        "",
        "The name of an application user. It decides the app, so no two of the hub have the same.",
    ),
    key("apps.#.cisco.app_users.#.password", Secret, "", "Its password."),
    key(
        "apps.#.cisco.end_users",
        List,
        "",
        "The users that application users may log in and that are known before they were ever seen. `any`: whoever is named may be logged in.",
    ),
    key(
        "apps.#.cisco.domains",
        List,
        "",
        "The domains of the hub's own users: the contact joe@DOMAIN is the party `joe`. Empty: any domain is.",
    ),
    key(
        "apps.#.cisco.topic",
        Text,
        "cisco",
        "The topic in which those are that say by this dialect that they are present, so that every dialect can watch them.",
    ),
    key(
        "apps.#.cisco.session_lasts",
        Wait,
        "8h",
        "How long a session lasts after its last request; with an application user's end those of its end users.",
    ),
    key("apps.#.cisco.sessions", Positive, "10000", "The most end users that are logged in at once."),
    key(
        "apps.#.cisco.known",
        Positive,
        "100000",
        "How many parties that were seen once, and are not provisioned, are told from unknown ones; half as many at least.",
    ),
    key(
        "apps.#.cisco.endpoints",
        Positive,
        "100",
        "The most endpoints of one application user; more are refused with 138.",
    ),
    key(
        "apps.#.cisco.subscriptions",
        Positive,
        "1000",
        "The most subscriptions under one application user; more are refused with 139.",
    ),
    key(
        "apps.#.cisco.contacts",
        Positive,
        "5000",
        "The most contacts of one subscription; more are refused with 135.",
    ),
    key(
        "apps.#.cisco.requests_per_second",
        Count,
        "0",
        "The most requests a second of the app's users; more are refused with 212. 0: any number.",
    ),
    key("apps.#.cisco.callback_timeout", Wait, "3s", "How long an endpoint may take to answer a callback."),
    key(
        "apps.#.cisco.retry",
        Flag,
        "true",
        "Whether a callback that its endpoint does not take is repeated, at growing intervals, until somebody fetches. Without, one is all, as Cisco has it.",
    ),
    key(
        "apps.#.cisco.retry_for",
        Duration,
        "",
        "For how long it is repeated at the most. Default: until the subscription's end.",
    ),
    key("apps.#.cisco.retry_longest", Wait, "10s", "The longest of those intervals."),
    key(
        "apps.#.cisco.callback_secret",
        Secret,
        "",
        "The secret that signs callbacks; `whsec_` and base64 is unwrapped. Empty: the app's.",
    ),
    key(
        "apps.#.cisco.callback_secret_second",
        Secret,
        "",
        "A second secret, whose signature callbacks carry too, while their receivers go over from one to the other.",
    ),
];
