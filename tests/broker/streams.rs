//! What viewers are sent of who comes and goes.

use std::time::Duration;

use presence_hub::broker::{Bounds, Notice, Policy, Reply};
use presence_hub::core::{Roster, TopicName};
use proptest::prelude::*;

use super::kit::{Kit, Session, kit, kit_on};
use super::late::Late;

#[tokio::test]
async fn ten_tabs_are_one_join_and_one_leave() {
    let mut kit = kit(Policy::default());
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut tabs = Vec::new();
    for _ in 0..10 {
        let mut tab = kit.open("alice").await;
        kit.enter(&mut tab, 7).await;
        tabs.push(tab);
    }
    kit.advance(3_000).await;
    assert_eq!(watcher.read().tape, ["snapshot", "join alice", "tabs alice"]);
    assert_eq!(watcher.view.tabs["alice"], 10);
    for tab in tabs {
        kit.handle.detach(tab.id).await;
    }
    kit.advance(14_999).await;
    watcher.read();
    assert_eq!(watcher.view.members.len(), 1, "{:?}", watcher.view.tape);
    kit.advance(1).await;
    assert_eq!(watcher.read().tape.last().unwrap(), "closed alice");
    assert_eq!(kit.truth().await.len(), 0);
}

#[tokio::test]
async fn a_refresh_within_the_grace_is_not_seen() {
    let mut kit = kit(Policy::default());
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut page = kit.open("alice").await;
    kit.enter(&mut page, 7).await;
    kit.settle().await;
    let before = watcher.read().tape.len();
    for _ in 0..20 {
        kit.handle.detach(page.id).await;
        kit.advance(700).await;
        page = kit.open("alice").await;
        kit.enter(&mut page, 7).await;
    }
    kit.advance(60_000).await;
    assert_eq!(watcher.read().tape[before..], [] as [&str; 0]);
    assert_eq!(kit.truth().await.len(), 1);
}

#[tokio::test]
async fn only_the_author_gets_its_echo() {
    let mut kit = kit(Policy::default());
    let (mut alice, mut bob) = (kit.open("alice").await, kit.open("bob").await);
    kit.watch(&mut alice).await;
    kit.watch(&mut bob).await;
    kit.enter_with(&mut alice, 1, Some("one")).await;
    kit.enter_with(&mut alice, 2, Some("two")).await;
    kit.settle().await;
    assert_eq!(alice.read().echoes, ["join one", "update two"]);
    assert_eq!(bob.read().echoes, [] as [&str; 0]);
    assert_eq!(bob.view.tape, ["snapshot", "join alice", "update alice"]);
}

#[tokio::test]
async fn a_directed_message_reaches_its_receivers_and_its_author() {
    let mut kit = kit(Policy::default());
    let mut sessions = Vec::new();
    for party in ["alice", "bob", "carol", "carol"] {
        let mut session = kit.open(party).await;
        kit.watch(&mut session).await;
        sessions.push(session);
    }
    let alice = &mut sessions[0];
    kit.say(alice, "psst", Some(&["carol"]), Some("x")).await;
    kit.settle().await;
    let said =
        |session: &mut Session| session.read().tape.iter().filter(|line| line.starts_with("say")).count();
    assert_eq!(sessions.iter_mut().map(said).collect::<Vec<_>>(), [1, 0, 1, 1]);
    assert_eq!(sessions[0].view.echoes, ["say x"]);
}

#[tokio::test]
async fn who_is_removed_sees_it_and_is_put_out() {
    let mut kit = kit(Policy::default());
    let (mut bob, mut watcher) = (kit.open("bob").await, kit.open("watcher").await);
    kit.watch(&mut bob).await;
    kit.watch(&mut watcher).await;
    kit.enter(&mut bob, 1).await;
    kit.remove("bob").await;
    kit.settle().await;
    assert_eq!(watcher.read().tape, ["snapshot", "join bob", "kicked bob"]);
    assert_eq!(bob.read().tape, ["snapshot", "join bob", "kicked bob"]);
    assert_eq!(bob.view.notices, [Notice::Removed(kit.topic.clone())]);
    kit.enter(&mut watcher, 5).await;
    kit.settle().await;
    assert_eq!(bob.read().tape.len(), 3, "it watches no more");
    kit.advance(20_000).await;
    assert_eq!(watcher.read().tape.len(), 4, "and leaves only once");
}

#[tokio::test]
async fn who_says_two_things_is_heard_in_that_order_also_if_one_is_directed() {
    let mut kit = kit(Policy::default());
    let (mut alice, mut bob) = (kit.open("alice").await, kit.open("bob").await);
    kit.watch(&mut alice).await;
    kit.watch(&mut bob).await;
    kit.settle().await;
    alice.read();
    bob.read();
    let receivers = Some(["bob"]);
    kit.say(&mut alice, "first", receivers.as_ref().map(|names| &names[..]), Some("first")).await;
    kit.say(&mut alice, "second", None, Some("second")).await;
    kit.say(&mut alice, "third", receivers.as_ref().map(|names| &names[..]), Some("third")).await;
    kit.settle().await;
    assert_eq!(alice.read().echoes, ["say first", "say second", "say third"]);
    // A directed message has no place in the stream, so bob's frames show their order by that.
    assert_eq!(bob.read().links, [false, true, false]);
}

#[tokio::test]
async fn a_topic_that_was_watched_for_a_moment_leaves_nothing_behind() {
    let mut kit = kit(Policy::default());
    let mut watcher = kit.open("watcher").await;
    for _ in 0..3 {
        kit.watch(&mut watcher).await;
        kit.unwatch(&watcher).await;
    }
    kit.handle.detach(watcher.id).await;
    for _ in 0..5 {
        kit.advance(30_000).await;
    }
    let is_empty = kit.handle.read(|roster, leases, _| roster.is_empty() && leases.is_empty()).await.unwrap();
    assert!(is_empty);
}

#[tokio::test]
async fn what_nobody_needs_is_forgotten_even_if_the_walls_clock_was_set_back() {
    let mut kit = kit(Policy::default());
    let mut alice = kit.open("alice").await;
    kit.enter(&mut alice, 1).await;
    kit.advance(1_000).await;
    let before = kit.handle.read(|roster, _, _| roster.newest()).await.unwrap();
    kit.hand.set_back(Duration::from_secs(3_600));
    for n in 0..200 {
        kit.topic = TopicName::new(&format!("topic-{n}")).unwrap();
        kit.enter(&mut alice, 1).await;
        kit.leave(&alice).await;
        kit.advance(1_000).await;
    }
    let look = |roster: &Roster| (roster.topics().count(), roster.newest());
    let (topics, after) = kit.handle.read(move |roster, _, _| look(roster)).await.unwrap();
    assert!((55..65).contains(&topics), "{topics} of the last minute are known");
    let passed = Duration::from_nanos(100 * (after.0 - before.0));
    assert!((199..=201).contains(&passed.as_secs()), "{passed:?}: the time of records goes on");
}

#[tokio::test]
async fn the_numbers_of_sessions_in_a_snapshot_are_those_that_viewers_know() {
    let mut kit = kit(Policy::default());
    let (mut first, mut second) = (kit.open("mia").await, kit.open("mia").await);
    let (mut early, mut late) = (kit.open("early").await, kit.open("late").await);
    kit.watch(&mut early).await;
    kit.enter(&mut first, 1).await;
    kit.enter(&mut second, 1).await;
    kit.advance(3_000).await;
    kit.handle.detach(second.id).await;
    kit.settle().await;
    kit.watch(&mut late).await;
    second = kit.open("mia").await;
    kit.enter(&mut second, 1).await;
    kit.advance(20_000).await;
    assert_eq!((early.read().tabs["mia"], late.read().tabs["mia"]), (2, 2));
}

#[tokio::test]
async fn every_request_is_answered_in_order() {
    let mut kit = kit(Policy::default());
    let mut alice = kit.open("alice").await;
    kit.enter(&mut alice, 1).await;
    kit.enter(&mut alice, 1).await;
    kit.enter(&mut alice, 2).await;
    kit.settle().await;
    let replies = &alice.read().replies;
    assert!(
        matches!(
            replies[..],
            [Reply::Done { is_change: true, .. }, Reply::Unchanged, Reply::Done { is_change: true, .. }]
        ),
        "{replies:?}"
    );
}

#[derive(Debug, Clone)]
enum Act {
    Enter(usize, u128),
    Leave(usize),
    Say(usize),
    Type(usize),
    Whisper(usize, usize),
    Remove(usize),
    Watch(usize),
    Unwatch(usize),
    Resume(usize),
    Read(usize),
    Refresh(usize),
    Advance(u64),
}

fn act(sessions: usize) -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..sessions, 0..4_u128).prop_map(|(who, value)| Act::Enter(who, value)),
        3 => (0..sessions).prop_map(Act::Leave),
        2 => (0..sessions).prop_map(Act::Say),
        2 => (0..sessions).prop_map(Act::Type),
        1 => (0..sessions, 0..sessions).prop_map(|(who, to)| Act::Whisper(who, to)),
        1 => (0..sessions).prop_map(Act::Remove),
        1 => (0..sessions).prop_map(Act::Unwatch),
        3 => (0..sessions).prop_map(Act::Watch),
        2 => (0..sessions).prop_map(Act::Resume),
        3 => (0..sessions).prop_map(Act::Read),
        1 => (0..sessions).prop_map(Act::Refresh),
        3 => (0..25_u64).prop_map(Act::Advance),
    ]
}

const SESSIONS: usize = 12;
const SMALL: Bounds = Bounds { bytes: 400, frames: 8 };

/// Whatever happens, at whatever pace it goes out, each viewer's frames chain without a gap to the roster itself.
async fn chains_hold(acts: Vec<Act>, mut kit: Kit) {
    let mut sessions = Vec::new();
    for n in 0..SESSIONS {
        // Every third is slow to read, and its outbox is small.
        let bounds = if n % 3 == 0 { SMALL } else { Bounds::default() };
        sessions.push(kit.open_bounded(&format!("p{}", n / 2), bounds).await);
    }
    for act in acts {
        match act {
            Act::Enter(who, value) => kit.enter(&mut sessions[who], value).await,
            Act::Leave(who) => kit.leave(&sessions[who]).await,
            Act::Say(who) => kit.say(&mut sessions[who], "hi", None, None).await,
            Act::Type(who) => kit.type_in(&mut sessions[who]).await,
            Act::Whisper(who, to) => {
                let to = format!("p{}", to / 2);
                kit.say(&mut sessions[who], "psst", Some(&[&to]), None).await;
            }
            Act::Remove(who) => {
                kit.remove(&format!("p{}", who / 2)).await;
                kit.settle().await;
                for session in &mut sessions {
                    if session.read().notices.pop().is_some() {
                        session.view.tape.clear();
                    }
                }
            }
            Act::Unwatch(who) => {
                kit.unwatch(&sessions[who]).await;
                kit.settle().await;
                sessions[who].read().tape.clear();
            }
            Act::Watch(who) => kit.watch(&mut sessions[who]).await,
            Act::Resume(who) => {
                kit.settle().await;
                let from = sessions[who].read().clone();
                kit.handle.detach(sessions[who].id).await;
                sessions[who] = kit.open(&format!("p{}", who / 2)).await;
                kit.resume(&mut sessions[who], &from).await;
            }
            Act::Read(who) => {
                sessions[who].read();
            }
            Act::Refresh(who) => {
                kit.handle.detach(sessions[who].id).await;
                sessions[who] = kit.open(&format!("p{}", who / 2)).await;
            }
            Act::Advance(millis) => kit.advance(millis).await,
        }
    }
    all_agree(&mut kit, &mut sessions).await;
}

/// Once everybody has read everything, every viewer has the roster, and hears at once what is said, in passing too.
async fn all_agree(kit: &mut Kit, sessions: &mut [Session]) {
    for _ in 0..60 {
        kit.advance(25).await;
        for session in &mut *sessions {
            session.read();
        }
    }
    let truth = kit.truth().await;
    let heard: Vec<_> = sessions.iter_mut().map(|session| session.read().tape.len()).collect();
    let mut speaker = kit.open("speaker").await;
    kit.type_in(&mut speaker).await;
    kit.say(&mut speaker, "hi", None, None).await;
    kit.settle().await;
    for (session, heard) in sessions.iter_mut().zip(heard).filter(|(_, heard)| *heard > 0) {
        session.read();
        let news = session.view.tape[heard..].iter().filter(|line| *line == "say speaker");
        assert_eq!(news.count(), 2, "{:?}", session.view.tape);
        assert_eq!(session.view.members, truth, "{:?}", session.view.tape);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_viewer_folds_to_the_roster(
        acts in prop::collection::vec(act(SESSIONS), 1..150),
        announce_max in prop_oneof![Just(2_000), Just(3)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let policy = Policy { announce_max, ..Policy::default() };
            chains_hold(acts.clone(), kit(policy)).await;
            chains_hold(acts, kit_on(policy, |memory| Box::new(Late::new(memory)))).await;
        });
    }
}
