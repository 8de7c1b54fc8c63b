//! What the broker answers, and what it says unasked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::encode::{Roll, Step};
use crate::core::{Epoch, Refusal, Rev, SessionId, Stamp, TopicName};
use crate::engine::{Document, NotKept, Version};

/// A number by which a connection knows its own request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// Where an answer goes.
#[derive(Debug)]
pub enum ReplyTo {
    /// Into the session's outbox, in order with everything else it is sent.
    Session(SessionId, Tag),
    /// To whoever waits for it.
    Caller(oneshot::Sender<Reply>),
    /// Nobody asked.
    Nobody,
}

/// An answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The command was ordered and folded.
    Done {
        /// The place of its last record.
        stamp: Stamp,
        /// Whether viewers are told of it, its author's own copy included; they are not told of what changed nothing,
        /// nor at once of what changed only a number of sessions.
        is_change: bool,
    },
    /// The command would have changed nothing.
    Unchanged,
    /// The command was refused.
    Refused(Refusal),
    /// The session watches the topic.
    Watching(Watching),
    /// The session does not watch the topic any more; whether it did before. Also the answer to a request to watch that
    /// was withdrawn, or replaced by another, before it could be granted.
    Unwatched(bool),
    /// A roster that was asked for.
    Roster(Arc<Roll>),
    /// A document that was asked for, if there is one.
    Document(Option<Document>),
    /// What became of a write: the document's new version, or none if it was deleted.
    Kept(Result<Option<Version>, NotKept>),
}

/// The start of a viewer's stream.
#[derive(Debug, Clone)]
pub struct Watching {
    /// The roster.
    pub roll: Arc<Roll>,
    /// The topic's epoch.
    pub epoch: Epoch,
    /// The rev that the viewer's next frame follows, after those of `missed`.
    pub rev: Rev,
    /// With a resume from a place that succeeded: the net of what the viewer missed; the roster need not be sent then. With one from a
    /// message: what was said since, or as much as is known of it.
    pub missed: Option<Vec<Step>>,
    /// Whether `missed` is everything since.
    pub is_complete: bool,
}

/// What the hub tells a session unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The party was removed from a topic: the session is no longer member or watcher there.
    Removed(TopicName),
    /// What the party may do in a topic that the session watches may have changed.
    Rights(TopicName),
    /// The session must end: the connection sends what its dialect has for the reason, and closes.
    Close(CloseReason),
}

/// Why the hub ends a connection. The one table that says whether, and when, a client should come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The session could not keep up with what it watches.
    TooSlow,
    /// The hub restarts; come back after this long, which differs per client.
    Restarting(Duration),
    /// An administrator ended the session, or another took its place.
    Ended,
    /// The token has expired.
    TokenExpired,
    /// Nothing was heard for too long.
    TimedOut,
    /// Too many control frames, or too much coming and going.
    TooFast,
    /// Authentication took too long.
    AuthenticationTimeout,
    /// The token was refused.
    NotAuthenticated,
    /// There are as many connections as are allowed; come back after this long.
    TooManyConnections(Duration),
    /// The client broke the WebSocket protocol.
    Protocol,
    /// A frame was not valid UTF-8.
    InvalidText,
    /// A frame or message was larger than allowed.
    TooLarge,
    /// The hub failed; nothing the client did.
    Internal,
    /// The client said goodbye.
    Bye,
}

/// What a client should do after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Stay away: the same again would end the same.
    Never,
    /// Come back, waiting longer each time.
    Backoff,
    /// Come back after this long.
    After(Duration),
    /// Come back with a new token.
    NewToken,
}

impl CloseReason {
    /// The WebSocket close code.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Bye => 1000,
            Self::TimedOut => 1001,
            Self::Protocol => 1002,
            Self::InvalidText => 1007,
            Self::TooFast => 1008,
            Self::TooLarge => 1009,
            Self::Internal => 1011,
            Self::Restarting(_) => 1012,
            Self::TooSlow => 4008,
            Self::TokenExpired | Self::NotAuthenticated => 4401,
            Self::AuthenticationTimeout => 4408,
            Self::Ended => 4410,
            Self::TooManyConnections(_) => 4429,
        }
    }

    /// What the client should do.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::Bye | Self::Protocol | Self::InvalidText | Self::TooLarge | Self::Ended => Retry::Never,
            Self::TimedOut | Self::Internal | Self::TooSlow => Retry::Backoff,
            Self::TooFast => Retry::After(Duration::from_secs(30)),
            Self::Restarting(after) | Self::TooManyConnections(after) => Retry::After(after),
            Self::TokenExpired | Self::NotAuthenticated | Self::AuthenticationTimeout => Retry::NewToken,
        }
    }
}

impl fmt::Display for CloseReason {
    /// The reason text of the close frame: at most 123 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Bye => "bye",
            Self::TimedOut => "going away: nothing was heard for too long",
            Self::Protocol => "protocol error",
            Self::InvalidText => "text frames must be valid UTF-8",
            Self::TooFast => "too fast; come back after 30 s",
            Self::TooLarge => "frame too large; see limits.frame_bytes",
            Self::Internal => "internal error",
            Self::Restarting(after) => return write!(f, "restarting; retry after {} ms", after.as_millis()),
            Self::TooSlow => "too slow: the outbox is full; reconnect and resume",
            Self::TokenExpired => "the token has expired",
            Self::NotAuthenticated => "not authenticated",
            Self::AuthenticationTimeout => "authentication took too long",
            Self::Ended => "ended by an administrator",
            Self::TooManyConnections(after) => {
                return write!(f, "too many connections; retry after {} ms", after.as_millis());
            }
        };
        f.write_str(text)
    }
}
