//! What the desk keeps by name, up to a number, and which of it goes first when there is more.

use std::borrow::Borrow;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use super::channel::Channel;
use crate::core::Mono;

/// Among how many of the oldest it is chosen what goes: enough to spare what is in use, and few enough to cost nothing.
const CHOICE: usize = 8;

/// Channels, or patterns, by their names.
#[derive(Debug)]
pub(super) struct Kept<N> {
    by_name: BTreeMap<N, Channel>,
    /// Each name once.
    order: VecDeque<N>,
}

impl<N> Default for Kept<N> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<N: Ord + Clone + Borrow<str>> Kept<N> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Channel> {
        self.by_name.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Channel> {
        self.by_name.get_mut(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Channel> {
        self.by_name.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Channel> {
        self.by_name.values_mut()
    }

    /// Those whose names begin like this.
    pub(super) fn beginning(&self, prefix: &str) -> impl Iterator<Item = &Channel> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let begins = move |(name, _): &(&N, &Channel)| (*name).borrow().starts_with(prefix);
        self.by_name.range::<str, _>(from).take_while(begins).map(|(_, channel)| channel)
    }

    /// What is kept by a name, from now on if it was not. If there are `most` already, something that nobody waits for goes, what was
    /// not asked for the longest of a few; `None` if nothing can.
    pub(super) fn begin(&mut self, name: &N, now: Mono, most: usize) -> Option<&mut Channel> {
        if !self.has(name.borrow()) {
            if self.by_name.len() >= most && !self.make_room() {
                return None;
            }
            self.order.push_back(name.clone());
        }
        Some(self.by_name.entry(name.clone()).or_insert_with(|| Channel::new(now)))
    }

    fn make_room(&mut self) -> bool {
        let looked_at: Vec<N> = self.order.drain(..CHOICE.min(self.order.len())).collect();
        let worth = |name: &N| self.get(name.borrow()).and_then(Channel::worth);
        let least = looked_at.iter().filter_map(|name| Some((worth(name)?, name))).min();
        let least = least.map(|(_, name)| name.clone());
        self.order.extend(looked_at.into_iter().filter(|name| Some(name) != least.as_ref()));
        least.is_some_and(|name| self.by_name.remove::<str>(name.borrow()).is_some())
    }

    /// Forgets what has been kept long enough.
    pub(super) fn forget(&mut self, since: Mono) {
        let before = self.by_name.len();
        self.by_name.retain(|_, channel| channel.forget(since));
        if self.by_name.len() < before {
            self.order.retain(|name| self.by_name.contains_key::<str>((*name).borrow()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::TopicName;
    use crate::gateway::pubnub::desk::channel::Side;
    use crate::gateway::pubnub::desk::wait::Waiter;

    fn name(number: u64) -> TopicName {
        TopicName::new(&format!("room.{number}")).unwrap()
    }

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn there_is_always_room_but_for_what_somebody_waits_for() {
        let mut kept = Kept::default();
        let waiter = Waiter::new(1);
        kept.begin(&name(0), at(0), 4).unwrap().half(Side::Messages).waiting.add(&waiter);
        for number in 1..100 {
            assert!(kept.begin(&name(number), at(number), 4).is_some());
            assert_eq!(kept.by_name.len(), kept.order.len());
            assert!(kept.has(name(0).as_str()) && kept.by_name.len() <= 4);
        }
        // What was not asked for the longest has gone.
        assert_eq!(kept.beginning("room.").count(), 4);
        assert!([97, 98, 99].into_iter().all(|number| kept.has(name(number).as_str())));
        kept.all_mut().for_each(|channel| channel.half(Side::Presence).waiting.add(&waiter));
        assert!(kept.begin(&name(100), at(100), 4).is_none());
        assert!(kept.begin(&name(99), at(100), 4).is_some());
    }

    #[test]
    fn what_is_forgotten_can_be_kept_again() {
        let mut kept = Kept::default();
        for _ in 0..10 {
            kept.begin(&name(1), at(1), 2);
            kept.forget(at(2));
            assert!(kept.is_empty() && kept.order.is_empty());
        }
    }
}
