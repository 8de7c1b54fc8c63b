//! A connection over long polling: to the driver it is a stream of WebSocket frames like any other, so that limits, outboxes
//! and shared bytes apply; to the client it is requests, and later perhaps a WebSocket.

use std::future::poll_fn;
use std::io;
use std::mem::take;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use engineioxide_core::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame;
use super::payload::Payload;
use crate::gateway::frames;
use crate::gateway::io::Socket;
use crate::gateway::limits::Admission;

/// When so much waits to be fetched, the driver waits, and its outbox fills instead.
const MOST_UNFETCHED: usize = 64 * 1024;

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unserved {
    /// The connection has ended, or goes on over a WebSocket.
    Gone,
    /// There is another request of the same kind under way, which ends the connection.
    Overlap,
}

/// Where a connection is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// With requests.
    #[default]
    Polling,
    /// With requests, but a WebSocket has said that it will take over.
    Probed,
    /// With a WebSocket.
    Upgraded,
    /// Nowhere any more.
    Closed,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// Frames for the driver to read.
    inbound: BytesMut,
    /// Frames that the driver has written and nobody has fetched.
    outbound: BytesMut,
    /// Some poll has been answered since a WebSocket announced itself.
    is_flushed: bool,
    is_polled: bool,
    is_posted: bool,
    successor: Option<(Socket, Bytes)>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    poller: Option<Waker>,
    poster: Option<Waker>,
}

impl State {
    fn close(&mut self) {
        self.stage = Stage::Closed;
        self.wake_all();
    }

    fn wake_all(&mut self) {
        let wakers = [&mut self.reader, &mut self.writer, &mut self.poller, &mut self.poster];
        wakers.into_iter().filter_map(Option::take).for_each(Waker::wake);
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Upgraded | Stage::Closed)
    }

    /// Takes what there is to fetch, as much as one answer may hold.
    fn fetch(&mut self, payload: &mut Payload) {
        while !payload.is_full() {
            let Some((kind, body)) = frame::take(&mut self.outbound) else { break };
            match kind {
                frame::Kind::Text => payload.push(&String::from_utf8_lossy(&body)),
                frame::Kind::Close => {
                    payload.push("1");
                    self.close();
                }
                // The dialect sends no binary, and pongs only answer what a client of this transport cannot send.
                frame::Kind::Binary | frame::Kind::Ping | frame::Kind::Pong => {}
            }
        }
        self.writer.take().into_iter().for_each(Waker::wake);
    }
}

/// One connection over polling, between its requests and its driver. The lock is held for a copy, never across an await.
#[derive(Debug)]
pub(super) struct Line {
    /// The version of the protocol that the client speaks.
    pub(super) version: ProtocolVersion,
    /// The connection's place among those that are counted.
    pub(super) admission: Arc<Admission>,
    state: Mutex<State>,
}

impl Line {
    /// A connection that nobody has polled yet.
    pub(super) fn new(version: ProtocolVersion, admission: Arc<Admission>) -> Arc<Self> {
        Arc::new(Self { version, admission, state: Mutex::default() })
    }

    /// Waits for packets, of which there is at least one. If the caller goes away meanwhile, so has the client.
    pub(super) async fn poll(&self) -> Result<Payload, Unserved> {
        let mut turn = self.begin(|state| &mut state.is_polled)?;
        let polled = poll_fn(|cx| {
            let mut state = self.lock();
            let mut payload = Payload::new(self.version);
            state.fetch(&mut payload);
            if payload.is_empty() {
                match state.stage {
                    Stage::Polling => {
                        state.poller = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    // Clients go over to the WebSocket when their poll has been answered.
                    Stage::Probed if !state.is_flushed => payload.push("6"),
                    Stage::Probed => {
                        state.poller = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    Stage::Upgraded => payload.push("6"),
                    Stage::Closed => payload.push("1"),
                }
            }
            state.is_flushed = true;
            Poll::Ready(payload)
        });
        let payload = polled.await;
        turn.is_done = true;
        Ok(payload)
    }

    /// Answers a poll that waits, now and with nothing, because the client is about to leave polling.
    pub(super) fn flush(&self) {
        let mut state = self.lock();
        state.is_flushed = false;
        state.poller.take().into_iter().for_each(Waker::wake);
    }

    /// Begins to take packets from the client; one request at a time may do so.
    pub(super) fn post(&self) -> Result<Turn<'_>, Unserved> {
        self.begin(|state| &mut state.is_posted)
    }

    fn begin(&self, slot: Slot) -> Result<Turn<'_>, Unserved> {
        let mut state = self.lock();
        let has_more = state.stage == Stage::Closed && !state.outbound.is_empty();
        if state.is_over() && !has_more {
            return Err(Unserved::Gone);
        }
        if std::mem::replace(slot(&mut state), true) {
            state.close();
            return Err(Unserved::Overlap);
        }
        Ok(Turn { line: self, slot, is_done: false })
    }

    /// A WebSocket announces itself; one at a time can.
    pub(super) fn probe(&self) -> Result<Probe<'_>, Unserved> {
        let mut state = self.lock();
        if state.stage != Stage::Polling {
            return Err(Unserved::Gone);
        }
        state.stage = Stage::Probed;
        state.is_flushed = false;
        state.poller.take().into_iter().for_each(Waker::wake);
        Ok(Probe { line: self })
    }

    /// Whether a WebSocket may still take over.
    pub(super) fn is_polling(&self) -> bool {
        self.lock().stage == Stage::Polling
    }

    /// Ends the connection.
    pub(super) fn close(&self) {
        self.lock().close();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A WebSocket that has announced itself. Dropped before it takes over, it leaves polling as it was.
#[derive(Debug)]
pub(super) struct Probe<'a> {
    line: &'a Line,
}

impl Probe<'_> {
    /// The connection goes on over the WebSocket, which has sent `leftover` already.
    pub(super) fn take_over(self, socket: Socket, leftover: Bytes, admission: Arc<Admission>) {
        self.line.admission.move_to(admission);
        let mut state = self.line.lock();
        if state.stage == Stage::Probed {
            state.stage = Stage::Upgraded;
            state.successor = Some((socket, leftover));
            state.wake_all();
        }
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        if state.stage == Stage::Probed {
            state.stage = Stage::Polling;
        }
    }
}

/// Where it is noted that a request is under way.
type Slot = fn(&mut State) -> &mut bool;

/// A request under way. Dropped before it is done, it ends the connection: the client has gone away, or sent what cannot be read.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    line: &'a Line,
    slot: Slot,
    is_done: bool,
}

impl Turn<'_> {
    /// Hands frames to the driver and waits until it has taken them, which is how a client feels pressure.
    pub(super) async fn deliver(mut self, frames: &[u8]) -> Result<(), Unserved> {
        self.line.lock().inbound.extend_from_slice(frames);
        let taken = poll_fn(|cx| {
            let mut state = self.line.lock();
            state.reader.take().into_iter().for_each(Waker::wake);
            if state.inbound.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if state.stage == Stage::Closed {
                return Poll::Ready(Err(Unserved::Gone));
            }
            state.poster = Some(cx.waker().clone());
            Poll::Pending
        });
        let taken = taken.await;
        self.is_done = true;
        taken
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        *(self.slot)(&mut state) = false;
        if !self.is_done {
            state.close();
        }
    }
}

/// The driver's end of a line: a stream of WebSocket frames. Once there is a WebSocket, it is that.
#[derive(Debug)]
pub(super) struct LineEnd {
    line: Arc<Line>,
    socket: Option<Socket>,
    /// What the WebSocket had sent before it took over.
    unread: Bytes,
    /// What polls had not fetched by then.
    unsent: BytesMut,
}

impl LineEnd {
    /// The end of a new line.
    pub(super) fn new(line: Arc<Line>) -> Self {
        Self { line, socket: None, unread: Bytes::new(), unsent: BytesMut::new() }
    }

    /// Takes over from the requests once there is a WebSocket.
    fn follow(&mut self) {
        if self.socket.is_some() {
            return;
        }
        let mut state = self.line.lock();
        if let Some((socket, unread)) = state.successor.take() {
            self.socket = Some(socket);
            self.unread = unread;
            self.unsent = take(&mut state.outbound);
        }
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Ok(())) };
        while !self.unsent.is_empty() {
            let written = ready!(Pin::new(&mut *socket).poll_write(cx, &self.unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(written);
            if self.unsent.is_empty() {
                self.unsent = BytesMut::new();
                ready!(Pin::new(&mut *socket).poll_flush(cx))?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for LineEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.follow();
        // A driver that has nothing to say only reads, and what polls had not fetched goes out all the same.
        if let Poll::Ready(sent) = this.poll_unsent(cx) {
            sent?;
        }
        let mut state = this.line.lock();
        if !state.inbound.is_empty() {
            let count = state.inbound.len().min(buffer.remaining());
            buffer.put_slice(&state.inbound.split_to(count));
            if state.inbound.is_empty() {
                state.inbound = BytesMut::new();
                state.poster.take().into_iter().for_each(Waker::wake);
            }
            return Poll::Ready(Ok(()));
        }
        // A request that was under way when the WebSocket took over may still bring something.
        state.reader = Some(cx.waker().clone());
        let Some(socket) = &mut this.socket else {
            return if state.stage == Stage::Closed { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        drop(state);
        if !this.unread.is_empty() {
            let count = this.unread.len().min(buffer.remaining());
            buffer.put_slice(&this.unread.split_to(count));
            return Poll::Ready(Ok(()));
        }
        Pin::new(socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for LineEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.follow();
        ready!(this.poll_unsent(cx))?;
        if let Some(socket) = &mut this.socket {
            return Pin::new(socket).poll_write(cx, bytes);
        }
        let mut state = this.line.lock();
        if state.stage == Stage::Closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if bytes == frames::PING {
            // Whether a client that polls is alive is for Engine.IO's own heartbeat to say.
            frame::pong(&mut state.inbound);
            state.reader.take().into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(bytes.len()));
        }
        if state.outbound.len() >= MOST_UNFETCHED {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.outbound.extend_from_slice(bytes);
        state.poller.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_unsent(cx))?;
        match &mut this.socket {
            Some(socket) => Pin::new(socket).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.close();
        match &mut self.socket {
            Some(socket) => Pin::new(socket).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Drop for LineEnd {
    fn drop(&mut self) {
        self.line.close();
    }
}
