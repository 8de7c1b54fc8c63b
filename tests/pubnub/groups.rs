//! Channel groups and patterns.

use serde_json::{Value, json};

use super::client::{Client, get, hold};
use super::hub::Hub;
use super::presence::{PRESENCE, event, events, here, until};

const GROUPS: &str = "/v1/channel-registration/sub-key/sub/channel-group";

#[tokio::test]
async fn groups_are_made_listed_and_removed() {
    let hub = Hub::start(&["pubnub.channels_per_group=3"]).await;
    let done = json!({"status": 200, "message": "OK", "service": "channel-registry", "error": false});
    for target in ["/g?add=a%2Cb", "/g?add=b", "/g?remove=a", "/g?remove=a"] {
        assert_eq!(get(&hub, &format!("{GROUPS}{target}")).await.body, done, "{target}");
    }
    let list = get(&hub, &format!("{GROUPS}/g")).await.body;
    assert_eq!(list["payload"], json!({"channels": ["b"], "group": "g"}));
    let all = get(&hub, GROUPS).await.body;
    assert_eq!(all["payload"], json!({"namespace": "", "groups": ["g"]}));
    assert_eq!(get(&hub, &format!("{GROUPS}/g?add=c,d,e")).await.status, 400);
    assert_eq!(get(&hub, &format!("{GROUPS}/g/remove")).await.body, done);
    assert_eq!(get(&hub, &format!("{GROUPS}/g")).await.body["payload"]["channels"], json!([]));
    assert_eq!(get(&hub, GROUPS).await.body["payload"]["groups"], json!([]));
    hub.stop().await;
}

#[tokio::test]
async fn presence_and_messages_come_through_a_group() {
    let hub = Hub::start(&[]).await;
    get(&hub, &format!("{GROUPS}/g?add=room")).await;
    let mut ana = Client::open(&hub, "room", "channel-group=g,g-pnpres&uuid=ana").await;
    let told = ana.next(&hub).await;
    assert_eq!(events(&told), [event("join", "ana", 1)]);
    assert_eq!((&told[0]["c"], &told[0]["b"]), (&json!("room-pnpres"), &json!("g-pnpres")));
    get(&hub, "/publish/pub/sub/0/room/0/1?uuid=ben").await;
    let mut asked: Vec<Value> = ana.next(&hub).await.iter().map(|entry| entry["b"].clone()).collect();
    asked.sort_by_key(ToString::to_string);
    assert_eq!(asked, [json!("g"), json!("room")], "once for each way that leads there");
    get(&hub, &format!("{PRESENCE}/channel/,/heartbeat?channel-group=g&uuid=cleo")).await;
    assert_eq!(here(&hub, "room").await, json!(["ana", "cleo"]));
    get(&hub, &format!("{PRESENCE}/channel/%2C/leave?channel-group=g&uuid=cleo")).await;
    assert_eq!(
        events(&until(&hub, &mut ana, 2).await),
        [event("join", "cleo", 2), event("leave", "cleo", 1)]
    );
    let multi = get(&hub, &format!("{PRESENCE}/channel/,?channel-group=g")).await.body["payload"].clone();
    assert_eq!(multi["channels"], json!({"room": {"uuids": ["ana"], "occupancy": 1}}));
    hub.stop().await;
}

#[tokio::test]
async fn a_changed_group_releases_whoever_waits() {
    let hub = Hub::start(&[]).await;
    get(&hub, &format!("{GROUPS}/g?add=one")).await;
    let mut ana = Client::open(&hub, ",", "channel-group=g").await;
    let before = ana.cursor.clone();
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    get(&hub, &format!("{GROUPS}/g?add=two")).await;
    assert_eq!(ana.take(&held.await.unwrap()), Vec::<Value>::new());
    assert_eq!(ana.cursor, before);
    get(&hub, "/publish/pub/sub/0/two/0/1").await;
    assert_eq!(ana.next(&hub).await[0]["c"], "two");
    let none = get(&hub, "/v2/subscribe/sub/,/0?tt=0&channel-group=nobody").await;
    assert_eq!((none.status, &none.body["service"]), (400, &json!("PubSub")));
    hub.stop().await;
}

#[tokio::test]
async fn patterns_match_what_begins_so_and_leak_no_presence() {
    let hub = Hub::start(&[]).await;
    let mut plain = Client::open(&hub, "sport.%2A", "").await;
    let mut both = Client::open(&hub, "sport.*,sport.*-pnpres", "uuid=ana").await;
    assert_eq!(both.next(&hub).await[0]["c"], "sport.*-pnpres");
    get(&hub, &format!("{PRESENCE}/channel/sport.tennis/heartbeat?uuid=ben")).await;
    let told = both.next(&hub).await;
    assert_eq!((&told[0]["c"], &told[0]["b"]), (&json!("sport.tennis-pnpres"), &json!("sport.*-pnpres")));
    get(&hub, "/publish/pub/sub/0/sport.tennis/0/%22ace%22").await;
    let told = plain.next(&hub).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["c"], &told[0]["b"], &told[0]["d"]),
        (&json!("sport.tennis"), &json!("sport.*"), &json!("ace"))
    );
    hub.stop().await;
}
