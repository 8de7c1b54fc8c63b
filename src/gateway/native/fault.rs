//! What goes wrong in the dialect: a code for programs and a sentence for people. The one table of its codes.

use std::borrow::Cow;

use presence_protocol::socketio::PacketError;

use crate::broker::NotKept;
use crate::core::{NameError, Refusal};
use crate::gateway::json::{self, Excess};
use crate::gateway::spaces::Wrong;
use crate::gateway::token::Refused;

/// Something went wrong, and the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// A fault with a fixed text.
    #[must_use]
    pub const fn new(code: &'static str, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message) }
    }

    /// Appends it as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        json::object(out, |fault| {
            fault.text("code", self.code);
            fault.text("message", &self.message);
        });
    }

    /// As a payload or body of its own: `{"error":{...}}`.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        json::object(&mut out, |body| self.write(body.key("error")));
        out
    }
}

/// The connection has not said who it is.
pub const NOT_AUTHENTICATED: Fault = Fault::new("not.authenticated", "authenticate first");
/// The text is not JSON.
pub const INVALID_JSON: Fault = Fault::new("invalid.json", "a frame is JSON");
/// No such event is known.
pub const UNKNOWN_EVENT: Fault = Fault::new("unknown.event", "the hub knows no event of this name");
/// A binary frame came.
pub const BINARY: Fault = Fault::new("invalid.frame", "frames of this dialect are text");
/// A binary message came that belongs to no packet.
pub const STRAY_BINARY: Fault = Fault::new("invalid.frame", "no packet has announced this binary message");
/// A packet came before the parts of the one before it.
pub const INTERRUPTED: Fault =
    Fault::new("invalid.frame", "the attachments of a packet come before the next packet");
/// The parts of a packet did not come.
pub const NO_ATTACHMENTS: Fault = Fault::new(
    "invalid.frame",
    "the attachments of a packet come within socketio.attachment_timeout after it",
);
/// The packet has too many parts.
pub const MANY_ATTACHMENTS: Fault =
    Fault::new("invalid.frame", "a packet has no more attachments than socketio.attachments allows");
/// The parts of a packet are too long.
pub const LONG_ATTACHMENTS: Fault = Fault::new(
    "too.large",
    "a packet and its attachments together are longer than limits.frame_bytes allows",
);
/// The connection speaks in another namespace.
pub const ELSEWHERE: Fault =
    Fault::new("invalid.frame", "a connection speaks in one namespace; use another connection for another");
/// The telephone that an event names as its sender is none.
pub const NO_TELEPHONE: Fault =
    Fault::new("invalid.parameters", "a sender of type phone has an _id of 1 to 128 bytes");
/// Telephones come and go, and no more.
pub const TELEPHONE_CATEGORY: Fault =
    Fault::new("invalid.parameters", "a telephone can be named in party.online and party.leaves only");
/// The connection speaks for as many telephones as are allowed.
pub const TOO_MANY_TELEPHONES: Fault =
    Fault::new("too.many.parties", "the connection speaks for as many telephones as limits.dial_ins allows");
/// More came than is allowed.
pub const TOO_FAST: Fault = Fault::new("too.fast", "this is too often; slow down");
/// The session watches as many topics as are allowed.
pub const TOO_MANY_TOPICS: Fault = Fault::new(
    "too.many.topics",
    "the session is subscribed to as many channels as limits.topics_per_session allows",
);
/// The payload names no channel.
pub const NO_CHANNEL: Fault = Fault::new("invalid.parameters", "channel data was not provided");
/// The token does not allow it.
pub const NOT_AUTHORIZED: Fault = Fault::new("not.authorized", "the token does not allow this");
/// The topic is not subscribed.
pub const NOT_SUBSCRIBED: Fault =
    Fault::new("app.event.channel.subscription.required", "the connection is not subscribed to the channel");
/// The subscription ended before it began.
pub const CANCELLED: Fault = Fault::new("cancelled", "the subscription was ended before it began");
/// The event has no category.
pub const NO_CATEGORY: Fault = Fault::new("invalid.parameters", "an event has a category");
/// The category is too long.
pub const LONG_CATEGORY: Fault = Fault::new("invalid.parameters", "a category has at most 128 bytes");
/// The hub ends.
pub const STOPPING: Fault = Fault::new("unavailable", "the hub is stopping");
/// Only the hub says such things.
pub const RESERVED: Fault = Fault::new("not.authorized", "events of this category are made by the hub");
/// The content is no object.
pub const BAD_CONTENT: Fault = Fault::new("invalid.parameters", "content is an object");
/// The content is too long.
pub const LONG_CONTENT: Fault =
    Fault::new("too.large", "the content is longer than limits.content_bytes allows");
/// The body of a request is too long.
pub const LONG_BODY: Fault = Fault::new("too.large", "the body is too long");
/// Nobody can receive the event.
pub const BAD_RECEIVERS: Fault =
    Fault::new("invalid.parameters", "receivers is a list of users, each with an _id, and not too long");

impl From<PacketError> for Fault {
    fn from(error: PacketError) -> Self {
        Self { code: "invalid.frame", message: error.to_string().into() }
    }
}

impl From<NameError> for Fault {
    fn from(error: NameError) -> Self {
        Self { code: "invalid.parameters", message: format!("the channel's _id {error}").into() }
    }
}

impl From<Excess> for Fault {
    fn from(excess: Excess) -> Self {
        let code = match excess {
            Excess::Depth => "too.deep",
            Excess::Keys | Excess::String => "too.large",
            Excess::Surrogate | Excess::Number => "invalid.json",
        };
        Self { code, message: excess.to_string().into() }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::UnknownSession => "session.ended",
            Refusal::TopicFull => "topic.full",
            Refusal::StatesFull => "states.full",
            Refusal::Unavailable => "unavailable",
        };
        Self { code, message: refusal.to_string().into() }
    }
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Self {
        let code = match wrong {
            Wrong::Password => "not.authorized.by.password",
            Wrong::TooManyTries | Wrong::TooFast => "too.fast",
            Wrong::Absent => "not.found",
            Wrong::Private | Wrong::NotAdmin => "not.authorized",
            Wrong::Title | Wrong::LongPassword | Wrong::Direct | Wrong::LastAdmin => "invalid.parameters",
            Wrong::NotKept(NotKept::TooLarge) => "too.large",
            Wrong::TooMany | Wrong::NotKept(NotKept::Full) => "too.many.spaces",
            Wrong::NotKept(NotKept::Conflict) => "conflict",
            Wrong::NotKept(NotKept::Unavailable) | Wrong::Unavailable => "unavailable",
        };
        Self { code, message: wrong.to_string().into() }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self { code: "not.authenticated", message: refused.to_string().into() }
    }
}
