//! The net of a run of changes: the same as all of them, with at most one for each party.

use std::collections::BTreeSet;
use std::sync::Arc;

use presence_hub::core::{Cause, Change, ChangeKind, Command, Limits, Net};
use proptest::prelude::*;

use super::hub::{Folded, Hub, content, party, session, topic};
use super::view::{Reading, View};

/// For every topic, and from each moment to the next: the net brings a viewer from one roster to the other.
pub(crate) fn assert_net(hub: &Hub, moments: &[prop::sample::Index]) {
    for log in hub.log.values() {
        for pair in moments.windows(2) {
            let (one, two) = (pair[0].index(log.len()), pair[1].index(log.len()));
            assert_run(&log[one.min(two)..=one.max(two)]);
        }
        assert_run(log);
    }
}

/// The first of the run is where the viewer starts.
fn assert_run(run: &[Folded]) {
    let (first, last) = (&run[0].snapshot, &run[run.len() - 1].snapshot);
    let mut view = View::of(first, Reading::Net);
    let mut net = Net::default();
    for change in run[1..].iter().filter_map(|folded| folded.change.as_ref()) {
        let is_presence = !matches!(change.kind, ChangeKind::Message(_) | ChangeKind::Counts);
        assert_eq!(net.push(change), is_presence, "{change:?}");
    }
    let held = net.len();
    let changes = net.take();
    assert_eq!(changes.len(), held);
    assert!(net.is_empty() && net.take().is_empty(), "it was taken");
    assert!(changes.is_sorted_by_key(|change| change.stamp.rev));
    assert_parties(&changes, &view, last);

    let mut other = view.clone();
    changes.iter().for_each(|change| view.apply(change));
    view.assert_members_are(last);
    if !changes.is_empty() {
        assert_eq!(view.occupancy, last.occupancy, "the net has the counts after all");
    }
    let is_plain = |change: &&Arc<Change>| !matches!(change.kind, ChangeKind::Sessions(_));
    changes.iter().filter(is_plain).for_each(|change| other.apply(change));
    other.assert_says(last);
}

fn assert_parties(changes: &[Arc<Change>], view: &View, last: &presence_hub::core::Snapshot) {
    let mut parties = BTreeSet::new();
    for change in changes.iter().filter(|change| !matches!(change.kind, ChangeKind::State(..))) {
        let id = change.party().unwrap();
        assert!(parties.insert(id.clone()), "{id} has two net changes");
        let is_member = last.members.iter().any(|member| member.party.id == *id);
        assert!(is_member || view.members.contains_key(id), "{id} came and went: {change:?}");
    }
    let states = changes.iter().filter(|change| matches!(change.kind, ChangeKind::State(..)));
    let states: Vec<_> = states.map(|change| change.party().unwrap().clone()).collect();
    assert_eq!(states.iter().collect::<BTreeSet<_>>().len(), states.len(), "{states:?}");
    for id in states {
        assert!(!last.members.iter().any(|member| member.party.id == id), "{id} is not absent");
    }
}

fn net_of(changes: &[Arc<Change>]) -> Vec<Arc<Change>> {
    let mut net = Net::default();
    for change in changes {
        assert!(net.push(change));
    }
    net.take()
}

fn hub() -> Hub {
    let mut hub = Hub::new(Limits::default());
    for (id, of) in [(1, 1), (2, 2), (3, 1)] {
        hub.open(id, of, None);
    }
    hub
}

#[test]
fn who_came_and_went_leaves_no_trace() {
    let mut hub = hub();
    let mut changes = hub.enter(1, 0, Some(content(1, 0)), 0).changes();
    changes.extend(hub.enter(2, 0, Some(content(1, 0)), 0).changes());
    changes.extend(hub.enter(2, 0, Some(content(2, 0)), 0).changes());
    changes.extend(hub.leave(2, 0));
    let net = net_of(&changes);
    assert_eq!(net.len(), 1);
    assert!(matches!(&net[0].kind, ChangeKind::Joined(_)));
    assert_eq!(net[0].occupancy.parties, 1);
}

#[test]
fn who_went_and_came_back_was_updated() {
    let mut hub = hub();
    hub.enter(1, 0, Some(content(1, 0)), 0).changes();
    let mut changes = hub.leave(1, 0);
    changes.extend(hub.enter(1, 0, Some(content(2, 0)), 0).changes());
    let net = net_of(&changes);
    assert_eq!(net.len(), 1);
    assert!(matches!(&net[0].kind, ChangeKind::Updated(member) if member.content == content(2, 0)));
    assert_eq!(net[0].edge, None, "the topic was occupied before, and is");
}

#[test]
fn an_update_is_not_lost_behind_a_second_session() {
    let mut hub = hub();
    hub.enter(1, 0, Some(content(1, 0)), 0).changes();
    let mut changes = hub.enter(1, 0, Some(content(2, 0)), 0).changes();
    changes.extend(hub.enter(3, 0, None, 0).changes());
    assert!(matches!(changes[1].kind, ChangeKind::Sessions(_)));
    let net = net_of(&changes);
    assert_eq!(net.len(), 1);
    assert!(matches!(&net[0].kind, ChangeKind::Updated(member) if member.attached == 2));
}

#[test]
fn sessions_that_came_and_went_stay_a_change_of_sessions() {
    let mut hub = hub();
    hub.enter(1, 0, Some(content(1, 0)), 0).changes();
    let mut changes = hub.enter(3, 0, None, 0).changes();
    changes.extend(hub.leave(3, 0));
    let net = net_of(&changes);
    assert_eq!(net.len(), 1);
    assert!(matches!(&net[0].kind, ChangeKind::Sessions(member) if member.attached == 1));
}

#[test]
fn the_state_of_an_absent_party_hides_neither_its_join_nor_its_leave() {
    let mut hub = hub();
    let lasts = std::time::Duration::from_secs(60);
    let state = |number| Command::SetState {
        party: party(1),
        topic: topic(0),
        content: Some(content(number, 0)),
        lasts,
    };
    let mut changes = hub.submit(&state(3)).changes();
    changes.extend(hub.enter(1, 0, None, 0).changes());
    let net = net_of(&changes);
    assert!(matches!(&net[..], [join] if matches!(&join.kind, ChangeKind::Joined(_))), "{net:?}");

    let end = Command::End(session(1), Cause::Left);
    let mut changes = hub.submit(&end).changes();
    changes.extend(hub.submit(&state(2)).changes());
    let net = net_of(&changes);
    assert_eq!(net.len(), 2);
    assert!(matches!(&net[0].kind, ChangeKind::Left { .. }), "{net:?}");
    assert!(matches!(&net[1].kind, ChangeKind::State(..)), "{net:?}");
}
