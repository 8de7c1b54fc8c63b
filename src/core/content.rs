//! The value attached to a membership: opaque bytes, what they mean for equality, and the facts status needs.

use bytes::Bytes;

/// Equal for contents that mean the same: key order and the volatile fields (`sessionId`, `subscribeTime`, `joinTime`,
/// `joinedSessionIds`) do not count. Made by a dialect's `translate.rs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u128);

/// What a content says that a party's status depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The session takes part in a media session.
    pub in_media: bool,
    /// Nobody is at the device.
    pub idle: bool,
}

impl Facts {
    /// Those of two sessions together: in a media session if one is, idle if both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { in_media: self.in_media || other.in_media, idle: self.idle && other.idle }
    }
}

/// Content as the core keeps it. Two contents are equal when their fingerprints are.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The JSON text, as the dialect will show it.
    pub bytes: Bytes,
    /// Decides equality.
    pub fingerprint: Fingerprint,
    /// Decides status.
    pub facts: Facts,
}

impl Content {
    /// The same as a session shows it that has not said it. What it is doing itself are its own facts: whoever was in a media session
    /// and goes leaves no session behind that is in one.
    #[must_use]
    pub fn taken_over(&self, facts: Facts) -> Self {
        Self { facts, ..self.clone() }
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Content {}
