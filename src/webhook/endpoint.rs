//! What an endpoint is: where it is, what it wants to hear, in which form and at what pace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;

use super::format::Format;
use super::hook::What;
use super::queue::Bounds;
use crate::broker::{AppSlot, Clock};
use crate::core::{NodeId, TopicName};
use crate::egress::{Resolve, Rules, Target};
use crate::telemetry::Metrics;

/// Which topics an endpoint hears of.
pub type TopicFilter = Box<dyn Fn(&TopicName) -> bool + Send + Sync>;

/// How hooks are put together in a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// How long the first of a batch waits for others. Zero: every hook is a post of its own.
    pub window: Duration,
    /// The most hooks of a batch.
    pub hooks: usize,
}

impl Batch {
    pub(super) fn most(self) -> usize {
        if self.window.is_zero() { 1 } else { self.hooks.max(1) }
    }
}

/// One endpoint of one app.
pub struct Endpoint {
    /// What operators know it by, such as `apps.0.webhooks.1`.
    pub name: String,
    /// The app.
    pub app: AppSlot,
    /// Where it is.
    pub target: Target,
    /// The form of its posts.
    pub format: Arc<dyn Format>,
    /// What it wants to be told.
    pub wants: Vec<What>,
    /// Of which topics.
    pub topics: TopicFilter,
    /// What its posts carry as `Authorization`.
    pub authorization: Option<HeaderValue>,
    /// How long leaves and vacancies wait for a quick return.
    pub hold: Duration,
    /// How hooks are put together.
    pub batch: Batch,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}, {:?})", self.name, self.target)
    }
}

/// What all endpoints share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This process, which posts name.
    pub node: NodeId,
    /// The hub's clock.
    pub clock: Clock,
    /// Where deliveries are counted.
    pub metrics: Metrics,
    /// What may be called.
    pub rules: Arc<Rules>,
    /// What finds addresses.
    pub resolver: Arc<dyn Resolve>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long a post is tried.
    pub retry_for: Duration,
    /// How much may wait for one endpoint.
    pub queue: Bounds,
    /// How many posts may be under way to one endpoint, each of other topics.
    pub lanes: usize,
    /// How many given-up hooks are kept for the operator.
    pub letters: usize,
    /// How long a stopping hub goes on delivering.
    pub flush: Duration,
}
