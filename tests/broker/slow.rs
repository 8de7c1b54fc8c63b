//! Slow sessions: coalesced first, closed last, and never anybody else's problem.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use presence_hub::broker::{Bounds, Broadcast, CloseReason, EncoderId, Item, Notice, Outbox, Policy, Pushed};
use presence_hub::core::TopicName;

use super::kit::kit;

const SMALL: Bounds = Bounds { bytes: 2_000, frames: 40 };

#[tokio::test]
async fn a_slow_viewer_gets_the_net_when_it_catches_its_breath() {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let mut slow = kit.open_bounded("slow", SMALL).await;
    let mut quick = kit.open("quick").await;
    kit.watch(&mut slow).await;
    kit.watch(&mut quick).await;
    let mut alice = kit.open("alice").await;
    let mut bob = kit.open("bob").await;
    for value in 0..1_000 {
        kit.enter(&mut alice, value).await;
        if value % 100 == 0 {
            kit.enter(&mut bob, value).await;
            kit.leave(&bob).await;
            kit.advance(30).await;
        }
    }
    kit.advance(30).await;
    slow.read();
    kit.advance(30).await;
    slow.read();
    assert_eq!(slow.view.notices, [], "it is not closed");
    assert_eq!(slow.view.members, kit.truth().await);
    assert!(slow.view.tape.len() < 60, "{} lines", slow.view.tape.len());
    assert_eq!(quick.read().members, kit.truth().await);

    kit.enter(&mut alice, 5_000).await;
    kit.settle().await;
    assert_eq!(slow.read().members["alice"], 5_000, "and it is an ordinary viewer again");
}

#[tokio::test]
async fn messages_are_not_coalesced_so_a_slow_reader_of_many_is_closed() {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let mut slow = kit.open_bounded("slow", SMALL).await;
    kit.watch(&mut slow).await;
    let mut alice = kit.open("alice").await;
    for n in 0..200 {
        kit.say(&mut alice, &"x".repeat(100), None, None).await;
        if n % 10 == 0 {
            kit.advance(20).await;
        }
    }
    kit.advance(20).await;
    assert_eq!(slow.read().notices, [Notice::Close(CloseReason::TooSlow)]);
}

#[tokio::test]
async fn messages_within_bounds_arrive_whole_and_in_order_after_a_pause() {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let mut slow = kit.open_bounded("slow", SMALL).await;
    kit.watch(&mut slow).await;
    let mut alice = kit.open("alice").await;
    for value in 0..60 {
        kit.say(&mut alice, "hello", None, None).await;
        kit.enter(&mut alice, value).await;
    }
    for _ in 0..8 {
        kit.advance(25).await;
        slow.read();
    }
    let said = slow.view.tape.iter().filter(|line| line.starts_with("say")).count();
    assert_eq!(said, 60, "{:?}", slow.view.tape);
    assert_eq!(slow.view.members, kit.truth().await);
}

#[tokio::test]
async fn a_viewer_that_never_reads_is_closed_in_the_end() {
    let mut kit = kit(Policy { outbox: SMALL, stall: Duration::from_secs(30), ..Policy::default() });
    let mut dead = kit.open_bounded("dead", SMALL).await;
    kit.watch(&mut dead).await;
    let mut alice = kit.open("alice").await;
    for value in 0..300 {
        kit.enter(&mut alice, value).await;
        kit.advance(25).await;
    }
    for _ in 0..32 {
        kit.advance(1_000).await;
    }
    assert_eq!(dead.read().notices, [Notice::Close(CloseReason::TooSlow)]);
}

#[tokio::test]
async fn a_burst_on_many_topics_reaches_whoever_reads_without_waiting_for_a_tick() {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let mut reader = kit.open_bounded("reader", SMALL).await;
    let mut alice = kit.open("alice").await;
    let topics: Vec<_> = (0..30).map(|n| TopicName::new(&format!("topic-{n}")).unwrap()).collect();
    for topic in &topics {
        kit.topic = topic.clone();
        kit.watch(&mut reader).await;
        kit.settle().await;
        reader.hear();
    }
    // One turn brings several times what the outbox holds.
    for topic in &topics {
        kit.topic = topic.clone();
        for _ in 0..2 {
            kit.say(&mut alice, &"x".repeat(100), None, Some(&"e".repeat(100))).await;
        }
    }
    let mut said = 0;
    for _ in 0..30 {
        kit.settle().await;
        said += reader.hear();
    }
    assert_eq!(said, 60, "and the clock stood still");
}

#[tokio::test]
async fn whoever_reads_is_not_closed_for_a_burst_but_for_reading_too_slowly() {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let mut reader = kit.open_bounded("reader", SMALL).await;
    let mut sleeper = kit.open_bounded("sleeper", SMALL).await;
    kit.watch(&mut reader).await;
    kit.watch(&mut sleeper).await;
    kit.settle().await;
    let mut alice = kit.open("alice").await;
    for round in 0..40 {
        for _ in 0..60 {
            kit.say(&mut alice, &"x".repeat(100), None, None).await;
        }
        kit.advance(20).await;
        let mut before = 0;
        while reader.read().frames > before {
            before = reader.view.frames;
            kit.settle().await;
        }
        let said = reader.view.tape.iter().filter(|line| line.starts_with("say")).count();
        assert_eq!(said, 60 * (round + 1));
    }
    assert_eq!(reader.view.notices, []);
    assert_eq!(sleeper.read().notices, [Notice::Close(CloseReason::TooSlow)]);
}

#[tokio::test]
async fn a_viewer_that_missed_only_what_came_to_nothing_is_an_ordinary_viewer_again() {
    for encoder in [EncoderId(0), EncoderId(1)] {
        let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
        let mut slow = kit.open_in("slow", SMALL, encoder).await;
        kit.watch(&mut slow).await;
        kit.settle().await;
        slow.read();
        let mut alice = kit.open("alice").await;
        for value in 0..60 {
            kit.enter(&mut alice, value).await;
            kit.leave(&alice).await;
            kit.advance(20).await;
        }
        kit.advance(20).await;
        slow.read();
        kit.advance(20).await;
        assert_eq!(slow.read().members, kit.truth().await);
        let before = slow.view.tape.len();
        for _ in 0..3 {
            kit.type_in(&mut alice).await;
            kit.settle().await;
        }
        assert_eq!(slow.read().tape[before..], ["say speaker"; 3], "what is said in passing is heard again");
        kit.enter(&mut alice, 7).await;
        kit.type_in(&mut alice).await;
        kit.settle().await;
        assert_eq!(slow.read().tape[before + 3..], ["join alice", "say speaker"]);
        assert_eq!(slow.view.members, kit.truth().await);
    }
}

#[tokio::test]
async fn a_slow_viewer_is_told_the_last_counts() {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let mut slow = kit.open_in("slow", SMALL, EncoderId(1)).await;
    kit.watch(&mut slow).await;
    kit.advance(30).await;
    slow.read();
    let mut others = Vec::new();
    let mut alice = kit.open("alice").await;
    for n in 0..60 {
        let mut other = kit.open(&format!("other-{n}")).await;
        kit.watch(&mut other).await;
        others.push(other);
        kit.say(&mut alice, "hello", None, None).await;
        kit.advance(20).await;
    }
    for _ in 0..8 {
        slow.read();
        kit.advance(30).await;
    }
    let mut counts = slow.view.tape.iter().filter(|line| line.starts_with("counts"));
    assert_eq!(counts.next_back().map(String::as_str), Some("counts 61"));
}

#[tokio::test]
async fn what_is_said_in_passing_in_a_burst_reaches_whoever_reads_and_nobody_is_closed_for_it() {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let mut reader = kit.open_bounded("reader", SMALL).await;
    let mut sleeper = kit.open_bounded("sleeper", SMALL).await;
    kit.watch(&mut reader).await;
    kit.watch(&mut sleeper).await;
    kit.settle().await;
    reader.hear();
    sleeper.hear();
    let mut alice = kit.open("alice").await;
    let mut said = 0;
    for _ in 0..50 {
        for _ in 0..60 {
            kit.type_in(&mut alice).await;
        }
        for _ in 0..10 {
            kit.settle().await;
            said += reader.hear();
        }
        kit.advance(20).await;
    }
    assert_eq!(said, 3_000);
    for _ in 0..3 {
        kit.advance(100).await;
    }
    let mut heard = 0;
    for _ in 0..20 {
        heard += sleeper.hear();
        kit.settle().await;
    }
    assert!((40..300).contains(&heard), "{heard}: the newest, as many as there is room for");
    assert_eq!(sleeper.read().notices, []);
}

/// Nothing shared overtakes what was refused, or a slow viewer's changes would be put together in the wrong order.
#[test]
fn nothing_overtakes_what_was_refused() {
    let outbox = Outbox::new(Bounds { bytes: 10, frames: 100 });
    let push = |bytes: &'static [u8]| {
        let (topic, bytes) = (TopicName::new("t").unwrap(), Bytes::from_static(bytes));
        let broadcast = Broadcast { topic, steps: Vec::new(), bytes: bytes.clone() };
        outbox.push(Item::Shared(Arc::new(broadcast), bytes))
    };
    assert_eq!(push(b"1234"), Pushed::Queued);
    assert_eq!(push(b"12345678"), Pushed::Full);
    assert_eq!(push(b"1"), Pushed::Full, "although there would be room");
    assert_eq!(outbox.reclaim().len(), 1);
    assert_eq!(push(b"1"), Pushed::Queued, "as soon as it was reclaimed");
}
