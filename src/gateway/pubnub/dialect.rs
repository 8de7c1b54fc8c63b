//! What all requests of the dialect share.

use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::tenant::Tenants;
use crate::broker::{Clock, Handle};
use crate::gateway::apps::Apps;
use crate::gateway::spaces::Spaces;
use crate::telemetry::Metrics;

/// What the dialect is made of.
#[derive(Debug)]
pub struct Parts {
    /// The apps as those know them who check tokens.
    pub apps: Arc<Apps>,
    /// The apps as the dialect knows them.
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

/// What all requests of the dialect share.
#[derive(Debug)]
pub struct Shared {
    pub(super) access: Arc<Access>,
    pub(super) tenants: Arc<Tenants>,
    pub(super) broker: Handle,
    pub(super) clock: Clock,
    pub(super) spaces: Arc<Spaces>,
    pub(super) body_timeout: Duration,
    pub(super) metrics: Metrics,
}

impl Shared {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { apps, tenants, broker, clock, spaces, body_timeout, metrics } = parts;
        let access = Arc::new(Access::new(apps, broker.clone(), clock.clone()));
        Self { access, tenants, broker, clock, spaces, body_timeout, metrics }
    }
}
