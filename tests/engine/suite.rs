//! The cases. Each takes the maker of an engine and knows nothing of which one it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use presence_hub::core::{
    Cause, Content, Entry, Fingerprint, Mono, NodeId, Now, Op, Party, PartyId, Record, Refusal, SessionId,
    Timetoken, TopicName, Wall,
};
use presence_hub::engine::{AppSlot, Arrival, Engine, Ordered, Rows, Submission, Ticket};
use uuid::Uuid;

use super::Make;

pub(crate) const RETENTION: Duration = Duration::from_secs(60);
const START: u64 = 17_672_256_000_000_000;
const APP: AppSlot = AppSlot(0);

pub(crate) fn now(seconds: u64) -> Now {
    let wall = Wall(START + seconds * Wall::TICKS_PER_SECOND);
    Now { mono: Mono(Duration::from_secs(seconds)), wall }
}

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

fn entry(party: &str, generation: u32, value: u128) -> Arc<Entry> {
    let party = Arc::new(Party::new(PartyId::new(party).unwrap()));
    let content = Content { fingerprint: Fingerprint(value), ..Content::default() };
    Arc::new(Entry { party, node: NodeId(Uuid::from_u128(1)), generation, content })
}

pub(crate) fn enter(name: &str, n: u128, party: &str, generation: u32) -> Record {
    Record { topic: topic(name), op: Op::Enter(session(n), entry(party, generation, 0)) }
}

fn leave(name: &str, n: u128) -> Record {
    let op = Op::Leave { session: session(n), cause: Cause::Left, last_heard: Wall(0), by: None };
    Record { topic: topic(name), op }
}

fn update(name: &str, n: u128, value: u128) -> Record {
    let content = Content { fingerprint: Fingerprint(value), ..Content::default() };
    Record { topic: topic(name), op: Op::Update(session(n), content) }
}

/// Everything that arrives until the engine has nothing more to say.
pub(crate) fn arrivals(engine: &mut Box<dyn Engine>) -> Vec<Arrival> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut arrived = Vec::new();
    let mut silent = 0;
    while silent < 3 {
        match engine.poll(&mut cx) {
            Poll::Ready(arrival) => {
                arrived.push(arrival);
                silent = 0;
            }
            Poll::Pending => silent += 1,
        }
    }
    arrived
}

fn submit(engine: &mut Box<dyn Engine>, seconds: u64, app: AppSlot, records: Vec<Record>) -> Vec<Arrival> {
    engine.submit(now(seconds), Submission { app, ticket: Ticket(7), records });
    arrivals(engine)
}

pub(crate) fn order(engine: &mut Box<dyn Engine>, seconds: u64, record: Record) -> Vec<Ordered> {
    ordered(submit(engine, seconds, APP, vec![record]))
}

fn ordered(arrived: Vec<Arrival>) -> Vec<Ordered> {
    let ordered = |arrival| match arrival {
        Arrival::Ordered(ordered, _) => Some(ordered),
        _ => None,
    };
    arrived.into_iter().filter_map(ordered).collect()
}

fn rows(engine: &mut Box<dyn Engine>, name: &str) -> Rows {
    engine.ask(APP, &topic(name));
    let rows = |arrival| match arrival {
        Arrival::Rows(rows) => Some(rows),
        _ => None,
    };
    arrivals(engine).into_iter().find_map(rows).unwrap()
}

/// A mixture of everything over several topics, the same each time.
fn mixture(count: u128) -> Vec<Record> {
    let of = |n: u128| {
        let name = ["a", "b", "c"][(n % 3) as usize];
        let who = n * 7 % 10;
        match n * 31 % 5 {
            0 | 1 => enter(name, who, &format!("p{who}"), 0),
            2 => update(name, who, n),
            3 => leave(name, who),
            _ => Record { topic: topic(name), op: Op::Detach(session(who)) },
        }
    };
    (0..count).map(of).collect()
}

pub(crate) fn revs_are_contiguous_per_topic(make: Make) {
    let mut engine = make();
    let mut last: BTreeMap<TopicName, u64> = BTreeMap::new();
    for record in mixture(500) {
        for ordered in order(&mut engine, 1, record) {
            let rev = last.entry(ordered.record.topic).or_default();
            assert_eq!(ordered.stamp.rev.0, *rev + 1);
            *rev = ordered.stamp.rev.0;
        }
    }
    assert_eq!(last.values().sum::<u64>(), 500, "nothing is lost");
}

pub(crate) fn timetokens_strictly_increase_over_everything(make: Make) {
    let mut engine = make();
    let mut last = Timetoken(0);
    for (n, record) in mixture(300).into_iter().enumerate() {
        // The wall clock stands still, jumps, and steps back.
        let seconds = [5, 5, 90, 3][n % 4];
        for ordered in order(&mut engine, seconds, record) {
            assert!(ordered.stamp.timetoken > last, "after {last}");
            last = ordered.stamp.timetoken;
        }
    }
    assert_eq!(last.to_string().len(), 17);
}

pub(crate) fn the_ticket_comes_with_the_last_record(make: Make) {
    let mut engine = make();
    let records = vec![enter("a", 1, "alice", 0), enter("b", 1, "alice", 0), enter("c", 1, "alice", 0)];
    let arrived = submit(&mut engine, 1, APP, records.clone());
    let (tickets, kept): (Vec<_>, Vec<_>) = arrived
        .into_iter()
        .filter_map(|arrival| match arrival {
            Arrival::Ordered(ordered, ticket) => Some((ticket, ordered.record)),
            _ => None,
        })
        .unzip();
    assert_eq!(tickets, [None, None, Some(Ticket(7))]);
    assert_eq!(kept, records, "in the order in which they were submitted");
}

pub(crate) fn rows_plus_later_records_are_later_rows(make: Make) {
    let mut engine = make();
    let mut model: Vec<(SessionId, Arc<Entry>)> = Vec::new();
    for record in mixture(400) {
        if record.topic != topic("b") {
            order(&mut engine, 1, record);
            continue;
        }
        for ordered in order(&mut engine, 1, record) {
            match ordered.record.op {
                Op::Enter(id, entry) => {
                    model.retain(|(other, _)| *other != id);
                    model.push((id, entry));
                }
                Op::Update(id, content) => {
                    if let Some(place) = model.iter().position(|(other, _)| *other == id) {
                        let (_, row) = model.remove(place);
                        model.push((id, Arc::new(Entry { content, ..Entry::clone(&row) })));
                    }
                }
                Op::Leave { session, .. } => model.retain(|(other, _)| *other != session),
                _ => {}
            }
            let now = rows(&mut engine, "b");
            assert_eq!(now.stamp, ordered.stamp, "the rows say up to where they are");
            assert_eq!(now.rows, model, "in the order in which they spoke last");
        }
    }
}

pub(crate) fn a_stale_owner_changes_nothing(make: Make) {
    let mut engine = make();
    order(&mut engine, 1, enter("a", 1, "alice", 2));
    let before = rows(&mut engine, "a");
    let arrived = submit(&mut engine, 1, APP, vec![enter("a", 1, "alice", 1)]);
    assert_eq!(arrived, [Arrival::Refused(Ticket(7), Refusal::UnknownSession)]);
    assert_eq!(rows(&mut engine, "a"), before);
    assert_eq!(order(&mut engine, 1, enter("a", 1, "alice", 3)).len(), 1, "a newer owner may");
}

pub(crate) fn another_party_cannot_take_a_session(make: Make) {
    let mut engine = make();
    order(&mut engine, 1, enter("a", 1, "alice", 0));
    let arrived = submit(&mut engine, 1, APP, vec![enter("a", 1, "mallory", 9)]);
    assert!(matches!(arrived[..], [Arrival::Refused(..)]), "{arrived:?}");
}

pub(crate) fn a_forgotten_topic_begins_a_new_epoch(make: Make) {
    let mut engine = make();
    let first = order(&mut engine, 1, enter("a", 1, "alice", 0))[0].stamp;
    order(&mut engine, 2, leave("a", 1));
    engine.sweep(now(30));
    let second = order(&mut engine, 30, enter("a", 1, "alice", 0))[0].stamp;
    assert_eq!((second.epoch, second.rev.0), (first.epoch, 3), "still remembered");
    order(&mut engine, 31, leave("a", 1));
    engine.sweep(now(31 + RETENTION.as_secs()));
    let third = order(&mut engine, 100, enter("a", 1, "alice", 0))[0].stamp;
    assert_ne!(third.epoch, first.epoch);
    assert_eq!(third.rev.0, 1);
}

pub(crate) fn a_topic_in_use_is_never_forgotten(make: Make) {
    let mut engine = make();
    let first = order(&mut engine, 1, enter("a", 1, "alice", 0))[0].stamp;
    let watched = Op::Watchers(NodeId(Uuid::from_u128(1)), 3);
    let second = order(&mut engine, 1, Record { topic: topic("b"), op: watched })[0].stamp;
    engine.sweep(now(100_000));
    assert_eq!(order(&mut engine, 100_000, leave("a", 1))[0].stamp.epoch, first.epoch);
    assert_eq!(order(&mut engine, 100_000, leave("b", 1))[0].stamp.epoch, second.epoch);
}

pub(crate) fn apps_are_apart(make: Make) {
    let mut engine = make();
    order(&mut engine, 1, enter("a", 1, "alice", 0));
    let other = ordered(submit(&mut engine, 1, AppSlot(1), vec![enter("a", 1, "bob", 0)]));
    assert_eq!(other[0].stamp.rev.0, 1, "each app's topic has its own numbering");
    assert_eq!(rows(&mut engine, "a").rows.len(), 1);
}
