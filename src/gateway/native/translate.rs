//! Where the words of the dialect and those of the core meet: presence content.
//!
//! A content of this dialect is kept as an object whose first member is an object `mediaSession`, which is also how it is told
//! from the contents of other dialects. It is kept without `sessionId`, which is written into it on its way out.

use bytes::Bytes;
use presence_protocol::Object;
use presence_protocol::native::Role;

use super::fault::{self, Fault};
use super::payload::session_text;
use crate::core::{Content, Facts, MemberView, Party, PartyKind, SessionId};
use crate::gateway::json;

/// What does not count when contents are compared.
const VOLATILE: [&str; 4] = ["sessionId", "subscribeTime", "joinTime", "joinedSessionIds"];

/// How the contents of this dialect begin.
const NATIVE: &[u8] = b"{\"mediaSession\":{";

const NO_MEDIA: &[u8] =
    br#"{"audio":false,"connected":false,"phone":false,"screenshare":false,"selfMuted":false,"video":false}"#;

/// What `video.end` means for a media session.
const ENDED: [&str; 4] = ["connected", "audio", "video", "screenshare"];

/// Who says a content, as far as it matters to the content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speaker {
    /// What its token allows at most.
    pub(super) role: Role,
    /// The most bytes it may say.
    pub(super) limit: usize,
}

/// A client's content as the core keeps it: with the role it may have, without what the hub writes itself, and with what some
/// clients put into `mediaSession` in its place. Everything else is kept as it is.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn said(raw: Option<&str>, speaker: Speaker) -> Result<Content, Fault> {
    let object = match raw {
        Some(raw) => Object::parse(raw).ok_or(fault::BAD_CONTENT)?,
        None => Object::default(),
    };
    let media = object.object("mediaSession");
    let nested = media.clone().unwrap_or_default();
    let asked = object.text("role").or_else(|| nested.text("role"));
    let role = capped(asked.as_deref(), speaker.role);
    let mut bytes = Vec::with_capacity(raw.map_or(0, str::len) + 160);
    json::object(&mut bytes, |content| {
        write_media(media.as_ref(), content.key("mediaSession"));
        for (key, value) in object.iter() {
            if !matches!(key, "mediaSession" | "sessionId" | "loopbackMetadata" | "topicId" | "role") {
                content.raw(key, value.get().as_bytes());
            }
        }
        if let (None, Some(offline)) = (object.get("offline"), nested.get("offline")) {
            content.raw("offline", offline.get().as_bytes());
        }
        content.text("role", role.as_str());
    });
    finish(bytes, speaker.limit)
}

/// The role that a client asks for, or what it may have at most.
fn capped(asked: Option<&str>, most: Role) -> Role {
    asked.and_then(Role::named).map_or(most, |asked| asked.min(most))
}

/// The media session without what belongs outside it.
fn write_media(media: Option<&Object<'_>>, out: &mut Vec<u8>) {
    let Some(media) = media else { return out.extend_from_slice(NO_MEDIA) };
    json::object(out, |written| {
        for (key, value) in media.iter() {
            if !matches!(key, "role" | "offline") {
                written.raw(key, value.get().as_bytes());
            }
        }
    });
}

/// A content with another media session laid over its own; one that has `ended` is silent and dark.
///
/// # Errors
/// Says what is wrong with the result.
pub(super) fn with_media(
    said: &Bytes,
    media: &Object<'_>,
    has_ended: bool,
    speaker: Speaker,
) -> Result<Content, Fault> {
    let text = std::str::from_utf8(said).unwrap_or_default();
    let object = Object::parse(text).unwrap_or_default();
    let before = object.object("mediaSession").unwrap_or_default();
    let is_forced = |key: &str| has_ended && ENDED.contains(&key);
    let mut bytes = Vec::with_capacity(said.len() + 160);
    json::object(&mut bytes, |content| {
        content.object("mediaSession", |merged| {
            for (key, value) in before.iter() {
                if media.get(key).is_none() && !is_forced(key) {
                    merged.raw(key, value.get().as_bytes());
                }
            }
            for (key, value) in media.iter() {
                if !matches!(key, "role" | "offline") && !is_forced(key) {
                    merged.raw(key, value.get().as_bytes());
                }
            }
            if has_ended {
                for key in ENDED {
                    merged.raw(key, b"false");
                }
            }
        });
        for (key, value) in object.iter().filter(|(key, _)| !matches!(*key, "mediaSession" | "role")) {
            content.raw(key, value.get().as_bytes());
        }
        // The speaker may have been made less since it said so.
        content.text("role", capped(object.text("role").as_deref(), speaker.role).as_str());
    });
    finish(bytes, speaker.limit)
}

fn finish(bytes: Vec<u8>, limit: usize) -> Result<Content, Fault> {
    if bytes.len() > limit {
        return Err(fault::LONG_CONTENT);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| fault::BAD_CONTENT)?;
    let fingerprint = json::fingerprint(text, &VOLATILE).ok_or(fault::BAD_CONTENT)?;
    let object = Object::parse(text).unwrap_or_default();
    let media = object.object("mediaSession").unwrap_or_default();
    let facts =
        Facts { in_media: media.flag("connected") == Some(true), idle: object.flag("idle") == Some(true) };
    Ok(Content { bytes: bytes.into(), fingerprint, facts })
}

/// Appends a member's content as viewers see it.
pub(super) fn content(member: &MemberView, out: &mut Vec<u8>) {
    let said = member.content.bytes.trim_ascii_end();
    let session = session_text(&member.party, member.session);
    match said.strip_suffix(b"}") {
        Some(open) if said.starts_with(NATIVE) => {
            out.extend_from_slice(open);
            out.extend_from_slice(b",\"sessionId\":");
            json::quote(&session, out);
            out.push(b'}');
        }
        _ => foreign(member, said, &session, out),
    }
}

/// The content of a member that speaks another dialect: what clients of this one need, from what the hub knows, and its own
/// words as `state`.
fn foreign(member: &MemberView, said: &[u8], session: &str, out: &mut Vec<u8>) {
    let facts = member.content.facts;
    let flag = |is_so: bool| if is_so { &b"true"[..] } else { b"false" };
    let role = match member.party.kind {
        PartyKind::Anonymous | PartyKind::Phone => Role::Guest,
        PartyKind::User | PartyKind::Bot => Role::Member,
    };
    json::object(out, |content| {
        content.object("mediaSession", |media| {
            media.raw("connected", flag(facts.in_media));
            for key in ["audio", "phone", "screenshare", "selfMuted", "video"] {
                media.raw(key, b"false");
            }
        });
        content.raw("desktop", b"false");
        content.raw("idle", flag(facts.idle));
        content.raw("offline", b"false");
        content.text("role", role.as_str());
        if !said.is_empty() {
            content.raw("state", said);
        }
        content.text("sessionId", session);
    });
}

/// Appends a content that is passed on without being kept, such as that of typing: the hub's `sessionId` is in it where
/// `is_marked` or where the client claims one, and a claimed role is capped.
pub(super) fn passing(
    raw: &Object<'_>,
    by: (&Party, SessionId),
    role: Role,
    is_marked: bool,
    out: &mut Vec<u8>,
) {
    json::object(out, |content| {
        for (key, value) in raw.iter() {
            match key {
                "sessionId" | "loopbackMetadata" => {}
                "role" => {
                    content.text(key, capped(raw.text(key).as_deref(), role).as_str());
                }
                _ => content.raw(key, value.get().as_bytes()),
            }
        }
        if is_marked || raw.get("sessionId").is_some() {
            content.text("sessionId", &session_text(by.0, by.1));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{PartyId, Timetoken};
    use serde_json::{Value, json};
    use std::sync::Arc;
    use uuid::Uuid;

    const GUEST: Speaker = Speaker { role: Role::Guest, limit: 1024 };
    const ADMIN: Speaker = Speaker { role: Role::Admin, limit: 1024 };

    fn value(content: &Content) -> Value {
        serde_json::from_slice(&content.bytes).unwrap()
    }

    #[test]
    fn roles_are_capped_and_what_the_hub_writes_is_taken_out() {
        for (raw, speaker, role) in [
            (r#"{"role":"admin"}"#, GUEST, "guest"),
            (r#"{"role":"admin"}"#, ADMIN, "admin"),
            (r#"{"role":"member"}"#, ADMIN, "member"),
            (r#"{"role":"emperor"}"#, GUEST, "guest"),
            (r#"{"role":7}"#, ADMIN, "admin"),
            (r#"{"mediaSession":{"role":"member"}}"#, ADMIN, "member"),
            (r#"{"mediaSession":{"role":"admin"}}"#, GUEST, "guest"),
            (r#"{"role":"guest","role":"admin"}"#, GUEST, "guest"),
        ] {
            let content = value(&said(Some(raw), speaker).unwrap());
            assert_eq!(content["role"], role, "{raw}");
            assert!(content["mediaSession"].get("role").is_none());
        }
        let raw = r#"{"sessionId":"x","loopbackMetadata":1,"topicId":"t","own":[1,{"y":2}]}"#;
        let content = value(&said(Some(raw), GUEST).unwrap());
        let media: Value = serde_json::from_slice(NO_MEDIA).unwrap();
        assert_eq!(content, json!({"mediaSession": media, "own": [1, {"y": 2}], "role": "guest"}));
    }

    #[test]
    fn the_nested_form_is_put_in_order() {
        let raw = include_str!("../../../protocol/payloads/client-presence-online-nested.json");
        let payload: Value = serde_json::from_str(raw).unwrap();
        let content = value(&said(Some(&payload["content"].to_string()), ADMIN).unwrap());
        assert_eq!((&content["role"], &content["offline"]), (&json!("guest"), &json!(false)));
        assert!(content["mediaSession"].get("offline").is_none());
        assert!(content.get("topicId").is_none() && content.get("loopbackMetadata").is_none());
    }

    #[test]
    fn facts_are_read_and_volatile_fields_do_not_count() {
        let of = |raw: &str| said(Some(raw), GUEST).unwrap();
        let one = of(r#"{"idle":true,"mediaSession":{"connected":true,"joinTime":"x"},"subscribeTime":"y"}"#);
        assert_eq!(one.facts, Facts { in_media: true, idle: true });
        let other =
            of(r#"{"joinedSessionIds":[1],"mediaSession":{"connected":true},"idle":true,"role":"guest"}"#);
        assert_eq!(one, other);
        assert_ne!(one, of(r#"{"idle":true,"mediaSession":{"connected":false}}"#));
        assert_eq!(of("{}").facts, Facts::default());
        assert_eq!(said(None, GUEST).unwrap(), of("{}"));
    }

    #[test]
    fn what_is_no_content_is_refused() {
        for raw in ["[]", "1", "\"x\"", "{", r#"{"a":1e999}"#] {
            assert_eq!(said(Some(raw), GUEST).unwrap_err(), fault::BAD_CONTENT, "{raw}");
        }
        let long = format!(r#"{{"x":"{}"}}"#, "y".repeat(1024));
        assert_eq!(said(Some(&long), GUEST).unwrap_err(), fault::LONG_CONTENT);
        assert!(said(Some(r#"{"mediaSession":null}"#), GUEST).unwrap().bytes.starts_with(NATIVE));
    }

    #[test]
    fn media_is_laid_over_what_was_said() {
        let before =
            said(Some(r#"{"x":1,"mediaSession":{"audio":true,"connected":true,"own":1}}"#), ADMIN).unwrap();
        let media = Object::parse(r#"{"audio":false,"video":true,"role":"admin"}"#).unwrap();
        let merged = with_media(&before.bytes, &media, false, ADMIN).unwrap();
        let expected = json!({"audio": false, "connected": true, "own": 1, "video": true});
        assert_eq!(value(&merged), json!({"mediaSession": expected, "x": 1, "role": "admin"}));
        let ended = with_media(&merged.bytes, &media, true, GUEST).unwrap();
        let expected =
            json!({"audio": false, "connected": false, "own": 1, "screenshare": false, "video": false});
        assert_eq!(value(&ended)["mediaSession"], expected);
        assert_eq!(value(&ended)["role"], "guest", "the speaker is an admin no more");
        assert!(!ended.facts.in_media);
    }

    fn shown(kind: PartyKind, content: Content) -> Value {
        let party = Arc::new(Party { kind, ..Party::new(PartyId::new("p").unwrap()) });
        let session = SessionId(Uuid::nil());
        let member = MemberView { party, session, content, attached: 1, joined: Timetoken(1) };
        let mut out = Vec::new();
        super::content(&member, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_dialects_content_can_be_shown() {
        let own = shown(PartyKind::User, said(Some(r#"{"a":1}"#), GUEST).unwrap());
        assert_eq!((&own["a"], &own["sessionId"]), (&json!(1), &json!(Uuid::nil().to_string())));
        assert_eq!(shown(PartyKind::Phone, said(None, GUEST).unwrap())["sessionId"], "p");
        for (bytes, state) in [
            (&b""[..], Value::Null),
            (b"{\"mood\":7} ", json!({"mood": 7})),
            (b"[1]", json!([1])),
            (b"{\"mediaSession\":7}", json!({"mediaSession": 7})),
        ] {
            let facts = Facts { in_media: true, idle: true };
            let content = Content { bytes: Bytes::copy_from_slice(bytes), facts, ..Content::default() };
            let shown = shown(PartyKind::Anonymous, content);
            assert_eq!(shown.get("state").cloned().unwrap_or_default(), state);
            assert_eq!(shown["mediaSession"]["connected"], json!(true));
            assert_eq!((&shown["idle"], &shown["role"]), (&json!(true), &json!("guest")));
        }
    }

    #[test]
    fn what_passes_is_marked_with_the_true_session() {
        let party = Party::new(PartyId::new("p").unwrap());
        let pass = |raw: &str, is_marked| {
            let mut out = Vec::new();
            let raw = Object::parse(raw).unwrap();
            passing(&raw, (&party, SessionId(Uuid::nil())), Role::Guest, is_marked, &mut out);
            serde_json::from_slice::<Value>(&out).unwrap()
        };
        let session = Uuid::nil().to_string();
        let typed = pass(r#"{"sessionId":"x","role":"admin","loopbackMetadata":1,"mediaSession":{}}"#, true);
        assert_eq!(typed, json!({"role": "guest", "mediaSession": {}, "sessionId": session}));
        assert_eq!(pass(r#"{"a":1}"#, false), json!({"a": 1}));
        assert_eq!(pass(r#"{"sessionId":"x"}"#, false), json!({"sessionId": session}));
    }
}
