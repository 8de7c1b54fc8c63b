//! What the service wants of whoever calls endpoints: calls to be made, and calls that need not be made any more.

use std::fmt;

use uuid::Uuid;

use crate::broker::AppSlot;
use crate::core::Mono;
use crate::egress::Target;

/// A subscription of the hub. Its id alone is only unique under one application user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The place of the application user among all of the hub.
    pub user: usize,
    /// The id that clients know.
    pub subscription: u32,
}

/// A call to be made to an endpoint: there is something to fetch.
#[derive(Debug, Clone)]
pub struct Summons {
    /// Of which subscription.
    pub place: Place,
    /// The app, whose settings say how it is called.
    pub app: AppSlot,
    /// Where the call goes; it was checked when the endpoint was registered.
    pub target: Target,
    /// The same for each time that this call is tried.
    pub webhook_id: Uuid,
    /// When the subscription or its endpoint ends, and the call is of no use any more.
    pub until: Mono,
}

/// Whoever calls endpoints. The service tells it what to do while its own state is locked, so neither call may wait, nor ask the
/// service anything.
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Makes a call, once or until it is settled. It takes the place of one for the same subscription.
    fn notify(&self, summons: Summons);

    /// Somebody has fetched, or there is nothing to fetch any more: the call is not tried again.
    fn settle(&self, place: Place);
}
