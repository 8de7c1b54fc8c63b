//! Sessions that are not sent what they caused themselves, whether they are quick or slow.

use std::sync::Arc;

use bytes::Bytes;
use presence_hub::broker::{Bounds, EncoderId, Policy, ReplyTo};
use presence_hub::core::{Command, Message, Party, PartyId};
use proptest::prelude::*;

use super::kit::{Kit, Session, kit};

/// Lines of about 20 bytes: some dozens of them make a session slow, none closes it.
const SMALL: Bounds = Bounds { bytes: 600, frames: 20 };

async fn say(kit: &Kit, by: &Session, name: &str) {
    let message = Message {
        from: Arc::new(Party::new(PartyId::new(name).unwrap())),
        session: Some(by.id),
        name: "e".into(),
        body: Bytes::from_static(b"x"),
        receivers: None,
        is_kept: true,
        extra: Bytes::new(),
    };
    kit.handle.submit(Command::Publish(kit.topic.clone(), Arc::new(message)), None, ReplyTo::Nobody).await;
}

async fn run(steps: Vec<(usize, bool)>) {
    let mut kit = kit(Policy { outbox: SMALL, ..Policy::default() });
    let forms = [(EncoderId(1), Bounds::default()), (EncoderId(1), SMALL), (EncoderId(0), SMALL)];
    let mut sessions = Vec::new();
    for (place, (encoder, bounds)) in forms.into_iter().enumerate() {
        let mut session = kit.open_in(&format!("p{place}"), bounds, encoder).await;
        kit.watch(&mut session).await;
        sessions.push(session);
    }
    let mut said = [0; 3];
    for (place, reads) in steps {
        if reads {
            sessions[place].read();
            kit.advance(20).await;
        } else {
            say(&kit, &sessions[place], &format!("p{place}")).await;
            said[place] += 1;
        }
    }
    for _ in 0..6 {
        kit.advance(20).await;
        sessions.iter_mut().for_each(|session| drop(session.read().notices.clone()));
    }
    for (place, session) in sessions.iter_mut().enumerate() {
        assert_eq!(session.view.notices, [], "nobody is closed");
        for (by, count) in said.iter().enumerate() {
            let heard = session.view.tape.iter().filter(|line| **line == format!("say p{by}")).count();
            let expected = if by == place && place < 2 { 0 } else { *count };
            assert_eq!(heard, expected, "what {place} heard of {by}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn everything_of_the_others_and_nothing_of_their_own(steps in prop::collection::vec((0..3_usize, prop::bool::weighted(0.2)), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(steps));
    }
}
