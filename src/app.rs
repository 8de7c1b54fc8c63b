//! Puts the rooms together: the only file that knows all of them.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use crate::admin::{self, Console, Health};
use crate::broker::{Bounds, Broker, Clock, Encode, EncoderId, Handle, MAX_ENCODERS, Parts, Policy};
use crate::config::{AppConfig, Config};
use crate::core::{Limits as RosterLimits, Mono, NodeId, Timetoken};
use crate::engine::highwater::{self, HighWater};
use crate::engine::{DocumentLimits, Engine, Memory};
use crate::gateway::apps::{App as Tenant, Apps};
use crate::gateway::cisco::load::Gauge;
use crate::gateway::http::{self, Tally};
use crate::gateway::limits::{Caps, Limits};
use crate::gateway::native::framing::{self, Framing};
use crate::gateway::peer::Proxies;
use crate::gateway::spaces::{SpaceLimits, Spaces};
use crate::gateway::{native, pages, pusher, tls, websocket};
use crate::telemetry::Metrics;
use crate::webhook::{self, Couriers, Hooks};

mod cisco;
mod tenants;
mod webhooks;

use cisco::Cisco;

/// How many framings the native dialect has.
const FRAMING_COUNT: u8 = 3;

/// The native dialect's framings, in the order of their encoders: a plain WebSocket, and Socket.IO's namespaces.
static FRAMINGS: [&dyn Framing; FRAMING_COUNT as usize] = [&framing::Plain, &framing::CHAT, &framing::ROOT];

/// The forms of the Pusher dialect follow them.
const FORMS: [pusher::Form; 4] = pusher::Form::ALL;
const _: () =
    assert!(FRAMING_COUNT as usize + FORMS.len() <= MAX_ENCODERS, "the broker takes no more wire forms");

/// A hub that is about to be.
#[derive(Debug)]
pub struct App;

/// A hub that serves. Dropping it lets its tasks go on; [`Running::stop`] ends them in order.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    is_tls: bool,
    has_demo: bool,
    clock: Clock,
    health: Health,
    limits: Arc<Limits>,
    handles: Arc<[(String, Handle)]>,
    drain: crate::config::Drain,
    stop: Arc<watch::Sender<bool>>,
    shutdown: watch::Sender<bool>,
    servers: Vec<tokio::task::JoinHandle<()>>,
    counting: tokio::task::JoinHandle<()>,
    couriers: Couriers,
    cisco: Cisco,
}

/// What listeners and gateways share.
struct Shared {
    config: Config,
    node: NodeId,
    clock: Clock,
    metrics: Metrics,
    health: Health,
    limits: Arc<Limits>,
    tally: Arc<Tally>,
    apps: Arc<Apps>,
    /// Set to true to stop the hub.
    stop: Arc<watch::Sender<bool>>,
}

impl App {
    /// Starts a hub and returns once it listens.
    ///
    /// # Errors
    /// A sentence that says what is wrong and which setting to change.
    pub async fn start(config: Config, clock: Clock) -> Result<Running, String> {
        Self::start_measured(config, clock, None).await
    }

    /// The same, with a gauge of its own for the load that the Cisco dialect heeds.
    ///
    /// # Errors
    /// A sentence that says what is wrong and which setting to change.
    pub async fn start_measured(
        config: Config,
        clock: Clock,
        gauge: Option<Box<dyn Gauge>>,
    ) -> Result<Running, String> {
        let certificate = config.tls.as_ref().map(|files| tls::load(files, "tls")).transpose()?;
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
        let shared = Shared {
            limits: Limits::new(tenants::caps(&config, usize::try_from(files).unwrap_or(usize::MAX))),
            apps: Arc::new(Apps::new(tenants::tenants(&config)?)),
            metrics: Metrics::new(),
            health: Health::default(),
            tally: Arc::default(),
            stop: Arc::new(watch::Sender::new(false)),
            node: NodeId(Uuid::new_v4()),
            clock,
            config,
        };
        let endpoints = webhooks::endpoints(&shared.config, shared.node)?;
        let handle = start_broker(&shared)?;
        let settings = webhooks::settings(&shared.config, shared.node, &shared.clock, &shared.metrics);
        let (hooks, couriers) = Hooks::start(endpoints, settings, &handle).await;
        let slots = shared.apps.iter().map(|app| (app.id.to_string(), handle.for_app(app.slot)));
        let handles: Arc<[(String, Handle)]> = slots.collect();
        let stop = Arc::clone(&shared.stop);
        let shutdown = watch::Sender::new(false);

        let main = bind("listen", shared.config.listen).await?;
        let address = main.local_addr().map_err(|error| error.to_string())?;
        let mut servers = Vec::new();
        let settings = http_settings(&shared);
        let mut cisco = Cisco::start(&shared, &handle, gauge).await?;
        let routes = routes(&shared, &handle, hooks.clone())?.merge(cisco.routes());
        let serving = http::serve(main, routes, certificate, settings.clone(), shutdown.subscribe());
        servers.push(tokio::spawn(serving));
        servers.extend(cisco.listen(&shared.config, &settings, &shutdown).await?);

        let mut admin_address = None;
        if let Some(listen) = shared.config.admin.listen {
            let listener = bind("admin.listen", listen).await?;
            admin_address = listener.local_addr().ok();
            let console = console(&shared, Arc::clone(&handles), Arc::clone(&stop));
            let routes = admin::router(console, webhook::routes(hooks));
            // The hub's operators are not counted among its clients.
            let own = http::Settings { limits: Limits::new(Caps::for_files(1_000)), ..settings };
            servers.push(tokio::spawn(http::serve(listener, routes, None, own, shutdown.subscribe())));
        }
        let counting = tokio::spawn(count(shared.clock.clone(), shared.metrics.clone(), shared.tally));
        shared.health.ready();
        Ok(Running {
            address,
            admin: admin_address,
            is_tls: shared.config.tls.is_some(),
            has_demo: shared.config.has_demo(),
            clock: shared.clock,
            health: shared.health,
            limits: shared.limits,
            handles,
            drain: shared.config.drain,
            stop,
            shutdown,
            servers,
            counting,
            couriers,
            cisco,
        })
    }
}

impl Running {
    /// Where the main listener is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin listener is, if there is one.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where the listeners of the Cisco dialect's own are, each with its scheme.
    #[must_use]
    pub fn cisco_listeners(&self) -> &[(&'static str, SocketAddr)] {
        self.cisco.listeners()
    }

    /// Says where the hub is, and for the demo app how to talk to it.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn greet(&self, out: &mut impl Write) -> io::Result<()> {
        let scheme = if self.is_tls { "https" } else { "http" };
        writeln!(out, "presence-hub listens on {scheme}://{}", self.address)?;
        if let Some(admin) = self.admin {
            writeln!(out, "metrics and admin calls are on http://{admin}")?;
        }
        self.cisco.greet(out)?;
        if self.has_demo {
            let socket = scheme.replace("http", "ws");
            write!(
                out,
                "\n\
                 *** DEMO APP: its secrets are known to everybody. For this machine only. ***\n\
                 \n\
                 demo page   {scheme}://{address}/   (open it in two tabs)\n\
                 native      {socket}://{address}/ws   key demo-key, secret demo-secret\n\
                 pusher      {socket}://{address}/app/demo-key   app id 1, key demo-key, secret demo-secret\n\
                 socket.io   {scheme}://{address}/chat   the same tokens, as ?token=...\n\
                 cisco       {scheme}://{address}/presence-service/   application user demo, password demo-secret\n\
                 \n\
                 curl -s -X POST {scheme}://{address}/api/anonymous/auth -d displayname=Ada   # a guest's token\n\
                 {{\"event\":\"SUBSCRIBE_CHANNEL\",\"payload\":{{\"channel\":{{\"type\":\"topic\",\"_id\":\"lobby\"}}}}}}\n\
                 {{\"event\":\"SEND_PRESENCE_EVENT\",\"payload\":{{\"category\":\"app.event.presence.party.online\",\"topicId\":\"lobby\"}}}}\n",
                address = self.address,
            )?;
        }
        out.flush()
    }

    /// Serves until the process is told to stop, or an operator asks for it, and then stops in order.
    pub async fn until_stopped(self) {
        let mut asked = self.stop.subscribe();
        tokio::select! {
            () = signalled() => {}
            _ = asked.wait_for(|is_asked| *is_asked) => {}
        }
        self.stop().await;
    }

    /// Stops: unready at once, clients sent away over the drain window, then whatever is left is ended.
    pub async fn stop(self) {
        tracing::info!(window = ?self.drain.window, "draining");
        self.health.draining();
        self.limits.drain();
        self.cisco.stop();
        let start = self.clock.now().mono;
        self.send_away(self.drain.window, start + self.drain.window).await;
        // Whoever authenticated only meanwhile goes too, and is told so.
        self.send_away(Duration::ZERO, start + self.drain.timeout).await;
        self.shutdown.send_replace(true);
        for server in self.servers {
            if let Err(error) = server.await {
                tracing::error!(%error, "a listener ended badly");
            }
        }
        // Those whose graces still run do not come back to this node, and backends hear that they are gone.
        for (_, handle) in self.handles.iter() {
            handle.end_all().await;
        }
        self.couriers.stop().await;
        self.counting.abort();
        tracing::info!("stopped");
    }
}

impl Running {
    /// Tells all clients to go, over a span, and waits until they have gone or the time has come.
    async fn send_away(&self, spread: Duration, until: Mono) {
        for (_, handle) in self.handles.iter() {
            handle.drain(spread).await;
        }
        while self.limits.open() > 0 && self.clock.now().mono < until {
            self.clock.sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Waits for SIGTERM or SIGINT.
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; only the admin listener can stop the hub in order");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {key} = {address}: {error}"))
}

fn start_broker(shared: &Shared) -> Result<Handle, String> {
    let Shared { config, clock, metrics, .. } = shared;
    let now = clock.now();
    let floor = match &config.data_dir {
        Some(folder) => keep_mark(folder, clock)?,
        None => Timetoken(0),
    };
    // The engine remembers a topic's numbering a little longer than the roster remembers the topic.
    let retention = config.presence.retention + Duration::from_secs(10);
    let documents = DocumentLimits {
        count: config.limits.documents,
        bytes: config.limits.document_bytes,
        total: config.limits.documents_bytes,
    };
    let engine: Box<dyn Engine> = Box::new(Memory::new(now, floor, retention).with_documents(documents));
    let encoder =
        |framing: &&'static dyn Framing| Arc::new(native::Encoder::new(*framing)) as Arc<dyn Encode>;
    let forms = FORMS.map(|form| Arc::new(pusher::Encoder(form)) as Arc<dyn Encode>);
    let encoders = FRAMINGS.iter().map(encoder).chain(forms).collect();
    let limits = RosterLimits {
        history: config.presence.history,
        history_bytes: config.presence.history_bytes,
        retention: config.presence.retention,
        members: config.limits.members_per_topic,
    };
    let policy = Policy {
        announce_max: config.presence.announce_max,
        interval: config.presence.interval,
        storm_tick: config.presence.storm_tick,
        sessions_tick: config.presence.sessions_tick,
        stall: config.limits.stall,
        outbox: bounds(config),
    };
    let apps = config.apps.iter().map(|_| (limits, policy)).collect();
    let (node, clock, metrics) = (shared.node, clock.clone(), metrics.clone());
    let parts = Parts { node, clock, engine, encoders, apps, inbox: config.limits.inbox, metrics };
    let (broker, handle) = Broker::new(parts);
    let serving = tokio::spawn(broker.run());
    let (health, stop) = (shared.health.clone(), Arc::clone(&shared.stop));
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the broker has failed; the hub stops");
            health.draining();
            stop.send_replace(true);
        }
    });
    Ok(handle)
}

fn bounds(config: &Config) -> Bounds {
    Bounds { bytes: config.limits.outbox_bytes, frames: config.limits.outbox_frames }
}

/// Reads the mark of the last run, sets it ahead, and goes on doing so.
fn keep_mark(folder: &std::path::Path, clock: &Clock) -> Result<Timetoken, String> {
    let wrong = |error: io::Error| format!("data_dir ({}) cannot be used: {error}", folder.display());
    let mark = HighWater::open(folder).map_err(wrong)?;
    let floor = mark.load().map_err(wrong)?;
    mark.reserve(clock.now().wall).map_err(wrong)?;
    let clock = clock.clone();
    tokio::spawn(async move {
        loop {
            clock.sleep(highwater::EVERY).await;
            let (mark, now) = (mark.clone(), clock.now().wall);
            match tokio::task::spawn_blocking(move || mark.reserve(now)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the mark of timetokens cannot be set"),
                Err(error) => tracing::error!(%error, "setting the mark of timetokens failed"),
            }
        }
    });
    Ok(floor)
}

fn routes(shared: &Shared, handle: &Handle, hooks: Hooks) -> Result<Router, String> {
    let Shared { config, clock, apps, metrics, .. } = shared;
    let settings = websocket_settings(shared);
    let limits = SpaceLimits {
        tries_per_minute: config.limits.password_tries_per_minute,
        creations_per_minute: config.limits.spaces_per_minute,
        per_party: config.limits.spaces_per_party,
    };
    let spaces = Arc::new(Spaces::new(handle.clone(), clock.clone(), limits));
    let native = |id: u8| {
        Arc::new(native::Shared {
            apps: Arc::clone(apps),
            broker: handle.clone(),
            clock: clock.clone(),
            framing: FRAMINGS[usize::from(id)],
            encoder: EncoderId(id),
            ping_interval: config.limits.ping_interval,
            outbox: bounds(config),
            auth_timeout: config.limits.auth_timeout,
            body_timeout: config.http.body_timeout,
            body_bytes: config.http.body_bytes,
            spaces: Arc::clone(&spaces),
            hosts: hosts(config),
            metrics: metrics.clone(),
        })
    };
    let [plain, chat, root] = [0, 1, 2].map(native);
    let gate = native::Gate {
        chat,
        root,
        websocket: settings.clone(),
        ping_interval: config.socketio.ping_interval,
        ping_timeout: config.socketio.ping_timeout,
        connect_timeout: config.socketio.connect_timeout,
        attachments: config.socketio.attachments,
        attachment_timeout: config.socketio.attachment_timeout,
        lines: native::Lines::default(),
    };
    let native = native::router(plain, Arc::new(gate));
    let pusher = pusher::router(Arc::new(pusher_shared(shared, handle, hooks, spaces)?), settings);
    let health = shared.health.clone();
    let ready = axum::routing::get(move || async move { admin::readiness(&health) });
    Ok(Router::new()
        .route("/livez", axum::routing::get("live\n"))
        .route("/readyz", ready)
        .merge(native)
        .merge(pusher)
        .fallback_service(pages::router(hosts(config))))
}

fn websocket_settings(shared: &Shared) -> websocket::Settings {
    let limits = &shared.config.limits;
    let mut settings = websocket::Settings::new(shared.clock.clone());
    settings.frame_bytes = limits.frame_bytes;
    settings.fragments = limits.fragments;
    settings.control_frames = limits.control_frames_per_second;
    settings.ping_interval = limits.ping_interval;
    settings.pong_timeout = limits.pong_timeout;
    settings
}

fn pusher_shared(
    shared: &Shared,
    handle: &Handle,
    hooks: Hooks,
    spaces: Arc<Spaces>,
) -> Result<pusher::Shared, String> {
    let config = &shared.config;
    let tenant = |(app, settings): (&Arc<Tenant>, &AppConfig)| {
        let too_long = || format!("apps.{}.id is too long", app.slot.0);
        pusher::Tenant::new(Arc::clone(app), settings.pusher.clone()).ok_or_else(too_long)
    };
    let tenants = shared.apps.iter().zip(&config.apps).map(tenant).collect::<Result<_, _>>()?;
    Ok(pusher::Shared {
        tenants: pusher::Tenants::new(Arc::clone(&shared.apps), tenants),
        broker: handle.clone(),
        clock: shared.clock.clone(),
        encoders: FORMS.into_iter().zip((FRAMING_COUNT..).map(EncoderId)).collect(),
        outbox: bounds(config),
        spaces,
        body_timeout: config.http.body_timeout,
        hooks: Arc::new(webhooks::Outward(hooks)),
        metrics: shared.metrics.clone(),
    })
}

/// The names under which pages for people answer: those configured, and the address that the hub listens on.
fn hosts(config: &Config) -> Arc<[String]> {
    let own = match config.listen.ip() {
        std::net::IpAddr::V4(address) => address.to_string(),
        std::net::IpAddr::V6(address) => format!("[{address}]"),
    };
    config.http.hosts.iter().cloned().chain([own]).collect()
}

fn console(shared: &Shared, apps: Arc<[(String, Handle)]>, stop: Arc<watch::Sender<bool>>) -> Console {
    Console {
        health: shared.health.clone(),
        metrics: shared.metrics.clone(),
        token: shared.config.admin.token.clone(),
        hosts: hosts(&shared.config),
        apps,
        stop,
    }
}

fn http_settings(shared: &Shared) -> http::Settings {
    http::Settings {
        proxies: Proxies::new(shared.config.http.trusted_proxies.clone()),
        head_timeout: shared.config.http.head_timeout,
        keep_alive: shared.config.http.keep_alive,
        drain_timeout: shared.config.drain.timeout,
        tally: Arc::clone(&shared.tally),
        ..http::Settings::new(shared.clock.clone(), Arc::clone(&shared.limits))
    }
}

/// Brings what the listeners count into the metrics.
async fn count(clock: Clock, metrics: Metrics, tally: Arc<Tally>) {
    loop {
        clock.sleep(Duration::from_secs(1)).await;
        metrics.accepted(tally.accepted.load(Relaxed));
        metrics.refused(tally.refused.load(Relaxed));
        metrics.accept_errors(tally.accept_errors.load(Relaxed));
        metrics.late(tally.late.load(Relaxed));
        metrics.tls_errors(tally.tls_errors.load(Relaxed));
        metrics.panics(admin::panics::count());
    }
}
