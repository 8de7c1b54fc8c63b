//! What is fetched and set, and how people of other dialects look.

use std::time::Duration;

use presence_protocol::xml::{self, Caps};
use serde_json::json;

use crate::client::{Answer, Client};
use crate::fence::nobody_called;
use crate::hub::Hub;
use crate::person::Person;
use crate::receiver::Receiver;

const CALL: &str = "/pws?id=1&eventType=PRESENCE_NOTIFICATION";
const CAPS: Caps = Caps { bytes: 64 * 1024, depth: 16, elements: 1_000, attributes: 8 };

/// A hub with an owner who watches joe and has been told how he is.
struct Scene {
    hub: Hub,
    receiver: Receiver,
    app: Client,
    owner: Client,
}

impl Scene {
    async fn start() -> Self {
        let settings = ["apps.0.cisco.session_lasts=48h"];
        let (hub, mut receiver) = (Hub::start(&settings).await, Receiver::start().await);
        let app = Client::new(&hub).app("app").await;
        let owner = app.user("owner").await;
        let endpoint = app.endpoint(&receiver).await;
        owner.subscribe("owner", endpoint, &["joe"]).await;
        receiver.next().await;
        owner.fetch("owner", 1).await;
        Self { hub, receiver, app, owner }
    }

    /// Waits for the call, and says joe's state then.
    async fn told(&mut self) -> String {
        assert_eq!(self.receiver.next().await, CALL);
        self.owner.fetch("owner", 1).await.states()[0].1.to_owned()
    }
}

#[tokio::test]
async fn w33_states_are_kept_as_the_original_service_keeps_them() {
    let mut scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    for (state, is_override, shown) in [
        ("AWAY", "false", "AWAY"),
        ("AVAILABLE", "false", "AVAILABLE"),
        ("BUSY", "false", "AWAY"),
        ("UNAVAILABLE", "false", "UNAVAILABLE"),
        ("VACATION", "true", "AWAY"),
        ("DND", "true", "DND"),
        ("UNAVAILABLE", "true", "UNAVAILABLE"),
        ("BUSY", "true", "AWAY"),
    ] {
        assert_eq!(joe.set("joe", state, is_override).await.status, 200, "{state}");
        assert_eq!(scene.told().await, shown, "{state}");
    }
    for (state, is_override, expiry, fault) in [
        ("UNKNOWN", "false", "3600", (400, 120)),
        ("", "false", "3600", (400, 115)),
        ("ASLEEP", "false", "3600", (400, 120)),
        ("AVAILABLE", "true", "3600", (400, 121)),
        ("DND", "false", "3600", (400, 122)),
        ("AWAY", "TRUE", "3600", (400, 125)),
        ("AWAY", "false", "3599", (400, 131)),
        ("AWAY", "false", "86401", (400, 131)),
    ] {
        let answer = joe.set_for("joe", state, is_override, expiry).await;
        assert_eq!(answer.fault(), fault, "{state}");
    }
    nobody_called(&scene.hub, &mut scene.receiver).await;
}

#[tokio::test]
async fn w35_an_override_stands_until_it_ends() {
    let mut scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    joe.set_for("joe", "AVAILABLE", "false", "86400").await;
    assert_eq!(scene.told().await, "AVAILABLE");
    joe.set("joe", "DND", "true").await;
    assert_eq!(scene.told().await, "DND");
    joe.set_for("joe", "AWAY", "false", "86400").await;
    assert_eq!(joe.poll("joe", "joe").await, "DND");
    scene.hub.advance(Duration::from_secs(3_599)).await;
    assert_eq!(joe.poll("joe", "joe").await, "DND");
    nobody_called(&scene.hub, &mut scene.receiver).await;
    scene.hub.advance(Duration::from_secs(1)).await;
    assert_eq!(scene.told().await, "AWAY");
}

#[tokio::test]
async fn w35_watchers_hear_of_its_end_if_the_walls_clock_was_set_back() {
    let mut scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    joe.set("joe", "DND", "true").await;
    assert_eq!(scene.told().await, "DND");
    scene.hub.set_back(Duration::from_secs(60));
    scene.hub.advance(Duration::from_secs(3_590)).await;
    scene.hub.pass(71).await;
    assert_eq!(scene.told().await, "UNAVAILABLE");
}

#[tokio::test]
async fn what_a_device_says_ends_when_it_said() {
    let mut scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    joe.set("joe", "AWAY", "false").await;
    assert_eq!(scene.told().await, "AWAY");
    scene.hub.advance(Duration::from_secs(3_000)).await;
    joe.set("joe", "AVAILABLE", "false").await;
    assert_eq!(scene.told().await, "AVAILABLE");
    scene.hub.advance(Duration::from_secs(3_599)).await;
    assert_eq!(joe.poll("joe", "joe").await, "AVAILABLE");
    scene.hub.advance(Duration::from_secs(1)).await;
    assert_eq!(scene.told().await, "UNAVAILABLE");
}

#[tokio::test]
async fn w39_the_same_state_twice_is_told_once() {
    let mut scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    for _ in 0..2 {
        joe.set("joe", "AWAY", "false").await;
    }
    assert_eq!(scene.told().await, "AWAY");
    joe.set("joe", "AWAY", "false").await;
    assert!(scene.owner.fetch("owner", 1).await.states().is_empty());
    nobody_called(&scene.hub, &mut scene.receiver).await;
}

#[tokio::test]
async fn w36_w38_people_of_other_dialects_are_seen_as_they_are() {
    let mut scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    let mut person = Person::connect(&scene.hub, "joe").await;
    person.say(&json!({})).await;
    assert_eq!(scene.told().await, "AVAILABLE");
    joe.set("joe", "UNAVAILABLE", "false").await;
    assert_eq!(joe.poll("joe", "joe").await, "AVAILABLE", "another client of the user is there");
    person.say(&json!({"idle": true})).await;
    assert_eq!(scene.told().await, "AWAY");
    person.say(&json!({"mediaSession": {"connected": true}})).await;
    assert_eq!(scene.told().await, "BUSY");
    joe.set("joe", "DND", "true").await;
    assert_eq!(scene.told().await, "DND");
    let clear = rich("<activities><clear/></activities>", "pws-override", "Human");
    assert_eq!(set_rich(&joe, "true", &clear).await.status, 200);
    assert_eq!(scene.told().await, "BUSY");
    person.leave().await;
    assert_eq!(scene.told().await, "UNAVAILABLE");
    let stranger = scene.owner.poll("owner", "stranger").await;
    let mut known = Person::connect(&scene.hub, "stranger").await;
    known.say(&json!({})).await;
    assert_eq!(
        (stranger.as_str(), scene.owner.poll("owner", "stranger").await.as_str()),
        ("UNKNOWN", "AVAILABLE")
    );
}

#[tokio::test]
async fn whoever_says_to_be_present_here_is_seen_in_every_dialect() {
    let scene = Scene::start().await;
    let mut watcher = Person::watch(&scene.hub, "rita", "cisco").await;
    let joe = scene.app.user("joe").await;
    joe.set("joe", "BUSY", "false").await;
    let seen = watcher.until(|frame| frame["payload"]["sender"]["_id"] == "joe").await;
    assert_eq!(seen["payload"]["category"], "app.event.presence.party.online");
    assert_eq!(seen["payload"]["content"]["idle"], true);
    assert_eq!(seen["payload"]["content"]["state"], json!({"state": "BUSY", "activity": "busy"}));
    joe.delete("/users/joe/session").await;
    let seen = watcher.until(|frame| frame["payload"]["category"] == "app.event.presence.party.leaves").await;
    assert_eq!(seen["payload"]["hub"]["cause"], "left");
}

fn rich(activities: &str, tuple: &str, source: &str) -> String {
    format!(
        "<presence entity='sip:joe@example.com'><person id='joe'>{activities}</person>\
         <tuple id='{tuple}'><note>out for lunch</note><source>{source}</source></tuple></presence>"
    )
}

async fn set_rich(client: &Client, is_override: &str, body: &str) -> Answer {
    let request = client.request("PUT", "/users/joe/presence/rich").header("Presence-Override", is_override);
    client.send(request.header("Presence-Expiry", "3600").body(body.to_owned())).await
}

#[tokio::test]
async fn w32_w37_rich_presence_is_set_and_fetched_as_pidf() {
    let mut scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    let meeting = "<activities><meeting/></activities>";
    let device = rich(meeting, "my-desk", "Presence Web Service");
    assert_eq!(set_rich(&joe, "false", &device).await.status, 200);
    assert_eq!(scene.receiver.next().await, CALL);
    let fetched = scene.owner.get("/users/owner/presence/rich/subscriptions/1").await;
    let list = xml::read(fetched.body.as_bytes(), &CAPS).unwrap();
    assert_eq!(
        (list.name(), list.attribute("type"), list.children().len()),
        ("presenceList", Some("rich"), 1)
    );
    let contact = &list.children()[0];
    assert_eq!(contact.own_namespace(), Some("urn:ietf:params:xml:ns:pidf"));
    assert_eq!(contact.attribute("entity"), Some("sip:joe@example.com"));
    let person = contact.child("person").unwrap();
    assert_eq!(person.child("activities").unwrap().children()[0].name(), "meeting");
    assert_eq!(person.text_of("note"), Some("out for lunch"));
    assert_eq!(joe.poll("joe", "joe").await, "AWAY");

    let rogue = scene.owner.get("/users/owner/presence/rich/contacts/rogue@example.com").await;
    let list = xml::read(rogue.body.as_bytes(), &CAPS).unwrap();
    let activities = list.children()[0].child("person").unwrap().child("activities").unwrap();
    assert_eq!(activities.children()[0].name(), "unknown");

    for (body, is_override, fault) in [
        (rich(meeting, "my-desk", "Human"), "true", (400, 161)),
        (rich(meeting, "my-desk", "Human"), "false", (400, 162)),
        (rich("<activities><available/></activities>", "pws-override", "Human"), "true", (400, 121)),
        (rich("<activities><dnd/></activities>", "d", "Presence Web Service"), "false", (400, 122)),
        ("<session/>".to_owned(), "true", (400, 103)),
        ("<presence".to_owned(), "true", (400, 102)),
    ] {
        assert_eq!(set_rich(&joe, is_override, &body).await.fault(), fault, "{body}");
    }
}

#[tokio::test]
async fn a_device_of_this_dialect_does_not_hide_the_name_that_another_gives() {
    let scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    let mut person = Person::watch(&scene.hub, "joe", "abc").await;
    person.say(&json!({})).await;
    joe.set("joe", "AWAY", "false").await;
    let shown = joe.get("/users/joe/presence/rich/contacts/joe@example.com").await;
    assert!(shown.body.contains(">joe Doe</display-name>"), "{shown:?}");
    assert_eq!(joe.poll("joe", "joe").await, "AVAILABLE", "an active device counts above one that is away");
    person.say(&json!({"idle": true})).await;
    assert_eq!(joe.poll("joe", "joe").await, "AWAY");
}

#[tokio::test]
async fn what_the_hub_cannot_take_is_not_kept() {
    let hub = Hub::start(&["limits.members_per_topic=1"]).await;
    let joe = Client::new(&hub).app("app").await.user("joe").await;
    let mut person = Person::watch(&hub, "rita", "cisco").await;
    person.say(&json!({})).await;
    assert_eq!(joe.set("joe", "AWAY", "false").await.fault(), (500, 204));
    person.leave().await;
    assert_eq!(joe.set("joe", "AWAY", "false").await.status, 200);
    assert_eq!(joe.poll("joe", "joe").await, "AWAY");
}

#[tokio::test]
async fn w30_only_the_domains_of_the_hub_are_its_own() {
    let hub = Hub::start(&["apps.0.cisco.domains=127.0.0.1,example.com"]).await;
    let app = Client::new(&hub).app("app").await;
    let joe = app.user("joe").await;
    joe.set("joe", "AVAILABLE", "false").await;
    for (domain, state) in
        [("127.0.0.1", "AVAILABLE"), ("EXAMPLE.com", "AVAILABLE"), ("other.org", "UNKNOWN")]
    {
        let answer = joe.get(&format!("/users/joe@example.com/presence/basic/contacts/joe@{domain}")).await;
        assert_eq!(answer.states(), [(format!("joe@{domain}").as_str(), state)]);
    }
    assert_eq!(
        joe.get("/users/joe@other.org/presence/basic/contacts/joe@127.0.0.1").await.fault(),
        (401, 101)
    );
}

#[tokio::test]
async fn w38_each_window_of_a_person_counts() {
    let mut scene = Scene::start().await;
    let mut first = Person::connect(&scene.hub, "joe").await;
    first.say(&json!({})).await;
    assert_eq!(scene.told().await, "AVAILABLE");
    let mut second = Person::connect(&scene.hub, "joe").await;
    second.say(&json!({"idle": true})).await;
    // What the person shows is what the second window says already, but the first one was not idle.
    first.say(&json!({"idle": true})).await;
    assert_eq!(scene.told().await, "AWAY");
}
