//! The body of an answered poll: packets one after the other, put together as the version of the protocol wants it.

use std::borrow::Cow;
use std::fmt::Write as _;

use engineioxide_core::ProtocolVersion;

/// Packets on their way to the client.
#[derive(Debug)]
pub(super) struct Payload {
    version: ProtocolVersion,
    text: String,
}

impl Payload {
    /// No packets yet.
    pub(super) fn new(version: ProtocolVersion) -> Self {
        Self { version, text: String::new() }
    }

    /// Appends one packet, which is text. Version 3 counts its length as JavaScript does, in units of UTF-16; its JSON is written in
    /// ASCII, for clients before 2.0 take the text of a poll for the bytes of UTF-8, and end when it is not.
    pub(super) fn push(&mut self, packet: &str) {
        let written = match self.version {
            ProtocolVersion::V3 => {
                let (head, json) = packet.split_at(packet.find('"').unwrap_or(packet.len()));
                let json = in_ascii(json);
                write!(self.text, "{}:{head}{json}", head.encode_utf16().count() + json.len())
            }
            ProtocolVersion::V4 if self.text.is_empty() => write!(self.text, "{packet}"),
            ProtocolVersion::V4 => write!(self.text, "\u{1e}{packet}"),
        };
        debug_assert!(written.is_ok(), "a string can always grow");
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The body.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// JSON with escapes in the place of whatever is not ASCII, which can only stand inside its strings.
fn in_ascii(json: &str) -> Cow<'_, str> {
    if json.is_ascii() {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() * 2);
    let mut units = [0; 2];
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut units) {
            let written = write!(text, "\\u{unit:04x}");
            debug_assert!(written.is_ok(), "a string can always grow");
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_put_together_as_each_version_wants_it() {
        for (version, whole) in [
            (ProtocolVersion::V3, "6:4h\u{e9}llo3:4\u{1f600}1:2"),
            (ProtocolVersion::V4, "4h\u{e9}llo\u{1e}4\u{1f600}\u{1e}2"),
        ] {
            let mut payload = Payload::new(version);
            assert!(payload.is_empty());
            for packet in ["4h\u{e9}llo", "4\u{1f600}", "2"] {
                payload.push(packet);
            }
            assert_eq!(payload.into_text(), whole);
        }
    }
    #[test]
    fn json_is_ascii_in_version_3() {
        let packet = "42/ch\u{e9},[\"\u{e9}\u{1f600}\",\"\\\\\u{7f}\u{80}\"]";
        let mut payload = Payload::new(ProtocolVersion::V3);
        payload.push(packet);
        let text = payload.into_text();
        let (length, packed) = text.split_once(':').unwrap_or_default();
        assert_eq!(packed, "42/ch\u{e9},[\"\\u00e9\\ud83d\\ude00\",\"\\\\\u{7f}\\u0080\"]");
        assert_eq!(length, packed.encode_utf16().count().to_string());
        let json =
            |packet: &str| packet.split_once(',').and_then(|(_, json)| serde_json::from_str(json).ok());
        assert_eq!(json(packed), json(packet));
        assert_ne!(json(packet), None::<serde_json::Value>);
        let mut payload = Payload::new(ProtocolVersion::V4);
        payload.push(packet);
        assert_eq!(payload.into_text(), packet);
    }
}
