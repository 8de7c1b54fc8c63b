//! How storms and big topics are paced.

use std::collections::BTreeSet;

use presence_hub::broker::{Policy, Reply};

use super::kit::{Kit, Session, View, kit};

#[tokio::test]
async fn a_storm_of_joins_goes_out_in_few_frames() {
    let mut kit = kit(Policy::default());
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut sessions = Vec::new();
    for n in 0..500 {
        sessions.push(kit.open(&format!("p{n}")).await);
    }
    for session in &mut sessions {
        kit.enter(session, 1).await;
    }
    kit.advance(20).await;
    let view = watcher.read();
    assert_eq!(view.members.len(), 500);
    assert!(view.frames < 60, "{} items for 500 joins", view.frames);
}

/// Everybody watches, joins and asks for the roster in one breath.
async fn ask_in_a_storm(kit: &mut Kit) -> Vec<Session> {
    let mut sessions = Vec::new();
    for n in 0..30 {
        let mut session = kit.open(&format!("p{n}")).await;
        kit.watch(&mut session).await;
        kit.enter(&mut session, 1).await;
        kit.ask_roster(&mut session).await;
        sessions.push(session);
    }
    sessions
}

fn rosters(view: &View) -> Vec<Vec<String>> {
    let roster = |reply: &Reply| match reply {
        Reply::Roster(roll) => {
            Some(roll.snapshot.members.iter().map(|member| member.party.id.to_string()).collect())
        }
        _ => None,
    };
    view.replies.iter().filter_map(roster).collect()
}

#[tokio::test]
async fn a_roster_asked_for_in_a_storm_and_what_comes_after_it_name_everybody() {
    let mut kit = kit(Policy::default());
    let mut sessions = ask_in_a_storm(&mut kit).await;
    kit.watch(&mut sessions[28]).await;
    kit.advance(20).await;
    for session in &mut sessions {
        let view = session.read();
        let told = view.tape.iter().filter_map(|line| line.strip_prefix("join ")).map(str::to_owned);
        let known: BTreeSet<String> = rosters(view).concat().into_iter().chain(told).collect();
        assert_eq!((rosters(view).len(), known.len()), (1, 30), "{:?}", view.tape);
    }
}

#[tokio::test]
async fn who_asks_for_the_roster_and_leaves_before_it_is_told_has_an_answer() {
    let mut kit = kit(Policy::default());
    let mut sessions = ask_in_a_storm(&mut kit).await;
    kit.unwatch(&sessions[28]).await;
    kit.settle().await;
    let unwatched = |reply: &&Reply| matches!(reply, Reply::Unwatched(_));
    let replies = &sessions[28].read().replies;
    assert_eq!(replies.iter().filter(unwatched).count(), 2, "{replies:?}");
}

#[tokio::test]
async fn a_storm_of_flapping_leaves_only_its_net() {
    let mut kit = kit(Policy::default());
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut sessions = Vec::new();
    for n in 0..20 {
        let mut session = kit.open(&format!("p{n}")).await;
        kit.enter(&mut session, 0).await;
        sessions.push(session);
    }
    kit.settle().await;
    let before = watcher.read().tape.len();
    for value in 1..=50 {
        kit.enter(&mut sessions[3], value).await;
    }
    kit.leave(&sessions[4]).await;
    kit.enter(&mut sessions[4], 0).await;
    kit.advance(20).await;
    let sent = watcher.read().tape[before..].to_vec();
    assert!(sent.contains(&"update p3".to_owned()), "{sent:?}");
    assert!(!sent.iter().any(|line| line.starts_with("left")), "{sent:?}");
    assert_eq!(watcher.view.members["p3"], 50, "the last value arrives");
}

#[tokio::test]
async fn above_announce_max_presence_comes_once_an_interval_with_the_counts() {
    let policy = Policy { announce_max: 5, ..Policy::default() };
    let mut kit = kit(policy);
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut sessions = Vec::new();
    for n in 0..8 {
        let mut session = kit.open(&format!("p{n}")).await;
        kit.enter(&mut session, 1).await;
        sessions.push(session);
    }
    kit.advance(500).await;
    let seen = watcher.read().members.len();
    assert!(seen < 8, "the mode holds them back");
    kit.advance(500).await;
    assert_eq!(watcher.read().members.len(), 8);
    assert_eq!(watcher.view.tape.last().unwrap(), "counts 8");

    let mut newcomer = kit.open("newcomer").await;
    kit.enter(&mut sessions[0], 2).await;
    kit.watch(&mut newcomer).await;
    kit.advance(25).await;
    assert_eq!(newcomer.read().members.len(), 8, "a snapshot does not wait for the interval");
}
