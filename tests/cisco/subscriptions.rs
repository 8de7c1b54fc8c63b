//! Subscriptions, calls and fetches.

use crate::client::Client;
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
    assert!(receiver.waiting().is_empty());
}
