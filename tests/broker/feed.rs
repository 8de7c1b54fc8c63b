//! What a follower of an app's changes is told, against the roster.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use presence_hub::broker::{Feed, FeedRoom, Policy, Told};
use presence_hub::core::{Change, ChangeKind, Edge, Occupancy, Stamp, TopicName};
use proptest::prelude::*;

use super::kit::{Kit, Session, kit, kit_on};
use super::late::Late;

/// Room for so many changes, whatever they say.
fn room(changes: usize) -> FeedRoom {
    FeedRoom { changes, bytes: usize::MAX }
}

/// What a follower knows of a topic, and what it noticed on the way.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Known {
    members: BTreeMap<String, u128>,
    is_occupied: bool,
    occupancy: Occupancy,
    stamp: Stamp,
}

/// A follower that folds what it is told, and does not believe what cannot be.
struct Mirror {
    feed: Feed,
    topics: BTreeMap<TopicName, Known>,
    /// Every change by itself, as topic and rev.
    tape: Vec<(String, u64)>,
    changes_missed: u64,
    messages_missed: u64,
    is_behind: bool,
}

impl Mirror {
    async fn new(kit: &Kit, bound: usize) -> Self {
        let feed = kit.handle.follow(room(bound)).await;
        Self {
            feed,
            topics: BTreeMap::new(),
            tape: Vec::new(),
            changes_missed: 0,
            messages_missed: 0,
            is_behind: false,
        }
    }

    /// Takes what waits, if anything does.
    async fn read(&mut self) {
        self.is_behind = false;
        let Ok(told) = tokio::time::timeout(std::time::Duration::ZERO, self.feed.take()).await else {
            return;
        };
        for told in told.expect("the broker lives") {
            match told {
                Told::Change(change) => {
                    assert!(!self.is_behind, "nothing comes by itself after it was held back");
                    self.tape.push((change.topic.to_string(), change.stamp.rev.0));
                    let before = self.fold(&change);
                    assert!(before < change.stamp, "{change:?} comes late");
                    self.edge(&change.topic, change.edge);
                }
                Told::Behind { changes, messages } => {
                    self.changes_missed += changes;
                    self.messages_missed += messages;
                    self.is_behind = true;
                }
                Told::Net(missed) => {
                    assert!(self.is_behind, "a net is announced");
                    let before =
                        self.topics.get(&missed.last.topic).map_or(Stamp::default(), |known| known.stamp);
                    for change in &missed.changes {
                        self.fold(change);
                        assert!(before < change.stamp && change.stamp <= missed.last.stamp, "{missed:?}");
                    }
                    let known = self.topics.entry(missed.last.topic.clone()).or_default();
                    known.stamp = missed.last.stamp;
                    known.occupancy = missed.last.occupancy;
                    self.edge(&missed.last.topic, missed.edge);
                }
            }
        }
    }

    fn fold(&mut self, change: &Change) -> Stamp {
        let known = self.topics.entry(change.topic.clone()).or_default();
        let party = change.party().map(ToString::to_string).unwrap_or_default();
        match &change.kind {
            ChangeKind::Joined(member) => {
                let before = known.members.insert(party, member.content.fingerprint.0);
                assert_eq!(before, None, "{change:?}: it was here already");
            }
            ChangeKind::Updated(member) | ChangeKind::Sessions(member) => {
                let before = known.members.insert(party, member.content.fingerprint.0);
                assert!(before.is_some(), "{change:?}: it was not here");
            }
            ChangeKind::Left { .. } => {
                assert!(known.members.remove(&party).is_some(), "{change:?}: it was not here");
            }
            ChangeKind::Message(_) | ChangeKind::State(..) | ChangeKind::Counts => {}
        }
        known.occupancy = change.occupancy;
        std::mem::replace(&mut known.stamp, change.stamp)
    }

    fn edge(&mut self, topic: &TopicName, edge: Option<Edge>) {
        let known = self.topics.entry(topic.clone()).or_default();
        if let Some(edge) = edge {
            assert_eq!(known.is_occupied, edge == Edge::Vacated, "{topic}: {edge:?} twice");
            known.is_occupied = edge == Edge::Occupied;
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Topic(usize),
    Enter(usize, u128),
    Leave(usize),
    Say(usize),
    Watch(usize),
    Unwatch(usize),
    Refresh(usize),
    Read,
    Advance(u64),
}

const SESSIONS: usize = 5;
const TOPICS: [&str; 3] = ["lobby", "room", "hall"];

fn act() -> impl Strategy<Value = Act> {
    let who = 0..SESSIONS;
    prop_oneof![
        2 => (0..TOPICS.len()).prop_map(Act::Topic),
        4 => (who.clone(), 0_u128..3).prop_map(|(who, value)| Act::Enter(who, value)),
        3 => who.clone().prop_map(Act::Leave),
        1 => who.clone().prop_map(Act::Say),
        2 => who.clone().prop_map(Act::Watch),
        2 => who.clone().prop_map(Act::Unwatch),
        1 => who.prop_map(Act::Refresh),
        1 => Just(Act::Read),
        1 => prop_oneof![Just(25_u64), Just(16_000)].prop_map(Act::Advance),
    ]
}

async fn act_out(kit: &mut Kit, sessions: &mut [Session], mirror: &mut Mirror, act: &Act) {
    match *act {
        Act::Topic(place) => kit.topic = TopicName::new(TOPICS[place]).unwrap(),
        Act::Enter(who, value) => kit.enter(&mut sessions[who], value).await,
        Act::Leave(who) => kit.leave(&sessions[who]).await,
        Act::Say(who) => kit.say(&mut sessions[who], "hi", None, None).await,
        Act::Watch(who) => kit.watch(&mut sessions[who]).await,
        Act::Unwatch(who) => kit.unwatch(&sessions[who]).await,
        Act::Refresh(who) => {
            kit.handle.detach(sessions[who].id).await;
            sessions[who] = kit.open(&format!("p{}", who / 2)).await;
        }
        Act::Read => {
            kit.settle().await;
            mirror.read().await;
        }
        Act::Advance(millis) => kit.advance(millis).await,
    }
}

/// Whatever happens and however seldom the follower reads, it ends with what the roster has.
async fn follows(acts: &[Act], mut kit: Kit, bound: usize) {
    let mut mirror = Mirror::new(&kit, bound).await;
    let mut all = Mirror::new(&kit, 100_000).await;
    let mut sessions = Vec::new();
    for n in 0..SESSIONS {
        sessions.push(kit.open(&format!("p{}", n / 2)).await);
    }
    for act in acts {
        act_out(&mut kit, &mut sessions, &mut mirror, act).await;
    }
    kit.advance(25).await;
    mirror.read().await;
    all.read().await;
    assert_eq!((all.changes_missed, all.messages_missed), (0, 0));
    let told = (mirror.tape.len() as u64) + mirror.changes_missed + mirror.messages_missed;
    assert_eq!(told, all.tape.len() as u64, "each change was told or is accounted for");
    let tape: BTreeSet<_> = mirror.tape.iter().collect();
    assert!(tape.iter().all(|told| all.tape.contains(told)), "nothing is invented");
    for name in TOPICS.map(|name| TopicName::new(name).unwrap()) {
        kit.topic = name.clone();
        let truth = kit.truth().await;
        let roll = kit.handle.snapshot(name.clone()).await.unwrap();
        let is_occupied = roll.snapshot.occupancy.sessions + roll.snapshot.occupancy.watchers > 0;
        for follower in [&mirror, &all] {
            let known = follower.topics.get(&name).cloned().unwrap_or_default();
            assert_eq!((&known.members, known.is_occupied), (&truth, is_occupied), "{name}");
            assert_eq!(known.occupancy, roll.snapshot.occupancy, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_follower_ends_with_the_roster(acts in prop::collection::vec(act(), 1..120), bound in 1_usize..12) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            follows(&acts, kit(Policy::default()), bound).await;
            follows(&acts, kit_on(Policy::default(), |memory| Box::new(Late::new(memory))), bound).await;
        });
    }
}

#[tokio::test]
async fn a_change_says_who_why_and_what_became_of_the_topic() {
    let mut kit = kit(Policy::default());
    let mut feed = kit.handle.follow(room(100)).await;
    let mut alice = kit.open("alice").await;
    kit.enter(&mut alice, 1).await;
    kit.leave(&alice).await;
    kit.settle().await;
    let told = feed.take().await.unwrap();
    let [Told::Change(joined), Told::Change(left)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((joined.edge, left.edge), (Some(Edge::Occupied), Some(Edge::Vacated)));
    assert_eq!((joined.occupancy.parties, left.occupancy.parties), (1, 0));
    assert_eq!((joined.author(), left.author()), (Some(alice.id), Some(alice.id)));
    let ChangeKind::Left { cause, .. } = &left.kind else { panic!("{left:?}") };
    assert_eq!(cause.as_str(), "left");
    assert_eq!((joined.stamp.rev.0, left.stamp.rev.0), (1, 2));
}

#[tokio::test]
async fn what_came_and_went_unread_leaves_only_its_number() {
    let mut kit = kit(Policy::default());
    let mut feed = kit.handle.follow(room(1)).await;
    let (mut alice, mut bob) = (kit.open("alice").await, kit.open("bob").await);
    kit.enter(&mut alice, 1).await;
    for _ in 0..10 {
        kit.topic = TopicName::new("other").unwrap();
        kit.enter(&mut bob, 1).await;
        kit.leave(&bob).await;
    }
    kit.settle().await;
    let told = feed.take().await.unwrap();
    assert!(
        matches!(told.as_slice(), [Told::Change(_), Told::Behind { changes: 20, messages: 0 }]),
        "{told:?}"
    );
}

#[tokio::test]
async fn messages_wait_as_long_as_there_is_room_for_their_bytes_and_whoever_asks_is_promised_half_of_it() {
    let mut kit = kit(Policy::default());
    let mut feed = kit.handle.follow(FeedRoom { changes: 1000, bytes: 10 * 1024 }).await;
    let backlog = feed.backlog();
    let is_room = || backlog.room_for(1000).now_or_never().is_some();
    let mut alice = kit.open("alice").await;
    let text = "x".repeat(1000);
    for said in 1..=10 {
        // Each is known by about 512 bytes more than it says.
        assert_eq!(is_room(), said <= 3, "{said} are to come");
        kit.say(&mut alice, &text, None, None).await;
        kit.settle().await;
    }
    let told = feed.take().await.unwrap();
    let Some((Told::Behind { changes: 0, messages: 4 }, before)) = told.split_last() else {
        panic!("{told:?}")
    };
    assert!(before.len() == 6 && before.iter().all(|told| matches!(told, Told::Change(_))));
    let promises: Vec<_> = (0..5).map_while(|_| backlog.room_for(1000).now_or_never()).collect();
    assert_eq!(promises.len(), 3, "what is promised is taken");
    drop(promises);
    assert!(is_room());
    kit.say(&mut alice, &"x".repeat(20_000), None, None).await;
    kit.settle().await;
    assert!(matches!(feed.take().await.as_deref(), Some([Told::Change(_)])), "one always has room");
    let waiting = backlog.room_for(6000);
    let first = backlog.room_for(1).await;
    let mut waiting = std::pin::pin!(waiting);
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(first);
    drop(waiting.await);
    kit.say(&mut alice, &text, None, None).await;
    kit.settle().await;
    drop(feed);
    backlog.room_for(6000).await;
}

#[tokio::test]
async fn a_feed_ends_with_the_broker_and_a_broker_forgets_who_left() {
    let mut kit = kit(Policy::default());
    drop(kit.handle.follow(room(1)).await);
    let mut feed = kit.handle.follow(room(10)).await;
    let mut alice = kit.open("alice").await;
    kit.enter(&mut alice, 1).await;
    kit.settle().await;
    drop(kit);
    assert_eq!(feed.take().await.map(|told| told.len()), Some(1));
    assert_eq!(feed.take().await, None);
}
