//! The envelope of a plain WebSocket: one JSON object a frame.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Object;
use crate::object::text_of;

/// The longest `id` of a request that is a string, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 64;

/// A frame from a client.
#[derive(Debug, Clone)]
pub struct ClientFrame<'a> {
    /// The name of the event, trimmed.
    pub event: Cow<'a, str>,
    /// What it says; a `null` counts as absent.
    pub payload: Option<&'a RawValue>,
    /// What the client calls its request: a number, or a string of at most [`MAX_ID_BYTES`], as raw JSON.
    pub id: Option<&'a RawValue>,
}

/// Why a frame could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The text is not JSON.
    Json,
    /// The JSON is not a frame; says why.
    Frame(&'static str),
}

impl<'a> ClientFrame<'a> {
    /// Reads the text of a frame.
    ///
    /// # Errors
    /// Refuses what is not JSON, not an object, has no event or an unusable id.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let raw: &'a RawValue = serde_json::from_str(text).map_err(|_| FrameError::Json)?;
        let object = Object::of(raw).ok_or(FrameError::Frame("a frame is a JSON object"))?;
        let event =
            object.text("event").ok_or(FrameError::Frame("a frame has an event, which is a string"))?;
        let id = object.given("id");
        if id.is_some_and(|id| !is_id(id)) {
            return Err(FrameError::Frame("an id is a number or a string of at most 64 bytes"));
        }
        Ok(Self { event: trimmed(event), payload: object.given("payload"), id })
    }
}

fn is_id(id: &RawValue) -> bool {
    match id.get().as_bytes().first() {
        Some(b'"') => text_of(id).is_some_and(|text| text.len() <= MAX_ID_BYTES),
        Some(b'-' | b'0'..=b'9') => id.get().len() <= MAX_ID_BYTES,
        _ => false,
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().into()),
    }
}

/// A frame from the hub.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerFrame<'a> {
    /// The name of the event.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// What it says.
    #[serde(borrow)]
    pub payload: &'a RawValue,
    /// The life of the topic's numbering.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Cow<'a, str>>,
    /// The place of the change in its topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<u64>,
    /// The rev that the frame follows in this viewer's stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<u64>,
    /// The place of the change in the hub's time: 17 digits.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub timetoken: Option<Cow<'a, str>>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault<'a> {
    /// For programs.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// For people.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_leniently() {
        let frame =
            ClientFrame::parse(r#"{"x":1,"id":"a-1","payload":{"k":[1]},"event":"SEND_MESSAGE "}"#).unwrap();
        assert_eq!(frame.event, "SEND_MESSAGE");
        assert_eq!(frame.payload.map(RawValue::get), Some(r#"{"k":[1]}"#));
        assert_eq!(frame.id.map(RawValue::get), Some("\"a-1\""));
        let bare = ClientFrame::parse(r#"{"event":"X","payload":null,"id":null}"#).unwrap();
        assert!(bare.payload.is_none() && bare.id.is_none());
    }

    #[test]
    fn what_is_no_frame_is_refused_with_a_reason() {
        for text in ["", "{", "{\"event\":}", "nul", "{}{}"] {
            assert_eq!(ClientFrame::parse(text).unwrap_err(), FrameError::Json, "{text}");
        }
        let long = format!(r#"{{"event":"X","id":"{}"}}"#, "i".repeat(65));
        for text in [
            "[]",
            "1",
            "{}",
            r#"{"event":1}"#,
            r#"{"event":"X","id":{}}"#,
            r#"{"event":"X","id":true}"#,
            &long,
        ] {
            assert!(matches!(ClientFrame::parse(text), Err(FrameError::Frame(_))), "{text}");
        }
    }
}
