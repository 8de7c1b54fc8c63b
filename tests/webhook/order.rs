//! Whatever happens and however often posts fail, each topic is told in order: against a naive model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use presence_hub::core::SessionId;
use presence_hub::webhook::{Batch, Endpoint};
use proptest::prelude::*;
use serde_json::Value;

use super::kit::{Kit, hub, kit, name, pusher, tape};
use super::receiver::{Got, Mode};

#[derive(Debug, Clone)]
enum Act {
    Enter(usize, usize, u128),
    Leave(usize, usize),
    Watch(usize, usize),
    Unwatch(usize, usize),
    /// The connection goes, and another session of the party comes.
    Refresh(usize),
    Advance(u64),
}

const SESSIONS: usize = 4;
const TOPICS: [&str; 3] = ["presence-a", "presence-b", "presence-c"];

fn act() -> impl Strategy<Value = Act> {
    let place = (0..SESSIONS, 0..TOPICS.len());
    prop_oneof![
        4 => (place.clone(), 0_u128..3).prop_map(|((who, topic), value)| Act::Enter(who, topic, value)),
        3 => place.clone().prop_map(|(who, topic)| Act::Leave(who, topic)),
        2 => place.clone().prop_map(|(who, topic)| Act::Watch(who, topic)),
        2 => place.prop_map(|(who, topic)| Act::Unwatch(who, topic)),
        1 => (0..SESSIONS).prop_map(Act::Refresh),
        2 => prop_oneof![Just(100_u64), Just(1_500), Just(4_000)].prop_map(Act::Advance),
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::Take), 2 => Just(Mode::Fail(500)), 1 => Just(Mode::Redirect)]
}

/// What a receiver that believes everything makes of what it is told: who is in which topic, and which are occupied. It does not
/// believe what cannot be.
#[derive(Debug, Default)]
struct Model {
    members: BTreeMap<String, BTreeSet<String>>,
    occupied: BTreeSet<String>,
}

impl Model {
    fn fold(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let (topic, party) = (words[1].to_owned(), words.get(2).map(ToString::to_string));
        let members = self.members.entry(topic.clone()).or_default();
        match words[0] {
            "occupied" | "channel_occupied" => assert!(self.occupied.insert(topic), "{line} twice"),
            "vacated" | "channel_vacated" => {
                assert!(self.occupied.remove(&topic), "{line} twice");
                assert!(members.is_empty(), "{line}, but {members:?} are in it");
            }
            what => {
                assert!(self.occupied.contains(&topic), "{line} in a topic that is not occupied");
                match what {
                    "joined" | "member_added" => assert!(members.insert(party.unwrap()), "{line} twice"),
                    "left" | "member_removed" => assert!(members.remove(&party.unwrap()), "{line} twice"),
                    _ => assert!(members.contains(&party.unwrap()), "{line}: not here"),
                }
            }
        }
    }
}

/// The events that were taken, in the order in which they came.
fn events(got: &[Got]) -> Vec<Value> {
    let taken = got.iter().filter(|got| got.is_taken);
    taken.flat_map(|got| got.json()["events"].as_array().unwrap().clone()).collect()
}

async fn act_out(kit: &mut Kit, sessions: &mut [SessionId], act: &Act) {
    match *act {
        Act::Enter(who, topic, value) => kit.enter(sessions[who], TOPICS[topic], value).await,
        Act::Leave(who, topic) => kit.leave(sessions[who], TOPICS[topic]).await,
        Act::Watch(who, topic) => kit.watch(sessions[who], TOPICS[topic]).await,
        Act::Unwatch(who, topic) => kit.unwatch(sessions[who], TOPICS[topic]).await,
        Act::Refresh(who) => {
            kit.handle.detach(sessions[who]).await;
            sessions[who] = kit.open(&format!("p{}", who / 2)).await;
        }
        Act::Advance(millis) => kit.advance(Duration::from_millis(millis)).await,
    }
}

async fn in_order(acts: &[Act], modes: &[Mode], window: u64) {
    let mut kit = kit();
    // The clock leaps: nothing may come twice because its answer was late, nor be given up.
    kit.settings.timeout = Duration::from_hours(24 * 365);
    kit.settings.retry_for = Duration::from_hours(24 * 365);
    let (ours, theirs) = (kit.receiver().await, kit.receiver().await);
    let batch = Batch { window: Duration::from_millis(window), hooks: 4 };
    let mut of_pusher = pusher(&theirs);
    of_pusher.wants.retain(|what| *what != presence_hub::webhook::What::Counts);
    let endpoints = vec![Endpoint { batch, ..hub(&ours) }, Endpoint { batch, ..of_pusher }];
    let post = kit.post(endpoints).await;
    ours.script(modes);
    theirs.script(modes);
    let mut sessions = Vec::new();
    for n in 0..SESSIONS {
        sessions.push(kit.open(&format!("p{}", n / 2)).await);
    }
    for act in acts {
        act_out(&mut kit, &mut sessions, act).await;
    }
    // Until nothing waits any more, held or failed.
    for _ in 0..3 {
        kit.recount().await;
        kit.seconds(5).await;
    }
    loop {
        let states = post.hooks.states().await;
        if states.iter().all(|state| state.waiting == 0) {
            break;
        }
        kit.seconds(60).await;
        tokio::task::yield_now().await;
    }
    for receiver in [&ours, &theirs] {
        makes_the_roster(&kit, &events(&receiver.got())).await;
    }
    is_whole(&events(&ours.got()));
}

/// What was told makes what is.
async fn makes_the_roster(kit: &Kit, told: &[Value]) {
    let mut model = Model::default();
    for line in tape(told) {
        model.fold(&line);
    }
    for topic in TOPICS {
        let roll = kit.handle.snapshot(name(topic)).await.unwrap();
        let truth = roll.snapshot.members.iter().map(|member| member.party.id.to_string()).collect();
        assert_eq!(model.members.remove(topic).unwrap_or_default(), truth, "{topic}");
        let occupancy = roll.snapshot.occupancy;
        assert_eq!(model.occupied.contains(topic), occupancy.sessions + occupancy.watchers > 0, "{topic}");
    }
}

/// In the hub's own format numbers say that nothing is missing, doubled or out of place.
fn is_whole(told: &[Value]) {
    let seq = |event: &Value| event["seq"].as_u64().unwrap();
    let rev = |event: &Value| (event["epoch"].as_str().unwrap().to_owned(), event["rev"].as_u64().unwrap());
    for topic in TOPICS {
        let of_topic = || told.iter().filter(|event| event["topic"] == topic);
        assert!(of_topic().map(seq).is_sorted_by(|a, b| a < b), "{topic} is told in order, each once");
        assert!(of_topic().map(rev).is_sorted(), "{topic} is told in the order of its revs");
    }
    let mut seqs: Vec<_> = told.iter().map(seq).collect();
    seqs.sort_unstable();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "nothing is missing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_topic_is_told_in_order(
        acts in prop::collection::vec(act(), 1..60),
        modes in prop::collection::vec(mode(), 0..30),
        window in prop_oneof![Just(0_u64), Just(50)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(in_order(&acts, &modes, window));
    }
}
