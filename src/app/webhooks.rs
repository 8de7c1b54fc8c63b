//! Turns the webhooks of the configuration into endpoints.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::broker::{AppSlot, Clock};
use crate::config::{AppConfig, Config, WebhookConfig, WebhookFormat};
use crate::core::{NodeId, TopicName};
use crate::egress::{Rules, System};
use crate::gateway::pattern::Pattern;
use crate::gateway::pusher;
use crate::telemetry::Metrics;
use crate::webhook::{
    self, Batch, Bounds, Endpoint, Format, Hub, PubNub, Pusher, Settings, TopicFilter, What,
};

/// How long Pusher's format holds a leave, unless the configuration says otherwise.
const PUSHER_HOLD: Duration = Duration::from_secs(3);

/// What the Pusher dialect alone knows, on its way to the webhooks.
#[derive(Debug)]
pub(super) struct Outward(pub(super) webhook::Hooks);

impl pusher::Hooks for Outward {
    fn client_event(&self, app: AppSlot, event: &pusher::ClientEvent<'_>) {
        let told = webhook::ClientEvent {
            event: event.event.into(),
            data: event.data.into(),
            socket_id: event.socket_id.into(),
            user_id: event.user_id.map(Into::into),
        };
        self.0.client_event(app, event.channel, told);
    }

    fn cache_miss(&self, app: AppSlot, channel: &TopicName) {
        self.0.cache_miss(app, channel);
    }
}

/// What all endpoints share.
pub(super) fn settings(config: &Config, node: NodeId, clock: &Clock, metrics: &Metrics) -> Settings {
    let webhooks = &config.webhooks;
    Settings {
        node,
        clock: clock.clone(),
        metrics: metrics.clone(),
        rules: Arc::new(rules(config)),
        resolver: Arc::new(System),
        timeout: webhooks.timeout,
        retry_for: webhooks.retry_for,
        queue: Bounds { hooks: webhooks.queue_events, bytes: webhooks.queue_bytes },
        lanes: webhooks.lanes,
        letters: webhooks.dead_letters,
        flush: webhooks.flush,
    }
}

/// Addresses of the configuration may be public, at any port, for the operator wrote them.
fn rules(config: &Config) -> Rules {
    let allow = config.egress.allow.clone();
    Rules { allow, is_public: true, is_plain: config.egress.http, ports: None }
}

/// The endpoints of all apps, or a sentence that says what is wrong with one.
pub(super) fn endpoints(config: &Config, node: NodeId) -> Result<Vec<Endpoint>, String> {
    let rules = rules(config);
    let mut endpoints = Vec::new();
    for (place, app) in config.apps.iter().enumerate() {
        let slot = u16::try_from(place).map_err(|_| "there are more [[apps]] than 65,536".to_owned())?;
        for (nth, webhook) in app.webhooks.iter().enumerate() {
            let name = format!("apps.{place}.webhooks.{nth}");
            let target = rules.target(&webhook.url).map_err(|refused| format!("{name}.url {refused}"))?;
            let pace = Batch { window: webhook.batch_window, hooks: webhook.batch_events };
            let usual = if webhook.format == WebhookFormat::Pusher { PUSHER_HOLD } else { Duration::ZERO };
            let events = events(webhook, &name)?;
            let hold = webhook.hold.unwrap_or(usual);
            if webhook.format == WebhookFormat::PubNub && !hold.is_zero() {
                return Err(format!(
                    "{name}.hold must be 0s in PubNub's format, which tells each leave when it happens"
                ));
            }
            endpoints.push(Endpoint {
                app: AppSlot(slot),
                target,
                format: format(app, webhook, node, &events).map_err(|wrong| format!("{name}.{wrong}"))?,
                wants: events.into_iter().map(|(_, what)| what).collect(),
                topics: filter(webhook),
                authorization: authorization(webhook, &name)?,
                hold,
                batch: pace,
                name,
            });
        }
    }
    Ok(endpoints)
}

/// The format, with the keys and secrets that sign its posts: the endpoint's own, or else the app's. Pusher's posts have room for
/// one signature, which is of the oldest pair; the hub's have one of each.
fn format(
    app: &AppConfig,
    webhook: &WebhookConfig,
    node: NodeId,
    events: &[Event],
) -> Result<Arc<dyn Format>, String> {
    let enabled = || app.keys.iter().filter(|pair| pair.enabled);
    let own = webhook.secret.as_ref();
    match webhook.format {
        WebhookFormat::Hub => {
            let apps = || enabled().map(|pair| &pair.secret).collect();
            let mut secrets: Vec<&SecretString> = own.map_or_else(apps, |secret| vec![secret]);
            secrets.extend(&webhook.next_secret);
            Ok(Arc::new(Hub::new(node, &app.id, &secrets)))
        }
        WebhookFormat::Pusher => {
            let pair = enabled().find(|pair| webhook.key.as_ref().is_none_or(|key| *key == pair.key));
            let key = webhook.key.as_ref().or(pair.map(|pair| &pair.key));
            let secret = own.or(pair.map(|pair| &pair.secret));
            let unknown = || "key is no enabled key of the app, so its secret must be set too".to_owned();
            let (key, secret) = key.zip(secret).ok_or_else(unknown)?;
            Ok(Arc::new(Pusher::new(key, secret)))
        }
        WebhookFormat::PubNub => {
            let key = webhook.key.as_ref().unwrap_or(&app.pubnub.subscribe_key);
            let actions = events.iter().map(|(name, _)| *name).collect();
            Ok(Arc::new(PubNub::new(key, own.unwrap_or(&app.pubnub.secret_key), actions)))
        }
    }
}

/// What an endpoint's format calls a thing, and the thing.
type Event = (&'static str, What);

/// Everything that a format knows.
fn known(format: WebhookFormat) -> Vec<Event> {
    let all = What::ALL.into_iter();
    match format {
        WebhookFormat::Hub => all.map(|what| (Hub::name(what), what)).collect(),
        WebhookFormat::Pusher => all.filter_map(|what| Some((Pusher::name(what)?, what))).collect(),
        WebhookFormat::PubNub => PubNub::ACTIONS.to_vec(),
    }
}

/// What an endpoint wants to be told.
fn events(webhook: &WebhookConfig, name: &str) -> Result<Vec<Event>, String> {
    let known = known(webhook.format);
    if webhook.events.is_empty() {
        return Ok(known.into_iter().filter(|(_, what)| *what != What::Counts).collect());
    }
    let wanted = |event: &String| {
        known.iter().find(|(name, _)| name == event).copied().ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            format!("{name}.events must hold names out of {}, but holds {event:?}", names.join(", "))
        })
    };
    webhook.events.iter().map(wanted).collect()
}

fn filter(webhook: &WebhookConfig) -> TopicFilter {
    let patterns: Vec<_> = webhook.topics.iter().map(|pattern| Pattern::new(pattern)).collect();
    let prefixes = webhook.prefixes.clone();
    if patterns.is_empty() && prefixes.is_empty() {
        return Box::new(|_| true);
    }
    Box::new(move |topic: &TopicName| {
        patterns.iter().any(|pattern| pattern.matches(topic.as_str()))
            || prefixes.iter().any(|prefix| topic.as_str().starts_with(prefix))
    })
}

fn authorization(webhook: &WebhookConfig, name: &str) -> Result<Option<HeaderValue>, String> {
    let header = |secret: &SecretString| {
        let mut value = HeaderValue::from_str(secret.expose_secret())
            .map_err(|_| format!("{name}.authorization must be what a header can hold"))?;
        value.set_sensitive(true);
        Ok(value)
    };
    webhook.authorization.as_ref().map(header).transpose()
}
