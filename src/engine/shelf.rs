//! The documents of the memory engine.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::{AppSlot, Document, DocumentLimits, NotKept, Version, Write};

/// Every app's documents.
#[derive(Debug)]
pub(super) struct Shelf {
    limits: DocumentLimits,
    apps: FxHashMap<AppSlot, HashMap<Arc<str>, Document>>,
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
        self.apps.get(&app)?.get(key).cloned()
    }

    /// Writes a document, and says its new version; a document that was deleted has none.
    pub(super) fn write(&mut self, write: Write) -> Result<Option<Version>, NotKept> {
        let documents = self.apps.entry(write.app).or_default();
        let found = documents.get(&write.key).map(|document| document.version);
        if found != write.expected {
            return Err(NotKept::Conflict);
        }
        let Some(value) = write.value else {
            documents.remove(&write.key);
            return Ok(None);
        };
        if value.len() > self.limits.bytes {
            return Err(NotKept::TooLarge);
        }
        if found.is_none() && documents.len() >= self.limits.count {
            return Err(NotKept::Full);
        }
        self.last = Version(self.last.0 + 1);
        // What is kept for long holds on to no buffer but its own.
        let value = Bytes::copy_from_slice(&value);
        documents.insert(write.key, Document { version: self.last, value });
        Ok(Some(self.last))
    }
}
