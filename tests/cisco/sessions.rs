//! Sessions: who may begin one, how it goes on, and what ends with it.

use std::time::Duration;

use crate::client::Client;
use crate::hub::Hub;
use crate::receiver::Receiver;

#[tokio::test]
async fn w1_w2_application_users_log_in_with_a_password() {
    let hub = Hub::start(&[]).await;
    let anybody = Client::new(&hub);
    let log_in = |user: &str, body: &str| {
        let (path, body, anybody) = (format!("/users/{user}/sessions"), body.to_owned(), anybody.clone());
        async move { anybody.post(&path, &body).await }
    };
    let right = "<session><password>app-password</password></session>";
    let first = log_in("app", right).await;
    let key = first.text("sessionKey").unwrap();
    let expected = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<session>\n    <sessionKey>{key}</sessionKey>\n</session>\n"
    );
    assert_eq!((first.status, first.body.as_str()), (201, expected.as_str()));
    assert_eq!(first.headers["content-length"], expected.len().to_string().as_str());
    assert_eq!(log_in("app", right).await.text("sessionKey"), Some(key));
    for (user, body, fault) in [
        ("app", "<session><password>wrong</password></session>", (400, 114)),
        ("app", "<session><password></password></session>", (400, 111)),
        ("app", "<session/>", (400, 111)),
        ("app", "", (400, 111)),
        ("nobody", right, (404, 113)),
        ("owner", right, (404, 113)),
        ("app", "<session><password>", (400, 102)),
        ("app", "<!DOCTYPE a [<!ENTITY b 'c'>]><session><password>&b;</password></session>", (400, 102)),
        ("app", "<login><password>app-password</password></login>", (400, 103)),
    ] {
        assert_eq!(log_in(user, body).await.fault(), fault, "{user} {body}");
    }
    let forced = anybody.put("/users/app/session", right).await;
    assert_ne!(forced.text("sessionKey"), Some(key));
    assert_eq!(anybody.with(key).post("/users/owner/sessions", "").await.fault(), (401, 101));
}

#[tokio::test]
async fn w3_to_w5_end_users_are_logged_in_by_application_users() {
    let hub = Hub::start(&[]).await;
    let anybody = Client::new(&hub);
    let (app, app2) = (anybody.app("app").await, anybody.app("app2").await);
    let owner = app.user("owner").await;
    assert_eq!(app.user("owner").await.key, owner.key);
    assert_eq!(app.post("/users/stranger/sessions", "").await.fault(), (404, 113));
    assert_eq!(anybody.post("/users/owner/sessions", "").await.fault(), (401, 100));
    assert_eq!(anybody.with("no-key").post("/users/owner/sessions", "").await.fault(), (401, 101));
    assert_eq!(owner.post("/users/joe/sessions", "").await.fault(), (400, 141));

    let receiver = Receiver::start().await;
    let endpoint = app.endpoint(&receiver).await;
    let id = owner.subscribe("owner", endpoint, &["joe"]).await;
    let forced = app.put("/users/owner/session", "").await;
    let renewed = app.with(forced.text("sessionKey").unwrap());
    assert_ne!(renewed.key, owner.key);
    assert_eq!(owner.fetch("owner", id).await.fault(), (401, 101));
    assert_eq!(renewed.fetch("owner", id).await.fault(), (400, 133));

    assert_eq!(app2.post("/users/owner/sessions", "").await.fault(), (409, 160));
    assert_eq!(app2.put("/users/owner/session", "").await.status, 201);
    assert_eq!(renewed.fetch("owner", 1).await.fault(), (401, 101));
}

#[tokio::test]
async fn w6_w7_what_a_session_owns_ends_with_it() {
    let (hub, receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let anybody = Client::new(&hub);
    let app = anybody.app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    let id = owner.subscribe("owner", endpoint, &["joe"]).await;
    joe.set("joe", "AVAILABLE", "false").await;
    assert_eq!(joe.delete("/users/owner/session").await.fault(), (401, 101));
    let gone = owner.delete("/users/owner/session").await;
    assert_eq!((gone.status, gone.body.as_str()), (200, ""));
    assert_eq!(owner.fetch("owner", id).await.fault(), (401, 101));
    let owner = app.user("owner").await;
    assert_eq!(owner.fetch("owner", id).await.fault(), (400, 133));
    assert_eq!(owner.poll("owner", "joe").await, "AVAILABLE");

    assert_eq!(app.delete("/users/app/session").await.status, 200);
    for ended in [&app, &owner, &joe] {
        assert_eq!(
            ended.get("/users/owner/presence/basic/contacts/joe@example.com").await.fault(),
            (401, 101)
        );
    }
    let app = anybody.app("app").await;
    assert_eq!(app.delete("/endpoints/1").await.fault(), (400, 132));
    let owner = app.user("owner").await;
    assert_eq!(owner.poll("owner", "joe").await, "UNAVAILABLE", "what joe's session said ended with it");
}

#[tokio::test]
async fn sessions_last_from_their_last_request() {
    let (hub, receiver) = (Hub::start(&["apps.0.cisco.session_lasts=1h"]).await, Receiver::start().await);
    let anybody = Client::new(&hub);
    let app = anybody.app("app").await;
    app.endpoint(&receiver).await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    hub.advance(Duration::from_secs(3_000)).await;
    assert_eq!(owner.poll("owner", "rita").await, "UNAVAILABLE");
    hub.advance(Duration::from_secs(3_000)).await;
    assert_eq!(joe.fetch("joe", 1).await.fault(), (401, 101), "nothing was heard of it for longer");
    assert_eq!(owner.poll("owner", "rita").await, "UNAVAILABLE");
    hub.advance(Duration::from_secs(3_600)).await;
    assert_eq!(owner.fetch("owner", 1).await.fault(), (401, 101));
    let app = anybody.app("app").await;
    assert_eq!(app.delete("/endpoints/1").await.fault(), (400, 132), "it ended with the session");
}

#[tokio::test]
async fn w9_each_kind_of_session_has_its_own_operations() {
    let (hub, receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    let body = format!("<endpoint><url>{}</url></endpoint>", receiver.url());
    assert_eq!(owner.post("/endpoints", &body).await.fault(), (400, 141));
    assert_eq!(owner.delete("/endpoints/1").await.fault(), (400, 141));
    assert_eq!(app.try_subscribe("owner", 1, &["joe"]).await.fault(), (400, 140));
    assert_eq!(app.fetch("owner", 1).await.fault(), (400, 140));
    assert_eq!(app.set("owner", "AWAY", "false").await.fault(), (400, 140));
    assert_eq!(owner.set("joe", "AWAY", "false").await.fault(), (401, 101));
}

#[tokio::test]
async fn w54_an_app_that_is_switched_off_has_no_users() {
    let hub = Hub::start(&["apps.0.cisco.enabled=false"]).await;
    let body = "<session><password>app-password</password></session>";
    assert_eq!(Client::new(&hub).post("/users/app/sessions", body).await.fault(), (404, 113));
}
