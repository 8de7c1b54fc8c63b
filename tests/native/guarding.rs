//! Attacks on spaces: guesses, admins against each other, members on their way out, bodies that are too much.

use presence_protocol::native::{category, event};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::Client;
use super::hub::Hub;

const DENIED: &str = "not.authorized.by.password";

/// A request by somebody with these claims, with a body or without.
pub(crate) async fn call(
    hub: &Hub,
    (method, path): (Method, &str),
    who: &Value,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let request = reqwest::Client::new().request(method, hub.http(path));
    let mut request = request.header("authorization", format!("jwt {}", hub.token(who)));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

pub(crate) async fn post(hub: &Hub, path: &str, who: &Value, body: Value) -> (StatusCode, Value) {
    call(hub, (Method::POST, path), who, Some(body)).await
}

pub(crate) fn boss() -> Value {
    json!({"sub": "boss", "role": "admin"})
}

pub(crate) async fn connect(hub: &Hub, name: &str, token: &str) -> Client {
    let url = format!("ws://{}/ws?token={token}", hub.address);
    let mut client = Client::connect(name, &url, &[]).await.unwrap();
    assert_eq!(client.frame().await["event"], event::AUTHENTICATED);
    client
}

pub(crate) fn subscribe(topic: &str, password: &str) -> Value {
    let channel = json!({"type": "topic", "_id": topic, "password": password});
    json!({"event": event::SUBSCRIBE_CHANNEL, "payload": {"channel": channel}})
}

/// Identities cost a guest nothing, so they buy no guesses either.
#[tokio::test]
async fn a_new_identity_buys_no_new_guesses() {
    let hub = Hub::start(&["limits.password_tries_per_minute=3"]).await;
    post(&hub, "/api/spaces/p", &boss(), json!({"password": "sesame"})).await;
    let mut codes = Vec::new();
    for n in 0..5 {
        let anonymous = reqwest::Client::new().post(hub.http("/api/anonymous/auth")).send().await.unwrap();
        let token = anonymous.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
        let mut guest = connect(&hub, "guest", &token).await;
        guest.send(&subscribe("p", &format!("guess {n}"))).await;
        let failed = guest.frame().await;
        assert_eq!(failed["event"], event::SUBSCRIBE_CHANNEL_FAILED);
        codes.push(failed["payload"]["error"]["code"].as_str().unwrap().to_owned());
    }
    assert_eq!(codes, [DENIED, DENIED, DENIED, "too.fast", "too.fast"]);
}

/// Who may change a role is checked on what is changed, not on what was so when the request came.
#[tokio::test]
async fn of_two_admins_who_depose_each_other_one_wins() {
    let hub = Hub::start(&["limits.spaces_per_minute=100"]).await;
    let (ann, bob) = (json!({"sub": "ann"}), json!({"sub": "bob"}));
    for round in 0..20 {
        let invitees = json!({"invitees": [{"invitee": "bob", "role": "admin"}]});
        let (_, made) = post(&hub, "/api/spaces/invite", &ann, invitees).await;
        let space = made["data"][0]["topicId"].as_str().unwrap();
        let role = json!({"role": "guest"});
        let path = |who: &str| format!("/api/spaces/{space}/attendees/userId/{who}");
        let (of_ann, of_bob) = (path("ann"), path("bob"));
        let (one, other) =
            tokio::join!(post(&hub, &of_bob, &ann, role.clone()), post(&hub, &of_ann, &bob, role.clone()));
        let mut statuses = [one.0.as_u16(), other.0.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403], "round {round}");
        let (_, members) =
            call(&hub, (Method::GET, &format!("/api/spaces/{space}/members")), &ann, None).await;
        let admins = members["data"].as_array().unwrap().iter().filter(|member| member["role"] == "admin");
        assert_eq!(admins.count(), 1, "round {round}");
    }
}

/// A member who is removed does not stay by subscribing again and again meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_removed_while_it_subscribes_is_out() {
    let hub = Hub::start(&[]).await;
    let boss = boss();
    for round in 0..20 {
        let mut bob = connect(&hub, "bob", &hub.token(&json!({"sub": "bob"}))).await;
        let topic = format!("p{round}");
        let space = format!("/api/spaces/{topic}");
        post(&hub, &space, &boss, json!({"password": "sesame"})).await;
        post(&hub, &format!("{space}/invite"), &boss, json!({"invitees": ["bob"]})).await;
        let attendee = format!("{space}/attendees/userId/bob");
        let insisting = async {
            for _ in 0..100 {
                bob.send(&subscribe(&topic, "")).await;
                tokio::task::yield_now().await;
            }
        };
        let (removed, ()) = tokio::join!(call(&hub, (Method::DELETE, &attendee), &boss, None), insisting);
        assert_eq!(removed.0, StatusCode::OK);
        let came = bob.fence().await;
        let last = came.iter().rfind(|frame| frame["event"] != event::SUBSCRIBE_CHANNEL_FAILED);
        let last = last.map(|frame| frame["event"].clone());
        assert!(last.is_none_or(|last| last == event::CHANNEL_UNSUBSCRIBED), "round {round}: {came:?}");
        let (said, _) =
            post(&hub, &format!("{space}/chats"), &boss, json!({"content": {"bodyText": "he is out"}})).await;
        assert_eq!((said, bob.fence().await), (StatusCode::OK, Vec::new()), "round {round}");
    }
}

/// Whoever is let in again while it hears that it was removed, and says that it is there, can leave as everybody can.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_comes_back_as_it_is_removed_leaves_nothing_behind() {
    let hub = Hub::start(&[]).await;
    let mut watcher = connect(&hub, "watcher", &hub.token(&json!({"sub": "watcher"}))).await;
    for round in 0..60 {
        let mut bob = connect(&hub, "bob", &hub.token(&json!({"sub": "bob"}))).await;
        let topic = format!("p{round}");
        let says = |category: &str, receivers: Value| {
            let payload = json!({"category": category, "topicId": topic, "receivers": receivers});
            json!({"event": event::SEND_PRESENCE_EVENT, "payload": payload})
        };
        bob.send(&subscribe(&topic, "")).await;
        bob.send(&says(category::ONLINE, json!([]))).await;
        bob.fence().await;
        let attendee = format!("/api/spaces/{topic}/attendees/userId/bob");
        let insisting = async {
            for _ in 0..8 {
                bob.send(&subscribe(&topic, "")).await;
                // Who is named is looked up, which takes a while.
                bob.send(&says(category::ONLINE, json!(["nobody"]))).await;
            }
        };
        let boss = boss();
        let (removed, ()) = tokio::join!(call(&hub, (Method::DELETE, &attendee), &boss, None), insisting);
        assert_eq!(removed.0, StatusCode::OK);
        bob.fence().await;
        if round % 2 == 0 {
            bob.send(&says(category::LEAVES, json!([]))).await;
        } else {
            bob.send(&json!({"event": event::UNSUBSCRIBE_CHANNEL, "payload": {"channel": {"_id": topic}}}))
                .await;
        }
        bob.fence().await;
        watcher.send(&subscribe(&topic, "")).await;
        let subscribed = watcher.frame().await;
        assert_eq!(subscribed["payload"]["hub"]["roster"], json!([]), "round {round}");
    }
}

/// A subscription that waits for a storm to pass is ended by a removal, and nobody takes it for one afterwards.
#[tokio::test]
async fn whoever_is_removed_while_its_subscription_waits_is_not_subscribed() {
    let hub = Hub::start(&[]).await;
    let basic = [("authorization", "Basic ZGVtby1rZXk6ZGVtby1zZWNyZXQ=")];
    let url = format!("ws://{}/ws", hub.address);
    let mut backend = Client::connect("backend", &url, &basic).await.unwrap();
    assert_eq!(backend.frame().await["event"], event::AUTHENTICATED);
    backend.send(&subscribe("a", "")).await;
    for n in 0..30 {
        let sender = json!({"_id": format!("CA{n}"), "type": "phone"});
        let payload = json!({"category": category::ONLINE, "topicId": "a", "sender": sender});
        backend.send(&json!({"event": event::SEND_PRESENCE_EVENT, "payload": payload})).await;
    }
    backend.fence().await;
    let mut bob = connect(&hub, "bob", &hub.token(&json!({"sub": "bob"}))).await;
    bob.send(&subscribe("a", "")).await;
    assert_eq!(bob.fence().await, Vec::<Value>::new(), "it waits");
    let removed = call(&hub, (Method::DELETE, "/api/spaces/a/attendees/userId/bob"), &boss(), None).await;
    assert_eq!(removed.0, StatusCode::OK);
    let told: Vec<_> = bob.fence().await.iter().map(|frame| frame["event"].clone()).collect();
    assert_eq!(told, [event::CHANNEL_UNSUBSCRIBED, event::SUBSCRIBE_CHANNEL_FAILED]);
    let online = json!({"category": category::ONLINE, "topicId": "a"});
    bob.send(&json!({"event": event::SEND_PRESENCE_EVENT, "payload": online})).await;
    let refused = bob.fence().await;
    assert_eq!(
        refused.first().map(|it| &it["payload"]["category"]),
        Some(&json!(category::INVALID)),
        "{refused:?}"
    );
}

/// Pages of allowed origins may ask everything, with the headers that clients use; others nothing.
#[tokio::test]
async fn pages_may_ask_what_the_dialect_has() {
    let hub = Hub::start(&[
        "apps.0.id=1",
        "apps.0.key=demo-key",
        "apps.0.secret=demo-secret",
        "apps.0.origins=https://app.test",
    ])
    .await;
    for (method, path) in [
        ("POST", "/api/anonymous/auth"),
        ("GET", "/api/users/me"),
        ("GET", "/api/service-configurations"),
        ("POST", "/api/spaces/invite"),
        ("GET", "/api/spaces/a"),
        ("POST", "/api/spaces/a"),
        ("DELETE", "/api/spaces/a"),
        ("GET", "/api/spaces/a/join"),
        ("GET", "/api/spaces/a/join/"),
        ("GET", "/api/spaces/a/members"),
        ("POST", "/api/spaces/a/invite"),
        ("POST", "/api/spaces/a/attendees/userId/b"),
        ("DELETE", "/api/spaces/a/attendees/userId/b"),
        ("GET", "/api/spaces/a/activemeeting"),
        ("POST", "/api/spaces/a/chats"),
        ("POST", "/api/users/me/spaces/a/markread"),
        ("POST", "/users/me/spaces/a/markread"),
        ("GET", "/api/mediasessions/mpaas/token/a"),
    ] {
        for (origin, is_welcome) in [("https://app.test", true), ("https://evil.test", false)] {
            let wanted = "authorization, content-type, spaces-x-space-password";
            let preflight = reqwest::Client::new()
                .request(Method::OPTIONS, hub.http(path))
                .header("origin", origin)
                .header("access-control-request-method", method)
                .header("access-control-request-headers", wanted);
            let answer = preflight.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            let header = |name: &str| {
                answer
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
                    .to_owned()
            };
            assert_eq!(header("access-control-allow-origin"), if is_welcome { origin } else { "" }, "{path}");
            let headers = header("access-control-allow-headers");
            assert!(wanted.split(", ").all(|name| headers.contains(name)), "{path}: {headers}");
            assert!(header("access-control-allow-methods").contains(method), "{path}");
        }
    }
}

#[tokio::test]
async fn bodies_that_are_too_much_are_refused() {
    let hub = Hub::start(&["http.body_bytes=1KiB", "limits.content_bytes=256"]).await;
    let ann = json!({"sub": "ann", "role": "admin"});
    let nested = (0..40).fold(json!(1), |inner, _| json!([inner]));
    for (path, body, status, code) in [
        ("/api/spaces/a", json!({"title": "x".repeat(2000)}), 413, "too.large"),
        ("/api/spaces/invite", json!({"invitees": vec!["someone"; 200]}), 413, "too.large"),
        ("/api/spaces/a/chats", json!({"content": {"bodyText": "x".repeat(2000)}}), 413, "too.large"),
        ("/api/spaces/a/chats", json!({"content": {"bodyText": "x".repeat(600)}}), 413, "too.large"),
        ("/api/spaces/a/chats", json!({"content": {"x": nested}}), 400, "too.deep"),
        ("/api/spaces/a/attendees/userId/bob", json!({"role": {"role": "admin"}}), 400, "invalid.parameters"),
        ("/api/spaces/a/attendees/userId/%00", json!({"role": "admin"}), 400, "invalid.parameters"),
        ("/api/spaces/a%0d%0ax/chats", json!({"content": {}}), 400, "invalid.parameters"),
    ] {
        let (found, answer) = post(&hub, path, &ann, body).await;
        assert_eq!(
            (found.as_u16(), answer["error"]["code"].as_str()),
            (status, Some(code)),
            "{path}: {answer}"
        );
    }
}

/// A crowded space is refused, and stays what it was.
#[tokio::test]
async fn a_space_that_is_too_large_is_not_kept() {
    let hub = Hub::start(&["limits.document_bytes=2KiB"]).await;
    let crowd: Vec<String> = (0..40).map(|n| format!("user {n}")).collect();
    post(&hub, "/api/spaces/a/invite", &boss(), json!({"invitees": ["ann"]})).await;
    let (status, answer) = post(&hub, "/api/spaces/a/invite", &boss(), json!({"invitees": crowd})).await;
    assert_eq!((status.as_u16(), answer["error"]["code"].as_str()), (409, Some("too.large")), "{answer}");
    let (_, members) = call(&hub, (Method::GET, "/api/spaces/a/members"), &boss(), None).await;
    assert_eq!(members["total"], 1);
}
