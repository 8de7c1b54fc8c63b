//! What one request wants to be told, and its waiting for it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::channel::Side;
use super::entry::Entry;
use super::wait::{Waiter, Woken};
use super::{Desk, NoRoom};
use crate::core::{Now, Timetoken, TopicName};

/// The most entries of one answer.
pub(in crate::gateway::pubnub) const MOST: usize = 100;

/// Where something comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::gateway::pubnub) enum Source {
    /// One channel.
    Channel(TopicName),
    /// Every channel that begins like this.
    Pattern(Box<str>),
}

/// Something that a request wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::gateway::pubnub) struct Wanted {
    /// Where it comes from.
    pub(in crate::gateway::pubnub) source: Source,
    /// Messages or presence.
    pub(in crate::gateway::pubnub) side: Side,
    /// The name by which the request asked for it.
    pub(in crate::gateway::pubnub) asked: Arc<str>,
}

/// An entry for a request, and the name by which it asked for it.
#[derive(Debug, Clone)]
pub(in crate::gateway::pubnub) struct Found {
    /// The entry.
    pub(in crate::gateway::pubnub) entry: Arc<Entry>,
    /// The name.
    pub(in crate::gateway::pubnub) asked: Arc<str>,
    /// Whether the name is a pattern, which whoever asks may name without being let into every channel that it matches.
    pub(in crate::gateway::pubnub) is_matched: bool,
}

/// A request that is held, known to the desk until it is dropped.
#[derive(Debug)]
pub(in crate::gateway::pubnub) struct Watch {
    desk: Arc<Desk>,
    waiter: Arc<Waiter>,
    groups: Vec<Box<str>>,
    wanted: Vec<Wanted>,
}

impl Watch {
    /// Begins to wait for changes of these groups; nothing else is wanted yet.
    pub(in crate::gateway::pubnub) fn new(desk: &Arc<Desk>, groups: Vec<Box<str>>) -> Self {
        let waiter = Waiter::new(desk.next_waiter.fetch_add(1, Relaxed));
        let mut hall = desk.lock();
        hall.everybody.add(&waiter);
        groups.iter().for_each(|group| hall.wait_for_group(group, &waiter));
        drop(hall);
        Self { desk: Arc::clone(desk), waiter, groups, wanted: Vec::new() }
    }

    /// Wants all this from now on. Its client says that it has this cursor.
    ///
    /// # Errors
    /// There is no room for as many channels.
    pub(in crate::gateway::pubnub) fn want(
        &mut self,
        wanted: Vec<Wanted>,
        cursor: Timetoken,
    ) -> Result<(), NoRoom> {
        let Now { mono: now, wall } = self.desk.clock.now();
        let mut hall = self.desk.lock();
        hall.handed(cursor.min(Timetoken(wall.0)));
        // What is wanted is left again when this goes, also if there is no room for the rest.
        self.wanted = wanted;
        for wanted in &self.wanted {
            match &wanted.source {
                Source::Channel(topic) => hall.touch(topic, now, &self.desk.settings)?,
                Source::Pattern(prefix) => hall.touch_pattern(prefix, now, &self.desk.settings)?,
            }
            hall.wait_for(&wanted.source, wanted.side, &self.waiter);
        }
        Ok(())
    }

    /// Everything that came after a place, in order.
    pub(in crate::gateway::pubnub) fn look(&self, token: Timetoken) -> Vec<Found> {
        let hall = self.desk.lock();
        let mut found = Vec::new();
        for Wanted { source, side, asked } in &self.wanted {
            let is_matched = matches!(source, Source::Pattern(_));
            let of = |entry| Found { entry: Arc::clone(entry), asked: Arc::clone(asked), is_matched };
            found.extend(hall.after(source, *side, token).map(of));
        }
        drop(hall);
        found.sort_by_key(|found| found.entry.token);
        found
    }

    /// Waits until there may be something, or the request is to be answered anyhow.
    pub(in crate::gateway::pubnub) async fn woken(&self) -> Woken {
        self.waiter.woken().await
    }

    /// What lets others have this request answered.
    pub(in crate::gateway::pubnub) fn release(&self) -> Release {
        Release(Arc::clone(&self.waiter))
    }
}

/// Has a held request answered.
#[derive(Debug)]
pub(in crate::gateway::pubnub) struct Release(Arc<Waiter>);

impl Release {
    /// Which request it is.
    pub(in crate::gateway::pubnub) fn id(&self) -> u64 {
        self.0.id
    }

    /// Has it answered as things are.
    pub(in crate::gateway::pubnub) fn answer(&self) {
        self.0.wake(Woken::Answer);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let now = self.desk.clock.now().mono;
        let id = self.waiter.id;
        let mut hall = self.desk.lock();
        hall.everybody.remove(id);
        self.groups.iter().for_each(|group| hall.leave_group(group, id));
        for wanted in &self.wanted {
            hall.leave(&wanted.source, wanted.side, id, now);
        }
    }
}
