//! How the rest of the hub talks to its endpoints' couriers; nobody waits for them.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::courier::{Ask, Courier, State};
use super::endpoint::{Endpoint, Settings};
use super::hook::{ClientEvent, Hook, Matter, What};
use crate::broker::{AppSlot, Handle};
use crate::core::TopicName;
use crate::telemetry::Metrics;

/// How many changes may wait for a courier to hear of them, and how many other things.
const FEED: usize = 4096;
const ASKS: usize = 1024;

/// The way to one courier.
#[derive(Debug)]
struct Door {
    app: AppSlot,
    name: String,
    asks: mpsc::Sender<Ask>,
}

/// The way to all couriers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hooks {
    doors: Arc<[Door]>,
    metrics: Metrics,
}

/// The couriers at work.
#[derive(Debug)]
pub struct Couriers {
    stop: watch::Sender<bool>,
    couriers: Vec<JoinHandle<()>>,
}

impl Hooks {
    /// Starts a courier for each endpoint. They tell of everything that is asked of the broker after this.
    pub async fn start(endpoints: Vec<Endpoint>, settings: Settings, broker: &Handle) -> (Self, Couriers) {
        let stop = watch::Sender::new(false);
        let metrics = settings.metrics.clone();
        let settings = Arc::new(settings);
        let (mut doors, mut couriers) = (Vec::new(), Vec::new());
        for endpoint in endpoints {
            let feed = broker.for_app(endpoint.app).follow_changes(FEED).await;
            let (asks, asked) = mpsc::channel(ASKS);
            doors.push(Door { app: endpoint.app, name: endpoint.name.clone(), asks });
            let courier = Courier::new(endpoint, Arc::clone(&settings), feed, asked, stop.subscribe());
            couriers.push(tokio::spawn(Box::pin(courier.run())));
        }
        (Self { doors: doors.into(), metrics }, Couriers { stop, couriers })
    }

    /// Tells that a client said something to the others by itself. Never waits: what does not fit is counted as given up.
    pub fn client_event(&self, app: AppSlot, topic: &TopicName, event: ClientEvent) {
        self.tell(
            app,
            &Hook {
                what: What::ClientEvent,
                topic: topic.clone(),
                matter: Matter::ClientEvent(Box::new(event)),
            },
        );
    }

    /// Tells that a topic that keeps its last event had none for whoever came. Never waits.
    pub fn cache_miss(&self, app: AppSlot, topic: &TopicName) {
        self.tell(app, &Hook { what: What::CacheMiss, topic: topic.clone(), matter: Matter::Nothing });
    }

    /// How the endpoints are, in the order in which they were given.
    pub async fn states(&self) -> Vec<State> {
        let mut states = Vec::new();
        for door in self.doors.iter() {
            states.extend(ask(door, Ask::State).await);
        }
        states
    }

    /// Queues again what an endpoint was given up on, as far as it is kept; how many hooks those are. `None` if there is no such
    /// endpoint.
    pub async fn again(&self, endpoint: &str) -> Option<usize> {
        ask(self.doors.iter().find(|door| door.name == endpoint)?, Ask::Again).await
    }

    fn tell(&self, app: AppSlot, hook: &Hook) {
        for door in self.doors.iter().filter(|door| door.app == app) {
            if door.asks.try_send(Ask::Tell(hook.clone())).is_err() {
                self.metrics.hooks_given_up(1);
            }
        }
    }
}

async fn ask<T>(door: &Door, question: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    door.asks.send(question(answer)).await.ok()?;
    answered.await.ok()
}

impl Couriers {
    /// Lets the couriers deliver what they have, for a bounded time, and waits for them.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for courier in self.couriers {
            if let Err(error) = courier.await {
                tracing::error!(%error, "a webhook's courier ended badly");
            }
        }
    }
}
