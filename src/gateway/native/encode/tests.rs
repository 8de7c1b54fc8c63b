//! Holds what viewers are sent to the example payloads.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use presence_protocol::native::{ChannelSubscribed, MessageSent, PresenceResponse, RosterEntry, ServerFrame};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::broker::Link;
use crate::core::{
    Content, Epoch, MemberView, Party, PartyId, PartyKind, Rev, SessionId, Stamp, Timetoken, Wall,
};
use crate::gateway::native::framing::Plain;
use crate::gateway::native::translate::{Speaker, said};
use presence_protocol::native::Role;

const STAMP: Stamp = Stamp { epoch: Epoch(9), rev: Rev(5), timetoken: Timetoken(15_965_467_083_760_000) };

macro_rules! payload {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../../protocol/payloads/", $name, ".json")))
            .unwrap()
    };
}

/// The party that a payload shows as its sender.
fn party(sender: &Value) -> Arc<Party> {
    let text = |key: &str| sender[key].as_str().unwrap_or_default();
    let kind = match text("type") {
        "phone" => PartyKind::Phone,
        "anonymous" => PartyKind::Anonymous,
        _ => PartyKind::User,
    };
    Arc::new(Party {
        kind,
        username: text("username").into(),
        displayname: text("displayname").into(),
        picture_url: text("picture_url").into(),
        ..Party::new(PartyId::new(text("_id")).unwrap())
    })
}

fn member(payload: &Value) -> MemberView {
    let speaker = Speaker { role: Role::Admin, limit: 4096 };
    let session = payload["content"]["sessionId"].as_str().unwrap_or_default();
    MemberView {
        party: party(&payload["sender"]),
        session: SessionId(Uuid::parse_str(session).unwrap_or_default()),
        content: said(Some(&payload["content"].to_string()), speaker).unwrap(),
        attached: 1,
        joined: STAMP.timetoken,
    }
}

fn change(topic: &Value, kind: ChangeKind) -> Arc<Change> {
    let topic = TopicName::new(topic.as_str().unwrap()).unwrap();
    Arc::new(Change { topic, stamp: STAMP, kind, occupancy: Occupancy::default(), edge: None })
}

fn text(out: &BytesMut) -> &str {
    let head = match out[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    std::str::from_utf8(&out[head..]).unwrap()
}

/// The event and payload that viewers are sent for a change.
fn sent(change: Arc<Change>, link: Option<Link>, echo: Option<&'static str>) -> Value {
    let mut out = BytesMut::new();
    let echo = echo.map(|echo| Bytes::from_static(echo.as_bytes()));
    Encoder::new(&Plain).change(&Step { change, link }, echo.as_ref(), &mut out);
    serde_json::from_str(text(&out)).unwrap()
}

fn payload_of(change: Arc<Change>) -> Value {
    sent(change, None, None)["payload"].take()
}

/// Every member of the golden payload is there with its value, and nothing else but what is named.
fn assert_golden(name: &str, golden: &Value, found: &Value, also: &[&str]) {
    let (Value::Object(golden), Value::Object(found)) = (golden, found) else {
        return assert_eq!(golden, found, "{name}");
    };
    for (key, value) in golden {
        let found = found.get(key).unwrap_or_else(|| panic!("{name}.{key} is missing"));
        assert_golden(&format!("{name}.{key}"), value, found, also);
    }
    for key in found.keys().filter(|key| !golden.contains_key(*key)) {
        assert!(also.contains(&key.as_str()), "{name}.{key} is not in the golden payload");
    }
}

const NULLS: [&str; 4] = ["authorizedBy", "authorizedResources", "scope", "hub"];

#[test]
fn presence_is_sent_as_the_examples_show() {
    for (name, mut golden) in [
        ("online", payload!("party-online")),
        ("phone online", payload!("dialin-party-online")),
        ("leaves", payload!("party-leaves")),
        ("phone leaves", payload!("dialin-party-leaves")),
    ] {
        let member = member(&golden);
        let kind = if name.ends_with("online") {
            ChangeKind::Joined(member)
        } else {
            let (cause, last_heard) = (Cause::Left, Wall(STAMP.timetoken.0));
            ChangeKind::Left { member, cause, last_heard, by: None }
        };
        let mut found = payload_of(change(&golden["topicId"], kind));
        let text = found.to_string();
        drop(serde_json::from_str::<PresenceResponse<'_>>(&text).unwrap());
        for payload in [&mut golden, &mut found] {
            // The example is directed, and the id is each event's own.
            let payload = payload.as_object_mut().unwrap();
            payload.entry("receivers").and_modify(|receivers| *receivers = json!([]));
            payload.entry("_id").and_modify(|id| *id = json!(Uuid::parse_str(id.as_str().unwrap()).is_ok()));
        }
        assert_golden(name, &golden, &found, &NULLS);
    }
}

#[test]
fn a_removal_is_sent_as_the_example_shows() {
    let golden = payload!("party-removed");
    let gone = json!({"sender": {"_id": golden["content"]["attendee"]["attendee"]}, "content": {}});
    let kind = ChangeKind::Left {
        member: member(&gone),
        cause: Cause::Kicked,
        last_heard: Wall(1),
        by: Some(party(&golden["sender"])),
    };
    let found = payload_of(change(&golden["topicId"], kind));
    assert_golden("removed", &golden, &found, &["hub"]);
    assert_eq!(found["hub"], json!({"cause": "kicked"}));
}

#[test]
fn every_cause_but_removal_is_a_leaves() {
    for cause in
        [Cause::Left, Cause::Closed, Cause::TimedOut, Cause::NodeLost, Cause::Replaced, Cause::Policy]
    {
        let member = member(&json!({"sender": {"_id": "p"}, "content": {}}));
        let kind = ChangeKind::Left { member, cause, last_heard: Wall(STAMP.timetoken.0), by: None };
        let found = payload_of(change(&json!("t"), kind));
        assert_eq!(found["category"], "app.event.presence.party.leaves");
        let hub = json!({"cause": cause.as_str(), "lastHeard": "2020-08-04T13:11:48.376Z", "sessions": 0});
        assert_eq!(found["hub"], hub);
    }
}

#[test]
fn frames_say_where_they_stand_and_only_the_author_has_its_echo() {
    let golden = payload!("party-online");
    let change = change(&golden["topicId"], ChangeKind::Updated(member(&golden)));
    let link = Some(Link { prev: Rev(3), rev: Rev(5) });
    let frame = sent(Arc::clone(&change), link, None);
    let text = frame.to_string();
    let read = ServerFrame::deserialize(&mut serde_json::Deserializer::from_str(&text)).unwrap();
    assert_eq!((read.epoch.as_deref(), read.rev, read.prev), (Some("9"), Some(5), Some(3)));
    assert_eq!(read.timetoken.as_deref(), Some("15965467083760000"));
    assert!(frame["payload"].get("loopbackMetadata").is_none());
    for echo in ["null", "7", "{\"a\":[1]}", "\"x\\\"y\""] {
        let frame = sent(Arc::clone(&change), link, Some(echo));
        assert_eq!(frame["payload"]["loopbackMetadata"], serde_json::from_str::<Value>(echo).unwrap());
    }
    let bare = sent(change, None, None);
    assert!(bare.get("rev").is_none() && bare.get("epoch").is_none());
}

fn message(name: &str, body: &'static str) -> ChangeKind {
    ChangeKind::Message(Arc::new(Message {
        from: party(&json!({"_id": "p", "displayname": "P"})),
        session: None,
        name: name.into(),
        body: Bytes::from_static(body.as_bytes()),
        receivers: None,
        is_kept: true,
        extra: Bytes::new(),
    }))
}

#[test]
fn messages_of_every_dialect_can_be_shown() {
    let own = change(&json!("t"), message("MEDIA_SESSION_RESPONSE", r#"{"category":"x"}"#));
    let found = sent(own, None, Some("1"));
    assert_eq!(found["event"], "MEDIA_SESSION_RESPONSE");
    assert_eq!(found["payload"], json!({"category": "x", "loopbackMetadata": 1}));
    for (body, shown, raw) in
        [(r#""hi""#, "hi", json!("hi")), (r#"{"a":1}"#, r#"{"a":1}"#, json!({"a": 1})), ("", "", Value::Null)]
    {
        let found = sent(change(&json!("t"), message("client-greet", body)), None, None);
        assert_eq!(found["event"], "MESSAGE_SENT");
        let payload = &found["payload"];
        assert_eq!((&payload["content"]["bodyText"], &payload["hub"]["body"]), (&json!(shown), &raw));
        assert_golden("message", &strip(payload!("server-message-sent")), &strip(payload.clone()), &["hub"]);
        let text = payload.to_string();
        drop(serde_json::from_str::<MessageSent<'_>>(&text).unwrap());
    }
}

/// A backend of another dialect calls its events as it likes, and what it says in them is text.
#[test]
fn a_message_of_another_dialect_is_one_whatever_it_is_called() {
    for name in OWN_EVENTS {
        let found = sent(change(&json!("t"), message(name, r#""hi""#)), None, None);
        assert_eq!(found["event"], "MESSAGE_SENT");
        assert_eq!(found["payload"]["content"]["bodyText"], "hi");
        assert_eq!(found["payload"]["hub"], json!({"name": name, "body": "hi"}));
    }
}

/// Without the values that differ from message to message.
fn strip(mut payload: Value) -> Value {
    for pointer in ["/_id", "/topicId", "/topicTitle", "/created", "/content/bodyText", "/sender"] {
        *payload.pointer_mut(pointer).unwrap() = Value::Null;
    }
    payload
}

#[test]
fn what_the_dialect_does_not_show_sends_nothing() {
    let mut out = BytesMut::new();
    let kinds = [ChangeKind::Counts, ChangeKind::State(party(&json!({"_id": "p"})), None)];
    for kind in kinds {
        let step = Step { change: change(&json!("t"), kind), link: None };
        Encoder::new(&Plain).change(&step, None, &mut out);
    }
    assert!(out.is_empty());
    let occupancy = Occupancy { parties: 1, sessions: 2, watchers: 3 };
    Encoder::new(&Plain).interval(&TopicName::new("t").unwrap(), occupancy, &mut out);
    let frame: Value = serde_json::from_str(text(&out)).unwrap();
    let counts = json!({"occupancy": {"parties": 1, "sessions": 2, "watchers": 3}});
    assert_eq!(frame["payload"]["hub"], counts);
}

#[test]
fn a_roster_is_read_back() {
    let mut snapshot = Snapshot::empty(TopicName::new("t").unwrap());
    assert_eq!(roster(&snapshot), "[]");
    let foreign = MemberView { content: Content::default(), ..member(&payload!("party-leaves")) };
    snapshot.members = vec![member(&payload!("party-online")), foreign];
    let text = roster(&snapshot);
    let entries: Vec<RosterEntry<'_>> = serde_json::from_slice(&text).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].user.id, "5f04251caa4a347af9945f06");
    assert_eq!(entries[1].hub.as_ref().map(|hub| hub.sessions), Some(1));
    let whole = format!(
        r#"{{"channel":{{"_id":"t","type":"topic"}},"dtsid":"1","sessionId":"s","hub":{{"roster":{},
        "occupancy":{{"parties":2,"sessions":2,"watchers":0}},"digest":"0"}}}}"#,
        std::str::from_utf8(&text).unwrap()
    );
    drop(serde_json::from_str::<ChannelSubscribed<'_>>(&whole).unwrap());
}
