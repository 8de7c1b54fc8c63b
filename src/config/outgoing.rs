//! What is true of the calls that the hub makes: webhooks, and what may be called at all.

use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use super::checked::Reader;
use super::error::ConfigError;
use super::value::{list, networks};

/// `egress.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Egress {
    pub allow: Vec<IpNet>,
    pub http: bool,
}

/// `webhooks.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Webhooks {
    pub timeout: Duration,
    pub retry_for: Duration,
    pub queue_events: usize,
    pub queue_bytes: usize,
    pub lanes: usize,
    pub dead_letters: usize,
    pub flush: Duration,
}

/// The form of a webhook's posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// The hub's own.
    Hub,
    /// Pusher's.
    Pusher,
    /// PubNub's.
    PubNub,
}

/// One of an app's `webhooks`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct WebhookConfig {
    pub url: String,
    pub format: WebhookFormat,
    pub events: Vec<String>,
    pub topics: Vec<String>,
    pub prefixes: Vec<String>,
    pub key: Option<String>,
    pub secret: Option<SecretString>,
    pub next_secret: Option<SecretString>,
    pub authorization: Option<SecretString>,
    /// `None` is as the format has it.
    pub hold: Option<Duration>,
    pub batch_window: Duration,
    pub batch_events: usize,
}

pub(super) fn egress(read: &Reader<'_>) -> Egress {
    let allow = networks(read.text("egress.allow")).unwrap_or_default();
    Egress { allow, http: read.flag("egress.http") }
}

pub(super) fn webhooks(read: &Reader<'_>) -> Webhooks {
    Webhooks {
        timeout: read.duration("webhooks.timeout"),
        retry_for: read.duration("webhooks.retry_for"),
        queue_events: read.count("webhooks.queue_events"),
        queue_bytes: read.size("webhooks.queue_bytes"),
        lanes: read.count("webhooks.lanes"),
        dead_letters: read.count("webhooks.dead_letters"),
        flush: read.duration("webhooks.flush"),
    }
}

/// The webhooks of the app at a path.
pub(super) fn webhooks_of(read: &Reader<'_>, app: &str) -> Result<Vec<WebhookConfig>, ConfigError> {
    let above = format!("{app}.webhooks");
    (0..read.tables(&above)).map(|place| webhook(read, &format!("{above}.{place}"))).collect()
}

fn webhook(read: &Reader<'_>, above: &str) -> Result<WebhookConfig, ConfigError> {
    let path = |key: &str| format!("{above}.{key}");
    let format = match read.text(&path("format")) {
        "pusher" => WebhookFormat::Pusher,
        "pubnub" => WebhookFormat::PubNub,
        _ => WebhookFormat::Hub,
    };
    Ok(WebhookConfig {
        url: read.needed(&path("url"))?,
        format,
        events: list(read.text(&path("events"))),
        topics: list(read.text(&path("topics"))),
        prefixes: list(read.text(&path("prefixes"))),
        key: read.owned(&path("key")),
        secret: read.owned(&path("secret")).map(SecretString::from),
        next_secret: read.owned(&path("next_secret")).map(SecretString::from),
        authorization: read.owned(&path("authorization")).map(SecretString::from),
        hold: read.has(&path("hold")).then(|| read.duration(&path("hold"))),
        batch_window: read.duration(&path("batch_window")),
        batch_events: read.count(&path("batch_events")),
    })
}
