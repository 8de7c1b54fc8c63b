//! One delivery: steps encoded at most once per wire form, and handed to each viewer's outbox.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;

use super::encode::{Encode, MAX_ENCODERS, Step};
use super::lag::following;
use super::outbox::{Broadcast, Item, Pushed};
use super::stream::{Echo, Viewer};
use crate::core::{ChangeKind, Message, Occupancy, SessionId, TopicName};

/// A session whose outbox is over a bound.
#[derive(Debug)]
pub(super) struct Slow {
    pub(super) session: SessionId,
    /// What it could not take at all.
    pub(super) missed: Option<Arc<Broadcast>>,
}

/// What became of a delivery.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// The sessions that are slow to take it.
    pub(super) slow: Vec<Slow>,
    /// How many outboxes took something.
    pub(super) frames: u64,
    /// How many bytes they took.
    pub(super) bytes: u64,
}

/// The steps in one wire form.
#[derive(Debug)]
struct Encoded {
    broadcast: Arc<Broadcast>,
    /// Where each step's frames end in the broadcast's bytes.
    ends: Vec<usize>,
}

/// What goes out to a topic's viewers in one go.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    topic: TopicName,
    /// What every viewer is sent.
    shared: Vec<Step>,
    /// What only some are sent.
    directed: Vec<Step>,
    interval: Option<Occupancy>,
    /// The sessions that caused the shared steps.
    authors: Vec<SessionId>,
    encoders: &'a [Arc<dyn Encode>],
    encoded: [Option<Encoded>; MAX_ENCODERS],
}

impl<'a> Delivery<'a> {
    pub(super) fn new(
        topic: TopicName,
        steps: Vec<Step>,
        interval: Option<Occupancy>,
        encoders: &'a [Arc<dyn Encode>],
    ) -> Self {
        let (directed, shared): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|step| directed(step).is_some());
        let omits_own = encoders.iter().any(|encoder| encoder.omits_own());
        let mut authors = Vec::new();
        if omits_own {
            authors.extend(shared.iter().filter_map(|step| step.change.author()));
            authors.sort_unstable();
        }
        Self { topic, shared, directed, interval, authors, encoders, encoded: Default::default() }
    }

    /// Hands everything to the viewers' outboxes, and says which are slow to take it.
    pub(super) fn run(mut self, viewers: &mut FxHashMap<SessionId, Viewer>, echoes: Vec<Echo>) -> Delivered {
        let mut by_author: FxHashMap<SessionId, Vec<Echo>> = FxHashMap::default();
        for echo in echoes {
            by_author.entry(echo.session).or_default().push(echo);
        }
        let mut delivered = Delivered::default();
        if !self.shared.is_empty() || self.interval.is_some() || !by_author.is_empty() {
            for (session, viewer) in viewers.iter_mut() {
                let echoes = if by_author.is_empty() { None } else { by_author.get(session) };
                let own = (*session, echoes.map_or(&[][..], |echoes| echoes));
                let pushed = self.deliver(viewer, own, &mut delivered);
                if let Some(missed) = pushed {
                    delivered.slow.push(Slow { session: *session, missed });
                }
            }
        }
        for step in &self.directed {
            self.direct(viewers, step, &by_author, &mut delivered.slow);
        }
        delivered
    }

    /// Gives one viewer the shared steps. `Some` if it is slow to take them, with what it could not take at all.
    fn deliver(
        &mut self,
        viewer: &mut Viewer,
        (session, echoes): (SessionId, &[Echo]),
        delivered: &mut Delivered,
    ) -> Option<Option<Arc<Broadcast>>> {
        let end = viewer.end;
        let omits = viewer.omits_own && (end.is_some() || self.authors.binary_search(&session).is_ok());
        let is_for = |step: &Step| {
            let is_over = end.is_some_and(|end| end <= step.change.stamp.timetoken);
            step.change.author() != Some(session) && !is_over
        };
        if let Some(lag) = &mut viewer.lag {
            if omits {
                let others: Vec<_> = self.shared.iter().filter(|step| is_for(step)).cloned().collect();
                lag.absorb(&others);
            } else {
                lag.absorb(&self.shared);
            }
            return None;
        }
        let place = usize::from(viewer.encoder.0);
        let encoder = self.encoders.get(place)?.as_ref();
        let (shared, interval, topic) = (&self.shared, self.interval, &self.topic);
        let own;
        let encoded = match viewer.behind.take_if(|_| shared.iter().any(|step| step.link.is_some())) {
            Some(behind) => {
                own = encode(encoder, topic, &following(behind, shared), interval);
                &own
            }
            None => self.encoded[place].get_or_insert_with(|| encode(encoder, topic, shared, interval)),
        };
        let bytes = if omits {
            without_some(encoded, is_for)
        } else if echoes.is_empty() {
            encoded.broadcast.bytes.clone()
        } else {
            with_echoes(encoded, encoder, echoes)
        };
        if bytes.is_empty() {
            return None;
        }
        delivered.frames += 1;
        delivered.bytes += bytes.len() as u64;
        match viewer.outbox.push(Item::Shared(Arc::clone(&encoded.broadcast), bytes)) {
            Pushed::Queued => None,
            Pushed::Slow => Some(None),
            Pushed::Full => Some(Some(Arc::clone(&encoded.broadcast))),
        }
    }

    /// Gives a directed step to its receivers and its author.
    fn direct(
        &self,
        viewers: &mut FxHashMap<SessionId, Viewer>,
        step: &Step,
        by_author: &FxHashMap<SessionId, Vec<Echo>>,
        slow: &mut Vec<Slow>,
    ) {
        let Some(message) = directed(step) else { return };
        let receivers = message.receivers.as_deref().unwrap_or_default();
        let mut encoded: [Option<Bytes>; MAX_ENCODERS] = Default::default();
        for (session, viewer) in viewers.iter_mut() {
            let is_author = message.session == Some(*session);
            let is_meant = if is_author { !viewer.omits_own } else { receivers.contains(&viewer.party) };
            if !is_meant {
                continue;
            }
            if let Some(lag) = &mut viewer.lag {
                lag.absorb(std::slice::from_ref(step));
                continue;
            }
            let place = usize::from(viewer.encoder.0);
            let Some(encoder) = self.encoders.get(place) else { continue };
            let echo = by_author
                .get(session)
                .and_then(|echoes| echoes.iter().find(|echo| echo.change.stamp == step.change.stamp));
            let bytes = match (echo, &encoded[place]) {
                (Some(echo), _) => one(encoder.as_ref(), step, Some(&echo.bytes)),
                (None, Some(bytes)) => bytes.clone(),
                (None, None) => encoded[place].insert(one(encoder.as_ref(), step, None)).clone(),
            };
            if !bytes.is_empty() && viewer.outbox.push(Item::Frame(bytes)) == Pushed::Full {
                let steps = vec![step.clone()];
                let missed = Broadcast { topic: self.topic.clone(), steps, bytes: Bytes::new() };
                slow.push(Slow { session: *session, missed: Some(Arc::new(missed)) });
            }
        }
    }
}

/// Hands steps to a topic's viewers, in order: runs of shared steps go out as one, directed steps between them.
pub(super) fn deliver(
    topic: &TopicName,
    viewers: &mut FxHashMap<SessionId, Viewer>,
    steps: Vec<Step>,
    mut echoes: Vec<Echo>,
    (interval, encoders): (Option<Occupancy>, &[Arc<dyn Encode>]),
) -> Delivered {
    let mut runs: Vec<Vec<Step>> = Vec::new();
    for step in steps {
        match runs.last_mut() {
            Some(run)
                if run.last().map(directed).is_some_and(|last| last.is_some())
                    == directed(&step).is_some() =>
            {
                run.push(step);
            }
            _ => runs.push(vec![step]),
        }
    }
    if runs.is_empty() {
        runs.push(Vec::new());
    }
    let mut delivered = Delivered::default();
    let mut left = runs.len();
    for run in runs {
        left -= 1;
        // The echo of a change that was coalesced away belongs to no run, and goes with the last.
        let is_here = |echo: &Echo| run.iter().any(|step| step.change.stamp == echo.change.stamp);
        let (own, later) = echoes.into_iter().partition(|echo| left == 0 || is_here(echo));
        echoes = later;
        let interval = if left == 0 { interval } else { None };
        let more = Delivery::new(topic.clone(), run, interval, encoders).run(viewers, own);
        delivered.slow.extend(more.slow);
        delivered.frames += more.frames;
        delivered.bytes += more.bytes;
    }
    delivered
}

fn directed(step: &Step) -> Option<&Message> {
    match &step.change.kind {
        ChangeKind::Message(message) if message.receivers.is_some() => Some(message),
        _ => None,
    }
}

fn one(encoder: &dyn Encode, step: &Step, echo: Option<&Bytes>) -> Bytes {
    let mut out = BytesMut::new();
    encoder.change(step, echo, &mut out);
    out.freeze()
}

fn encode(encoder: &dyn Encode, topic: &TopicName, steps: &[Step], interval: Option<Occupancy>) -> Encoded {
    let mut out = BytesMut::new();
    let mut ends = Vec::with_capacity(steps.len());
    for step in steps {
        encoder.change(step, None, &mut out);
        ends.push(out.len());
    }
    if let Some(occupancy) = interval {
        encoder.interval(topic, occupancy, &mut out);
    }
    let broadcast = Broadcast { topic: topic.clone(), steps: steps.to_vec(), bytes: out.freeze() };
    Encoded { broadcast: Arc::new(broadcast), ends }
}

/// An author's own copy: its echoes in the places of the shared frames. The echo of a change that was coalesced away goes
/// first, for the author alone.
fn with_echoes(encoded: &Encoded, encoder: &dyn Encode, echoes: &[Echo]) -> Bytes {
    let (all, steps) = (&encoded.broadcast.bytes, &encoded.broadcast.steps);
    let is_of = |echo: &&Echo, step: &Step| echo.change.stamp == step.change.stamp;
    let mut out = BytesMut::with_capacity(all.len() + 256);
    for echo in echoes.iter().filter(|echo| echo_is_shared(echo)) {
        if !steps.iter().any(|step| is_of(&echo, step)) {
            let step = Step { change: Arc::clone(&echo.change), link: None };
            encoder.change(&step, Some(&echo.bytes), &mut out);
        }
    }
    let mut from = 0;
    for (step, end) in steps.iter().zip(&encoded.ends) {
        match echoes.iter().find(|echo| is_of(echo, step)) {
            Some(echo) => encoder.change(step, Some(&echo.bytes), &mut out),
            None => out.extend_from_slice(&all[from..*end]),
        }
        from = *end;
    }
    out.extend_from_slice(&all[from..]);
    out.freeze()
}

/// What a session is sent that is not sent everything, such as what it caused itself.
fn without_some(encoded: &Encoded, is_for: impl Fn(&Step) -> bool) -> Bytes {
    let Broadcast { steps, bytes, .. } = &*encoded.broadcast;
    let mut out = BytesMut::with_capacity(bytes.len());
    let mut from = 0;
    for (step, end) in steps.iter().zip(&encoded.ends) {
        if is_for(step) {
            out.extend_from_slice(&bytes[from..*end]);
        }
        from = *end;
    }
    out.extend_from_slice(&bytes[from..]);
    out.freeze()
}

fn echo_is_shared(echo: &Echo) -> bool {
    !matches!(&echo.change.kind, ChangeKind::Message(message) if message.receivers.is_some())
}
