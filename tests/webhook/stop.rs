//! A hub that stops: what is left is delivered, but not for ever.

use std::time::Duration;

use super::kit::{hub, kit, pusher, tape};
use super::receiver::Mode;

#[tokio::test]
async fn what_waits_and_what_is_held_goes_out_first() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let batch = presence_hub::webhook::Batch { window: Duration::from_secs(60), hooks: 100 };
    let endpoint = presence_hub::webhook::Endpoint { batch, ..pusher(&receiver) };
    let post = kit.post(vec![endpoint]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "presence-a", 1).await;
    kit.leave(alice, "presence-a").await;
    kit.settle().await;
    assert_eq!(receiver.got().len(), 0);
    tokio::time::timeout(super::receiver::PATIENCE, post.couriers.stop()).await.unwrap();
    assert_eq!(
        tape(&receiver.events(4).await),
        [
            "channel_occupied presence-a",
            "member_added presence-a alice",
            "member_removed presence-a alice",
            "channel_vacated presence-a"
        ]
    );
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_holds_nobody_up() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    receiver.set(Mode::Fail(503));
    let post = kit.post(vec![hub(&receiver)]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    receiver.wait(1).await;
    let stopping = tokio::spawn(post.couriers.stop());
    kit.counted("hub_webhook_posts_failed_total", 1).await;
    assert!(!stopping.is_finished());
    kit.seconds(5).await;
    tokio::time::timeout(super::receiver::PATIENCE, stopping).await.unwrap().unwrap();
    kit.counted("hub_webhook_given_up_total", 2).await;
    kit.counted("hub_webhook_waiting", 0).await;
}
