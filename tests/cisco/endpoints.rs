//! Endpoints: their ids, addresses and ends.

use std::time::Duration;

use crate::client::{Answer, Client};
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
    assert!(receiver.waiting().is_empty());
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
