//! PubNub's format: its words, one event a post, and channels that become active and inactive by their occupants alone.

use presence_hub::broker::ReplyTo;
use presence_hub::core::{Cause, Command};
use serde_json::{Value, json};

use super::kit::{kit, name, pubnub};
use super::receiver::{Got, KEY, Mode, Receiver};

const ALL: [&str; 6] = ["join", "leave", "timeout", "state-change", "active", "inactive"];

async fn bodies(receiver: &Receiver, count: usize) -> Vec<Value> {
    receiver.wait(count).await.iter().map(Got::json).collect()
}

#[tokio::test]
async fn a_visit_is_told_in_pubnubs_words() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let _post = kit.post(vec![pubnub(&receiver, &ALL)]).await;
    let ana = kit.open("ana").await;
    kit.enter(ana, "room-a", 1).await;
    kit.enter(ana, "room-a", 2).await;
    kit.leave(ana, "room-a").await;
    let said = bodies(&receiver, 5).await;
    let at = said[0]["timestamp"].clone();
    assert!(at.is_u64(), "{at}");
    let of_user = |action: &str, occupancy: u32, value: u32| json!({"action": action, "sub_key": KEY, "channel": "room-a", "uuid": "ana", "timestamp": at, "occupancy": occupancy, "data": {"value": value}});
    let of_channel = |action: &str, occupancy: u32| json!({"action": action, "sub_key": KEY, "channel": "room-a", "timestamp": at, "occupancy": occupancy, "status": action});
    assert_eq!(
        said,
        [
            of_channel("active", 1),
            of_user("join", 1, 1),
            of_user("state-change", 1, 2),
            of_user("leave", 0, 2),
            of_channel("inactive", 0),
        ]
    );
    assert!(receiver.got().iter().all(Got::is_right), "each is signed");
}

#[tokio::test]
async fn only_the_actions_that_were_asked_for_are_told() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let _post = kit.post(vec![pubnub(&receiver, &["timeout", "inactive"])]).await;
    let (ana, ben) = (kit.open("ana").await, kit.open("ben").await);
    for session in [ana, ben] {
        kit.enter(session, "room-a", 1).await;
    }
    // A watcher is no occupant.
    kit.watch(ben, "room-a").await;
    kit.leave(ana, "room-a").await;
    let topic = name("room-a");
    let command = Command::Leave { session: ben, topic, cause: Cause::TimedOut };
    kit.handle.submit(command, None, ReplyTo::Nobody).await;
    let told = bodies(&receiver, 2).await;
    let told: Vec<_> =
        told.iter().map(|body| (body["action"].as_str().unwrap(), body["uuid"].as_str())).collect();
    assert_eq!(told, [("timeout", Some("ben")), ("inactive", None)]);
    kit.settle().await;
    assert_eq!(receiver.got().len(), 2);
}

#[tokio::test]
async fn what_failed_comes_again_before_what_follows_it() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let _post = kit.post(vec![pubnub(&receiver, &ALL)]).await;
    receiver.script(&[Mode::Fail(500), Mode::Take]);
    let ana = kit.open("ana").await;
    kit.enter(ana, "room-a", 1).await;
    receiver.wait(1).await;
    kit.seconds(1).await;
    let posts = receiver.wait(3).await;
    let actions: Vec<_> = posts.iter().map(|got| got.json()["action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(actions, ["active", "active", "join"]);
    assert_eq!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
}
