//! Which changes of state are told: not those that come with a sign of life, but always those that were asked for.
//!
//! Libraries send both at the same time, with the same state, and only one of them then changes it.

use std::collections::HashMap;

use super::hall::is_young;
use crate::core::{Fingerprint, Mono, PartyId, TopicName};

/// A state of somebody in a channel.
pub(in crate::gateway::pubnub) type Said = (TopicName, PartyId, Fingerprint);

/// The requests under way that tell a state, and those that were shortly ago.
#[derive(Debug, Default)]
pub(super) struct Quiet(HashMap<Said, Pending>);

#[derive(Debug, Clone, Copy, Default)]
struct Pending {
    /// How many came with a sign of life.
    quiet: usize,
    /// How many were asked for, and not told yet.
    loud: usize,
    since: Mono,
}

impl Quiet {
    /// A sign of life is about to bring this state.
    pub(super) fn hush(&mut self, said: Said, now: Mono) {
        let pending = self.0.entry(said).or_default();
        pending.quiet += 1;
        pending.since = now;
    }

    /// It changed nothing.
    pub(super) fn unhush(&mut self, said: &Said) {
        self.lower(said, |pending| pending.quiet = pending.quiet.saturating_sub(1));
    }

    /// Somebody is about to set this state.
    pub(super) fn insist(&mut self, said: Said, now: Mono) {
        let pending = self.0.entry(said).or_default();
        pending.loud += 1;
        pending.since = now;
    }

    /// It changed nothing; whether it must be told all the same, because nothing of it has been.
    pub(super) fn insists(&mut self, said: &Said) -> bool {
        let is_loud = self.0.get(said).is_some_and(|pending| pending.loud > 0);
        self.lower(said, |pending| pending.loud = pending.loud.saturating_sub(1));
        is_loud
    }

    /// A state has changed to this; whether that is told.
    pub(super) fn tells(&mut self, said: &Said) -> bool {
        let Some(pending) = self.0.get(said) else { return true };
        let is_told = pending.loud > 0 || pending.quiet == 0;
        self.lower(said, |pending| {
            pending.quiet = pending.quiet.saturating_sub(1);
            pending.loud = 0;
        });
        is_told
    }

    pub(super) fn forget(&mut self, now: Mono) {
        self.0.retain(|_, pending| is_young(pending.since, now));
    }

    fn lower(&mut self, said: &Said, lower: impl FnOnce(&mut Pending)) {
        let Some(pending) = self.0.get_mut(said) else { return };
        lower(pending);
        if pending.quiet == 0 && pending.loud == 0 {
            self.0.remove(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        (TopicName::new("room").unwrap(), PartyId::new("ana").unwrap(), Fingerprint(1))
    }

    /// What is told of a sign of life and a setting of the same state, in each order of what each does.
    #[test]
    fn what_was_asked_for_is_told_once_whatever_comes_with_a_sign_of_life() {
        for is_heard_before_the_answer in [true, false] {
            for is_of_the_sign in [true, false] {
                let (mut quiet, now) = (Quiet::default(), Mono::default());
                quiet.hush(said(), now);
                quiet.insist(said(), now);
                let mut told = 0;
                if is_heard_before_the_answer {
                    told += usize::from(quiet.tells(&said()));
                }
                if is_of_the_sign {
                    told += usize::from(quiet.insists(&said()));
                } else {
                    quiet.unhush(&said());
                }
                if !is_heard_before_the_answer {
                    told += usize::from(quiet.tells(&said()));
                }
                assert_eq!(told, 1, "{is_heard_before_the_answer} {is_of_the_sign}");
                assert!(quiet.0.is_empty());
            }
        }
    }

    #[test]
    fn a_sign_of_life_alone_tells_nothing_and_hushes_nothing_else() {
        let (mut quiet, now) = (Quiet::default(), Mono::default());
        quiet.hush(said(), now);
        assert!(!quiet.tells(&said()) && quiet.tells(&said()));
        quiet.hush(said(), now);
        quiet.unhush(&said());
        assert!(quiet.tells(&said()));
    }
}
