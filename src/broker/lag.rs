//! What a slow viewer has not been sent yet: the net of presence, the messages, and the last counts.

use std::collections::VecDeque;
use std::sync::Arc;

use super::encode::{Link, Step};
use crate::core::{Change, ChangeKind, Mono, Net, Rev};

/// A slow viewer's backlog of one topic. Presence in it is bounded by the number of parties, messages by their bytes.
#[derive(Debug)]
pub(super) struct Lag {
    net: Net,
    messages: Vec<Arc<Change>>,
    message_bytes: usize,
    /// What was said in passing, such as typing.
    passing: VecDeque<Arc<Change>>,
    passing_bytes: usize,
    /// How many bytes of that may wait for longer than a moment, and whether more did at the last look.
    room: usize,
    is_over_room: bool,
    /// The newest change of only the counts.
    counts: Option<Arc<Change>>,
    /// The last rev the viewer has, once something of the stream was held back.
    prev: Option<Rev>,
    /// Since when the viewer has been slow.
    pub(super) since: Mono,
}

impl Lag {
    /// An empty backlog, of a viewer that may be behind already by what came to nothing, with room for so many bytes of what is said in
    /// passing.
    pub(super) fn new(since: Mono, prev: Option<Rev>, room: usize) -> Self {
        Self {
            net: Net::default(),
            messages: Vec::new(),
            message_bytes: 0,
            passing: VecDeque::new(),
            passing_bytes: 0,
            room,
            is_over_room: false,
            counts: None,
            prev,
            since,
        }
    }

    /// Adds what the viewer is not sent now.
    pub(super) fn absorb(&mut self, steps: &[Step]) {
        for Step { change, link } in steps {
            self.prev = self.prev.or(link.map(|link| link.prev));
            if self.net.push(change) {
                continue;
            }
            match &change.kind {
                ChangeKind::Message(message) if link.is_some() || message.receivers.is_some() => {
                    self.message_bytes += change.bytes();
                    self.messages.push(Arc::clone(change));
                }
                ChangeKind::Message(_) => {
                    self.passing_bytes += change.bytes();
                    self.passing.push_back(Arc::clone(change));
                }
                ChangeKind::Counts => self.counts = Some(Arc::clone(change)),
                _ => {}
            }
        }
    }

    /// A look at the backlog: of what was said in passing only the newest is kept, if there was no room for all of it at the last look
    /// either. Nobody is closed for it.
    pub(super) fn drop_passing(&mut self) {
        let was_over = std::mem::replace(&mut self.is_over_room, self.passing_bytes > self.room);
        while was_over
            && self.passing_bytes > self.room
            && let Some(oldest) = self.passing.pop_front()
        {
            self.passing_bytes -= oldest.bytes();
        }
    }

    /// How many bytes of messages wait, without those said in passing.
    pub(super) fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    /// Takes everything, in order, chained from the viewer's last rev to `last`, the rev that all other viewers have. If nothing of
    /// the stream is left of it, the viewer stays where it is.
    pub(super) fn take(&mut self, last: Rev) -> Vec<Step> {
        let mut changes = self.net.take();
        changes.append(&mut self.messages);
        changes.extend(self.passing.drain(..));
        changes.extend(self.counts.take());
        changes.sort_by_key(|change| change.stamp.timetoken);
        self.message_bytes = 0;
        self.passing_bytes = 0;
        let steps = chained(changes, self.prev.unwrap_or(last), last);
        if steps.iter().any(|step| step.link.is_some()) {
            self.prev = None;
        }
        steps
    }

    /// Puts back what did not fit.
    pub(super) fn put_back(&mut self, steps: &[Step]) {
        self.absorb(steps);
    }

    /// Whether the viewer is owed nothing.
    pub(super) fn is_over(&self) -> bool {
        self.net.is_empty() && self.messages.is_empty() && self.passing.is_empty() && self.counts.is_none()
    }

    /// The last rev that the viewer has, if others have a later one.
    pub(super) fn behind(&self) -> Option<Rev> {
        self.prev
    }
}

/// The same steps for a viewer that missed what came to nothing: the first of the stream follows the rev that it has.
pub(super) fn following(behind: Rev, steps: &[Step]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    if let Some(link) = steps.iter_mut().find_map(|step| step.link.as_mut()) {
        link.prev = behind;
    }
    steps
}

/// Whether a change has a place in the stream of its topic.
pub(super) fn is_linked(change: &Change) -> bool {
    match &change.kind {
        ChangeKind::Joined(_) | ChangeKind::Updated(_) | ChangeKind::Left { .. } => true,
        ChangeKind::Message(message) => message.is_kept && message.receivers.is_none(),
        ChangeKind::Sessions(_) | ChangeKind::State(..) | ChangeKind::Counts => false,
    }
}

/// Chains changes from `prev` to `last`: each frame follows the one before it, and the last one ends at `last` even if
/// changes that left no net trace came after it.
pub(super) fn chained(changes: Vec<Arc<Change>>, mut prev: Rev, last: Rev) -> Vec<Step> {
    let newest = changes.iter().rposition(|change| is_linked(change));
    let chain = |(place, change): (usize, Arc<Change>)| {
        if !is_linked(&change) {
            return Step { change, link: None };
        }
        let rev = if Some(place) == newest { last } else { change.stamp.rev };
        let link = Link { prev, rev };
        prev = rev;
        Step { change, link: Some(link) }
    };
    changes.into_iter().enumerate().map(chain).collect()
}
