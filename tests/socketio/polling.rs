//! Long polling: S3, S15, and what happens when requests overlap, break off or come no more.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::hub::Hub;
use super::polled::{Polled, packets, payload};
use super::raw::{Raw, channel, event_of, online};

#[tokio::test]
async fn s3_everything_can_be_done_by_polling() {
    let hub = Hub::start(&[]).await;
    let mut bob = Raw::enter(&hub, 4, "bob").await;
    bob.subscribe("a").await;
    for version in [3, 4] {
        let party = format!("p{version}");
        let polled = Polled::enter(&hub, version, &party).await;
        let subscribe = format!("42/chat,{}", json!(["SUBSCRIBE_CHANNEL", channel("a")]));
        let mut content = online("a");
        content["content"]["note"] = json!("h\u{e9}llo \u{1f600}");
        let online = format!("42/chat,{}", json!(["SEND_PRESENCE_EVENT", content]));
        polled.post(&[&subscribe, &online]).await;
        let mut came = Vec::new();
        while came.len() < 2 {
            came.extend(polled.poll().await);
        }
        assert_eq!(event_of(&came[0]).unwrap().0, "CHANNEL_SUBSCRIBED");
        let (_, own) = event_of(&came[1]).unwrap();
        let (_, seen) = bob.event().await;
        assert_eq!(
            (&own["sender"]["_id"], &own["content"]["note"]),
            (&json!(party), &json!("h\u{e9}llo \u{1f600}"))
        );
        assert_eq!(own["content"], seen["content"]);
        polled.post(&["2"]).await;
        assert_eq!(polled.poll().await, ["3"]);
        polled.post(&["1"]).await;
        while polled.get().await.status() != StatusCode::BAD_REQUEST {}
    }
}

#[tokio::test]
async fn s15_what_is_not_served_is_refused_as_clients_know_it() {
    let hub = Hub::start(&[]).await;
    let http = Client::new();
    for (method, query, code) in [
        ("GET", "transport=polling", 5),
        ("GET", "EIO=2&transport=polling", 5),
        ("GET", "EIO=abc&transport=polling", 5),
        ("GET", "EIO=4", 0),
        ("GET", "EIO=4&transport=flashsocket", 0),
        ("GET", "EIO=4&transport=polling&sid=unknown", 1),
        ("POST", "EIO=4&transport=polling&sid=unknown", 1),
        ("GET", "EIO=4&transport=websocket&sid=unknown", 1),
        ("POST", "EIO=4&transport=polling", 2),
        ("PUT", "EIO=3&transport=polling", 2),
        ("GET", "EIO=4&transport=websocket", 3),
    ] {
        let url = hub.http(&format!("/socket.io/?{query}"));
        let response =
            http.request(Method::from_bytes(method.as_bytes()).unwrap(), url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{method} {query}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code, "{method} {query}");
    }
    let preflight = http
        .request(Method::OPTIONS, hub.http("/socket.io/?EIO=3&transport=polling"))
        .header("origin", format!("http://{}", hub.address))
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,spaces-x-space-password")
        .send()
        .await
        .unwrap();
    let allowed = |name: &str| preflight.headers()[name].to_str().unwrap().to_lowercase();
    assert_eq!(allowed("access-control-allow-credentials"), "true");
    assert!(allowed("access-control-allow-methods").contains("post"));
    for header in ["authorization", "content-type", "spaces-x-space-password"] {
        assert!(allowed("access-control-allow-headers").contains(header));
    }
}

#[tokio::test]
async fn a_second_poll_ends_the_connection() {
    let hub = Hub::start(&[]).await;
    for version in [3, 4] {
        let polled = Polled::enter(&hub, version, "alice").await;
        let first = tokio::spawn({
            let polled = polled.clone();
            async move { polled.poll().await }
        });
        // Whichever comes first waits; the other is refused.
        let second = polled.get().await;
        let (refused, waiting) = if second.status() == StatusCode::BAD_REQUEST {
            (second.status(), first.await.unwrap())
        } else {
            let body = second.text().await.unwrap();
            assert!(first.await.is_err());
            (StatusCode::BAD_REQUEST, packets(version, &body))
        };
        assert_eq!((refused, waiting), (StatusCode::BAD_REQUEST, vec!["1".to_owned()]));
        assert_eq!(polled.get().await.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_end_the_connection() {
    let hub = Hub::start(&[]).await;
    for (version, body, status) in [
        (4, b"\xff\xfe".to_vec(), 400),
        (4, b"x".to_vec(), 400),
        (4, b"b%%%".to_vec(), 400),
        (4, vec![b'4'; 70_000], 413),
        (3, b"abc".to_vec(), 400),
        (3, b"5:4a".to_vec(), 400),
        (3, b"99999999999999999999:4a".to_vec(), 400),
        (3, b"-1:4a".to_vec(), 400),
        (3, vec![b'9'; 70_000], 413),
    ] {
        let polled = Polled::enter(&hub, version, "alice").await;
        let told = format!("{version} {:?}", &body[..body.len().min(8)]);
        let response = polled.send(body, "text/plain;charset=UTF-8").await;
        assert_eq!(response.status().as_u16(), status, "{told}");
        assert_eq!(polled.get().await.status(), StatusCode::BAD_REQUEST, "{told}");
    }
}

#[tokio::test]
async fn version_3_sends_binary_bodies_too() {
    let hub = Hub::start(&[]).await;
    let polled = Polled::enter(&hub, 3, "alice").await;
    let subscribe = format!("42/chat,{}", json!(["SUBSCRIBE_CHANNEL", channel("a")]));
    let mut body = vec![0];
    body.extend(subscribe.len().to_string().bytes().map(|digit| digit - b'0'));
    body.push(255);
    body.extend(subscribe.bytes());
    let response = polled.send(body, "application/octet-stream").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(event_of(&polled.poll().await[0]).unwrap().0, "CHANNEL_SUBSCRIBED");
    // Parts of a packet come as base64 where the client knows nothing better.
    let message = json!(["SEND_MESSAGE", {"category": "chat", "topicId": "a",
        "content": {"bodyText": {"_placeholder": true, "num": 0}}}]);
    polled.post(&[&format!("451-/chat,{message}"), "b4YWI="]).await;
    assert_eq!(event_of(&polled.poll().await[0]).unwrap().1["content"]["bodyText"], "YWI=");
}

#[tokio::test]
async fn whoever_breaks_off_a_poll_or_polls_no_more_is_gone() {
    let hub = Hub::start(&["limits.ping_interval=10s"]).await;
    let mut bob = Raw::enter(&hub, 3, "bob").await;
    bob.subscribe("a").await;
    for breaks_off in [true, false] {
        let polled = Polled::enter(&hub, 4, "alice").await;
        polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
        polled.poll().await;
        polled.emit("SEND_PRESENCE_EVENT", &online("a")).await;
        polled.poll().await;
        assert_eq!(bob.event().await.1["sender"]["_id"], "alice");
        if breaks_off {
            let waiting = tokio::spawn({
                let polled = polled.clone();
                async move { polled.get().await }
            });
            // A poll that is there answers the hub's pings, however long it waits.
            polled.post(&["3"]).await;
            waiting.abort();
            while polled.get().await.status() != StatusCode::BAD_REQUEST {}
        } else {
            // Nobody fetches the ping of Engine.IO, which is what says that it is gone.
            for seconds in [17, 8, 20] {
                assert!(polled.send(b"6".to_vec(), "text/plain").await.status().is_success());
                hub.advance(Duration::from_secs(seconds)).await;
                bob.fence().await;
            }
            while polled.get().await.status() != StatusCode::BAD_REQUEST {}
        }
        bob.fence().await;
        hub.advance(Duration::from_secs(15)).await;
        let (_, left) = bob.event().await;
        assert_eq!(
            (&left["category"], &left["hub"]["cause"]),
            (&json!("app.event.presence.party.leaves"), &json!("closed"))
        );
    }
}

#[tokio::test]
async fn bodies_of_many_packets_are_served_in_order() {
    let hub = Hub::start(&["limits.events_per_second=10000"]).await;
    let polled = Polled::enter(&hub, 4, "alice").await;
    polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
    polled.poll().await;
    let message = |number: usize| {
        let message =
            json!({"category": "chat", "topicId": "a", "content": {"bodyText": number.to_string()}});
        format!("42/chat,{}", json!(["SEND_MESSAGE", message]))
    };
    let sent: Vec<String> = (0..200).map(message).collect();
    for chunk in sent.chunks(50) {
        let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
        assert!(payload(4, &chunk).len() < 65_536);
        polled.post(&chunk).await;
    }
    let mut came = Vec::new();
    while came.len() < 200 {
        came.extend(polled.poll().await);
    }
    for (number, packet) in came.iter().enumerate() {
        assert_eq!(event_of(packet).unwrap().1["content"]["bodyText"], number.to_string());
    }
}

#[tokio::test]
async fn an_answer_holds_as_many_packets_as_clients_take_and_the_rest_comes_next() {
    let hub = Hub::start(&["limits.events_per_second=10000"]).await;
    for version in [3, 4] {
        let polled = Polled::enter(&hub, version, "alice").await;
        polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
        polled.poll().await;
        let mut bob = Raw::enter(&hub, 4, "bob").await;
        bob.subscribe("a").await;
        for number in 0..100 {
            let message =
                json!({"category": "chat", "topicId": "a", "content": {"bodyText": number.to_string()}});
            bob.emit("SEND_MESSAGE", &message).await;
        }
        bob.fence().await;
        let mut came = Vec::new();
        while came.len() < 100 {
            let packets = polled.poll().await;
            assert!(packets.len() <= 16, "{}", packets.len());
            came.extend(packets);
        }
        assert!(came[99].contains("\"99\""));
    }
}

#[tokio::test]
async fn any_text_travels_both_ways_to_clients_that_count_and_encode_differently() {
    let hub = Hub::start(&[]).await;
    let polled = Polled::enter(&hub, 3, "alice").await;
    polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
    polled.poll().await;
    let text = "h\u{e9}llo \u{1f600}";
    let message = json!({"category": "chat", "topicId": "a", "content": {"bodyText": text}});
    let packet = format!("42/chat,{}", json!(["SEND_MESSAGE", message]));
    let twice: String = packet.bytes().map(char::from).collect();
    for packet in [&packet, &twice] {
        polled.post(&[packet]).await;
        let body = polled.get().await.text().await.unwrap();
        assert!(body.is_ascii(), "{body}");
        let packets = packets(3, &body);
        assert_eq!(event_of(&packets[0]).unwrap().1["content"]["bodyText"], text);
    }
}

#[tokio::test]
async fn a_length_within_a_character_is_refused_and_nothing_hangs() {
    let hub = Hub::start(&[]).await;
    for _ in 0..4 {
        let polled = Polled::open(&hub, 3, "alice").await;
        let response = polled.send("2:4\u{1d54a}xxxx".as_bytes().to_vec(), "text/plain;charset=UTF-8").await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    let script = hub.http("/socket.io/?EIO=3&transport=polling&j=0");
    assert_eq!(reqwest::get(script).await.unwrap().status(), StatusCode::BAD_REQUEST);
}
