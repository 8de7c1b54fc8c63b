//! Who is told that its rights in a topic changed, and how often at most.

use presence_hub::broker::{Bounds, Item, Notice, Outbox, Policy, Pushed};
use presence_hub::core::{PartyId, TopicName};

use super::kit::kit;

#[tokio::test]
async fn a_partys_viewers_are_told_that_its_rights_changed() {
    let mut kit = kit(Policy::default());
    let mut sessions = Vec::new();
    for party in ["alice", "alice", "bob"] {
        let mut session = kit.open(party).await;
        kit.watch(&mut session).await;
        sessions.push(session);
    }
    sessions.push(kit.open("alice").await);
    kit.handle.rights_changed(PartyId::new("alice").unwrap(), kit.topic.clone()).await;
    kit.settle().await;
    for (session, is_told) in sessions.iter_mut().zip([true, true, false, false]) {
        session.read();
        let told = if is_told { vec![Notice::Rights(kit.topic.clone())] } else { Vec::new() };
        assert_eq!(session.view.notices, told);
    }
}

#[test]
fn a_connection_that_takes_nothing_is_told_once() {
    let outbox = Outbox::new(Bounds::default());
    let rights = |name| Item::Notice(Notice::Rights(TopicName::new(name).unwrap()));
    for _ in 0..3 {
        assert_eq!((outbox.push(rights("a")), outbox.push(rights("b"))), (Pushed::Queued, Pushed::Queued));
    }
    let mut taken = std::collections::VecDeque::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(outbox.poll_take(&mut cx, &mut taken).is_ready());
    assert_eq!(taken.len(), 2);
}
