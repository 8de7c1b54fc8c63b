//! Engines: what orders records, stamps them, keeps them, and gives snapshots.
//!
//! An engine knows nothing of members, joins or counts: it gives each record its place, refuses those of a stale owner
//! and remembers which sessions are where. What a record means is folded by the core, on every node alike. Beside the
//! records it keeps documents, which are not ordered with them. Nothing here waits: the broker submits, and asks what
//! has arrived.

mod document;
pub mod highwater;
mod memory;
mod shelf;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::core::{Entry, Now, Record, Refusal, SessionId, Stamp, TopicName};

pub use document::{Document, DocumentLimits, NotKept, Version, Write};
pub use memory::Memory;

/// The place of an app among those the hub serves; every engine keeps apps apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppSlot(pub u16);

/// Names a submission until its last record has arrived, and a request about a document until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Records to be ordered one after the other.
#[derive(Debug)]
pub struct Submission {
    /// Whose topics.
    pub app: AppSlot,
    /// Comes back with the last arrival.
    pub ticket: Ticket,
    /// At least one record.
    pub records: Vec<Record>,
}

/// A record in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Whose topic.
    pub app: AppSlot,
    /// Its place.
    pub stamp: Stamp,
    /// What it says.
    pub record: Record,
}

/// Who is in a topic at one instant, as an engine remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Whose topic.
    pub app: AppSlot,
    /// The topic.
    pub topic: TopicName,
    /// The newest record that is in it.
    pub stamp: Stamp,
    /// The sessions, with what each said last, in the order in which they said it.
    pub rows: Vec<(SessionId, Arc<Entry>)>,
}

/// What an engine has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A record has its place. The ticket stands on the last one of a submission that was made here.
    Ordered(Ordered, Option<Ticket>),
    /// A submission was refused, in part or whole, or a document could not be read; nothing more of it will arrive.
    Refused(Ticket, Refusal),
    /// The answer to [`Engine::ask`].
    Rows(Rows),
    /// The answer to [`Engine::read`]: the document, if there is one.
    Document(Ticket, Option<Document>),
    /// The answer to [`Engine::write`]: the document's new version, or none if it was deleted.
    Kept(Ticket, Result<Option<Version>, NotKept>),
    /// The engine lost what it knew of this node's sessions and wants them entered again.
    Resync(AppSlot),
    /// Whether what arrives is current; while it is not, nobody is said to have left.
    Freshness(bool),
}

/// What the broker asks of an engine.
///
/// The promises, which `tests/engine` checks on each implementation: the revs of a topic are contiguous within an
/// epoch; timetokens strictly increase over everything; all nodes see one order; rows plus later records are later
/// rows; an entry of a lower generation than the one kept is refused. Of several writers of a document who expect the same
/// version one succeeds, on whichever nodes they are; who reads after a write was answered finds it, or a later one; apps'
/// documents are apart and bounded; every read and write is answered, if need be as unavailable.
pub trait Engine: Send + fmt::Debug {
    /// Hands records over. Never blocks: what cannot be taken arrives as refused.
    fn submit(&mut self, now: Now, submission: Submission);

    /// The next arrival, in order; wakes the task when there is one.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival>;

    /// Asks for the rows of a topic; they arrive in the order of records.
    fn ask(&mut self, app: AppSlot, topic: &TopicName);

    /// Asks for a document by its key.
    fn read(&mut self, app: AppSlot, ticket: Ticket, key: &str);

    /// Writes a document.
    fn write(&mut self, write: Write);

    /// Time has passed: forgets what nobody can ask for any more.
    fn sweep(&mut self, now: Now);
}
