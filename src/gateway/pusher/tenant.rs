//! The apps as this dialect knows them: what each allows, and what is counted of each.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::encode::Form;
use super::replays::Replays;
use super::translate;
use crate::broker::Clock;
use crate::config::Pusher as Settings;
use crate::core::{Mono, Party, PartyKind, TopicName};
use crate::gateway::apps::{App, Apps};
use crate::gateway::keys::KeyPair;
use crate::gateway::rate::Rate;

/// How long one notice of an empty cache channel stands for others.
const MISS_LASTS: Duration = Duration::from_secs(10);

/// How many channels with such a notice are remembered.
const MOST_MISSES: usize = 4096;

/// An app. The locks in it are held for a look or a note, never across an await.
#[derive(Debug)]
pub struct Tenant {
    pub(super) app: Arc<App>,
    pub(super) settings: Settings,
    /// The app as the sender of what its backend triggers.
    pub(super) backend: Arc<Party>,
    connections: AtomicUsize,
    replays: Mutex<Replays>,
    requests: Mutex<Rate>,
    misses: Mutex<HashMap<TopicName, Mono>>,
}

/// A place among the connections of an app, given back when it is dropped.
pub(super) struct Place(Arc<Tenant>);

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.0.app.id).finish()
    }
}

impl Tenant {
    /// An app with its settings; `None` if its id is too long to be anybody's.
    #[must_use]
    pub fn new(app: Arc<App>, settings: Settings) -> Option<Self> {
        let id = format!("app:{}", app.id);
        let party = translate::user(&id, None)?;
        let backend = Party { kind: PartyKind::Bot, displayname: app.id.clone(), ..party };
        Some(Self {
            backend: Arc::new(backend),
            connections: AtomicUsize::new(0),
            replays: Mutex::new(Replays::new(settings.replays, 2 * settings.clock_window)),
            requests: Mutex::new(Rate::new(settings.requests_per_second)),
            misses: Mutex::default(),
            app,
            settings,
        })
    }

    /// The form in which the app's connections are told of changes.
    pub(super) fn form(&self) -> Form {
        Form { has_counts: self.settings.subscription_count, has_ids: self.settings.event_buffer }
    }

    /// Counts a connection in; `None` if there are as many as there may be.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Place> {
        let most = self.settings.connections.unwrap_or(usize::MAX);
        let count = |held: usize| (held < most).then_some(held + 1);
        self.connections.fetch_update(Relaxed, Relaxed, count).ok().map(|_| Place(Arc::clone(self)))
    }

    /// Whether one more request is allowed now.
    pub(super) fn allows_request(&self, clock: &Clock) -> bool {
        lock(&self.requests).allows(clock)
    }

    pub(super) fn replays(&self) -> MutexGuard<'_, Replays> {
        lock(&self.replays)
    }

    /// Whether an empty cache channel is to be told of, or was a moment ago.
    pub(super) fn is_new_miss(&self, topic: &TopicName, now: Mono) -> bool {
        let mut misses = lock(&self.misses);
        if misses.get(topic).is_some_and(|at| now < *at + MISS_LASTS) {
            return false;
        }
        if misses.len() >= MOST_MISSES {
            misses.retain(|_, at| now < *at + MISS_LASTS);
        }
        if misses.len() < MOST_MISSES {
            misses.insert(topic.clone(), now);
        }
        true
    }

    /// A cache channel keeps an event: the next miss is a new one.
    pub(super) fn fills(&self, topic: &TopicName) {
        lock(&self.misses).remove(topic);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All of them.
#[derive(Debug, Default)]
pub struct Tenants {
    /// The same as those who check tokens know them.
    pub(super) apps: Arc<Apps>,
    tenants: Vec<Arc<Tenant>>,
    by_key: HashMap<Box<str>, Arc<Tenant>>,
}

impl Tenants {
    /// Of these apps.
    #[must_use]
    pub fn new(apps: Arc<Apps>, tenants: Vec<Tenant>) -> Self {
        let tenants: Vec<_> = tenants.into_iter().map(Arc::new).collect();
        let keys = |tenant: &Arc<Tenant>| {
            let of_tenant = |pair: &KeyPair| (pair.key.clone(), Arc::clone(tenant));
            tenant.app.keys.active().map(of_tenant).collect::<Vec<_>>()
        };
        let by_key = tenants.iter().flat_map(keys).collect();
        Self { apps, tenants, by_key }
    }

    /// The app of a public key that is switched on.
    pub(super) fn by_key(&self, key: &str) -> Option<&Arc<Tenant>> {
        self.by_key.get(key)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.tenants.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::AppSlot;
    use crate::config::{Config, ConfigArgs};
    use secrecy::SecretString;

    fn tenant(set: &str) -> Arc<Tenant> {
        let app = Arc::new(App::new(AppSlot(0), "1", "k", SecretString::from("s")));
        let needed = ["apps.0.id=1", "apps.0.key=k", "apps.0.secret=s", set];
        let set = needed.iter().map(|set| (*set).to_owned()).collect();
        let args = ConfigArgs { set, ..ConfigArgs::default() };
        let mut config = Config::load(&args, std::iter::empty()).unwrap().config;
        Arc::new(Tenant::new(app, config.apps.remove(0).pusher).unwrap())
    }

    #[test]
    fn a_place_comes_free_when_it_is_given_back() {
        let tenant = tenant("apps.0.pusher.connections=2");
        let kept = [tenant.admit().unwrap(), tenant.admit().unwrap()];
        assert!(tenant.admit().is_none());
        drop(kept);
        assert!(tenant.admit().is_some());
    }

    #[test]
    fn one_miss_stands_for_those_soon_after() {
        let tenant = tenant("apps.0.pusher.connections=0");
        let at = |seconds: u64| Mono(Duration::from_secs(seconds));
        let (one, two) = (TopicName::new("cache-1").unwrap(), TopicName::new("cache-2").unwrap());
        assert!(tenant.is_new_miss(&one, at(0)) && !tenant.is_new_miss(&one, at(9)));
        assert!(tenant.is_new_miss(&two, at(9)) && tenant.is_new_miss(&one, at(10)));
        tenant.fills(&one);
        assert!(tenant.is_new_miss(&one, at(11)), "it was filled since, and is empty again");
        for n in 0..2 * MOST_MISSES {
            tenant.is_new_miss(&TopicName::new(&format!("cache-{n}")).unwrap(), at(12));
        }
        assert_eq!(lock(&tenant.misses).len(), MOST_MISSES);
    }
}
