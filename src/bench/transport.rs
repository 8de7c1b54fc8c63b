//! How what a dialect says travels: in the frames of a WebSocket, or as requests and their answers.

use super::answer::{self, put_request};
use super::frame::{self, Frame, Splitter, put_client_text};

/// What carries a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Text frames.
    WebSocket,
    /// Requests, one connection for each party; what is said is their targets, what is heard the bodies of the answers.
    Http,
}

impl Transport {
    /// Appends what a client says.
    pub(super) fn put(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::WebSocket => put_client_text(text.as_bytes(), out),
            Self::Http => put_request(text, out),
        }
    }

    /// For the bytes of one connection.
    pub(super) fn cutter(self) -> Cutter {
        Cutter { transport: self, splitter: Splitter::default() }
    }
}

/// Cuts what arrives on one connection into what was said: frames or answers.
#[derive(Debug)]
pub(super) struct Cutter {
    transport: Transport,
    splitter: Splitter,
}

impl Cutter {
    /// Hands everything that is complete with this chunk to `each`.
    pub(super) fn feed(&mut self, chunk: &[u8], each: impl FnMut(Frame<'_>)) -> Result<(), String> {
        match self.transport {
            Transport::WebSocket => {
                self.splitter.feed(chunk, frame::first, each).map_err(|fault| fault.to_string())
            }
            Transport::Http => {
                self.splitter.feed(chunk, answer::first, each).map_err(|fault| fault.to_string())
            }
        }
    }
}
