//! The rules that people notice, one scene each.

use std::sync::Arc;
use std::time::Duration;

use presence_hub::core::{
    Cause, Change, ChangeKind, Command, Decision, Edge, Limits, Now, Occupancy, Override, Refusal, Status,
    decide,
};

use super::hub::{Hub, NODE, content, facts, millis_of, party, party_id, session, topic, wall};

fn hub() -> Hub {
    Hub::new(Limits::default())
}

fn only(changes: Vec<Arc<Change>>) -> Option<Arc<Change>> {
    assert!(changes.len() <= 1, "{changes:?}");
    changes.into_iter().next()
}

fn shown(hub: &Hub) -> Option<u128> {
    let view = hub.roster.topic(&topic(0))?.view(&party_id(1))?;
    Some(view.content.fingerprint.0)
}

#[test]
fn ten_tabs_and_a_phone_are_one_join_and_one_leave() {
    let mut hub = hub();
    let mut told = Vec::new();
    for id in 1..=11 {
        told.extend(hub.open(id, 1, None));
        told.extend(hub.enter(id, 0, Some(content(3, 0)), 3_000).changes());
    }
    assert_eq!(hub.roster.snapshot(&topic(0)).occupancy, Occupancy { parties: 1, sessions: 11, watchers: 0 });
    for id in 1..=11 {
        told.extend(hub.detach(id));
        told.extend(hub.pass(100));
    }
    told.extend(hub.pass(10_000));
    let kinds = |is_it: fn(&ChangeKind) -> bool| told.iter().filter(|change| is_it(&change.kind)).count();
    assert_eq!(kinds(|kind| matches!(kind, ChangeKind::Joined(_))), 1);
    assert_eq!(kinds(|kind| matches!(kind, ChangeKind::Updated(_))), 0);
    assert_eq!(kinds(|kind| matches!(kind, ChangeKind::Left { .. })), 1);
    assert!(matches!(told[0].kind, ChangeKind::Joined(_)));
    let ChangeKind::Left { cause, last_heard, .. } = &told[told.len() - 1].kind else { panic!("{told:?}") };
    assert_eq!((*cause, millis_of(*last_heard)), (Cause::Closed, 1_000));
    assert_eq!(told[told.len() - 1].edge, Some(Edge::Vacated));
    assert!(hub.leases.is_empty());
}

#[test]
fn a_refresh_within_the_grace_is_nothing_but_a_number_of_sessions() {
    let mut hub = hub();
    hub.open(1, 1, None);
    hub.enter(1, 0, Some(content(3, 0)), 15_000).changes();
    for page in 2..20 {
        let mut told = hub.detach(page - 1);
        told.extend(hub.pass(700));
        told.extend(hub.open(page, 1, None));
        told.extend(hub.enter(page, 0, Some(content(3, 1)), 15_000).changes());
        let is_quiet =
            |change: &Arc<Change>| matches!(change.kind, ChangeKind::Sessions(_) | ChangeKind::Counts);
        assert!(told.iter().all(is_quiet), "{told:?}");
    }
    let told = hub.pass(60_000);
    assert!(told.iter().all(|change| change.kind == ChangeKind::Counts), "{told:?}");
    let snapshot = hub.roster.snapshot(&topic(0));
    assert_eq!(snapshot.occupancy, Occupancy { parties: 1, sessions: 1, watchers: 0 });
    assert_eq!(snapshot.members[0].attached, 1);
}

#[test]
fn a_session_that_ends_within_its_grace_is_counted_out_aloud() {
    let mut hub = hub();
    for id in [1, 2] {
        hub.open(id, 1, None);
        hub.enter(id, 0, Some(content(3, 0)), 3_000).changes();
    }
    hub.detach(1);
    let told = only(hub.pass(3_000)).unwrap();
    assert_eq!(told.kind, ChangeKind::Counts);
    assert_eq!(told.occupancy.sessions, 1);
}

#[test]
fn an_equal_value_changes_nothing_whatever_the_order_of_its_keys() {
    let mut hub = hub();
    hub.open(1, 1, None);
    hub.enter(1, 0, Some(content(3, 0)), 0).changes();
    let before = hub.roster.snapshot(&topic(0));
    for spelling in 0..3 {
        assert_eq!(only(hub.enter(1, 0, Some(content(3, spelling)), 0).changes()), None);
    }
    assert_eq!(hub.roster.snapshot(&topic(0)), before, "not even a record");
    let told = only(hub.enter(1, 0, Some(content(1, 0)), 0).changes()).unwrap();
    assert!(matches!(&told.kind, ChangeKind::Updated(member) if member.content == content(1, 2)), "{told:?}");
}

#[test]
fn the_session_that_spoke_last_is_shown_and_then_the_one_before_it() {
    let mut hub = hub();
    for (id, said) in [(1, 1), (2, 2), (3, 3)] {
        hub.open(id, 1, None);
        hub.enter(id, 0, Some(content(said, 0)), 5_000).changes();
    }
    assert_eq!(shown(&hub), Some(3));
    hub.enter(1, 0, Some(content(5, 0)), 0).changes();
    assert_eq!(shown(&hub), Some(5));
    hub.detach(1);
    assert_eq!(shown(&hub), Some(5), "a session within its grace still speaks");
    hub.leave(1, 0);
    assert_eq!(shown(&hub), Some(3));
    hub.leave(2, 0);
    assert_eq!(shown(&hub), Some(3));
    let told = only(hub.leave(3, 0)).unwrap();
    assert!(matches!(&told.kind, ChangeKind::Left { member, .. } if member.content == content(3, 0)));
}

#[test]
fn each_leave_says_why_and_when_something_was_last_heard() {
    let by = Some(party(9));
    let remove = |cause| Command::Remove { party: party_id(1), topic: topic(0), cause, by: by.clone() };
    let leave = |cause| Command::Leave { session: session(1), topic: topic(0), cause };
    for (command, cause, who) in [
        (leave(Cause::Left), Cause::Left, None),
        (Command::End(session(1), Cause::Replaced), Cause::Replaced, None),
        (Command::End(session(1), Cause::Policy), Cause::Policy, None),
        (leave(Cause::NodeLost), Cause::NodeLost, None),
        (remove(Cause::Kicked), Cause::Kicked, by.clone()),
        (remove(Cause::Banned), Cause::Banned, by.clone()),
    ] {
        let mut hub = hub();
        hub.open(1, 1, Some(60_000));
        hub.enter(1, 0, None, 0).changes();
        hub.pass(1_000);
        hub.leases.heard(session(1), hub.now());
        hub.pass(500);
        let told = only(hub.submit(&command).changes()).unwrap();
        let ChangeKind::Left { cause: said, last_heard, by, .. } = &told.kind else { panic!("{told:?}") };
        assert_eq!((*said, millis_of(*last_heard), by), (cause, 1_000, &who));
        assert!(!hub.leases.get(session(1)).is_some_and(|lease| lease.is_member(&topic(0))));
    }
}

#[test]
fn silence_ends_a_session_and_a_lost_connection_does_after_its_grace() {
    let mut hub = hub();
    hub.open(1, 1, Some(4_000));
    hub.open(2, 2, None);
    for id in [1, 2] {
        hub.enter(id, 0, None, 3_000).changes();
    }
    hub.pass(1_500);
    hub.detach(2);
    let told = only(hub.pass(2_500)).unwrap();
    let ChangeKind::Left { cause, last_heard, .. } = &told.kind else { panic!("{told:?}") };
    assert_eq!((*cause, millis_of(*last_heard)), (Cause::TimedOut, 0));
    let told = only(hub.pass(500)).unwrap();
    let ChangeKind::Left { cause, last_heard, .. } = &told.kind else { panic!("{told:?}") };
    assert_eq!((*cause, millis_of(*last_heard)), (Cause::Closed, 1_500));
    assert!(hub.leases.is_empty());
}

#[test]
fn the_state_of_an_absent_party_waits_for_it_and_then_ends() {
    let mut hub = hub();
    let lasts = Duration::from_secs(10);
    let state = |said: u8| Command::SetState {
        party: party(1),
        topic: topic(0),
        content: Some(content(said, 0)),
        lasts,
    };
    assert!(only(hub.submit(&state(3)).changes()).is_some());
    assert!(only(hub.submit(&state(3)).changes()).is_none(), "the same state");
    hub.open(1, 1, None);
    hub.enter(1, 0, None, 0).changes();
    assert_eq!(shown(&hub), Some(3));
    assert!(only(hub.submit(&state(5)).changes()).is_none(), "it is not absent");
    hub.leave(1, 0);
    assert!(only(hub.submit(&state(3)).changes()).is_some(), "its state went with it");
    hub.pass(10_000);
    assert!(only(hub.submit(&state(3)).changes()).is_some(), "the old one has ended, swept or not");
    hub.pass(10_000);
    hub.enter(1, 0, None, 0).changes();
    assert_eq!(shown(&hub), Some(0));
}

#[test]
fn states_and_overrides_that_have_ended_are_forgotten_even_where_somebody_watches() {
    let mut hub = hub();
    hub.submit(&Command::Watchers(topic(0), 1)).changes();
    for number in 0..50 {
        let (content, lasts) = (Some(content(3, 0)), Duration::from_secs(1));
        let state = Command::SetState { party: party(number), topic: topic(0), content, lasts };
        hub.submit(&state).changes();
        let until = Some(wall(1_000));
        let by_hand = Some(Override { status: Status::Away, until });
        hub.submit(&Command::SetOverride(party_id(number), by_hand)).changes();
    }
    let before = format!("{:?}", hub.roster);
    assert!(before.contains("party-49"));
    hub.pass(1_000);
    hub.roster.sweep(hub.now().wall);
    let after =
        format!("{:?}", hub.roster.topic(&topic(0)).map(|known| known.absent_state(&party_id(0), wall(0))));
    assert_eq!(after, "Some(None)");
    hub.submit(&Command::Watchers(topic(0), 0)).changes();
    hub.pass(70_000);
    hub.roster.sweep(hub.now().wall);
    assert!(hub.roster.is_empty(), "{:?}", hub.roster);
}

#[test]
fn only_so_many_states_of_absent_parties_are_kept() {
    let mut hub = Hub::new(Limits { absent_states: Some(2), ..Limits::default() });
    let state = |who, of, content| {
        let lasts = Duration::from_secs(10);
        Command::SetState { party: party(who), topic: topic(of), content, lasts }
    };
    let set = |who, of| state(who, of, Some(content(3, 0)));
    let is_full = |hub: &Hub| {
        let decided = decide(&hub.roster, &hub.leases, NODE, hub.now(), &set(9, 0));
        decided == Decision::Refused(Refusal::StatesFull)
    };
    hub.submit(&set(1, 0)).changes();
    assert!(!is_full(&hub));
    hub.submit(&set(1, 1)).changes();
    assert!(is_full(&hub));
    assert!(only(hub.submit(&state(1, 1, Some(content(5, 0)))).changes()).is_some(), "it has its place");
    hub.submit(&state(1, 1, None)).changes();
    assert!(!is_full(&hub), "it was cleared");
    hub.submit(&set(2, 1)).changes();
    hub.open(1, 1, None);
    hub.enter(1, 0, None, 0).changes();
    assert!(!is_full(&hub), "a join took it");
    hub.submit(&set(1, 0)).changes();
    hub.submit(&set(3, 1)).changes();
    assert!(is_full(&hub));
    hub.pass(10_000);
    hub.roster.sweep(hub.now().wall);
    assert!(!is_full(&hub), "they have ended");
}

#[test]
fn a_state_that_was_set_again_is_kept_as_long_as_it_was_said_last() {
    let mut hub = hub();
    for seconds in [1, 10] {
        let (content, lasts) = (Some(content(3, 0)), Duration::from_secs(seconds));
        hub.submit(&Command::SetState { party: party(1), topic: topic(0), content, lasts }).changes();
    }
    hub.pass(5_000);
    hub.roster.sweep(hub.now().wall);
    assert!(hub.roster.topic(&topic(0)).unwrap().absent_state(&party_id(1), hub.now().wall).is_some());
    hub.pass(70_000);
    hub.roster.sweep(hub.now().wall);
    assert!(hub.roster.is_empty());
}

#[test]
fn a_status_is_composed_of_all_sessions_in_all_topics() {
    let mut hub = hub();
    let status = |hub: &Hub| hub.roster.status(&party_id(1), hub.now().wall);
    assert!(facts(1).in_media && facts(2).idle);
    assert_eq!(status(&hub), Status::Unavailable);
    for (id, said, expected) in [(1, 2, Status::Away), (2, 3, Status::Available), (3, 1, Status::Busy)] {
        hub.open(id, 1, None);
        hub.enter(id, u8::try_from(id).unwrap() % 3, Some(content(said, 0)), 0).changes();
        assert_eq!(status(&hub), expected);
    }
    let by_hand = Some(Override { status: Status::DoNotDisturb, until: Some(wall(1_000)) });
    hub.submit(&Command::SetOverride(party_id(1), by_hand)).changes();
    assert_eq!(status(&hub), Status::DoNotDisturb);
    hub.pass(1_000);
    assert_eq!(status(&hub), Status::Busy);
}

#[test]
fn a_session_without_words_shows_those_of_another_but_is_in_no_media_session_by_them() {
    let mut hub = hub();
    let status = |hub: &Hub| hub.roster.status(&party_id(1), hub.now().wall);
    let in_media = |hub: &Hub| {
        let view = hub.roster.topic(&topic(0)).and_then(|known| known.view(&party_id(1)));
        view.map(|view| view.content.facts.in_media)
    };
    for id in 1..=3 {
        hub.open(id, 1, None);
    }
    hub.enter(2, 0, None, 0).changes();
    for (said, expected) in [(1, Status::Busy), (2, Status::Available), (1, Status::Busy)] {
        hub.enter(1, 0, Some(content(said, 0)), 0).changes();
        hub.enter(2, 0, None, 0).changes();
        enter_as(&mut hub, 3);
        assert_eq!((status(&hub), in_media(&hub)), (expected, Some(said == 1)));
    }
    hub.leave(1, 0);
    assert_eq!(shown(&hub), Some(1), "what was said last stays");
    assert_eq!((status(&hub), in_media(&hub)), (Status::Available, Some(false)));
    hub.leave(2, 0);
    assert_eq!((status(&hub), in_media(&hub)), (Status::Available, Some(false)));
}

/// A session enters that shows what others have said of its party.
fn enter_as(hub: &mut Hub, id: u128) {
    let (session, topic, party) = (session(id), topic(0), party(1));
    let (content, grace) = (content(3, 0), Duration::ZERO);
    hub.submit(&Command::EnterAs { session, topic, party, content, grace, most: None }).changes();
}

#[test]
fn a_full_topic_refuses_parties_but_not_their_further_sessions() {
    let mut hub = Hub::new(Limits { members: Some(1), ..Limits::default() });
    for (id, of) in [(1, 1), (2, 1), (3, 2)] {
        hub.open(id, of, None);
    }
    hub.enter(1, 0, None, 0).changes();
    hub.enter(2, 0, None, 0).changes();
    let enter =
        |id| Command::Enter { session: session(id), topic: topic(0), content: None, grace: Duration::ZERO };
    let decided = |hub: &Hub, command| decide(&hub.roster, &hub.leases, NODE, Now::default(), &command);
    assert_eq!(decided(&hub, enter(3)), Decision::Refused(Refusal::TopicFull));
    assert_eq!(decided(&hub, enter(4)), Decision::Refused(Refusal::UnknownSession));
    hub.leave(1, 0);
    hub.leave(2, 0);
    assert!(only(hub.enter(3, 0, None, 0).changes()).is_some());
}
