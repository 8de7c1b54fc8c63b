//! Packets of which parts follow as binary messages, until all are there.

use bytes::Bytes;

use crate::core::Mono;

/// A packet of which parts are still to come.
#[derive(Debug)]
pub(super) struct Incomplete {
    /// The packet.
    text: Box<str>,
    parts: Vec<Bytes>,
    /// How many parts there will be.
    count: usize,
    bytes: usize,
    /// Until when they have to be there.
    pub(super) ends: Mono,
}

/// What came of a part.
#[derive(Debug)]
pub(super) enum Collected {
    /// It is not the last.
    More,
    /// It is the last; the packet and all of them.
    All(Box<str>, Vec<Bytes>),
    /// The packet is larger than a message may be.
    TooMuch,
}

impl Incomplete {
    /// A packet that announces so many parts, of which the codec bounds the number.
    pub(super) fn new(text: &str, count: u32, ends: Mono) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Self { text: text.into(), parts: Vec::new(), count, bytes: text.len(), ends }
    }

    /// Adds a part; all of it together may be as large as a message.
    pub(super) fn add(&mut self, part: &[u8], most: usize) -> Collected {
        self.bytes = self.bytes.saturating_add(part.len());
        if self.bytes > most {
            return Collected::TooMuch;
        }
        self.parts.push(Bytes::copy_from_slice(part));
        if self.parts.len() < self.count {
            return Collected::More;
        }
        Collected::All(std::mem::take(&mut self.text), std::mem::take(&mut self.parts))
    }
}
