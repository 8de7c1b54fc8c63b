//! The slow sessions whose connections have sent everything meanwhile: the broker gives them more at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::core::SessionId;
use crate::engine::AppSlot;

/// Which slow sessions can take more. It holds each at most once for each time that the broker has asked for it, so it is bounded by
/// their number.
#[derive(Debug, Default)]
pub(super) struct Rested {
    sessions: Mutex<Vec<(AppSlot, SessionId)>>,
    some: Notify,
}

impl Rested {
    /// Waits until there are some.
    pub(super) async fn some(&self) {
        self.some.notified().await;
    }

    /// Takes all of them.
    pub(super) fn take(&self) -> Vec<(AppSlot, SessionId)> {
        std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How the outbox of a slow session says, once, that everything has been sent.
#[derive(Debug)]
pub(super) struct Bell {
    rested: Arc<Rested>,
    app: AppSlot,
    session: SessionId,
}

impl Bell {
    pub(super) fn new(rested: &Arc<Rested>, app: AppSlot, session: SessionId) -> Self {
        Self { rested: Arc::clone(rested), app, session }
    }

    pub(super) fn ring(self) {
        let Self { rested, app, session } = self;
        rested.sessions.lock().unwrap_or_else(PoisonError::into_inner).push((app, session));
        rested.some.notify_one();
    }
}
