//! What is true: typed settings, each checked by itself and against the others.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use super::apps::{self, AppConfig};
use super::cisco::{self, Cisco};
use super::error::ConfigError;
use super::outgoing::{self, Egress, Webhooks};
use super::sources::{Origin, Written};
use super::tls::{self, Tls};
use super::value::{duration, list, size};

/// A whole configuration that is right. `docs/CONFIG.md` says what each key means.
#[derive(Debug, Clone)]
pub struct Config {
    /// `listen`.
    pub listen: SocketAddr,
    /// `data_dir`.
    pub data_dir: Option<PathBuf>,
    /// `tls.*`, if both are set.
    pub tls: Option<Tls>,
    /// `http.*`.
    pub http: Http,
    /// `admin.*`.
    pub admin: Admin,
    /// `log.*`.
    pub log: Log,
    /// `limits.*`.
    pub limits: Limits,
    /// `presence.*`.
    pub presence: Presence,
    /// `socketio.*`.
    pub socketio: SocketIo,
    /// `drain.*`.
    pub drain: Drain,
    /// `egress.*`.
    pub egress: Egress,
    /// `webhooks.*`.
    pub webhooks: Webhooks,
    /// `cisco.*`.
    /// `cisco.*`.
    pub cisco: Cisco,
    /// `apps`; never empty.
    pub apps: Vec<AppConfig>,
}

/// `http.*`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Http {
    pub head_timeout: Duration,
    pub keep_alive: Duration,
    pub body_timeout: Duration,
    pub body_bytes: usize,
    pub trusted_proxies: Vec<IpNet>,
    pub hosts: Vec<String>,
}

/// `admin.*`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Admin {
    pub listen: Option<SocketAddr>,
    pub token: Option<SecretString>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// `log.*`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

/// `limits.*`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Limits {
    pub frame_bytes: usize,
    pub fragments: u32,
    pub json_depth: usize,
    pub json_keys: usize,
    pub json_string: usize,
    pub outbox_bytes: usize,
    pub outbox_frames: usize,
    pub stall: Duration,
    /// `None` is as the file descriptors allow.
    pub connections: Option<usize>,
    pub connections_per_address: usize,
    pub connections_per_party: usize,
    pub unauthenticated_percent: usize,
    pub topics_per_session: usize,
    pub subscribes_per_second: u32,
    pub events_per_second: u32,
    pub updates_per_second: u32,
    pub content_bytes: usize,
    pub receivers: usize,
    pub dial_ins: usize,
    pub churn_per_second: u32,
    pub control_frames_per_second: u32,
    /// `None` is any number.
    pub members_per_topic: Option<usize>,
    pub documents: usize,
    pub document_bytes: usize,
    pub documents_bytes: usize,
    pub password_tries_per_minute: u32,
    pub spaces_per_minute: u32,
    pub spaces_per_party: usize,
    pub auth_timeout: Duration,
    pub ping_interval: Duration,
    pub pong_timeout: Duration,
    pub inbox: usize,
}

/// `presence.*`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Presence {
    pub grace: Duration,
    pub announce_max: u32,
    pub interval: Duration,
    pub storm_tick: Duration,
    pub sessions_tick: Duration,
    pub history: usize,
    pub history_bytes: usize,
    pub retention: Duration,
}

/// `socketio.*`.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct SocketIo {
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    pub connect_timeout: Duration,
    pub attachments: u32,
    pub attachment_timeout: Duration,
}

/// `drain.*`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Drain {
    pub window: Duration,
    pub timeout: Duration,
}

/// Secrets that sign tokens, and the admin token, should have as many bytes.
const SECRET_BYTES: usize = 32;
pub(super) const TOKEN_BYTES: usize = 16;

impl Config {
    pub(super) fn check(written: &Written) -> Result<Self, ConfigError> {
        let read = Reader(written);
        let config = Self {
            listen: read.address("listen"),
            data_dir: read.optional("data_dir").map(PathBuf::from),
            tls: tls::pair(&read, "tls")?,
            http: http(&read)?,
            admin: Admin {
                listen: read.optional("admin.listen").and_then(|text| text.parse().ok()),
                token: read.optional("admin.token").map(SecretString::from),
            },
            log: log(&read),
            limits: limits(&read),
            presence: presence(&read),
            socketio: SocketIo {
                ping_interval: read.duration("socketio.ping_interval"),
                ping_timeout: read.duration("socketio.ping_timeout"),
                connect_timeout: read.duration("socketio.connect_timeout"),
                attachments: read.small("socketio.attachments"),
                attachment_timeout: read.duration("socketio.attachment_timeout"),
            },
            drain: Drain { window: read.duration("drain.window"), timeout: read.duration("drain.timeout") },
            egress: outgoing::egress(&read),
            webhooks: outgoing::webhooks(&read),
            cisco: Cisco::read(&read)?,
            apps: apps::apps(&read)?,
        };
        config.agree()?;
        Ok(config)
    }

    /// Rules about several keys at once.
    fn agree(&self) -> Result<(), ConfigError> {
        let conflict = |sentence: &str| Err(ConfigError::Conflict(sentence.to_owned()));
        let is_public = !self.listen.ip().is_loopback() || self.cisco.is_public();
        if is_public && self.apps.iter().any(AppConfig::has_demo_secret) {
            return conflict(
                "the hub listens on a public address, but the demo app's secret is known to everybody: \
                 configure [[apps]] with a secret of their own, or listen on 127.0.0.1",
            );
        }
        if let Some(admin) = self.admin.listen
            && !admin.ip().is_loopback()
        {
            return conflict("admin.listen must be a loopback address: put a proxy with TLS in front of it");
        }
        if self.drain.timeout < self.drain.window {
            return conflict("drain.timeout must not be shorter than drain.window");
        }
        if self.presence.storm_tick > self.presence.interval {
            return conflict("presence.storm_tick must not be longer than presence.interval");
        }
        if self.admin.listen == Some(self.listen) && self.listen.port() != 0 {
            return conflict("listen and admin.listen must not be the same address");
        }
        if self.limits.json_depth > 127 {
            return conflict("limits.json_depth must be at most 127");
        }
        if self.socketio.attachments > 10 {
            return conflict("socketio.attachments must be at most 10");
        }
        if self.limits.outbox_bytes < self.limits.frame_bytes {
            return conflict("limits.outbox_bytes must not be smaller than limits.frame_bytes");
        }
        cisco::agree(self)
    }

    /// What is allowed but should be looked at, as sentences.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (place, app) in self.apps.iter().enumerate() {
            for pair in app.keys.iter().filter(|_| !app.has_demo_secret()) {
                let bytes = pair.secret.expose_secret().len();
                if bytes < SECRET_BYTES {
                    let path = &pair.path;
                    warnings.push(format!(
                        "{path}.secret has {bytes} bytes; it should have {SECRET_BYTES} or more"
                    ));
                }
            }
            warnings.extend(app.pubnub.warning(place, &app.keys, SECRET_BYTES));
            for (nth, webhook) in app.webhooks.iter().enumerate() {
                for (key, secret) in [("secret", &webhook.secret), ("next_secret", &webhook.next_secret)] {
                    let bytes = secret.as_ref().map(|secret| secret.expose_secret().len());
                    if let Some(bytes) = bytes.filter(|bytes| *bytes < TOKEN_BYTES) {
                        warnings.push(format!(
                            "apps.{place}.webhooks.{nth}.{key} has {bytes} bytes; it should have {TOKEN_BYTES} or more"
                        ));
                    }
                }
            }
        }
        let token = self.admin.token.as_ref().map(|token| token.expose_secret().len());
        if let Some(bytes) = token.filter(|bytes| *bytes < TOKEN_BYTES) {
            warnings.push(format!("admin.token has {bytes} bytes; it should have {TOKEN_BYTES} or more"));
        }
        if !self.listen.ip().is_loopback() && self.tls.is_none() {
            let sentence = "listen is a public address and tls.cert is not set: unless a proxy adds TLS, tokens pass in the clear";
            warnings.push(sentence.to_owned());
        }
        warnings.extend(cisco::warnings(self));
        warnings
    }

    /// Whether one of the apps has secrets that everybody knows.
    #[must_use]
    pub fn has_demo(&self) -> bool {
        self.apps.iter().any(|app| app.is_demo)
    }
}

/// Reads values whose kind was checked when they were written; what has no value reads as nothing.
pub(super) struct Reader<'a>(&'a Written);

impl Reader<'_> {
    pub(super) fn text(&self, path: &str) -> &str {
        self.0.text(path)
    }

    pub(super) fn optional(&self, path: &str) -> Option<&str> {
        Some(self.text(path)).filter(|text| !text.is_empty())
    }

    pub(super) fn owned(&self, path: &str) -> Option<String> {
        self.optional(path).map(str::to_owned)
    }

    pub(super) fn address(&self, path: &str) -> SocketAddr {
        let unset = SocketAddr::from(([127, 0, 0, 1], 0));
        self.text(path).parse().unwrap_or(unset)
    }

    pub(super) fn duration(&self, path: &str) -> Duration {
        duration(self.text(path)).unwrap_or_default()
    }

    pub(super) fn size(&self, path: &str) -> usize {
        size(self.text(path)).unwrap_or_default()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.text(path).parse().unwrap_or_default()
    }

    pub(super) fn small(&self, path: &str) -> u32 {
        self.text(path).parse().unwrap_or_default()
    }

    /// A count of which 0 means that there is no bound.
    pub(super) fn bound(&self, path: &str) -> Option<usize> {
        Some(self.count(path)).filter(|bound| *bound > 0)
    }

    pub(super) fn flag(&self, path: &str) -> bool {
        self.text(path) == "true"
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.has(path)
    }

    /// Whether a key is of the app that is there when none is configured.
    pub(super) fn is_demo(&self, path: &str) -> bool {
        self.0.origin(path) == Some(&Origin::DemoApp)
    }

    /// How many tables there are in a list of tables.
    pub(super) fn tables(&self, list: &str) -> usize {
        self.0.count(list)
    }

    pub(super) fn needed(&self, path: &str) -> Result<String, ConfigError> {
        let missing = || ConfigError::Conflict(format!("{path} is missing; there must be one"));
        self.owned(path).ok_or_else(missing)
    }
}

fn http(read: &Reader<'_>) -> Result<Http, ConfigError> {
    let network = |text: String| {
        let sentence =
            format!("http.trusted_proxies must hold networks such as 10.0.0.0/8, but holds {text:?}");
        text.parse().map_err(|_| ConfigError::Conflict(sentence))
    };
    Ok(Http {
        head_timeout: read.duration("http.head_timeout"),
        keep_alive: read.duration("http.keep_alive"),
        body_timeout: read.duration("http.body_timeout"),
        body_bytes: read.size("http.body_bytes"),
        trusted_proxies: list(read.text("http.trusted_proxies"))
            .into_iter()
            .map(network)
            .collect::<Result<_, _>>()?,
        hosts: list(read.text("http.hosts")),
    })
}

fn log(read: &Reader<'_>) -> Log {
    let format = if read.text("log.format") == "json" { LogFormat::Json } else { LogFormat::Text };
    Log { format, level: read.text("log.level").to_owned() }
}

fn limits(read: &Reader<'_>) -> Limits {
    Limits {
        frame_bytes: read.size("limits.frame_bytes"),
        fragments: read.small("limits.fragments"),
        json_depth: read.count("limits.json_depth"),
        json_keys: read.count("limits.json_keys"),
        json_string: read.size("limits.json_string"),
        outbox_bytes: read.size("limits.outbox_bytes"),
        outbox_frames: read.count("limits.outbox_frames"),
        stall: read.duration("limits.stall"),
        connections: read.bound("limits.connections"),
        connections_per_address: read.count("limits.connections_per_address"),
        connections_per_party: read.count("limits.connections_per_party"),
        unauthenticated_percent: read.count("limits.unauthenticated_percent"),
        topics_per_session: read.count("limits.topics_per_session"),
        subscribes_per_second: read.small("limits.subscribes_per_second"),
        events_per_second: read.small("limits.events_per_second"),
        updates_per_second: read.small("limits.updates_per_second"),
        content_bytes: read.size("limits.content_bytes"),
        receivers: read.count("limits.receivers"),
        dial_ins: read.count("limits.dial_ins"),
        churn_per_second: read.small("limits.churn_per_second"),
        control_frames_per_second: read.small("limits.control_frames_per_second"),
        members_per_topic: read.bound("limits.members_per_topic"),
        documents: read.count("limits.documents"),
        document_bytes: read.size("limits.document_bytes"),
        documents_bytes: read.size("limits.documents_bytes"),
        password_tries_per_minute: read.small("limits.password_tries_per_minute"),
        spaces_per_minute: read.small("limits.spaces_per_minute"),
        spaces_per_party: read.count("limits.spaces_per_party"),
        auth_timeout: read.duration("limits.auth_timeout"),
        ping_interval: read.duration("limits.ping_interval"),
        pong_timeout: read.duration("limits.pong_timeout"),
        inbox: read.count("limits.inbox"),
    }
}

fn presence(read: &Reader<'_>) -> Presence {
    Presence {
        grace: read.duration("presence.grace"),
        announce_max: read.small("presence.announce_max"),
        interval: read.duration("presence.interval"),
        storm_tick: read.duration("presence.storm_tick"),
        sessions_tick: read.duration("presence.sessions_tick"),
        history: read.count("presence.history"),
        history_bytes: read.size("presence.history_bytes"),
        retention: read.duration("presence.retention"),
    }
}
