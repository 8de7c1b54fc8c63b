//! The documents of the memory engine.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::{AppSlot, Document, DocumentLimits, NotKept, Version, Write};

/// One app's documents.
#[derive(Debug, Default)]
struct Folder {
    documents: HashMap<Arc<str>, Document>,
    /// How many bytes they have together.
    bytes: usize,
}

/// Every app's documents.
#[derive(Debug)]
pub(super) struct Shelf {
    limits: DocumentLimits,
    apps: FxHashMap<AppSlot, Folder>,
    last: Version,
}

impl Shelf {
    /// An empty one, whose versions come after `floor`.
    pub(super) fn new(limits: DocumentLimits, floor: u64) -> Self {
        Self { limits, apps: FxHashMap::default(), last: Version(floor) }
    }

    /// Sets how much there may be from now on.
    pub(super) fn limit(&mut self, limits: DocumentLimits) {
        self.limits = limits;
    }

    pub(super) fn find(&self, app: AppSlot, key: &str) -> Option<Document> {
        self.apps.get(&app)?.documents.get(key).cloned()
    }

    /// Writes a document, and says its new version; a document that was deleted has none.
    pub(super) fn write(&mut self, write: Write) -> Result<Option<Version>, NotKept> {
        let folder = self.apps.entry(write.app).or_default();
        let found = folder.documents.get(&write.key);
        if found.map(|document| document.version) != write.expected {
            return Err(NotKept::Conflict);
        }
        let others = folder.bytes.saturating_sub(found.map_or(0, |document| document.value.len()));
        let Some(value) = write.value else {
            folder.documents.remove(&write.key);
            folder.bytes = others;
            return Ok(None);
        };
        if value.len() > self.limits.bytes {
            return Err(NotKept::TooLarge);
        }
        let is_one_too_many = found.is_none() && folder.documents.len() >= self.limits.count;
        let bytes = others.saturating_add(value.len());
        if is_one_too_many || bytes > self.limits.total {
            return Err(NotKept::Full);
        }
        folder.bytes = bytes;
        self.last = Version(self.last.0 + 1);
        // What is kept for long holds on to no buffer but its own.
        let value = Bytes::copy_from_slice(&value);
        folder.documents.insert(write.key, Document { version: self.last, value });
        Ok(Some(self.last))
    }
}
