//! Turns a connection's incoming bytes into messages: tungstenite as a parser between two buffers, kept only while needed.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, WebSocket};

use super::scan::{Scanner, Seen};
use crate::broker::CloseReason;

/// What a client may send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    /// The most bytes in a frame and in a message.
    pub(super) message: usize,
    /// The most frames of one message.
    pub(super) fragments: u32,
    /// The buffer for unfinished frames.
    pub(super) buffer: usize,
}

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A whole text message.
    Text(Utf8Bytes),
    /// A whole binary message.
    Binary(Bytes),
    /// The client closes; the answer is among the answers.
    Closing,
}

/// The incoming side of a connection. Between messages it holds no buffer.
#[derive(Debug, Default)]
pub(super) struct Inlet {
    scanner: Scanner,
    parser: Option<Box<WebSocket<Ends>>>,
    /// Bytes came since [`Inlet::next`] had nothing left to give.
    is_fresh: bool,
}

/// The two buffers that tungstenite takes for its transport. It cannot touch the real one, so what it answers can
/// never land inside a frame that is half sent.
#[derive(Debug, Default)]
struct Ends {
    unread: BytesMut,
    answers: BytesMut,
}

impl Inlet {
    /// Takes in bytes as they came, to be had as messages from [`Inlet::next`].
    pub(super) fn feed(&mut self, bytes: &[u8], caps: Caps) -> Result<Seen, CloseReason> {
        let seen = self.scanner.scan(bytes);
        if seen.fragments > caps.fragments {
            return Err(CloseReason::TooLarge);
        }
        let parser = self.parser.get_or_insert_with(|| Box::new(parser(caps)));
        parser.get_mut().unread.extend_from_slice(bytes);
        self.is_fresh = true;
        Ok(seen)
    }

    /// The next message, if it is complete. Pongs, and the answer to a close, are appended to `answers` before it.
    pub(super) fn next(&mut self, answers: &mut BytesMut) -> Result<Option<Incoming>, CloseReason> {
        let Some(parser) = &mut self.parser else { return Ok(None) };
        let incoming = loop {
            match parser.read() {
                Ok(Message::Text(text)) => break Ok(Some(Incoming::Text(text))),
                Ok(Message::Binary(data)) => break Ok(Some(Incoming::Binary(data))),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {}
                Err(Error::ConnectionClosed) => break Ok(Some(Incoming::Closing)),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break Ok(None),
                Err(error) => break Err(reason(&error)),
            }
        };
        let ends = parser.get_mut();
        if !ends.answers.is_empty() {
            answers.extend_from_slice(&ends.answers);
            ends.answers.clear();
        }
        if matches!(incoming, Ok(None)) {
            self.is_fresh = false;
            if self.scanner.is_between_messages() {
                self.parser = None;
            }
        }
        incoming
    }

    /// Follows bytes of which only the frames' kinds matter, because the connection is being closed.
    pub(super) fn discard(&mut self, bytes: &[u8]) -> Seen {
        self.parser = None;
        self.scanner.scan(bytes)
    }

    /// Whether [`Inlet::next`] may have something.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh
    }
}

fn parser(caps: Caps) -> WebSocket<Ends> {
    let config = WebSocketConfig::default()
        .read_buffer_size(caps.buffer)
        .write_buffer_size(0)
        .max_write_buffer_size(256 * 1024)
        .max_message_size(Some(caps.message))
        .max_frame_size(Some(caps.message));
    WebSocket::from_raw_socket(Ends::default(), Role::Server, Some(config))
}

/// What the client is told about an error.
fn reason(error: &Error) -> CloseReason {
    match error {
        Error::Capacity(_) => CloseReason::TooLarge,
        Error::Utf8(_) => CloseReason::InvalidText,
        _ => CloseReason::Protocol,
    }
}

impl Read for Ends {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = self.unread.len().min(into.len());
        self.unread.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answers.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { message: 1 << 16, fragments: 4, buffer: 1024 };

    fn text(length: u16) -> Vec<u8> {
        let mut bytes = vec![0x81, 0xfe];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.resize(bytes.len() + usize::from(length), b'x');
        bytes
    }

    #[test]
    fn nothing_is_held_between_messages() {
        let mut inlet = Inlet::default();
        let mut answers = BytesMut::new();
        for chunk in text(60_000).chunks(8192) {
            inlet.feed(chunk, CAPS).unwrap();
            assert!(inlet.is_fresh() && inlet.parser.is_some());
            if let Some(message) = inlet.next(&mut answers).unwrap() {
                assert!(matches!(message, Incoming::Text(text) if text.len() == 60_000));
            }
            while inlet.is_fresh() {
                assert!(inlet.next(&mut answers).unwrap().is_none());
            }
        }
        assert!(inlet.parser.is_none());
        assert!(size_of::<Inlet>() <= 48, "{}", size_of::<Inlet>());
    }

    #[test]
    fn an_unfinished_message_is_held() {
        let mut inlet = Inlet::default();
        let mut answers = BytesMut::new();
        inlet.feed(&[0x01, 0x81, 0, 0, 0, 0, b'a'], CAPS).unwrap();
        assert!(inlet.next(&mut answers).unwrap().is_none());
        assert!(inlet.parser.is_some());
        inlet.feed(&[0x89, 0x80, 0, 0, 0, 0, 0x80, 0x81, 0, 0, 0, 0, b'b'], CAPS).unwrap();
        assert!(matches!(inlet.next(&mut answers), Ok(Some(Incoming::Text(text))) if text.as_str() == "ab"));
        assert_eq!(&answers[..], [0x8a, 0], "the pong comes before what follows the ping");
        assert!(inlet.next(&mut answers).unwrap().is_none());
        assert!(inlet.parser.is_none());
    }

    #[test]
    fn fragments_are_refused_before_they_are_parsed() {
        let mut inlet = Inlet::default();
        let mut stream = vec![0x01, 0x80, 0, 0, 0, 0];
        for _ in 0..4 {
            stream.extend([0x00, 0x80, 0, 0, 0, 0]);
        }
        assert_eq!(inlet.feed(&stream, CAPS), Err(CloseReason::TooLarge));
        assert!(inlet.parser.is_none());
    }
}
