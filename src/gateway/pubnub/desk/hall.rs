//! What the desk holds under its lock: channels, patterns, groups, and what it was told of its own clients' joins.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::channel::{Ring, Side};
use super::entry::{Entry, Held, Presence, What};
use super::kept::Kept;
use super::quiet::Quiet;
use super::wait::{Waiter, Waiting, Woken};
use super::watch::Source;
use super::{NoRoom, YOUNG};
use crate::config::PubNub as Settings;
use crate::core::{Mono, Now, PartyId, Timetoken, TopicName};

/// How many dots of a name are looked at for patterns.
const PATTERN_DOTS: usize = 2;

/// What the desk holds.
#[derive(Debug, Default)]
pub(super) struct Hall {
    last: Timetoken,
    /// The newest cursor that a client has.
    handed: Timetoken,
    channels: Kept<TopicName>,
    /// By what the channels begin with that they match.
    patterns: Kept<Box<str>>,
    groups: HashMap<Box<str>, Waiting>,
    pub(super) everybody: Waiting,
    due: BTreeSet<(Mono, TopicName)>,
    /// How many bytes the entries hold that are in use anywhere.
    held: Held,
    pub(super) quiet: Quiet,
    pub(super) told_joins: ToldJoins,
}

impl Hall {
    /// A client has this cursor: what is told late is told after it.
    pub(super) fn handed(&mut self, cursor: Timetoken) {
        self.handed = self.handed.max(cursor);
    }

    /// Keeps what happens in a channel from now on, if there is room.
    pub(super) fn touch(&mut self, topic: &TopicName, now: Mono, settings: &Settings) -> Result<(), NoRoom> {
        let channel = self.channels.begin(topic, now, settings.occupants).ok_or(NoRoom)?;
        channel.touched = now;
        Ok(())
    }

    /// Keeps what happens in all channels that begin like this.
    pub(super) fn touch_pattern(
        &mut self,
        prefix: &str,
        now: Mono,
        settings: &Settings,
    ) -> Result<(), NoRoom> {
        let is_known = self.patterns.has(prefix);
        let pattern = self.patterns.begin(&prefix.into(), now, settings.occupants).ok_or(NoRoom)?;
        pattern.touched = now;
        if !is_known {
            // What is still kept of its channels is its own from now on.
            for side in [Side::Messages, Side::Presence] {
                let rings = self.channels.beginning(prefix).map(|channel| channel.ring(side));
                pattern.half(side).ring = Ring::newest_of(rings, settings.queue);
            }
        }
        Ok(())
    }

    /// Something is said in a channel.
    pub(super) fn say(
        &mut self,
        now: Now,
        (topic, at): (&TopicName, Timetoken),
        what: What,
        settings: &Settings,
    ) {
        if !self.is_wanted(topic) {
            return;
        }
        self.last = at.max(Timetoken(self.last.0 + 1));
        let entry = Arc::new(Entry::new(topic.clone(), self.last, what, &self.held));
        if let Some(channel) = self.channels.begin(topic, now.mono, settings.occupants) {
            channel.tell(now.mono, &entry, settings.queue);
        }
        for prefix in prefixes(topic.as_str()) {
            if let Some(pattern) = self.patterns.get_mut(prefix) {
                pattern.tell(now.mono, &entry, settings.queue);
            }
        }
        if self.held.bytes() > settings.queue_bytes {
            self.forget_half(settings.queue_bytes);
        }
    }

    /// Forgets the oldest entries, so that half as many bytes are left as there may be. It is done in one go, because it looks at
    /// all of them.
    fn forget_half(&mut self, most: usize) {
        let mut sizes: Vec<_> = self.all_entries().map(|entry| (entry.token, entry.bytes())).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let mut left = most / 2;
        let stays = |(_, bytes): &&(Timetoken, usize)| {
            let fits = left.checked_sub(*bytes);
            left = fits.unwrap_or_default();
            fits.is_some()
        };
        let kept = sizes.iter().rev().take_while(stays).count();
        let Some((token, _)) = sizes.len().checked_sub(kept + 1).and_then(|place| sizes.get(place)) else {
            return;
        };
        let token = *token;
        self.channels.all_mut().for_each(|channel| channel.forget_to(token));
        self.patterns.all_mut().for_each(|pattern| pattern.forget_to(token));
    }

    fn all_entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.channels.all().chain(self.patterns.all()).flat_map(super::channel::Channel::entries)
    }

    /// Somebody's presence in a channel has changed.
    pub(super) fn pace(&mut self, now: Now, topic: &TopicName, event: Presence, settings: &Settings) {
        if !self.is_wanted(topic) {
            return;
        }
        let Some(channel) = self.channels.begin(topic, now.mono, settings.occupants) else {
            // Those who named its pattern are told one by one.
            return self.announce(now, topic, vec![event], settings);
        };
        let before = channel.pace.next_due();
        let told = channel.pace.take(now.mono, event, settings);
        let after = channel.pace.next_due();
        self.reschedule(topic, before, after);
        self.announce(now, topic, told, settings);
    }

    /// Tells what has become due. Everything that came before must have been told.
    pub(super) fn release(&mut self, now: Now, settings: &Settings) {
        while self.due.first().is_some_and(|(due, _)| *due <= now.mono) {
            let Some((_, topic)) = self.due.pop_first() else { break };
            let Some(channel) = self.channels.get_mut(topic.as_str()) else { continue };
            let told = channel.pace.release(now.mono, settings);
            let after = channel.pace.next_due();
            self.due.extend(after.map(|after| (after, topic.clone())));
            self.announce(now, &topic, told, settings);
        }
    }

    /// When something becomes due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.due.first().map(|(due, _)| *due)
    }

    fn reschedule(&mut self, topic: &TopicName, before: Option<Mono>, after: Option<Mono>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.due.remove(&(before, topic.clone()));
        }
        self.due.extend(after.map(|after| (after, topic.clone())));
    }

    fn announce(&mut self, now: Now, topic: &TopicName, told: Vec<Presence>, settings: &Settings) {
        for mut event in told {
            let at = match event.at {
                // What was held back has its place where it is told: after every cursor that was handed out meanwhile, and before
                // whatever is ordered later, which keeps its own.
                at if event.is_late || at == Timetoken(0) => Timetoken(self.last.max(self.handed).0 + 1),
                at => at,
            };
            if event.at == Timetoken(0) {
                event.at = Timetoken(now.wall.0).max(self.last);
            }
            self.say(now, (topic, at), What::Presence(event), settings);
        }
    }

    fn is_wanted(&self, topic: &TopicName) -> bool {
        self.channels.has(topic.as_str())
            || (!self.patterns.is_empty() && prefixes(topic.as_str()).any(|prefix| self.patterns.has(prefix)))
    }

    /// Forgets what has been kept long enough.
    pub(super) fn forget(&mut self, now: Mono, settings: &Settings) {
        let since = Mono(now.0.saturating_sub(settings.queue_lasts));
        self.channels.forget(since);
        self.patterns.forget(since);
        self.told_joins.forget(now);
        self.quiet.forget(now);
    }

    /// What came after a place, and is kept.
    pub(super) fn after<'a>(
        &'a self,
        source: &Source,
        side: Side,
        token: Timetoken,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        let kept = match source {
            Source::Channel(topic) => self.channels.get(topic.as_str()),
            Source::Pattern(prefix) => self.patterns.get(prefix),
        };
        kept.into_iter().flat_map(move |kept| kept.ring(side).after(token))
    }

    pub(super) fn wait_for(&mut self, source: &Source, side: Side, waiter: &Arc<Waiter>) {
        let kept = match source {
            Source::Channel(topic) => self.channels.get_mut(topic.as_str()),
            Source::Pattern(prefix) => self.patterns.get_mut(prefix),
        };
        if let Some(kept) = kept {
            kept.half(side).waiting.add(waiter);
        }
    }

    pub(super) fn leave(&mut self, source: &Source, side: Side, id: u64, now: Mono) {
        let kept = match source {
            Source::Channel(topic) => self.channels.get_mut(topic.as_str()),
            Source::Pattern(prefix) => self.patterns.get_mut(prefix),
        };
        if let Some(kept) = kept {
            kept.half(side).waiting.remove(id);
            kept.touched = now;
        }
    }

    pub(super) fn wait_for_group(&mut self, group: &str, waiter: &Arc<Waiter>) {
        self.groups.entry(group.into()).or_default().add(waiter);
    }

    pub(super) fn leave_group(&mut self, group: &str, id: u64) {
        if let Some(waiting) = self.groups.get_mut(group) {
            waiting.remove(id);
            if waiting.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    pub(super) fn release_group(&self, group: &str) {
        if let Some(waiting) = self.groups.get(group) {
            waiting.wake(Woken::Answer);
        }
    }

    pub(super) fn release_all(&self) {
        self.everybody.wake(Woken::Answer);
    }
}

/// What a name may begin with for a pattern to match it: up to each of its first dots.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').take(PATTERN_DOTS).map(|(dot, _)| &name[..=dot])
}

/// Which of their own joins users have been told lately.
#[derive(Debug, Default)]
pub(super) struct ToldJoins(FxHashMap<PartyId, Vec<(Mono, TopicName, Timetoken)>>);

impl ToldJoins {
    pub(super) fn put(&mut self, uuid: &PartyId, topic: &TopicName, at: Timetoken, now: Mono) {
        let joins = self.0.entry(uuid.clone()).or_default();
        joins.retain(|(since, known, _)| is_young(*since, now) && known != topic);
        joins.push((now, topic.clone(), at));
    }

    pub(super) fn has(&self, uuid: &PartyId, topic: &TopicName, joined: Timetoken) -> bool {
        let is_it = |(_, known, at): &(Mono, TopicName, Timetoken)| known == topic && *at >= joined;
        self.0.get(uuid).is_some_and(|joins| joins.iter().any(is_it))
    }

    fn forget(&mut self, now: Mono) {
        self.0.retain(|_, joins| {
            joins.retain(|(since, _, _)| is_young(*since, now));
            !joins.is_empty()
        });
    }
}

/// Whether something is still remembered that is remembered for a moment only.
pub(super) fn is_young(since: Mono, now: Mono) -> bool {
    since + YOUNG > now
}
