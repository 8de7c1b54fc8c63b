//! What the desk holds under its lock: channels, patterns, groups, and what it was told of its own clients' joins.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::channel::{Channel, Side};
use super::entry::{Entry, Presence, What};
use super::wait::{Waiter, Waiting, Woken};
use super::{NoRoom, YOUNG};
use crate::config::PubNub as Settings;
use crate::core::{Fingerprint, Mono, Now, PartyId, Timetoken, TopicName};

/// How many dots of a name are looked at for patterns.
const PATTERN_DOTS: usize = 2;

/// A pattern that requests have named: everything that begins with it.
#[derive(Debug, Default)]
struct Pattern {
    members: BTreeSet<TopicName>,
    messages: Waiting,
    presence: Waiting,
    touched: Mono,
}

impl Pattern {
    fn waiting(&mut self, side: Side) -> &mut Waiting {
        match side {
            Side::Messages => &mut self.messages,
            Side::Presence => &mut self.presence,
        }
    }
}

/// What the desk holds.
#[derive(Debug, Default)]
pub(super) struct Hall {
    last: Timetoken,
    channels: HashMap<TopicName, Channel>,
    patterns: HashMap<Box<str>, Pattern>,
    groups: HashMap<Box<str>, Waiting>,
    pub(super) everybody: Waiting,
    due: BTreeSet<(Mono, TopicName)>,
    pub(super) quiet: HashMap<(TopicName, PartyId), (Fingerprint, Mono)>,
    pub(super) told_joins: ToldJoins,
}

impl Hall {
    /// Keeps what happens in a channel from now on.
    pub(super) fn touch(&mut self, topic: &TopicName, now: Mono, settings: &Settings) -> Result<(), NoRoom> {
        if let Some(channel) = self.channels.get_mut(topic) {
            channel.touched = now;
            return Ok(());
        }
        if self.channels.len() >= settings.occupants {
            self.forget(now, settings);
        }
        if self.channels.len() >= settings.occupants {
            return Err(NoRoom);
        }
        self.begin(topic, now);
        Ok(())
    }

    fn begin(&mut self, topic: &TopicName, now: Mono) -> &mut Channel {
        for prefix in prefixes(topic.as_str()) {
            if let Some(pattern) = self.patterns.get_mut(prefix) {
                pattern.members.insert(topic.clone());
            }
        }
        self.channels.entry(topic.clone()).or_insert_with(|| Channel::new(now))
    }

    /// Keeps what happens in all channels that begin like this.
    pub(super) fn touch_pattern(
        &mut self,
        prefix: &str,
        now: Mono,
        settings: &Settings,
    ) -> Result<(), NoRoom> {
        if let Some(pattern) = self.patterns.get_mut(prefix) {
            pattern.touched = now;
            return Ok(());
        }
        if self.patterns.len() >= settings.occupants {
            self.forget(now, settings);
        }
        if self.patterns.len() >= settings.occupants {
            return Err(NoRoom);
        }
        let members = self.channels.keys().filter(|topic| topic.as_str().starts_with(prefix)).cloned();
        let pattern = Pattern { members: members.collect(), touched: now, ..Pattern::default() };
        self.patterns.insert(prefix.into(), pattern);
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
        let entry = Arc::new(Entry::new(topic.clone(), self.last, what));
        let side = if entry.is_presence() { Side::Presence } else { Side::Messages };
        let channel = self.begin(topic, now.mono);
        let half = channel.half(side);
        half.ring.push(now.mono, entry, settings.queue);
        half.waiting.wake(Woken::Look);
        for prefix in prefixes(topic.as_str()) {
            if let Some(pattern) = self.patterns.get_mut(prefix) {
                pattern.waiting(side).wake(Woken::Look);
            }
        }
    }

    /// Somebody's presence in a channel has changed.
    pub(super) fn pace(&mut self, now: Now, topic: &TopicName, event: Presence, settings: &Settings) {
        if !self.is_wanted(topic) {
            return;
        }
        let channel = self.begin(topic, now.mono);
        let before = channel.pace.next_due();
        let told = channel.pace.take(now.mono, event, settings);
        let after = channel.pace.next_due();
        self.reschedule(topic, before, after);
        self.announce(now, topic, told, settings);
    }

    /// Tells what has become due.
    pub(super) fn release(&mut self, now: Now, settings: &Settings) {
        while self.due.first().is_some_and(|(due, _)| *due <= now.mono) {
            let Some((_, topic)) = self.due.pop_first() else { break };
            let Some(channel) = self.channels.get_mut(&topic) else { continue };
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
            if event.at == Timetoken(0) {
                event.at = Timetoken(now.wall.0).max(self.last);
            }
            // What was held back has its place where it is told, not where it happened.
            let at = event.at;
            self.say(now, (topic, at), What::Presence(event), settings);
        }
    }

    fn is_wanted(&self, topic: &TopicName) -> bool {
        self.channels.contains_key(topic)
            || (!self.patterns.is_empty()
                && prefixes(topic.as_str()).any(|prefix| self.patterns.contains_key(prefix)))
    }

    /// Forgets what has been kept long enough.
    pub(super) fn forget(&mut self, now: Mono, settings: &Settings) {
        let since = Mono(now.0.saturating_sub(settings.queue_lasts));
        let mut gone = Vec::new();
        self.channels.retain(|topic, channel| {
            let stays = channel.forget(since);
            if !stays {
                gone.push(topic.clone());
            }
            stays
        });
        for topic in gone {
            for prefix in prefixes(topic.as_str()) {
                if let Some(pattern) = self.patterns.get_mut(prefix) {
                    pattern.members.remove(&topic);
                }
            }
        }
        let is_awaited = |pattern: &Pattern| !pattern.messages.is_empty() || !pattern.presence.is_empty();
        self.patterns.retain(|_, pattern| pattern.touched >= since || is_awaited(pattern));
        self.told_joins.forget(now);
        self.quiet.retain(|_, (_, since)| is_young(*since, now));
    }

    /// What came after a place in a channel.
    pub(super) fn after<'a>(
        &'a self,
        topic: &TopicName,
        side: Side,
        token: Timetoken,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        self.channels.get(topic).into_iter().flat_map(move |channel| channel.ring(side).after(token))
    }

    /// The channels that begin like this and of which something is kept.
    pub(super) fn members<'a>(&'a self, prefix: &str) -> impl Iterator<Item = &'a TopicName> {
        self.patterns.get(prefix).into_iter().flat_map(|pattern| pattern.members.iter())
    }

    pub(super) fn wait_for_channel(
        &mut self,
        topic: &TopicName,
        side: Side,
        waiter: &Arc<Waiter>,
        now: Mono,
    ) {
        self.begin(topic, now).half(side).waiting.add(waiter);
    }

    pub(super) fn wait_for_pattern(&mut self, prefix: &str, side: Side, waiter: &Arc<Waiter>) {
        if let Some(pattern) = self.patterns.get_mut(prefix) {
            pattern.waiting(side).add(waiter);
        }
    }

    pub(super) fn wait_for_group(&mut self, group: &str, waiter: &Arc<Waiter>) {
        self.groups.entry(group.into()).or_default().add(waiter);
    }

    pub(super) fn leave_channel(&mut self, topic: &TopicName, side: Side, id: u64, now: Mono) {
        if let Some(channel) = self.channels.get_mut(topic) {
            channel.half(side).waiting.remove(id);
            channel.touched = now;
        }
    }

    pub(super) fn leave_pattern(&mut self, prefix: &str, side: Side, id: u64, now: Mono) {
        if let Some(pattern) = self.patterns.get_mut(prefix) {
            pattern.waiting(side).remove(id);
            pattern.touched = now;
        }
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

fn is_young(since: Mono, now: Mono) -> bool {
    since + YOUNG > now
}
