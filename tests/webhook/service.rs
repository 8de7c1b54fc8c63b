//! The whole hub, configured as operators do it: from a client's frame to a receiver, the admin calls, and what stops the start.

use presence_hub::app::{App, Running};
use presence_hub::broker::Clock;
use presence_hub::config::{Config, ConfigArgs};
use serde_json::{Value, json};

use super::client::Client;
use super::kit::tape;
use super::receiver::{Got, Mode, Receiver, SECRET};

const APP_SECRET: &str = "canary-app-secret-0123456789abcdef";

async fn start(clock: &Clock, settings: &[String]) -> Result<Running, String> {
    let own = [
        "admin.listen=127.0.0.1:0",
        "admin.token=admin-token",
        "log.level=off",
        "drain.window=0ms",
        "drain.timeout=0ms",
        "egress.allow=127.0.0.1",
        "egress.http=true",
        "apps.0.id=1",
        "apps.0.key=app-key",
        "apps.0.open_topics=true",
    ];
    let secret = format!("apps.0.secret={APP_SECRET}");
    let set = own.map(str::to_owned).into_iter().chain([secret]).chain(settings.iter().cloned()).collect();
    let args = ConfigArgs { config: None, listen: Some("127.0.0.1:0".to_owned()), set };
    let config = Config::load(&args, std::iter::empty()).map_err(|error| error.to_string())?.config;
    App::start(config, clock.clone()).await
}

fn webhook(receiver: &Receiver, more: &[&str]) -> Vec<String> {
    let url = format!("url={}", receiver.url());
    let secret = format!("secret={SECRET}");
    [url.as_str(), secret.as_str()]
        .iter()
        .chain(more)
        .map(|setting| format!("apps.0.webhooks.0.{setting}"))
        .collect()
}

async fn connect(hub: &Running, clock: &Clock, name: &str) -> Client {
    let claims = json!({"sub": name, "exp": clock.now().wall.seconds() + 3_600});
    let header = jsonwebtoken::Header { kid: Some("app-key".to_owned()), ..jsonwebtoken::Header::default() };
    let key = jsonwebtoken::EncodingKey::from_secret(APP_SECRET.as_bytes());
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    let mut client =
        Client::connect(name, &format!("ws://{}/ws?token={token}", hub.address()), &[]).await.unwrap();
    assert_eq!(client.frame().await["event"], "AUTHENTICATED");
    client
}

async fn online(client: &mut Client, topic: &str) {
    let channel = json!({"type": "topic", "_id": topic});
    client.send(&json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": channel}})).await;
    let payload =
        json!({"category": "app.event.presence.party.online", "topicId": topic, "content": {"mood": "good"}});
    client.send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": payload})).await;
    client.fence().await;
}

async fn admin(hub: &Running, method: reqwest::Method, path: &str, token: &str) -> (u16, Value) {
    let url = format!("http://{}{path}", hub.admin_address().unwrap());
    let request = reqwest::Client::new().request(method, url).bearer_auth(token);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_clients_coming_reaches_a_configured_receiver() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let more = ["prefixes=lob,x", "events=joined,updated,left,occupied", "authorization=Bearer token"];
    let hub = start(&clock, &webhook(&receiver, &more)).await.unwrap();
    let mut alice = connect(&hub, &clock, "alice").await;
    online(&mut alice, "elsewhere").await;
    online(&mut alice, "lobby").await;
    let events = receiver.events(2).await;
    assert_eq!(tape(&events), ["occupied lobby", "joined lobby alice"]);
    assert_eq!(
        (&events[1]["content"]["mood"], &events[1]["party"]["type"]),
        (&json!("good"), &json!("user"))
    );
    assert!(
        receiver.got().iter().all(|got| Got::is_right(got) && got.header("authorization") == "Bearer token")
    );
}

#[tokio::test]
async fn a_receiver_learns_that_the_hub_has_started_anew() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let mut nodes = Vec::new();
    for start_of in 1..=2 {
        let hub = start(&clock, &webhook(&receiver, &[])).await.unwrap();
        let got = receiver.wait(start_of).await.pop().unwrap();
        assert!(got.is_right());
        let body = got.json();
        assert_eq!((&body["app"], &body["events"], &body["lost"]), (&json!("1"), &json!([]), &json!(0)));
        nodes.push(body["node"].clone());
        hub.stop().await;
    }
    assert_ne!(nodes[0], nodes[1]);
    assert_eq!(receiver.got().len(), 2, "once each");
}

#[tokio::test]
async fn a_hub_without_an_admin_listener_posts_as_well() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let mut settings = webhook(&receiver, &["events=joined"]);
    settings.push("admin.listen=".to_owned());
    let hub = start(&clock, &settings).await.unwrap();
    let mut alice = connect(&hub, &clock, "alice").await;
    online(&mut alice, "lobby").await;
    assert_eq!(tape(&receiver.events(1).await), ["joined lobby alice"]);
}

#[tokio::test]
async fn both_formats_sign_with_the_apps_secret_where_they_have_none_of_their_own() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let settings = ["format=pusher".to_owned(), format!("url={}", receiver.url())];
    let settings = settings.map(|setting| format!("apps.0.webhooks.0.{setting}"));
    let hub = start(&clock, &settings).await.unwrap();
    let mut alice = connect(&hub, &clock, "alice").await;
    online(&mut alice, "presence-a").await;
    let events = receiver.events(2).await;
    assert_eq!(tape(&events), ["channel_occupied presence-a", "member_added presence-a alice"]);
    assert_eq!(receiver.got()[0].header("x-pusher-key"), "app-key");
    assert!(!receiver.got()[0].is_right_for_pusher(), "that is another key and secret");
}

#[tokio::test]
async fn while_an_app_has_several_keys_each_receiver_knows_a_signature() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let mut settings = webhook(&receiver, &["events=joined", "next_secret=another"]);
    let url = format!("url={}", receiver.url());
    let format = ["format=pusher", "events=member_added"];
    for (place, more) in
        [(1, &["events=joined"][..]), (2, &format), (3, &[&format[..], &["key=third-key"]].concat())]
    {
        let of = |setting: &&str| format!("apps.0.webhooks.{place}.{setting}");
        settings.extend([url.as_str()].iter().chain(more).map(of));
    }
    for (place, key, is_on) in [(0, "second-key", false), (1, "third-key", true)] {
        let above = format!("apps.0.keys.{place}");
        settings.push(format!("{above}.key={key}"));
        settings.push(format!("{above}.secret={SECRET}"));
        settings.push(format!("{above}.enabled={is_on}"));
    }
    let hub = start(&clock, &settings).await.unwrap();
    let mut alice = connect(&hub, &clock, "alice").await;
    online(&mut alice, "presence-a").await;
    let (mut own, mut apps, mut keys) = (None, None, Vec::new());
    for got in receiver.wait(4).await {
        if got.headers.contains_key("x-pusher-key") {
            keys.push((got.header("x-pusher-key").to_owned(), got));
        } else if got.header("webhook-id").contains("apps.0.webhooks.0") {
            own = Some(got);
        } else {
            apps = Some(got);
        }
    }
    let (own, apps) = (own.unwrap(), apps.unwrap());
    assert!(own.signs(SECRET) && own.signs("another") && !own.signs(APP_SECRET));
    assert!(apps.signs(APP_SECRET) && apps.signs(SECRET), "by each key that is enabled");
    keys.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!((&*keys[0].0, &*keys[1].0), ("app-key", "third-key"), "the oldest, and the one that is named");
    assert!(keys[0].1.signs_for_pusher(APP_SECRET) && keys[1].1.signs_for_pusher(SECRET));
}

#[tokio::test]
async fn operators_see_how_endpoints_are_and_send_again() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    receiver.script(&[Mode::Fail(500)]);
    let mut settings = webhook(&receiver, &["events=joined"]);
    settings.push("webhooks.retry_for=0s".to_owned());
    let hub = start(&clock, &settings).await.unwrap();
    let mut alice = connect(&hub, &clock, "alice").await;
    online(&mut alice, "lobby").await;
    let mut state = Value::Null;
    while state["webhooks"][0]["given_up"] != 1 {
        state = admin(&hub, reqwest::Method::GET, "/admin/webhooks", "admin-token").await.1;
    }
    let at = clock.now().wall.millis();
    assert_eq!(
        state["webhooks"][0],
        json!({
            "endpoint": "apps.0.webhooks.0",
            "origin": format!("http://{}", receiver.address),
            "waiting": 0,
            "failing": "answered 500",
            "given_up": 1,
            "dead_letters": [{"seq": 1, "event": "joined", "topic": "lobby", "at_ms": at, "tries": 1, "why": "answered 500"}],
        })
    );
    let again = "/admin/webhooks/again?endpoint=apps.0.webhooks.0";
    for (path, token, status) in [
        ("/admin/webhooks", "wrong", 401),
        ("/admin/webhooks/again?endpoint=none", "admin-token", 404),
        (again, "wrong", 401),
        (again, "admin-token", 202),
    ] {
        let method = if path == "/admin/webhooks" { reqwest::Method::GET } else { reqwest::Method::POST };
        assert_eq!(admin(&hub, method, path, token).await.0, status, "{path} {token}");
    }
    assert_eq!(tape(&receiver.events(1).await), ["joined lobby alice"]);
}

#[tokio::test]
async fn a_hub_that_stops_delivers_first() {
    let (clock, hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    receiver.script(&[Mode::Fail(500)]);
    let mut settings = webhook(&receiver, &["events=joined"]);
    // The clock runs while it stops, and nothing may be given up for that.
    settings.extend(["timeout", "retry_for", "flush"].map(|key| format!("webhooks.{key}=8784h")));
    let hub = start(&clock, &settings).await.unwrap();
    let mut alice = connect(&hub, &clock, "alice").await;
    online(&mut alice, "lobby").await;
    receiver.wait(1).await;
    let stopping = tokio::spawn(hub.stop());
    while !stopping.is_finished() {
        hand.advance(std::time::Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    stopping.await.unwrap();
    assert_eq!(tape(&receiver.events(1).await), ["joined lobby alice"]);
}

#[tokio::test]
async fn who_goes_with_the_hub_is_said_to_have_gone() {
    let (clock, hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let mut settings = webhook(&receiver, &["events=joined,left"]);
    settings.extend(["timeout", "retry_for", "flush"].map(|key| format!("webhooks.{key}=8784h")));
    let hub = start(&clock, &settings).await.unwrap();
    let mut alice = connect(&hub, &clock, "alice").await;
    let mut bob = connect(&hub, &clock, "bob").await;
    online(&mut alice, "lobby").await;
    receiver.wait(1).await;
    online(&mut bob, "lobby").await;
    receiver.wait(2).await;
    // One has gone already, and its grace runs.
    alice.close().await;
    let stopping = tokio::spawn(hub.stop());
    while !stopping.is_finished() {
        hand.advance(std::time::Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    stopping.await.unwrap();
    let mut gone = tape(&receiver.events(4).await)[2..].to_vec();
    gone.sort();
    assert_eq!(gone, ["left lobby alice", "left lobby bob"]);
}

#[tokio::test]
async fn pubnubs_format_knows_its_actions_and_holds_nothing() {
    let (clock, _hand) = Clock::manual();
    let of = |more: &[&str]| {
        let settings = [&["url=https://example.com/", "format=pubnub"], more].concat();
        settings.iter().map(|setting| format!("apps.0.webhooks.0.{setting}")).collect::<Vec<_>>()
    };
    for (more, expected) in [
        (&[][..], None),
        (&["events=join,timeout,inactive", "hold=0s", "key=sub-c-1"], None),
        (
            &["events=join,joined"],
            Some(
                "apps.0.webhooks.0.events must hold names out of join, leave, timeout, state-change, active, inactive, but holds \"joined\"",
            ),
        ),
        (
            &["hold=3s"],
            Some(
                "apps.0.webhooks.0.hold must be 0s in PubNub's format, which tells each leave when it happens",
            ),
        ),
    ] {
        assert_eq!(start(&clock, &of(more)).await.err().as_deref(), expected, "{more:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_is_refused_at_the_start_with_its_key() {
    let (clock, _hand) = Clock::manual();
    for (settings, expected) in [
        (&["url=nowhere"][..], "apps.0.webhooks.0.url must be a URL such as https://example.com/hooks"),
        (
            &["url=https://example.com/", "format=pusher", "key=other"],
            "apps.0.webhooks.0.key is no enabled key of the app, so its secret must be set too",
        ),
        (&["format=hub"], "apps.0.webhooks.0.url is missing; there must be one"),
        (&["url=ftp://example.com/"], "apps.0.webhooks.0.url must begin with https:// or http://"),
        (
            &["url=https://u:canary@example.com/"],
            "apps.0.webhooks.0.url must not hold a user name or password",
        ),
        (&["url=https://2130706433/canary"], "apps.0.webhooks.0.url must spell its host plainly"),
        (
            &["url=https://10.0.0.1/canary"],
            "apps.0.webhooks.0.url leads to 10.0.0.1, which must not be called unless egress.allow names it",
        ),
        (
            &["url=https://169.254.169.254/canary"],
            "apps.0.webhooks.0.url leads to 169.254.169.254, which must not be called",
        ),
        (
            &["url=https://example.com/", "events=member_added"],
            "apps.0.webhooks.0.events must hold names out of started, occupied, vacated, joined, updated, left, counts, client_event, \
             cache_miss, but holds \"member_added\"",
        ),
        (
            &["url=https://example.com/", "format=pusher", "events=joined"],
            "apps.0.webhooks.0.events must hold names out of channel_occupied, channel_vacated, member_added, member_removed, \
             subscription_count, client_event, cache_miss, but holds \"joined\"",
        ),
        (
            &["url=https://example.com/", "format=xml"],
            "apps.0.webhooks.0.format (from the flag --set) must be hub, pusher or pubnub, but is \"xml\"",
        ),
        (&["url=https://example.com/", "authorization=canäry"], ""),
    ] {
        let settings: Vec<_> =
            settings.iter().map(|setting| format!("apps.0.webhooks.0.{setting}")).collect();
        let started = start(&clock, &settings).await;
        if expected.is_empty() {
            assert!(started.is_ok(), "{settings:?}");
        } else {
            assert_eq!(started.err().as_deref(), Some(expected), "{settings:?}");
        }
    }
    let plain = ["egress.http=false", "apps.0.webhooks.0.url=http://example.com/"].map(str::to_owned);
    let why = start(&clock, &plain).await.err().unwrap();
    assert_eq!(why, "apps.0.webhooks.0.url must begin with https://, unless egress.http is set");
    let why = start(&clock, &["egress.allow=10.0.0.0/33".to_owned()]).await.err().unwrap();
    assert!(
        why.starts_with("egress.allow (from the flag --set) must be a list of networks or addresses"),
        "{why}"
    );
}
