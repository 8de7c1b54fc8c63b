//! Names and numbers that identify things; each is checked once, by its constructor.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// The name is empty.
    Empty,
    /// The name has more bytes than allowed; the number is the limit.
    TooLong(usize),
    /// The name holds a control character.
    ControlCharacter,
    /// The name ends in `-pnpres`, which the PubNub dialect keeps for presence streams.
    ReservedSuffix,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "must not be empty"),
            Self::TooLong(limit) => write!(f, "must not be longer than {limit} bytes"),
            Self::ControlCharacter => write!(f, "must not contain control characters"),
            Self::ReservedSuffix => write!(f, "must not end in -pnpres"),
        }
    }
}

impl std::error::Error for NameError {}

fn checked(name: &str, limit: usize) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > limit {
        return Err(NameError::TooLong(limit));
    }
    if name.chars().any(char::is_control) {
        return Err(NameError::ControlCharacter);
    }
    Ok(())
}

/// What presence is about; literal and the same in every dialect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Arc<str>);

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TopicName {
    /// The longest topic name, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// Checks and keeps a topic name.
    ///
    /// # Errors
    /// Refuses names that are empty, too long, hold control characters or end in `-pnpres`.
    pub fn new(name: &str) -> Result<Self, NameError> {
        checked(name, Self::MAX_BYTES)?;
        if name.ends_with("-pnpres") {
            return Err(NameError::ReservedSuffix);
        }
        Ok(Self(name.into()))
    }

    /// The internal topic that orders records about a party as a whole, such as a status override, and whose members are the
    /// sessions that are the party's wherever they are. Clients cannot name it, because [`TopicName::new`] refuses control characters.
    #[must_use]
    pub fn of_party(party: &PartyId) -> Self {
        Self(format!("\u{1f}{}", party.as_str()).into())
    }

    /// Whether it is the topic of a party, which no client can name.
    #[must_use]
    pub fn is_of_party(&self) -> bool {
        self.0.starts_with('\u{1f}')
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An identity that can be present, unique within its app.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyId(Arc<str>);

impl PartyId {
    /// The longest party id, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;

    /// Checks and keeps a party id.
    ///
    /// # Errors
    /// Refuses ids that are empty, too long or hold control characters.
    pub fn new(id: &str) -> Result<Self, NameError> {
        checked(id, Self::MAX_BYTES)?;
        Ok(Self(id.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One device's stay: a lease that may outlive its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One run of one process: a restarted process is a new node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub Uuid);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One life of a topic's numbering; revs of different epochs cannot be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a record in its topic: contiguous within an epoch, from 1; 0 is before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rev(pub u64);

impl fmt::Display for Rev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A hub-wide instant in ticks of 100 ns since 1970, strictly increasing: 17 digits until the year 2286.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timetoken(pub u64);

impl fmt::Display for Timetoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_are_checked_at_the_door() {
        for good in ["lobby", "presence-room-1", "a b", "räume/α", &"x".repeat(256)] {
            assert!(TopicName::new(good).is_ok(), "{good:?} should be accepted");
        }
        for (bad, why) in [
            ("", NameError::Empty),
            ("a\u{1f}b", NameError::ControlCharacter),
            ("a\r\nb", NameError::ControlCharacter),
            ("a\u{0}", NameError::ControlCharacter),
            ("lobby-pnpres", NameError::ReservedSuffix),
            (&"x".repeat(257), NameError::TooLong(256)),
        ] {
            assert_eq!(TopicName::new(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn no_client_can_name_the_topic_of_a_party() {
        let party = PartyId::new("joe").unwrap();
        assert!(TopicName::of_party(&party).is_of_party() && !TopicName::new("joe").unwrap().is_of_party());
        assert!(TopicName::new(TopicName::of_party(&party).as_str()).is_err());
    }
}
