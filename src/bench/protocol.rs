//! What a wire dialect has to tell the load generator; everything else of the bench is the same for all dialects.

use super::transport::Transport;

/// How the bench speaks to a hub and reads what comes back.
pub(super) trait Protocol: std::fmt::Debug {
    /// What carries the dialect.
    fn transport(&self) -> Transport {
        Transport::WebSocket
    }

    /// The path and query of the handshake, or of the first request, of a party with this token.
    fn request_target(&self, token: &str) -> String;

    /// Hands each text frame, or the target of each request, that it takes to say this to `out`; where there is nothing to say, none.
    fn say(&self, speaker: Speaker<'_>, saying: Saying<'_>, out: &mut dyn FnMut(&str));

    /// What a text frame of the hub is. Called for every delivery: it looks only as far as it must.
    fn hear(&self, text: &[u8]) -> Heard;

    /// What this seat says at once after it has heard this, whatever the scenario does: its next poll.
    fn next(&self, _seat: usize, _text: &[u8]) -> Option<String> {
        None
    }

    /// Hands each text of a [`Heard::Batch`] to `each`.
    fn parts(&self, _batch: &[u8], _each: &mut dyn FnMut(&[u8])) {}

    /// What the hub calls the connection that it welcomes with this frame, in dialects where clients must know.
    fn socket_of(&self, welcome: &[u8]) -> Option<String>;

    /// In what the dialect differs from others that do the same.
    fn habits(&self) -> Habits;

    /// Calls `each` with the seat of every member that a presence frame or a snapshot names as present.
    fn members(&self, text: &[u8], each: &mut dyn FnMut(usize));

    /// The same by a full parse and from the documented places only: the yardstick of the quick scan. `None` if there are none.
    fn members_by_the_book(&self, text: &[u8]) -> Option<Vec<usize>>;
}

/// In what a dialect differs from others that do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Habits {
    /// The answer to [`Saying::Watch`] names who is present. Where it does not, clients ask with [`Saying::Roster`].
    pub(super) shows_roster: bool,
    /// Whoever publishes gets the publication too.
    pub(super) echoes: bool,
    /// Members can change what they say of themselves.
    pub(super) updates: bool,
}

/// Who says something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speaker<'a> {
    /// Its seat.
    pub(super) seat: usize,
    /// What the hub calls its connection; empty if clients need not know.
    pub(super) socket: &'a str,
}

/// What a connection of the bench can say.
#[derive(Debug, Clone, Copy)]
pub(super) enum Saying<'a> {
    /// Watch a topic.
    Watch {
        /// Its name.
        topic: &'a str,
    },
    /// Be present in a topic, with a text that makes the content differ from the last.
    Online {
        /// Its name.
        topic: &'a str,
        /// Part of the content.
        text: &'a str,
    },
    /// Be told afresh who is present in a topic that is watched.
    Roster {
        /// Its name.
        topic: &'a str,
    },
    /// Send a text to everybody who watches.
    Publish {
        /// The topic's name.
        topic: &'a str,
        /// The text.
        text: &'a str,
    },
}

/// What a connection of the bench can hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The connection is authenticated.
    Welcome,
    /// The topic is watched; its roster is to be asked for.
    Watching,
    /// The topic is watched; this is its roster.
    Snapshot,
    /// A published text.
    Text,
    /// Several published texts at once.
    Batch,
    /// Somebody is present, or is with another content.
    Online,
    /// Somebody is no longer present.
    Left,
    /// The hub says no.
    Refused,
    /// A part of the handshake or a heartbeat, to be answered at once whatever the scenario does.
    Call {
        /// The text frame that answers it.
        answer: &'static str,
    },
    /// Nothing the bench measures.
    Other,
}

/// The `_id` of the party on this seat.
pub(super) fn party_id(seat: usize) -> String {
    format!("{PARTY_PREFIX}{seat:06}")
}

/// What every party of the bench begins with.
pub(super) const PARTY_PREFIX: &str = "bench-";

/// The seat whose party has this `_id`: the prefix and six digits.
pub(super) fn seat_of(id: &[u8]) -> Option<usize> {
    let digits = id.strip_prefix(PARTY_PREFIX.as_bytes())?;
    if digits.len() != 6 {
        return None;
    }
    number(digits).map(|seat| seat as usize)
}

/// A decimal number of ASCII digits only.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        digit.is_ascii_digit().then(|| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_and_its_party_belong_together() {
        for seat in [0, 7, 123, 999_999] {
            assert_eq!(seat_of(party_id(seat).as_bytes()), Some(seat));
        }
        for other in ["bench-", "bench-12345", "bench-1234567", "bench-12345x", "bunch-000001"] {
            assert_eq!(seat_of(other.as_bytes()), None, "{other}");
        }
    }
}
