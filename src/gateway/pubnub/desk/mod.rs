//! What PubNub clients of one app can be told, and the requests that are held until there is something.
//!
//! One task writes to the desk, in the order in which the broker tells it of changes; requests read from it, register with it
//! and are woken by it. Its lock is held for a look or an entry.

mod asides;
mod channel;
mod crier;
mod entry;
mod hall;
mod kept;
mod pace;
mod quiet;
mod wait;
mod watch;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::broker::{Backlog, Clock, FeedRoom, Handle};
use crate::config::PubNub as Settings;
use crate::core::{PartyId, Timetoken, TopicName};
use crate::telemetry::Metrics;

use asides::Asides;
pub(super) use channel::Side;
pub(super) use entry::{Action, Delta, Entry, FORMS, Presence, What};
use hall::Hall;
pub(super) use quiet::Said;
pub(super) use wait::Woken;
pub(super) use watch::{Found, MOST, Release, Source, Wanted, Watch};

/// How many changes may wait for the desk, within `queue_bytes`, before it is told their net.
const FEED: usize = 1024 * 1024;

/// For how long a join is one that its own user waits for.
pub(super) const YOUNG: Duration = Duration::from_secs(5);

/// The desk of an app has no room for another channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

/// The desk of one app.
#[derive(Debug)]
pub(super) struct Desk {
    settings: Arc<Settings>,
    clock: Clock,
    hall: Mutex<Hall>,
    asides: Asides,
    follows: OnceCell<Backlog>,
    metrics: Metrics,
    next_waiter: AtomicU64,
    is_draining: AtomicBool,
}

impl Desk {
    /// An empty desk; it hears of changes from the first request on.
    pub(super) fn new(settings: Arc<Settings>, clock: Clock, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            settings,
            clock,
            hall: Mutex::default(),
            asides: Asides::default(),
            follows: OnceCell::new(),
            metrics,
            next_waiter: AtomicU64::new(0),
            is_draining: AtomicBool::new(false),
        })
    }

    /// Begins to hear of the app's changes, unless it does already. Apps without clients of this dialect cost nothing.
    pub(super) async fn follow(self: &Arc<Self>, broker: &Handle) -> &Backlog {
        let begin = async {
            let feed = broker.follow(FeedRoom { changes: FEED, bytes: self.settings.queue_bytes }).await;
            let backlog = feed.backlog();
            tokio::spawn(crier::run(Arc::clone(self), feed));
            backlog
        };
        self.follows.get_or_init(|| begin).await
    }

    /// Keeps what happens in these channels from now on, as far as there is room for more: what happens in the others is told
    /// nobody later.
    pub(super) fn touch<'a>(&self, topics: impl Iterator<Item = &'a TopicName>) {
        let now = self.clock.now().mono;
        let mut hall = self.lock();
        for topic in topics {
            if hall.touch(topic, now, &self.settings).is_err() {
                // Whoever does something there does it all the same.
                tracing::debug!(topic = topic.as_str(), "there is no room to keep what happens in a channel");
            }
        }
    }

    /// A client is given this cursor.
    pub(super) fn handed(&self, cursor: Timetoken) {
        self.lock().handed(cursor);
    }

    /// The next change of somebody's state to this is not told, because it comes with a request that only says that somebody is
    /// still there.
    pub(super) fn keep_quiet(&self, said: Said) {
        let now = self.clock.now().mono;
        self.lock().quiet.hush(said, now);
    }

    /// There was no such change.
    pub(super) fn speak_again(&self, said: &Said) {
        self.lock().quiet.unhush(said);
    }

    /// The next change of somebody's state to this is told, whatever else tells it at the same time.
    pub(super) fn insist(&self, said: Said) {
        let now = self.clock.now().mono;
        self.lock().quiet.insist(said, now);
    }

    /// There was no such change; whether this is told all the same, because nothing of it has been.
    pub(super) fn insists(&self, said: &Said) -> bool {
        self.lock().quiet.insists(said)
    }

    /// Tells something about presence that is no change, after everything that has happened until now.
    pub(super) fn tell(&self, topic: TopicName, event: Presence) {
        self.asides.put(topic, event);
    }

    /// Somebody has been told of its own join.
    pub(super) fn told(&self, uuid: &PartyId, topic: &TopicName, join: Timetoken) {
        let now = self.clock.now().mono;
        self.lock().told_joins.put(uuid, topic, join, now);
    }

    /// Whether somebody has been told lately that it joined then.
    pub(super) fn has_told(&self, uuid: &PartyId, topic: &TopicName, joined: Timetoken) -> bool {
        self.lock().told_joins.has(uuid, topic, joined)
    }

    /// Requests that are held for a channel group are answered, so that their clients come again and find its new channels.
    pub(super) fn group_changed(&self, group: &str) {
        self.lock().release_group(group);
    }

    /// Holds no request any longer: the hub is about to stop.
    pub(super) fn drain(&self) {
        self.is_draining.store(true, Relaxed);
        self.lock().release_all();
    }

    /// Whether the hub is about to stop.
    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
