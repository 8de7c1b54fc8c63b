//! The frames that are written by hand, read with the types of the protocol.

use std::sync::Arc;

use presence_protocol::pusher::{
    ConnectionEstablished, ErrorData, MemberAdded, ServerFrame, SubscriptionCount, SubscriptionFailed,
    SubscriptionSucceeded, WatchlistEvents,
};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::super::{fault, translate};
use super::*;
use crate::core::{Content, Occupancy, SessionId, Stamp, Timetoken};

/// The text of the only frame.
fn text(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    write(&mut out);
    let head = match out[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    String::from_utf8(out[head..].to_vec()).unwrap()
}

/// What the data of a frame says.
fn data<T: DeserializeOwned>(text: &str) -> T {
    let frame: ServerFrame<'_> = serde_json::from_str(text).unwrap();
    let inner = frame.data_text().unwrap_or_else(|| frame.data.unwrap().get().into());
    serde_json::from_str(&inner).unwrap()
}

fn member(id: &str, info: Option<&str>) -> MemberView {
    let party = Arc::new(translate::user(id, info).unwrap());
    let session = SessionId(Uuid::nil());
    MemberView { party, session, content: Content::default(), attached: 1, joined: Timetoken(1) }
}

fn snapshot(members: Vec<MemberView>) -> Snapshot {
    let topic = TopicName::new("presence-x").unwrap();
    Snapshot {
        topic,
        stamp: Stamp::default(),
        members,
        occupancy: Occupancy::default(),
        digest: 0,
        retained: None,
    }
}

#[test]
fn every_frame_is_what_its_type_says() {
    let topic = TopicName::new("c").unwrap();
    let first: ConnectionEstablished = data(&text(|out| established("1.2", 120, out)));
    assert_eq!(first, ConnectionEstablished { socket_id: "1.2".into(), activity_timeout: 120 });
    let told: ErrorData = data(&text(|out| error(&fault::RATE, out)));
    assert_eq!(told.code, Some(4301));
    let told: ErrorData = data(&text(|out| error(&fault::NOT_JSON, out)));
    assert_eq!(told.code, None);
    let failed: SubscriptionFailed = data(&text(|out| subscription_failed("c", &fault::FULL, out)));
    assert_eq!((failed.code, failed.message.as_str()), (1000, &*fault::FULL.message));
    let count: SubscriptionCount = data(&text(|out| subscription_count(&topic, 12, out)));
    assert_eq!(count.subscription_count, 12);
    let events: WatchlistEvents =
        data(&text(|out| watchlist(&[("online", &["7", "\"8"]), ("offline", &[])], out)));
    assert_eq!(
        (events.events.len(), &*events.events[0].name, &*events.events[0].user_ids[1]),
        (1, "online", "\"8")
    );
    assert_eq!(text(pong), r#"{"event":"pusher:pong","data":{}}"#);
    let plain = text(|out| succeeded("c", None, None, out));
    assert_eq!(plain, r#"{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}"#);
}

proptest! {
    #[test]
    fn lists_survive_being_text_in_text(
        ids in prop::collection::btree_set("[^\\p{C}]{1,12}", 0..6),
        info in "[^\\p{C}]{0,12}",
        after in prop::option::of(("[ -~é]{0,20}", any::<bool>())),
    ) {
        let info = serde_json::json!({"name": info, "nested": {"\"": [1, "\\"]}});
        let members: Vec<_> = ids.iter().map(|id| member(id, Some(&info.to_string()))).collect();
        let added: MemberAdded = match members.first() {
            Some(first) => data(&text(|out| member_added(&TopicName::new("presence-x").unwrap(), first, out))),
            None => return Ok(()),
        };
        prop_assert_eq!(&added.user_info, &info);
        let rendered = presence(&snapshot(members));
        let resume = after.as_ref().map(|(id, ok)| (id.as_str(), *ok));
        let said: SubscriptionSucceeded = data(&text(|out| succeeded("presence-x", Some(&rendered), resume, out)));
        let list = said.presence.unwrap();
        prop_assert_eq!((list.count, list.hash.len()), (ids.len(), ids.len()));
        prop_assert_eq!(list.ids, ids.iter().cloned().collect::<Vec<_>>());
        prop_assert!(list.hash.values().all(|shown| *shown == info));
        let resumed = said.resume.map(|resume| (resume.after_id, resume.ok));
        prop_assert_eq!(resumed, after);
    }

    #[test]
    fn data_is_passed_on_to_the_byte(said in any::<String>()) {
        let mut body = Vec::new();
        json::quote(&said, &mut body);
        let frame = text(|out| super::event(("e", "c"), &body, (None, None), out));
        let frame: ServerFrame<'_> = serde_json::from_str(&frame).unwrap();
        prop_assert_eq!(frame.data_text().unwrap(), said);
    }

    #[test]
    fn messages_of_other_dialects_are_json_in_text(number in any::<i32>()) {
        let body = serde_json::json!({"a": number}).to_string();
        let frame = text(|out| super::event(("e", "c"), body.as_bytes(), (Some("u"), Some("9")), out));
        let read: ServerFrame<'_> = serde_json::from_str(&frame).unwrap();
        prop_assert_eq!((read.user_id.as_deref(), read.id.as_deref()), (Some("u"), Some("9")));
        prop_assert_eq!(data::<Value>(&frame), serde_json::json!({"a": number}));
    }
}
