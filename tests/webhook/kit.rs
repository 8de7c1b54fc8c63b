//! A broker with couriers, a manual clock, and sessions that come and go.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use presence_hub::broker::{
    AppSlot, Bounds as OutboxBounds, Broker, Clock, Encode, EncoderId, Hand, Handle, Opening, Outbox, Parts,
    Policy, ReplyTo, Step,
};
use presence_hub::core::{
    Cause, Command, Content, Fingerprint, Limits, NodeId, Occupancy, Party, PartyId, SessionId, Terms,
    Timetoken, TopicName,
};
use presence_hub::egress::{Rules, System};
use presence_hub::engine::Memory;
use presence_hub::telemetry::Metrics;
use presence_hub::webhook::{
    Batch, Bounds, Couriers, Endpoint, Format, Hooks, Hub, PubNub, Pusher, Settings, What,
};
use secrecy::SecretString;
use uuid::Uuid;

use super::receiver::{KEY, PATIENCE, Receiver, SECRET};

/// A dialect that shows nothing.
#[derive(Debug)]
struct Mute;

impl Encode for Mute {
    fn change(&self, _: &Step, _: Option<&Bytes>, _: &mut BytesMut) {}

    fn interval(&self, _: &TopicName, _: Occupancy, _: &mut BytesMut) {}
}

pub(crate) const NODE: NodeId = NodeId(Uuid::from_u128(0xabc));

pub(crate) struct Kit {
    pub(crate) handle: Handle,
    pub(crate) hand: Hand,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) settings: Settings,
    next: u128,
}

/// What the couriers of a kit are, and how to stop them.
pub(crate) struct Post {
    pub(crate) hooks: Hooks,
    pub(crate) couriers: Couriers,
}

pub(crate) fn kit() -> Kit {
    let (clock, hand) = Clock::manual();
    let metrics = Metrics::new();
    let engine = Box::new(Memory::new(clock.now(), Timetoken(0), Duration::from_secs(60)));
    let parts = Parts {
        node: NODE,
        clock: clock.clone(),
        engine,
        encoders: vec![Arc::new(Mute)],
        apps: vec![(Limits::default(), Policy::default())],
        inbox: 64,
        metrics: metrics.clone(),
    };
    let (broker, handle) = Broker::new(parts);
    tokio::spawn(broker.run());
    let settings = Settings {
        node: NODE,
        clock: clock.clone(),
        metrics: metrics.clone(),
        rules: Arc::new(loopback()),
        resolver: Arc::new(System),
        // The clock leaps; only a test of lateness lets a post be late.
        timeout: Duration::from_hours(1),
        retry_for: Duration::from_secs(300),
        queue: Bounds { hooks: 10_000, bytes: 1 << 24 },
        lanes: 4,
        letters: 100,
        flush: Duration::from_secs(5),
    };
    Kit { handle, hand, clock, metrics, settings, next: 0 }
}

/// Loopback may be called, plainly.
pub(crate) fn loopback() -> Rules {
    Rules { allow: vec!["127.0.0.0/8".parse().unwrap()], is_public: false, is_plain: true, ports: None }
}

fn endpoint(receiver: &Receiver, format: Arc<dyn Format>, hold: Duration) -> Endpoint {
    Endpoint {
        name: "apps.0.webhooks.0".to_owned(),
        app: AppSlot(0),
        target: loopback().target(&receiver.url()).unwrap(),
        format,
        wants: What::ALL.into_iter().filter(|what| *what != What::Started).collect(),
        topics: Box::new(|_| true),
        authorization: None,
        hold,
        batch: Batch { window: Duration::ZERO, hooks: 100 },
    }
}

/// An endpoint in the hub's format that wants everything of topics but counts.
pub(crate) fn hub(receiver: &Receiver) -> Endpoint {
    let format = Arc::new(Hub::new(NODE, "1", &[&SecretString::from(SECRET)]));
    let mut endpoint = endpoint(receiver, format, Duration::ZERO);
    endpoint.wants.retain(|what| !matches!(what, What::Started | What::Counts));
    endpoint
}

/// An endpoint in Pusher's format that wants everything.
pub(crate) fn pusher(receiver: &Receiver) -> Endpoint {
    endpoint(receiver, Arc::new(Pusher::new(KEY, &SecretString::from(SECRET))), Duration::from_secs(3))
}

/// An endpoint in PubNub's format that wants some actions.
pub(crate) fn pubnub(receiver: &Receiver, actions: &[&str]) -> Endpoint {
    let known = || PubNub::ACTIONS.into_iter().filter(|(name, _)| actions.contains(name));
    let names = known().map(|(name, _)| name).collect();
    let format = Arc::new(PubNub::new(KEY, &SecretString::from(SECRET), names));
    let wants = known().map(|(_, what)| what).collect();
    Endpoint { wants, ..endpoint(receiver, format, Duration::ZERO) }
}

impl Kit {
    pub(crate) async fn receiver(&self) -> Receiver {
        Receiver::start(&self.clock).await
    }

    pub(crate) async fn post(&self, endpoints: Vec<Endpoint>) -> Post {
        let (hooks, couriers) = Hooks::start(endpoints, self.settings.clone(), &self.handle).await;
        Post { hooks, couriers }
    }

    /// Everything asked so far has been done, and whoever was told of it has had a turn.
    pub(crate) async fn settle(&self) {
        for _ in 0..8 {
            self.handle.read(|_, _, _| ()).await.expect("the broker lives");
        }
    }

    pub(crate) async fn advance(&self, span: Duration) {
        self.settle().await;
        self.hand.advance(span);
        tokio::task::yield_now().await;
        self.settle().await;
    }

    pub(crate) async fn seconds(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds)).await;
    }

    pub(crate) async fn open(&mut self, party: &str) -> SessionId {
        self.next += 1;
        let session = SessionId(Uuid::from_u128(self.next));
        let party =
            Party { displayname: party.to_uppercase().into(), ..Party::new(PartyId::new(party).unwrap()) };
        let opening = Opening {
            session,
            party: Arc::new(party),
            terms: Terms { timeout: None },
            encoder: EncoderId(0),
            outbox: Arc::new(Outbox::new(OutboxBounds::default())),
        };
        self.handle.open(opening).await;
        session
    }

    pub(crate) async fn enter(&self, session: SessionId, topic: &str, value: u128) {
        let bytes = Bytes::from(format!("{{\"value\":{value}}}"));
        let content = Content { bytes, fingerprint: Fingerprint(value), ..Content::default() };
        let grace = Duration::from_secs(2);
        let command = Command::Enter { session, topic: name(topic), content: Some(content), grace };
        self.handle.submit(command, None, ReplyTo::Nobody).await;
    }

    pub(crate) async fn leave(&self, session: SessionId, topic: &str) {
        let command = Command::Leave { session, topic: name(topic), cause: Cause::Left };
        self.handle.submit(command, None, ReplyTo::Nobody).await;
    }

    pub(crate) async fn watch(&self, session: SessionId, topic: &str) {
        self.handle.watch(session, name(topic), None, ReplyTo::Nobody).await;
        self.recount().await;
    }

    pub(crate) async fn unwatch(&self, session: SessionId, topic: &str) {
        self.handle.unwatch(session, name(topic), ReplyTo::Nobody).await;
        self.recount().await;
    }

    /// Lets the broker count who watches.
    pub(crate) async fn recount(&self) {
        self.advance(Duration::from_millis(20)).await;
    }

    /// Waits until a metric has a value.
    pub(crate) async fn counted(&self, metric: &str, value: u64) {
        let line = format!("{metric} {value}");
        let wait = async {
            while !self.metrics.text().lines().any(|known| known == line) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("{line} is not in\n{}", self.metrics.text()));
    }
}

pub(crate) fn name(topic: &str) -> TopicName {
    TopicName::new(topic).unwrap()
}

/// The names of events and what they are of, for short.
pub(crate) fn tape(events: &[serde_json::Value]) -> Vec<String> {
    let text = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let of_hub = |event: &serde_json::Value| {
        let party = event["party"]["_id"].as_str().unwrap_or_default();
        format!("{} {} {party}", text(event, "event"), text(event, "topic"))
    };
    let of_pusher = |event: &serde_json::Value| {
        format!("{} {} {}", text(event, "name"), text(event, "channel"), text(event, "user_id"))
    };
    let line =
        |event: &serde_json::Value| if event["topic"].is_null() { of_pusher(event) } else { of_hub(event) };
    events.iter().map(|event| line(event).trim_end().to_owned()).collect()
}
