//! WebSocket frames made on the server's side: never masked, so one frame's bytes serve every connection.

use bytes::{BufMut, BytesMut};

const TEXT: u8 = 0x81;

/// Appends one text frame holding `payload`.
pub fn text(payload: &[u8], out: &mut BytesMut) {
    text_head(payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends the head of a text frame whose payload, of `length` bytes, follows.
pub fn text_head(length: usize, out: &mut BytesMut) {
    out.reserve(length + 10);
    out.put_u8(TEXT);
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
}
