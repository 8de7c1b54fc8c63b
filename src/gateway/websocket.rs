//! The WebSocket driver that every dialect shares: one task per connection, which sends what the outbox holds in one
//! write, reads only while nothing is stuck, and keeps time.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};

use super::conversation::Conversation;
use super::frames;
use super::inlet::{Caps, Incoming, Inlet};
use super::io::{Pipe, poll_read};
use super::rate::Rate;
use super::scan::Seen;
use crate::broker::{Clock, CloseReason, Item, Notice, Outbox};
use crate::core::Mono;

/// When this much has been rendered, it is written before more is rendered.
const BATCH: usize = 64 * 1024;

/// How much is read and thrown away while the client's answer to a close is awaited.
const PATIENCE: usize = 256 * 1024;

/// What a connection may do, and how long it is waited for. One value serves all connections of a listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tells the time.
    pub clock: Clock,
    /// The most bytes in a frame and in a message; more closes with 1009.
    pub frame_bytes: usize,
    /// The most frames that one message may come in; more closes with 1009.
    pub fragments: u32,
    /// The most control frames a second; more closes with 1008. 0 is no limit.
    pub control_frames: u32,
    /// The hub pings after this long without a frame from the client,
    pub ping_interval: Duration,
    /// and closes after this much longer.
    pub pong_timeout: Duration,
    /// How long the last frames and the client's answer to the hub's close may take.
    pub close_timeout: Duration,
    /// What an unfinished frame is first given to grow in.
    pub read_buffer: usize,
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            frame_bytes: 64 * 1024,
            fragments: 128,
            control_frames: 20,
            ping_interval: Duration::from_secs(10),
            pong_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(1),
            read_buffer: 1024,
        }
    }

    fn caps(&self) -> Caps {
        Caps { message: self.frame_bytes, fragments: self.fragments, buffer: self.read_buffer }
    }
}

/// Drives one connection from after the handshake until it is gone, and says why it ended. A client that goes away,
/// with or without a close frame, is [`CloseReason::Bye`].
///
/// `leftover` is what the client sent behind its handshake. The outbox is closed at the end, and the conversation is
/// told, even if the dialect panics.
pub fn serve<S, C>(
    stream: S,
    leftover: Bytes,
    outbox: Arc<Outbox>,
    mut conversation: C,
    settings: &Settings,
) -> impl Future<Output = CloseReason> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Conversation,
{
    let mut driver = Driver::new(stream, outbox, settings);
    // A block, because an async function would keep its arguments twice.
    async move {
        let running = AssertUnwindSafe(driver.run(&mut conversation, leftover)).catch_unwind().await;
        // A dialect that panicked takes down its own connection only.
        let end = running.unwrap_or(End::Hub(CloseReason::Internal));
        let reason = driver.end(&mut conversation, end).await;
        Box::pin(conversation.closed()).await;
        reason
    }
}

/// How a connection ends.
enum End {
    /// The hub ends it.
    Hub(CloseReason),
    /// The client closed; the answer to that is in the pipe.
    Client,
    /// The transport is gone.
    Lost,
}

impl From<CloseReason> for End {
    fn from(reason: CloseReason) -> Self {
        Self::Hub(reason)
    }
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

/// What the driver turns to next.
enum Next {
    Message(Result<Incoming, End>),
    Alarm,
}

/// What a closing connection waits for, besides its last frames being out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Await {
    Nothing,
    Close,
}

struct Driver<'a, S> {
    stream: S,
    pipe: Pipe,
    inlet: Inlet,
    outbox: Arc<Outbox>,
    /// Taken from the outbox, not rendered yet.
    taken: VecDeque<Item>,
    settings: &'a Settings,
    controls: Rate,
    /// When the client last gave a sign of life.
    heard: Mono,
    /// When it was pinged, if it has been silent since.
    pinged: Option<Mono>,
    /// The last write left something waiting.
    is_stuck: bool,
}

impl<'a, S> Driver<'a, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn new(stream: S, outbox: Arc<Outbox>, settings: &'a Settings) -> Self {
        Self {
            stream,
            pipe: Pipe::default(),
            inlet: Inlet::default(),
            outbox,
            taken: VecDeque::new(),
            settings,
            controls: Rate::new(settings.control_frames),
            heard: settings.clock.now().mono,
            pinged: None,
            is_stuck: false,
        }
    }

    async fn run<C: Conversation>(&mut self, conversation: &mut C, leftover: Bytes) -> End {
        let mut out = BytesMut::new();
        let opened = Box::pin(conversation.opened(&mut out)).await;
        self.pipe.push_rendered(&mut out);
        if let Err(reason) = opened.and_then(|()| self.receive(&leftover)) {
            return End::Hub(reason);
        }
        drop((leftover, out));
        let clock = &self.settings.clock;
        let mut alarm = pin!(None);
        let mut armed = None;
        loop {
            let next = poll_fn(|cx| {
                if let Poll::Ready(message) = self.poll_message(conversation, cx) {
                    return Poll::Ready(Next::Message(message));
                }
                // Deadlines mostly move away, so the alarm stays where it is until it rings.
                let due = self.due(conversation);
                if armed.is_none_or(|at| due < at) {
                    alarm.set(Some(clock.sleep_until(Some(due))));
                    armed = Some(due);
                }
                let Some(alarm) = alarm.as_mut().as_pin_mut() else { return Poll::Pending };
                alarm.poll(cx).map(|()| Next::Alarm)
            });
            let done = match next.await {
                // What a dialect does with a message takes room while it does it, and none while the connection is idle.
                Next::Message(Ok(message)) => Box::pin(self.converse(conversation, message)).await,
                Next::Message(Err(end)) => Err(end),
                Next::Alarm => {
                    armed = None;
                    Box::pin(self.keep_time(conversation)).await
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Sends what can be sent, then looks for a message.
    fn poll_message<C>(&mut self, conversation: &mut C, cx: &mut Context<'_>) -> Poll<Result<Incoming, End>>
    where
        C: Conversation,
    {
        loop {
            self.poll_out(conversation, cx)?;
            // A client that does not take what it is sent is not listened to: what it asks for would only pile up.
            if !self.pipe.is_empty() {
                return Poll::Pending;
            }
            if !self.inlet.is_fresh() {
                ready!(self.poll_read(cx))?;
            }
            let mut answers = BytesMut::new();
            let message = self.next_message(&mut answers);
            self.pipe.push_rendered(&mut answers);
            if let Some(message) = message? {
                return Poll::Ready(Ok(message));
            }
        }
    }

    /// Writes and takes in turn until one has to wait; the waker is then with the stream, the outbox, or both.
    fn poll_out<C: Conversation>(&mut self, conversation: &mut C, cx: &mut Context<'_>) -> Result<(), End> {
        loop {
            if !self.pipe.is_empty() && self.poll_send(cx)?.is_pending() {
                return match self.outbox.poll_closing(cx) {
                    Poll::Ready(reason) => Err(End::Hub(reason)),
                    Poll::Pending => Ok(()),
                };
            }
            if self.taken.is_empty() {
                self.outbox.written();
                if self.outbox.poll_take(cx, &mut self.taken).is_pending() {
                    return Ok(());
                }
            }
            self.render(conversation)?;
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, End> {
        let before = self.pipe.length();
        let sent = self.pipe.poll_send(&mut self.stream, cx);
        // A client behind a slow line is alive as long as it takes what waits for it.
        if self.is_stuck && self.pipe.length() < before {
            self.hear();
        }
        self.is_stuck = sent.is_pending();
        match sent {
            Poll::Ready(sent) => Ok(Poll::Ready(sent?)),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// Turns what was taken into frames, up to a bound.
    fn render<C: Conversation>(&mut self, conversation: &mut C) -> Result<(), End> {
        let mut out = BytesMut::new();
        let mut outcome = Ok(());
        while outcome.is_ok() && self.pipe.length() + out.len() < BATCH {
            let Some(item) = self.taken.pop_front() else { break };
            outcome = match item {
                Item::Shared(_, frames) | Item::Frame(frames) => {
                    self.pipe.push_rendered(&mut out);
                    self.pipe.push(frames);
                    Ok(())
                }
                Item::Reply(tag, reply) => conversation.reply(tag, reply, &mut out),
                Item::Notice(Notice::Close(reason)) => Err(reason),
                Item::Notice(notice) => conversation.notice(notice, &mut out),
            };
        }
        self.pipe.push_rendered(&mut out);
        if self.taken.is_empty() {
            self.taken = VecDeque::new();
        }
        Ok(outcome?)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let Self { stream, inlet, settings, .. } = self;
        let read = poll_read(stream, cx, |bytes| match bytes {
            [] => Err(End::Lost),
            bytes => Ok(inlet.feed(bytes, settings.caps())?),
        });
        let seen = ready!(read)??;
        Poll::Ready(Ok(self.note(seen)?))
    }

    /// Takes in what came together with the handshake.
    fn receive(&mut self, bytes: &[u8]) -> Result<(), CloseReason> {
        if bytes.is_empty() {
            return Ok(());
        }
        let seen = self.inlet.feed(bytes, self.settings.caps())?;
        self.note(seen)
    }

    fn note(&mut self, seen: Seen) -> Result<(), CloseReason> {
        if seen.frames > 0 {
            self.hear();
        }
        if self.controls.allows_many(seen.controls, &self.settings.clock) {
            Ok(())
        } else {
            Err(CloseReason::TooFast)
        }
    }

    fn next_message(&mut self, answers: &mut BytesMut) -> Result<Option<Incoming>, End> {
        match self.inlet.next(answers)? {
            Some(Incoming::Closing) => Err(End::Client),
            message => Ok(message),
        }
    }

    /// Hands over a message, and those that came together with it, so that all answers go out in one write.
    async fn converse<C>(&mut self, conversation: &mut C, mut message: Incoming) -> Result<(), End>
    where
        C: Conversation,
    {
        let mut out = BytesMut::new();
        let outcome = loop {
            let said = match &message {
                Incoming::Text(text) => conversation.text(text.as_str(), &mut out).await,
                Incoming::Binary(data) => conversation.binary(data, &mut out).await,
                Incoming::Closing => Ok(()),
            };
            if let Err(reason) = said {
                break Err(End::Hub(reason));
            }
            if out.len() >= BATCH {
                break Ok(());
            }
            match self.next_message(&mut out) {
                Ok(Some(next)) => message = next,
                Ok(None) => break Ok(()),
                Err(end) => break Err(end),
            }
        };
        self.pipe.push_rendered(&mut out);
        outcome
    }

    fn hear(&mut self) {
        self.heard = self.settings.clock.now().mono;
        self.pinged = None;
    }

    /// When something has to be done even if nothing comes.
    fn due<C: Conversation>(&self, conversation: &C) -> Mono {
        let own = match self.pinged {
            Some(at) => at + self.settings.pong_timeout,
            None => self.heard + self.settings.ping_interval,
        };
        conversation.deadline().map_or(own, |theirs| theirs.min(own))
    }

    async fn keep_time<C: Conversation>(&mut self, conversation: &mut C) -> Result<(), End> {
        let now = self.settings.clock.now().mono;
        if conversation.deadline().is_some_and(|at| at <= now) {
            let mut out = BytesMut::new();
            let outcome = conversation.deadline_passed(now, &mut out).await;
            self.pipe.push_rendered(&mut out);
            outcome?;
        }
        match self.pinged {
            Some(at) if at + self.settings.pong_timeout <= now => Err(End::Hub(CloseReason::TimedOut)),
            None if self.heard + self.settings.ping_interval <= now => {
                self.pinged = Some(now);
                self.pipe.push(frames::PING);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn end<C: Conversation>(&mut self, conversation: &mut C, end: End) -> CloseReason {
        self.outbox.close();
        self.taken = VecDeque::new();
        let (reason, awaited) = match end {
            End::Hub(reason) => {
                let mut out = BytesMut::new();
                conversation.closing(reason, &mut out);
                let (code, text) = conversation.farewell(reason);
                frames::close(code, &text, &mut out);
                self.pipe.push_rendered(&mut out);
                (reason, Await::Close)
            }
            End::Client => (CloseReason::Bye, Await::Nothing),
            End::Lost => return CloseReason::Bye,
        };
        self.linger(awaited).await;
        reason
    }

    /// Sends the last frames and waits for what is awaited, but not for long.
    async fn linger(&mut self, awaited: Await) {
        let Self { stream, pipe, inlet, settings, .. } = self;
        let mut is_answered = awaited == Await::Nothing;
        let mut patience = PATIENCE;
        let farewell = poll_fn(|cx| {
            let sent = pipe.poll_send(stream, cx);
            // Reading on keeps the client's late frames from resetting the connection under the close frame.
            while !is_answered {
                let read = poll_read(stream, cx, |bytes| {
                    patience = patience.saturating_sub(bytes.len());
                    bytes.is_empty() || patience == 0 || inlet.discard(bytes).is_close
                });
                match read {
                    Poll::Ready(Ok(is_last)) => is_answered = is_last,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            match sent {
                Poll::Ready(Ok(())) if is_answered => Pin::new(&mut *stream).poll_shutdown(cx).map(drop),
                Poll::Ready(Err(_)) => Poll::Ready(()),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            }
        });
        tokio::select! {
            biased;
            () = farewell => {}
            () = settings.clock.sleep(settings.close_timeout) => {}
        }
    }
}
