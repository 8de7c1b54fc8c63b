//! The dialect's names: of channels and what their prefixes promise, of events, and of connections.

use super::fault::{self, Fault};
use crate::config::Pusher as Settings;
use crate::core::{PartyId, SessionId, TopicName};
use presence_protocol::pusher::event;
use uuid::Uuid;

/// What the channel of a user's own messages begins with.
pub(super) const SERVER_TO_USER: &str = "#server-to-user-";

/// Whether subscribing needs the app's signature.
pub(super) fn is_guarded(channel: &str) -> bool {
    channel.starts_with("private-") || is_presence(channel)
}

/// Whether its subscribers are members.
pub(super) fn is_presence(channel: &str) -> bool {
    channel.starts_with("presence-")
}

/// Whether it keeps its last event.
pub(super) fn is_cache(channel: &str) -> bool {
    ["cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"]
        .iter()
        .any(|prefix| channel.starts_with(prefix))
}

/// Whether a topic has a name that a channel can have. Those of single users have none.
pub(super) fn is_channel(topic: &str) -> bool {
    topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-=@,.;".contains(&byte))
}

/// The topic of a channel.
///
/// # Errors
/// The name is none, or too long.
pub(super) fn channel(name: &str, settings: &Settings) -> Result<TopicName, Fault> {
    let most = settings.channel_length.min(TopicName::MAX_BYTES);
    if name.len() > most {
        return Err(fault::long_channel(most));
    }
    let topic = Some(name).filter(|name| is_channel(name)).and_then(|name| TopicName::new(name).ok());
    topic.ok_or_else(|| fault::bad_channel(name))
}

/// The topic to which events are published: a channel, or the own channel of a user.
///
/// # Errors
/// The name is none, or too long.
pub(super) fn target(name: &str, settings: &Settings) -> Result<TopicName, Fault> {
    match name.strip_prefix(SERVER_TO_USER) {
        Some(user) => own_channel(user, settings).ok_or_else(|| fault::bad_channel(name)),
        None => channel(name, settings),
    }
}

/// The topic of a user's own messages. Users have names of any characters but those that control.
pub(super) fn own_channel(user: &str, settings: &Settings) -> Option<TopicName> {
    let is_fit = !user.is_empty() && user.chars().count() <= settings.user_id_length;
    TopicName::new(&format!("{SERVER_TO_USER}{user}")).ok().filter(|_| is_fit)
}

/// Checks the length of a user's id: in characters as the app wants it, and in bytes as the hub keeps it.
///
/// # Errors
/// It is too long.
pub(super) fn check_user_id(id: &str, settings: &Settings) -> Result<(), Fault> {
    let is_long = id.chars().count() > settings.user_id_length || id.len() > PartyId::MAX_BYTES;
    if is_long { Err(fault::long_user_id(settings.user_id_length)) } else { Ok(()) }
}

/// Whether only the protocol itself may use the name of an event.
pub(super) fn is_reserved(name: &str) -> bool {
    event::RESERVED.iter().any(|prefix| name.starts_with(prefix))
}

/// The name of a connection, which is its session in other words.
pub(super) fn socket_id(session: SessionId) -> String {
    let (high, low) = session.0.as_u64_pair();
    format!("{high}.{low}")
}

/// What the name of a connection means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Socket {
    /// A session, here or elsewhere, that may be gone.
    Of(SessionId),
    /// No connection of this hub.
    Unknown,
}

/// Reads the name of a connection; `None` if it is none.
pub(super) fn socket(text: &str) -> Option<Socket> {
    let (high, low) = text.split_once('.')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(high) || !is_number(low) {
        return None;
    }
    Some(match (high.parse(), low.parse()) {
        (Ok(high), Ok(low)) => Socket::Of(SessionId(Uuid::from_u64_pair(high, low))),
        _ => Socket::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prefixes_say_what_a_channel_is() {
        for (name, guarded, presence, cache) in [
            ("a", false, false, false),
            ("cache-a", false, false, true),
            ("private-a", true, false, false),
            ("private-cache-a", true, false, true),
            ("private-encrypted-a", true, false, false),
            ("private-encrypted-cache-a", true, false, true),
            ("presence-a", true, true, false),
            ("presence-cache-a", true, true, true),
            ("my-private-a", false, false, false),
        ] {
            assert_eq!(
                (is_guarded(name), is_presence(name), is_cache(name)),
                (guarded, presence, cache),
                "{name}"
            );
        }
    }

    #[test]
    fn odd_names_are_no_sockets() {
        for text in ["", "foo", "1", "1.", ".1", "1.2.3", "1.-2", "1.2 ", "+1.2", "1.2\n", "１.2"] {
            assert_eq!(socket(text), None, "{text}");
        }
        assert_eq!(socket("99999999999999999999999.1"), Some(Socket::Unknown));
    }

    proptest! {
        #[test]
        fn a_socket_is_its_session(bits in any::<u128>()) {
            let session = SessionId(Uuid::from_u128(bits));
            prop_assert_eq!(socket(&socket_id(session)), Some(Socket::Of(session)));
        }

        #[test]
        fn any_text_is_a_socket_or_not(text in any::<String>()) {
            let is_one = text.split('.').count() == 2
                && text.split('.').all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_digit()));
            prop_assert_eq!(socket(&text).is_some(), is_one);
        }
    }
}
