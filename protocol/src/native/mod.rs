//! The native dialect: the events of Avaya-Spaces-style clients, as `native.md` describes them.
//!
//! What clients send is read leniently, with the unknown kept; what the hub sends are plain serde types, for clients
//! written in Rust, for tests and for tools. The hub itself writes its hot payloads by hand, and is tested against these.

mod channel;
mod frame;
#[cfg(test)]
mod golden;
mod message;
mod party;
mod presence;
mod rest;

pub use channel::{
    ChannelId, ChannelRef, ChannelSubscribed, ChannelUnsubscribed, Occupancy, RosterEntry, RosterHub, Since,
    SubscribeChannel, SubscribeChannelFailed, SubscribedHub,
};
pub use frame::{ClientFrame, Fault, FrameError, MAX_ID_BYTES, ServerFrame};
pub use message::{MessageSent, SendMedia, SendMessage, SendMessageFailed};
pub use party::{Attendee, AttendeeType, Role, Sender, User};
pub use presence::{PresenceHub, PresenceResponse, Receivers, SendPresence};
pub use rest::{
    ActiveMeeting, AnonymousAuth, AttendeeRole, DemoToken, DemoTokenRequest, InviteTopic, InvitedTopic,
    Invitee, Me, MediaToken, Members, RoleChange, ServiceConfigurations, Space, SpaceInvite, SpaceInvited,
    SpaceJoin, SpaceMember, SpaceSettings, SpacesConfiguration, Token,
};

/// The names of events.
pub mod event {
    /// A client says who it is.
    pub const AUTHENTICATE: &str = "AUTHENTICATE";
    /// The hub knows who the client is.
    pub const AUTHENTICATED: &str = "AUTHENTICATED";
    /// The hub does not believe the client.
    pub const AUTHENTICATE_FAILED: &str = "AUTHENTICATE_FAILED";
    /// The token ends soon.
    pub const TOKEN_EXPIRING: &str = "TOKEN_EXPIRING";
    /// A request was taken, or not.
    pub const ACK: &str = "ACK";
    /// A frame that could not be understood.
    pub const ERROR: &str = "ERROR";
    /// A client wants to watch a topic.
    pub const SUBSCRIBE_CHANNEL: &str = "SUBSCRIBE_CHANNEL";
    /// It does.
    pub const CHANNEL_SUBSCRIBED: &str = "CHANNEL_SUBSCRIBED";
    /// It may not.
    pub const SUBSCRIBE_CHANNEL_FAILED: &str = "SUBSCRIBE_CHANNEL_FAILED";
    /// A client wants to leave a topic and watch it no longer.
    pub const UNSUBSCRIBE_CHANNEL: &str = "UNSUBSCRIBE_CHANNEL";
    /// It does not watch it any more.
    pub const CHANNEL_UNSUBSCRIBED: &str = "CHANNEL_UNSUBSCRIBED";
    /// A client says something about its presence.
    pub const SEND_PRESENCE_EVENT: &str = "SEND_PRESENCE_EVENT";
    /// Something about somebody's presence.
    pub const PRESENCE_EVENT_RESPONSE: &str = "PRESENCE_EVENT_RESPONSE";
    /// A client says something in a topic.
    pub const SEND_MESSAGE: &str = "SEND_MESSAGE";
    /// Something was said in a topic.
    pub const MESSAGE_SENT: &str = "MESSAGE_SENT";
    /// It was not said.
    pub const SEND_MESSAGE_FAILED: &str = "SEND_MESSAGE_FAILED";
    /// A client says something about its media session.
    pub const SEND_MEDIA_SESSION_EVENTS: &str = "SEND_MEDIA_SESSION_EVENTS";
    /// Something about somebody's media session.
    pub const MEDIA_SESSION_RESPONSE: &str = "MEDIA_SESSION_RESPONSE";
}

/// The categories of presence and media events that mean something to the hub.
pub mod category {
    /// A party joins, or says its content again.
    pub const ONLINE: &str = "app.event.presence.party.online";
    /// A party leaves.
    pub const LEAVES: &str = "app.event.presence.party.leaves";
    /// Somebody asks all parties for their `online`.
    pub const REQUEST_PARTIES: &str = "app.event.presence.request.parties";
    /// A party was removed.
    pub const REMOVED: &str = "party.removed";
    /// A party types.
    pub const TYPING: &str = "party.typing";
    /// A presence event could not be processed.
    pub const INVALID: &str = "media.session.invalid";
    /// The counts of a big topic.
    pub const INTERVAL: &str = "hub.presence.interval";
    /// The media of a party.
    pub const TRACKS_STATUS: &str = "tracksstatus";
    /// The same, as some clients spell it.
    pub const TRACK_STATUS: &str = "trackstatus";
    /// A party's media ended.
    pub const VIDEO_END: &str = "video.end";
}
