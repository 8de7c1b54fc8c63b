//! Metrics, which every room but the core counts into: one method per observable fact. No label holds anything that a client chose.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Kind {
    /// Somebody became a member.
    Joined,
    /// A member's content changed.
    Updated,
    /// A member left.
    Left,
    /// Something was said.
    Message,
    /// Counts, numbers of sessions, states of absent parties.
    Other,
}

/// In the order of their declaration.
const KINDS: [Kind; 5] = [Kind::Joined, Kind::Updated, Kind::Left, Kind::Message, Kind::Other];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: u16,
}

/// The hub's metrics. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    connections: Gauge,
    opened: Counter,
    accepted: Counter,
    refused: Counter,
    accept_errors: Counter,
    late: Counter,
    tls_errors: Counter,
    closed: Family<ByCode, Counter>,
    unauthenticated: Counter,
    replays_pushed_out: Counter,
    requests: Counter,
    changes: Family<ByKind, Counter>,
    /// The counters of `changes` by kind, found once: the broker counts every change.
    change: [Counter; KINDS.len()],
    deliveries: Counter,
    delivered_bytes: Counter,
    coalesced: Counter,
    inbox: Gauge,
    turn: Histogram,
    sessions: Gauge,
    topics: Gauge,
    panics: Counter,
    hooks_waiting: Gauge,
    hooks_delivered: Counter,
    hooks_given_up: Counter,
    posts: Counter,
    posts_failed: Counter,
    polls: Gauge,
    shed: Counter,
    missed: Counter,
    callbacks: Counter,
    callbacks_failed: Counter,
    callbacks_under_way: Gauge,
    cisco_sessions: Gauge,
    cisco_endpoints: Gauge,
    cisco_subscriptions: Gauge,
}

/// The names of the metrics and what they count; `docs/METRICS.md` is made of it.
const NAMES: &[(&str, &str)] = &[
    ("hub_gateway_connections", "WebSocket connections open now."),
    ("hub_gateway_opened", "WebSocket connections opened."),
    ("hub_gateway_accepted", "Connections accepted, of HTTP and WebSocket."),
    ("hub_gateway_refused", "Connections refused because a limit was reached."),
    (
        "hub_gateway_accept_errors",
        "Times that accepting a connection failed, for want of file descriptors for example.",
    ),
    ("hub_gateway_late", "Connections closed because TLS or the first request took too long."),
    ("hub_gateway_tls_errors", "TLS handshakes that failed."),
    ("hub_gateway_closed", "WebSocket connections closed, by close code."),
    ("hub_gateway_unauthenticated", "Tokens and credentials refused."),
    (
        "hub_pusher_replays_pushed_out",
        "Signed POSTs that were forgotten while they could be replayed; see `apps.#.pusher.replays`.",
    ),
    ("hub_broker_requests", "Requests that the broker has served."),
    ("hub_broker_changes", "Changes folded, by kind."),
    ("hub_broker_deliveries", "Frames handed to outboxes: one for each viewer and broadcast."),
    ("hub_broker_delivered_bytes", "Bytes of them."),
    ("hub_broker_coalesced", "Times that a slow session's queue was coalesced."),
    ("hub_broker_inbox_depth", "Requests waiting for the broker."),
    ("hub_broker_turn_seconds", "How long the broker's turns take."),
    ("hub_broker_sessions", "Sessions, attached or within their grace."),
    ("hub_broker_topics", "Topics of which anything is known."),
    ("hub_process_panics", "Panics, each of which ended one task."),
    ("hub_webhook_waiting", "Hooks that wait for an endpoint, those under way included."),
    ("hub_webhook_delivered", "Hooks that an endpoint has taken."),
    ("hub_webhook_given_up", "Hooks that were tried in vain for too long, or for which there was no room."),
    ("hub_webhook_posts", "Posts tried, with one hook or several."),
    ("hub_webhook_posts_failed", "Posts tried that an endpoint did not take; they are tried again."),
    ("hub_pubnub_polls", "Subscribes of the PubNub dialect that are held now."),
    (
        "hub_pubnub_shed",
        "Subscribes of the PubNub dialect that were told to come back later, or to wait for nothing.",
    ),
    (
        "hub_pubnub_missed",
        "Messages of other dialects that came too fast for the clients of the PubNub dialect, who are not told them.",
    ),
    ("hub_cisco_sessions", "Sessions of the Cisco dialect, of application users and of end users."),
    ("hub_cisco_endpoints", "Endpoints that are registered, of all application users."),
    ("hub_cisco_subscriptions", "Subscriptions of the Cisco dialect."),
    ("hub_cisco_callbacks_under_way", "Callbacks that wait for the answer of their endpoint now."),
    ("hub_cisco_callbacks", "Callbacks to endpoints of the Cisco dialect, tried."),
    ("hub_cisco_callbacks_failed", "Those that the endpoint did not take."),
];

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let buckets = [0.000_01, 0.000_1, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0];
        let changes = Family::default();
        let change = KINDS.map(|kind| Counter::clone(&changes.get_or_create(&ByKind { kind })));
        let mut inner = Inner {
            registry: Registry::default(),
            connections: Gauge::default(),
            opened: Counter::default(),
            accepted: Counter::default(),
            refused: Counter::default(),
            accept_errors: Counter::default(),
            late: Counter::default(),
            tls_errors: Counter::default(),
            closed: Family::default(),
            unauthenticated: Counter::default(),
            replays_pushed_out: Counter::default(),
            requests: Counter::default(),
            changes,
            change,
            deliveries: Counter::default(),
            delivered_bytes: Counter::default(),
            coalesced: Counter::default(),
            inbox: Gauge::default(),
            turn: Histogram::new(buckets),
            sessions: Gauge::default(),
            topics: Gauge::default(),
            panics: Counter::default(),
            hooks_waiting: Gauge::default(),
            hooks_delivered: Counter::default(),
            hooks_given_up: Counter::default(),
            posts: Counter::default(),
            posts_failed: Counter::default(),
            polls: Gauge::default(),
            shed: Counter::default(),
            missed: Counter::default(),
            callbacks: Counter::default(),
            callbacks_failed: Counter::default(),
            callbacks_under_way: Gauge::default(),
            cisco_sessions: Gauge::default(),
            cisco_endpoints: Gauge::default(),
            cisco_subscriptions: Gauge::default(),
        };
        inner.register();
        Self(Arc::new(inner))
    }

    /// A WebSocket connection was opened.
    pub fn opened(&self) {
        self.0.opened.inc();
        self.0.connections.inc();
    }

    /// A WebSocket connection was closed with this code.
    pub fn closed(&self, code: u16) {
        self.0.connections.dec();
        self.0.closed.get_or_create(&ByCode { code }).inc();
    }

    /// Connections were refused because a limit was reached; `total` since the start.
    pub fn refused(&self, total: u64) {
        raise(&self.0.refused, total);
    }

    /// Connections were accepted; `total` since the start.
    pub fn accepted(&self, total: u64) {
        raise(&self.0.accepted, total);
    }

    /// Accepting failed; `total` times since the start.
    pub fn accept_errors(&self, total: u64) {
        raise(&self.0.accept_errors, total);
    }

    /// Connections were closed because TLS or the first request took too long; `total` since the start.
    pub fn late(&self, total: u64) {
        raise(&self.0.late, total);
    }

    /// TLS handshakes failed; `total` since the start.
    pub fn tls_errors(&self, total: u64) {
        raise(&self.0.tls_errors, total);
    }

    /// Tasks panicked; `total` since the start.
    pub fn panics(&self, total: u64) {
        raise(&self.0.panics, total);
    }

    /// A token or credential was refused.
    pub fn unauthenticated(&self) {
        self.0.unauthenticated.inc();
    }

    /// Signed POSTs were forgotten before their time.
    pub fn replays_pushed_out(&self, marks: u64) {
        self.0.replays_pushed_out.inc_by(marks);
    }

    /// The broker served this many requests in a turn that took so long, and this many more wait.
    pub fn turn(&self, requests: usize, seconds: f64, waiting: usize) {
        self.0.requests.inc_by(requests as u64);
        self.0.turn.observe(seconds);
        self.0.inbox.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// A change was folded.
    pub fn change(&self, kind: Kind) {
        self.0.change[kind as usize].inc();
    }

    /// Frames were handed to outboxes.
    pub fn delivered(&self, frames: u64, bytes: u64) {
        self.0.deliveries.inc_by(frames);
        self.0.delivered_bytes.inc_by(bytes);
    }

    /// A slow session's queue was coalesced.
    pub fn coalesced(&self) {
        self.0.coalesced.inc();
    }

    /// How much the rosters hold now.
    pub fn holds(&self, sessions: usize, topics: usize) {
        self.0.sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        self.0.topics.set(i64::try_from(topics).unwrap_or(i64::MAX));
    }

    /// As many hooks wait for one endpoint `now` as did `before`, or more, or fewer.
    pub fn hooks_wait(&self, before: usize, now: usize) {
        let count = |hooks| i64::try_from(hooks).unwrap_or(i64::MAX);
        self.0.hooks_waiting.inc_by(count(now).saturating_sub(count(before)));
    }

    /// An endpoint has taken this many hooks.
    pub fn hooks_delivered(&self, hooks: usize) {
        self.0.hooks_delivered.inc_by(hooks as u64);
    }

    /// This many hooks were given up.
    pub fn hooks_given_up(&self, hooks: usize) {
        self.0.hooks_given_up.inc_by(hooks as u64);
    }

    /// A post was tried.
    pub fn post_tried(&self, is_taken: bool) {
        self.0.posts.inc();
        if !is_taken {
            self.0.posts_failed.inc();
        }
    }

    /// How much the Cisco dialect holds now.
    pub fn cisco_holds(&self, sessions: usize, endpoints: usize, subscriptions: usize) {
        self.0.cisco_sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        self.0.cisco_endpoints.set(i64::try_from(endpoints).unwrap_or(i64::MAX));
        self.0.cisco_subscriptions.set(i64::try_from(subscriptions).unwrap_or(i64::MAX));
    }

    /// A callback of the Cisco dialect is being made.
    pub fn callback_begins(&self) {
        self.0.callbacks_under_way.inc();
    }

    /// It was made, and taken or not.
    pub fn callback_ends(&self, is_taken: bool) {
        self.0.callbacks_under_way.dec();
        self.0.callbacks.inc();
        if !is_taken {
            self.0.callbacks_failed.inc();
        }
    }

    /// A subscribe is held.
    pub fn poll_begins(&self) {
        self.0.polls.inc();
    }

    /// A subscribe is held no longer.
    pub fn poll_ends(&self) {
        self.0.polls.dec();
    }

    /// A subscribe was one too many.
    pub fn poll_shed(&self) {
        self.0.shed.inc();
    }

    /// The clients of the PubNub dialect are not told so many messages.
    pub fn messages_missed(&self, count: u64) {
        self.0.missed.inc_by(count);
    }

    /// Everything, in the text format that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.0.registry).is_err() {
            // Writing to a string does not fail.
            text.clear();
        }
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn register(&mut self) {
        let registry = &mut self.registry;
        let help = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| help);
        macro_rules! register {
            ($($name:literal => $metric:ident),+ $(,)?) => {
                $(registry.register($name, help($name), self.$metric.clone());)+
            };
        }
        register! {
            "hub_gateway_connections" => connections,
            "hub_gateway_opened" => opened,
            "hub_gateway_accepted" => accepted,
            "hub_gateway_refused" => refused,
            "hub_gateway_accept_errors" => accept_errors,
            "hub_gateway_late" => late,
            "hub_gateway_tls_errors" => tls_errors,
            "hub_gateway_closed" => closed,
            "hub_gateway_unauthenticated" => unauthenticated,
            "hub_pusher_replays_pushed_out" => replays_pushed_out,
            "hub_broker_requests" => requests,
            "hub_broker_changes" => changes,
            "hub_broker_deliveries" => deliveries,
            "hub_broker_delivered_bytes" => delivered_bytes,
            "hub_broker_coalesced" => coalesced,
            "hub_broker_inbox_depth" => inbox,
            "hub_broker_turn_seconds" => turn,
            "hub_broker_sessions" => sessions,
            "hub_broker_topics" => topics,
            "hub_process_panics" => panics,
            "hub_webhook_waiting" => hooks_waiting,
            "hub_webhook_delivered" => hooks_delivered,
            "hub_webhook_given_up" => hooks_given_up,
            "hub_webhook_posts" => posts,
            "hub_webhook_posts_failed" => posts_failed,
            "hub_pubnub_polls" => polls,
            "hub_pubnub_shed" => shed,
            "hub_pubnub_missed" => missed,
            "hub_cisco_sessions" => cisco_sessions,
            "hub_cisco_endpoints" => cisco_endpoints,
            "hub_cisco_subscriptions" => cisco_subscriptions,
            "hub_cisco_callbacks_under_way" => callbacks_under_way,
            "hub_cisco_callbacks" => callbacks,
            "hub_cisco_callbacks_failed" => callbacks_failed,
        }
    }
}

/// Brings a counter up to a total that is counted elsewhere.
fn raise(counter: &Counter<u64, AtomicU64>, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// The manual, `docs/METRICS.md`.
#[must_use]
pub fn manual() -> String {
    let mut text = String::from(
        "# Metrics\n\nServed at `/metrics` on `admin.listen`, in the text format of Prometheus; counters have the suffix `_total` there. No label holds anything that a \
         client chose, so the number of series does not grow with topics or users.\n\n| metric | meaning |\n|---|---|\n",
    );
    for (name, help) in NAMES {
        text.push_str(&format!("| `{name}` | {help} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_served_under_its_documented_name() {
        let metrics = Metrics::new();
        metrics.opened();
        metrics.closed(1000);
        metrics.change(Kind::Joined);
        metrics.turn(3, 0.002, 1);
        let text = metrics.text();
        for (name, help) in NAMES {
            assert!(text.contains(&format!("# HELP {name} {help}")), "{name} is not in\n{text}");
        }
        let served = text.lines().filter(|line| line.starts_with("# HELP")).count();
        assert_eq!(served, NAMES.len());
        for line in [
            "hub_broker_requests_total 3",
            "hub_broker_changes_total{kind=\"Joined\"} 1",
            "hub_broker_changes_total{kind=\"Other\"} 0",
            "hub_gateway_closed_total{code=\"1000\"} 1",
            "hub_gateway_connections 0",
        ] {
            assert!(text.lines().any(|served| served == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn each_kind_has_its_own_counter() {
        let metrics = Metrics::new();
        for (times, kind) in (1..).zip(KINDS) {
            (0..times).for_each(|_| metrics.change(kind));
        }
        for (times, kind) in (1..).zip(KINDS) {
            assert_eq!(metrics.0.changes.get_or_create(&ByKind { kind }).get(), times, "{kind:?}");
        }
    }

    #[test]
    fn totals_counted_elsewhere_never_go_back() {
        let metrics = Metrics::new();
        for total in [3, 5, 4] {
            metrics.refused(total);
        }
        assert!(metrics.text().contains("hub_gateway_refused_total 5"));
    }

    #[test]
    fn the_manual_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/METRICS.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, manual()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), manual());
    }
}
