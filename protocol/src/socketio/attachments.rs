//! Puts the attachments of a binary packet where its placeholders stand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::error::PacketError;

/// The JSON of a binary packet with its placeholders replaced by its attachments as strings of base64 (with padding). A
/// placeholder is an object of `"_placeholder":true` and `"num":N`, in any order, the keys written without escapes. An
/// attachment without a placeholder is left out. The result is never longer than the data and the attachments' base64.
///
/// # Errors
/// Refuses what is not JSON, a placeholder that is malformed, of no attachment, or of one that has stood before.
pub fn with_attachments(data: &str, attachments: &[Bytes]) -> Result<String, PacketError> {
    serde_json::from_str::<&RawValue>(data).map_err(|_| PacketError::Json)?;
    let mut left: Vec<Option<&Bytes>> = attachments.iter().map(Some).collect();
    let mut search = Search { bytes: data.as_bytes(), at: 0 };
    let mut out = String::with_capacity(data.len());
    let mut written = 0;
    while let Some(placeholder) = search.next_placeholder()? {
        let slot = left.get_mut(placeholder.number).ok_or(PacketError::NoAttachment)?;
        let attachment = slot.take().ok_or(PacketError::Repeated)?;
        out.push_str(&data[written..placeholder.start]);
        out.push('"');
        STANDARD.encode_string(attachment, &mut out);
        out.push('"');
        written = search.at;
    }
    out.push_str(&data[written..]);
    Ok(out)
}

/// Where a placeholder begins, and which attachment it stands for. It ends where the search has come to.
#[derive(Debug)]
struct Placeholder {
    start: usize,
    number: usize,
}

/// A walk over JSON that is known to be well-formed, always forwards: no byte is looked at from two sides.
#[derive(Debug)]
struct Search<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Search<'a> {
    fn next_placeholder(&mut self) -> Result<Option<Placeholder>, PacketError> {
        while let Some(byte) = self.peek() {
            let start = self.at;
            match byte {
                b'"' => {
                    self.string();
                }
                b'{' => {
                    if let Some(number) = self.number_of_placeholder()? {
                        return Ok(Some(Placeholder { start, number }));
                    }
                }
                _ => self.at += 1,
            }
        }
        Ok(None)
    }

    /// Reads on in an object for as long as it may be a placeholder, and never beyond it.
    fn number_of_placeholder(&mut self) -> Result<Option<usize>, PacketError> {
        let (mut is_placeholder, mut number) = (false, None);
        self.at += 1;
        loop {
            self.space();
            let is_member = match (self.peek() == Some(b'"')).then(|| self.key()) {
                Some(b"_placeholder") => {
                    let is_true = self.plain() == b"true";
                    is_placeholder |= is_true;
                    is_true
                }
                Some(b"num") => {
                    number = std::str::from_utf8(self.plain()).ok().and_then(|text| text.parse().ok());
                    true
                }
                _ => false,
            };
            self.space();
            match self.peek() {
                Some(b',') if is_member => self.at += 1,
                Some(b'}') if is_member && is_placeholder => {
                    self.at += 1;
                    return number.map(Some).ok_or(PacketError::Placeholder);
                }
                _ if is_placeholder => return Err(PacketError::Placeholder),
                _ => return Ok(None),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        #[cfg(test)]
        tests::LOOKS.with(|looks| looks.set(looks.get() + 1));
        self.bytes.get(self.at).copied()
    }

    /// Moves on for as long as the bytes are such, and says which they were.
    fn run(&mut self, is_such: impl Fn(u8) -> bool) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(&is_such) {
            self.at += 1;
        }
        &self.bytes[start..self.at]
    }

    fn space(&mut self) {
        self.run(|byte| byte.is_ascii_whitespace());
    }

    /// A value that is no string, array or object; nothing of one that is.
    fn plain(&mut self) -> &'a [u8] {
        self.run(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    }

    /// A key, and what stands between it and its value.
    fn key(&mut self) -> &'a [u8] {
        let key = self.string();
        self.run(|byte| byte.is_ascii_whitespace() || byte == b':');
        key
    }

    /// What stands between two quotes.
    fn string(&mut self) -> &'a [u8] {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek().filter(|byte| *byte != b'"') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        let end = self.at.min(self.bytes.len());
        self.at = (end + 1).min(self.bytes.len());
        &self.bytes[start.min(end)..end]
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How often a byte was looked at.
        pub(super) static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn every_byte_is_looked_at_a_few_times_at_most() {
        let spaces = " ".repeat(200);
        for part in [
            "{\"num\":1},".to_owned(),
            "{\"num\":{\"num\":0}},".to_owned(),
            "{\"_placeholder\":false},".to_owned(),
            "{\"num\":1,\"num\":2,\"num\":3,\"x\":4},".to_owned(),
            format!("{{{spaces}\"num\"{spaces}:{spaces}1{spaces}}},"),
            "\"{\\\"_placeholder\\\":true,\",".to_owned(),
            "{},[],\"\",".to_owned(),
        ] {
            let long = format!("[{}0]", part.repeat(1_000));
            LOOKS.set(0);
            assert_eq!(with_attachments(&long, &[]).as_deref(), Ok(long.as_str()));
            assert!(LOOKS.get() <= 3 * long.len(), "{} looks at {} bytes", LOOKS.get(), long.len());
        }
        let deep = format!("{}0{}", "{\"num\":".repeat(1_000), "}".repeat(1_000));
        LOOKS.set(0);
        assert!(with_attachments(&deep, &[]).is_ok());
        assert!((deep.len()..=3 * deep.len()).contains(&LOOKS.get()));
    }
}
