//! A hub that stops, and one that starts again.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, get, hold};
use super::hub::Hub;

#[tokio::test]
async fn a_hub_that_stops_answers_whoever_waits_and_waits_for_nobody() {
    let hub = Hub::start(&["drain.window=1h", "drain.timeout=2h"]).await;
    // A connection that stays open, as those of libraries do.
    let library = reqwest::Client::new();
    let ping = || library.get(format!("http://{}/time/0", hub.address)).send();
    assert!(!ping().await.unwrap().headers().contains_key("connection"));
    let mut ana = Client::open(&hub, "room", "uuid=ana").await;
    let before = ana.cursor.clone();
    let held = library.get(format!("http://{}{}", hub.address, ana.target())).send();
    let held = tokio::spawn(held);
    let other = hold(&hub, &ana.target());
    hub.holds(2).await;
    let (clock, begun) = (hub.clock.clone(), hub.clock.now().mono);
    hub.stop().await;
    assert!(clock.now().mono < begun + Duration::from_secs(60), "nobody is waited for");
    let answer = held.await.unwrap().unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["connection"]), (200, &"close".parse().unwrap()));
    assert_eq!(ana.take(&other.await.unwrap()), Vec::<Value>::new());
    assert_eq!(ana.cursor, before);
}

#[tokio::test]
async fn a_hub_that_starts_again_goes_on_after_what_it_said_before() {
    let folder = std::env::temp_dir().join(format!("hub-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let setting = format!("data_dir={}", folder.display());
    let mut newest = 0;
    let mut ana: Option<Client> = None;
    // The clock stands where it stood each time: what was said is ahead of it.
    for round in 0..3 {
        let hub = Hub::start(&[&setting]).await;
        if let Some(ana) = &mut ana {
            // She comes with the cursor of the hub before.
            let held = hold(&hub, &ana.target());
            hub.holds(1).await;
            get(&hub, &format!("/publish/pub/sub/0/room/0/{round}")).await;
            assert_eq!(ana.take(&held.await.unwrap())[0]["d"], json!(round));
        }
        let mut client = Client::open(&hub, "room", "uuid=ana").await;
        for _ in 0..5 {
            let sent = get(&hub, "/publish/pub/sub/0/room/0/1").await;
            let at: u64 = sent.body[2].as_str().unwrap().parse().unwrap();
            assert!(at > newest, "{at} is not after {newest}");
            newest = at;
        }
        client.next(&hub).await;
        ana = Some(client);
        hub.stop().await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_operator_sees_when_the_silence_of_somebody_ends() {
    let hub = Hub::start(&[]).await;
    get(&hub, "/v2/presence/sub-key/sub/channel/room/heartbeat?uuid=ana&heartbeat=60").await;
    let told = hub.admin("/admin/apps/1/parties/ana").await;
    let [session] = told["memberships"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&session["topic"], &session["isAttached"]), (&json!("room"), &json!(true)));
    assert_eq!(
        (&session["lastHeard"], &session["silenceEnds"]),
        (&json!("2026-01-01T00:00:00.000Z"), &json!("2026-01-01T00:01:00.000Z"))
    );
    hub.stop().await;
}
