//! The body of an answered poll: packets one after the other, put together as the version of the protocol wants it.

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

    /// Appends one packet, which is text. Version 3 counts its length as JavaScript does, in units of UTF-16.
    pub(super) fn push(&mut self, packet: &str) {
        let written = match self.version {
            ProtocolVersion::V3 => write!(self.text, "{}:{packet}", packet.encode_utf16().count()),
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
}
