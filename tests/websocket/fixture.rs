//! A connection in memory: the driver on one end, the test on the other. Time is tokio's, so a paused test rules it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Bytes, BytesMut};
use presence_hub::broker::{Bounds, Clock, CloseReason, Item, Notice, Outbox};
use presence_hub::gateway::frames;
use presence_hub::gateway::websocket::{Settings, serve};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::echo::Echo;

/// How much fits between the two ends.
pub(crate) const ROOM: usize = 64 * 1024;

/// One connection.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) client: Client<DuplexStream>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) echo: Echo,
    pub(crate) served: JoinHandle<CloseReason>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(ROOM, |_| ())
    }

    pub(crate) fn with(room: usize, adapt: impl FnOnce(&mut Settings)) -> Self {
        let (near, far) = duplex(room);
        Self::over(near, far, Echo { explains: true, ..Echo::default() }, adapt)
    }

    /// `near` is the hub's end.
    pub(crate) fn over<S>(near: S, far: DuplexStream, echo: Echo, adapt: impl FnOnce(&mut Settings)) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut settings = Settings::new(Clock::system());
        adapt(&mut settings);
        let outbox = Arc::new(Outbox::new(Bounds::default()));
        let served = tokio::spawn({
            let (outbox, echo) = (Arc::clone(&outbox), echo.clone());
            async move { serve(near, Bytes::new(), outbox, echo, &settings).await }
        });
        Self { client: Client(far), outbox, echo, served }
    }

    pub(crate) fn push_text(&self, text: &str) {
        self.outbox.push(Item::Frame(text_frame(text)));
    }

    pub(crate) fn push_close(&self, reason: CloseReason) {
        self.outbox.push(Item::Notice(Notice::Close(reason)));
    }

    /// Waits for the driver to be done and checks that all were told.
    pub(crate) async fn ended(self) -> CloseReason {
        let reason = self.served.await.unwrap();
        assert_eq!(self.echo.closed.load(Relaxed), 1);
        let late = self.outbox.push(Item::Frame(text_frame("too late")));
        assert_eq!(late, presence_hub::broker::Pushed::Full);
        reason
    }
}

/// A text frame as the hub sends it.
pub(crate) fn text_frame(text: &str) -> Bytes {
    let mut out = BytesMut::new();
    frames::text(text.as_bytes(), &mut out);
    out.freeze()
}

/// Lets everything run that can.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
