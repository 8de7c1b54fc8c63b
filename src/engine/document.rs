//! Documents: small values that an app keeps by name, such as the settings of a space. An engine does not know what they say.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{AppSlot, Ticket};

/// Which write made a document what it is. A later write of the same key always has a higher one, also after the document was
/// deleted in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A document as it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The write that made it.
    pub version: Version,
    /// What it says.
    pub value: Bytes,
}

/// A write that takes place only if the document is still what its writer believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Whose document.
    pub app: AppSlot,
    /// Comes back with the answer.
    pub ticket: Ticket,
    /// The document's name.
    pub key: Arc<str>,
    /// The version that is to be replaced; `None` if there is to be none yet.
    pub expected: Option<Version>,
    /// What it is to say; `None` deletes it.
    pub value: Option<Bytes>,
}

/// Why a document was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// Somebody else wrote it meanwhile: read it again.
    Conflict,
    /// It has more bytes than a document may have.
    TooLarge,
    /// The app has as many documents as it may have.
    Full,
    /// The engine cannot write anything now; to be tried again.
    Unavailable,
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "it was changed by somebody else at the same time; try again",
            Self::TooLarge => "it is larger than limits.document_bytes allows",
            Self::Full => "there are as many as limits.documents allows",
            Self::Unavailable => "nothing can be kept at the moment; try again",
        })
    }
}

impl std::error::Error for NotKept {}

/// How much an app may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentLimits {
    /// The most documents of one app.
    pub count: usize,
    /// The most bytes of one document, its key not counted.
    pub bytes: usize,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self { count: 10_000, bytes: 64 * 1024 }
    }
}
