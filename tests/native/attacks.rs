//! Attacks on the whole hub, numbered as in the project's threat table; those on the transport alone are in `tests/websocket`.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Came, Client};
use super::hub::{Hub, mint};

async fn connect(hub: &Hub, name: &str, token: &str) -> Client {
    let url = format!("ws://{}/ws?token={token}", hub.address);
    let mut client = Client::connect(name, &url, &[]).await.unwrap();
    assert_eq!(client.frame().await["event"], "AUTHENTICATED");
    client
}

async fn party(hub: &Hub, name: &str) -> Client {
    connect(hub, name, &hub.token(&json!({"sub": name, "displayname": name}))).await
}

fn subscribe(topic: &str) -> Value {
    json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": {"type": "topic", "_id": topic}}})
}

fn online(topic: &str, content: &Value) -> Value {
    let category = "app.event.presence.party.online";
    json!({"event": "SEND_PRESENCE_EVENT", "payload": {"category": category, "topicId": topic, "content": content}})
}

/// Attack 1: a page of another origin cannot use a visitor's hub.
#[tokio::test]
async fn foreign_origins_are_refused_before_the_upgrade() {
    let hub = Hub::start(&[]).await;
    let token = hub.token(&json!({"sub": "alice"}));
    let url = format!("ws://{}/ws?token={token}", hub.address);
    let own = format!("http://{}", hub.address);
    for (origin, is_welcome) in [
        (own.as_str(), true),
        ("http://evil.test", false),
        ("null", false),
        (&format!("{own}.evil.test"), false),
        ("http://127.0.0.1:1", false),
    ] {
        let connected = Client::connect("alice", &url, &[("origin", origin)]).await;
        assert_eq!(connected.is_ok(), is_welcome, "{origin}");
        if let Err(why) = connected {
            assert!(why.contains("403"), "{origin}: {why}");
        }
    }
}

/// Attack 2: every way in which a token can be wrong, with one and the same answer.
#[tokio::test]
async fn wrong_tokens_are_refused_alike() {
    let hub = Hub::start(&[]).await;
    let now = hub.clock.now().wall.seconds();
    let good = json!({"sub": "alice", "exp": now + 60});
    let none = format!("{}.{}.", base("{\"alg\":\"none\",\"kid\":\"demo-key\"}"), base(&good.to_string()));
    let wrong = [
        ("no token at all", String::new()),
        ("not a token", "a.b.c".to_owned()),
        ("alg none", none),
        ("another secret", mint(&good, "demo-key", b"guess")),
        ("an unknown key", mint(&good, "no-such-key", b"demo-secret")),
        ("no exp", mint(&json!({"sub": "alice"}), "demo-key", b"demo-secret")),
        ("expired", mint(&json!({"sub": "alice", "exp": now - 6}), "demo-key", b"demo-secret")),
        (
            "not yet",
            mint(&json!({"sub": "alice", "exp": now + 60, "nbf": now + 30}), "demo-key", b"demo-secret"),
        ),
        ("nobody", mint(&json!({"exp": now + 60}), "demo-key", b"demo-secret")),
        (
            "a control character",
            mint(&json!({"sub": "a\u{1f}b", "exp": now + 60}), "demo-key", b"demo-secret"),
        ),
    ];
    let mut answers = Vec::new();
    for (why, token) in &wrong {
        let answer = reqwest::Client::new()
            .get(hub.http("/api/users/me"))
            .header("authorization", format!("jwt {token}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{why}");
        answers.push(answer.text().await.unwrap());
        if !token.is_empty() {
            let url = format!("ws://{}/ws?token={token}", hub.address);
            let refused = Client::connect("nobody", &url, &[]).await.err().unwrap_or_default();
            assert!(refused.contains("401"), "{why}: {refused}");
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let within_leeway = mint(&json!({"sub": "alice", "exp": now - 4}), "demo-key", b"demo-secret");
    let me = reqwest::Client::new()
        .get(hub.http("/api/users/me"))
        .header("authorization", format!("BEARER {within_leeway}"))
        .send()
        .await
        .unwrap();
    assert_eq!(me.status(), 200, "the leeway is 5 s");
}

fn base(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

/// Attack 4: a token that expires ends the connection, after a warning, unless it is renewed for the same party.
#[tokio::test]
async fn a_token_that_expires_ends_the_connection() {
    let hub = Hub::start(&["limits.ping_interval=1h"]).await;
    let short = Duration::from_secs(60);
    let mut alice = connect(&hub, "alice", &hub.token_for(&json!({"sub": "alice"}), short)).await;
    let mut bob = connect(&hub, "bob", &hub.token_for(&json!({"sub": "bob"}), short)).await;
    hub.advance(Duration::from_secs(31)).await;
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.frame().await["event"], "TOKEN_EXPIRING");
    }
    let mallory = hub.token(&json!({"sub": "mallory"}));
    alice.send(&json!({"event": "AUTHENTICATE", "payload": {"token": mallory}})).await;
    assert_eq!(alice.frame().await["event"], "AUTHENTICATE_FAILED");
    let renewed = hub.token(&json!({"sub": "bob"}));
    bob.send(&json!({"event": "AUTHENTICATE", "payload": {"token": renewed}})).await;
    assert_eq!(bob.frame().await["event"], "AUTHENTICATED");
    assert_eq!(code(&mut alice).await, Some(4401));
    hub.advance(Duration::from_secs(60)).await;
    bob.settle().await;
}

async fn code(client: &mut Client) -> Option<u16> {
    loop {
        if let Came::Closed(close) = client.next().await {
            return close.map(|close| u16::from(close.code));
        }
    }
}

/// Attack 16: JSON bombs get the failure event of their request, and the connection lives.
#[tokio::test]
async fn json_bombs_are_defused() {
    let hub = Hub::start(&[]).await;
    let mut alice = party(&hub, "alice").await;
    alice.send(&subscribe("a")).await;
    alice.frame().await;
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let keys = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let around = |content: &str| {
        let category = "app.event.presence.party.online";
        format!(
            r#"{{"event":"SEND_PRESENCE_EVENT","payload":{{"category":"{category}","topicId":"a","content":{{"x":{content}}}}}}}"#
        )
    };
    for bomb in
        [deep(40), deep(10_000), keys(257), format!("\"{}\"", "x".repeat(17_000)), "1e999999".to_owned()]
    {
        alice.send_text(&around(&bomb)).await;
        let answer = alice.frame().await;
        let is_refused =
            answer["event"] == "ERROR" || answer["payload"]["category"] == "media.session.invalid";
        assert!(is_refused, "{answer} for {}", &bomb[..bomb.len().min(40)]);
    }
    alice.send_text(&around(&keys(200))).await;
    assert_eq!(alice.frame().await["payload"]["category"], "app.event.presence.party.online");
    alice.send_text(r#"{"event":"SEND_PRESENCE_EVENT","event":"x","payload":{}}"#).await;
    alice.frame().await;
    alice.settle().await;
}

/// Attacks 17 and 18: names that try to be something else.
#[tokio::test]
async fn hostile_names_stay_names() {
    let hub = Hub::start(&[]).await;
    let mut alice = party(&hub, "__proto__").await;
    for topic in ["a|b", "{}", "*", "..", "a%2fb", "../../etc", "ph:{1.2}:log", "constructor", "a\u{202e}b"] {
        alice.send(&subscribe(topic)).await;
        let answer = alice.frame().await;
        if answer["event"] == "CHANNEL_SUBSCRIBED" {
            assert_eq!(answer["payload"]["channel"]["_id"], topic, "a name is literal");
        } else {
            assert_eq!(answer["event"], "SUBSCRIBE_CHANNEL_FAILED", "{topic:?}");
        }
    }
    for topic in ["a\u{1f}b", "a\r\nSet-Cookie: x", "x-pnpres", &"x".repeat(257), "#server-to-user-1"] {
        alice.send(&subscribe(topic)).await;
        assert_eq!(alice.frame().await["event"], "SUBSCRIBE_CHANNEL_FAILED", "{topic:?}");
    }
    let claims = json!({"sub": "m", "displayname": "a\u{0}b\u{202e}c\r\nd"});
    let mut mallory = connect(&hub, "m", &hub.token(&claims)).await;
    mallory.send(&subscribe("a|b")).await;
    mallory.frame().await;
    mallory.send(&online("a|b", &json!({}))).await;
    let shown = mallory.frame().await["payload"]["sender"]["displayname"].as_str().unwrap().to_owned();
    assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
}

/// Attack 22: floods of subscriptions meet their limit, and muting ten times a second does not.
#[tokio::test]
async fn subscription_floods_are_bounded_and_muting_is_not_a_flood() {
    let hub = Hub::start(&["limits.topics_per_session=30", "limits.subscribes_per_second=20"]).await;
    let mut alice = party(&hub, "alice").await;
    let mut refused = Vec::new();
    for n in 0..200 {
        alice.send(&subscribe(&format!("t{n}"))).await;
        let answer = alice.frame().await;
        if answer["event"] == "SUBSCRIBE_CHANNEL_FAILED" {
            refused.push(answer["payload"]["error"]["code"].clone());
        }
        if n % 20 == 0 {
            hub.advance(Duration::from_secs(1)).await;
        }
    }
    assert!(refused.contains(&json!("too.many.topics")), "{refused:?}");
    hub.advance(Duration::from_secs(2)).await;
    let mut watcher = party(&hub, "watcher").await;
    watcher.send(&subscribe("t0")).await;
    watcher.frame().await;
    for n in 0..100 {
        alice.send(&online("t0", &json!({"mediaSession": {"audio": n % 2 == 0, "n": n}}))).await;
        alice.settle().await;
        hub.advance(Duration::from_millis(100)).await;
    }
    hub.advance(Duration::from_secs(2)).await;
    alice.settle().await;
    watcher.settle().await;
    let mut last = Value::Null;
    for frame in watcher.fence().await {
        last = frame["payload"]["content"]["mediaSession"]["n"].clone();
    }
    assert_eq!(last, 99, "the last state arrives");
}

/// Attack 22: coming and going all the time ends the connection.
#[tokio::test]
async fn churn_is_closed() {
    let hub = Hub::start(&[]).await;
    let mut alice = party(&hub, "alice").await;
    alice.send(&subscribe("a")).await;
    let leaves = "app.event.presence.party.leaves";
    for _ in 0..60 {
        alice.send(&online("a", &json!({}))).await;
        alice
            .send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": {"category": leaves, "topicId": "a"}}))
            .await;
    }
    assert_eq!(code(&mut alice).await, Some(1008));
}

/// Frames that are no requests are answered, but not as a flood.
#[tokio::test]
async fn floods_of_nonsense_are_closed() {
    let hub = Hub::start(&[]).await;
    for nonsense in ["{nonsense", r#"{"event":"AUTHENTICATE","payload":{}}"#] {
        let mut alice = party(&hub, "alice").await;
        for _ in 0..300 {
            alice.send_text(nonsense).await;
        }
        assert!(matches!(code(&mut alice).await, Some(1008 | 4401)), "{nonsense}");
    }
}

/// Attack 12: a request whose body never comes does not keep its place.
#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let hub = Hub::start(&[]).await;
    let mut stream = tokio::net::TcpStream::connect(hub.address).await.unwrap();
    let head = "POST /api/anonymous/auth HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    let mut read = std::pin::pin!(stream.read(&mut answer));
    let length = loop {
        tokio::select! {
            read = &mut read => break read.unwrap(),
            () = tokio::task::yield_now() => hub.advance(Duration::from_secs(1)).await,
        }
    };
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408") || length == 0, "{answer}");
}

/// Attack 23: a party has only so many connections.
#[tokio::test]
async fn a_party_has_only_so_many_connections() {
    let hub = Hub::start(&["limits.connections_per_party=4"]).await;
    let token = hub.token(&json!({"sub": "alice"}));
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(connect(&hub, "alice", &token).await);
    }
    let url = format!("ws://{}/ws?token={token}", hub.address);
    match Client::connect("alice", &url, &[]).await {
        Err(why) => assert!(why.contains("429"), "{why}"),
        Ok(mut fifth) => assert_eq!(code(&mut fifth).await, Some(4429)),
    }
    drop(party(&hub, "bob").await);
}

/// Attack 33: metrics have no label that a client can choose.
#[tokio::test]
async fn metrics_do_not_grow_with_topics() {
    let hub = Hub::start(&["limits.topics_per_session=1000", "limits.subscribes_per_second=10000"]).await;
    let metrics = async || {
        let url = format!("http://{}/metrics", hub.admin);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    };
    let mut alice = party(&hub, "secret-alice").await;
    alice.send(&subscribe("secret-topic")).await;
    alice.settle().await;
    let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    let before = series(&metrics().await);
    for n in 0..100 {
        alice.send(&subscribe(&format!("secret-topic-{n}"))).await;
    }
    alice.settle().await;
    let after = metrics().await;
    assert_eq!(series(&after), before);
    assert!(before > 10, "{after}");
    assert!(!after.contains("secret"), "{after}");
}

/// Attack 34: the admin listener answers nobody without the token, nor under another host's name.
#[tokio::test]
async fn admin_calls_need_the_token() {
    let hub = Hub::start(&[]).await;
    let url = format!("http://{}/admin/stats", hub.admin);
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(client.get(&url).bearer_auth("guess").send().await.unwrap().status(), 401);
    assert_eq!(client.get(&url).bearer_auth("admin-token").send().await.unwrap().status(), 200);
    let rebound = client.get(&url).bearer_auth("admin-token").header("host", "evil.test");
    assert_eq!(rebound.send().await.unwrap().status(), 421);
    for path in ["/admin/stats", "/metrics", "/debug", "/admin/drain"] {
        let status = client.get(hub.http(path)).bearer_auth("admin-token").send().await.unwrap().status();
        assert_eq!(status, 404, "{path} is not on the main listener");
    }
}

/// Attack 36: the demo page may run only its own scripts.
#[tokio::test]
async fn the_demo_page_has_a_strict_policy() {
    let hub = Hub::start(&[]).await;
    let page = reqwest::get(hub.http("/")).await.unwrap();
    assert_eq!(page.status(), 200);
    let headers = page.headers().clone();
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    let body = page.text().await.unwrap();
    assert!(!body.contains("<script>") && !body.contains(" onclick="), "no inline script");
    let rebound = reqwest::Client::new().get(hub.http("/")).header("host", "evil.test").send().await.unwrap();
    assert_eq!(rebound.status(), 421, "attack 27: a page that was rebound");
}

/// A path that is nobody's is not found under any host's name and by any method: it is not a page that another host might have.
#[tokio::test]
async fn a_path_that_is_nobodys_is_not_found() {
    let hub = Hub::start(&[]).await;
    let client = reqwest::Client::new();
    for host in ["127.0.0.1", "hub.example.test"] {
        for method in ["GET", "POST", "DELETE"] {
            let request =
                client.request(method.parse().unwrap(), hub.http("/apps/1/nope")).header("host", host);
            assert_eq!(request.send().await.unwrap().status(), 404, "{method} under {host}");
        }
    }
    let posted = client.post(hub.http("/style.css")).send().await.unwrap();
    assert_eq!(posted.status(), 405, "a page is only read");
    assert_eq!(posted.headers()["allow"], "GET,HEAD");
}
