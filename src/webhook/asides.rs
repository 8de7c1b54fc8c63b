//! What gateways tell aside from the roster waits a moment for the roster's own news, which may still be on its way.

use std::collections::VecDeque;
use std::time::Duration;

use super::hook::Hook;
use crate::core::{Mono, TopicName};

/// Longer than the broker takes to count who watches a topic.
const MOMENT: Duration = Duration::from_millis(50);

/// The most that wait.
const MOST: usize = 1024;

/// Hooks that wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Asides(VecDeque<(Mono, Hook)>);

impl Asides {
    /// Takes a hook that is to be told in a moment. If too many wait, the oldest is given back, to be told now.
    pub(super) fn take(&mut self, now: Mono, hook: Hook) -> Option<Hook> {
        self.0.push_back((now + MOMENT, hook));
        if self.0.len() > MOST { self.0.pop_front().map(|(_, hook)| hook) } else { None }
    }

    /// What has waited for long enough.
    pub(super) fn release(&mut self, now: Mono) -> Vec<Hook> {
        let due = self.0.iter().take_while(|(due, _)| *due <= now).count();
        self.0.drain(..due).map(|(_, hook)| hook).collect()
    }

    /// What waits in a topic, and need not any longer: it was just occupied, or is about to be vacated.
    pub(super) fn release_topic(&mut self, topic: &TopicName) -> Vec<Hook> {
        let (released, kept): (Vec<_>, _) =
            std::mem::take(&mut self.0).into_iter().partition(|(_, hook)| &hook.topic == topic);
        self.0 = kept.into();
        released.into_iter().map(|(_, hook)| hook).collect()
    }

    /// When the next is due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.0.front().map(|(due, _)| *due)
    }
}
