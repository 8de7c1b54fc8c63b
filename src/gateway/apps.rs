//! The apps a hub serves: their keys, what they allow, and where.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::json::Caps;
use super::keys::{KeyPair, KeyPairs};
use super::origin::Origins;
use super::pattern::Pattern;
use crate::broker::AppSlot;
use crate::core::TopicName;

/// A tenant as the gateways know it.
#[derive(Debug, Clone)]
pub struct App {
    /// Its place.
    pub slot: AppSlot,
    /// Its id.
    pub id: Box<str>,
    /// Its public keys, which tokens name in their header, with the secrets that sign them.
    pub keys: KeyPairs,
    /// Whether anybody may use `private-*` and `presence-*` topics; otherwise a capability must say so.
    pub open_topics: bool,
    /// The pages that may use it.
    pub origins: Origins,
    /// Whether the hub makes tokens for anonymous users.
    pub anonymous: bool,
    /// What a token's `aud` must name one of; none named checks nothing.
    pub audience: Vec<String>,
    /// What a token's `iss` must name one of; none named checks nothing.
    pub issuer: Vec<String>,
    /// How far the clock of whoever signs tokens may be off.
    pub leeway: Duration,
    /// How long a membership outlives a lost connection.
    pub grace: Duration,
    /// Where it is otherwise; the first pattern that matches counts.
    pub topic_rules: Vec<TopicRule>,
    /// Whether it is the demo app, which gives a token to whoever asks.
    pub is_demo: bool,
    /// How much one connection may do.
    pub limits: AppLimits,
}

/// What is otherwise in some topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRule {
    /// Which topics.
    pub pattern: Pattern,
    /// How long a membership outlives a lost connection there.
    pub grace: Duration,
}

/// How much one connection may do. Rates are a second; as much as a rate may come at once, or more where a field says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppLimits {
    /// How many topics a session may watch.
    pub topics_per_session: usize,
    /// How much JSON may hold.
    pub json: Caps,
    /// How many bytes the content of a presence may have; a message may have twice as many in all.
    pub content_bytes: usize,
    /// How many parties one event may be directed to.
    pub receivers: usize,
    /// How many telephones a backend's connection may speak for.
    pub dial_ins: usize,
    /// Events of any sort; four times as many may come at once.
    pub events_per_second: u32,
    /// Subscriptions; as many as `topics_per_session` may come at once.
    pub subscribes_per_second: u32,
    /// Updates of its content in one topic; more are not refused but coalesced.
    pub updates_per_second: u32,
    /// How often a session may join one topic again; more ends the connection.
    pub joins_per_second: u32,
}

impl Default for AppLimits {
    fn default() -> Self {
        Self {
            topics_per_session: 100,
            json: Caps::default(),
            content_bytes: 16 * 1024,
            receivers: 256,
            dial_ins: 1_000,
            events_per_second: 50,
            subscribes_per_second: 20,
            updates_per_second: 10,
            joins_per_second: 5,
        }
    }
}

impl App {
    /// An app with one pair of keys and the usual settings.
    #[must_use]
    pub fn new(slot: AppSlot, id: &str, key: &str, secret: SecretString) -> Self {
        let pair = KeyPair { key: key.into(), secret, is_active: true };
        Self {
            slot,
            id: id.into(),
            keys: KeyPairs::new(pair, Vec::new()),
            open_topics: false,
            origins: Origins::default(),
            anonymous: true,
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway: Duration::from_secs(5),
            grace: Duration::from_secs(15),
            topic_rules: Vec::new(),
            is_demo: false,
            limits: AppLimits::default(),
        }
    }

    /// How long a membership in a topic outlives a lost connection.
    #[must_use]
    pub fn grace_in(&self, topic: &TopicName) -> Duration {
        let rule = self.topic_rules.iter().find(|rule| rule.pattern.matches(topic.as_str()));
        rule.map_or(self.grace, |rule| rule.grace)
    }

    /// Whether somebody whose token says nothing of capabilities may use a topic.
    #[must_use]
    pub fn is_open(&self, topic: &TopicName) -> bool {
        let name = topic.as_str();
        let is_guarded = name.starts_with("private-") || name.starts_with("presence-");
        self.open_topics || !is_guarded
    }
}

/// Every app of a hub.
#[derive(Debug, Clone, Default)]
pub struct Apps {
    apps: Vec<Arc<App>>,
    by_key: HashMap<Box<str>, Arc<App>>,
    by_id: HashMap<Box<str>, Arc<App>>,
}

impl Apps {
    /// Keeps the apps; of two with the same key or id the later one is found.
    #[must_use]
    pub fn new(apps: Vec<App>) -> Self {
        let apps: Vec<_> = apps.into_iter().map(Arc::new).collect();
        let keys = |app: &Arc<App>| {
            let of_app = |pair: &KeyPair| (pair.key.clone(), Arc::clone(app));
            app.keys.active().map(of_app).collect::<Vec<_>>()
        };
        let by_key = apps.iter().flat_map(keys).collect();
        let by_id = apps.iter().map(|app| (app.id.clone(), Arc::clone(app))).collect();
        Self { apps, by_key, by_id }
    }

    /// The app of a public key that is switched on.
    #[must_use]
    pub fn by_key(&self, key: &str) -> Option<&Arc<App>> {
        self.by_key.get(key)
    }

    /// The app of an id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Arc<App>> {
        self.by_id.get(id)
    }

    /// The app that is meant where none is named: the only one.
    #[must_use]
    pub fn only(&self) -> Option<&Arc<App>> {
        match self.apps.as_slice() {
            [app] => Some(app),
            _ => None,
        }
    }

    /// The app that is meant by a request for an anonymous identity that names none: the only one, or the demo app.
    #[must_use]
    pub fn usual(&self) -> Option<&Arc<App>> {
        self.only().or_else(|| self.apps.iter().find(|app| app.is_demo))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(key: &str) -> App {
        App::new(AppSlot(0), key, key, SecretString::from("secret"))
    }

    #[test]
    fn the_first_rule_that_matches_says_the_grace() {
        let rule =
            |pattern, secs| TopicRule { pattern: Pattern::new(pattern), grace: Duration::from_secs(secs) };
        let app = App { topic_rules: vec![rule("call:*", 3), rule("call:**", 4)], ..app("a") };
        for (topic, secs) in [("lobby", 15), ("call:1", 3), ("call:1:2", 4)] {
            assert_eq!(app.grace_in(&TopicName::new(topic).unwrap()), Duration::from_secs(secs), "{topic}");
        }
    }

    #[test]
    fn guarded_topics_are_open_only_where_the_app_says_so() {
        let closed = app("a");
        let open = App { open_topics: true, ..app("a") };
        for (name, is_open) in
            [("lobby", true), ("private-x", false), ("presence-x", false), ("my-private-x", true)]
        {
            let topic = TopicName::new(name).unwrap();
            assert_eq!(closed.is_open(&topic), is_open, "{name}");
            assert!(open.is_open(&topic));
        }
    }

    #[test]
    fn apps_are_found_by_key_and_id() {
        let demo = App { is_demo: true, ..app("demo") };
        let apps = Apps::new(vec![app("one"), demo]);
        assert!(apps.only().is_none());
        assert_eq!(apps.usual().map(|app| app.id.as_ref()), Some("demo"));
        assert!(apps.by_key("one").is_some() && apps.by_id("demo").is_some() && apps.by_key("x").is_none());
        assert!(Apps::new(vec![app("one")]).only().is_some());
    }
}
