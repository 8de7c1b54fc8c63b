//! Whether the hub lives, and whether it wants traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// The hub's health, shared by everybody who reports or asks for it. It begins as not ready.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<AtomicU8>);

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

impl Health {
    /// The hub serves.
    pub fn ready(&self) {
        self.0.store(READY, Relaxed);
    }

    /// The hub is about to stop: it wants no new traffic.
    pub fn draining(&self) {
        self.0.store(DRAINING, Relaxed);
    }

    /// Whether the hub wants traffic.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Relaxed) == READY
    }

    /// One word for people.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.0.load(Relaxed) {
            STARTING => "starting",
            READY => "ready",
            _ => "draining",
        }
    }
}
