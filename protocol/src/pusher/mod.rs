//! Pusher Channels: the frames of its WebSocket protocol and the bodies of its HTTP API, as `pusher.md` describes them.
//!
//! What clients and backends send is read leniently; what the hub sends are plain serde types, for clients written in Rust, for tests
//! and for tools. The hub itself writes its hot frames by hand, and is tested against these.

mod frame;
#[cfg(test)]
mod golden;
mod request;
mod rest;

pub use frame::{
    ConnectionEstablished, ErrorData, MemberAdded, MemberRemoved, Presence, Resume, ServerFrame,
    SubscriptionCount, SubscriptionFailed, SubscriptionSucceeded, WatchlistEvent, WatchlistEvents,
};
pub use request::{ChannelData, ClientFrame, FrameError, SignIn, Subscribe, UserData, UserId};
pub use rest::{Batch, Trigger, compact};

/// The names of events that mean something to the protocol.
pub mod event {
    /// The connection is open; the first frame.
    pub const CONNECTION_ESTABLISHED: &str = "pusher:connection_established";
    /// Something went wrong; a code says whether the connection goes on.
    pub const ERROR: &str = "pusher:error";
    /// Either side asks whether the other is there.
    pub const PING: &str = "pusher:ping";
    /// It is.
    pub const PONG: &str = "pusher:pong";
    /// A client subscribes to a channel.
    pub const SUBSCRIBE: &str = "pusher:subscribe";
    /// A client ends a subscription.
    pub const UNSUBSCRIBE: &str = "pusher:unsubscribe";
    /// A client signs in as a user.
    pub const SIGNIN: &str = "pusher:signin";
    /// It is that user now.
    pub const SIGNIN_SUCCESS: &str = "pusher:signin_success";
    /// A refused subscription, for the handlers of the channel.
    pub const SUBSCRIPTION_ERROR: &str = "pusher:subscription_error";
    /// A cache channel keeps no event.
    pub const CACHE_MISS: &str = "pusher:cache_miss";
    /// A subscription has begun.
    pub const SUBSCRIPTION_SUCCEEDED: &str = "pusher_internal:subscription_succeeded";
    /// A subscription was refused, on protocol 8.
    pub const SUBSCRIPTION_FAILED: &str = "pusher_internal:subscription_failed";
    /// The number of subscribers has changed.
    pub const SUBSCRIPTION_COUNT: &str = "pusher_internal:subscription_count";
    /// A user has come to a presence channel.
    pub const MEMBER_ADDED: &str = "pusher_internal:member_added";
    /// A user has left a presence channel.
    pub const MEMBER_REMOVED: &str = "pusher_internal:member_removed";
    /// Watched users came online or went.
    pub const WATCHLIST_EVENTS: &str = "pusher_internal:watchlist_events";
    /// What the names of clients' own events begin with.
    pub const CLIENT: &str = "client-";
    /// What only the protocol's own names begin with.
    pub const RESERVED: [&str; 2] = ["pusher:", "pusher_internal:"];
}
