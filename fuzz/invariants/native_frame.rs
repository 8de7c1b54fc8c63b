//! What holds of any text as a frame of the native dialect: asked by the fuzz target, and by `protocol/tests/codecs`.

use presence_protocol::native::{ClientFrame, MAX_ID_BYTES};
use serde_json::value::RawValue;

/// Reads a frame; whether it is one.
pub(crate) fn holds(text: &str) -> bool {
    let Ok(frame) = ClientFrame::parse(text) else { return false };
    assert_eq!(frame.event.trim(), frame.event);
    assert!(frame.id.is_none_or(|id| !id.get().starts_with(['{', '[', 't', 'f', 'n'])));
    assert!(frame.id.is_none_or(|id| id.get().starts_with('"') || id.get().len() <= MAX_ID_BYTES));
    let payload = frame.payload.map(RawValue::get);
    assert!(payload.is_none_or(|payload| payload.len() < text.len()));
    let id = frame.id.map_or("null", RawValue::get);
    let name = serde_json::to_string(&frame.event).unwrap();
    let written = format!(r#"{{"event":{name},"payload":{},"id":{id}}}"#, payload.unwrap_or("null"));
    let again = ClientFrame::parse(&written).unwrap();
    assert_eq!((again.event, again.payload.map(RawValue::get)), (frame.event, payload));
    assert_eq!(again.id.map(RawValue::get), frame.id.map(RawValue::get));
    true
}
