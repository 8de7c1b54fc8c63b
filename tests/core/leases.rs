//! Leases against a naive model: whose patience ends, when, and that nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use presence_hub::core::{Leases, Mono, SessionId, Terms, TopicName};
use proptest::prelude::*;

use super::hub::{now, party, session, topic};

#[derive(Debug, Clone, Copy)]
enum Act {
    Open(u128, Option<u64>),
    Heard(u128),
    Attach(u128),
    Detach(u128),
    Enter(u128, u8, u64),
    Leave(u128, u8),
    Close(u128),
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let id = || 0..4_u128;
    prop_oneof![
        3 => (id(), prop::option::of(1..9_u64)).prop_map(|(id, timeout)| Act::Open(id, timeout)),
        2 => id().prop_map(Act::Heard),
        2 => id().prop_map(Act::Attach),
        4 => id().prop_map(Act::Detach),
        5 => (id(), 0..3_u8, 0..6_u64).prop_map(|(id, to, grace)| Act::Enter(id, to, grace)),
        3 => (id(), 0..3_u8).prop_map(|(id, from)| Act::Leave(id, from)),
        1 => id().prop_map(Act::Close),
        4 => (0..5_u64).prop_map(Act::Pass),
    ]
}

#[derive(Debug, Default)]
struct Naive {
    is_attached: bool,
    heard: u64,
    timeout: Option<u64>,
    detached: u64,
    graces: BTreeMap<u8, u64>,
    /// What has been said to have expired, until something moves it.
    said: BTreeSet<(u64, Option<u8>)>,
}

impl Naive {
    fn deadlines(&self) -> BTreeSet<(u64, Option<u8>)> {
        let silence = self.timeout.map(|timeout| (self.heard + timeout, None));
        let graces = self.graces.iter().filter(|_| !self.is_attached);
        graces.map(|(topic, grace)| (self.detached + grace, Some(*topic))).chain(silence).collect()
    }
}

#[derive(Debug, Default)]
struct All {
    now: u64,
    leases: BTreeMap<u128, Naive>,
}

impl All {
    fn act(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Open(id, timeout) => {
                let lease = self.leases.entry(id).or_default();
                (lease.is_attached, lease.heard, lease.timeout) = (true, now, timeout);
            }
            Act::Heard(id) => {
                if let Some(lease) = self.leases.get_mut(&id) {
                    lease.heard = now;
                }
            }
            Act::Attach(id) => {
                if let Some(lease) = self.leases.get_mut(&id) {
                    (lease.is_attached, lease.heard) = (true, now);
                }
            }
            Act::Detach(id) => {
                let Some(lease) = self.leases.get_mut(&id) else { return };
                if lease.graces.is_empty() {
                    self.leases.remove(&id);
                } else if lease.is_attached {
                    (lease.is_attached, lease.detached, lease.heard) = (false, now, now);
                }
            }
            Act::Enter(id, to, grace) => {
                if let Some(lease) = self.leases.get_mut(&id) {
                    lease.graces.insert(to, grace);
                    lease.said.retain(|(_, topic)| *topic != Some(to));
                }
            }
            Act::Leave(id, from) => {
                let Some(lease) = self.leases.get_mut(&id) else { return };
                let was_there = lease.graces.remove(&from).is_some();
                if was_there && !lease.is_attached && lease.graces.is_empty() {
                    self.leases.remove(&id);
                }
            }
            Act::Close(id) => drop(self.leases.remove(&id)),
            Act::Pass(millis) => self.now += millis,
        }
        for lease in self.leases.values_mut() {
            let deadlines = lease.deadlines();
            lease.said.retain(|deadline| deadlines.contains(deadline));
        }
    }

    fn next(&self) -> Option<u64> {
        let open = |lease: &Naive| lease.deadlines().difference(&lease.said).map(|(at, _)| *at).min();
        self.leases.values().filter_map(open).min()
    }

    fn expired(&mut self) -> Vec<(u128, Option<u8>)> {
        let mut due = BTreeSet::new();
        for (id, lease) in &mut self.leases {
            for (at, topic) in lease.deadlines() {
                if at <= self.now && lease.said.insert((at, topic)) {
                    due.insert((at, *id, topic));
                }
            }
        }
        due.into_iter().map(|(_, id, topic)| (id, topic)).collect()
    }
}

fn act_on(leases: &mut Leases, act: Act, at: u64) {
    match act {
        Act::Open(id, timeout) => {
            let terms = Terms { timeout: timeout.map(Duration::from_millis) };
            leases.open(session(id), party(1), terms, now(at));
        }
        Act::Heard(id) => leases.heard(session(id), now(at)),
        Act::Attach(id) => leases.attach(session(id), now(at)),
        Act::Detach(id) => leases.detach(session(id), now(at)),
        Act::Enter(id, to, grace) => leases.enter(session(id), topic(to), Duration::from_millis(grace)),
        Act::Leave(id, from) => leases.leave(session(id), &topic(from)),
        Act::Close(id) => leases.close(session(id)),
        Act::Pass(_) => {}
    }
}

fn numbered(session: SessionId, at: Option<&TopicName>) -> (u128, Option<u8>) {
    (session.0.as_u128(), at.map(|name| super::hub::number_of(name.as_str())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn patience_ends_when_it_was_promised_to(acts in prop::collection::vec(act(), 20..120)) {
        let mut leases = Leases::default();
        let mut all = All::default();
        for act in acts {
            all.act(act);
            act_on(&mut leases, act, all.now);
            assert_eq!(leases.len(), all.leases.len(), "{act:?}");
            let next = all.next().map(|at| Mono(Duration::from_millis(at)));
            assert_eq!(leases.next_deadline(), next, "{act:?}");
            if matches!(act, Act::Pass(_)) {
                let due = leases.expired(now(all.now));
                let due: Vec<_> = due.iter().map(|due| numbered(due.session, due.topic.as_ref())).collect();
                assert_eq!(due, all.expired());
            }
        }
        (0..4).for_each(|id| leases.close(session(id)));
        assert!(leases.is_empty(), "{leases:?}");
    }
}

#[test]
fn a_takeover_brings_the_new_connections_terms_and_description() {
    let mut leases = Leases::default();
    let terms = |millis| Terms { timeout: Some(Duration::from_millis(millis)) };
    leases.open(session(1), party(1), terms(1_000), now(0));
    leases.enter(session(1), topic(0), Duration::ZERO);
    let renamed = super::hostile::described(1, true);
    leases.open(session(1), renamed.clone(), terms(9_000), now(500));
    let lease = leases.get(session(1)).unwrap();
    assert_eq!((&lease.party, lease.generation, lease.membership_count()), (&renamed, 1, 1));
    assert_eq!(leases.expired(now(9_499)), []);
    assert_eq!(leases.expired(now(9_500)).len(), 1);
}

#[test]
fn a_lost_connection_moves_the_end_of_silence() {
    let mut leases = Leases::default();
    leases.open(session(1), party(1), Terms { timeout: Some(Duration::from_millis(1_000)) }, now(0));
    leases.enter(session(1), topic(0), Duration::from_millis(5_000));
    leases.detach(session(1), now(900));
    assert_eq!(leases.expired(now(1_000)), [], "it was heard of when its connection went");
    leases.close(session(1));
    assert!(leases.is_empty(), "{leases:?}");
}

#[test]
fn another_grace_replaces_the_one_before_it() {
    let mut leases = Leases::default();
    leases.open(session(1), party(1), Terms { timeout: None }, now(0));
    leases.enter(session(1), topic(0), Duration::from_millis(1_000));
    leases.detach(session(1), now(0));
    leases.enter(session(1), topic(0), Duration::from_millis(5_000));
    assert_eq!(leases.expired(now(4_999)), []);
    assert_eq!(leases.expired(now(5_000)).len(), 1);
}
