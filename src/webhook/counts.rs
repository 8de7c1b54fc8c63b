//! Tells the number of a topic's watchers when it changes; a big topic's only now and then.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::hook::Hook;
use crate::core::{Mono, TopicName};

/// Above this many watchers a topic is big.
const BIG: u32 = 100;

/// How often a big topic tells its number.
const INTERVAL: Duration = Duration::from_secs(5);

/// What was told of one topic.
#[derive(Debug, Default)]
struct Told {
    watchers: u32,
    at: Mono,
    /// A number that is too fresh.
    waiting: Option<(Mono, Hook)>,
}

/// The numbers that were told, of topics that have watchers.
#[derive(Debug, Default)]
pub(super) struct Counts {
    topics: HashMap<TopicName, Told>,
    due: BTreeSet<(Mono, TopicName)>,
}

impl Counts {
    /// Takes a count, and gives it back if it is to be told now.
    pub(super) fn take(&mut self, now: Mono, hook: Hook) -> Option<Hook> {
        let watchers = watchers(&hook);
        let told = self.topics.get_mut(&hook.topic);
        if told.as_ref().map_or(0, |told| told.watchers) == watchers {
            self.forget_waiting(&hook.topic);
            return None;
        }
        if let Some(told) = told
            && watchers > BIG
            && now < told.at + INTERVAL
        {
            let due = told.at + INTERVAL;
            self.due.insert((due, hook.topic.clone()));
            told.waiting = Some((due, hook));
            return None;
        }
        self.tell(now, hook)
    }

    /// The counts that have waited for long enough.
    pub(super) fn release(&mut self, now: Mono) -> Vec<Hook> {
        let mut released = Vec::new();
        while self.due.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, topic)) = self.due.pop_first() else { break };
            let waiting = self.topics.get_mut(&topic).and_then(|told| told.waiting.take());
            released.extend(waiting.and_then(|(_, hook)| self.tell(now, hook)));
        }
        released
    }

    /// When the next is due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.due.first().map(|(due, _)| *due)
    }

    fn tell(&mut self, now: Mono, hook: Hook) -> Option<Hook> {
        self.forget_waiting(&hook.topic);
        let watchers = watchers(&hook);
        if watchers == 0 {
            self.topics.remove(&hook.topic);
        } else {
            self.topics.insert(hook.topic.clone(), Told { watchers, at: now, waiting: None });
        }
        Some(hook)
    }

    fn forget_waiting(&mut self, topic: &TopicName) {
        let waiting = self.topics.get_mut(topic).and_then(|told| told.waiting.take());
        if let Some((due, _)) = waiting {
            self.due.remove(&(due, topic.clone()));
        }
    }
}

fn watchers(hook: &Hook) -> u32 {
    hook.change().map_or(0, |change| change.occupancy.watchers)
}
