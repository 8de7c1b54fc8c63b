//! Subscriptions, calls and fetches.

use std::time::Duration;

use crate::client::Client;
use crate::fence::nobody_called;
use crate::hub::Hub;
use crate::receiver::Receiver;

const CALL: &str = "/pws?id=1&eventType=PRESENCE_NOTIFICATION";

#[tokio::test]
async fn w16_to_w19_the_loop_of_an_application() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe, rita) = (app.user("owner").await, app.user("joe").await, app.user("rita").await);
    let endpoint = app.endpoint(&receiver).await;
    let answer = owner.try_subscribe("owner", endpoint, &["joe", "rita", "rogue"]).await;
    let place = format!("http://{}/presence-service/users/owner/subscriptions/1", hub.address);
    assert_eq!(answer.location.as_deref(), Some(place.as_str()));
    assert_eq!(receiver.next().await, CALL);
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presenceList type=\"basic\">\n    \
        <contact contactURI=\"joe@example.com\" presenceStatus=\"UNAVAILABLE\"/>\n    \
        <contact contactURI=\"rita@example.com\" presenceStatus=\"UNAVAILABLE\"/>\n    \
        <contact contactURI=\"rogue@example.com\" presenceStatus=\"UNKNOWN\"/>\n</presenceList>\n";
    assert_eq!(owner.fetch("owner", 1).await.body, expected);
    assert_eq!(owner.fetch("owner", 2).await.fault(), (400, 133));

    assert_eq!(joe.set("joe", "AVAILABLE", "false").await.status, 200);
    assert_eq!(receiver.next().await, CALL);
    assert_eq!(owner.fetch("owner", 1).await.states(), [("joe@example.com", "AVAILABLE")]);
    let empty = owner.fetch("owner", 1).await;
    assert!(empty.states().is_empty() && empty.body.contains("<presenceList type=\"basic\"/>"), "{empty:?}");

    joe.set("joe", "AWAY", "false").await;
    assert_eq!(receiver.next().await, CALL);
    joe.set("joe", "DND", "true").await;
    rita.set("rita", "AVAILABLE", "false").await;
    let states = [("joe@example.com", "DND"), ("rita@example.com", "AVAILABLE")];
    assert_eq!(owner.fetch("owner", 1).await.states(), states);
    nobody_called(&hub, &mut receiver).await;
}

#[tokio::test]
async fn w20_to_w24_an_endpoint_that_is_down_loses_nothing() {
    let (hub, mut receiver) = (Hub::start(&["apps.0.cisco.retry=false"]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    receiver.answer(500);
    owner.subscribe("owner", endpoint, &["joe"]).await;
    assert_eq!(receiver.next().await, CALL);
    for state in ["AVAILABLE", "AWAY", "AVAILABLE", "UNAVAILABLE", "AWAY"] {
        joe.set("joe", state, "false").await;
    }
    let rich = owner.get("/users/owner/presence/rich/subscriptions/1").await;
    assert!(rich.body.contains("<away/>"), "{rich:?}");
    // One try, and no more until somebody fetches.
    nobody_called(&hub, &mut receiver).await;
    joe.set("joe", "AVAILABLE", "false").await;
    assert_eq!(receiver.next().await, CALL);
    owner.poll("owner", "joe").await;
    joe.set("joe", "AWAY", "false").await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("joe@example.com", "AWAY")]);
    // What is polled does not open the gate.
    nobody_called(&hub, &mut receiver).await;
}

#[tokio::test]
async fn w21_a_call_is_repeated_at_growing_intervals_until_somebody_fetches() {
    const FAILED: &str = "hub_cisco_callbacks_failed_total";
    let settings = ["apps.0.cisco.session_lasts=48h"];
    let (hub, mut receiver) = (Hub::start(&settings).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    receiver.answer(500);
    owner.subscribe("owner", endpoint, &["joe"]).await;
    assert_eq!(receiver.next().await, CALL);
    for (failed, seconds) in [1, 2, 4, 8, 10, 10].into_iter().enumerate() {
        hub.until(FAILED, failed + 1).await;
        // The next try comes in the second half of this time.
        hub.advance(Duration::from_millis(seconds * 500 - 1)).await;
        hub.explain("joe").await;
        assert!(receiver.waiting().is_empty(), "it is too early");
        hub.advance(Duration::from_millis(seconds * 500 + 1)).await;
        assert_eq!(receiver.next().await, CALL);
    }
    hub.until(FAILED, 7).await;
    let ids = receiver.ids();
    assert!(ids.len() == 7 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    joe.set("joe", "AWAY", "false").await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("joe@example.com", "AWAY")]);
    hub.pass(60).await;
    assert!(receiver.waiting().is_empty(), "nothing is outstanding after the fetch");
    // A call that is taken is not repeated, and it is another one.
    receiver.answer(200);
    joe.set("joe", "AVAILABLE", "false").await;
    receiver.next().await;
    hub.until("hub_cisco_callbacks_total", 8).await;
    hub.advance(Duration::from_secs(60)).await;
    hub.explain("joe").await;
    assert!(receiver.waiting().is_empty() && receiver.ids()[7] != ids[0]);
}

#[tokio::test]
async fn w25_w28_ids_are_unique_under_an_application_user_and_owned() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let anybody = Client::new(&hub);
    let (app, app2) = (anybody.app("app").await, anybody.app("app2").await);
    let (owner, owner2, rita) = (app.user("owner").await, app.user("owner2").await, app2.user("rita").await);
    let endpoint = app.endpoint(&receiver).await;
    assert_eq!(owner.subscribe("owner", endpoint, &["joe"]).await, 1);
    assert_eq!(owner2.subscribe("owner2", endpoint, &["joe"]).await, 2);
    assert_eq!(rita.try_subscribe("rita", endpoint, &["joe"]).await.fault(), (400, 136));
    let own = app2.endpoint(&receiver).await;
    assert_eq!(rita.subscribe("rita", own, &["joe"]).await, 1);
    for _ in 0..3 {
        receiver.next().await;
    }
    assert_eq!(owner2.fetch("owner2", 1).await.fault(), (400, 137));
    assert_eq!(owner2.delete("/users/owner2/subscriptions/1").await.fault(), (400, 137));
    assert_eq!(rita.delete("/users/rita/subscriptions/1").await.status, 200);
    assert_eq!(owner.delete("/users/owner/subscriptions/1").await.status, 200);
    assert_eq!(owner.fetch("owner", 1).await.fault(), (400, 133));
    assert_eq!(owner.delete("/users/owner/subscriptions/1").await.fault(), (400, 133));
    let joe = app.user("joe").await;
    joe.set("joe", "AVAILABLE", "false").await;
    assert_eq!(owner2.fetch("owner2", 2).await.states(), [("joe@example.com", "AVAILABLE")]);
    nobody_called(&hub, &mut receiver).await;
}

#[tokio::test]
async fn w27_contacts_are_added_and_taken_away() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    let endpoint = app.endpoint(&receiver).await;
    let id = owner.subscribe("owner", endpoint, &["joe"]).await;
    receiver.next().await;
    owner.fetch("owner", id).await;
    let path = "/users/owner/subscriptions/1";
    let put = |body: String, expiry: &str| {
        owner.send(owner.request("PUT", path).header("Presence-Expiry", expiry).body(body))
    };
    assert_eq!(put(crate::client::subscription(endpoint, &["joe", "rita"]), "0").await.id(), id);
    assert_eq!(receiver.next().await, CALL);
    assert_eq!(owner.fetch("owner", id).await.states(), [("rita@example.com", "UNAVAILABLE")]);
    assert_eq!(put("<subscription/>".to_owned(), "0").await.fault(), (400, 145));
    assert_eq!(put(String::new(), "3599").await.fault(), (400, 131));
    assert_eq!(put(String::new(), "7200").await.id(), id);
    let list = |name| {
        format!(
            "<subscription><contactsList><contact contactURI='{name}@example.com'/></contactsList></subscription>"
        )
    };
    let delete = |name| owner.send(owner.request("DELETE", path).body(list(name)));
    assert_eq!(delete("rogue").await.fault(), (400, 144));
    for (body, fault) in [
        ("<subscription><contactsList><contact contactURI='joe@example.com'></contactsList>", (400, 102)),
        ("<contactsList><contact contactURI='joe@example.com'/></contactsList>", (400, 103)),
        (
            "<subscription><contacts><contact contactURI='joe@example.com'/></contacts></subscription>",
            (400, 146),
        ),
        ("<subscription><contactsList/></subscription>", (400, 135)),
    ] {
        assert_eq!(owner.send(owner.request("DELETE", path).body(body)).await.fault(), fault, "{body}");
    }
    let login = "<session><password>owner-password</password></session>";
    for body in ["", " ", login, "<subscription/>"] {
        let gone = owner.subscribe("owner", endpoint, &["joe"]).await;
        let request = owner.request("DELETE", &format!("/users/owner/subscriptions/{gone}")).body(body);
        assert_eq!(owner.send(request).await.status, 200, "{body}");
        assert_eq!(owner.fetch("owner", gone).await.fault(), (400, 133), "{body}");
        receiver.next().await;
    }
    assert_eq!(delete("joe").await.status, 200);
    let joe = app.user("joe").await;
    joe.set("joe", "AVAILABLE", "false").await;
    assert!(owner.fetch("owner", id).await.states().is_empty());
    nobody_called(&hub, &mut receiver).await;
}

#[tokio::test]
async fn subscriptions_end_when_they_said() {
    let settings = ["apps.0.cisco.session_lasts=48h"];
    let (hub, mut receiver) = (Hub::start(&settings).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    let endpoint = app.endpoint(&receiver).await;
    let path = "/users/owner/subscriptions";
    for expiry in ["3599", "86401", "0"] {
        let request = owner.request("POST", path).header("Presence-Expiry", expiry);
        let body = crate::client::subscription(endpoint, &["joe"]);
        assert_eq!(owner.send(request.body(body)).await.fault(), (400, 131), "{expiry}");
    }
    owner.post(path, &crate::client::subscription(endpoint, &["joe"])).await.id();
    receiver.next().await;
    hub.advance(Duration::from_secs(3_000)).await;
    owner.send(owner.request("PUT", &format!("{path}/1")).header("Presence-Expiry", "3600")).await.id();
    hub.advance(Duration::from_secs(3_599)).await;
    assert_eq!(owner.fetch("owner", 1).await.states().len(), 1);
    hub.advance(Duration::from_secs(1)).await;
    assert_eq!(owner.fetch("owner", 1).await.fault(), (400, 133));
}

#[tokio::test]
async fn w27_contacts_with_an_expiry_of_nothing_do_not_prolong_it() {
    let (hub, receiver) = (Hub::start(&["apps.0.cisco.session_lasts=48h"]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    let endpoint = app.endpoint(&receiver).await;
    let path = "/users/owner/subscriptions";
    let request = owner.request("POST", path).header("Presence-Expiry", "3600");
    let id = owner.send(request.body(crate::client::subscription(endpoint, &["joe"]))).await.id();
    hub.advance(Duration::from_secs(3_000)).await;
    let request = owner.request("PUT", &format!("{path}/{id}")).header("Presence-Expiry", "0");
    let more = crate::client::subscription(endpoint, &["joe", "rita"]);
    assert_eq!(owner.send(request.body(more)).await.id(), id);
    hub.advance(Duration::from_secs(599)).await;
    assert_eq!(owner.fetch("owner", id).await.states().len(), 2);
    hub.advance(Duration::from_secs(1)).await;
    assert_eq!(owner.fetch("owner", id).await.fault(), (400, 133), "its end stayed where it was");
}

#[tokio::test]
async fn w29_without_its_endpoint_a_subscription_is_fetched_only() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    let id = owner.subscribe("owner", endpoint, &["joe"]).await;
    receiver.next().await;
    owner.fetch("owner", id).await;
    assert_eq!(app.delete("/endpoints/1").await.status, 200);
    joe.set("joe", "AVAILABLE", "false").await;
    assert_eq!(owner.fetch("owner", id).await.states(), [("joe@example.com", "AVAILABLE")]);
    joe.set("joe", "AWAY", "false").await;
    nobody_called(&hub, &mut receiver).await;
    let endpoint = app.endpoint(&receiver).await;
    let body = format!("<subscription><endPointID>{endpoint}</endPointID></subscription>");
    let request = owner.request("PUT", "/users/owner/subscriptions/1").header("Presence-Expiry", "3600");
    owner.send(request.body(body)).await.id();
    assert_eq!(receiver.next().await, CALL, "with another endpoint it is called again");
}

#[tokio::test]
async fn w23_clients_log_in_and_fetch_before_they_answer() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    receiver.fetch_within(&app, "owner");
    let endpoint = app.endpoint(&receiver).await;
    for _ in 0..100 {
        owner.subscribe("owner", endpoint, &["joe"]).await;
        assert_eq!(receiver.next().await, r#"[("joe@example.com", "UNAVAILABLE")]"#);
    }
    joe.set("joe", "AVAILABLE", "false").await;
    for _ in 0..100 {
        assert_eq!(receiver.next().await, r#"[("joe@example.com", "AVAILABLE")]"#);
    }
    nobody_called(&hub, &mut receiver).await;
}
