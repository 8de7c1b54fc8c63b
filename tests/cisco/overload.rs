//! A hub that has too much to do: it says so, calls nobody, and loses nothing.

use std::time::Duration;

use serde_json::json;

use crate::client::Client;
use crate::hub::Hub;
use crate::person::Person;
use crate::receiver::Receiver;

const CALLS: [&str; 2] =
    ["/pws?id=1&eventType=PRESENCE_NOTIFICATION", "/pws?id=2&eventType=PRESENCE_NOTIFICATION"];
const EXACTLY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n\t<description xmlns=\"urn:cisco:cup:presence:soap\">\n\
    \t\t<code>210</code>\n\t\t<message>Max cpu utilization reached</message>\n\
    \t\t<fix>Wait before sending another request</fix>\n\t</description>\n";

/// Lets measurements pass until a request is answered so.
async fn until(hub: &Hub, client: &Client, status: u16) {
    let wait = async {
        while client.get("/users/owner/presence/basic/contacts/joe@example.com").await.status != status {
            hub.advance(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the hub notices its load");
}

/// A hub that is busy in one way, at three values of it: too much to do, not yet little enough, and little enough.
async fn play(busy: fn(&Hub, usize), [high, between, low]: [usize; 3]) {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, owner2) = (app.user("owner").await, app.user("owner2").await);
    let mut joe = Person::connect(&hub, "joe").await;
    let endpoint = app.endpoint(&receiver).await;
    owner.subscribe("owner", endpoint, &["joe"]).await;
    assert_eq!(receiver.next().await, CALLS[0]);
    owner2.subscribe("owner2", endpoint, &["joe"]).await;
    assert_eq!(receiver.next().await, CALLS[1]);
    owner.fetch("owner", 1).await;
    owner2.fetch("owner2", 2).await;

    busy(&hub, high);
    until(&hub, &owner, 503).await;
    let refused = owner.fetch("owner", 1).await;
    assert_eq!((refused.status, refused.body.as_str()), (503, EXACTLY));
    assert_eq!(refused.headers["retry-after"], "5");
    let envelope =
        "<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\"><Body><logout/></Body></Envelope>";
    assert_eq!(app.post("/soap", envelope).await.fault(), (503, 210));
    joe.say(&json!({})).await;
    busy(&hub, between);
    hub.pass(60).await;
    assert_eq!(owner.fetch("owner", 1).await.fault(), (503, 210), "between the two bars it stays as it is");
    assert!(receiver.waiting().is_empty(), "nobody is called");

    busy(&hub, low);
    until(&hub, &owner, 200).await;
    let mut calls = [receiver.next().await, receiver.next().await];
    calls.sort();
    assert_eq!(calls, CALLS, "each subscription for which something waits is called");
    let states = [("joe@example.com", "AVAILABLE")];
    assert_eq!(owner.fetch("owner", 1).await.states(), states);
    assert_eq!(owner2.fetch("owner2", 2).await.states(), states);
}

#[tokio::test]
async fn w41_too_much_to_do_is_said_and_nothing_is_lost() {
    play(Hub::load, [80, 75, 60]).await;
}

#[tokio::test]
async fn w41_a_full_inbox_is_too_much_to_do() {
    play(Hub::inbox, [50, 25, 24]).await;
}
