//! The bodies of polling: packets one after the other, as each version of the protocol puts them together.

use std::fmt::Write as _;

use axum::http::HeaderValue;
use bytes::{Bytes, BytesMut};
use engineioxide_core::{Packet, PacketParseError, ProtocolVersion, payload};
use futures::{StreamExt, pin_mut};
use http_body_util::Full;

use super::frame;

/// The most packets in one answer. Clients in Python take more for an attack and close the connection.
const MOST_PACKETS: usize = 16;

/// When an answer holds so many bytes it is sent, whatever else there is.
const ENOUGH: usize = 64 * 1024;

/// Packets on their way to the client.
#[derive(Debug)]
pub(super) struct Payload {
    version: ProtocolVersion,
    text: String,
    count: usize,
}

impl Payload {
    /// No packets yet.
    pub(super) fn new(version: ProtocolVersion) -> Self {
        Self { version, text: String::new(), count: 0 }
    }

    /// Appends one packet, which is text.
    pub(super) fn push(&mut self, packet: &str) {
        match self.version {
            ProtocolVersion::V3 => self.push_counted(packet),
            ProtocolVersion::V4 => {
                if self.count > 0 {
                    self.text.push('\u{1e}');
                }
                self.text.push_str(packet);
            }
        }
        self.count += 1;
    }

    /// Version 3 says the length before each packet, and its clients neither agree on what they count nor on how the text is encoded,
    /// unless it is ASCII. Packets hold other characters in strings of JSON only, where each can be escaped.
    fn push_counted(&mut self, packet: &str) {
        let mut ascii = String::with_capacity(packet.len());
        let mut units = [0; 2];
        for shown in packet.chars() {
            if shown.is_ascii() {
                ascii.push(shown);
                continue;
            }
            for unit in shown.encode_utf16(&mut units) {
                let written = write!(ascii, "\\u{unit:04x}");
                debug_assert!(written.is_ok(), "a string can always grow");
            }
        }
        self.text.push_str(&ascii.len().to_string());
        self.text.push(':');
        self.text.push_str(&ascii);
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether no more should be added.
    pub(super) fn is_full(&self) -> bool {
        self.count >= MOST_PACKETS || self.text.len() >= ENOUGH
    }

    /// The body.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// What cannot be read as packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPayload;

impl From<PacketParseError> for NoPayload {
    fn from(error: PacketParseError) -> Self {
        tracing::debug!(%error, "a body that is no payload");
        Self
    }
}

/// The packets of a body, as the frames that a client with a WebSocket would have sent.
///
/// # Errors
/// The body is no payload of this version.
pub(super) async fn frames(
    version: ProtocolVersion,
    kind: Option<&HeaderValue>,
    body: Bytes,
) -> Result<BytesMut, NoPayload> {
    let mut frames = BytesMut::with_capacity(body.len() + 16);
    if version == ProtocolVersion::V3 && kind.is_none_or(|kind| kind != "application/octet-stream") {
        let text = std::str::from_utf8(&body).map_err(|_| NoPayload)?;
        for packet in counted(text)? {
            let packet = once_more_decoded(packet).unwrap_or_else(|| packet.to_owned());
            push(Packet::parse(version, packet)?, &mut frames);
        }
        return Ok(frames);
    }
    let most = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let packets = payload::decoder(Full::new(body), kind, version, most);
    pin_mut!(packets);
    while let Some(packet) = packets.next().await {
        push(packet?, &mut frames);
    }
    Ok(frames)
}

fn push(packet: Packet, frames: &mut BytesMut) {
    match packet {
        Packet::Binary(data) => frame::binary(&[&data], frames),
        Packet::BinaryV3(data) => frame::binary(&[b"\x04", &data], frames),
        packet => frame::text(&String::from(packet), frames),
    }
}

/// The packets of a text of version 3, whose lengths count units of UTF-16.
fn counted(mut text: &str) -> Result<Vec<&str>, NoPayload> {
    let mut packets = Vec::new();
    while !text.is_empty() {
        let (length, rest) = text.split_once(':').ok_or(NoPayload)?;
        let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let mut units: usize = length.parse().ok().filter(|_| is_number).ok_or(NoPayload)?;
        let mut end = 0;
        for shown in rest.chars() {
            if units == 0 {
                break;
            }
            // A length that ends within a character is none.
            units = units.checked_sub(shown.len_utf16()).ok_or(NoPayload)?;
            end += shown.len_utf8();
        }
        if units > 0 {
            return Err(NoPayload);
        }
        let (packet, rest) = rest.split_at(end);
        packets.push(packet);
        text = rest;
    }
    Ok(packets)
}

/// The packet that a client of the first generation meant, which encodes its packets as UTF-8 before they are encoded once more on their
/// way: all its characters are bytes then, and together they are UTF-8 that is not ASCII. Nobody else is likely to write such a text.
fn once_more_decoded(packet: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = packet.chars().map(|shown| u8::try_from(u32::from(shown)).ok()).collect();
    String::from_utf8(bytes.filter(|bytes| !bytes.is_ascii())?).ok()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_are_put_together_as_each_version_wants_it() {
        for (version, whole) in [
            (ProtocolVersion::V3, "11:4h\\u00e9llo13:4\\ud83d\\ude001:2"),
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
    fn an_answer_holds_no_more_than_clients_take() {
        let mut payload = Payload::new(ProtocolVersion::V4);
        for _ in 0..15 {
            payload.push("2");
            assert!(!payload.is_full());
        }
        payload.push("2");
        assert!(payload.is_full());
    }

    #[test]
    fn lengths_count_units_of_utf_16_and_end_between_characters() {
        assert_eq!(counted("3:4\u{1f600}1:2"), Ok(vec!["4\u{1f600}", "2"]));
        assert_eq!(counted(""), Ok(vec![]));
        for wrong in
            ["2:4\u{1d54a}xxxx", "x", "1", ":4", "2:4", "+1:4", "-1:4", " 1:4", "99999999999999999999:4"]
        {
            assert_eq!(counted(wrong), Err(NoPayload), "{wrong}");
        }
    }

    #[tokio::test]
    async fn what_is_encoded_twice_is_decoded_twice() {
        let meant = "4h\u{e9}llo \u{1f600}";
        let twice: String = meant.bytes().map(char::from).collect();
        let mut expected = BytesMut::new();
        frame::text(meant, &mut expected);
        for sent in [meant, &twice] {
            let body = format!("{}:{sent}", sent.encode_utf16().count());
            assert_eq!(frames(ProtocolVersion::V3, None, body.into()).await, Ok(expected.clone()));
        }
        // In version 4 nobody does so, and it means what it says.
        let mut as_it_is = BytesMut::new();
        frame::text(&twice, &mut as_it_is);
        assert_eq!(frames(ProtocolVersion::V4, None, twice.into()).await, Ok(as_it_is));
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200), four: bool, binary: bool) {
            let version = if four { ProtocolVersion::V4 } else { ProtocolVersion::V3 };
            let kind = binary.then(|| HeaderValue::from_static("application/octet-stream"));
            let read = frames(version, kind.as_ref(), body.into()).now_or_never();
            if let Ok(frames) = read.expect("all of the body is there") {
                prop_assert!(frames.len() <= 14 * 201);
            }
        }

        #[test]
        fn what_is_written_in_version_3_is_read_again(packets in proptest::collection::vec("4[ -~]{0,20}", 1..5)) {
            let mut payload = Payload::new(ProtocolVersion::V3);
            packets.iter().for_each(|packet| payload.push(packet));
            let text = payload.into_text();
            prop_assert_eq!(counted(&text).unwrap(), packets);
        }

        #[test]
        fn lengths_are_believed_only_where_they_fit(text in "([0-9]{1,2}:4[a\u{e9}\u{1f600}]{0,6}){0,6}[x0-9:]{0,3}") {
            if let Ok(packets) = counted(&text) {
                let again: String =
                    packets.iter().map(|it| format!("{}:{it}", it.encode_utf16().count())).collect();
                // A length may be written with zeros before it.
                prop_assert!(again.len() <= text.len());
                prop_assert_eq!(counted(&again), Ok(packets));
            }
        }
    }
}
