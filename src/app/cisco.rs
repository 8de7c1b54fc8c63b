//! Puts the Cisco dialect together: its apps, what serves them, and what calls their endpoints.

use std::sync::Arc;

use axum::Router;
use presence_protocol::xml::Caps;
use tokio::sync::watch;

use super::Shared;
use crate::broker::Handle;
use crate::config::CiscoApp;
use crate::egress::{Rules, System};
use crate::gateway::cisco::notify::{Calls, Settings, Terms};
use crate::gateway::cisco::{self, Parts, Service, Tenant, Tending};

/// The dialect while it serves.
#[derive(Debug)]
pub(super) struct Cisco {
    calls: Calls,
    _tending: Tending,
}

impl Cisco {
    /// Starts it, and says its routes.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub(super) async fn start(shared: &Shared, handle: &Handle) -> Result<(Self, Router), String> {
        let config = &shared.config;
        let (_, overloaded) = watch::channel(false);
        let calls = calls(shared, overloaded.clone());
        let parts = Parts {
            tenants: tenants(shared)?,
            broker: handle.clone(),
            clock: shared.clock.clone(),
            notifier: Arc::new(calls.clone()),
            rules: rules(shared),
            overloaded,
        };
        let (service, tending) = Service::start(parts).await;
        let caps = Caps {
            bytes: config.cisco.body_bytes,
            depth: config.cisco.xml_depth,
            elements: config.cisco.xml_elements,
            attributes: config.cisco.xml_attributes,
        };
        let rest = cisco::Shared { service, caps, body_timeout: config.http.body_timeout };
        Ok((Self { calls, _tending: tending }, cisco::router(Arc::new(rest))))
    }

    /// Calls nobody any more.
    pub(super) fn stop(&self) {
        self.calls.stop();
    }
}

fn tenants(shared: &Shared) -> Result<Vec<Tenant>, String> {
    let apps = shared.apps.iter().zip(&shared.config.apps);
    let served = apps.filter(|(_, settings)| settings.cisco.enabled);
    served.map(|(app, settings)| Tenant::new(app.slot, settings.cisco.clone())).collect()
}

/// Addresses of endpoints come from clients, so only those are called that the operator allows.
fn rules(shared: &Shared) -> Rules {
    let config = &shared.config;
    Rules {
        allow: config.egress.allow.clone(),
        is_public: false,
        is_plain: config.cisco.callback_http,
        ports: config.cisco.callback_ports.clone(),
    }
}

fn calls(shared: &Shared, overloaded: watch::Receiver<bool>) -> Calls {
    let terms = |app: &CiscoApp| {
        let secrets = [&app.callback_secret].into_iter().chain(&app.callback_secret_second);
        let mut terms = Terms::new(app.callback_timeout, secrets);
        (terms.retry, terms.retry_for, terms.retry_longest) = (app.retry, app.retry_for, app.retry_longest);
        terms
    };
    Calls::new(Settings {
        clock: shared.clock.clone(),
        metrics: shared.metrics.clone(),
        rules: Arc::new(rules(shared)),
        resolver: Arc::new(System),
        terms: shared.config.apps.iter().map(|app| terms(&app.cisco)).collect(),
        calls: shared.config.cisco.callbacks,
        overloaded,
    })
}
