//! Follows the frames of an incoming byte stream by their heads alone, to count what tungstenite does not tell of.

/// The longest frame head: two bytes, a length of eight, a mask of four.
const MAX_HEAD: usize = 14;

const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const CONTROL: u8 = 0x08;
const CLOSE: u8 = 0x08;

/// What was seen in a piece of the stream.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Frames that ended in it.
    pub(super) frames: u32,
    /// Control frames that began in it.
    pub(super) controls: u32,
    /// The most fragments that an unfinished message had.
    pub(super) fragments: u32,
    /// The longest frame of which the head ended in it.
    pub(super) longest: u64,
    /// A close frame began in it.
    pub(super) is_close: bool,
}

/// Where in the stream of frames the bytes so far have come to. It judges nothing; that is for tungstenite.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    head: [u8; MAX_HEAD],
    head_length: u8,
    /// Bytes of payload still to come.
    payload: u64,
    /// Frames of the message that is not finished yet.
    fragments: u32,
}

impl Scanner {
    /// Follows the next piece of the stream.
    pub(super) fn scan(&mut self, mut bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        while !bytes.is_empty() {
            if self.payload > 0 {
                bytes = self.skip(bytes, &mut seen);
                continue;
            }
            self.head[usize::from(self.head_length)] = bytes[0];
            self.head_length += 1;
            bytes = &bytes[1..];
            if self.head_length == self.needed() {
                self.enter(&mut seen);
            }
        }
        seen
    }

    /// Whether a new message begins with the next byte.
    pub(super) fn is_between_messages(&self) -> bool {
        self.head_length == 0 && self.payload == 0 && self.fragments == 0
    }

    fn skip<'b>(&mut self, bytes: &'b [u8], seen: &mut Seen) -> &'b [u8] {
        let here = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
        self.payload -= here as u64;
        if self.payload == 0 {
            seen.frames += 1;
        }
        &bytes[here..]
    }

    /// How long the head is, as far as its first bytes tell.
    fn needed(&self) -> u8 {
        if self.head_length < 2 {
            return 2;
        }
        let extended = match self.head[1] & !FINAL {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.head[1] & FINAL == 0 { 0 } else { 4 };
        2 + extended + mask
    }

    /// The head is complete.
    fn enter(&mut self, seen: &mut Seen) {
        self.payload = match self.head[1] & !FINAL {
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 => self.head[2..10].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            short => u64::from(short),
        };
        self.head_length = 0;
        seen.longest = seen.longest.max(self.payload);
        if self.payload == 0 {
            seen.frames += 1;
        }
        let kind = self.head[0] & OPCODE;
        if kind & CONTROL != 0 {
            seen.controls += 1;
            seen.is_close |= kind == CLOSE;
        } else if self.head[0] & FINAL != 0 {
            self.fragments = 0;
        } else {
            self.fragments = self.fragments.saturating_add(1);
            seen.fragments = seen.fragments.max(self.fragments);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text message in two fragments with a ping between, a long binary one, and a close.
    fn stream() -> Vec<u8> {
        let mut bytes = vec![0x01, 0x81, 1, 2, 3, 4, b'a'];
        bytes.extend([0x89, 0x80, 1, 2, 3, 4]);
        bytes.extend([0x80, 0x80, 1, 2, 3, 4]);
        bytes.extend([0x82, 0xfe, 1, 0, 1, 2, 3, 4]);
        bytes.extend([7; 256]);
        bytes.extend([0x88, 0x82, 1, 2, 3, 4, 3, 0xe8]);
        bytes
    }

    #[test]
    fn the_pieces_do_not_matter() {
        let stream = stream();
        for piece in 1..=stream.len() {
            let mut scanner = Scanner::default();
            let mut total = Seen::default();
            for bytes in stream.chunks(piece) {
                let seen = scanner.scan(bytes);
                total.frames += seen.frames;
                total.controls += seen.controls;
                total.fragments = total.fragments.max(seen.fragments);
                total.longest = total.longest.max(seen.longest);
                total.is_close |= seen.is_close;
            }
            let all = Seen { frames: 5, controls: 2, fragments: 1, longest: 256, is_close: true };
            assert_eq!(total, all, "in pieces of {piece}");
            assert!(scanner.is_between_messages());
        }
    }

    #[test]
    fn an_unfinished_message_is_not_between_messages() {
        for unfinished in [&[0x81][..], &[0x81, 0x81, 0, 0, 0, 0], &[0x01, 0x80, 0, 0, 0, 0]] {
            let mut scanner = Scanner::default();
            scanner.scan(unfinished);
            assert!(!scanner.is_between_messages(), "{unfinished:x?}");
        }
    }

    #[test]
    fn the_greatest_length_is_followed() {
        let mut scanner = Scanner::default();
        let mut head = vec![0x82, 0xff];
        head.extend([0xff; 8]);
        head.extend([0; 4]);
        assert_eq!(scanner.scan(&head).longest, u64::MAX);
        assert_eq!(scanner.scan(&[0; 1000]), Seen::default());
    }

    #[test]
    fn fragments_without_bytes_are_counted() {
        let mut scanner = Scanner::default();
        let mut stream = vec![0x01, 0x80, 0, 0, 0, 0];
        for _ in 0..999 {
            stream.extend([0x00, 0x80, 0, 0, 0, 0]);
        }
        assert_eq!(scanner.scan(&stream).fragments, 1000);
    }
}
