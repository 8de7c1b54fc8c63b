//! A node that lost touch: its roster becomes the engine's rows, and its viewers are told the net of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use presence_hub::core::{
    CatchUp, Change, ChangeKind, Edge, Entry, Epoch, Limits, NodeId, Op, Record, Rev, Roster, SessionId,
    Stamp, Timetoken, Wall,
};
use proptest::prelude::*;

use super::hostile::{assert_sound, described, entry, node, record};
use super::hub::{Hub, content, message, party_id, session, topic, wall};
use super::view::{Reading, View};

type Rows = Vec<(SessionId, Arc<Entry>)>;

/// The memberships in a form that can be compared: by session.
fn held(roster: &Roster) -> BTreeMap<SessionId, Entry> {
    let known = roster.topic(&topic(0));
    let memberships = known.into_iter().flat_map(|known| known.memberships());
    memberships.map(|(id, membership)| (id, Entry::clone(&membership.entry))).collect()
}

fn later(hub: &mut Hub, by: u64) -> Stamp {
    let stamps: Vec<Stamp> = (0..by).map(|_| hub.stamp(&topic(0))).collect();
    stamps[stamps.len() - 1]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_roster_becomes_the_rows(
        records in prop::collection::vec(record(), 0..60),
        rows in prop::collection::btree_map((0..10_u128).prop_map(session), entry(), 0..8),
        lost in 1_u64..5,
    ) {
        let mut hub = Hub::new(Limits::default());
        records.iter().for_each(|record| drop(hub.order(record)));
        let before = hub.roster.snapshot(&topic(0));
        let rows: Rows = rows.into_iter().collect();
        let stamp = later(&mut hub, lost);
        let changes = hub.roster.reconcile(stamp, &topic(0), &rows, wall(7));

        assert_eq!(held(&hub.roster), rows.iter().map(|(id, row)| (*id, Entry::clone(row))).collect());
        assert_sound(&hub.roster);
        let after = hub.roster.snapshot(&topic(0));
        let mut view = View::of(&before, Reading::Net);
        changes.iter().for_each(|change| view.apply(change));
        view.assert_is(&after);
        assert_one_each(&changes);
        if hub.roster.topic(&topic(0)).is_some() {
            assert_eq!(after.stamp, stamp, "the numbering is the engine's");
            let known = hub.roster.topic(&topic(0)).unwrap();
            assert_eq!(known.history().since(stamp.epoch, stamp.epoch, stamp.rev), CatchUp::Changes(Vec::new()));
        }
        let again = hub.roster.reconcile(stamp, &topic(0), &rows, wall(7));
        assert_eq!(again, [], "the same rows say nothing new");
    }

    #[test]
    fn two_nodes_with_other_pasts_become_the_same(
        one in prop::collection::vec(record(), 0..40),
        two in prop::collection::vec(record(), 0..40),
        rows in prop::collection::vec(((0..7_u128).prop_map(session), entry()), 0..8),
        later in prop::collection::vec(record(), 0..40),
    ) {
        let stamp = |rev: u64| Stamp { epoch: Epoch(9), rev: Rev(rev), timetoken: Timetoken(wall(rev).0) };
        let mut nodes = [one, two].map(|records| {
            let mut hub = Hub::new(Limits::default());
            records.iter().for_each(|record| drop(hub.order(record)));
            hub.roster.reconcile(stamp(1), &topic(0), &rows, wall(0));
            hub.roster
        });
        let says = |roster: &Roster| {
            let members = roster.snapshot(&topic(0)).members.into_iter();
            members.map(|view| (view.party, view.session, view.content, view.attached)).collect::<Vec<_>>()
        };
        assert_eq!(says(&nodes[0]), says(&nodes[1]));
        let is_presence = |record: &&Record| {
            record.topic == topic(0) && !matches!(record.op, Op::State { .. } | Op::Watchers(..))
        };
        for (rev, record) in (2..).zip(later.iter().filter(is_presence)) {
            nodes.iter_mut().for_each(|roster| drop(roster.fold(stamp(rev), record)));
            assert_eq!(says(&nodes[0]), says(&nodes[1]), "after {record:?}");
        }
    }
}

/// Joined, updated or left: once for each party, and never an empty update.
fn assert_one_each(changes: &[Arc<Change>]) {
    let parties: Vec<_> = changes.iter().filter_map(|change| change.party()).collect();
    let mut once = parties.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), parties.len(), "{changes:?}");
    for change in changes {
        if let ChangeKind::Left { cause, last_heard, .. } = &change.kind {
            assert_eq!((cause.as_str(), *last_heard), ("node_lost", wall(7)));
        }
    }
    let edges: Vec<Edge> = changes.iter().filter_map(|change| change.edge).collect();
    assert!(edges.len() <= 1, "{edges:?}");
}

fn row(of: u8, generation: u32, said: u8) -> Arc<Entry> {
    let (party, node, content) = (described(of, false), NodeId(node(1).0), content(said, 0));
    Arc::new(Entry { party, node, generation, content })
}

#[test]
fn rows_that_say_what_is_known_change_nothing_whoever_spoke_last() {
    let mut hub = Hub::new(Limits::default());
    for (id, said) in [(2, 1), (1, 2)] {
        hub.order(&Record { topic: topic(0), op: Op::Enter(session(id), row(1, 0, said)) });
    }
    let rows: Rows = vec![(session(2), row(1, 0, 1)), (session(1), row(1, 0, 2))];
    let stamp = hub.stamp(&topic(0));
    assert_eq!(hub.roster.reconcile(stamp, &topic(0), &rows, Wall(0)), []);
}

#[test]
fn a_new_epoch_is_taken_over_even_if_nobody_is_there() {
    let mut hub = Hub::new(Limits::default());
    hub.order(&Record { topic: topic(0), op: Op::Watchers(node(1), 1) });
    hub.order(&Record { topic: topic(0), op: Op::Message(message(1, 1, true)) });
    let stamp = Stamp { epoch: Epoch(7), rev: Rev(1), timetoken: hub.stamp(&topic(1)).timetoken };
    assert_eq!(hub.roster.reconcile(stamp, &topic(0), &[], Wall(0)), []);
    let known = hub.roster.topic(&topic(0)).unwrap();
    assert_eq!(known.stamp(), stamp);
    assert_eq!(known.occupancy().watchers, 1);
}

#[test]
fn what_was_missed_while_out_of_touch_is_a_gap_in_the_history() {
    let mut hub = Hub::new(Limits::default());
    hub.order(&Record { topic: topic(0), op: Op::Enter(session(1), row(1, 0, 1)) });
    let before = hub.roster.topic(&topic(0)).unwrap().stamp();
    let stamp = later(&mut hub, 5);
    let changes = hub.roster.reconcile(stamp, &topic(0), &[(session(1), row(1, 0, 2))], Wall(0));
    assert_eq!(changes.len(), 1);
    let history = hub.roster.topic(&topic(0)).unwrap().history();
    for rev in before.rev.0..stamp.rev.0 {
        assert_eq!(history.since(stamp.epoch, stamp.epoch, Rev(rev)), CatchUp::Gap, "since {rev}");
    }
    assert_eq!(history.after(before.timetoken), CatchUp::Gap);
}

#[test]
fn a_session_that_became_another_partys_is_its() {
    let mut hub = Hub::new(Limits::default());
    hub.order(&Record { topic: topic(0), op: Op::Enter(session(1), row(1, 5, 1)) });
    let stamp = hub.stamp(&topic(0));
    let changes = hub.roster.reconcile(stamp, &topic(0), &[(session(1), row(2, 0, 1))], Wall(0));
    let kinds: Vec<_> = changes.iter().map(|change| change.party().cloned().unwrap()).collect();
    assert_eq!(kinds, [party_id(1), party_id(2)]);
    assert!(
        matches!(changes[0].kind, ChangeKind::Left { .. })
            && matches!(changes[1].kind, ChangeKind::Joined(_))
    );
}

#[test]
fn a_topic_that_was_lost_is_vacated_once() {
    let mut hub = Hub::new(Limits::default());
    for id in 1..4 {
        let of = u8::try_from(id).unwrap();
        hub.order(&Record { topic: topic(0), op: Op::Enter(session(id), row(of, 0, 1)) });
    }
    let stamp = hub.stamp(&topic(0));
    let changes = hub.roster.reconcile(stamp, &topic(0), &[], Wall(0));
    let edges: Vec<_> = changes.iter().map(|change| change.edge).collect();
    assert_eq!(edges, [None, None, Some(Edge::Vacated)]);
    hub.roster.sweep(Wall(u64::MAX));
    assert!(hub.roster.is_empty());
}
