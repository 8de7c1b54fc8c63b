//! Attacks on the calls about spaces: guests that fill memory, guards that are gone round, spaces without end, bodies that are none.

use std::time::Duration;

use presence_protocol::native::event;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::Client;
use super::guarding::{boss, call, connect, post, subscribe};
use super::hub::Hub;

const OK: StatusCode = StatusCode::OK;

async fn get(hub: &Hub, path: &str, who: &Value) -> (StatusCode, Value) {
    call(hub, (Method::GET, path), who, None).await
}

async fn delete(hub: &Hub, path: &str, who: &Value) -> (StatusCode, Value) {
    call(hub, (Method::DELETE, path), who, None).await
}

async fn watch(hub: &Hub, name: &str, claims: &Value, topic: &str) -> Client {
    let mut client = connect(hub, name, &hub.token(claims)).await;
    client.send(&subscribe(topic, "")).await;
    assert_eq!(client.frame().await["event"], event::CHANNEL_SUBSCRIBED);
    client
}

/// Says that somebody is there, and waits until it is so.
async fn come_online(client: &mut Client, topic: &str) {
    let payload = json!({"category": "app.event.presence.party.online", "topicId": topic, "content": {}});
    client.send(&json!({"event": event::SEND_PRESENCE_EVENT, "payload": payload})).await;
    drop(client.fence().await);
}

/// A new space of somebody, with these members beside.
async fn found(hub: &Hub, who: &Value, kind: &str, invitees: Value) -> String {
    let body = json!({"topic": {"type": kind, "title": "A space"}, "invitees": invitees});
    let (status, made) = post(hub, "/api/spaces/invite", who, body).await;
    assert_eq!(status, OK, "{made}");
    made["data"][0]["topicId"].as_str().unwrap().to_owned()
}

fn chat() -> Value {
    json!({"content": {"bodyText": "x"}})
}

fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["error"]["code"].as_str().unwrap_or_default())
}

// === Memory ===

/// Identities cost a guest nothing, so they buy no room either.
#[tokio::test]
async fn a_new_identity_buys_no_new_pace() {
    let hub = Hub::start(&["limits.events_per_second=1"]).await;
    let mut statuses = Vec::new();
    for n in 0..6 {
        let guest = json!({"anonymous_id": format!("guest {n}")});
        statuses.push(post(&hub, "/api/spaces/a/chats", &guest, chat()).await.0.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 429, 429]);
    assert_eq!(post(&hub, "/api/spaces/a/chats", &boss(), chat()).await.0, OK, "users are not concerned");
}

/// The topics that the hub has, as it counts them each second.
async fn topics(hub: &Hub) -> u64 {
    hub.advance(Duration::from_secs(1)).await;
    let mut fence = connect(hub, "fence", &hub.token(&boss())).await;
    drop(fence.fence().await);
    metric(hub, "hub_broker_topics").await
}

async fn metric(hub: &Hub, name: &str) -> u64 {
    let metrics = reqwest::get(format!("http://{}/metrics", hub.admin)).await.unwrap().text().await.unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_nobody_hears_leaves_nothing_behind() {
    let hub = Hub::start(&[]).await;
    for n in 0..10 {
        let (status, said) = post(&hub, &format!("/api/spaces/t{n}/chats"), &boss(), chat()).await;
        assert_eq!((status, &said["content"]["bodyText"]), (OK, &json!("x")));
    }
    assert_eq!(topics(&hub).await, 0);
    let _bob = watch(&hub, "bob", &json!({"sub": "bob"}), "a").await;
    assert_eq!(topics(&hub).await, 1);
}

/// Whoever has just come back to a topic that was empty hears what is said there.
#[tokio::test]
async fn what_is_said_to_somebody_who_has_just_come_is_heard() {
    let hub = Hub::start(&[]).await;
    let mut bob = watch(&hub, "bob", &json!({"sub": "bob"}), "a").await;
    let channel = json!({"type": "topic", "_id": "a"});
    bob.send(&json!({"event": event::UNSUBSCRIBE_CHANNEL, "payload": {"channel": channel}})).await;
    drop(bob.fence().await);
    assert_eq!(topics(&hub).await, 1, "it is remembered");
    bob.send(&subscribe("a", "")).await;
    assert_eq!(bob.frame().await["event"], event::CHANNEL_SUBSCRIBED);
    assert_eq!(post(&hub, "/api/spaces/a/chats", &boss(), chat()).await.0, OK);
    assert_eq!(bob.frame().await["event"], event::MESSAGE_SENT);
}

#[tokio::test]
async fn asking_for_meetings_is_paced() {
    let hub = Hub::start(&["limits.events_per_second=1"]).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(get(&hub, "/api/spaces/a/activemeeting", &boss()).await.0.as_u16());
    }
    assert_eq!(statuses, [404, 404, 404, 404, 429]);
}

// === Guards ===

/// The path does not say what somebody is.
#[tokio::test]
async fn a_user_who_is_called_anonymous_is_a_user() {
    let hub = Hub::start(&[]).await;
    let (ann, bob) = (json!({"sub": "ann"}), json!({"sub": "bob"}));
    let direct = found(&hub, &ann, "direct", json!(["bob"])).await;
    let path = format!("/api/spaces/{direct}/attendees/anonymousId/bob");
    assert_eq!(code(&delete(&hub, &path, &ann).await), (409, "invalid.parameters"), "bob is not there");
    let mut there = watch(&hub, "bob", &bob, &direct).await;
    assert_eq!(code(&delete(&hub, &path, &ann).await), (409, "invalid.parameters"), "bob watches");
    come_online(&mut there, &direct).await;
    assert_eq!(code(&delete(&hub, &path, &ann).await), (409, "invalid.parameters"), "bob is a member");
    assert_eq!(there.fence().await, Vec::<Value>::new());

    let group = found(&hub, &ann, "group", json!(["bob"])).await;
    let mut there = watch(&hub, "bob", &bob, &group).await;
    come_online(&mut there, &group).await;
    assert_eq!(delete(&hub, &format!("/api/spaces/{group}/attendees/anonymousId/bob"), &ann).await.0, OK);
    let (_, members) = get(&hub, &format!("/api/spaces/{group}/members"), &ann).await;
    assert_eq!(members["total"], 1, "{members}");
}

/// An anonymous user of a member's id is put out without the member.
#[tokio::test]
async fn an_anonymous_user_who_is_removed_takes_no_member_along() {
    let hub = Hub::start(&[]).await;
    let ann = json!({"sub": "ann"});
    let group = found(&hub, &ann, "group", json!(["bob"])).await;
    let mut guest = watch(&hub, "bob", &json!({"anonymous_id": "bob"}), &group).await;
    come_online(&mut guest, &group).await;
    assert_eq!(delete(&hub, &format!("/api/spaces/{group}/attendees/anonymousId/bob"), &ann).await.0, OK);
    let (_, members) = get(&hub, &format!("/api/spaces/{group}/members"), &ann).await;
    assert_eq!(members["total"], 2, "{members}");
}

#[tokio::test]
async fn only_admins_learn_who_is_there_and_no_guest_keeps_a_user_out() {
    let hub = Hub::start(&[]).await;
    let (eve, role) = (json!({"sub": "eve"}), json!({"role": "member"}));
    let mut guest = watch(&hub, "g", &json!({"anonymous_id": "g", "displayname": "Guest"}), "a").await;
    come_online(&mut guest, "a").await;
    for path in ["userId/g", "userId/nobody", "anonymousId/g"] {
        let path = format!("/api/spaces/a/attendees/{path}");
        assert_eq!(code(&post(&hub, &path, &eve, role.clone()).await), (403, "not.authorized"), "{path}");
    }
    assert_eq!(post(&hub, "/api/spaces/a/attendees/userId/g", &boss(), role.clone()).await.0, OK);
    let (_, members) = get(&hub, "/api/spaces/a/members", &boss()).await;
    assert_eq!((&members["total"], &members["data"][0]["displayname"]), (&json!(1), &json!("g")));
    let anonymous = post(&hub, "/api/spaces/a/attendees/anonymousId/g", &boss(), role).await;
    assert_eq!(code(&anonymous), (400, "invalid.parameters"));
}

#[tokio::test]
async fn a_space_does_not_lose_its_only_admin_by_the_admins_own_hand() {
    let hub = Hub::start(&[]).await;
    let ann = json!({"sub": "ann"});
    let space = found(&hub, &ann, "group", json!(["bob"])).await;
    let of = |who: &str| format!("/api/spaces/{space}/attendees/userId/{who}");
    let demoted = post(&hub, &of("ann"), &ann, json!({"role": "member"})).await;
    assert_eq!(code(&demoted), (409, "invalid.parameters"));
    assert_eq!(code(&delete(&hub, &of("ann"), &ann).await), (409, "invalid.parameters"));
    assert_eq!(post(&hub, &of("ann"), &ann, json!({"role": "admin"})).await.0, OK, "nothing is lost");
    assert_eq!(post(&hub, &of("bob"), &ann, json!({"role": "admin"})).await.0, OK);
    assert_eq!(delete(&hub, &of("ann"), &ann).await.0, OK, "there is another");
    assert_eq!(delete(&hub, &of("bob"), &boss()).await.0, OK, "admins of the app may");
}

/// What is one dialect's own is nobody else's, by whichever call.
#[tokio::test]
async fn topics_of_another_dialect_are_refused_everywhere() {
    let hub = Hub::start(&[]).await;
    let own = "/api/spaces/%23server-to-user-x";
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let invite = json!({"topic": {"id": "#server-to-user-x"}, "invitees": ["eve"]});
    for (method, path, body) in [
        (get.clone(), own.to_owned(), None),
        (get.clone(), format!("{own}/join"), None),
        (get.clone(), format!("{own}/members"), None),
        (get, format!("{own}/activemeeting"), None),
        (post.clone(), own.to_owned(), Some(json!({"title": "x"}))),
        (post.clone(), format!("{own}/invite"), Some(json!({"invitees": ["eve"]}))),
        (post.clone(), "/api/spaces/invite".to_owned(), Some(invite)),
        (post.clone(), format!("{own}/attendees/userId/eve"), Some(json!({"role": "admin"}))),
        (post.clone(), format!("{own}/chats"), Some(chat())),
        (post, "/api/users/me/spaces/%23server-to-user-x/markread".to_owned(), Some(json!({}))),
        (delete.clone(), format!("{own}/attendees/userId/eve"), None),
        (delete, own.to_owned(), None),
    ] {
        let answer = call(&hub, (method.clone(), &path), &boss(), body).await;
        assert_eq!(code(&answer), (403, "not.authorized"), "{method} {path}");
    }
}

// === Spaces end ===

#[tokio::test]
async fn a_space_that_is_deleted_is_an_open_one_again() {
    let hub = Hub::start(&[]).await;
    let (ann, bob) = (json!({"sub": "ann"}), json!({"sub": "bob"}));
    let space = found(&hub, &ann, "group", json!(["bob", {"invitee": "carol", "role": "admin"}])).await;
    let path = format!("/api/spaces/{space}");
    post(&hub, &path, &ann, json!({"password": "sesame"})).await;
    let mut carol = watch(&hub, "carol", &json!({"sub": "carol"}), &space).await;
    let online = json!({"category": "app.event.presence.party.online", "topicId": space, "content": {"role": "admin"}});
    carol.send(&json!({"event": event::SEND_PRESENCE_EVENT, "payload": online})).await;
    assert_eq!(carol.frame().await["payload"]["content"]["role"], "admin");
    assert_eq!(code(&delete(&hub, &path, &bob).await), (403, "not.authorized"));
    assert_eq!(delete(&hub, &path, &ann).await, (OK, json!({"topicId": space})));
    let told = carol.fence().await;
    let titles: Vec<_> = told.iter().filter(|frame| frame["event"] == event::MESSAGE_SENT).collect();
    assert_eq!(titles.len(), 1, "{told:?}");
    assert_eq!(titles[0]["payload"]["category"], "topic.updated");
    assert_eq!(titles[0]["payload"]["topicTitle"], space.as_str());
    let mut roles = told.iter().filter_map(|frame| frame["payload"]["content"]["role"].as_str());
    assert_eq!(roles.next_back(), Some("member"), "its roles have ended: {told:?}");
    let (status, found) = get(&hub, &path, &json!({"anonymous_id": "g"})).await;
    assert_eq!((status, &found["title"], &found["members"]), (OK, &json!(space), &json!([])));
    assert_eq!(code(&delete(&hub, &path, &boss()).await), (404, "not.found"));
    assert_eq!(code(&delete(&hub, &path, &ann).await), (403, "not.authorized"), "it is nobody's");
}

#[tokio::test]
async fn a_direct_space_is_deleted_by_admins_of_the_app_only() {
    let hub = Hub::start(&[]).await;
    let ann = json!({"sub": "ann"});
    let path = format!("/api/spaces/{}", found(&hub, &ann, "direct", json!(["bob"])).await);
    assert_eq!(code(&delete(&hub, &path, &ann).await), (409, "invalid.parameters"));
    assert_eq!(delete(&hub, &path, &boss()).await.0, OK);
}

#[tokio::test]
async fn a_party_has_so_many_spaces_and_gives_them_back() {
    let hub = Hub::start(&["limits.spaces_per_party=2"]).await;
    let ann = json!({"sub": "ann"});
    let first = found(&hub, &ann, "group", json!([])).await;
    found(&hub, &ann, "group", json!([])).await;
    for _ in 0..2 {
        let one_more = post(&hub, "/api/spaces/invite", &ann, json!({})).await;
        assert_eq!(code(&one_more), (409, "too.many.spaces"), "{}", one_more.1);
        assert!(one_more.1["error"]["message"].as_str().unwrap().contains("limits.spaces_per_party"));
    }
    found(&hub, &json!({"sub": "bob"}), "group", json!([])).await;
    assert_eq!(delete(&hub, &format!("/api/spaces/{first}"), &boss()).await.0, OK);
    found(&hub, &ann, "group", json!([])).await;
    assert_eq!(code(&post(&hub, "/api/spaces/invite", &ann, json!({})).await), (409, "too.many.spaces"));
}

// === Bodies ===

/// A body as it is written.
async fn raw(hub: &Hub, path: &str, body: &'static str) -> (StatusCode, Value) {
    let request = reqwest::Client::new().post(hub.http(path)).body(body);
    let request = request.header("authorization", format!("jwt {}", hub.token(&boss())));
    let response = request.header("content-type", "application/json").send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_body_is_an_object_in_which_the_last_of_a_key_counts() {
    let hub = Hub::start(&[]).await;
    for (path, body) in [
        ("/api/spaces/a", r#"["New title",null]"#),
        ("/api/spaces/a", r#""title""#),
        ("/api/spaces/a", "{"),
        ("/api/spaces/a/invite", r#"[null,["eve"]]"#),
        ("/api/spaces/a/invite", r#"{"invitees":[["eve",null,"admin"]]}"#),
        ("/api/spaces/invite", r#"{"topic":[null,"New title"]}"#),
        ("/api/spaces/a/attendees/userId/eve", r#"["admin"]"#),
        ("/api/anonymous/auth", r#"["Eve"]"#),
        ("/api/demo/token", r#"["eve"]"#),
    ] {
        assert_eq!(code(&raw(&hub, path, body).await), (400, "invalid.parameters"), "{path} {body}");
    }
    let (status, space) = raw(&hub, "/api/spaces/a", r#"{"title":"First","title":"Last"}"#).await;
    assert_eq!((status, &space["title"]), (OK, &json!("Last")), "{space}");
    let (status, _) = raw(&hub, "/api/spaces/a/invite", r#"{"invitees":[{"_id":"eve","_id":"bob"}]}"#).await;
    assert_eq!(status, OK);
    let (_, members) = get(&hub, "/api/spaces/a/members", &boss()).await;
    assert_eq!(members["data"][0]["member"], "bob");
}

/// A form is bounded as every body is, says what it is in capitals or not, and is read like an object.
#[tokio::test]
async fn a_form_is_a_body_like_others() {
    let hub = Hub::start(&["http.body_bytes=64KiB"]).await;
    let form = async |kind: &str, body: String| {
        let request =
            reqwest::Client::new().post(hub.http("/api/anonymous/auth")).header("content-type", kind);
        let response = request.body(body).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    let plain = "application/x-www-form-urlencoded";
    let long = form(plain, format!("displayname={}", "x".repeat(65 * 1024))).await;
    assert_eq!(code(&long), (413, "too.large"));
    for kind in [plain, "Application/X-WWW-Form-URLencoded; charset=UTF-8"] {
        let (status, answer) = form(kind, "displayname=Eve&displayname=Ann+B&x=y".into()).await;
        assert_eq!(status, OK, "{answer}");
        let token = answer["token"].as_str().unwrap();
        let me = reqwest::Client::new().get(hub.http("/api/users/me")).bearer_auth(token);
        let me: Value = me.send().await.unwrap().json().await.unwrap();
        assert_eq!(me["displayname"], "Ann B");
    }
    assert_eq!(form(plain, String::new()).await.0, OK);
}

// === Connections ===

/// Whoever has said who it is may keep its connection for the next request.
#[tokio::test]
async fn a_connection_that_has_authenticated_may_rest() {
    let hub = Hub::start(&["http.head_timeout=5s", "http.keep_alive=2m"]).await;
    let token = hub.token(&json!({"sub": "ann"}));
    for path in ["/api/users/me", "/api/spaces/a", "/api/spaces/a/members"] {
        let mut stream = TcpStream::connect(hub.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: jwt {token}\r\n\r\n");
        for _ in 0..3 {
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 4096];
            let length = stream.read(&mut answer).await.unwrap();
            assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{path} {length}");
            for _ in 0..60 {
                hub.advance(Duration::from_secs(1)).await;
            }
        }
    }
}

#[tokio::test]
async fn tokens_that_are_refused_are_counted() {
    let hub = Hub::start(&[]).await;
    for (header, path) in [("jwt x", "/api/users/me"), ("Basic x", "/api/spaces/a"), ("", "/api/users/me")] {
        let request = reqwest::Client::new().get(hub.http(path)).header("authorization", header);
        assert_eq!(request.send().await.unwrap().status(), 401, "{header}");
    }
    assert_eq!(
        metric(&hub, "hub_gateway_unauthenticated_total").await,
        2,
        "nothing was refused where none was shown"
    );
}
