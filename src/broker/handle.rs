//! How the rest of the hub talks to the broker: bounded on the way in.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::encode::{EncoderId, Roll};
use super::feed::{Feed, FeedRoom, Follower, feed};
use super::outbox::Outbox;
use super::reply::{Reply, ReplyTo};
use super::statuses::{Statuses, Teller, statuses};
use crate::core::{
    Cause, Command, Epoch, Leases, Now, Party, PartyId, Refusal, Rev, Roster, SessionId, Terms, Timetoken,
    TopicName,
};
use crate::engine::{AppSlot, Document, NotKept, Version};

/// A session that begins.
#[derive(Debug)]
pub struct Opening {
    /// Its id, made by the gateway.
    pub session: SessionId,
    /// Whose it is.
    pub party: Arc<Party>,
    /// What it is promised.
    pub terms: Terms,
    /// The wire form of its frames.
    pub encoder: EncoderId,
    /// Where its frames go; the gateway keeps the other end.
    pub outbox: Arc<Outbox>,
}

/// From where somebody who was away goes on watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// A place in the topic's own stream. If everything since is kept, its net is given.
    Place(Epoch, Rev),
    /// A message, by its place in the hub's time, or one that is not known: what was said after it, at most so many bytes.
    Message(Option<Timetoken>, usize),
}

/// Something to be looked up in the broker's turn.
pub(super) type Look = Box<dyn FnOnce(&Roster, &Leases, Now) + Send>;

/// A request to the broker.
pub(super) enum Request {
    Open(Opening),
    /// The connection is gone: the session stays for its graces.
    Detach(SessionId),
    Heard(SessionId),
    Submit {
        command: Command,
        echo: Option<Bytes>,
        reply: ReplyTo,
    },
    Watch {
        session: SessionId,
        topic: TopicName,
        since: Option<Since>,
        reply: ReplyTo,
    },
    Unwatch {
        session: SessionId,
        topic: TopicName,
        reply: ReplyTo,
    },
    Roster {
        topic: TopicName,
        reply: ReplyTo,
    },
    Attended {
        topic: TopicName,
        reply: oneshot::Sender<bool>,
    },
    Read(Look),
    Follow(Follower),
    FollowStatuses(Teller),
    Document {
        key: Arc<str>,
        reply: ReplyTo,
    },
    Keep {
        key: Arc<str>,
        expected: Option<Version>,
        value: Option<Bytes>,
        reply: ReplyTo,
    },
    /// Of one party, or of everybody.
    Rights(Option<PartyId>, TopicName),
    Close(Closing),
}

/// Connections to be closed by the hub.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) sessions: Which,
    pub(super) reason: super::reply::CloseReason,
}

/// Which sessions.
#[derive(Debug)]
pub(super) enum Which {
    All { spread: std::time::Duration },
    Party(PartyId),
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Detach(_) => "Detach",
            Self::Heard(_) => "Heard",
            Self::Submit { .. } => "Submit",
            Self::Watch { .. } => "Watch",
            Self::Unwatch { .. } => "Unwatch",
            Self::Roster { .. } => "Roster",
            Self::Attended { .. } => "Attended",
            Self::Read(_) => "Read",
            Self::Follow(_) => "Follow",
            Self::FollowStatuses(_) => "FollowStatuses",
            Self::Document { .. } => "Document",
            Self::Keep { .. } => "Keep",
            Self::Rights(..) => "Rights",
            Self::Close(_) => "Close",
        })
    }
}

/// One app's way to the broker. Cheap to clone. Every call waits while the broker's inbox is full, which is how callers
/// feel pressure; none waits for the broker's work unless it says so.
#[derive(Debug, Clone)]
pub struct Handle {
    app: AppSlot,
    inbox: mpsc::Sender<(AppSlot, Request)>,
}

impl Handle {
    pub(super) fn new(app: AppSlot, inbox: mpsc::Sender<(AppSlot, Request)>) -> Self {
        Self { app, inbox }
    }

    /// The same broker, for another app.
    #[must_use]
    pub fn for_app(&self, app: AppSlot) -> Self {
        Self { app, inbox: self.inbox.clone() }
    }

    /// How many hundredths of the inbox are taken.
    #[must_use]
    pub fn fullness(&self) -> usize {
        let most = self.inbox.max_capacity();
        (most - self.inbox.capacity()) * 100 / most
    }

    /// Begins a session. If the id is already open, the new connection takes the session over.
    pub async fn open(&self, opening: Opening) {
        self.send(Request::Open(opening)).await;
    }

    /// Says that a session's connection is gone: its graces begin.
    pub async fn detach(&self, session: SessionId) {
        self.send(Request::Detach(session)).await;
    }

    /// Notes a sign of life of a session that has a timeout.
    pub async fn heard(&self, session: SessionId) {
        self.send(Request::Heard(session)).await;
    }

    /// Hands a command over; `echo` comes back on the author's own copy of the change, and the answer goes where `reply`
    /// says.
    pub async fn submit(&self, command: Command, echo: Option<Bytes>, reply: ReplyTo) {
        self.send(Request::Submit { command, echo, reply }).await;
    }

    /// Hands a command over and waits until it is folded.
    pub async fn ask(&self, command: Command) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Submit { command, echo: None, reply: ReplyTo::Caller(reply) }).await;
        answer.await.unwrap_or(Reply::Refused(Refusal::Unavailable))
    }

    /// Makes a session a viewer of a topic, from now or from where it was.
    pub async fn watch(&self, session: SessionId, topic: TopicName, since: Option<Since>, reply: ReplyTo) {
        self.send(Request::Watch { session, topic, since, reply }).await;
    }

    /// Ends a session's watching of a topic.
    pub async fn unwatch(&self, session: SessionId, topic: TopicName, reply: ReplyTo) {
        self.send(Request::Unwatch { session, topic, reply }).await;
    }

    /// Asks for a topic's roster, to be answered with [`Reply::Roster`].
    pub async fn roster(&self, topic: TopicName, reply: ReplyTo) {
        self.send(Request::Roster { topic, reply }).await;
    }

    /// A topic's roster.
    pub async fn snapshot(&self, topic: TopicName) -> Option<Arc<Roll>> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Roster { topic, reply: ReplyTo::Caller(reply) }).await;
        match answer.await {
            Ok(Reply::Roster(roll)) => Some(roll),
            _ => None,
        }
    }

    /// Whether somebody is in a topic or watches it, so that it matters what is said there. `None` if the hub is stopping.
    pub async fn is_attended(&self, topic: TopicName) -> Option<bool> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Attended { topic, reply }).await;
        answer.await.ok()
    }

    /// Looks something up in the roster, in the broker's own turn: keep it short. `None` if the hub is stopping.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Roster, &Leases, Now) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |roster: &Roster, leases: &Leases, now| {
            // The caller may have gone away meanwhile, which is its right.
            drop(reply.send(look(roster, leases, now)));
        });
        self.send(Request::Read(look)).await;
        answer.await.ok()
    }

    /// Follows every change of the app, beginning with the requests that are made after this one. The feed holds what
    /// there is room for; a follower that lets more wait is told the net of what it missed, topic by topic. Whoever needs to know what
    /// was before reads the roster afterwards, and passes over the changes that are in it by their stamps.
    pub async fn follow(&self, room: FeedRoom) -> Feed {
        let (follower, feed) = feed(room, true);
        self.send(Request::Follow(follower)).await;
        feed
    }

    /// The same without messages, of which there may be so many that they would crowd out everything else. It holds so many changes.
    pub async fn follow_changes(&self, changes: usize) -> Feed {
        let (follower, feed) = feed(FeedRoom { changes, bytes: usize::MAX }, false);
        self.send(Request::Follow(follower)).await;
        feed
    }

    /// Follows whose status may have changed, beginning with the requests that are made after this one: by any of its sessions in any
    /// topic, or by hand. How it is then is to be read.
    pub async fn follow_statuses(&self) -> Statuses {
        let (teller, feed) = statuses();
        self.send(Request::FollowStatuses(teller)).await;
        feed
    }

    /// Ends every session of the app on this node at once, because the node ends: nobody is left to come back to it.
    pub async fn end_all(&self) {
        let sessions = self.read(|_, leases, _| leases.sessions().collect::<Vec<_>>()).await;
        for session in sessions.unwrap_or_default() {
            self.submit(Command::End(session, Cause::Closed), None, ReplyTo::Nobody).await;
        }
        // Whoever follows has been told once this is answered.
        self.read(|_, _, _| ()).await;
    }

    /// The app's document of this name as it is now, if there is one.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] if it cannot be read now.
    pub async fn document(&self, key: &str) -> Result<Option<Document>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Document { key: key.into(), reply: ReplyTo::Caller(reply) }).await;
        match answer.await {
            Ok(Reply::Document(document)) => Ok(document),
            _ => Err(Refusal::Unavailable),
        }
    }

    /// Writes a document if its version is still the expected one (`None`: there is none), or with the value `None`
    /// deletes it. Waits until that is done, and says its new version.
    ///
    /// # Errors
    /// Says why it was not written; after a [`NotKept::Conflict`] read it again.
    pub async fn keep(
        &self,
        key: &str,
        expected: Option<Version>,
        value: Option<Bytes>,
    ) -> Result<Option<Version>, NotKept> {
        let (reply, answer) = oneshot::channel();
        let reply = ReplyTo::Caller(reply);
        self.send(Request::Keep { key: key.into(), expected, value, reply }).await;
        match answer.await {
            Ok(Reply::Kept(outcome)) => outcome,
            _ => Err(NotKept::Unavailable),
        }
    }

    /// Tells the sessions of a party that watch a topic, on this node, that what they may do there may have changed.
    pub async fn rights_changed(&self, party: PartyId, topic: TopicName) {
        self.send(Request::Rights(Some(party), topic)).await;
    }

    /// Tells all sessions that watch a topic, on this node, the same.
    pub async fn all_rights_changed(&self, topic: TopicName) {
        self.send(Request::Rights(None, topic)).await;
    }

    /// Ends all connections of a party, on this node.
    pub async fn close_party(&self, party: PartyId, reason: super::reply::CloseReason) {
        self.send(Request::Close(Closing { sessions: Which::Party(party), reason })).await;
    }

    /// Ends all connections of the app, telling each to come back at another moment of the window.
    pub async fn drain(&self, spread: std::time::Duration) {
        let reason = super::reply::CloseReason::Restarting(spread);
        self.send(Request::Close(Closing { sessions: Which::All { spread }, reason })).await;
    }

    /// How many requests wait in the broker's inbox.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.inbox.max_capacity() - self.inbox.capacity()
    }

    async fn send(&self, request: Request) {
        // A broker that is gone means the hub is stopping; the connections are told by their own drain.
        drop(self.inbox.send((self.app, request)).await);
    }
}
