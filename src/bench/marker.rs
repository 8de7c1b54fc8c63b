//! The mark in every published text by which its deliveries are recognised: a number and the time it was due.

use memchr::memmem;

use super::protocol::number;

const SIGN: &[u8] = b"~pub:";
const NUMBER: usize = 10;
const TIME: usize = 16;

/// One publication's mark; always as long as any other's, so that deliveries are equally large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// Counts publications from 1.
    pub(super) number: u64,
    /// When it was due, in nanoseconds since the bench's stopwatch started.
    pub(super) due: u64,
}

impl Marker {
    /// The text to publish, with `pad` more bytes.
    pub(super) fn text(self, pad: usize) -> String {
        format!("~pub:{:0NUMBER$}:{:0TIME$}{}", self.number, self.due, "x".repeat(pad))
    }
}

/// Finds markers; looks first where the last one was, since deliveries differ little.
#[derive(Debug, Default)]
pub(super) struct Finder {
    last: usize,
}

impl Finder {
    /// The marker in a delivery.
    pub(super) fn find(&mut self, text: &[u8]) -> Option<Marker> {
        let rest = match text.get(self.last..).and_then(|rest| rest.strip_prefix(SIGN)) {
            Some(rest) => rest,
            None => {
                self.last = memmem::find(text, SIGN)?;
                text.get(self.last + SIGN.len()..)?
            }
        };
        let (digits, rest) = rest.split_at_checked(NUMBER)?;
        let due = rest.strip_prefix(b":")?.get(..TIME)?;
        Some(Marker { number: number(digits)?, due: number(due)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_wherever_it_moves() {
        let mut finder = Finder::default();
        for (before, number, pad) in
            [("", 1, 0), ("{\"a\":\"", 2, 30), ("{\"a\":\"", 3, 0), ("{", 9_999_999_999, 1)]
        {
            let marker = Marker { number, due: number * 7 };
            let text = format!("{before}{}\"}}", marker.text(pad));
            assert_eq!(finder.find(text.as_bytes()), Some(marker));
        }
    }

    #[test]
    fn what_is_no_marker_is_none() {
        for text in [
            "",
            "~pub:",
            "~pub:0000000001",
            "~pub:000000000x:0000000000000001",
            "pub:0000000001:0000000000000001",
        ] {
            assert_eq!(Finder::default().find(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn all_markers_are_equally_long() {
        let text = |number, due| Marker { number, due }.text(5).len();
        assert_eq!(text(1, 0), text(123_456, 98_765_432_100));
    }
}
