//! The apps: `apps.#.*`, each checked by itself and against the others.

use std::collections::HashSet;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::checked::Reader;
use super::cisco::CiscoApp;
use super::error::ConfigError;
use super::outgoing::{self, WebhookConfig};
use super::pubnub::PubNub;
use super::pusher::Pusher;
use super::sources::DEMO_SECRET;
use super::value::list;

/// One of `apps`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct AppConfig {
    pub id: String,
    /// `key` and `secret`, then `keys.#`: oldest first. At least one of them is enabled.
    pub keys: Vec<KeyConfig>,
    pub open_topics: bool,
    pub origins: Vec<String>,
    pub anonymous: bool,
    pub audience: Option<String>,
    pub issuer: Option<String>,
    pub leeway: Duration,
    pub grace: Duration,
    pub topics: Vec<TopicRule>,
    pub pusher: Pusher,
    pub pubnub: PubNub,
    pub cisco: CiscoApp,
    pub webhooks: Vec<WebhookConfig>,
    /// The app that is there when none is configured, with secrets that everybody knows.
    pub is_demo: bool,
}

/// One of an app's pairs of a key and a secret.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct KeyConfig {
    /// Where it is written: `apps.0` or `apps.0.keys.1`.
    pub path: String,
    pub key: String,
    pub secret: SecretString,
    pub enabled: bool,
}

/// One of an app's `topics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRule {
    /// Which topics.
    pub pattern: String,
    /// Their grace.
    pub grace: Duration,
}

impl AppConfig {
    pub(super) fn has_demo_secret(&self) -> bool {
        let is_known = |secret: &SecretString| secret.expose_secret() == DEMO_SECRET;
        let secrets = self.keys.iter().map(|pair| &pair.secret).chain([&self.pubnub.secret_key]);
        self.is_demo || secrets.into_iter().any(is_known) || self.cisco.has_demo_secret()
    }
}

/// Reads them.
pub(super) fn apps(read: &Reader<'_>) -> Result<Vec<AppConfig>, ConfigError> {
    let grace = read.duration("presence.grace");
    let apps: Vec<_> =
        (0..read.tables("apps")).map(|place| app(read, place, grace)).collect::<Result<_, _>>()?;
    let (mut ids, mut keys, mut subscribe_keys) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (place, app) in apps.iter().enumerate() {
        if !ids.insert(&*app.id) {
            return Err(ConfigError::Conflict(format!("apps.{place}.id is that of another app")));
        }
        for pair in &app.keys {
            if !keys.insert(&*pair.key) {
                let sentence =
                    format!("{}.key stands twice; every key of every app must be another", pair.path);
                return Err(ConfigError::Conflict(sentence));
            }
        }
        if !subscribe_keys.insert(&*app.pubnub.subscribe_key) {
            let sentence = format!("apps.{place}.pubnub.subscribe_key is another app's; it must be unique");
            return Err(ConfigError::Conflict(sentence));
        }
    }
    Ok(apps)
}

fn app(read: &Reader<'_>, place: usize, grace: Duration) -> Result<AppConfig, ConfigError> {
    let path = |key: &str| format!("apps.{place}.{key}");
    let needed = |key: &str| read.needed(&path(key));
    let grace = if read.has(&path("grace")) { read.duration(&path("grace")) } else { grace };
    let rule = |rule: usize| {
        let pattern = needed(&format!("topics.{rule}.pattern"))?;
        let own = path(&format!("topics.{rule}.grace"));
        let grace = if read.has(&own) { read.duration(&own) } else { grace };
        Ok(TopicRule { pattern, grace })
    };
    let (id, keys) = (needed("id")?, keys(read, place)?);
    let oldest = keys.iter().find(|pair| pair.enabled);
    let (pubnub, cisco) = (PubNub::read(read, place, oldest), CiscoApp::read(read, place, &keys)?);
    Ok(AppConfig {
        id,
        keys,
        pubnub,
        cisco,
        open_topics: read.flag(&path("open_topics")),
        origins: list(read.text(&path("origins"))),
        anonymous: read.flag(&path("anonymous")),
        audience: read.owned(&path("audience")),
        issuer: read.owned(&path("issuer")),
        leeway: read.duration(&path("leeway")),
        grace,
        pusher: Pusher::read(read, place),
        topics: (0..read.tables(&path("topics"))).map(rule).collect::<Result<_, _>>()?,
        webhooks: outgoing::webhooks_of(read, &format!("apps.{place}"))?,
        is_demo: read.is_demo(&path("id")),
    })
}

/// The pairs of an app. The one that is written beside its id may be left out where there are others.
fn keys(read: &Reader<'_>, place: usize) -> Result<Vec<KeyConfig>, ConfigError> {
    let above = format!("apps.{place}");
    let list = format!("{above}.keys");
    let later = read.tables(&list);
    let is_first = later == 0 || ["key", "secret"].iter().any(|key| read.has(&format!("{above}.{key}")));
    let paths = is_first.then(|| above.clone()).into_iter();
    let paths = paths.chain((0..later).map(|pair| format!("{list}.{pair}")));
    let pair = |path: String| {
        Ok(KeyConfig {
            key: read.needed(&format!("{path}.key"))?,
            secret: SecretString::from(read.needed(&format!("{path}.secret"))?),
            enabled: path == above || read.flag(&format!("{path}.enabled")),
            path,
        })
    };
    let keys: Vec<_> = paths.map(pair).collect::<Result<_, _>>()?;
    if !keys.iter().any(|pair| pair.enabled) {
        let sentence = format!("{list} has no key that is enabled; there must be one");
        return Err(ConfigError::Conflict(sentence));
    }
    Ok(keys)
}
