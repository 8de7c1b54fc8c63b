//! What an attacker or a clumsy client may try, and what must come of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::backend::{Request, auth, md5, send, sign, trigger};
use super::client::{Came, Client};
use super::hub::{Hub, KEY, SECRET};

async fn subscribed(hub: &Hub, name: &str, channel: &str, user: Option<Value>) -> Client {
    let mut client = Client::open(hub, name).await;
    client.subscribe(channel, user.as_ref()).await;
    let frame = client.frame().await;
    assert_eq!(frame["event"], "pusher_internal:subscription_succeeded", "{frame}");
    client
}

/// A signature is for one connection, one channel and one text of channel data.
#[tokio::test]
async fn signatures_are_good_for_nothing_else() {
    let hub = Hub::start(&[]).await;
    let (mut one, other) = (Client::open(&hub, "one").await, Client::open(&hub, "other").await);
    let own = one.socket_id.clone();
    let data = r#"{"user_id":"1"}"#;
    let tampered = r#"{"user_id":"2"}"#;
    for (channel, signed, shown) in [
        ("private-x", vec![other.socket_id.as_str(), "private-x"], None),
        ("private-x", vec![&own, "private-y"], None),
        ("private-x", vec![&own, "private-x"], Some(data)),
        ("private-x", vec![&own, "private-x", data], Some(tampered)),
        ("presence-x", vec![&own, "presence-x", data], Some(tampered)),
        ("presence-x", vec![&own, "presence-x"], Some(data)),
        ("presence-x", vec![&own, ":user:", data], Some(data)),
    ] {
        let frame = json!({"channel": channel, "auth": auth(&signed), "channel_data": shown});
        one.send(&json!({"event": "pusher:subscribe", "data": frame})).await;
        let frame = one.frame().await;
        assert_eq!(
            (&frame["event"], &frame["data"]["code"]),
            (&json!("pusher:error"), &Value::Null),
            "{signed:?}"
        );
        let text = frame["data"]["message"].as_str().unwrap();
        assert!(text.starts_with("Invalid signature: Expected HMAC SHA256 hex digest of "), "{text}");
    }
    assert_eq!(Request::new("GET", "/apps/1/channels", "").send(&hub).await.json(), json!({"channels": {}}));
}

/// What a client claims of itself is not believed anywhere.
#[tokio::test]
async fn nobody_speaks_as_another() {
    let hub = Hub::start(&[]).await;
    let mut liar = subscribed(&hub, "liar", "presence-x", Some(json!({"user_id": "liar"}))).await;
    let mut victim = subscribed(&hub, "victim", "presence-x", Some(json!({"user_id": "victim"}))).await;
    liar.fence().await;
    for claim in ["user_id", "userId", "socket_id", "from", "sender", "uuid", "id"] {
        let mut frame = json!({"event": "client-x", "channel": "presence-x", "data": {"user_id": "victim"}});
        frame[claim] = "victim".into();
        liar.send(&frame).await;
        let heard = victim.frame().await;
        assert_eq!(heard["user_id"], "liar", "{claim}");
        let keys: Vec<&String> = heard.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["channel", "data", "event", "user_id"], "{claim}");
    }
    for event in
        ["pusher_internal:member_added", "pusher:error", "connect", "error", "newListener", "Client-x", ""]
    {
        liar.send(&json!({"event": event, "channel": "presence-x", "data": "{}"})).await;
    }
    assert!(victim.fence().await.is_empty());
    assert_eq!(liar.fence().await.len(), 7);
}

#[tokio::test]
async fn a_replayed_request_has_no_effect_and_a_retry_is_answered() {
    let hub = Hub::start(&["apps.0.pusher.event_buffer=true"]).await;
    let mut client = subscribed(&hub, "a", "c", None).await;
    let body = json!({"name": "e", "channels": ["c"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    let post = || send(&hub, "POST", &target, body.clone().into_bytes());
    let first = post().await;
    assert_eq!((first.status, &client.frame().await["event"]), (200, &json!("e")));
    // Two equal events in one second are signed alike, and are two.
    let twin = post().await;
    assert_eq!(twin.status, 200);
    assert_eq!(client.frame().await["event"], "e");
    hub.advance(Duration::from_secs(6)).await;
    for _ in 0..3 {
        assert_eq!(post().await, twin, "a retry is answered as it was");
    }
    hub.advance(Duration::from_secs(590)).await;
    assert_eq!(post().await.status, 200);
    hub.advance(Duration::from_secs(6)).await;
    assert_eq!(post().await.status, 401, "the signature is too old");
    assert!(client.fence().await.is_empty());
}

/// The signature covers everything that is said.
#[tokio::test]
async fn a_signed_request_cannot_be_turned_into_another() {
    let hub = Hub::start(&[]).await;
    let mut client = subscribed(&hub, "a", "c", None).await;
    let body = json!({"name": "e", "channels": ["c"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    let other = body.replace('1', "2");
    for (method, target, body) in [
        ("POST", target.clone(), other.clone()),
        ("POST", target.replace(&md5(body.as_bytes()), &md5(other.as_bytes())), other.clone()),
        ("POST", target.replace("/events", "/batch_events"), body.clone()),
        ("POST", target.replace("/apps/1/", "/apps/2/"), body.clone()),
        ("POST", format!("{target}&info=subscription_count"), body.clone()),
        ("POST", target.clone(), String::new()),
    ] {
        let answer = send(&hub, method, &target, body.into_bytes()).await;
        assert_eq!(answer.status, 401, "{target}");
    }
    assert!(client.fence().await.is_empty());
}

#[tokio::test]
async fn every_way_in_which_libraries_sign_is_taken() {
    let hub = Hub::start(&[]).await;
    let now = hub.clock.now().wall.seconds();
    let empty = md5(b"");
    for (path, signed, wire) in [
        ("/apps/1/channels", format!("body_md5={empty}"), format!("body_md5={empty}")),
        (
            "/apps/1/channels",
            format!("body_md5={empty}&filter_by_prefix=presence-&info=user_count"),
            format!("body_md5={empty}&filter_by_prefix=presence-&info=user_count"),
        ),
        (
            "/apps/1/channels/presence-a",
            "info=user_count,subscription_count".to_owned(),
            "info=user_count%2Csubscription_count".to_owned(),
        ),
        (
            "/apps/1/channels/presence-a",
            "info=user_count%2Csubscription_count".to_owned(),
            "info=user_count%2Csubscription_count".to_owned(),
        ),
        ("/apps/1/channels", "filter_by_prefix=a+b".to_owned(), "filter_by_prefix=a+b".to_owned()),
        ("/apps/1/channels", "filter_by_prefix=a b".to_owned(), "filter_by_prefix=a+b".to_owned()),
        ("/apps/1/channels", "filter_by_prefix=a+b".to_owned(), "filter_by_prefix=a%2Bb".to_owned()),
    ] {
        let head = format!("auth_key={KEY}&auth_timestamp={now}&auth_version=1.0");
        let signature = sign(SECRET, &format!("GET\n{path}\n{head}&{signed}"));
        for query in [
            format!("{head}&{wire}&auth_signature={signature}"),
            format!("auth_signature={signature}&{wire}&{head}"),
        ] {
            let answer = send(&hub, "GET", &format!("{path}?{query}"), Vec::new()).await;
            assert_eq!(answer.status, 200, "{signed} as {wire}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn sizes_are_bounded_to_the_byte() {
    let hub = Hub::start(&[]).await;
    let mut client = subscribed(&hub, "a", "c", None).await;
    let event = |data: String| json!({"name": "e", "channels": ["c"], "data": data}).to_string();
    let post = |body: String| Request::new("POST", "/apps/1/events", body);
    assert_eq!(post(event("x".repeat(10_240))).send(&hub).await.status, 200);
    assert_eq!(client.frame().await["data"].as_str().unwrap().len(), 10_240);
    assert_eq!(post(event("\u{1}".repeat(10_240))).send(&hub).await.status, 200);
    assert_eq!(client.frame().await["data"].as_str().unwrap().len(), 10_240);
    let refused = post(event("x".repeat(10_241))).send(&hub).await;
    assert_eq!(refused.status, 413);
    assert!(
        refused.text.starts_with("The data content of this event exceeds the allowed maximum (10240 bytes).")
    );
    assert_eq!(post("x".repeat(2_000_000)).send(&hub).await.status, 413);
    let named = |name: String, channels: Vec<String>| {
        json!({"name": name, "channels": channels, "data": "1"}).to_string()
    };
    let channels = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>();
    assert_eq!(post(named("n".repeat(201), channels(1))).send(&hub).await.status, 400);
    assert_eq!(post(named("n".into(), channels(101))).send(&hub).await.status, 400);
    assert_eq!(post(named("n".repeat(200), channels(100))).send(&hub).await.status, 200);
    assert_eq!(post(named("n".into(), vec!["c".repeat(201)])).send(&hub).await.status, 400);
    let batch = json!({"batch": vec![json!({"name": "e", "channel": "c", "data": "x".repeat(10_240)}); 10]})
        .to_string();
    assert_eq!(Request::new("POST", "/apps/1/batch_events", batch).send(&hub).await.status, 200);
    assert_eq!(client.fence().await.len(), 10);
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_a_clean_close() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    client.send_message(Message::text("x".repeat(1_000_000))).await;
    assert_eq!(client.closed().await, Some(1009));
    assert!(matches!(Client::open(&hub, "b").await.fence().await.as_slice(), []), "the hub lives on");
}

#[tokio::test]
async fn json_bombs_are_refused_and_the_connection_lives() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    let deep = format!(r#"{{"event":"pusher:ping","data":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let keys: Vec<String> = (0..300).map(|n| format!(r#""k{n}":1"#)).collect();
    let wide = format!(r#"{{"event":"pusher:ping","data":{{{}}}}}"#, keys.join(","));
    let half = r#"{"event":"client-x","channel":"c","data":"\ud800"}"#;
    let huge = r#"{"event":"pusher:ping","data":1e999}"#;
    for bomb in [&deep, &wide, half, huge] {
        client.send_message(Message::text(bomb.to_owned())).await;
        let frame = client.frame().await;
        assert_eq!(
            (&frame["event"], &frame["data"]["code"]),
            (&json!("pusher:error"), &Value::Null),
            "{bomb}"
        );
    }
    assert!(client.fence().await.is_empty());
}

#[tokio::test]
async fn client_events_have_a_rate_and_the_connection_lives() {
    let hub = Hub::start(&[]).await;
    let mut sender = subscribed(&hub, "a", "private-x", None).await;
    let mut other = subscribed(&hub, "b", "private-x", None).await;
    for n in 0..20 {
        sender.send(&json!({"event": "client-e", "channel": "private-x", "data": n})).await;
    }
    let refused = sender.fence().await;
    assert_eq!(refused.len(), 10);
    assert!(refused.iter().all(|frame| frame["data"]["code"] == 4301), "{refused:?}");
    assert_eq!(other.fence().await.len(), 10);
    hub.advance(Duration::from_secs(1)).await;
    sender.send(&json!({"event": "client-e", "channel": "private-x", "data": "again"})).await;
    assert_eq!(other.frame().await["data"], "again");
}

#[tokio::test]
async fn floods_end_with_advice_to_come_back() {
    let hub = Hub::start(&["limits.events_per_second=10"]).await;
    let mut client = Client::open(&hub, "a").await;
    for _ in 0..100 {
        client.send(&json!({"event": "pusher:ping", "data": {}})).await;
    }
    assert_eq!(client.closed().await, Some(4100));
    let hub = Hub::start(&["limits.subscribes_per_second=1", "limits.topics_per_session=20"]).await;
    let mut client = Client::open(&hub, "a").await;
    for n in 0..100 {
        client.subscribe(&format!("c{}", n % 10), None).await;
    }
    assert_eq!(client.closed().await, Some(4100));
    let hub = Hub::start(&["limits.topics_per_session=3"]).await;
    let mut client = Client::open(&hub, "a").await;
    for n in 0..4 {
        client.subscribe(&format!("c{n}"), None).await;
    }
    let frames: Vec<Value> =
        [client.frame().await, client.frame().await, client.frame().await, client.frame().await].into();
    assert_eq!(frames.iter().filter(|frame| frame["event"] == "pusher:error").count(), 1, "{frames:?}");
}

#[tokio::test]
async fn a_silent_connection_is_pinged_and_then_ended() {
    let hub = Hub::start(&["limits.ping_interval=20s", "limits.pong_timeout=10s"]).await;
    let (mut client, mut silent) = (Client::open(&hub, "a").await, Client::open(&hub, "b").await);
    // The library answers control frames only when it reads.
    for _ in 0..8 {
        client.settle().await;
        hub.advance(Duration::from_secs(10)).await;
    }
    let Came::Frame(frame) = silent.next().await else { panic!("the reason comes first") };
    assert_eq!((&frame["event"], &frame["data"]["code"]), (&json!("pusher:error"), &json!(4201)));
    assert_eq!(silent.closed().await, Some(4201));
}

#[tokio::test]
async fn a_stopping_hub_sends_clients_away_to_come_back_later() {
    let hub = Hub::start(&[]).await;
    let mut clients = Vec::new();
    for n in 0..5 {
        clients.push(subscribed(&hub, &format!("c{n}"), "presence-x", Some(json!({"user_id": n}))).await);
    }
    let stopping = tokio::spawn(hub.stop());
    for client in &mut clients {
        assert_eq!(client.closed().await, Some(4100));
    }
    drop(clients);
    stopping.await.unwrap();
}

/// Both names of a request for the app that the key names.
#[tokio::test]
async fn an_unknown_user_can_be_terminated_and_an_unknown_app_cannot() {
    let hub = Hub::start(&[]).await;
    for (path, key, status) in [
        ("/users/1/terminate_connections", KEY, 200),
        ("/apps/1/users/1/terminate_connections", KEY, 200),
        ("/users/1/terminate_connections", "unknown", 401),
        ("/apps/9/users/1/terminate_connections", KEY, 401),
    ] {
        let mut request = Request::new("POST", path, "{}");
        request.key = key.to_owned();
        assert_eq!(request.send(&hub).await.status, status, "{path} {key}");
    }
}

/// Snapshot and later events together are the true list, whoever comes and goes meanwhile.
#[tokio::test]
async fn a_snapshot_and_what_follows_it_are_the_list() {
    let hub = Hub::start(&["apps.0.pusher.strict=true", "limits.churn_per_second=1000"]).await;
    let mut others = Vec::new();
    for n in 0..8 {
        others.push(Client::open(&hub, &format!("o{n}")).await);
    }
    let mut seed = 7_u32;
    let mut random = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % below
    };
    let mut here = [false; 8];
    for round in 0..40 {
        let mut viewer = Client::open(&hub, "viewer").await;
        for step in 0..20 {
            let n = random(8) as usize;
            if here[n] {
                others[n].unsubscribe("presence-c").await;
            } else {
                others[n].subscribe("presence-c", Some(&json!({"user_id": n % 5}))).await;
            }
            here[n] = !here[n];
            if step == random(20) || step == 10 {
                viewer.subscribe("presence-c", Some(&json!({"user_id": "viewer"}))).await;
            }
        }
        for other in &mut others {
            other.fence().await;
        }
        // A storm is told at the end of its tick.
        viewer.settle().await;
        hub.advance(Duration::from_millis(20)).await;
        let list = followed(&viewer.fence().await);
        let truth: std::collections::BTreeSet<String> =
            (0..8).filter(|n| here[*n]).map(|n| (n % 5).to_string()).chain(["viewer".to_owned()]).collect();
        assert_eq!(list, truth, "round {round}");
        viewer.close().await;
    }
}

/// The list as a client keeps it; it must never be told of what it knows.
fn followed(frames: &[Value]) -> std::collections::BTreeSet<String> {
    let mut list = std::collections::BTreeSet::new();
    for frame in frames {
        let data: Value =
            frame["data"].as_str().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
        let user = data["user_id"].as_str().unwrap_or_default().to_owned();
        match frame["event"].as_str().unwrap() {
            "pusher_internal:subscription_succeeded" => {
                let ids = data["presence"]["ids"].as_array().unwrap();
                list = ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect();
                assert_eq!(data["presence"]["count"], list.len());
                assert_eq!(data["presence"]["hash"].as_object().unwrap().len(), list.len());
            }
            "pusher_internal:member_added" => assert!(list.insert(user), "added twice: {frame}"),
            "pusher_internal:member_removed" => assert!(list.remove(&user), "removed in vain: {frame}"),
            "pusher:error" => {}
            other => panic!("{other}"),
        }
    }
    list
}

/// Events that are published while a client subscribes again are missed by nobody and heard twice by nobody.
#[tokio::test]
async fn resuming_joins_what_was_missed_with_what_comes() {
    let hub = Hub::start(&["apps.0.pusher.event_buffer=true"]).await;
    let mut client = subscribed(&hub, "a", "c", None).await;
    let mut heard = 0;
    let mut last = Value::Null;
    for round in 0..20 {
        for n in 0..10 {
            trigger(&hub, "c", "e", &(round * 10 + n).to_string()).await;
            if n == 3 {
                for frame in client.fence().await {
                    assert_eq!(frame["data"], heard.to_string());
                    (heard, last) = (heard + 1, frame["id"].clone());
                }
                client.close().await;
                client = Client::open(&hub, "a").await;
            }
            if n == 7 {
                client.send(&json!({"event": "pusher:subscribe", "data": {"channel": "c", "resume_after_id": last}})).await;
            }
        }
        for frame in client.fence().await {
            if frame["event"] == "e" {
                assert_eq!(frame["data"], heard.to_string(), "in round {round}");
                (heard, last) = (heard + 1, frame["id"].clone());
            } else {
                assert!(frame["data"].as_str().unwrap().contains(r#""ok":true"#), "{frame}");
            }
        }
        assert_eq!(heard, (round + 1) * 10);
    }
}

#[tokio::test]
async fn pages_of_any_origin_may_call_what_they_can_sign() {
    let hub = Hub::start(&[]).await;
    let url = format!("http://{}/apps/1/channels", hub.address);
    let preflight = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, url)
        .header("origin", "https://page.example")
        .header("access-control-request-method", "GET");
    let answer = preflight.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(answer.headers().get("access-control-allow-credentials").is_none());
}
