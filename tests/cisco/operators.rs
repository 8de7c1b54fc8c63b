//! What operators see: logs without secrets, why somebody is as he is, how much there is, and how a hub stops.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::hub::{Hub, SECRET};
use crate::person::Person;
use crate::receiver::Receiver;

/// Everything that is logged in the thread of a test.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(event);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn w53_no_log_tells_a_secret() {
    const WORDS: [&str; 6] = [
        "app-password",
        "wrong-password",
        "note-to-friends",
        "half-a-body",
        "path-of-the-endpoint",
        "query-of-the-endpoint",
    ];
    let written = Written::default();
    let logs = {
        let written = written.clone();
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || written.clone())
    };
    // Tasks of this test run in its own thread.
    let _logging = tracing::subscriber::set_default(logs.finish());
    let (mut hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let anybody = Client::new(&hub);
    let app = anybody.app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    receiver.answer(500);
    let url = format!("http://{}/path-of-the-endpoint?q=query-of-the-endpoint", receiver.address);
    assert_eq!(app.post("/endpoints", &format!("<endpoint><url>{url}</url></endpoint>")).await.id(), 1);
    owner.subscribe("owner", 1, &["joe"]).await;
    receiver.next().await;
    hub.until("hub_cisco_callbacks_failed_total", 1).await;
    let wrong = "<session><password>wrong-password</password></session>";
    assert_eq!(anybody.post("/users/app/sessions", wrong).await.fault(), (400, 114));
    let envelope = |body: &str| {
        format!(
            "<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\"><Body>{body}</Body></Envelope>"
        )
    };
    for password in ["app-password", "wrong-password"] {
        let login = format!("<login><username>app</username><password>{password}</password></login>");
        assert_eq!(anybody.post("/soap", &envelope(&login)).await.status, 200);
    }
    let note = "<presence><person><activities><dnd/></activities><note>note-to-friends</note></person>\
        <tuple id='pws-override'/></presence>";
    let set = joe.request("PUT", "/users/joe/presence/rich").header("Presence-Override", "true");
    assert_eq!(joe.send(set.body(note)).await.status, 200);
    for path in ["/users/owner/subscriptions", "/nothing/here", "/soap"] {
        assert!(owner.post(path, "<half-a-body").await.status >= 200);
    }
    owner.fetch("owner", 1).await;
    assert_eq!(anybody.with("no-such-key").delete("/users/app/session").await.fault(), (401, 101));
    assert_eq!(app.delete("/users/app/session").await.status, 200);
    let stopping = hub.stop();
    hub.stopped(stopping).await;
    let text = written.text();
    assert!(text.contains("an endpoint did not take a callback") && text.contains("draining"), "{text}");
    let keys = [&app, &owner, &joe].map(|client| client.key.clone().unwrap());
    for secret in WORDS.into_iter().chain(["no-such-key", SECRET]).chain(keys.iter().map(String::as_str)) {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn an_override_and_the_device_below_it_are_explained() {
    let hub = Hub::start(&[]).await;
    let joe = Client::new(&hub).app("app").await.user("joe").await;
    joe.set("joe", "AWAY", "false").await;
    joe.set("joe", "DND", "true").await;
    let told = hub.explain("joe").await;
    assert_eq!((&told["status"], &told["because"]), (&json!("dnd"), &json!("it was set by hand")));
    assert_eq!(told["byHand"], json!({"status": "dnd", "until": "2026-01-01T01:00:00.000Z"}));
    assert_eq!(told["topics"], json!(["cisco"]));
    let [device] = told["memberships"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(
        (&device["topic"], &device["isAttached"], &device["isIdle"]),
        (&json!("cisco"), &json!(true), &json!(true))
    );
    joe.delete("/users/joe/session").await;
    let told = hub.explain("joe").await;
    assert_eq!((&told["status"], &told["memberships"]), (&json!("dnd"), &json!([])), "{told}");
    hub.advance(Duration::from_secs(3_600)).await;
    let told = hub.explain("joe").await;
    assert_eq!((&told["status"], &told["byHand"]), (&json!("unavailable"), &Value::Null));
}

#[tokio::test]
async fn how_much_there_is_is_counted() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, _) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    receiver.hang();
    owner.subscribe("owner", endpoint, &["joe"]).await;
    receiver.next().await;
    for (metric, value) in
        [("sessions", 3), ("endpoints", 1), ("subscriptions", 1), ("callbacks_under_way", 1)]
    {
        hub.until(&format!("hub_cisco_{metric}"), value).await;
    }
    receiver.answer(200);
    for (metric, value) in [("callbacks_under_way", 0), ("callbacks_total", 1), ("callbacks_failed_total", 0)]
    {
        hub.until(&format!("hub_cisco_{metric}"), value).await;
    }
    app.delete("/users/app/session").await;
    for metric in ["sessions", "endpoints", "subscriptions"] {
        hub.until(&format!("hub_cisco_{metric}"), 0).await;
    }
}

#[tokio::test]
async fn a_hub_that_stops_answers_and_calls_nobody_any_more() {
    let settings = ["drain.window=1h", "drain.timeout=2h"];
    let (mut hub, mut receiver) = (Hub::start(&settings).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    receiver.answer(500);
    owner.subscribe("owner", endpoint, &["joe"]).await;
    receiver.next().await;
    hub.until("hub_cisco_callbacks_failed_total", 1).await;
    // Whoever is connected is given the window to go.
    let person = Person::connect(&hub, "rita").await;
    let stopping = hub.stop();
    let unready = async { while !hub.ask_admin("/readyz").await.contains("draining") {} };
    tokio::time::timeout(Duration::from_secs(10), unready).await.expect("the hub is not ready any more");
    assert_eq!(joe.set("joe", "AWAY", "false").await.status, 200);
    let told = owner.fetch("owner", 1).await;
    assert_eq!(told.states(), [("joe@example.com", "AWAY")], "what is outstanding can still be fetched");
    assert_eq!(told.headers["connection"], "close");
    assert_eq!(joe.set("joe", "AVAILABLE", "false").await.status, 200);
    assert!(!stopping.is_finished());
    drop(person);
    hub.stopped(stopping).await;
    assert!(receiver.waiting().is_empty(), "nobody is called who could not fetch");
}
