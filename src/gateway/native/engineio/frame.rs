//! WebSocket frames between a line and its driver, and of a WebSocket that announces itself: small ones, taken apart by hand.

use std::io::Cursor;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PONG: u8 = 0x8a;

/// What a frame is. Messages in several frames do not occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
    Ping,
    Pong,
    Close,
}

/// Takes the first whole frame, unmasked, of a kind that is known here; others are skipped.
pub(super) fn take(bytes: &mut BytesMut) -> Option<(Kind, Bytes)> {
    loop {
        let mut cursor = Cursor::new(&bytes[..]);
        let (header, length) = FrameHeader::parse(&mut cursor).ok().flatten()?;
        let head = usize::try_from(cursor.position()).ok()?;
        let length = usize::try_from(length).ok()?;
        if bytes.len() < head.checked_add(length)? {
            return None;
        }
        bytes.advance(head);
        let mut body = bytes.split_to(length);
        if let Some(mask) = header.mask {
            body.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        let kind = match header.opcode {
            OpCode::Data(Data::Text) => Kind::Text,
            OpCode::Data(Data::Binary) => Kind::Binary,
            OpCode::Control(Control::Ping) => Kind::Ping,
            OpCode::Control(Control::Pong) => Kind::Pong,
            OpCode::Control(Control::Close) => Kind::Close,
            OpCode::Data(_) | OpCode::Control(_) => continue,
        };
        return Some((kind, body.freeze()));
    }
}

/// Appends a text frame as a client sends it.
pub(super) fn text(text: &str, out: &mut BytesMut) {
    masked(TEXT, &[text.as_bytes()], out);
}

/// Appends a binary frame as a client sends it; the payload is the parts together.
pub(super) fn binary(parts: &[&[u8]], out: &mut BytesMut) {
    masked(BINARY, parts, out);
}

/// Appends an empty pong as a client sends it.
pub(super) fn pong(out: &mut BytesMut) {
    masked(PONG, &[], out);
}

/// The mask must be there and may be anything; zeros leave the payload as it is.
fn masked(kind: u8, parts: &[&[u8]], out: &mut BytesMut) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.put_u8(kind);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.put_u8(0x80 | short),
        (_, Ok(medium)) => {
            out.put_u8(0x80 | 126);
            out.put_u16(medium);
        }
        _ => {
            out.put_u8(0x80 | 127);
            out.put_u64(length as u64);
        }
    }
    out.put_u32(0);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::frames;

    #[test]
    fn frames_of_both_sides_are_taken_whole_and_in_order() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let body = "x".repeat(length);
            let mut bytes = BytesMut::new();
            text(&body, &mut bytes);
            frames::text(body.as_bytes(), &mut bytes);
            binary(&[b"\x04", body.as_bytes()], &mut bytes);
            pong(&mut bytes);
            bytes.extend_from_slice(&frames::PING);
            frames::close(1000, "bye", &mut bytes);
            let whole = bytes.clone();
            let mut kinds = Vec::new();
            while let Some((kind, taken)) = take(&mut bytes) {
                if kind == Kind::Text {
                    assert_eq!(taken.len(), length);
                }
                kinds.push(kind);
            }
            assert_eq!(kinds, [Kind::Text, Kind::Text, Kind::Binary, Kind::Pong, Kind::Ping, Kind::Close]);
            for cut in [0, 1, 3, 6, length / 2] {
                let mut part = BytesMut::from(&whole[..cut.min(length + 5)]);
                assert_eq!(take(&mut part), None, "{cut} of {length}");
            }
        }
    }

    #[test]
    fn masks_are_undone() {
        let mut bytes = BytesMut::from(&[0x81, 0x82, 1, 2, 3, 4, b'5' ^ 1, b'x' ^ 2][..]);
        assert_eq!(take(&mut bytes), Some((Kind::Text, Bytes::from_static(b"5x"))));
    }
}
