//! The cases about documents: any mixture of reads and writes is compared with a map.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use presence_hub::engine::{
    AppSlot, Arrival, Document, DocumentLimits, Engine, NotKept, Ticket, Version, Write,
};
use proptest::prelude::*;

use super::Make;
use super::suite::arrivals;

/// Small, so that cases reach them.
pub(crate) const LIMITS: DocumentLimits = DocumentLimits { count: 3, bytes: 8 };

fn read(engine: &mut Box<dyn Engine>, app: u16, key: &str) -> Option<Document> {
    engine.read(AppSlot(app), Ticket(9), key);
    match arrivals(engine).pop() {
        Some(Arrival::Document(Ticket(9), document)) => document,
        other => panic!("not an answer: {other:?}"),
    }
}

fn wish(app: u16, ticket: u64, key: &str, what: (Option<Version>, Option<&str>)) -> Write {
    let value = what.1.map(|value| Bytes::copy_from_slice(value.as_bytes()));
    Write { app: AppSlot(app), ticket: Ticket(ticket), key: key.into(), expected: what.0, value }
}

fn write(
    engine: &mut Box<dyn Engine>,
    app: u16,
    key: &str,
    what: (Option<Version>, Option<&str>),
) -> Result<Option<Version>, NotKept> {
    engine.write(wish(app, 8, key, what));
    match arrivals(engine).pop() {
        Some(Arrival::Kept(Ticket(8), outcome)) => outcome,
        other => panic!("not an answer: {other:?}"),
    }
}

/// A write: whose, which key, whether its writer knows the newest version, and what it says.
fn attempts() -> impl Strategy<Value = Vec<(u16, u8, bool, Option<String>)>> {
    proptest::collection::vec((0..2_u16, 0..5_u8, any::<bool>(), proptest::option::of("[a-z]{0,10}")), 0..60)
}

/// What a write must come to, and what is kept after it.
fn model(
    kept: &mut BTreeMap<(u16, u8), (Version, String)>,
    (app, key): (u16, u8),
    is_current: bool,
    value: Option<&str>,
) -> Result<(), NotKept> {
    let count = kept.keys().filter(|(other, _)| *other == app).count();
    match value {
        _ if !is_current => Err(NotKept::Conflict),
        None => {
            kept.remove(&(app, key));
            Ok(())
        }
        Some(value) if value.len() > LIMITS.bytes => Err(NotKept::TooLarge),
        Some(_) if !kept.contains_key(&(app, key)) && count >= LIMITS.count => Err(NotKept::Full),
        Some(value) => {
            kept.insert((app, key), (Version(0), value.to_owned()));
            Ok(())
        }
    }
}

pub(crate) fn a_document_is_what_was_written_last(make: Make) {
    proptest!(ProptestConfig::with_cases(64), |(attempts in attempts())| {
        let mut engine = make();
        let mut kept = BTreeMap::new();
        let mut newest: BTreeMap<(u16, u8), Version> = BTreeMap::new();
        for (app, key, is_informed, value) in attempts {
            let name = format!("key {key}");
            let before: Option<Version> = kept.get(&(app, key)).map(|(version, _): &(Version, String)| *version);
            let expected = if is_informed { before } else { Some(Version(u64::MAX)) };
            let outcome = write(&mut engine, app, &name, (expected, value.as_deref()));
            let modelled = model(&mut kept, (app, key), is_informed, value.as_deref());
            prop_assert_eq!(outcome.map(drop), modelled);
            if let Ok(Some(version)) = outcome {
                let older = newest.insert((app, key), version);
                prop_assert!(older < Some(version), "versions rise, also after a deletion");
                kept.entry((app, key)).and_modify(|document| document.0 = version);
            }
            for (app, key) in [(0, 0), (0, key), (1, key)] {
                let found = read(&mut engine, app, &format!("key {key}"));
                let found = found.map(|found| (found.version, String::from_utf8(found.value.to_vec()).unwrap()));
                prop_assert_eq!(found.as_ref(), kept.get(&(app, key)));
            }
        }
    });
}

pub(crate) fn of_several_writers_one_succeeds(make: Make) {
    let mut engine = make();
    let mut version = None;
    for round in 0..10_u64 {
        for writer in 0..4 {
            engine.write(wish(0, round * 4 + writer, "space", (version, Some(&writer.to_string()))));
        }
        let answers = arrivals(&mut engine);
        let tickets: Vec<_> = answers.iter().map(ticket).collect();
        assert_eq!(tickets, (round * 4..round * 4 + 4).map(Ticket).collect::<Vec<_>>());
        let won: Vec<_> = answers
            .iter()
            .filter_map(|answer| match answer {
                Arrival::Kept(ticket, Ok(Some(version))) => Some((*ticket, *version)),
                _ => None,
            })
            .collect();
        let [(winner, newest)] = won[..] else { panic!("{answers:?}") };
        version = Some(newest);
        let value = Bytes::from((winner.0 % 4).to_string());
        assert_eq!(read(&mut engine, 0, "space"), Some(Document { version: newest, value }));
    }
}

fn ticket(arrival: &Arrival) -> Ticket {
    match arrival {
        Arrival::Kept(ticket, _) => *ticket,
        other => panic!("not an answer: {other:?}"),
    }
}

pub(crate) fn documents_are_bounded_and_apps_apart(make: Make) {
    let mut engine = make();
    let keys: Vec<Arc<str>> = (0..LIMITS.count).map(|n| format!("{n}").into()).collect();
    for key in &keys {
        assert!(write(&mut engine, 0, key, (None, Some("12345678"))).is_ok(), "as large as is allowed");
    }
    assert_eq!(write(&mut engine, 0, "x", (None, Some(""))), Err(NotKept::Full));
    assert_eq!(write(&mut engine, 0, "x", (None, None)), Ok(None), "deleting nothing is no error");
    assert!(write(&mut engine, 1, "x", (None, Some("own"))).is_ok(), "another app has its own bound");
    assert_eq!(read(&mut engine, 0, "x"), None);
    let version = read(&mut engine, 0, &keys[0]).map(|document| document.version);
    assert_eq!(write(&mut engine, 0, &keys[0], (version, Some("123456789"))), Err(NotKept::TooLarge));
    assert_eq!(write(&mut engine, 0, &keys[0], (version, None)), Ok(None));
    assert!(write(&mut engine, 0, "x", (None, Some(""))).is_ok(), "there is room again");
}
