//! Records in any order, from owners that are late, wrong or lying: nothing panics, and every promise holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use presence_hub::core::{
    Cause, Change, ChangeKind, Entry, Epoch, Limits, NodeId, Occupancy, Op, Override, Party, PartyId, Record,
    Rev, Roster, Stamp, Status, Timetoken, Wall,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::hub::{Hub, content, message, now, party_id, session, topic, wall};
use super::view::{Reading, View};

const SESSIONS: u128 = 7;
const NODES: u128 = 3;

pub(crate) fn node(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

/// A party that was described in one of two ways.
pub(crate) fn described(number: u8, is_renamed: bool) -> Arc<Party> {
    let displayname = if is_renamed { "renamed" } else { "" };
    Arc::new(Party { displayname: displayname.into(), ..Party::new(party_id(number)) })
}

pub(crate) fn entry() -> impl Strategy<Value = Arc<Entry>> {
    (0..3_u8, prop::bool::weighted(0.2), 0..NODES, 0..3_u32, 0..4_u8, any::<u8>()).prop_map(
        |(of, is_renamed, on, generation, said, spelling)| {
            let (party, node, content) = (described(of, is_renamed), node(on), content(said, spelling));
            Arc::new(Entry { party, node, generation, content })
        },
    )
}

fn presence() -> impl Strategy<Value = Op> {
    let id = || (0..SESSIONS).prop_map(session);
    let cause = prop::sample::select(vec![Cause::Left, Cause::Closed, Cause::NodeLost, Cause::Kicked]);
    prop_oneof![
        6 => (id(), entry()).prop_map(|(session, entry)| Op::Enter(session, entry)),
        3 => (id(), 0..4_u8).prop_map(|(session, said)| Op::Update(session, content(said, 0))),
        2 => id().prop_map(Op::Detach),
        2 => id().prop_map(Op::Attach),
        4 => (id(), cause, any::<u64>()).prop_map(|(session, cause, heard)| Op::Leave {
            session,
            cause,
            last_heard: Wall(heard),
            by: None,
        }),
    ]
}

fn surroundings() -> impl Strategy<Value = Op> {
    let watchers = prop_oneof![3 => 0..3_u32, 1 => Just(u32::MAX)];
    let content = prop::option::of((0..4_u8).prop_map(|said| content(said, 0)));
    let until = || prop_oneof![(0..20_000_u64).prop_map(wall), any::<u64>().prop_map(Wall)];
    let by_hand = prop::option::of(prop::option::of(until()));
    prop_oneof![
        (0..3_u8, any::<u8>(), any::<bool>())
            .prop_map(|(from, text, kept)| Op::Message(message(from, text, kept))),
        (0..NODES, watchers).prop_map(|(on, watchers)| Op::Watchers(node(on), watchers)),
        (0..3_u8, content, until()).prop_map(|(of, content, until)| Op::State {
            party: described(of, false),
            content,
            until,
        }),
        (0..3_u8, by_hand).prop_map(|(of, by_hand)| {
            let by_hand = by_hand.map(|until| Override { status: Status::Away, until });
            Op::Override(party_id(of), by_hand)
        }),
    ]
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let op = prop_oneof![4 => presence(), 1 => surroundings()];
    (0..2_u8, op).prop_map(|(number, op)| Record { topic: topic(number), op })
}

/// What the roster says of itself is what its memberships say.
pub(crate) fn assert_sound(roster: &Roster) {
    let mut whereabouts: BTreeMap<PartyId, BTreeSet<_>> = BTreeMap::new();
    for (name, known) in roster.topics() {
        let mut sessions: BTreeMap<PartyId, (BTreeSet<_>, u32)> = BTreeMap::new();
        for (id, membership) in known.memberships() {
            let held = sessions.entry(membership.entry.party.id.clone()).or_default();
            held.0.insert(id);
            held.1 += u32::from(membership.is_attached);
        }
        let snapshot = known.snapshot();
        let parties: Vec<_> = snapshot.members.iter().map(|view| view.party.id.clone()).collect();
        assert_eq!(parties, sessions.keys().cloned().collect::<Vec<_>>());
        for view in &snapshot.members {
            let (held, attached) = &sessions[&view.party.id];
            let member = known.member(&view.party.id).unwrap();
            assert_eq!(view.attached, *attached);
            assert_eq!(member.sessions.len(), held.len());
            assert_eq!(&member.sessions.iter().copied().collect::<BTreeSet<_>>(), held);
            assert!(held.contains(&view.session), "the speaker is one of its sessions");
            assert_eq!(view.content, known.membership(view.session).unwrap().entry.content);
            whereabouts.entry(view.party.id.clone()).or_default().insert(name.clone());
        }
        let Occupancy { parties: counted, sessions: places, .. } = snapshot.occupancy;
        assert_eq!(counted as usize, snapshot.members.len());
        assert_eq!(places as usize, known.memberships().count());
        View::of(&snapshot, Reading::All).assert_is(&snapshot);
    }
    for of in 0..3 {
        let topics: BTreeSet<_> = roster.whereabouts(&party_id(of)).cloned().collect();
        assert_eq!(topics, whereabouts.remove(&party_id(of)).unwrap_or_default());
    }
}

/// Everybody leaves, nobody watches, what ends has ended.
fn clear(hub: &mut Hub) {
    for number in 0..2 {
        for id in 0..SESSIONS {
            let op = Op::Leave { session: session(id), cause: Cause::Left, last_heard: Wall(0), by: None };
            hub.order(&Record { topic: topic(number), op });
        }
        for on in 0..NODES {
            hub.order(&Record { topic: topic(number), op: Op::Watchers(node(on), 0) });
        }
        assert_eq!(hub.roster.snapshot(&topic(number)).digest, 0);
    }
    for of in 0..3 {
        hub.order(&Record { topic: topic(0), op: Op::Override(party_id(of), None) });
    }
    hub.roster.sweep(Wall(u64::MAX));
    assert!(hub.roster.is_empty(), "{:?}", hub.roster);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_record_at_any_time_keeps_every_promise(records in prop::collection::vec(record(), 100..300)) {
        let mut hub = Hub::new(Limits { history: 8, ..Limits::default() });
        let mut views: BTreeMap<_, View> = BTreeMap::new();
        for record in records {
            hub.millis += 1;
            let change = hub.order(&record);
            if matches!(record.op, Op::Override(..)) {
                assert_eq!(change, None);
                continue;
            }
            let empty = presence_hub::core::Snapshot::empty(record.topic.clone());
            let view = views.entry(record.topic.clone()).or_insert_with(|| View::of(&empty, Reading::All));
            if let Some(change) = change {
                view.apply(&change);
            }
            view.assert_is(&hub.roster.snapshot(&record.topic));
            assert_sound(&hub.roster);
        }
        clear(&mut hub);
    }

    #[test]
    fn a_node_that_sweeps_often_concludes_what_one_that_never_does_concludes(
        records in prop::collection::vec((record(), 0..2_000_u64), 100..200),
    ) {
        let mut hub = Hub::new(Limits::default());
        let mut other = Roster::new(Limits::default());
        for (record, millis) in records {
            hub.millis += millis;
            hub.roster.sweep(hub.now().wall);
            let watch = Record { topic: record.topic.clone(), op: Op::Watchers(node(99), 1) };
            for record in [watch, record] {
                let change = hub.order(&record);
                let stamp = hub.log.get(&record.topic).and_then(|log| log.last()).map(|folded| folded.stamp);
                assert_eq!(other.fold(stamp.unwrap(), &record), change);
            }
        }
    }

    #[test]
    fn stamps_in_any_order_do_no_harm(
        records in prop::collection::vec((record(), any::<(u64, u64, u64)>()), 50..100),
    ) {
        let mut roster = Roster::new(Limits { history: 3, ..Limits::default() });
        for (record, (epoch, rev, timetoken)) in records {
            let stamp = Stamp { epoch: Epoch(epoch), rev: Rev(rev), timetoken: Timetoken(timetoken) };
            roster.fold(stamp, &record);
            roster.sweep(now(0).wall);
            assert_sound(&roster);
        }
    }
}

fn fold(roster: &mut Roster, rev: u64, op: Op) -> Option<Arc<Change>> {
    let stamp = Stamp { epoch: Epoch(1), rev: Rev(rev), timetoken: Timetoken(wall(rev).0) };
    roster.fold(stamp, &Record { topic: topic(0), op })
}

fn enter(of: u8, generation: u32, said: u8) -> Op {
    let entry = Entry { party: described(of, false), node: node(0), generation, content: content(said, 0) };
    Op::Enter(session(1), Arc::new(entry))
}

#[test]
fn a_late_owner_and_a_wrong_party_change_nothing() {
    let mut roster = Roster::default();
    assert!(fold(&mut roster, 1, Op::Update(session(1), content(3, 0))).is_none(), "it has not entered");
    assert!(fold(&mut roster, 2, enter(1, 2, 1)).is_some());
    assert!(fold(&mut roster, 3, enter(1, 1, 3)).is_none(), "an older generation");
    assert!(fold(&mut roster, 4, enter(2, 3, 3)).is_none(), "another party");
    assert!(fold(&mut roster, 5, enter(1, 2, 1)).is_none(), "said twice");
    let view = roster.topic(&topic(0)).unwrap().view(&party_id(1)).unwrap();
    assert_eq!((view.content, view.attached), (content(1, 0), 1));
    assert_eq!(roster.snapshot(&topic(0)).occupancy.parties, 1);
}

#[test]
fn watchers_beyond_all_counting_are_as_many_as_can_be_counted() {
    let mut roster = Roster::default();
    fold(&mut roster, 1, Op::Watchers(node(0), u32::MAX));
    fold(&mut roster, 2, Op::Watchers(node(1), 5));
    assert_eq!(roster.snapshot(&topic(0)).occupancy.watchers, u32::MAX);
    let change = fold(&mut roster, 3, Op::Watchers(node(0), 0)).unwrap();
    assert_eq!(change.occupancy.watchers, 5);
    assert!(matches!(change.kind, ChangeKind::Counts));
}
