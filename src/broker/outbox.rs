//! A session's outgoing queue: bounded in bytes and frames, filled by the broker, drained by the connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::task::AtomicWaker;

use super::encode::Step;
use super::reply::{CloseReason, Notice, Reply, Tag};
use super::rested::Bell;
use crate::core::TopicName;

/// The bounds of an outbox. A queue over either soft bound (half of the hard one) is coalesced; over a hard bound it
/// closes its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most bytes of frames that may wait.
    pub bytes: usize,
    /// The most frames that may wait.
    pub frames: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 256 * 1024, frames: 512 }
    }
}

/// Changes of one topic, encoded for all viewers of one wire form.
#[derive(Debug)]
pub struct Broadcast {
    /// The topic they are of.
    pub topic: TopicName,
    /// The changes, in order; kept so that a slow session's queue can be coalesced.
    pub steps: Vec<Step>,
    /// The frames of all of them.
    pub bytes: Bytes,
}

/// Something for the connection to send.
#[derive(Debug)]
pub enum Item {
    /// Frames shared with other sessions; `Bytes` is what to send, in one piece of the broadcast or with an author's echo in
    /// its place.
    Shared(Arc<Broadcast>, Bytes),
    /// Frames for this session alone.
    Frame(Bytes),
    /// The answer to a request that carried this tag.
    Reply(Tag, Reply),
    /// Something the hub tells the session unasked.
    Notice(Notice),
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits to be sent.
    Queued,
    /// It waits, but the queue is over a soft bound: coalesce before sending more.
    Slow,
    /// The hard bound is reached, for this item or for one shared before it, or the connection is gone: nothing was queued.
    Full,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    frames: usize,
    /// Bytes that the connection has taken but not yet written.
    in_flight: usize,
    /// A [`Notice::Close`] is among the items.
    closing: Option<CloseReason>,
    /// Something shared was refused: what is shared after it is too, until the queue is reclaimed, so that nothing overtakes it.
    has_refused: bool,
    /// To be rung once everything has been sent.
    bell: Option<Box<Bell>>,
    is_closed: bool,
}

impl Queue {
    fn is_idle(&self) -> bool {
        self.items.is_empty() && self.in_flight == 0
    }

    fn has(&self, notice: &Notice) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Notice(other) if other == notice))
    }
}

/// The queue between the broker and one connection. The lock is held for a push or a take, never across an await.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
    bounds: Bounds,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { queue: Mutex::default(), waker: AtomicWaker::new(), bounds }
    }

    /// Its bounds.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Queues an item and wakes the connection. Replies and notices are only refused by a closed outbox: each answers a
    /// request that was taken from this very connection, which bounds them. [`Notice::Rights`] does not, so a topic's waits once.
    pub fn push(&self, item: Item) -> Pushed {
        let mut queue = self.lock();
        let size = size_of(&item);
        let is_answer = matches!(item, Item::Reply(..) | Item::Notice(_));
        let is_over =
            queue.bytes + queue.in_flight + size > self.bounds.bytes || queue.frames >= self.bounds.frames;
        // One item always fits into an empty queue, or a large roster could never be sent.
        let is_shared = matches!(item, Item::Shared(..));
        let is_late = is_shared && queue.has_refused;
        if queue.is_closed || is_late || (is_over && !is_answer && !queue.items.is_empty()) {
            queue.has_refused |= is_shared;
            return Pushed::Full;
        }
        match &item {
            Item::Notice(Notice::Close(reason)) => queue.closing = Some(*reason),
            Item::Notice(notice @ Notice::Rights(_)) if queue.has(notice) => return Pushed::Queued,
            Item::Notice(_) | Item::Reply(..) | Item::Shared(..) | Item::Frame(_) => {}
        }
        queue.items.push_back(item);
        queue.bytes += size;
        queue.frames += 1;
        let is_slow =
            queue.bytes + queue.in_flight > self.bounds.bytes / 2 || queue.frames > self.bounds.frames / 2;
        drop(queue);
        self.waker.wake();
        if is_slow { Pushed::Slow } else { Pushed::Queued }
    }

    /// Moves all waiting items to `taken`, or waits for one. The connection reports with [`Outbox::written`] what it
    /// has got rid of.
    pub fn poll_take(&self, cx: &mut Context<'_>, taken: &mut VecDeque<Item>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.take(taken) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until the session is told to end, however much is queued before that. A connection that cannot write takes
    /// nothing, and would never come to the notice.
    pub fn poll_closing(&self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        self.waker.register(cx.waker());
        self.lock().closing.map_or(Poll::Pending, Poll::Ready)
    }

    fn take(&self, taken: &mut VecDeque<Item>) -> bool {
        let mut queue = self.lock();
        if queue.items.is_empty() {
            return false;
        }
        queue.in_flight += queue.bytes;
        queue.bytes = 0;
        queue.frames = 0;
        // The queue is left without a buffer, so that an idle session holds none.
        if taken.is_empty() {
            *taken = std::mem::take(&mut queue.items);
        } else {
            taken.append(&mut queue.items);
        }
        true
    }

    /// Everything taken so far has been written to the transport.
    pub fn written(&self) {
        let mut queue = self.lock();
        queue.in_flight = 0;
        let bell = if queue.items.is_empty() { queue.bell.take() } else { None };
        drop(queue);
        if let Some(bell) = bell {
            bell.ring();
        }
    }

    /// Rings once everything has been sent, which may be now.
    pub(super) fn await_rest(&self, bell: Bell) {
        let mut queue = self.lock();
        if !queue.is_idle() {
            queue.bell = Some(Box::new(bell));
            return;
        }
        drop(queue);
        bell.ring();
    }

    /// Takes the shared items back out of the queue, in order, so that they can be coalesced.
    pub fn reclaim(&self) -> Vec<Arc<Broadcast>> {
        let mut queue = self.lock();
        queue.has_refused = false;
        let mut reclaimed = Vec::new();
        let mut kept = VecDeque::new();
        for item in std::mem::take(&mut queue.items) {
            if let Item::Shared(broadcast, bytes) = item {
                queue.bytes -= bytes.len();
                queue.frames -= 1;
                reclaimed.push(broadcast);
            } else {
                kept.push_back(item);
            }
        }
        queue.items = kept;
        reclaimed
    }

    /// Whether everything has been sent, so that more may follow.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    /// The connection is gone: nothing more is taken.
    pub fn close(&self) {
        let mut queue = self.lock();
        *queue = Queue { is_closed: true, closing: queue.closing, ..Queue::default() };
    }

    /// The connection goes on with another session, which starts with an empty queue, unless it has been told to end. The broker must have
    /// let go of the session before.
    #[must_use]
    pub fn reopen(&self) -> Option<CloseReason> {
        std::mem::take(&mut *self.lock()).closing
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size_of(item: &Item) -> usize {
    match item {
        Item::Shared(_, bytes) | Item::Frame(bytes) => bytes.len(),
        Item::Reply(..) | Item::Notice(_) => 0,
    }
}
