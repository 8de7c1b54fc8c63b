//! Turns the apps and limits of the configuration into those of the gateways.

use crate::broker::AppSlot;
use crate::config::{AppConfig, Config, KeyConfig};
use crate::gateway::apps::{App as Tenant, AppLimits, TopicRule};
use crate::gateway::json;
use crate::gateway::keys::{KeyPair, KeyPairs};
use crate::gateway::limits::Caps;
use crate::gateway::origin::Origins;
use crate::gateway::pattern::Pattern;

/// How many connections there may be, of a process that may open so many files.
pub(super) fn caps(config: &Config, files: usize) -> Caps {
    let limits = &config.limits;
    let mut caps = Caps::for_files(files);
    if let Some(total) = limits.connections {
        caps.total = total;
    }
    caps.per_address = limits.connections_per_address;
    caps.per_party = limits.connections_per_party;
    caps.unauthenticated = (caps.total * limits.unauthenticated_percent / 100).max(1);
    caps
}

/// The apps.
///
/// # Errors
/// A sentence that says which setting is wrong.
pub(super) fn tenants(config: &Config) -> Result<Vec<Tenant>, String> {
    config.apps.iter().enumerate().map(|(place, app)| tenant(config, place, app)).collect()
}

fn tenant(config: &Config, place: usize, app: &AppConfig) -> Result<Tenant, String> {
    let slot = u16::try_from(place).map_err(|_| "there are more [[apps]] than 65,536".to_owned())?;
    let limits = &config.limits;
    let pair = |pair: &KeyConfig| KeyPair {
        key: pair.key.as_str().into(),
        secret: pair.secret.clone(),
        is_active: pair.enabled,
    };
    let [first, later @ ..] = app.keys.as_slice() else {
        return Err(format!("apps.{place} has no key; there must be one"));
    };
    let mut tenant = Tenant::new(AppSlot(slot), &app.id, &first.key, first.secret.clone());
    tenant.keys = KeyPairs::new(pair(first), later.iter().map(pair).collect());
    tenant.open_topics = app.open_topics;
    let not_an_origin = |_| format!("apps.{place}.origins must hold origins such as https://app.example.com");
    tenant.origins = Origins::new(&app.origins).map_err(not_an_origin)?;
    tenant.anonymous = app.anonymous;
    tenant.audience = app.audience.iter().cloned().collect();
    tenant.issuer = app.issuer.iter().cloned().collect();
    tenant.leeway = app.leeway;
    tenant.grace = app.grace;
    let rule = |rule: &crate::config::TopicRule| TopicRule {
        pattern: Pattern::new(&rule.pattern),
        grace: rule.grace,
    };
    tenant.topic_rules = app.topics.iter().map(rule).collect();
    tenant.is_demo = app.is_demo;
    tenant.limits = AppLimits {
        topics_per_session: limits.topics_per_session,
        json: json::Caps {
            depth: limits.json_depth,
            keys: u32::try_from(limits.json_keys).unwrap_or(u32::MAX),
            string: limits.json_string,
        },
        events_per_second: limits.events_per_second,
        subscribes_per_second: limits.subscribes_per_second,
        joins_per_second: limits.churn_per_second,
        updates_per_second: limits.updates_per_second,
        content_bytes: limits.content_bytes,
        receivers: limits.receivers,
        dial_ins: limits.dial_ins,
    };
    Ok(tenant)
}
