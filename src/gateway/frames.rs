//! WebSocket frames made on the server's side: never masked, so one frame's bytes serve every connection.

use bytes::{BufMut, Bytes, BytesMut};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;

/// The most bytes of text in a close frame.
const MAX_REASON: usize = 123;

/// An empty ping.
pub const PING: Bytes = Bytes::from_static(&[0x89, 0]);

/// Appends one text frame holding `payload`.
pub fn text(payload: &[u8], out: &mut BytesMut) {
    text_head(payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends the head of a text frame whose payload, of `length` bytes, follows.
pub fn text_head(length: usize, out: &mut BytesMut) {
    head(TEXT, length, out);
}

/// Appends one binary frame holding `payload`.
pub fn binary(payload: &[u8], out: &mut BytesMut) {
    head(BINARY, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends a close frame. A reason that is too long for a control frame is cut.
pub fn close(code: u16, reason: &str, out: &mut BytesMut) {
    let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
    head(CLOSE, reason.len() + 2, out);
    out.put_u16(code);
    out.extend_from_slice(reason.as_bytes());
}

fn head(kind: u8, length: usize, out: &mut BytesMut) {
    out.reserve(length + 10);
    out.put_u8(kind);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.put_u8(short),
        (_, Ok(medium)) => {
            out.put_u8(126);
            out.put_u16(medium);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_the_shortest_form() {
        for (length, head) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65535, &[0x81, 126, 0xff, 0xff]),
            (65536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = BytesMut::new();
            text_head(length, &mut out);
            assert_eq!(&out[..], head, "{length}");
        }
    }

    #[test]
    fn a_close_frame_fits_a_control_frame() {
        let mut out = BytesMut::new();
        close(4008, &"é".repeat(100), &mut out);
        assert_eq!(&out[..4], &[0x88, 124, 0x0f, 0xa8]);
        assert_eq!(out.len(), 126);
    }
}
