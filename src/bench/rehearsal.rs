//! Plays every scenario against a small stand-in for a hub, which can be told to misbehave: each check must be able to fail.

mod pubnub;
mod pusher;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};
use tokio_tungstenite::tungstenite::Message;

use super::connect::Address;
use super::error::BenchError;
use super::launch::Cores;
use super::options::{Channels, Dialect, FanoutOptions, IdleOptions, Kind, RateOptions, StormOptions};
use super::process::Process;
use super::protocol::party_id;
use super::stage::Ground;
use super::token::Mint;
use super::{fanout, idle, rate, storm};

/// What the stand-in does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// The 50th delivery is not made.
    Loses,
    /// The 50th delivery is made twice.
    Repeats,
    /// Messages are refused.
    Refuses,
    /// The 50th delivery is a close frame.
    Closes,
    /// The first message begins a heartbeat without end, and nothing else.
    Stalls,
    /// One member is missing in every snapshot, and is not announced.
    Hides,
}

/// Those that a connection's frames carry, in which everybody can know everybody.
const FRAMED: [Dialect; 3] = [Dialect::Native, Dialect::SocketIo, Dialect::Pusher];
const DIALECTS: [Dialect; 4] = [Dialect::Native, Dialect::SocketIo, Dialect::Pusher, Dialect::PubNub];

struct StandIn {
    dialect: Dialect,
    flaw: Flaw,
    deliveries: Cell<u64>,
    watchers: RefCell<HashMap<String, Vec<mpsc::Sender<Message>>>>,
    members: RefCell<HashMap<String, Vec<String>>>,
    /// In the Pusher dialect: whose the connections are.
    sockets: RefCell<Vec<(mpsc::Sender<Message>, String)>>,
    /// In the PubNub dialect: what was published.
    channel: pubnub::Channel,
}

impl StandIn {
    async fn serve(self: Rc<Self>, stream: TcpStream, seat: usize) {
        if self.dialect == Dialect::PubNub {
            return self.serve_requests(stream).await;
        }
        let (mut writing, mut reading) = tokio_tungstenite::accept_async(stream).await.unwrap().split();
        let (sender, mut receiver) = mpsc::channel::<Message>(10_000);
        spawn_local(async move {
            while let Some(frame) = receiver.recv().await {
                if writing.send(frame).await.is_err() {
                    return;
                }
            }
        });
        match self.dialect {
            Dialect::Native => self.tell(&sender, &json!({"event": "AUTHENTICATED", "payload": {}})),
            Dialect::SocketIo => send(&sender, r#"0{"sid":"x"}"#),
            Dialect::Pusher | Dialect::PubNub => Self::welcome_pusher(&sender, seat),
        }
        sender.try_send(Message::Ping("still there?".into())).unwrap();
        while let Some(Ok(frame)) = reading.next().await {
            if let Message::Text(text) = frame {
                self.read(&sender, seat, &text);
            }
        }
    }

    fn read(&self, sender: &mpsc::Sender<Message>, seat: usize, text: &str) {
        match (self.dialect, text) {
            (Dialect::SocketIo, "40/chat,") => send(sender, "2"),
            (Dialect::SocketIo, "3") if self.flaw == Flaw::Stalls && self.deliveries.get() > 0 => {
                send(sender, "2");
            }
            // Only whose heart beats gets in.
            (Dialect::SocketIo, "3") => send(sender, r#"40/chat,{"sid":"y"}"#),
            (Dialect::SocketIo, event) => {
                let array: Value = serde_json::from_str(event.strip_prefix("42/chat,").unwrap()).unwrap();
                self.obey(sender, seat, &json!({"event": array[0], "payload": array[1]}));
            }
            (Dialect::Native, event) => self.obey(sender, seat, &serde_json::from_str(event).unwrap()),
            (Dialect::Pusher | Dialect::PubNub, event) => {
                self.obey_pusher(sender, seat, &serde_json::from_str(event).unwrap());
            }
        }
    }

    fn tell(&self, sender: &mpsc::Sender<Message>, said: &Value) {
        match self.dialect {
            Dialect::Native | Dialect::Pusher | Dialect::PubNub => send(sender, &said.to_string()),
            Dialect::SocketIo => {
                send(sender, &format!("42/chat,{}", json!([said["event"], said["payload"]])));
            }
        }
    }

    fn obey(&self, sender: &mpsc::Sender<Message>, seat: usize, said: &Value) {
        let payload = &said["payload"];
        let topic = payload["topicId"].as_str().unwrap_or_default();
        match said["event"].as_str().unwrap() {
            "SUBSCRIBE_CHANNEL" => {
                let topic = payload["channel"]["_id"].as_str().unwrap();
                self.watchers.borrow_mut().entry(topic.to_owned()).or_default().push(sender.clone());
                let payload = match self.dialect {
                    Dialect::Native => {
                        let members = self.members.borrow().get(topic).cloned().unwrap_or_default();
                        let roster: Vec<_> = members.iter().map(|id| json!({"user": {"_id": id}})).collect();
                        json!({"hub": {"roster": roster}})
                    }
                    Dialect::SocketIo | Dialect::Pusher | Dialect::PubNub => json!({}),
                };
                self.tell(sender, &json!({"event": "CHANNEL_SUBSCRIBED", "payload": payload}));
            }
            "SEND_MESSAGE" if self.flaw == Flaw::Refuses => {
                let payload = json!({"error": {"code": "too.fast"}});
                self.tell(sender, &json!({"event": "SEND_MESSAGE_FAILED", "payload": payload}));
            }
            "SEND_MESSAGE" if self.flaw == Flaw::Stalls => {
                self.deliveries.set(1);
                send(sender, "2");
            }
            "SEND_MESSAGE" => {
                self.spread(
                    topic,
                    &json!({"event": "MESSAGE_SENT", "payload": {"content": payload["content"]}}),
                    |_| true,
                );
            }
            "SEND_PRESENCE_EVENT" if payload["category"] == "app.event.presence.request.parties" => {
                self.name_everybody(sender, topic, seat);
            }
            "SEND_PRESENCE_EVENT" if self.flaw == Flaw::Hides && seat == 3 => {}
            "SEND_PRESENCE_EVENT" => {
                let id = party_id(seat);
                let sender = json!({"_id": id});
                let payload =
                    json!({"category": payload["category"], "content": payload["content"], "sender": sender});
                self.members.borrow_mut().entry(topic.to_owned()).or_default().push(id);
                let told = json!({"event": "PRESENCE_EVENT_RESPONSE", "payload": payload});
                self.spread(topic, &told, |_| true);
            }
            other => panic!("the bench said {other}"),
        }
    }

    fn name_everybody(&self, sender: &mpsc::Sender<Message>, topic: &str, seat: usize) {
        let receivers = json!([{"_id": party_id(seat)}]);
        for id in self.members.borrow().get(topic).into_iter().flatten() {
            let payload = json!({
                "category": "app.event.presence.party.online", "receivers": receivers, "sender": {"_id": id},
            });
            self.tell(sender, &json!({"event": "PRESENCE_EVENT_RESPONSE", "payload": payload}));
        }
    }

    fn spread(&self, topic: &str, text: &Value, is_told: impl Fn(&mpsc::Sender<Message>) -> bool) {
        let watchers = self.watchers.borrow();
        for watcher in watchers.get(topic).into_iter().flatten().filter(|watcher| is_told(watcher)) {
            self.deliveries.set(self.deliveries.get() + 1);
            let is_chosen = self.deliveries.get() == 50;
            match self.flaw {
                Flaw::Loses if is_chosen => {}
                Flaw::Closes if is_chosen => watcher.try_send(Message::Close(None)).unwrap(),
                Flaw::Repeats if is_chosen => {
                    self.tell(watcher, text);
                    self.tell(watcher, text);
                }
                _ => self.tell(watcher, text),
            }
        }
    }
}

fn send(sender: &mpsc::Sender<Message>, text: &str) {
    sender.try_send(Message::Text(text.into())).unwrap();
}

/// Starts a stand-in on a port of its own; call within a `LocalSet`.
async fn ground(dialect: Dialect, flaw: Flaw) -> Ground {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    let (deliveries, watchers, members, sockets, channel) = Default::default();
    let stand_in = Rc::new(StandIn { dialect, flaw, deliveries, watchers, members, sockets, channel });
    spawn_local(async move {
        for seat in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            spawn_local(Rc::clone(&stand_in).serve(stream, seat));
        }
    });
    let mint = Mint::new("demo-key", "demo-secret");
    let (process, app) = (Process::own(), ("demo-key", "demo-secret"));
    let protocol = dialect.protocol(app, Channels::Presence);
    Ground { address, process, mint, protocol, patience: Duration::from_millis(300) }
}

fn fanout_options(kind: Kind) -> FanoutOptions {
    let window = vec![1, 8];
    FanoutOptions {
        connections: 9,
        window,
        kind,
        seconds: 0.05,
        warmup: 0.01,
        frame_bytes: 504,
        floor_seconds: 0.0,
    }
}

async fn fanned_out(dialect: Dialect, flaw: Flaw, kind: Kind) -> Result<super::report::Report, BenchError> {
    let run = async { fanout::run(&ground(dialect, flaw).await, &fanout_options(kind), Cores::Shared).await };
    LocalSet::new().run_until(run).await
}

fn shown(report: &super::report::Report) -> Value {
    let mut out = Vec::new();
    report.write_json(&mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[tokio::test]
async fn a_fanout_delivers_everything_in_frames_of_the_size_asked_for() {
    let updates = [Dialect::Native, Dialect::SocketIo].map(|dialect| (dialect, Kind::Presence));
    let messages = DIALECTS.map(|dialect| (dialect, Kind::Message));
    for (dialect, kind) in messages.into_iter().chain(updates) {
        let report = fanned_out(dialect, Flaw::None, kind).await.unwrap();
        assert!(report.fault.is_none(), "{report:?}");
        let json = shown(&report);
        for result in json["results"].as_array().unwrap() {
            // Deliveries that come in one answer share its head.
            if dialect != Dialect::PubNub || result["window"] == 1 {
                assert_eq!(result["bytes_per_delivery"], 504.0);
            }
            assert_eq!(result["deliveries"].as_u64().unwrap(), result["publications"].as_u64().unwrap() * 9);
            assert_eq!((&result["lost"], &result["repeated"]), (&json!(0), &json!(0)));
        }
        assert_eq!(json["results"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_lost_or_repeated_delivery_is_found() {
    for dialect in DIALECTS {
        let report = fanned_out(dialect, Flaw::Loses, Kind::Message).await.unwrap();
        assert!(matches!(report.fault, Some(BenchError::Lost { lost: 1, repeated: 0, .. })), "{report:?}");
        let report = fanned_out(dialect, Flaw::Repeats, Kind::Message).await.unwrap();
        assert!(matches!(report.fault, Some(BenchError::Lost { lost: 0, repeated: 1, .. })), "{report:?}");
    }
}

#[tokio::test]
async fn a_refusal_or_a_close_ends_the_run_with_its_reason() {
    for dialect in DIALECTS {
        let refused = fanned_out(dialect, Flaw::Refuses, Kind::Message).await;
        assert!(
            matches!(&refused, Err(BenchError::Refused { text, .. }) if text.contains("too.fast")),
            "{refused:?}"
        );
        let closed = fanned_out(dialect, Flaw::Closes, Kind::Message).await;
        assert!(matches!(closed, Err(BenchError::Closed { .. })), "{closed:?}");
    }
}

#[tokio::test]
async fn heartbeats_do_not_hide_that_nothing_happens() {
    for dialect in [Dialect::SocketIo, Dialect::Pusher, Dialect::PubNub] {
        let stalled = fanned_out(dialect, Flaw::Stalls, Kind::Message);
        let stalled = tokio::time::timeout(Duration::from_secs(20), stalled).await;
        assert!(matches!(stalled, Ok(Err(BenchError::Stalled { .. }))), "{stalled:?}");
    }
}

#[tokio::test]
async fn a_dialect_without_updates_of_presence_says_so() {
    let refused = fanned_out(Dialect::Pusher, Flaw::None, Kind::Presence).await;
    assert!(
        matches!(&refused, Err(BenchError::Option(why)) if why.contains("--kind message")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_rate_is_kept_and_every_delivery_has_a_latency() {
    let (connections, kind) = (5, Kind::Message);
    let options =
        RateOptions { connections, per_second: 200.0, kind, seconds: 0.1, warmup: 0.02, frame_bytes: 504 };
    for dialect in DIALECTS {
        let run = async { rate::run(&ground(dialect, Flaw::None).await, &options).await };
        let json = shown(&LocalSet::new().run_until(run).await.unwrap());
        let result = &json["results"][0];
        assert_eq!((&result["publications"], &result["latencies"]), (&json!(20), &json!(100)));
        assert!(result["max_ms"].as_f64().unwrap() >= result["p50_ms"].as_f64().unwrap());
    }
}

#[tokio::test]
async fn a_storm_converges_only_when_nobody_is_hidden() {
    let options = StormOptions { connections: 30 };
    for dialect in FRAMED {
        let run = async { storm::run(&ground(dialect, Flaw::None).await, &options).await };
        let json = shown(&LocalSet::new().run_until(run).await.unwrap());
        assert!(json["results"][0]["member_tokens"].as_u64().unwrap() >= 900);
        let run = async { storm::run(&ground(dialect, Flaw::Hides).await, &options).await };
        let hidden = LocalSet::new().run_until(run).await;
        assert!(
            matches!(&hidden, Err(BenchError::Stalled { what, .. }) if what.contains("0 of 30")),
            "{hidden:?}"
        );
    }
}

#[tokio::test]
async fn idle_connections_stay() {
    let options = IdleOptions { connections: 70, topics: 7, settle: 0.01 };
    for dialect in DIALECTS {
        let run = async { idle::run(&ground(dialect, Flaw::None).await, &options).await };
        let json = shown(&LocalSet::new().run_until(run).await.unwrap());
        assert_eq!(json["conditions"]["connections"], 70);
    }
    let options = IdleOptions { connections: 3, topics: 0, settle: 0.01 };
    let run = async { idle::run(&ground(Dialect::Pusher, Flaw::None).await, &options).await };
    LocalSet::new().run_until(run).await.unwrap();
}

#[tokio::test]
async fn a_port_where_no_hub_listens_is_an_error() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let run = async {
        let address = Address::parse(&at.to_string()).unwrap();
        let nowhere = Ground { address, ..ground(Dialect::Native, Flaw::None).await };
        idle::run(&nowhere, &IdleOptions { connections: 1, topics: 1, settle: 0.0 }).await
    };
    assert!(matches!(LocalSet::new().run_until(run).await, Err(BenchError::Io { .. })));
}
