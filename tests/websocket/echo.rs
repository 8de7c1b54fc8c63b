//! A dialect that says back what it hears. Only tests speak it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::BytesMut;
use presence_hub::broker::{CloseReason, Notice, Reply, Tag};
use presence_hub::core::Mono;
use presence_hub::gateway::conversation::Conversation;
use presence_hub::gateway::frames;

/// An echo; it counts what happens to it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Echo {
    /// Messages heard.
    pub(crate) heard: Arc<AtomicUsize>,
    /// Conversations over.
    pub(crate) closed: Arc<AtomicUsize>,
    /// Says why, before the close frame.
    pub(crate) explains: bool,
    /// When it wants to be told the time.
    pub(crate) deadline: Option<Mono>,
}

impl Conversation for Echo {
    async fn opened(&mut self, _out: &mut BytesMut) -> Result<(), CloseReason> {
        Ok(())
    }

    async fn text(&mut self, text: &str, out: &mut BytesMut) -> Result<(), CloseReason> {
        self.heard.fetch_add(1, Relaxed);
        match text {
            "bye" => return Err(CloseReason::Ended),
            "panic" => panic!("asked to"),
            _ => frames::text(text.as_bytes(), out),
        }
        Ok(())
    }

    async fn binary(&mut self, data: &[u8], out: &mut BytesMut) -> Result<(), CloseReason> {
        self.heard.fetch_add(1, Relaxed);
        frames::binary(data, out);
        Ok(())
    }

    fn reply(&mut self, tag: Tag, _reply: Reply, out: &mut BytesMut) -> Result<(), CloseReason> {
        frames::text(format!("reply {}", tag.0).as_bytes(), out);
        Ok(())
    }

    fn notice(&mut self, _notice: Notice, out: &mut BytesMut) -> Result<(), CloseReason> {
        frames::text(b"notice", out);
        Ok(())
    }

    fn deadline(&self) -> Option<Mono> {
        self.deadline
    }

    async fn deadline_passed(&mut self, now: Mono, out: &mut BytesMut) -> Result<(), CloseReason> {
        self.deadline = None;
        frames::text(format!("it is {}", now.0.as_millis()).as_bytes(), out);
        Ok(())
    }

    fn closing(&mut self, reason: CloseReason, out: &mut BytesMut) {
        if self.explains {
            frames::text(format!("closing {}", reason.code()).as_bytes(), out);
        }
    }

    async fn closed(&mut self) {
        self.closed.fetch_add(1, Relaxed);
    }
}
