//! Calls endpoints: once for each summons, and again until it is taken or settled; signed in headers, with nothing but the two known
//! parameters in the query.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::ask::SUBSCRIPTION_TYPE;
use super::summons::{Notifier, Place, Registered, Summons};
use crate::broker::{AppSlot, Clock};
use crate::egress::{Caller, PATIENCE, Refused, Resolve, Rules, Signer, Target, Tries, Why};
use crate::telemetry::Metrics;

/// The most calls of an app under way to one origin, so that one that hangs leaves the app's others their turn.
const CALLS_PER_ORIGIN: usize = 32;

/// The most endpoints whose connections are remembered.
const ENDPOINTS: usize = 1024;

/// How long a registration waits for the addresses of a name, and for its turn.
const JUDGING: Duration = Duration::from_secs(3);

/// An endpoint that answers so wants no more calls.
const GONE: u16 = 410;

/// How the endpoints of one app are called.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether a call that was not taken is tried again.
    pub retry: bool,
    /// For how long; `None` is until it is settled.
    pub retry_for: Option<Duration>,
    /// The longest wait between two tries.
    pub retry_longest: Duration,
    /// The most calls of the app under way at once, so that one app leaves others their turn.
    pub calls: usize,
    signers: Arc<[Signer]>,
}

impl Terms {
    /// Terms under which calls are tried once, any number at once, signed with each of these secrets.
    pub fn new<'a>(timeout: Duration, secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let signer = |secret: &SecretString| Signer::standard(secret.expose_secret());
        let signers = secrets.into_iter().map(signer).collect();
        let calls = Semaphore::MAX_PERMITS;
        Self { timeout, retry: false, retry_for: None, retry_longest: timeout, calls, signers }
    }
}

/// What all calls share.
#[derive(Debug)]
pub struct Settings {
    /// The hub's clock.
    pub clock: Clock,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// What may be called, checked at each call.
    pub rules: Arc<Rules>,
    /// What finds addresses.
    pub resolver: Arc<dyn Resolve>,
    /// The apps' terms, by their slots.
    pub terms: Vec<Terms>,
    /// The most calls under way at once.
    pub calls: usize,
    /// True while the hub has too much to do; nobody is called then.
    pub overloaded: watch::Receiver<bool>,
    /// Who is told of endpoints that say that they are gone for good.
    pub gone: mpsc::Sender<Registered>,
}

/// Calls endpoints, each call a task of its own. Clones are the same. It is to be used inside the runtime.
#[derive(Debug, Clone)]
pub struct Calls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    turns: Arc<Semaphore>,
    /// Those of each app, by their slots.
    shares: Vec<Arc<Semaphore>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// One for each call that is not settled; dropping it settles the call.
    open: HashMap<Place, watch::Sender<()>>,
    endpoints: HashMap<Target, Endpoint>,
    /// The turns of an app's calls to an origin, as long as there are any.
    origins: HashMap<(AppSlot, String), Weak<Semaphore>>,
    is_stopped: bool,
}

/// What calls to one endpoint share.
#[derive(Debug, Clone)]
struct Endpoint {
    caller: Caller,
    /// It did not take the last call.
    is_down: Arc<AtomicBool>,
}

/// The right to make a call now: of its origin, its app and the hub.
type Turn = [OwnedSemaphorePermit; 3];

impl Calls {
    /// Calls nobody yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let turns = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let shares = settings.terms.iter().map(|terms| turns(terms.calls)).collect();
        let turns = turns(settings.calls);
        Self(Arc::new(Inner { settings, turns, shares, state: Mutex::default() }))
    }

    /// Calls nobody any more, except those that are being called.
    pub fn stop(&self) {
        let mut state = self.0.state();
        state.is_stopped = true;
        state.open.clear();
    }

    /// How many calls are not settled, those included that were taken.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.state().open.len()
    }
}

impl Notifier for Calls {
    fn notify(&self, summons: Summons) {
        let (settled, is_open) = watch::channel(());
        let inner = Arc::clone(&self.0);
        let app = usize::from(summons.app.0);
        let Some((terms, share)) = inner.settings.terms.get(app).zip(inner.shares.get(app)) else { return };
        let (terms, share) = (terms.clone(), Arc::clone(share));
        let mut state = self.0.state();
        if state.is_stopped {
            return;
        }
        let endpoint = state.endpoint(&summons.target, &self.0.settings);
        let turns = [state.origin(summons.app, &summons.target), share, Arc::clone(&inner.turns)];
        state.open.insert(summons.place, settled);
        drop(state);
        let call = Call { inner, summons, endpoint, turns, terms, is_open };
        tokio::spawn(call.run());
    }

    fn judge(&self, app: AppSlot, target: Target) -> BoxFuture<'static, Result<(), Refused>> {
        let inner = Arc::clone(&self.0);
        let share = inner.shares.get(usize::from(app.0)).cloned();
        let Some(share) = share.filter(|_| target.is_named()) else { return ready(Ok(())).boxed() };
        let turns = [inner.state().origin(app, &target), share, Arc::clone(&inner.turns)];
        async move {
            let Settings { rules, resolver, clock, .. } = &inner.settings;
            let judging = async {
                let turn = acquire(&turns).await;
                rules.judge(&target, &**resolver, turn).await
            };
            tokio::select! {
                judged = judging => judged,
                () = clock.sleep(JUDGING) => Ok(()),
            }
        }
        .boxed()
    }

    fn settle(&self, place: Place) {
        self.0.state().open.remove(&place);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn endpoint(&mut self, target: &Target, settings: &Settings) -> Endpoint {
        if self.endpoints.len() >= ENDPOINTS && !self.endpoints.contains_key(target) {
            // Whoever is still called makes a new connection.
            self.endpoints.clear();
        }
        match self.endpoints.entry(target.clone()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let (rules, resolver) = (Arc::clone(&settings.rules), Arc::clone(&settings.resolver));
                let caller = Caller::new(rules, resolver, target.clone());
                place.insert(Endpoint { caller, is_down: Arc::default() }).clone()
            }
        }
    }

    fn origin(&mut self, app: AppSlot, target: &Target) -> Arc<Semaphore> {
        if self.origins.len() >= ENDPOINTS {
            self.origins.retain(|_, turns| turns.strong_count() > 0);
        }
        let known = self.origins.entry((app, target.origin())).or_default();
        known.upgrade().unwrap_or_else(|| {
            let turns = Arc::new(Semaphore::new(CALLS_PER_ORIGIN));
            *known = Arc::downgrade(&turns);
            turns
        })
    }
}

/// One summons on its way.
struct Call {
    inner: Arc<Inner>,
    summons: Summons,
    endpoint: Endpoint,
    /// Of the origin, the app and the hub.
    turns: [Arc<Semaphore>; 3],
    terms: Terms,
    /// Closed when the call is settled.
    is_open: watch::Receiver<()>,
}

impl Call {
    /// Tries until the call is taken, settled or of no use any more. A try under way is not given up when the call is settled: clients
    /// fetch before they answer.
    async fn run(mut self) {
        let clock = self.inner.settings.clock.clone();
        let begun = clock.now().mono;
        let allowed = self.terms.retry_for.unwrap_or(Duration::MAX);
        let seed = self.summons.webhook_id.as_u64_pair().1;
        let mut tries = Tries::begin(begun, self.terms.retry_longest);
        loop {
            let mut is_open = self.is_open.clone();
            let tried = tokio::select! {
                biased;
                _ = is_open.changed() => return,
                Some(turn) = self.turn() => self.attempt(turn).await,
            };
            let Err((why, asked)) = tried else { return };
            self.note(&why, tries.count);
            if why == Why::Answered(GONE) {
                // Nobody listens any more only when the hub stops.
                let _is_heard = self.inner.settings.gone.send(self.summons.by).await;
                return;
            }
            let next = tries.next(clock.now().mono, allowed, seed, asked).filter(|_| self.terms.retry);
            let Some(next) = next else { return };
            tokio::select! {
                biased;
                _ = self.is_open.changed() => return,
                () = clock.sleep_until(Some(next)) => tries.count += 1,
            }
        }
    }

    /// Waits until the hub has time, and the origin, the app and the hub have few calls under way. `None` is never.
    async fn turn(&self) -> Option<Arc<Turn>> {
        let mut overloaded = self.inner.settings.overloaded.clone();
        let turn = acquire(&self.turns).await?;
        // A gauge that is gone measures nothing.
        drop(overloaded.wait_for(|is_overloaded| !is_overloaded).await);
        Some(Arc::new(turn))
    }

    async fn attempt(&self, turn: Arc<Turn>) -> Result<(), (Why, Option<Duration>)> {
        let Settings { clock, metrics, .. } = &self.inner.settings;
        let asking = format!("id={}&eventType={SUBSCRIPTION_TYPE}", self.summons.place.subscription);
        let headers = self.headers(&asking);
        metrics.callback_begins();
        let answered = tokio::select! {
            answered = self.endpoint.caller.get(headers, &asking, Arc::clone(&turn)) => Some(answered),
            () = clock.sleep(self.terms.timeout) => None,
        };
        let outcome = Why::judge(answered, self.terms.timeout, clock.sleep(PATIENCE)).await;
        metrics.callback_ends(outcome.is_ok());
        if outcome.is_ok() {
            self.endpoint.is_down.store(false, Relaxed);
        }
        outcome
    }

    /// What shows the endpoint who calls, and that the target is the one meant: a GET has no body to sign.
    fn headers(&self, asking: &str) -> HeaderMap {
        let id = self.summons.webhook_id.to_string();
        let timestamp = self.inner.settings.clock.now().wall.seconds().to_string();
        let digest = hex::encode(Sha256::digest(self.summons.target.request_target(asking)));
        let text = format!("{id}.{timestamp}.{digest}");
        let sign = |signer: &Signer| format!("v1,{}", signer.base64(&[text.as_bytes()]));
        let signatures: Vec<_> = self.terms.signers.iter().map(sign).collect();
        let named = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signatures.join(" ")),
        ];
        // Digits, letters of base64 and blanks: a header can hold them.
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        let pairs = named
            .into_iter()
            .map(|(name, text)| (reqwest::header::HeaderName::from_static(name), value(text)));
        pairs.collect()
    }

    /// Tells the operator that an endpoint does not take calls, once until it takes one.
    fn note(&self, why: &Why, count: u32) {
        let (app, subscription) = (self.summons.app.0, self.summons.place.subscription);
        let endpoint = self.summons.target.origin();
        if !self.endpoint.is_down.swap(true, Relaxed) {
            tracing::warn!(dialect = "cisco", app, subscription, endpoint, %why, "an endpoint did not take a callback");
        } else {
            tracing::debug!(dialect = "cisco", app, subscription, endpoint, %why, count, "a callback was not taken");
        }
    }
}

/// A turn of the origin, the app and the hub. Nobody holds the hub's while waiting for another. `None` is never: nobody closes them.
async fn acquire(turns: &[Arc<Semaphore>; 3]) -> Option<Turn> {
    let [origin, app, hub] = turns.each_ref().map(|turns| Arc::clone(turns).acquire_owned());
    Some([origin.await.ok()?, app.await.ok()?, hub.await.ok()?])
}

#[cfg(test)]
mod tests;
