//! The one behaviour behind REST and SOAP: every request is an ask, and is answered here.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use super::ask::{Answer, Ask, By, Contact, Credential, Form, Shown};
use super::contacts::{Look, UNKNOWN};
use super::desks::Wanted;
use super::fault::{Code, Fault};
use super::ledger::{Call, Caller, Chore, Ledger};
use super::pidf::Portrait;
use super::presence::{self, Reading};
use super::soap::Serve;
use super::summons::{Notifier, Place, Registered};
use super::tenant::Tenant;
use crate::broker::{AppSlot, Clock, Handle, Statuses};
use crate::core::PartyId;
use crate::egress::Rules;
use crate::telemetry::Metrics;

/// How many parties are looked for among those who are watched before others have a turn.
const SLICE: usize = 1_024;

/// What a service is made of.
#[derive(Debug)]
pub struct Parts {
    /// The apps that are served.
    pub tenants: Vec<Tenant>,
    /// The way to the broker.
    pub broker: Handle,
    /// The hub's clock.
    pub clock: Clock,
    /// Whoever calls endpoints.
    pub notifier: Arc<dyn Notifier>,
    /// Which endpoints may be called at all.
    pub rules: Rules,
    /// True while the hub has too much to do: nobody is called, and requests are refused with 210.
    pub overloaded: watch::Receiver<bool>,
    /// How many wrong passwords a minute one network may send for one application user.
    pub wrong_passwords: u32,
    /// The endpoints that say that they are gone for good.
    pub gone: mpsc::Receiver<Registered>,
    /// The longest address of an endpoint, in bytes.
    pub url_bytes: usize,
    /// Where what there is is counted.
    pub metrics: Metrics,
}

/// Serves the dialect's requests.
#[derive(Debug)]
pub struct Service {
    /// Never held across an await.
    ledger: Mutex<Ledger>,
    /// The ways to the apps, in the order of the ledger's books, and the numbers of the turns in which they were read.
    apps: Vec<(Handle, Arc<AtomicU64>)>,
    pub(super) clock: Clock,
    notifier: Arc<dyn Notifier>,
    rules: Rules,
    url_bytes: usize,
    metrics: Metrics,
    overloaded: watch::Receiver<bool>,
    /// Something ends earlier than whoever waits for it knew.
    sooner: Notify,
}

/// The tasks of a service. They end when this is dropped.
#[derive(Debug)]
pub struct Tending(Vec<JoinHandle<()>>);

impl Drop for Tending {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Service {
    /// Starts a service that follows its apps from now on.
    pub async fn start(parts: Parts) -> (Arc<Self>, Tending) {
        let handles: Vec<_> = parts.tenants.iter().map(|tenant| parts.broker.for_app(tenant.slot)).collect();
        let mut feeds = Vec::new();
        for handle in &handles {
            feeds.push(handle.follow_statuses().await);
        }
        let service = Arc::new(Self {
            ledger: Mutex::new(Ledger::new(parts.tenants, parts.wrong_passwords)),
            apps: handles.into_iter().map(|handle| (handle, Arc::default())).collect(),
            clock: parts.clock,
            notifier: parts.notifier,
            rules: parts.rules,
            url_bytes: parts.url_bytes,
            metrics: parts.metrics,
            overloaded: parts.overloaded,
            sooner: Notify::new(),
        });
        let follow = |(app, feed)| tokio::spawn(Arc::clone(&service).follow(app, feed));
        let mut tasks: Vec<_> = feeds.into_iter().enumerate().map(follow).collect();
        tasks.push(tokio::spawn(Arc::clone(&service).tend()));
        tasks.push(tokio::spawn(Arc::clone(&service).forget(parts.gone)));
        (service, Tending(tasks))
    }

    /// Serves a request to its end: what follows from it is done even if whoever sent it hangs up meanwhile.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub async fn serve(self: Arc<Self>, by: By, ask: Ask) -> Result<Answer, Fault> {
        self.check_load()?;
        let serving = tokio::spawn(async move { self.answer(&by, ask).await });
        serving.await.unwrap_or(Err(Code::Internal.into()))
    }

    async fn answer(&self, from: &By, ask: Ask) -> Result<Answer, Fault> {
        let (key, by) = (from.key(), from.own());
        match ask {
            Ask::Login { user, credential, force } => self.log_in(from, &user, credential, force).await,
            Ask::Logout => self.log_out(by).await,
            Ask::RegisterEndpoint { id, url, expiry } => self.register(key, id, url, expiry).await,
            Ask::UnregisterEndpoint(id) => {
                let unregister = |ledger: &mut Ledger| {
                    let caller = ledger.app_caller(key, &self.clock)?;
                    ledger.unregister(&caller, id).map(|()| Answer::Done)
                };
                self.act(unregister).await
            }
            Ask::Subscribe { id, kind, contacts, expiry, endpoint } => {
                self.subscribe(by, id, Wanted { kind, contacts, expiry, endpoint }).await
            }
            Ask::Unsubscribe { id, contacts } => {
                let unsubscribe = |ledger: &mut Ledger| {
                    let (caller, party) = ledger.end_caller(by, &self.clock)?;
                    ledger.unsubscribe((&caller, &party), id, contacts).map(|()| Answer::Done)
                };
                self.act(unsubscribe).await
            }
            Ask::Subscribed { id, form } => self.fetch(by, id, form).await,
            Ask::Polled { contacts, form } => self.poll(by, contacts, form).await,
            Ask::SetPresence { what, is_override, expiry } => {
                self.set_presence(by, &what, is_override, expiry).await
            }
        }
    }

    /// Whether the hub has time for requests.
    ///
    /// # Errors
    /// It has too much to do.
    pub(super) fn check_load(&self) -> Result<(), Fault> {
        if *self.overloaded.borrow() { Err(Code::Overloaded.into()) } else { Ok(()) }
    }

    /// Whether a key is somebody's, before anything else of a request is looked at.
    ///
    /// # Errors
    /// There is none, or it is nobody's.
    pub(super) fn check_key(&self, key: Option<&str>) -> Result<(), Fault> {
        let key = key.ok_or(Code::KeyMissing)?;
        let is_known = self.locked(|ledger| ledger.sessions.find(key).is_some());
        if is_known { Ok(()) } else { Err(Code::KeyInvalid.into()) }
    }

    // === Sessions and endpoints ===

    async fn log_in(
        &self,
        by: &By,
        name: &str,
        credential: Credential,
        force: bool,
    ) -> Result<Answer, Fault> {
        let (now, key) = (self.clock.now().mono, by.key());
        let log_in = |ledger: &mut Ledger| {
            let user = ledger.user_named(name);
            let delegation = match (&credential, key) {
                (Credential::Delegated(key), _) => Some(secrecy::ExposeSecret::expose_secret(key)),
                // Some clients send the application user's password along.
                (Credential::Password(_), Some(key)) if user.is_none() => Some(key),
                (Credential::Nothing, Some(key)) => Some(key),
                (Credential::Nothing, None) if user.is_none() => return Err(Code::KeyMissing.into()),
                (Credential::Password(_) | Credential::Nothing, _) => None,
            };
            if let Some(key) = delegation {
                let caller = ledger.app_caller(Some(key), &self.clock)?;
                return ledger.log_in_end(&caller, name, force, now);
            }
            let user = user.ok_or(Code::UserUnknown)?;
            ledger.check_password((user, by.from), &credential, &self.clock)?;
            ledger.log_in_app(user, force, now)
        };
        self.act(log_in).await.map(Answer::Session)
    }

    async fn log_out(&self, (key, named): (Option<&str>, Option<&str>)) -> Result<Answer, Fault> {
        let log_out = |ledger: &mut Ledger| {
            let caller = ledger.caller(key, &self.clock)?;
            if named.is_some_and(|named| !ledger.is_named(&caller, named)) {
                return Err(Fault::with(Code::KeyInvalid, "The session key is not that of the named user"));
            }
            ledger.end_session(caller.mark, crate::core::Cause::Left);
            Ok(Answer::Done)
        };
        self.act(log_out).await
    }

    async fn register(
        &self,
        key: Option<&str>,
        id: Option<u32>,
        url: Option<String>,
        expiry: Option<u32>,
    ) -> Result<Answer, Fault> {
        let caller = self.act(|ledger| ledger.app_caller(key, &self.clock)).await?;
        let target = match url.filter(|url| !url.is_empty()) {
            Some(url) => Some(self.target(caller.slot, &url).await?),
            None => None,
        };
        let now = self.clock.now().mono;
        let register = |ledger: &mut Ledger| {
            ledger.sessions.get(caller.mark).ok_or(Code::KeyInvalid)?;
            let id = match id {
                Some(id) => ledger.prolong(&caller, id, (target.as_ref(), expiry), now)?,
                None => ledger.register(&caller, target.ok_or(Code::UrlEmpty)?, expiry, now)?,
            };
            Ok(Answer::Endpoint(id))
        };
        self.act(register).await
    }

    /// An address that may be called, as far as is known now: a name that leads nowhere may lead somewhere later, and is judged then.
    async fn target(&self, app: AppSlot, url: &str) -> Result<crate::egress::Target, Fault> {
        let refused = |why| Fault::with(Code::BadUrl, format!("The endpoint URL {why}"));
        if url.len() > self.url_bytes {
            return Err(Fault::with(Code::BadUrl, "The endpoint URL is too long"));
        }
        let target = self.rules.target(url).map_err(refused)?;
        self.notifier.judge(app, target.clone()).await.map_err(refused)?;
        Ok(target)
    }

    // === Subscriptions ===

    async fn subscribe(
        &self,
        by: (Option<&str>, Option<&str>),
        id: Option<u32>,
        wanted: Wanted,
    ) -> Result<Answer, Fault> {
        let now = self.clock.now().mono;
        let subscribe = |ledger: &mut Ledger| {
            let (caller, party) = ledger.end_caller(by, &self.clock)?;
            let own = (&caller, &party);
            let place = match id {
                Some(id) => ledger.extend(own, id, wanted, now)?,
                None => ledger.subscribe(own, wanted, now)?,
            };
            Ok::<_, Fault>((caller.app, place, ledger.dirty(place)))
        };
        let (app, place, parties) = self.act(subscribe).await?;
        self.refresh(app, parties).await;
        self.act(|ledger| ledger.announce(place)).await;
        Ok(Answer::Subscription(place.subscription))
    }

    /// What has changed since the last fetch. What changes after it is announced.
    async fn fetch(&self, by: (Option<&str>, Option<&str>), id: u32, form: Form) -> Result<Answer, Fault> {
        let begin = |ledger: &mut Ledger| {
            let (caller, party) = ledger.end_caller(by, &self.clock)?;
            let place = ledger.own(&caller, &party, id)?;
            Ok::<_, Fault>((caller, party, ledger.dirty(place)))
        };
        let (caller, party, dirty) = self.act(begin).await?;
        let readings = self.refresh(caller.app, dirty).await;
        let take = |ledger: &mut Ledger| {
            let place = ledger.own(&caller, &party, id)?;
            Ok::<_, Fault>(ledger.fetch(caller.app, place))
        };
        let told = self.act(take).await?;
        Ok(Answer::Presence { form, contacts: shown(form, told, &readings) })
    }

    /// How contacts are now, which no subscription hears of.
    async fn poll(
        &self,
        by: (Option<&str>, Option<&str>),
        contacts: Vec<Contact>,
        form: Form,
    ) -> Result<Answer, Fault> {
        let begin = |ledger: &mut Ledger| {
            let (caller, _) = ledger.end_caller(by, &self.clock)?;
            let most = ledger.books[caller.app].tenant.settings.contacts;
            if contacts.is_empty() || contacts.len() > most {
                return Err(Fault::from(Code::ContactCount));
            }
            let party = |contact| ledger.party_of(caller.app, contact);
            let parties: Vec<Option<PartyId>> = contacts.iter().map(party).collect();
            Ok((caller, parties))
        };
        let (Caller { app, .. }, parties) = self.act(begin).await?;
        let readings = self.refresh(app, parties.iter().flatten().cloned().collect()).await;
        let look = |ledger: &mut Ledger| {
            let mut look =
                |party: &Option<PartyId>| match party.as_ref().and_then(|party| readings.get(party)) {
                    Some(reading) => ledger.look(app, reading),
                    None => UNKNOWN,
                };
            let looks: Vec<Look> = parties.iter().map(&mut look).collect();
            looks
        };
        let looks = self.act(look).await;
        let told = contacts
            .into_iter()
            .zip(parties)
            .zip(looks)
            .map(|((contact, party), look)| (contact, party, look));
        Ok(Answer::Presence { form, contacts: shown(form, told.collect(), &readings) })
    }

    // === Following ===

    /// Reads how parties are, tells their watchers of what differs, and says it.
    pub(super) async fn refresh(&self, app: usize, parties: Vec<PartyId>) -> HashMap<PartyId, Reading> {
        let (handle, turns) = &self.apps[app];
        let mut found = HashMap::new();
        let mut differing = Vec::new();
        presence::read(handle, turns, parties, |turn, readings| {
            differing.extend(self.locked(|ledger| ledger.note(app, turn, &readings)));
            found.extend(readings.into_iter().map(|reading| (reading.party.clone(), reading)));
        })
        .await;
        for party in differing {
            let mut after = None;
            while let Some(last) = self.locked(|ledger| ledger.tell(app, &party, after)) {
                after = Some(last);
                tokio::task::yield_now().await;
            }
        }
        found
    }

    async fn follow(self: Arc<Self>, app: usize, mut feed: Statuses) {
        while let Some(parties) = feed.take().await {
            for slice in parties.chunks(SLICE) {
                let watched = self.locked(|ledger| watched(ledger, app, slice));
                if !watched.is_empty() {
                    self.refresh(app, watched).await;
                }
            }
        }
    }

    /// Calls no endpoint any more that says that it is gone for good.
    async fn forget(self: Arc<Self>, mut gone: mpsc::Receiver<Registered>) {
        while let Some(endpoint) = gone.recv().await {
            self.act(|ledger| ledger.endpoint_gone(endpoint)).await;
        }
    }

    /// Ends what is over, and heeds the hub's load.
    async fn tend(self: Arc<Self>) {
        let mut overloaded = self.overloaded.clone();
        let mut is_known = true;
        loop {
            let due = self.locked(|ledger| ledger.next_due());
            tokio::select! {
                () = self.clock.sleep_until(due) => {}
                () = self.sooner.notified() => {}
                changed = overloaded.changed(), if is_known => is_known = changed.is_ok(),
            }
            let is_paused = *overloaded.borrow_and_update();
            let now = self.clock.now().mono;
            self.act(|ledger| {
                ledger.expire(now);
                ledger.pause(is_paused);
            })
            .await;
        }
    }

    // === The ledger ===

    /// Does something to the ledger, and then what follows from it.
    pub(super) async fn act<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let (outcome, chores) = self.locked(|ledger| {
            let outcome = act(ledger);
            let (sessions, endpoints, subscriptions) = ledger.holds();
            self.metrics.cisco_holds(sessions, endpoints, subscriptions);
            (outcome, std::mem::take(&mut ledger.chores))
        });
        for chore in chores {
            match chore {
                Chore::EndDevice(slot, session, cause) => {
                    if let Some((handle, _)) = self.apps.first() {
                        presence::end(&handle.for_app(slot), session, cause).await;
                    }
                }
                Chore::Reread(app, party) => drop(self.refresh(app, vec![party]).await),
            }
        }
        outcome
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = lock(&self.ledger);
        let due = ledger.next_due();
        let outcome = act(&mut ledger);
        // Told under the lock, so that they come in the order in which they were decided.
        for call in ledger.calls.drain(..) {
            match call {
                Call::Notify(summons) => self.notifier.notify(summons),
                Call::Settle(place) => self.notifier.settle(place),
            }
        }
        let is_sooner = ledger.next_due().is_some_and(|next| due.is_none_or(|due| next < due));
        drop(ledger);
        if is_sooner {
            self.sooner.notify_one();
        }
        outcome
    }

    pub(super) fn handle(&self, app: usize) -> &Handle {
        &self.apps[app].0
    }
}

/// Over SOAP no path names a user.
impl Serve for Service {
    fn ready(&self) -> Result<(), Fault> {
        self.check_load()
    }

    fn unread(&self, key: Option<&str>) -> Result<(), Fault> {
        self.locked(|ledger| ledger.count_unread(key, &self.clock))
    }

    fn serve(self: Arc<Self>, by: By, ask: Ask) -> BoxFuture<'static, Result<Answer, Fault>> {
        Self::serve(self, by, ask).boxed()
    }
}

/// Those of some parties who are watched; all of them were seen.
fn watched(ledger: &mut Ledger, app: usize, parties: &[PartyId]) -> Vec<PartyId> {
    let book = &mut ledger.books[app];
    for party in parties {
        book.seen.note(party);
    }
    parties.iter().filter(|party| book.contacts.is_watched(party)).cloned().collect()
}

impl Ledger {
    /// The parties that a fetch would tell of.
    fn dirty(&mut self, place: Place) -> Vec<PartyId> {
        let Some(subscription) = self.subscription(place) else { return Vec::new() };
        let parties: BTreeSet<_> = subscription.dirty().filter_map(|watch| watch.party.clone()).collect();
        parties.into_iter().collect()
    }

    /// Takes what is to be told, at once with opening the gate.
    fn fetch(&mut self, app: usize, place: Place) -> Vec<(Contact, Option<PartyId>, Look)> {
        let Some(subscription) = self.subscription(place) else { return Vec::new() };
        let watches = subscription.fetch();
        self.calls.push(Call::Settle(place));
        let contacts = &mut self.books[app].contacts;
        let told = watches.into_iter().map(|watch| {
            let look = watch.party.as_ref().map_or(UNKNOWN, |party| contacts.fetch(party, place));
            (watch.contact, watch.party, look)
        });
        told.collect()
    }
}

/// What contacts look like in a form.
fn shown(
    form: Form,
    told: Vec<(Contact, Option<PartyId>, Look)>,
    readings: &HashMap<PartyId, Reading>,
) -> Vec<(Contact, Shown)> {
    let shown = |(contact, party, look): (Contact, Option<PartyId>, Look)| {
        let reading = party.as_ref().and_then(|party| readings.get(party));
        let portrait = || Portrait {
            uri: contact.uri(),
            state: look.state,
            details: look.details.as_deref(),
            name: reading.map_or("", |reading| &reading.name),
            sessions: reading.map_or(&[][..], |reading| &reading.sessions),
        };
        let pidf = (form == Form::Rich).then(|| portrait().document());
        (contact, Shown { state: look.state, pidf })
    };
    told.into_iter().map(shown).collect()
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
