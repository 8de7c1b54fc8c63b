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

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Content {}
