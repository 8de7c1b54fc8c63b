//! What is answered to requests that are wrong, and how answers travel.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Client, subscription};
use crate::hub::Hub;
use crate::receiver::Receiver;

/// Sends bytes, and reads until the hub has closed.
async fn raw(hub: &Hub, bytes: &str) -> String {
    let mut stream = TcpStream::connect(hub.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn w26_wrong_subscriptions_are_refused() {
    let (hub, receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    app.endpoint(&receiver).await;
    let right = subscription(1, &["joe"]);
    let contact = "<contact contactURI=\"joe@example.com\"/>";
    let many: String =
        (0..5_001).map(|number| format!("<contact contactURI=\"u{number}@e.com\"/>")).collect();
    for (from, to, fault) in [
        ("PRESENCE_NOTIFICATION", "RICH", (400, 134)),
        ("<subscriptionType>PRESENCE_NOTIFICATION</subscriptionType>", "", (400, 134)),
        (contact, "", (400, 135)),
        (contact, &many, (400, 135)),
        ("contactsList", "list", (400, 146)),
        ("joe@example.com", "joe", (400, 124)),
        ("joe@example.com", "", (400, 143)),
        ("<contact ", "<person ", (400, 147)),
        ("contactURI", "uri", (400, 148)),
        (">1<", ">2<", (400, 132)),
        (">1<", "><", (400, 132)),
        ("subscription>", "endpoint>", (400, 103)),
        ("</subscription>", "", (400, 102)),
    ] {
        let body = right.replace(from, to);
        assert_eq!(
            owner.post("/users/owner/subscriptions", &body).await.fault(),
            fault,
            "{from} -> {to:.40}"
        );
    }
    assert_eq!(owner.post("/users/owner/subscriptions", &right).await.id(), 1);
}

#[tokio::test]
async fn w31_the_body_of_a_get_is_nobodys_concern() {
    let hub = Hub::start(&[]).await;
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    let stray = "<session><password>app-password</password></session>";
    let request = owner.request("GET", "/users/owner/presence/basic/contacts/joe@example.com");
    let answer = owner.send(request.header("Content-Type", "text/xml").body(stray)).await;
    assert_eq!(answer.states(), [("joe@example.com", "UNAVAILABLE")]);
}

#[tokio::test]
async fn w40_an_error_is_laid_out_as_recorded() {
    let hub = Hub::start(&[]).await;
    let answer = Client::new(&hub).get("/users/owner/presence/basic/subscriptions/1").await;
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n\t<description xmlns=\"urn:cisco:cup:presence:soap\">\n\
        \t\t<code>100</code>\n\t\t<message>The session key is missing</message>\n\
        \t\t<fix>Log in, and send the session key with each request</fix>\n\t</description>\n";
    assert_eq!((answer.status, answer.body.as_str()), (401, expected));
    assert_eq!(answer.headers["content-type"], "text/xml; charset=UTF-8");
}

#[tokio::test]
async fn w43_bodies_may_be_chunked_and_answers_never_are() {
    let hub = Hub::start(&[]).await;
    let body = "<session><password>app-password</password></session>";
    let (left, right) = body.split_at(20);
    let head = "POST /presence-service/users/app/sessions HTTP/1.1\r\nHost: hub\r\n";
    let chunked = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{left}\r\n{:x}\r\n{right}\r\n0\r\n\r\n",
        left.len(),
        right.len()
    );
    let again = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let answers = raw(&hub, &(chunked + &again)).await;
    assert_eq!(answers.matches("HTTP/1.1 201 Created").count(), 2, "{answers}");
    assert_eq!(answers.to_lowercase().matches("content-length: ").count(), 2, "{answers}");
    assert!(!answers.to_lowercase().contains("chunked"), "{answers}");
}

#[tokio::test]
async fn w44_what_there_is_not_is_answered_with_an_error() {
    let hub = Hub::start(&[]).await;
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    for (method, path, status) in [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/users", 404),
        ("POST", "/users/owner/presence/basic/contacts/joe@example.com", 405),
        ("GET", "/endpoints", 405),
        ("PATCH", "/users/owner/session", 405),
        ("GET", "/users/owner/sessions", 405),
    ] {
        let answer = owner.send(owner.request(method, path)).await;
        assert_eq!(answer.fault(), (status, 200), "{method} {path}");
    }
    assert_eq!(owner.get("/users/owner/presence/richest/contacts/joe@e.com").await.fault(), (400, 110));
    assert_eq!(owner.get("/users/owner/presence/rich/contacts/joe").await.fault(), (400, 124));
    let key = owner.key.as_deref().unwrap();
    let head = format!(
        "POST /presence-service/users/owner/subscriptions HTTP/1.1\r\nHost: hub\r\nPresence-Session-Key: {key}\r\n"
    );
    let long = raw(&hub, &format!("{head}Content-Length: 99999999\r\n\r\n<subscription>")).await;
    assert!(long.starts_with("HTTP/1.1 400") && long.contains("<code>150</code>"), "{long}");
    let unknown =
        format!("{}Content-Length: 99999999\r\nConnection: close\r\n\r\n", head.replace(key, "nobody"));
    assert!(raw(&hub, &unknown).await.contains("<code>101</code>"), "nobody else makes the hub read a body");
}
