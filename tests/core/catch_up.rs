//! Those who were briefly away: everything since, or a gap exactly when something is no longer known.

use std::sync::Arc;
use std::time::Duration;

use presence_hub::core::{
    CatchUp, Change, ChangeKind, Command, Epoch, Limits, Message, Op, Record, Rev, Stamp, Timetoken,
    TopicName,
};

use super::hub::{Folded, Hub, content, message, topic};
use super::view::{Reading, View};

fn is_kept(change: &Change) -> bool {
    match &change.kind {
        ChangeKind::Joined(_) | ChangeKind::Updated(_) | ChangeKind::Left { .. } | ChangeKind::State(..) => {
            true
        }
        ChangeKind::Message(message) => message.is_kept,
        ChangeKind::Sessions(_) | ChangeKind::Counts => false,
    }
}

/// How many bytes a change counts for: what is said, and who says it.
fn weight(change: &Change) -> usize {
    let (party, said) = match &change.kind {
        ChangeKind::Joined(member) | ChangeKind::Updated(member) | ChangeKind::Left { member, .. } => {
            (&member.party, member.content.bytes.len())
        }
        ChangeKind::Message(message) => (&message.from, message.name.len() + message.body.len()),
        ChangeKind::State(party, content) => (party, content.as_ref().map_or(0, |said| said.bytes.len())),
        ChangeKind::Sessions(_) | ChangeKind::Counts => return 0,
    };
    // Parties here have nothing but their ids.
    party.id.as_str().len() + said
}

/// What somebody should be given who has seen everything up to a place, as far as `life` knows.
fn expected(life: &[Folded], limits: Limits, is_seen: impl Fn(Stamp) -> bool) -> CatchUp {
    let unseen = life.iter().rev().take_while(|folded| !is_seen(folded.stamp));
    let kept = unseen.filter_map(|folded| folded.change.clone()).filter(|change| is_kept(change));
    let mut missed: Vec<Arc<Change>> = kept.take(limits.history + 1).collect();
    missed.reverse();
    let bytes: usize = missed.iter().map(|change| weight(change)).sum();
    let is_cut = missed.len() > limits.history || bytes > limits.history_bytes;
    let born = life[0].stamp;
    let before =
        Stamp { rev: Rev(born.rev.0 - 1), timetoken: Timetoken(born.timetoken.0 - 1), epoch: born.epoch };
    let is_unknown = before.rev > Rev(0) && !is_seen(before);
    if is_cut || is_unknown { CatchUp::Gap } else { CatchUp::Changes(missed) }
}

/// Asks a topic's history from every recent rev and instant, and from the beginning.
pub(crate) fn assert_history(hub: &Hub, name: &TopicName) {
    let Some(known) = hub.roster.topic(name) else { return };
    let (history, limits) = (known.history(), hub.roster.limits());
    let log = &hub.log[name];
    let life = &log[hub.lives[name]..];
    let epoch = known.stamp().epoch;
    let newest = &log[log.len() - 1].snapshot;
    assert!(history.len() <= limits.history && history.bytes() <= limits.history_bytes);
    for folded in &log[log.len().saturating_sub(12)..] {
        let at = folded.stamp;
        if at.epoch == epoch {
            let since = history.since(epoch, epoch, at.rev);
            assert_eq!(since, expected(life, limits, |other| other.rev <= at.rev), "since {}", at.rev);
            if let CatchUp::Changes(changes) = since {
                let mut view = View::of(&folded.snapshot, Reading::Net);
                changes.iter().for_each(|change| view.apply(change));
                view.assert_says(newest);
            }
        }
        let after = history.after(at.timetoken);
        let is_seen = |other: Stamp| other.timetoken <= at.timetoken;
        assert_eq!(after, expected(life, limits, is_seen), "after {}", at.timetoken);
    }
    let all = expected(life, limits, |_| false);
    assert_eq!(history.since(epoch, epoch, Rev(0)), all);
    assert_eq!(history.after(Timetoken(0)), all);
    assert_eq!(history.since(epoch, Epoch(epoch.0 + 1), Rev(0)), CatchUp::Gap, "of another epoch");
}

fn revs(caught_up: &CatchUp) -> Vec<(u64, u64)> {
    let CatchUp::Changes(changes) = caught_up else { panic!("a gap") };
    changes.iter().map(|change| (change.stamp.epoch.0, change.stamp.rev.0)).collect()
}

fn say(hub: &mut Hub, text: u8) {
    let said = Command::Publish(topic(0), message(0, text, true));
    assert_eq!(hub.submit(&said).changes().len(), 1);
}

fn small() -> Limits {
    let retention = Duration::from_secs(5);
    Limits { history: 3, retention, ..Limits::default() }
}

#[test]
fn a_gap_begins_exactly_where_something_was_dropped() {
    let mut hub = Hub::new(small());
    (0..5).for_each(|text| say(&mut hub, text));
    let known = hub.roster.topic(&topic(0)).unwrap();
    let since = |rev| known.history().since(Epoch(1), Epoch(1), Rev(rev));
    assert_eq!(since(1), CatchUp::Gap);
    assert_eq!(revs(&since(2)), [(1, 3), (1, 4), (1, 5)]);
    assert_eq!(revs(&since(5)), []);
    let second = known.history().after(Timetoken(hub.log[&topic(0)][1].stamp.timetoken.0 - 1));
    assert_eq!(second, CatchUp::Gap);
}

/// A message of `party-0` is twelve bytes here.
#[test]
fn a_gap_begins_exactly_where_something_was_dropped_for_its_bytes() {
    let mut hub = Hub::new(Limits { history_bytes: 25, ..Limits::default() });
    (0..3).for_each(|text| say(&mut hub, text));
    let since = |hub: &Hub, rev| {
        let history = hub.roster.topic(&topic(0)).unwrap().history();
        (history.since(Epoch(1), Epoch(1), Rev(rev)), history.bytes())
    };
    assert_eq!(since(&hub, 0), (CatchUp::Gap, 24));
    assert_eq!(revs(&since(&hub, 1).0), [(1, 2), (1, 3)]);
    let mut large = Message::clone(&message(0, 0, true));
    large.body = "x".repeat(100).into();
    hub.submit(&Command::Publish(topic(0), Arc::new(large)));
    assert_eq!(since(&hub, 3), (CatchUp::Gap, 0), "what is too large alone is not kept");
    assert_eq!(revs(&since(&hub, 4).0), []);
    say(&mut hub, 5);
    assert_eq!(revs(&since(&hub, 4).0), [(1, 5)]);
}

#[test]
fn a_topic_that_was_forgotten_in_the_middle_of_its_numbering_says_so() {
    let mut hub = Hub::new(small());
    (0..2).for_each(|text| say(&mut hub, text));
    hub.pass(10_000);
    hub.roster.sweep(hub.now().wall);
    assert!(hub.roster.is_empty());
    say(&mut hub, 2);
    let known = hub.roster.topic(&topic(0)).unwrap();
    assert_eq!(known.history().since(Epoch(1), Epoch(1), Rev(1)), CatchUp::Gap);
    assert_eq!(revs(&known.history().since(Epoch(1), Epoch(1), Rev(2))), [(1, 3)]);
    assert_eq!(known.history().after(hub.log[&topic(0)][0].stamp.timetoken), CatchUp::Gap);
}

#[test]
fn what_is_kept_of_an_older_epoch_is_not_given_for_a_newer_one() {
    let mut hub = Hub::new(small());
    (0..3).for_each(|text| say(&mut hub, text));
    let stamp =
        Stamp { epoch: Epoch(2), rev: Rev(1), timetoken: Timetoken(hub.stamp(&topic(1)).timetoken.0 + 1) };
    let op = Op::Message(message(0, 9, true));
    hub.roster.fold(stamp, &Record { topic: topic(0), op });
    let known = hub.roster.topic(&topic(0)).unwrap();
    assert_eq!(revs(&known.history().since(Epoch(2), Epoch(2), Rev(0))), [(2, 1)]);
    assert_eq!(known.history().since(Epoch(2), Epoch(1), Rev(3)), CatchUp::Gap);
    assert_eq!(known.history().len(), 3);
}

#[test]
fn what_was_missed_brings_an_old_roster_up_to_date() {
    let mut hub = Hub::new(small());
    hub.open(1, 1, None);
    hub.enter(1, 0, Some(content(1, 0)), 0).changes();
    let was = hub.roster.snapshot(&topic(0));
    hub.enter(1, 0, Some(content(2, 0)), 0).changes();
    hub.open(2, 2, None);
    hub.enter(2, 0, None, 0).changes();
    hub.leave(1, 0);
    let known = hub.roster.topic(&topic(0)).unwrap();
    let CatchUp::Changes(changes) = known.history().since(was.stamp.epoch, was.stamp.epoch, was.stamp.rev)
    else {
        panic!("a gap");
    };
    let mut view = View::of(&was, Reading::Net);
    changes.iter().for_each(|change| view.apply(change));
    view.assert_says(&hub.roster.snapshot(&topic(0)));
}
