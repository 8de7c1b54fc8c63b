//! What all requests of the dialect share.

use std::sync::Arc;
use std::time::Duration;

use super::tenant::Tenants;
use crate::broker::{Clock, Handle};
use crate::gateway::spaces::Spaces;
use crate::telemetry::Metrics;

/// What all requests of the dialect share.
#[derive(Debug)]
pub struct Shared {
    /// The apps.
    pub tenants: Arc<Tenants>,
    /// The way to the broker.
    pub broker: Handle,
    /// The hub's clock.
    pub clock: Clock,
    /// The spaces, some of which let in only whom they know.
    pub spaces: Arc<Spaces>,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// Where requests are counted.
    pub metrics: Metrics,
}
