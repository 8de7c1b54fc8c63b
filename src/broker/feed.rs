//! A feed of an app's changes to a consumer inside the process: in the order of each topic, bounded, and never waited for.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::sync::Notify;

use crate::core::{Change, ChangeKind, Edge, Net, TopicName};

/// What a follower is told. Of one topic everything comes in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something changed.
    Change(Arc<Change>),
    /// The follower was too slow for its bound. What it missed follows, one [`Told::Net`] for each topic that differs.
    Behind {
        /// How many changes were folded into those nets.
        changes: u64,
        /// How many messages are lost, which have no net.
        messages: u64,
    },
    /// What is left of the changes that were missed in one topic.
    Net(Missed),
}

/// The net of what was missed in one topic: applied to what the follower knew, it makes what the roster was then. A party that
/// came and went is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// At most one change a party, in the order of their revs, without edges.
    pub changes: Vec<Arc<Change>>,
    /// Whether the topic is occupied now and was not, or the other way round.
    pub edge: Option<Edge>,
    /// The newest change that was missed: it has the stamp and the counts that hold now.
    pub last: Arc<Change>,
}

/// What a change takes beside what it says, about.
const OWN_BYTES: usize = 512;

/// How much may wait for a follower before it is told the net of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRoom {
    /// Changes.
    pub changes: usize,
    /// About how many bytes these have together.
    pub bytes: usize,
}

/// Tells those who cause changes how far behind a follower is.
#[derive(Debug, Clone)]
pub struct Backlog(Arc<Shared>);

impl Backlog {
    /// Waits until half of the room is enough for so many bytes more, and promises them; so that what whoever waits says next is not
    /// lost on the follower. The other half is for those who do not ask.
    pub async fn room_for(&self, bytes: usize) -> Promise {
        let bytes = OWN_BYTES.saturating_add(bytes);
        loop {
            let mut eased = std::pin::pin!(self.0.eased.notified());
            eased.as_mut().enable();
            if self.0.promise(bytes) {
                return Promise { shared: Arc::clone(&self.0), bytes };
            }
            eased.await;
        }
    }
}

/// Room for something that is about to be said, until it has been.
#[derive(Debug)]
pub struct Promise {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.promised = queue.promised.saturating_sub(self.bytes);
        drop(queue);
        self.shared.eased.notify_waiters();
    }
}

/// The consumer's end. Dropping it ends the feed.
#[derive(Debug)]
pub struct Feed(Arc<Shared>);

/// The broker's end. Dropping it ends the feed too.
#[derive(Debug)]
pub(super) struct Follower {
    shared: Arc<Shared>,
    wants_messages: bool,
}

/// The lock is held for a push or a take, never across an await.
#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
    eased: Notify,
    room: FeedRoom,
}

#[derive(Debug, Default)]
struct Queue {
    changes: Vec<Arc<Change>>,
    /// About how many bytes these have together.
    bytes: usize,
    /// How many more are promised.
    promised: usize,
    /// Whether something found no room.
    is_full: bool,
    /// What came while the queue was full, which it is until the follower has taken all of it: so no topic's order is lost.
    missed: HashMap<TopicName, Gap>,
    missed_changes: u64,
    missed_messages: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Gap {
    net: Net,
    edge: Option<Edge>,
    last: Arc<Change>,
}

/// Both ends of a feed that holds what there is room for, at least one change, and beyond it a net of at most the parties there are
/// and were.
pub(super) fn feed(room: FeedRoom, wants_messages: bool) -> (Follower, Feed) {
    let (queue, waker, eased) = (Mutex::default(), AtomicWaker::new(), Notify::new());
    let shared = Arc::new(Shared { queue, waker, eased, room });
    (Follower { shared: Arc::clone(&shared), wants_messages }, Feed(shared))
}

impl Follower {
    /// Tells the follower; whether it still listens.
    pub(super) fn push(&self, change: &Arc<Change>) -> bool {
        let mut queue = self.shared.lock();
        if queue.is_closed {
            return false;
        }
        if !self.wants_messages && matches!(change.kind, ChangeKind::Message(_)) {
            return true;
        }
        queue.take(change, self.shared.room);
        let was_empty = queue.changes.len() == 1;
        drop(queue);
        if was_empty {
            self.shared.waker.wake();
        }
        true
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.waker.wake();
    }
}

impl Feed {
    /// Waits until there is something, and takes all of it. `None` once the hub has stopped and everything has been taken.
    pub async fn take(&mut self) -> Option<Vec<Told>> {
        poll_fn(|cx| self.poll_take(cx)).await
    }

    /// What tells others how far behind this is.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        Backlog(Arc::clone(&self.0))
    }

    fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<Told>>> {
        self.0.waker.register(cx.waker());
        let mut queue = self.0.lock();
        if queue.changes.is_empty() {
            return if queue.is_closed { Poll::Ready(None) } else { Poll::Pending };
        }
        let is_closed = queue.is_closed;
        let empty = Queue { is_closed, promised: queue.promised, ..Queue::default() };
        let Queue { changes, missed, missed_changes, missed_messages, .. } =
            std::mem::replace(&mut *queue, empty);
        drop(queue);
        self.0.eased.notify_waiters();
        let mut told: Vec<_> = changes.into_iter().map(Told::Change).collect();
        if missed_changes + missed_messages > 0 {
            told.push(Told::Behind { changes: missed_changes, messages: missed_messages });
            let mut nets: Vec<_> = missed.into_values().map(Missed::from).collect();
            nets.sort_by_key(|net| net.last.stamp.timetoken);
            told.extend(nets.into_iter().map(Told::Net));
        }
        Poll::Ready(Some(told))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        *self.0.lock() = Queue { is_closed: true, ..Queue::default() };
        self.0.eased.notify_waiters();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn promise(&self, bytes: usize) -> bool {
        let mut queue = self.lock();
        let taken = queue.bytes.saturating_add(queue.promised);
        let fits = queue.changes.len() <= self.room.changes / 2
            && taken.saturating_add(bytes) <= self.room.bytes / 2;
        let is_granted = fits || taken == 0 || queue.is_closed;
        if is_granted {
            queue.promised = queue.promised.saturating_add(bytes);
        }
        is_granted
    }
}

impl Queue {
    fn take(&mut self, change: &Arc<Change>, room: FeedRoom) {
        let bytes = OWN_BYTES + change.bytes();
        let fits = self.changes.len() < room.changes && self.bytes.saturating_add(bytes) <= room.bytes;
        // Once something has found no room, nothing has until all is taken: so no topic's order is lost.
        if self.is_full || !fits && !self.changes.is_empty() {
            self.is_full = true;
            return self.miss(change);
        }
        self.bytes += bytes;
        self.changes.push(Arc::clone(change));
    }

    fn miss(&mut self, change: &Arc<Change>) {
        if matches!(change.kind, ChangeKind::Message(_)) {
            self.missed_messages += 1;
            return;
        }
        self.missed_changes += 1;
        let begin = || Gap { net: Net::default(), edge: None, last: Arc::clone(change) };
        let gap = self.missed.entry(change.topic.clone()).or_insert_with(begin);
        gap.net.push(change);
        gap.last = Arc::clone(change);
        if let Some(edge) = change.edge {
            // Edges alternate, so a second one takes the first one back.
            gap.edge = if gap.edge.is_some() { None } else { Some(edge) };
        }
        // Who came to an empty topic has gone: it is what it was, and keeps no place here.
        if change.edge == Some(Edge::Vacated) && gap.edge.is_none() && gap.net.is_empty() {
            self.missed.remove(&change.topic);
        }
    }
}

impl From<Gap> for Missed {
    fn from(mut gap: Gap) -> Self {
        Self { changes: gap.net.take(), edge: gap.edge, last: gap.last }
    }
}
