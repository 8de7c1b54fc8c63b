//! Sessions that are members as other parties than their own, as the broker reaches them.

use std::sync::Arc;
use std::time::Duration;

use presence_hub::broker::{CloseReason, Notice, Policy};
use presence_hub::core::{Cause, Command, Content, Party, PartyId, TopicName};

use super::kit::{Kit, Session, kit};

fn party(name: &str) -> Arc<Party> {
    Arc::new(Party::new(PartyId::new(name).unwrap()))
}

async fn enter(kit: &Kit, session: &Session, topic: &TopicName, name: &str) {
    let command = Command::EnterAs {
        session: session.id,
        topic: topic.clone(),
        party: party(name),
        content: Content::default(),
        grace: Duration::ZERO,
        most: None,
    };
    kit.handle.ask(command).await;
}

#[tokio::test]
async fn a_removed_member_that_does_not_watch_is_told_once() {
    let mut kit = kit(Policy::default());
    let (mut member, mut watcher) = (kit.open("socket-1").await, kit.open("socket-2").await);
    let mut other = kit.open("joe").await;
    let own = TopicName::of_party(&PartyId::new("joe").unwrap());
    kit.topic = own.clone();
    enter(&kit, &member, &own, "joe").await;
    kit.watch(&mut watcher).await;
    let by = Some(party("app"));
    let party = PartyId::new("joe").unwrap();
    kit.handle.ask(Command::Remove { party, topic: own.clone(), cause: Cause::Kicked, by }).await;
    kit.advance(20).await;
    assert_eq!(member.read().notices, [Notice::Removed(own)]);
    assert_eq!(watcher.read().notices, []);
    assert_eq!(watcher.view.tape.last().unwrap(), "kicked joe");
    assert_eq!(other.read().notices, [], "who neither watches nor is a member there");
}

#[tokio::test]
async fn closing_a_party_reaches_the_sessions_that_are_it_somewhere() {
    let mut kit = kit(Policy::default());
    let (mut member, mut other) = (kit.open("socket-1").await, kit.open("socket-2").await);
    enter(&kit, &member, &kit.topic, "joe").await;
    enter(&kit, &other, &kit.topic, "ann").await;
    kit.handle.close_party(PartyId::new("joe").unwrap(), CloseReason::Ended).await;
    kit.settle().await;
    assert_eq!(member.read().notices, [Notice::Close(CloseReason::Ended)]);
    assert_eq!(other.read().notices, []);
}

#[tokio::test]
async fn whoever_reads_sees_the_watchers_that_came_before() {
    let mut kit = kit(Policy::default());
    let mut sessions = Vec::new();
    for name in ["a", "b", "c"] {
        let mut session = kit.open(name).await;
        kit.watch(&mut session).await;
        sessions.push(session);
        let topic = kit.topic.clone();
        let watchers = kit.handle.read(move |roster, _, _| roster.snapshot(&topic).occupancy.watchers).await;
        assert_eq!(watchers, Some(u32::try_from(sessions.len()).unwrap()));
    }
    kit.unwatch(&sessions[0]).await;
    let topic = kit.topic.clone();
    let watchers = kit.handle.read(move |roster, _, _| roster.snapshot(&topic).occupancy.watchers).await;
    assert_eq!(watchers, Some(2));
}
