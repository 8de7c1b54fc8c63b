//! What the service wants of whoever calls endpoints: calls to be made, and calls that need not be made any more.

use std::fmt;

use futures::future::BoxFuture;
use uuid::Uuid;

use crate::broker::AppSlot;
use crate::egress::{Refused, Target};

/// A subscription of the hub. Its id alone is only unique under one application user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The place of the application user among all of the hub.
    pub user: usize,
    /// The id that clients know.
    pub subscription: u32,
}

/// A registration of an endpoint: each time that it is made or prolonged is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Registered {
    /// The place of the application user among all of the hub.
    pub user: usize,
    /// The id that clients know.
    pub endpoint: u32,
    /// Which registration of the hub it is.
    pub nth: u64,
}

/// A call to be made to an endpoint: there is something to fetch.
#[derive(Debug, Clone)]
pub struct Summons {
    /// Of which subscription.
    pub place: Place,
    /// The app, whose settings say how it is called.
    pub app: AppSlot,
    /// The endpoint, as it was when the call was decided.
    pub by: Registered,
    /// Where the call goes; it was checked when the endpoint was registered.
    pub target: Target,
    /// The same for each time that this call is tried.
    pub webhook_id: Uuid,
}

/// Whoever calls endpoints. The service tells it what to do while its own state is locked, so no call may wait, nor ask the
/// service anything.
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Makes a call, once or until it is settled, as it is when the subscription or its endpoint ends, however often they are prolonged. It takes the place of one for the same subscription.
    fn notify(&self, summons: Summons);

    /// Whether what the name of a target leads to now may be called, as far as that is found out soon: it is looked up in a turn like
    /// that of a call of the app. Each call judges it again.
    ///
    /// # Errors
    /// It leads to an address that may not be called.
    fn judge(&self, app: AppSlot, target: Target) -> BoxFuture<'static, Result<(), Refused>>;

    /// Somebody has fetched, or there is nothing to fetch any more: the call is not tried again.
    fn settle(&self, place: Place);
}
