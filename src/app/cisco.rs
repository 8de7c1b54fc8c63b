//! Puts the Cisco dialect together: its apps, what serves them, and what calls their endpoints.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use presence_protocol::xml::Caps;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{Shared, bind};
use crate::broker::Handle;
use crate::config::{CiscoApp, Config};
use crate::egress::{Rules, System};
use crate::gateway::cisco::load::{Bars, Gauge, Load, Machine};
use crate::gateway::cisco::notify::{Calls, Settings, Terms};
use crate::gateway::cisco::soap::{self, Reading};
use crate::gateway::cisco::summons::Registered;
use crate::gateway::cisco::{self, Parts, Service, Tenant, Tending, certificate};
use crate::gateway::http;

/// How many endpoints that are gone may wait to be noted; whoever calls them waits then.
const GONE: usize = 64;

/// The dialect while it serves.
#[derive(Debug)]
pub(super) struct Cisco {
    calls: Calls,
    routes: Router,
    /// Its own listeners: the scheme, and where each is.
    listeners: Vec<(&'static str, SocketAddr)>,
    measuring: JoinHandle<()>,
    _tending: Tending,
}

impl Cisco {
    /// Starts it. The load is that of the machine, unless there is another gauge for it.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub(super) async fn start(
        shared: &Shared,
        handle: &Handle,
        gauge: Option<Box<dyn Gauge>>,
    ) -> Result<Self, String> {
        let config = &shared.config;
        let load = Load::default();
        let measuring = tokio::spawn(measure(shared, handle, gauge, load.clone()));
        let (gone, told) = mpsc::channel(GONE);
        let calls = calls(shared, load.subscribe(), gone);
        let parts = Parts {
            tenants: tenants(shared)?,
            broker: handle.clone(),
            clock: shared.clock.clone(),
            notifier: Arc::new(calls.clone()),
            rules: rules(shared),
            overloaded: load.subscribe(),
            wrong_passwords: config.cisco.wrong_passwords_per_minute,
            gone: told,
            url_bytes: config.cisco.callback_url_bytes,
            metrics: shared.metrics.clone(),
        };
        let (service, tending) = Service::start(parts).await;
        let caps = Caps {
            bytes: config.cisco.body_bytes,
            depth: config.cisco.xml_depth,
            elements: config.cisco.xml_elements,
            attributes: config.cisco.xml_attributes,
        };
        let body_timeout = config.http.body_timeout;
        let reading = Reading {
            clock: shared.clock.clone(),
            caps,
            body_timeout,
            contacts_per_list: config.cisco.contacts_per_list,
        };
        let soap = soap::route(Arc::clone(&service) as Arc<dyn soap::Serve>, reading);
        let rest = cisco::Shared { service, caps, body_timeout };
        let routes = cisco::router(Arc::new(rest)).route(soap::PATH, soap);
        Ok(Self { calls, routes, listeners: Vec::new(), measuring, _tending: tending })
    }

    /// Its routes, for any listener.
    pub(super) fn routes(&self) -> Router {
        self.routes.clone()
    }

    /// Starts its own listeners, if it is to have some.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    pub(super) async fn listen(
        &mut self,
        config: &Config,
        settings: &http::Settings,
        stop: &watch::Sender<bool>,
    ) -> Result<Vec<JoinHandle<()>>, String> {
        let cisco = &config.cisco;
        let mut servers = Vec::new();
        if !cisco.enabled {
            return Ok(servers);
        }
        let both = [("cisco.http", "http", cisco.http), ("cisco.https", "https", cisco.https)];
        for (key, scheme, address) in both {
            let Some(address) = address else { continue };
            let own = || {
                let folder = config.data_dir.as_deref();
                certificate::server_config(cisco.tls.as_ref(), folder, &config.http.hosts)
            };
            let tls = (scheme == "https").then(own).transpose()?;
            let listener = bind(key, address).await?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            self.listeners.push((scheme, address));
            let serving = http::serve(listener, self.routes(), tls, settings.clone(), stop.subscribe());
            servers.push(tokio::spawn(serving));
        }
        Ok(servers)
    }

    /// Where its own listeners are, with their schemes.
    pub(super) fn listeners(&self) -> &[(&'static str, SocketAddr)] {
        &self.listeners
    }

    /// Says where its own listeners are.
    pub(super) fn greet(&self, out: &mut impl Write) -> io::Result<()> {
        self.listeners
            .iter()
            .try_for_each(|(scheme, address)| writeln!(out, "Cisco PWS on {scheme}://{address}"))
    }

    /// Calls nobody any more.
    pub(super) fn stop(&self) {
        self.measuring.abort();
        self.calls.stop();
    }
}

/// Measures the load as long as it is asked to.
fn measure(
    shared: &Shared,
    handle: &Handle,
    gauge: Option<Box<dyn Gauge>>,
    load: Load,
) -> impl Future<Output = ()> + Send + use<> {
    let cisco = &shared.config.cisco;
    let bars = Bars { high: cisco.load_high, low: cisco.load_low, inbox: cisco.queue_high };
    let gauge = gauge.unwrap_or_else(|| Box::new(Machine::new(handle.clone(), cisco.load_of_all)));
    load.follow(gauge, bars, shared.clock.clone(), cisco.load_every)
}

fn tenants(shared: &Shared) -> Result<Vec<Tenant>, String> {
    let apps = shared.apps.iter().zip(&shared.config.apps);
    // Nobody can log in to an app without application users, so nobody follows it either.
    let served = apps.filter(|(_, app)| app.cisco.enabled && !app.cisco.app_users.is_empty());
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

fn calls(shared: &Shared, overloaded: watch::Receiver<bool>, gone: mpsc::Sender<Registered>) -> Calls {
    let terms = |app: &CiscoApp| {
        let mut terms = Terms::new(app.callback_timeout, &app.callback_secrets);
        (terms.retry, terms.retry_for, terms.retry_longest) = (app.retry, app.retry_for, app.retry_longest);
        terms.calls = app.callbacks;
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
        gone,
    })
}
