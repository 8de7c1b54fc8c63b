//! Calls endpoints: once for each summons, and again until it is taken or settled; signed in headers, with nothing but the two known
//! parameters in the query.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};

use super::ask::SUBSCRIPTION_TYPE;
use super::summons::{Notifier, Place, Summons};
use crate::broker::Clock;
use crate::egress::{Caller, Resolve, Rules, Signer, Target, Tries, Why};
use crate::telemetry::Metrics;

/// The most calls under way to one endpoint, so that one that hangs leaves others their turn.
const CALLS_PER_ENDPOINT: usize = 32;

/// The most endpoints whose connections are remembered.
const ENDPOINTS: usize = 1024;

/// An endpoint that answers so wants no more of this call.
const GONE: u16 = 410;

/// How the endpoints of one app are called.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether a call that was not taken is tried again.
    pub retry: bool,
    /// For how long; `None` is until the subscription ends.
    pub retry_for: Option<Duration>,
    /// The longest wait between two tries.
    pub retry_longest: Duration,
    signers: Arc<[Signer]>,
}

impl Terms {
    /// Terms under which calls are tried once, signed with each of these secrets.
    pub fn new<'a>(timeout: Duration, secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let signer = |secret: &SecretString| Signer::standard(secret.expose_secret());
        let signers = secrets.into_iter().map(signer).collect();
        Self { timeout, retry: false, retry_for: None, retry_longest: timeout, signers }
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
}

/// Calls endpoints, each call a task of its own. Clones are the same. It is to be used inside the runtime.
#[derive(Debug, Clone)]
pub struct Calls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    turns: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// One for each call that is not settled; dropping it settles the call.
    open: HashMap<Place, watch::Sender<()>>,
    endpoints: HashMap<Target, Endpoint>,
    is_stopped: bool,
}

/// What calls to one endpoint share.
#[derive(Debug, Clone)]
struct Endpoint {
    caller: Caller,
    turns: Arc<Semaphore>,
}

impl Calls {
    /// Calls nobody yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let turns = Semaphore::new(settings.calls.min(Semaphore::MAX_PERMITS));
        Self(Arc::new(Inner { settings, turns, state: Mutex::default() }))
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
        let mut state = self.0.state();
        if state.is_stopped {
            return;
        }
        let endpoint = state.endpoint(&summons.target, &self.0.settings);
        state.open.insert(summons.place, settled);
        drop(state);
        let inner = Arc::clone(&self.0);
        let Some(terms) = inner.settings.terms.get(usize::from(summons.app.0)).cloned() else { return };
        let call = Call { inner, summons, endpoint, terms, is_open };
        tokio::spawn(call.run());
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
                let turns = Arc::new(Semaphore::new(CALLS_PER_ENDPOINT));
                place.insert(Endpoint { caller, turns }).clone()
            }
        }
    }
}

/// One summons on its way.
struct Call {
    inner: Arc<Inner>,
    summons: Summons,
    endpoint: Endpoint,
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
        let until = self.summons.until.0.saturating_sub(begun.0);
        let allowed = self.terms.retry_for.unwrap_or(Duration::MAX).min(until);
        let seed = self.summons.webhook_id.as_u64_pair().1;
        let mut tries = Tries::begin(begun, self.terms.retry_longest);
        loop {
            let mut is_open = self.is_open.clone();
            let tried = tokio::select! {
                biased;
                _ = is_open.changed() => return,
                _turn = self.turn() => self.attempt().await,
            };
            let Err((why, asked)) = tried else { return };
            self.note(&why, tries.count);
            let is_worth_it = self.terms.retry && why != Why::Answered(GONE);
            let next = tries.next(clock.now().mono, allowed, seed, asked).filter(|_| is_worth_it);
            let Some(next) = next else { return };
            tokio::select! {
                biased;
                _ = self.is_open.changed() => return,
                () = clock.sleep_until(Some(next)) => tries.count += 1,
            }
        }
    }

    /// Waits until the hub has time, the endpoint has few calls under way, and the hub too. Nobody holds the hub's turn while waiting
    /// for the endpoint's.
    async fn turn(&self) -> impl Sized {
        let mut overloaded = self.inner.settings.overloaded.clone();
        let own = Arc::clone(&self.endpoint.turns).acquire_owned().await;
        let of_all = self.inner.turns.acquire().await;
        // A gauge that is gone measures nothing.
        drop(overloaded.wait_for(|is_overloaded| !is_overloaded).await);
        (own, of_all)
    }

    async fn attempt(&self) -> Result<(), (Why, Option<Duration>)> {
        let Settings { clock, metrics, .. } = &self.inner.settings;
        let asking = format!("id={}&eventType={SUBSCRIPTION_TYPE}", self.summons.place.subscription);
        let headers = self.headers(&asking);
        let answer = tokio::select! {
            answer = self.endpoint.caller.get(headers, &asking) => Some(answer),
            () = clock.sleep(self.terms.timeout) => None,
        };
        let outcome = Why::judge(answer, self.terms.timeout);
        metrics.callback_tried(outcome.is_ok());
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

    /// Tells the operator, once for each call, that an endpoint does not take it.
    fn note(&self, why: &Why, count: u32) {
        let (app, subscription) = (self.summons.app.0, self.summons.place.subscription);
        let endpoint = self.summons.target.origin();
        if count == 1 {
            tracing::warn!(dialect = "cisco", app, subscription, endpoint, %why, "an endpoint did not take a callback");
        } else {
            tracing::debug!(dialect = "cisco", app, subscription, endpoint, %why, count, "a callback was not taken again");
        }
    }
}

#[cfg(test)]
mod tests;
