//! What goes wrong in the dialect: the codes that tell clients whether to come back, and the texts that they show. The one table of both.

use std::borrow::Cow;

use crate::broker::CloseReason;
use crate::core::PartyId;
use crate::gateway::json::Excess;
use crate::gateway::spaces::Wrong;

/// Something went wrong, and the client is told. Without a code the connection goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// For programs: 40xx do not come back, 41xx come back later, 42xx at once, 43xx are about one event.
    pub code: Option<u16>,
    /// For people.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// A fault that leaves the connection as it is.
    #[must_use]
    pub const fn new(message: &'static str) -> Self {
        Self { code: None, message: Cow::Borrowed(message) }
    }

    const fn coded(code: u16, message: &'static str) -> Self {
        Self { code: Some(code), message: Cow::Borrowed(message) }
    }

    fn of(message: String) -> Self {
        Self { code: None, message: message.into() }
    }
}

// === Connections that are refused ===

/// The app takes connections with TLS only.
pub const TLS_ONLY: Fault =
    Fault::coded(4000, "Application only accepts SSL connections, reconnect using wss://");
/// The app is switched off.
pub const DISABLED: Fault = Fault::coded(4003, "Application disabled");
/// The app has as many connections as it may.
pub const OVER_QUOTA: Fault = Fault::coded(4004, "Account over quota");
/// There is no such path.
pub const NO_PATH: Fault = Fault::coded(4005, "Path not found");
/// The version is no number.
pub const BAD_VERSION: Fault = Fault::coded(4006, "Invalid version string format");
/// The version is not spoken here.
pub const UNSUPPORTED: Fault = Fault::coded(4007, "Unsupported protocol version");
/// No version is named.
pub const NO_VERSION: Fault = Fault::coded(4008, "No protocol version supplied");
/// The page may not use the app.
pub const FOREIGN: Fault = Fault::coded(4009, "Origin not allowed");
/// The connection did not prove itself in time.
pub const NOT_AUTHORIZED: Fault = Fault::coded(4009, "Connection not authorized within timeout");
/// The app ended the connections of the user.
pub const TERMINATED: Fault = Fault::coded(4009, "You got disconnected by the app.");

/// No app has this key.
#[must_use]
pub fn no_app(key: &str) -> Fault {
    let key: String = key.chars().filter(|letter| !letter.is_control()).take(64).collect();
    Fault { code: Some(4001), message: format!("App key {key} does not exist.").into() }
}

// === Frames ===

/// The text is not JSON.
pub const NOT_JSON: Fault = Fault::new("Invalid message: a frame is JSON");
/// The JSON has no event.
pub const NO_EVENT: Fault = Fault::new("Invalid message: a frame is an object with an event");
/// A binary frame came.
pub const BINARY: Fault = Fault::new("Binary frames are not supported");

/// No such event is known.
#[must_use]
pub fn unsupported(event: &str) -> Fault {
    Fault::of(format!("Unsupported event received on socket: {}", cut(event)))
}

// === Subscriptions ===

/// No channel is named.
pub const NO_CHANNEL: Fault = Fault::new("Invalid subscription: no channel is named");
/// There are as many subscriptions as there may be.
pub const TOO_MANY: Fault =
    Fault::new("The connection has as many subscriptions as limits.topics_per_session allows");
/// The channel data says nothing usable.
pub const BAD_CHANNEL_DATA: Fault =
    Fault::new("Invalid channel_data: it is a JSON object whose user_id is a string or a whole number");
/// Nobody is there to be present.
pub const NO_CHANNEL_DATA: Fault =
    Fault::new("Presence channels need channel_data, or a connection that has signed in");
/// The user object is too long.
pub const LONG_CHANNEL_DATA: Fault = Fault::new("The channel_data is longer than the app allows");
/// The channel is another user's.
pub const NOT_YOURS: Fault = Fault::new("This channel is for the signed-in user only");
/// The channel has as many members as it may.
pub const FULL: Fault = Fault::new("The presence channel has as many members as the app allows");

/// The topic lets in only whom it knows.
#[must_use]
pub fn closed_space(wrong: &Wrong) -> Fault {
    Fault::of(format!("Subscription refused: {wrong}"))
}

/// The name is no channel's.
#[must_use]
pub fn bad_channel(name: &str) -> Fault {
    Fault::of(format!("Invalid channel name: {}", cut(name)))
}

/// The name is too long.
#[must_use]
pub fn long_channel(limit: usize) -> Fault {
    Fault::of(format!("Invalid channel name: it is longer than {limit} characters"))
}

/// The app's signature is missing.
#[must_use]
pub fn no_auth(channel: &str) -> Fault {
    Fault::of(format!("Auth info required to subscribe to {channel}"))
}

/// The signature is not the app's.
#[must_use]
pub fn bad_signature(signed: &str, given: &str) -> Fault {
    let (signed, given) = (cut(signed), cut(given));
    Fault::of(format!("Invalid signature: Expected HMAC SHA256 hex digest of {signed}, but got {given}"))
}

/// The connection is subscribed already.
#[must_use]
pub fn existing(channel: &str) -> Fault {
    Fault::of(format!("Existing subscription to channel {channel}"))
}

/// The connection is not subscribed.
#[must_use]
pub fn no_subscription(channel: &str) -> Fault {
    Fault::of(format!("No current subscription to channel {}, or subscription in progress", cut(channel)))
}

/// Somebody removed the user from the channel.
#[must_use]
pub fn removed(channel: &str) -> Fault {
    Fault::of(format!("The user was removed from channel {channel}; the subscription has ended"))
}

// === Client events ===

/// The app does not allow them.
pub const NO_CLIENT_EVENTS: Fault =
    Fault::new("To send client events, you must enable this feature in the Settings page of your dashboard.");
/// Something is missing.
pub const BAD_CLIENT_EVENT: Fault = Fault::new("Invalid client event (must contain channel and data)");
/// The channel is public.
pub const PUBLIC_CHANNEL: Fault =
    Fault::new("Client event rejected - only supported on private and presence channels");
/// The name is too long.
pub const LONG_EVENT: Fault = Fault::new("The event name is longer than the app allows");
/// They come too fast.
pub const RATE: Fault = Fault::coded(4301, "The client event was dropped: too many in one second");

/// The sender does not hear what it says.
#[must_use]
pub fn not_connected(channel: &str) -> Fault {
    let channel = cut(channel);
    Fault::of(format!("Cannot broadcast client event (connection not subscribed to channel {channel})"))
}

/// The data is too long.
#[must_use]
pub fn long_data(limit: usize) -> Fault {
    Fault::of(format!("The data content of this event exceeds the allowed maximum ({limit} bytes)."))
}

// === Users ===

/// The signature or the data is missing.
pub const BAD_SIGNIN: Fault = Fault::new("Invalid sign-in: it has auth and user_data");
/// The user data says nothing usable.
pub const BAD_USER_DATA: Fault = Fault::new(
    "Invalid user_data: it is a JSON object whose id is a string that is not empty and not too long",
);
/// The id is longer than the app or the hub allows.
#[must_use]
pub fn long_user_id(limit: usize) -> Fault {
    let most = PartyId::MAX_BYTES;
    Fault::of(format!("Invalid user id: it is longer than {limit} characters or {most} bytes of UTF-8"))
}

/// What is shown of the user is too long.
#[must_use]
pub fn long_user_info(limit: usize) -> Fault {
    Fault::of(format!("The user_info is longer than the app allows ({limit} bytes)"))
}

/// The connection is another user's already.
pub const OTHER_USER: Fault = Fault::new("The connection is signed in as another user");

/// Not all users of the watchlist are watched.
#[must_use]
pub fn long_watchlist(limit: usize, accepted: &[String]) -> Fault {
    let message = format!("A watchlist has at most {limit} users; accepted: {}", accepted.join(", "));
    Fault { code: Some(4302), message: message.into() }
}

impl From<Excess> for Fault {
    fn from(excess: Excess) -> Self {
        Self::of(format!("Invalid message: {excess}"))
    }
}

/// What a client wrote, short enough to be written back.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(1024)]
}

// === The end ===

/// What clients are told when the hub ends a connection.
#[must_use]
pub fn of_end(reason: CloseReason) -> Fault {
    let message = reason.to_string().into();
    let code = match reason {
        CloseReason::Ended => return TERMINATED,
        CloseReason::TokenExpired | CloseReason::NotAuthenticated | CloseReason::AuthenticationTimeout => {
            Some(4009)
        }
        // Come back, but not all in the same instant.
        CloseReason::TooSlow
        | CloseReason::Restarting(_)
        | CloseReason::TooFast
        | CloseReason::TooManyConnections(_)
        | CloseReason::Internal => Some(4100),
        CloseReason::TimedOut => Some(4201),
        CloseReason::Protocol | CloseReason::InvalidText | CloseReason::TooLarge | CloseReason::Bye => None,
    };
    Fault { code, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ends_have_codes_that_clients_act_on() {
        for (reason, code) in [
            (CloseReason::Ended, Some(4009)),
            (CloseReason::TimedOut, Some(4201)),
            (CloseReason::TooSlow, Some(4100)),
            (CloseReason::Restarting(Duration::from_secs(1)), Some(4100)),
            (CloseReason::TooLarge, None),
        ] {
            assert_eq!(of_end(reason).code, code, "{reason:?}");
        }
    }
}
