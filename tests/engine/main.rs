//! The conformance suite of engines, written once and run on each: order, stamps, rows, fencing and forgetting.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod documents;
mod late;
mod suite;

use std::time::Duration;

use presence_hub::core::Timetoken;
use presence_hub::engine::{Engine, Memory};

use self::documents::LIMITS;
use self::suite::{RETENTION, now};

/// Makes a fresh engine of the kind under test.
type Make = fn() -> Box<dyn Engine>;

fn memory() -> Box<dyn Engine> {
    Box::new(Memory::new(now(0), Timetoken(0), RETENTION).with_documents(LIMITS))
}

/// An engine whose arrivals come later than the submission, as those of a networked one do.
fn networked() -> Box<dyn Engine> {
    let memory = Memory::new(now(0), Timetoken(0), RETENTION).with_documents(LIMITS);
    Box::new(late::Late::new(memory))
}

macro_rules! conform {
    ($engine:ident: $($suite:ident::$case:ident),+ $(,)?) => {
        mod $engine {
            $(#[test] fn $case() { super::$suite::$case(super::$engine); })+
        }
    };
}

macro_rules! conform_all {
    ($($engine:ident),+) => {
        $(conform!($engine:
            suite::revs_are_contiguous_per_topic,
            suite::timetokens_strictly_increase_over_everything,
            suite::the_ticket_comes_with_the_last_record,
            suite::rows_plus_later_records_are_later_rows,
            suite::a_stale_owner_changes_nothing,
            suite::another_party_cannot_take_a_session,
            suite::a_forgotten_topic_begins_a_new_epoch,
            suite::a_topic_in_use_is_never_forgotten,
            suite::apps_are_apart,
            documents::a_document_is_what_was_written_last,
            documents::of_several_writers_one_succeeds,
            documents::documents_are_bounded_and_apps_apart,
        );)+
    };
}

conform_all!(memory, networked);

#[test]
fn timetokens_do_not_go_back_over_a_restart_even_if_the_clock_does() {
    let mark = Timetoken(now(50).wall.0);
    let mut engine: Box<dyn Engine> = Box::new(Memory::new(now(0), mark, Duration::from_secs(60)));
    let ordered = suite::order(&mut engine, 0, suite::enter("lobby", 1, "alice", 0));
    assert!(ordered[0].stamp.timetoken > mark);
    assert_eq!(mark.to_string().len(), 17);
}
