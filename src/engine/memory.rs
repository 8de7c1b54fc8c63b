//! The engine of a single node: ordering is a counter, and what is submitted arrives in the same turn.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::shelf::Shelf;
use super::{AppSlot, Arrival, DocumentLimits, Engine, Ordered, Rows, Submission, Ticket, Write};
use crate::core::{
    Entry, Epoch, NodeId, Now, Op, Record, Refusal, Rev, SessionId, Stamp, Timetoken, TopicName, Wall,
};

type Key = (AppSlot, TopicName);

/// What is kept of a topic.
#[derive(Debug)]
struct Kept {
    stamp: Stamp,
    /// With the record by which each spoke last.
    rows: HashMap<SessionId, (Rev, Arc<Entry>)>,
    /// The nodes that have watchers here; their viewers count on the numbering to go on.
    watching: HashSet<NodeId>,
}

impl Kept {
    fn is_idle(&self) -> bool {
        self.rows.is_empty() && self.watching.is_empty()
    }

    fn keep(&mut self, op: &Op) {
        let rev = self.stamp.rev;
        match op {
            Op::Enter(session, entry) => {
                self.rows.insert(*session, (rev, Arc::clone(entry)));
            }
            Op::Update(session, content) => {
                if let Some(row) = self.rows.get_mut(session) {
                    *row = (rev, Arc::new(Entry { content: content.clone(), ..Entry::clone(&row.1) }));
                }
            }
            Op::Leave { session, .. } => {
                self.rows.remove(session);
            }
            Op::Watchers(node, 0) => {
                self.watching.remove(node);
            }
            Op::Watchers(node, _) => {
                self.watching.insert(*node);
            }
            Op::Detach(_)
            | Op::Attach(_)
            | Op::Message(_)
            | Op::Retained(..)
            | Op::State { .. }
            | Op::Override(..) => {}
        }
    }
}

/// Orders with a counter per topic and remembers the rows.
#[derive(Debug)]
pub struct Memory {
    topics: HashMap<Key, Kept>,
    /// Topics without rows or watchers, by their newest record.
    idle: BTreeSet<(Timetoken, Key)>,
    arrivals: VecDeque<Arrival>,
    waker: Option<Waker>,
    last: Timetoken,
    /// Each life of a topic's numbering gets the next one; it starts at the wall time, so a restart never repeats one.
    next_epoch: u64,
    retention: Duration,
    documents: Shelf,
}

impl Memory {
    /// An engine whose timetokens start after `floor`, and which forgets a topic's numbering when it has had no session, no
    /// watcher and no record for `retention`. The retention must not be shorter than the roster's, or its revs would start again.
    #[must_use]
    pub fn new(now: Now, floor: Timetoken, retention: Duration) -> Self {
        Self {
            topics: HashMap::new(),
            idle: BTreeSet::new(),
            arrivals: VecDeque::new(),
            waker: None,
            last: floor,
            next_epoch: now.wall.0.max(floor.0),
            retention,
            documents: Shelf::new(DocumentLimits::default(), now.wall.0),
        }
    }

    /// The same engine, with other bounds on what an app may keep.
    #[must_use]
    pub fn with_documents(mut self, limits: DocumentLimits) -> Self {
        self.documents.limit(limits);
        self
    }

    fn stamp(&mut self, now: Now, key: &Key) -> Stamp {
        self.last = Timetoken(now.wall.0.max(self.last.0 + 1));
        let timetoken = self.last;
        match self.topics.get_mut(key) {
            Some(kept) => {
                if kept.is_idle() {
                    self.idle.remove(&(kept.stamp.timetoken, key.clone()));
                }
                kept.stamp = Stamp { rev: Rev(kept.stamp.rev.0 + 1), timetoken, ..kept.stamp };
                kept.stamp
            }
            None => {
                self.next_epoch += 1;
                let stamp = Stamp { epoch: Epoch(self.next_epoch), rev: Rev(1), timetoken };
                self.topics
                    .insert(key.clone(), Kept { stamp, rows: HashMap::new(), watching: HashSet::new() });
                stamp
            }
        }
    }

    fn order(&mut self, now: Now, app: AppSlot, record: Record) -> Result<Ordered, Refusal> {
        let key = (app, record.topic.clone());
        if self.is_stale(&key, &record.op) {
            return Err(Refusal::UnknownSession);
        }
        let stamp = self.stamp(now, &key);
        if let Some(kept) = self.topics.get_mut(&key) {
            kept.keep(&record.op);
            if kept.is_idle() {
                self.idle.insert((stamp.timetoken, key));
            }
        }
        Ok(Ordered { app, stamp, record })
    }

    /// An older owner of a session cannot take it back.
    fn is_stale(&self, key: &Key, op: &Op) -> bool {
        let Op::Enter(session, entry) = op else { return false };
        let row = self.topics.get(key).and_then(|kept| kept.rows.get(session));
        row.is_some_and(|(_, row)| row.generation > entry.generation || row.party.id != entry.party.id)
    }

    fn arrive(&mut self, arrival: Arrival) {
        self.arrivals.push_back(arrival);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Engine for Memory {
    fn submit(&mut self, now: Now, submission: Submission) {
        let Submission { app, ticket, records } = submission;
        let count = records.len();
        for (place, record) in records.into_iter().enumerate() {
            match self.order(now, app, record) {
                Ok(ordered) => {
                    let is_last = place + 1 == count;
                    self.arrive(Arrival::Ordered(ordered, is_last.then_some(ticket)));
                }
                Err(refusal) => return self.arrive(Arrival::Refused(ticket, refusal)),
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        if let Some(arrival) = self.arrivals.pop_front() {
            return Poll::Ready(arrival);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn ask(&mut self, app: AppSlot, topic: &TopicName) {
        let kept = self.topics.get(&(app, topic.clone()));
        let stamp = kept.map(|kept| kept.stamp).unwrap_or_default();
        let mut rows: Vec<_> = kept.into_iter().flat_map(|kept| &kept.rows).collect();
        rows.sort_by_key(|(_, (spoke, _))| *spoke);
        let rows = rows.into_iter().map(|(id, (_, entry))| (*id, Arc::clone(entry))).collect();
        let rows = Rows { app, topic: topic.clone(), stamp, rows };
        self.arrive(Arrival::Rows(rows));
    }

    fn read(&mut self, app: AppSlot, ticket: Ticket, key: &str) {
        let document = self.documents.find(app, key);
        self.arrive(Arrival::Document(ticket, document));
    }

    fn write(&mut self, write: Write) {
        let ticket = write.ticket;
        let outcome = self.documents.write(write);
        self.arrive(Arrival::Kept(ticket, outcome));
    }

    fn sweep(&mut self, now: Now) {
        let ticks = u64::try_from(self.retention.as_micros()).unwrap_or(u64::MAX).saturating_mul(10);
        let is_due = |since: Timetoken| Wall(since.0.saturating_add(ticks)) <= now.wall;
        while self.idle.first().is_some_and(|(since, _)| is_due(*since)) {
            if let Some((_, key)) = self.idle.pop_first() {
                self.topics.remove(&key);
            }
        }
    }
}
