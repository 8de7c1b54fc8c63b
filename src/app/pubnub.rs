//! Sets up the PubNub dialect for the apps of the configuration.

use std::sync::Arc;

use axum::Router;

use super::Shared;
use crate::broker::Handle;
use crate::config::AppConfig;
use crate::gateway::apps::App as Tenant;
use crate::gateway::pubnub::{self, Tenants};
use crate::gateway::spaces::Spaces;

/// The apps as the dialect knows them.
///
/// # Errors
/// A sentence that says which setting is wrong.
pub(super) fn tenants(shared: &Shared) -> Result<Arc<Tenants>, String> {
    let tenant = |(app, settings): (&Arc<Tenant>, &AppConfig)| {
        let too_long = || format!("apps.{}.id is too long", app.slot.0);
        let Shared { clock, metrics, .. } = shared;
        pubnub::Tenant::new(Arc::clone(app), settings.pubnub.clone(), clock, metrics).ok_or_else(too_long)
    };
    let tenants = shared.apps.iter().zip(&shared.config.apps).map(tenant).collect::<Result<_, _>>()?;
    Ok(Arc::new(Tenants::new(tenants)))
}

/// The routes of the dialect.
pub(super) fn routes(
    shared: &Shared,
    tenants: &Arc<Tenants>,
    handle: &Handle,
    spaces: &Arc<Spaces>,
) -> Router {
    let parts = pubnub::Parts {
        apps: Arc::clone(&shared.apps),
        tenants: Arc::clone(tenants),
        broker: handle.clone(),
        clock: shared.clock.clone(),
        spaces: Arc::clone(spaces),
        body_timeout: shared.config.http.body_timeout,
        metrics: shared.metrics.clone(),
    };
    pubnub::router(Arc::new(pubnub::Shared::new(parts)))
}
