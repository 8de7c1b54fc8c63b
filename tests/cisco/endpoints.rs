//! Endpoints: their ids, addresses and ends.

use std::time::Duration;

use crate::client::{Answer, Client};
use crate::fence::nobody_called;
use crate::hub::Hub;
use crate::receiver::Receiver;

const URL: &str = "http://127.0.0.1:9/pws";

async fn register(client: &Client, url: &str, expiry: Option<&str>) -> Answer {
    let request = client.request("POST", "/endpoints");
    let request = match expiry {
        Some(expiry) => request.header("Presence-Expiry", expiry),
        None => request,
    };
    client.send(request.body(format!("<endpoint><url>{url}</url></endpoint>"))).await
}

#[tokio::test]
async fn w10_the_lowest_free_id_is_given() {
    let hub = Hub::start(&[]).await;
    let app = Client::new(&hub).app("app").await;
    let first = register(&app, URL, Some("3600")).await;
    let place = format!("http://{}/presence-service/endpoints/1", hub.address);
    assert_eq!((first.location.as_deref(), first.body.as_str()), (Some(place.as_str()), ""));
    assert_eq!(register(&app, URL, Some("3600")).await.id(), 2);
    assert_eq!(app.delete("/endpoints/1").await.status, 200);
    assert_eq!(register(&app, URL, Some("3600")).await.id(), 1);
    assert_eq!(register(&app, URL, Some("3600")).await.id(), 3);
}

#[tokio::test]
async fn w11_expiries_are_bounded() {
    let hub = Hub::start(&[]).await;
    let app = Client::new(&hub).app("app").await;
    for (expiry, is_right) in
        [("3600", true), ("86400", true), ("3599", false), ("86401", false), ("0", false), ("soon", false)]
    {
        let by_header = register(&app, URL, Some(expiry)).await;
        let body = format!("<endpoint><url>{URL}</url><expiration>{expiry}</expiration></endpoint>");
        for answer in [by_header, app.post("/endpoints", &body).await] {
            if is_right {
                answer.id();
            } else {
                assert_eq!(answer.fault(), (400, 131), "{expiry}");
            }
        }
    }
    let both = app.request("POST", "/endpoints").header("Presence-Expiry", "3600");
    let body = format!("<endpoint><url>{URL}</url><expiration>3600</expiration></endpoint>");
    app.send(both.body(body)).await.id();
    let empty = app.request("POST", "/endpoints").header("Presence-Expiry", "");
    let body = format!("<endpoint><url>{URL}</url><expiration>99</expiration></endpoint>");
    assert_eq!(app.send(empty.body(body)).await.fault(), (400, 131), "an empty header is none");
}

#[tokio::test]
async fn w12_only_the_expiry_of_an_endpoint_changes() {
    let hub = Hub::start(&[]).await;
    let app = Client::new(&hub).app("app").await;
    for (url, fault) in [
        ("", (400, 130)),
        ("http://127.0.0.1:9/p ws", (400, 142)),
        ("ftp://127.0.0.1/", (400, 142)),
        ("pws", (400, 142)),
    ] {
        assert_eq!(register(&app, url, None).await.fault(), fault, "{url}");
    }
    register(&app, URL, None).await;
    for body in ["", "<endpoint><url></url></endpoint>", &format!("<endpoint><url>{URL}</url></endpoint>")] {
        let request = app.request("PUT", "/endpoints/1").header("Presence-Expiry", "7200");
        assert_eq!(app.send(request.body(body.to_owned())).await.id(), 1);
    }
    let other = "<endpoint><url>http://127.0.0.1:10/pws</url></endpoint>";
    assert_eq!(app.put("/endpoints/1", other).await.fault(), (400, 123));
    assert_eq!(app.put("/endpoints/2", "").await.fault(), (400, 132));
}

#[tokio::test]
async fn w12_an_endpoint_that_is_prolonged_ends_later() {
    let soap = |key: &str, expiry: &str| {
        format!(
            "<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\"><Header><session-key>{key}</session-key>\
             </Header><Body><registerEndPoint><endPointID>1</endPointID><expiration>{expiry}</expiration>\
             </registerEndPoint></Body></Envelope>"
        )
    };
    for is_soap in [false, true] {
        let (hub, mut receiver) =
            (Hub::start(&["apps.0.cisco.session_lasts=48h"]).await, Receiver::start().await);
        let app = Client::new(&hub).app("app").await;
        let (owner, joe) = (app.user("owner").await, app.user("joe").await);
        register(&app, &receiver.url(), Some("3600")).await;
        let id = owner.subscribe("owner", 1, &["joe"]).await;
        receiver.next().await;
        hub.advance(Duration::from_secs(3_000)).await;
        if is_soap {
            let prolonged = app.post("/soap", &soap(app.key.as_deref().unwrap(), "3600")).await;
            assert!(prolonged.body.contains("endPointID>1</"), "{prolonged:?}");
        } else {
            let request = app.request("PUT", "/endpoints/1").header("Presence-Expiry", "3600");
            assert_eq!(app.send(request).await.id(), 1);
        }
        hub.advance(Duration::from_secs(3_599)).await;
        owner.fetch("owner", id).await;
        joe.set("joe", "AVAILABLE", "false").await;
        receiver.next().await;
        hub.advance(Duration::from_secs(1)).await;
        assert_eq!(app.delete("/endpoints/1").await.fault(), (400, 132));
    }
}

#[tokio::test]
async fn w13_what_there_is_not_is_not_deleted() {
    let hub = Hub::start(&[]).await;
    let anybody = Client::new(&hub);
    let (app, app2) = (anybody.app("app").await, anybody.app("app2").await);
    for id in 1..=4 {
        assert_eq!(app.delete(&format!("/endpoints/{id}")).await.fault(), (400, 132));
    }
    assert_eq!(app.delete("/endpoints/x").await.fault(), (400, 132));
    register(&app2, URL, None).await;
    assert_eq!(app.delete("/endpoints/1").await.fault(), (400, 136));
    assert_eq!(app2.delete("/endpoints/1").await.status, 200);
}

#[tokio::test]
async fn w14_an_endpoint_ends_when_it_said() {
    let (hub, mut receiver) =
        (Hub::start(&["apps.0.cisco.session_lasts=48h"]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    register(&app, &receiver.url(), Some("3600")).await;
    let id = owner.subscribe("owner", 1, &["joe"]).await;
    receiver.next().await;
    hub.advance(Duration::from_secs(3_599)).await;
    owner.fetch("owner", id).await;
    joe.set("joe", "AVAILABLE", "false").await;
    receiver.next().await;
    hub.advance(Duration::from_secs(1)).await;
    assert_eq!(app.delete("/endpoints/1").await.fault(), (400, 132), "asking for it did not prolong it");
    assert_eq!(owner.fetch("owner", id).await.states().len(), 1, "it can still be fetched");
    joe.set("joe", "AWAY", "false").await;
    assert_eq!(owner.fetch("owner", id).await.states(), [("joe@example.com", "AWAY")]);
    nobody_called(&hub, &mut receiver).await;
}

#[tokio::test]
async fn w15_only_what_the_operator_allows_is_called() {
    let hub = Hub::start(&[]).await;
    let app = Client::new(&hub).app("app").await;
    for url in [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1]/",
        "http://192.0.2.1/",
        "http://user@127.0.0.1/",
        "http://2130706433/",
    ] {
        let answer = register(&app, url, None).await;
        assert_eq!(answer.fault(), (400, 142), "{url}");
    }
}

#[tokio::test]
async fn w42_endpoints_and_subscriptions_are_bounded() {
    let limits = ["apps.0.cisco.endpoints=2", "apps.0.cisco.subscriptions=1", "apps.0.cisco.contacts=3"];
    let (hub, receiver) = (Hub::start(&limits).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    assert_eq!((app.endpoint(&receiver).await, app.endpoint(&receiver).await), (1, 2));
    assert_eq!(register(&app, URL, None).await.fault(), (400, 138));
    assert_eq!(owner.try_subscribe("owner", 1, &["a", "b", "c", "d"]).await.fault(), (400, 135));
    owner.subscribe("owner", 1, &["a", "b", "c"]).await;
    assert_eq!(owner.try_subscribe("owner", 1, &["a"]).await.fault(), (400, 139));
    let more = crate::client::subscription(1, &["d"]);
    assert_eq!(owner.put("/users/owner/subscriptions/1", &more).await.fault(), (400, 135));
}

#[tokio::test]
async fn w42_the_contacts_of_all_subscriptions_are_bounded() {
    let (hub, receiver) = (Hub::start(&["apps.0.cisco.contacts_in_all=3"]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, owner2) = (app.user("owner").await, app.user("owner2").await);
    app.endpoint(&receiver).await;
    owner.subscribe("owner", 1, &["a", "b"]).await;
    assert_eq!(owner2.try_subscribe("owner2", 1, &["a", "b"]).await.fault(), (400, 135));
    owner2.subscribe("owner2", 1, &["a"]).await;
    let more = |name| crate::client::subscription(1, &[name]);
    assert_eq!(owner2.put("/users/owner2/subscriptions/2", &more("b")).await.fault(), (400, 135));
    let path = "/users/owner/subscriptions/1";
    let fewer =
        "<subscription><contactsList><contact contactURI='b@example.com'/></contactsList></subscription>";
    assert_eq!(owner.send(owner.request("DELETE", path).body(fewer)).await.status, 200);
    assert_eq!(owner2.put("/users/owner2/subscriptions/2", &more("b")).await.status, 201);
    assert_eq!(owner2.put("/users/owner2/subscriptions/2", &more("c")).await.fault(), (400, 135));
    assert_eq!(owner.delete(path).await.status, 200);
    assert_eq!(owner2.put("/users/owner2/subscriptions/2", &more("c")).await.status, 201);
}

#[tokio::test]
async fn w42_too_many_requests_a_second_are_told_to_wait() {
    let hub = Hub::start(&["apps.0.cisco.requests_per_second=3"]).await;
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    owner.fetch("owner", 1).await;
    let late = owner.fetch("owner", 1).await;
    assert_eq!((late.fault(), &late.headers["retry-after"]), ((503, 212), &"1".parse().unwrap()));
    hub.advance(Duration::from_secs(1)).await;
    assert_eq!(owner.fetch("owner", 1).await.fault(), (400, 133));
}

#[tokio::test]
async fn w42_what_cannot_be_read_counts_too_for_whoever_holds_a_key() {
    let hub = Hub::start(&["apps.0.cisco.requests_per_second=3"]).await;
    let anybody = Client::new(&hub);
    let app = anybody.app("app").await;
    let key = app.key.as_deref().unwrap();
    let soap = |key: &str| {
        format!(
            "<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\"><Header><session-key>{key}</session-key>\
             </Header><Body><registerEndPoint><expiration>soon</expiration></registerEndPoint></Body></Envelope>"
        )
    };
    let limit = (503, 212);
    assert_eq!(app.post("/endpoints", "<endpoint>").await.fault(), (400, 102));
    assert_eq!(anybody.post("/soap", &soap(key)).await.fault(), (200, 131));
    let late = app.post("/endpoints", "<endpoint>").await;
    assert_eq!((late.fault(), &late.headers["retry-after"]), (limit, &"1".parse().unwrap()));
    assert_eq!(anybody.post("/soap", &soap(key)).await.fault(), limit);
    assert_eq!(app.post("/users/owner/sessions", "<session>").await.fault(), limit);
    // Of whom nothing is known nobody else's requests are less.
    assert_eq!(anybody.post("/soap", &soap("nobody")).await.fault(), (200, 131));
    assert_eq!(anybody.post("/users/app/sessions", "<session>").await.fault(), (400, 102));
    hub.advance(Duration::from_secs(1)).await;
    for _ in 0..10 {
        anybody.post("/soap", &soap("nobody")).await;
        anybody.post("/users/app/sessions", "<session>").await;
    }
    assert_eq!(app.delete("/endpoints/1").await.fault(), (400, 132));
}

#[tokio::test]
async fn w15_names_are_judged_by_where_they_lead_and_addresses_are_bounded() {
    let hub = Hub::start(&["egress.allow=10.0.0.0/8"]).await;
    let app = Client::new(&hub).app("app").await;
    assert_eq!(register(&app, "http://localhost/pws", None).await.fault(), (400, 142));
    register(&app, "http://nobody.invalid/pws", None).await.id();
    let long = format!("http://10.0.0.1/{}", "a".repeat(2048));
    assert_eq!(register(&app, &long, None).await.fault(), (400, 142));
}

#[tokio::test]
async fn w21_an_endpoint_that_is_gone_for_good_is_called_when_it_is_registered_again() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    receiver.answer(410);
    owner.subscribe("owner", endpoint, &["joe"]).await;
    receiver.next().await;
    // Until the hub has taken the answer in, it may call once more.
    for state in ["AWAY", "AVAILABLE"].repeat(20) {
        owner.fetch("owner", 1).await;
        joe.set("joe", state, "false").await;
    }
    assert!(receiver.waiting().len() < 20, "most of the changes called nobody");
    owner.fetch("owner", 1).await;
    joe.set("joe", "AWAY", "false").await;
    receiver.answer(200);
    assert_eq!(app.put(&format!("/endpoints/{endpoint}"), "").await.status, 201);
    receiver.next().await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("joe@example.com", "AWAY")]);
}
