//! The apps as this dialect knows them: what each allows, its desk, and how many requests of it are held.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::closing::Signals;
use super::desk::{Desk, Release};
use super::encode::Dress;
use crate::broker::{Bounds, Clock, Outbox};
use crate::config::PubNub as Settings;
use crate::core::{Party, PartyId, PartyKind};
use crate::gateway::apps::App;
use crate::gateway::rate::Rate;
use crate::telemetry::Metrics;

/// An app.
#[derive(Debug)]
pub struct Tenant {
    /// The app as all gateways know it.
    pub(super) app: Arc<App>,
    /// What it allows.
    pub(super) settings: Arc<Settings>,
    /// What its clients can be told.
    pub(super) desk: Arc<Desk>,
    /// What all its answers say.
    pub(super) dress: Dress,
    /// Takes what occupants are sent, which is nothing, and keeps nothing.
    pub(super) outbox: Arc<Outbox>,
    /// Whoever asks without having shown who it is.
    pub(super) nobody: Arc<Party>,
    /// The users for whom a request that is given up counts.
    pub(super) signals: Signals,
    requests: Mutex<Rate>,
    polls: Mutex<Polls>,
}

/// The held requests of an app.
#[derive(Debug, Default)]
struct Polls {
    count: usize,
    of: HashMap<PartyId, VecDeque<Release>>,
}

/// A held request's place among those of its app.
#[derive(Debug)]
pub(super) struct Place {
    tenant: Arc<Tenant>,
    of: Option<(PartyId, u64)>,
}

impl Tenant {
    /// An app of which nothing is known yet; `None` if its id is too long.
    #[must_use]
    pub fn new(app: Arc<App>, settings: Settings, clock: &Clock, metrics: &Metrics) -> Option<Self> {
        let nobody = PartyId::new(&format!("app:{}", app.id)).ok()?;
        let settings = Arc::new(settings);
        let outbox = Outbox::new(Bounds::default());
        outbox.close();
        Some(Self {
            nobody: Arc::new(Party { kind: PartyKind::Anonymous, ..Party::new(nobody) }),
            desk: Desk::new(Arc::clone(&settings), clock.clone(), metrics.clone()),
            dress: Dress {
                key: settings.subscribe_key.clone(),
                region: settings.region,
                has_meta: settings.stream_filtering,
            },
            outbox: Arc::new(outbox),
            signals: Signals::default(),
            requests: Mutex::new(Rate::new(settings.requests_per_second)),
            polls: Mutex::default(),
            app,
            settings,
        })
    }

    /// Whether one more request is allowed now.
    pub(super) fn allows_request(&self, clock: &Clock) -> bool {
        lock(&self.requests).allows(clock)
    }

    /// A place for one more held request; `None` if there are as many as there may be.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut polls = lock(&self.polls);
        if self.settings.polls.is_some_and(|most| polls.count >= most) {
            return None;
        }
        polls.count += 1;
        Some(Place { tenant: Arc::clone(self), of: None })
    }
}

impl Place {
    /// The request is a user's. If the user has too many, the oldest is answered: some libraries forget theirs.
    pub(super) fn claim(&mut self, uuid: &PartyId, release: Release) {
        self.of = Some((uuid.clone(), release.id()));
        let mut polls = lock(&self.tenant.polls);
        let own = polls.of.entry(uuid.clone()).or_default();
        own.push_back(release);
        if own.len() > self.tenant.settings.polls_per_uuid
            && let Some(oldest) = own.pop_front()
        {
            oldest.answer();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut polls = lock(&self.tenant.polls);
        polls.count -= 1;
        let Some((uuid, id)) = &self.of else { return };
        if let Some(own) = polls.of.get_mut(uuid) {
            own.retain(|release| release.id() != *id);
            if own.is_empty() {
                polls.of.remove(uuid);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All of them.
#[derive(Debug, Default)]
pub struct Tenants {
    by_key: HashMap<String, Arc<Tenant>>,
}

impl Tenants {
    /// Those of these apps that this dialect serves.
    #[must_use]
    pub fn new(tenants: Vec<Tenant>) -> Self {
        let served = tenants.into_iter().filter(|tenant| tenant.settings.enabled);
        let by_key = |tenant: Tenant| (tenant.settings.subscribe_key.clone(), Arc::new(tenant));
        Self { by_key: served.map(by_key).collect() }
    }

    /// The app of a subscribe key.
    pub(super) fn by_key(&self, key: &str) -> Option<&Arc<Tenant>> {
        self.by_key.get(key)
    }

    /// Answers all held requests, and holds none any longer: the hub is about to stop.
    pub fn drain(&self) {
        self.by_key.values().for_each(|tenant| tenant.desk.drain());
    }
}
