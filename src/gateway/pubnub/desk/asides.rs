//! What the desk is to say that the broker does not tell it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::entry::Presence;
use crate::core::TopicName;

/// What is to be said. At most one for each request under way.
#[derive(Debug, Default)]
pub(super) struct Asides {
    waiting: Mutex<Vec<(TopicName, Presence)>>,
    come: Notify,
}

impl Asides {
    pub(super) fn put(&self, topic: TopicName, event: Presence) {
        self.lock().push((topic, event));
        self.come.notify_one();
    }

    pub(super) fn take(&self) -> Vec<(TopicName, Presence)> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until there is something.
    pub(super) async fn woken(&self) {
        self.come.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(TopicName, Presence)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
