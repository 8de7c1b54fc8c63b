//! Plays every scenario against a small stand-in for a hub, which can be told to misbehave: each check must be able to fail.

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
use super::native::Native;
use super::options::{FanoutOptions, IdleOptions, Kind, RateOptions, StormOptions};
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
    /// One member is missing in every snapshot, and is not announced.
    Hides,
}

struct StandIn {
    flaw: Flaw,
    deliveries: Cell<u64>,
    watchers: RefCell<HashMap<String, Vec<mpsc::Sender<Message>>>>,
    members: RefCell<HashMap<String, Vec<String>>>,
}

impl StandIn {
    async fn serve(self: Rc<Self>, stream: TcpStream, seat: usize) {
        let (mut writing, mut reading) = tokio_tungstenite::accept_async(stream).await.unwrap().split();
        let (sender, mut receiver) = mpsc::channel::<Message>(10_000);
        spawn_local(async move {
            while let Some(frame) = receiver.recv().await {
                if writing.send(frame).await.is_err() {
                    return;
                }
            }
        });
        tell(&sender, &json!({"event": "AUTHENTICATED", "payload": {}}));
        sender.try_send(Message::Ping("still there?".into())).unwrap();
        while let Some(Ok(frame)) = reading.next().await {
            if let Message::Text(text) = frame {
                self.obey(&sender, seat, &serde_json::from_str(&text).unwrap());
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
                let members = self.members.borrow().get(topic).cloned().unwrap_or_default();
                let roster: Vec<_> = members.iter().map(|id| json!({"user": {"_id": id}})).collect();
                tell(sender, &json!({"event": "CHANNEL_SUBSCRIBED", "payload": {"hub": {"roster": roster}}}));
            }
            "SEND_MESSAGE" if self.flaw == Flaw::Refuses => {
                tell(
                    sender,
                    &json!({"event": "SEND_MESSAGE_FAILED", "payload": {"error": {"code": "too.fast"}}}),
                );
            }
            "SEND_MESSAGE" => {
                self.spread(
                    topic,
                    &json!({"event": "MESSAGE_SENT", "payload": {"content": payload["content"]}}),
                );
            }
            "SEND_PRESENCE_EVENT" if self.flaw == Flaw::Hides && seat == 3 => {}
            "SEND_PRESENCE_EVENT" => {
                let id = party_id(seat);
                let sender = json!({"_id": id});
                let payload =
                    json!({"category": payload["category"], "content": payload["content"], "sender": sender});
                self.members.borrow_mut().entry(topic.to_owned()).or_default().push(id);
                self.spread(topic, &json!({"event": "PRESENCE_EVENT_RESPONSE", "payload": payload}));
            }
            other => panic!("the bench said {other}"),
        }
    }

    fn spread(&self, topic: &str, text: &Value) {
        for watcher in self.watchers.borrow().get(topic).into_iter().flatten() {
            self.deliveries.set(self.deliveries.get() + 1);
            let is_chosen = self.deliveries.get() == 50;
            match self.flaw {
                Flaw::Loses if is_chosen => {}
                Flaw::Closes if is_chosen => watcher.try_send(Message::Close(None)).unwrap(),
                Flaw::Repeats if is_chosen => {
                    tell(watcher, text);
                    tell(watcher, text);
                }
                Flaw::None | Flaw::Loses | Flaw::Repeats | Flaw::Refuses | Flaw::Closes | Flaw::Hides => {
                    tell(watcher, text)
                }
            }
        }
    }
}

fn tell(sender: &mpsc::Sender<Message>, text: &Value) {
    sender.try_send(Message::Text(text.to_string().into())).unwrap();
}

/// Starts a stand-in on a port of its own; call within a `LocalSet`.
async fn ground(flaw: Flaw) -> Ground {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    let (deliveries, watchers, members) = Default::default();
    let stand_in = Rc::new(StandIn { flaw, deliveries, watchers, members });
    spawn_local(async move {
        for seat in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            spawn_local(Rc::clone(&stand_in).serve(stream, seat));
        }
    });
    let mint = Mint::new("demo-key", "demo-secret");
    Ground { address, process: Process::own(), mint, protocol: &Native, patience: Duration::from_millis(300) }
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

async fn fanned_out(flaw: Flaw, kind: Kind) -> Result<super::report::Report, BenchError> {
    let run = async { fanout::run(&ground(flaw).await, &fanout_options(kind), Cores::Shared).await };
    LocalSet::new().run_until(run).await
}

fn shown(report: &super::report::Report) -> Value {
    let mut out = Vec::new();
    report.write_json(&mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[tokio::test]
async fn a_fanout_delivers_everything_in_frames_of_the_size_asked_for() {
    for kind in [Kind::Message, Kind::Presence] {
        let report = fanned_out(Flaw::None, kind).await.unwrap();
        assert!(report.fault.is_none(), "{report:?}");
        let json = shown(&report);
        for result in json["results"].as_array().unwrap() {
            assert_eq!(result["bytes_per_delivery"], 504.0);
            assert_eq!(result["deliveries"].as_u64().unwrap(), result["publications"].as_u64().unwrap() * 9);
            assert_eq!((&result["lost"], &result["repeated"]), (&json!(0), &json!(0)));
        }
        assert_eq!(json["results"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_lost_or_repeated_delivery_is_found() {
    let report = fanned_out(Flaw::Loses, Kind::Message).await.unwrap();
    assert!(matches!(report.fault, Some(BenchError::Lost { lost: 1, repeated: 0, .. })), "{report:?}");
    let report = fanned_out(Flaw::Repeats, Kind::Message).await.unwrap();
    assert!(matches!(report.fault, Some(BenchError::Lost { lost: 0, repeated: 1, .. })), "{report:?}");
}

#[tokio::test]
async fn a_refusal_or_a_close_ends_the_run_with_its_reason() {
    let refused = fanned_out(Flaw::Refuses, Kind::Message).await;
    assert!(
        matches!(&refused, Err(BenchError::Refused { text, .. }) if text.contains("too.fast")),
        "{refused:?}"
    );
    let closed = fanned_out(Flaw::Closes, Kind::Message).await;
    assert!(matches!(closed, Err(BenchError::Closed { .. })), "{closed:?}");
}

#[tokio::test]
async fn a_rate_is_kept_and_every_delivery_has_a_latency() {
    let (connections, kind) = (5, Kind::Message);
    let options =
        RateOptions { connections, per_second: 200.0, kind, seconds: 0.1, warmup: 0.02, frame_bytes: 504 };
    let run = async { rate::run(&ground(Flaw::None).await, &options).await };
    let json = shown(&LocalSet::new().run_until(run).await.unwrap());
    let result = &json["results"][0];
    assert_eq!((&result["publications"], &result["latencies"]), (&json!(20), &json!(100)));
    assert!(result["max_ms"].as_f64().unwrap() >= result["p50_ms"].as_f64().unwrap());
}

#[tokio::test]
async fn a_storm_converges_only_when_nobody_is_hidden() {
    let options = StormOptions { connections: 30 };
    let run = async { storm::run(&ground(Flaw::None).await, &options).await };
    let json = shown(&LocalSet::new().run_until(run).await.unwrap());
    assert!(json["results"][0]["member_tokens"].as_u64().unwrap() >= 900);
    let run = async { storm::run(&ground(Flaw::Hides).await, &options).await };
    let hidden = LocalSet::new().run_until(run).await;
    assert!(
        matches!(&hidden, Err(BenchError::Stalled { what, .. }) if what.contains("0 of 30")),
        "{hidden:?}"
    );
}

#[tokio::test]
async fn idle_connections_stay() {
    let options = IdleOptions { connections: 70, topics: 7, settle: 0.01 };
    let run = async { idle::run(&ground(Flaw::None).await, &options).await };
    let json = shown(&LocalSet::new().run_until(run).await.unwrap());
    assert_eq!(json["conditions"]["connections"], 70);
}

#[tokio::test]
async fn a_port_where_no_hub_listens_is_an_error() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let run = async {
        let address = Address::parse(&at.to_string()).unwrap();
        let nowhere = Ground { address, ..ground(Flaw::None).await };
        idle::run(&nowhere, &IdleOptions { connections: 1, topics: 1, settle: 0.0 }).await
    };
    assert!(matches!(LocalSet::new().run_until(run).await, Err(BenchError::Io { .. })));
}
