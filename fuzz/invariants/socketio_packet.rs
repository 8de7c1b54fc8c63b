//! What holds of any text as a Socket.IO packet: asked by the fuzz target, and by `protocol/tests/codecs`.

use bytes::Bytes;
use presence_protocol::socketio::{
    Event, Kind, MAX_ATTACHMENTS, Packet, RESERVED_EVENTS, pairs, with_attachments,
};
use serde_json::value::RawValue;

/// Reads a packet, and what it carries; whether it carries an event.
pub(crate) fn holds(text: &str) -> bool {
    let Ok(packet) = Packet::parse(text) else { return false };
    head(&packet);
    let mut written = Vec::new();
    packet.write(&mut written);
    assert!(written.len() <= text.len() + 1);
    let written = String::from_utf8(written).unwrap();
    assert_eq!(Packet::parse(&written).unwrap(), packet);
    if let Some(query) = packet.query {
        let decoded = pairs(query).map(|(name, value)| name.len() + value.len()).sum::<usize>();
        assert!(decoded <= query.len());
    }
    attachments(&packet);
    event(packet.data)
}

fn head(packet: &Packet<'_>) {
    assert!(packet.attachments <= MAX_ATTACHMENTS);
    assert!(packet.attachments == 0 || packet.kind.is_binary());
    assert!(packet.namespace.starts_with('/'));
    let is_harmless = |letter: char| !letter.is_control() && !"?,\"\\[]{} ".contains(letter);
    assert!(packet.namespace.chars().all(is_harmless));
    assert!(packet.id.is_some() || !matches!(packet.kind, Kind::Ack | Kind::BinaryAck));
    assert!(!packet.data.starts_with(|letter: char| letter.is_ascii_digit()));
}

fn event(data: &str) -> bool {
    let Ok(event) = Event::parse(data) else { return false };
    assert_eq!(event.name.trim(), event.name);
    assert!(!RESERVED_EVENTS.contains(&event.name.as_ref()));
    let payload = event.payload.map(RawValue::get);
    let name = serde_json::to_string(&event.name).unwrap();
    let written = format!("[{name},{}]", payload.unwrap_or("null"));
    let again = Event::parse(&written).unwrap();
    assert_eq!((again.name, again.payload.map(RawValue::get)), (event.name, payload));
    true
}

/// Replaces as many attachments as were announced, which adds no more than their length and leaves no placeholder.
fn attachments(packet: &Packet<'_>) {
    let all = vec![Bytes::from_static(b"\x00\xffpart"); packet.attachments as usize];
    let Ok(whole) = with_attachments(packet.data, &all) else { return };
    assert!(whole.len() <= packet.data.len() + all.len() * 8);
    assert!(serde_json::from_str::<&RawValue>(&whole).is_ok());
    assert_eq!(with_attachments(&whole, &[]).unwrap(), whole);
}
