//! Many connections read by one thread: one task each, one large buffer for all of them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::error::BenchError;
use super::frame::{Frame, Opcode, put_pong};
use super::line::Line;
use super::transport::{Cutter, Transport};

/// What is done with the text frames of all connections.
pub(super) trait Sink: 'static {
    /// Takes a text frame. Frames that are appended to `answers` go back on the same connection at once.
    fn take(&mut self, seat: usize, text: &[u8], wire: usize, answers: &mut Vec<u8>) -> Taken;
}

/// What a text frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// A part of the handshake or a heartbeat, which is no sign of progress, as the WebSocket's own is none.
    Beat,
    /// Something was said.
    Said,
    /// Something was said that the driver of the scenario may be waiting for.
    Awaited,
}

/// Large enough for 32 deliveries and most snapshots in one read.
const BUFFER: usize = 256 * 1_024;

struct Shared<S> {
    buffer: RefCell<Box<[u8]>>,
    sink: RefCell<S>,
    progress: Notify,
    failure: RefCell<Option<BenchError>>,
    frames: Cell<u64>,
    bytes: Cell<u64>,
}

/// The connections of a scenario and the sink that all of them feed.
pub(super) struct Fleet<S> {
    shared: Rc<Shared<S>>,
    lines: Vec<Rc<Line>>,
    pumps: Vec<AbortHandle>,
}

impl<S: fmt::Debug> fmt::Debug for Fleet<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fleet")
            .field("sink", &self.shared.sink)
            .field("size", &self.lines.len())
            .finish()
    }
}

impl<S> Drop for Fleet<S> {
    fn drop(&mut self) {
        for pump in &self.pumps {
            pump.abort();
        }
    }
}

impl<S: Sink> Fleet<S> {
    /// No connections yet.
    pub(super) fn new(sink: S) -> Self {
        let shared = Shared {
            buffer: RefCell::new(vec![0; BUFFER].into_boxed_slice()),
            sink: RefCell::new(sink),
            progress: Notify::new(),
            failure: RefCell::default(),
            frames: Cell::default(),
            bytes: Cell::default(),
        };
        Self { shared: Rc::new(shared), lines: Vec::new(), pumps: Vec::new() }
    }

    /// Gives a connection the next seat and reads it from now on; `begun` is what was already read from it.
    pub(super) fn add(&mut self, stream: TcpStream, begun: &[u8], transport: Transport) {
        let seat = self.lines.len();
        let (reading, writing) = stream.into_split();
        let line = Rc::new(Line::new(writing));
        self.lines.push(Rc::clone(&line));
        let mut pump =
            Pump { seat, reading, line, cutter: transport.cutter(), shared: Rc::clone(&self.shared) };
        let end = pump.feed(begun);
        let task = tokio::task::spawn_local(async move {
            let reason = match end {
                Err(reason) => reason,
                Ok(()) => poll_fn(|context| pump.run(context)).await,
            };
            pump.shared.failure.borrow_mut().get_or_insert(BenchError::Closed { seat: pump.seat, reason });
            pump.shared.progress.notify_one();
        });
        self.pumps.push(task.abort_handle());
    }

    /// How many connections there are.
    pub(super) fn size(&self) -> usize {
        self.lines.len()
    }

    /// Looks at or changes the sink.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(&mut self.shared.sink.borrow_mut())
    }

    /// Text frames and bytes that have arrived so far, without heartbeats.
    pub(super) fn volume(&self) -> (u64, u64) {
        (self.shared.frames.get(), self.shared.bytes.get())
    }

    /// Sends bytes on one connection; what the kernel does not take waits for [`Self::flush`].
    pub(super) fn push(&self, seat: usize, bytes: &[u8]) {
        if let Some(line) = self.lines.get(seat) {
            line.push(bytes);
        }
    }

    /// Waits until the kernel has taken everything that was sent on this connection.
    pub(super) async fn flush(&self, seat: usize) -> Result<(), BenchError> {
        match self.lines.get(seat) {
            Some(line) => line.flush().await.map_err(BenchError::io(format!("writing on connection {seat}"))),
            None => Ok(()),
        }
    }

    /// The first failure of any connection, if there was one.
    pub(super) fn check(&self) -> Result<(), BenchError> {
        self.shared.failure.borrow_mut().take().map_or(Ok(()), Err)
    }

    /// Waits until the sink is as wanted; gives up when nothing happens for as long as the patience lasts.
    pub(super) async fn until(
        &self,
        what: &str,
        patience: Duration,
        mut is_so: impl FnMut(&mut S) -> bool,
    ) -> Result<(), BenchError> {
        loop {
            self.check()?;
            if self.with(&mut is_so) {
                return Ok(());
            }
            let before = self.shared.frames.get();
            let waited = timeout(patience, self.shared.progress.notified()).await;
            if waited.is_err() && self.shared.frames.get() == before {
                return Err(BenchError::Stalled { what: what.to_owned(), patience });
            }
        }
    }
}

struct Pump<S> {
    seat: usize,
    reading: OwnedReadHalf,
    line: Rc<Line>,
    cutter: Cutter,
    shared: Rc<Shared<S>>,
}

impl<S: Sink> Pump<S> {
    /// Reads until there is nothing to read; ready only when the connection has ended.
    fn run(&mut self, context: &mut Context<'_>) -> Poll<String> {
        loop {
            if let Err(reason) = ready!(self.turn(context)) {
                return Poll::Ready(reason);
            }
        }
    }

    fn turn(&mut self, context: &mut Context<'_>) -> Poll<Result<(), String>> {
        let shared = Rc::clone(&self.shared);
        let mut buffer = shared.buffer.borrow_mut();
        let mut room = ReadBuf::new(&mut buffer);
        Poll::Ready(match ready!(Pin::new(&mut self.reading).poll_read(context, &mut room)) {
            Ok(()) if room.filled().is_empty() => Err("without a word".to_owned()),
            Ok(()) => self.feed(room.filled()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.to_string()),
        })
    }

    fn feed(&mut self, chunk: &[u8]) -> Result<(), String> {
        let Self { seat, line, cutter, shared, .. } = self;
        let mut sink = shared.sink.borrow_mut();
        let mut is_progress = false;
        let mut end = None;
        let mut answers = Vec::new();
        let fed = cutter.feed(chunk, |Frame { opcode, payload, wire }| match opcode {
            Opcode::Text => {
                let taken = sink.take(*seat, payload, wire, &mut answers);
                is_progress |= taken == Taken::Awaited;
                if taken != Taken::Beat {
                    shared.frames.set(shared.frames.get() + 1);
                    shared.bytes.set(shared.bytes.get() + wire as u64);
                }
            }
            Opcode::Ping => put_pong(payload, &mut answers),
            Opcode::Close => end = Some(closing(payload)),
            Opcode::Binary | Opcode::Pong => {}
        });
        if !answers.is_empty() {
            line.push(&answers);
        }
        if is_progress {
            shared.progress.notify_one();
        }
        fed?;
        end.map_or(Ok(()), Err)
    }
}

fn closing(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => {
            format!("closed with {} {}", u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason))
        }
        _ => "closed without a code".to_owned(),
    }
}
