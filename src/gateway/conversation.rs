//! The seam between a transport and a dialect: bytes and timers on one side, messages on the other.

use std::borrow::Cow;
use std::future::Future;

use bytes::BytesMut;

use crate::broker::{CloseReason, Notice, Reply, Tag};
use crate::core::Mono;

/// What a dialect does on one WebSocket connection. The driver calls it from the connection's one task; everything that the dialect
/// wants sent it appends, as whole WebSocket frames (see [`super::frames`]), to `out`. What the broker sends meanwhile arrives
/// through the connection's outbox, of which the driver sends shared frames itself and hands replies and notices to the dialect.
///
/// An `Err` ends the connection: the driver sends what is in `out`, then a close frame with the reason's code and text.
pub trait Conversation: Send {
    /// The connection is open: the first thing to say.
    fn opened(&mut self, out: &mut BytesMut) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// A whole text message came.
    fn text(
        &mut self,
        text: &str,
        out: &mut BytesMut,
    ) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// A whole binary message came.
    fn binary(
        &mut self,
        data: &[u8],
        out: &mut BytesMut,
    ) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// The broker answered a request.
    ///
    /// # Errors
    /// Ends the connection.
    fn reply(&mut self, tag: Tag, reply: Reply, out: &mut BytesMut) -> Result<(), CloseReason>;

    /// The hub says something unasked. [`Notice::Close`] does not come here; the driver ends the connection.
    ///
    /// # Errors
    /// Ends the connection.
    fn notice(&mut self, notice: Notice, out: &mut BytesMut) -> Result<(), CloseReason>;

    /// When the dialect next wants [`Conversation::deadline_passed`] to be called; `None` is never.
    fn deadline(&self) -> Option<Mono>;

    /// The deadline has come.
    fn deadline_passed(
        &mut self,
        now: Mono,
        out: &mut BytesMut,
    ) -> impl Future<Output = Result<(), CloseReason>> + Send;

    /// Something is about to be said before the close frame, such as an error event of the dialect.
    fn closing(&mut self, reason: CloseReason, out: &mut BytesMut);

    /// The code and the text, of at most 123 bytes, of the close frame with which the hub ends the connection.
    fn farewell(&self, reason: CloseReason) -> (u16, Cow<'static, str>) {
        (reason.code(), reason.to_string().into())
    }

    /// The connection is gone, for whatever reason: the session's graces begin.
    fn closed(&mut self) -> impl Future<Output = ()> + Send;
}
