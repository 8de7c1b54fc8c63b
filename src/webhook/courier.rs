//! The task of one endpoint: it hears of changes, holds what may be undone, queues the rest and posts it until it is taken.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use reqwest::header::AUTHORIZATION;
use tokio::sync::{mpsc, oneshot, watch};

use super::asides::Asides;
use super::counts::Counts;
use super::deliver::{Tried, attempt};
use super::endpoint::{Endpoint, Settings};
use super::format::Post;
use super::hold::Holding;
use super::hook::{Hook, What, hooks_of};
use super::letters::{Letter, Letters};
use super::queue::{Queue, Queued};
use crate::broker::{Feed, Told};
use crate::core::{Mono, Now};
use crate::egress::{Caller, LONGEST, Tries};

/// Why a hook was given up that was never tried.
const NO_ROOM: &str = "no room: the endpoint is too slow or away, and newer hooks took the place";

/// After everything that is due at some time.
const END: Mono = Mono(Duration::MAX);

/// How often it is logged that there is no room, and that an endpoint fails which worked meanwhile.
const LOGGED: Duration = Duration::from_secs(60);

/// What a courier is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// To tell something that is not in the roster.
    Tell(Hook),
    /// How it is.
    State(oneshot::Sender<State>),
    /// To queue again what was given up and kept; answers how many hooks that were.
    Again(oneshot::Sender<usize>),
}

/// How an endpoint is.
#[derive(Debug, Clone)]
pub struct State {
    /// What operators know it by.
    pub name: String,
    /// Its scheme, host and port.
    pub origin: String,
    /// How many hooks wait, those under way included.
    pub waiting: usize,
    /// Why the last try failed, if it did.
    pub failing: Option<String>,
    /// How many hooks were given up since the hub started.
    pub given_up: u64,
    /// The newest of them.
    pub letters: Vec<Letter>,
}

/// A post under way, or between two tries.
#[derive(Debug)]
struct Posting {
    id: String,
    number: u64,
    hooks: Vec<Queued>,
    tries: Tries,
    /// When it is tried next; `None` while it is.
    next: Option<Mono>,
}

#[derive(Debug)]
struct Lane {
    /// What posts, while it is not posting.
    caller: Option<Caller>,
    posting: Option<Posting>,
}

pub(super) struct Courier {
    endpoint: Endpoint,
    settings: Arc<Settings>,
    feed: Feed,
    asks: mpsc::Receiver<Ask>,
    stop: watch::Receiver<bool>,
    asides: Asides,
    holding: Holding,
    counts: Counts,
    queue: Queue,
    letters: Letters,
    lanes: Vec<Lane>,
    tries: FuturesUnordered<BoxFuture<'static, Tried>>,
    posts: u64,
    failing: Option<String>,
    /// Whether the log says so, and when it last said so anew.
    is_told: bool,
    told: Option<Mono>,
    /// When it was last logged that there is no room.
    logged: Option<Mono>,
    /// How many hooks the metrics were told to wait.
    shown: usize,
    is_stopping: bool,
}

impl Courier {
    pub(super) fn new(
        endpoint: Endpoint,
        settings: Arc<Settings>,
        feed: Feed,
        asks: mpsc::Receiver<Ask>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let queue = Queue::new(settings.lanes, settings.queue);
        let lane = |_| {
            let (rules, resolver) = (Arc::clone(&settings.rules), Arc::clone(&settings.resolver));
            Lane { caller: Some(Caller::new(rules, resolver, endpoint.target.clone())), posting: None }
        };
        let lanes = (0..queue.lanes()).map(lane).collect();
        Self {
            asides: Asides::default(),
            holding: Holding::new(endpoint.hold, settings.queue),
            counts: Counts::default(),
            letters: Letters::new(settings.letters),
            tries: FuturesUnordered::new(),
            posts: 0,
            failing: None,
            is_told: false,
            told: None,
            logged: None,
            shown: 0,
            is_stopping: false,
            queue,
            lanes,
            endpoint,
            settings,
            feed,
            asks,
            stop,
        }
    }

    /// Serves until the hub stops, and then for as long as it takes to deliver what is left, but not for longer than allowed.
    pub(super) async fn run(mut self) {
        let clock = self.settings.clock.clone();
        if self.endpoint.wants.contains(&What::Started) {
            self.post(clock.now(), 0, Vec::new());
            self.turn(clock.now());
        }
        loop {
            let due = self.next_due();
            tokio::select! {
                told = self.feed.take() => match told {
                    Some(told) => self.told(clock.now(), &told),
                    None => break,
                },
                Some(ask) = self.asks.recv() => self.asked(clock.now(), ask),
                Some(tried) = self.tries.next() => self.tried(clock.now(), tried),
                () = clock.sleep_until(due) => {}
                Ok(()) = self.stop.changed() => break,
            }
            self.turn(clock.now());
        }
        self.finish().await;
    }

    /// Delivers what is left.
    async fn finish(&mut self) {
        let clock = self.settings.clock.clone();
        let now = clock.now();
        let end = now.mono + self.settings.flush;
        self.is_stopping = true;
        // What the feed has already, and what was asked since.
        if let Some(Some(told)) = self.feed.take().now_or_never() {
            self.told(now, &told);
        }
        self.answer(now);
        for hook in self.asides.release(END) {
            self.consider(now, hook);
        }
        for hook in self.holding.release_all() {
            self.ripe(now, hook);
        }
        self.turn(now);
        while self.waiting() > 0 && clock.now().mono < end {
            let due = self.next_due().map_or(end, |due| due.min(end));
            tokio::select! {
                Some(tried) = self.tries.next() => self.tried(clock.now(), tried),
                () = clock.sleep_until(Some(due)) => {}
            }
            self.turn(clock.now());
        }
        let undelivered = self.waiting();
        if undelivered > 0 {
            self.settings.metrics.hooks_given_up(undelivered);
            tracing::warn!(endpoint = %self.endpoint.name, hooks = undelivered, "the hub stops before these hooks were delivered");
        }
        self.settings.metrics.hooks_wait(self.shown, 0);
    }

    /// The end of a turn: what is due is queued, and what can go goes.
    fn turn(&mut self, now: Now) {
        for hook in self.asides.release(now.mono) {
            self.consider(now, hook);
        }
        for hook in self.holding.release(now.mono) {
            self.ripe(now, hook);
        }
        for hook in self.counts.release(now.mono) {
            self.push(now, hook);
        }
        for lane in 0..self.lanes.len() {
            self.serve(now, lane);
        }
        let waiting = self.waiting();
        self.settings.metrics.hooks_wait(self.shown, waiting);
        self.shown = waiting;
    }

    fn next_due(&self) -> Option<Mono> {
        let lane = |(place, lane): (usize, &Lane)| match &lane.posting {
            Some(posting) => posting.next,
            None => self.queue.due(place, self.endpoint.batch),
        };
        let lanes = self.lanes.iter().enumerate().filter_map(lane);
        lanes.chain(self.asides.next_due()).chain(self.holding.next_due()).chain(self.counts.next_due()).min()
    }

    fn waiting(&self) -> usize {
        let posting = self.lanes.iter().filter_map(|lane| lane.posting.as_ref());
        self.queue.len() + posting.map(|posting| posting.hooks.len()).sum::<usize>()
    }

    fn told(&mut self, now: Now, told: &[Told]) {
        self.answer(now);
        for told in told {
            if let Told::Behind { changes, .. } = told {
                tracing::warn!(endpoint = %self.endpoint.name, changes, "fell behind; hooks tell the net of these changes");
            }
            for hook in hooks_of(told) {
                self.heard(now, hook);
            }
        }
    }

    /// Takes what was asked so far.
    fn answer(&mut self, now: Now) {
        while let Ok(ask) = self.asks.try_recv() {
            self.asked(now, ask);
        }
    }

    fn asked(&mut self, now: Now, ask: Ask) {
        match ask {
            Ask::Tell(hook) => {
                if let Some(hook) = self.asides.take(now.mono, hook) {
                    self.consider(now, hook);
                }
            }
            // Whoever asked may have gone away meanwhile, which is its right.
            Ask::State(answer) => drop(answer.send(self.state())),
            Ask::Again(answer) => {
                let hooks = self.letters.take();
                answer.send(hooks.len()).ok();
                for queued in hooks {
                    let given_up = self.queue.push_again(queued);
                    self.give_up(now, given_up, 0, NO_ROOM);
                }
            }
        }
    }

    fn state(&self) -> State {
        State {
            name: self.endpoint.name.clone(),
            origin: self.endpoint.target.origin(),
            waiting: self.waiting(),
            failing: self.failing.clone(),
            given_up: self.letters.count(),
            letters: self.letters.kept().cloned().collect(),
        }
    }

    /// Considers what the roster tells, and what was said aside while its topic was occupied.
    fn heard(&mut self, now: Now, hook: Hook) {
        let asides = match hook.what {
            What::Occupied | What::Vacated => self.asides.release_topic(&hook.topic),
            _ => Vec::new(),
        };
        let (before, after) =
            if hook.what == What::Vacated { (asides, Vec::new()) } else { (Vec::new(), asides) };
        for hook in before.into_iter().chain([hook]).chain(after) {
            self.consider(now, hook);
        }
    }

    fn consider(&mut self, now: Now, hook: Hook) {
        let is_known =
            self.endpoint.format.tells(hook.what, &hook.topic) && (self.endpoint.topics)(&hook.topic);
        // Whether it is wanted is asked later: a join that is not told ends the waiting of a leave that is.
        if is_known && let Some(hook) = self.holding.take(now, hook) {
            self.ripe(now, hook);
        }
    }

    fn ripe(&mut self, now: Now, hook: Hook) {
        if hook.what != What::Counts {
            return self.push(now, hook);
        }
        if self.endpoint.wants.contains(&What::Counts)
            && let Some(hook) = self.counts.take(now.mono, hook)
        {
            self.push(now, hook);
        }
    }

    fn push(&mut self, now: Now, hook: Hook) {
        let is_wanted =
            self.endpoint.wants.contains(&hook.what) && self.endpoint.format.tells(hook.what, &hook.topic);
        let told = if is_wanted { self.endpoint.format.told(hook) } else { Vec::new() };
        for hook in told {
            let given_up = self.queue.push(now.mono, hook);
            self.give_up(now, given_up, 0, NO_ROOM);
        }
    }

    fn give_up(&mut self, now: Now, hooks: Vec<Queued>, tries: u32, why: &str) {
        if hooks.is_empty() {
            return;
        }
        let (endpoint, count) = (&self.endpoint.name, hooks.len());
        if tries > 0 || self.logged.is_none_or(|logged| logged + LOGGED <= now.mono) {
            self.logged = if tries > 0 { self.logged } else { Some(now.mono) };
            tracing::warn!(%endpoint, hooks = count, tries, why, "hooks are given up");
        }
        self.settings.metrics.hooks_given_up(count);
        self.letters.put(hooks, now.wall, tries, why);
    }

    /// Posts what a lane has to post, if its time has come.
    fn serve(&mut self, now: Now, lane: usize) {
        if self.lanes[lane].posting.is_none() {
            let format = &self.endpoint.format;
            // A hub that stops does not wait for batches to fill.
            let until = if self.is_stopping { END } else { now.mono };
            let is_alone = |hook: &Hook| format.is_alone(hook.what);
            let Some(hooks) = self.queue.pop(lane, until, self.endpoint.batch, is_alone) else { return };
            self.post(now, lane, hooks);
        }
        let Lane { caller, posting: Some(posting) } = &mut self.lanes[lane] else { return };
        if posting.next.is_none_or(|next| next > now.mono) {
            return;
        }
        let Some(caller) = caller.take() else { return };
        posting.next = None;
        let lost = self.letters.count();
        let post = Post { id: &posting.id, now: now.wall, hooks: &posting.hooks, lost };
        let mut rendered = self.endpoint.format.render(&post);
        if let Some(authorization) = &self.endpoint.authorization {
            rendered.headers.insert(AUTHORIZATION, authorization.clone());
        }
        let (clock, timeout) = (self.settings.clock.clone(), self.settings.timeout);
        self.tries.push(attempt(lane, caller, rendered, clock, timeout).boxed());
    }

    /// Makes a post for a lane, to be tried at once.
    fn post(&mut self, now: Now, lane: usize, hooks: Vec<Queued>) {
        self.posts += 1;
        let id = format!("{}-{}-{}", self.settings.node, self.endpoint.name, self.posts);
        let tries = Tries::begin(now.mono, LONGEST);
        let posting = Posting { id, number: self.posts, hooks, tries, next: Some(now.mono) };
        self.lanes[lane].posting = Some(posting);
    }

    fn tried(&mut self, now: Now, tried: Tried) {
        let Tried { lane, caller, outcome } = tried;
        self.lanes[lane].caller = Some(caller);
        let Some(mut posting) = self.lanes[lane].posting.take() else { return };
        self.settings.metrics.post_tried(outcome.is_ok());
        let (why, asked) = match outcome {
            Ok(()) => {
                self.failing = None;
                if std::mem::take(&mut self.is_told) {
                    tracing::info!(endpoint = %self.endpoint.name, "a webhook works again");
                }
                return self.settings.metrics.hooks_delivered(posting.hooks.len());
            }
            Err((why, asked)) => (why.to_string(), asked),
        };
        match posting.tries.next(now.mono, self.settings.retry_for, posting.number, asked) {
            Some(next) => {
                posting.tries.count += 1;
                posting.next = Some(next);
                self.lanes[lane].posting = Some(posting);
            }
            None => self.give_up(now, posting.hooks, posting.tries.count, &why),
        }
        if !self.is_told && self.told.is_none_or(|told| told + LOGGED <= now.mono) {
            (self.is_told, self.told) = (true, Some(now.mono));
            tracing::warn!(endpoint = %self.endpoint.name, origin = %self.endpoint.target.origin(), why, "a webhook fails");
        }
        self.failing = Some(why);
    }
}
