//! What an app keeps of what was said, for those who come back after one certain message.

use std::sync::Arc;
use std::time::Duration;

use presence_hub::core::{
    BufferLimits, Change, ChangeKind, Command, Epoch, Limits, Op, Record, Rev, Roster, Stamp, Timetoken,
};
use proptest::prelude::*;

use super::hub::{Hub, message, topic};

const LASTS: u64 = 100_000;

fn limits(messages: usize, bytes: usize) -> Limits {
    let lasts = Duration::from_millis(LASTS);
    Limits { history: 3, buffer: Some(BufferLimits { messages, bytes, lasts }), ..Limits::default() }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Say { at: u8, text: u8 },
    Watch { at: u8, watchers: u32 },
    Pass { millis: u64 },
    Sweep { renumbers: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..3_u8;
    prop_oneof![
        6 => (at.clone(), any::<u8>()).prop_map(|(at, text)| Step::Say { at, text }),
        2 => (at, 0..2_u32).prop_map(|(at, watchers)| Step::Watch { at, watchers }),
        3 => (0..40_000_u64).prop_map(|millis| Step::Pass { millis }),
        2 => any::<bool>().prop_map(|renumbers| Step::Sweep { renumbers }),
    ]
}

/// Everything that was ever said, and how much of it is kept.
struct Naive {
    said: Vec<Arc<Change>>,
    forgotten: usize,
    limits: BufferLimits,
}

impl Naive {
    fn trim(&mut self, now: u64) {
        let over = |kept: &[Arc<Change>], limits: BufferLimits| {
            let bytes: usize = kept.iter().map(|change| change.bytes()).sum();
            let is_old = kept[0].stamp.timetoken.0 + LASTS * 10_000 <= now;
            is_old || kept.len() > limits.messages || bytes > limits.bytes
        };
        while self.forgotten < self.said.len() && over(&self.said[self.forgotten..], self.limits) {
            self.forgotten += 1;
        }
    }

    /// What was said in a topic, and how many of the newest of that are kept for certain.
    fn of(&self, at: u8) -> (Vec<Arc<Change>>, usize) {
        let here = |change: &&Arc<Change>| change.topic == topic(at);
        let kept = self.said[self.forgotten..].iter().filter(here).count();
        (self.said.iter().filter(here).cloned().collect(), kept)
    }
}

fn check(hub: &Hub, naive: &Naive, at: u8, room: usize) -> Result<(), TestCaseError> {
    let (said, kept) = naive.of(at);
    let Some(known) = hub.roster.topic(&topic(at)) else {
        prop_assert_eq!(kept, 0, "what keeps something is not forgotten");
        return Ok(());
    };
    let ask = |after, bytes| known.history().messages_after(known.stamp().epoch, after, bytes);
    for (place, last) in said.iter().enumerate() {
        let after = Some(last.stamp.timetoken);
        let recall = ask(after, usize::MAX);
        let missed = &said[place + 1..];
        if recall.is_complete {
            prop_assert_eq!(&recall.messages[..], missed);
        } else {
            prop_assert!(place < said.len() - kept, "it is kept, so it is known");
            prop_assert!(recall.messages.len() >= kept && said.ends_with(&recall.messages));
        }
        let some = ask(after, room);
        let bytes: usize = some.messages.iter().map(|change| change.bytes()).sum();
        let next = recall.messages.iter().rev().nth(some.messages.len());
        prop_assert!(bytes <= room && next.is_none_or(|next| bytes + next.bytes() > room));
        prop_assert!(recall.messages.ends_with(&some.messages));
        prop_assert_eq!(some.is_complete, recall.is_complete && next.is_none());
    }
    for unknown in [None, Some(Timetoken(5)), said.last().map(|last| Timetoken(last.stamp.timetoken.0 + 1))] {
        let is_other = |change: &Arc<Change>| Some(change.stamp.timetoken) != unknown;
        if said.iter().all(is_other) && unknown != Some(known.history().floor().timetoken) {
            prop_assert!(!ask(unknown, usize::MAX).is_complete);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_kept_is_what_was_said(
        steps in prop::collection::vec(step(), 1..50), messages in 1..12_usize, bytes in 20..160_usize, room in 0..60_usize,
    ) {
        let limits = limits(messages, bytes);
        let mut hub = Hub::new(limits);
        let mut naive = Naive { said: Vec::new(), forgotten: 0, limits: limits.buffer.unwrap() };
        for step in steps {
            match step {
                Step::Say { at, text } => {
                    let changes = hub.submit(&Command::Publish(topic(at), message(1, text, true))).changes();
                    let now = changes[0].stamp.timetoken.0;
                    naive.said.extend(changes);
                    naive.trim(now);
                    // What is typed, or said to some, is not kept.
                    hub.submit(&Command::Publish(topic(at), message(1, text, false))).changes();
                }
                Step::Watch { at, watchers } => {
                    hub.submit(&Command::Watchers(topic(at), watchers)).changes();
                }
                Step::Pass { millis } => hub.millis += millis,
                Step::Sweep { renumbers } => {
                    hub.roster.sweep(hub.now().wall);
                    naive.trim(hub.now().wall.0);
                    if renumbers {
                        hub.renumber();
                    }
                }
            }
            for at in 0..3 {
                check(&hub, &naive, at, room)?;
            }
            let mut names: Vec<_> = hub.roster.topics().map(|(name, _)| name).collect();
            names.sort();
            prop_assert!(hub.roster.topics_after("topic", None).map(|(name, _)| name).eq(names));
        }
        for at in 0..3 {
            hub.submit(&Command::Watchers(topic(at), 0)).changes();
        }
        hub.millis += 200_000;
        hub.roster.sweep(hub.now().wall);
        prop_assert!(hub.roster.is_empty(), "nothing is left behind");
    }
}

/// A roster in which something was said at the first two places, and then at another.
fn after(next: (u64, u64)) -> Roster {
    let mut roster = Roster::new(limits(10, 1000));
    for (nth, (epoch, rev)) in [(1, 1), (1, 2), next].into_iter().enumerate() {
        let timetoken = Timetoken(1_000_000 + nth as u64);
        let stamp = Stamp { epoch: Epoch(epoch), rev: Rev(rev), timetoken };
        let op = Op::Message(message(1, 0, true));
        let change = roster.fold(stamp, &Record { topic: topic(0), op }).unwrap();
        assert!(matches!(change.kind, ChangeKind::Message(_)));
    }
    roster
}

#[test]
fn what_may_have_been_missed_is_not_passed_over() {
    for (next, is_complete, count) in [((1, 3), true, 2), ((1, 4), false, 1), ((2, 1), false, 1)] {
        let roster = after(next);
        let known = roster.topic(&topic(0)).unwrap();
        let recall =
            known.history().messages_after(known.stamp().epoch, Some(Timetoken(1_000_000)), usize::MAX);
        assert_eq!((recall.is_complete, recall.messages.len()), (is_complete, count), "{next:?}");
    }
}
