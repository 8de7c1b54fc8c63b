//! A WebSocket that wants to take over from polling: it proves that it works, and then says that it is there to stay.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;

use super::frame::{self, Kind};
use super::line::Line;
use crate::broker::Clock;
use crate::gateway::frames;
use crate::gateway::io::{Socket, poll_read};
use crate::gateway::limits::Admission;

/// How long a WebSocket may take to take over.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a poll is answered with nothing meanwhile: a client leaves polling only when its poll has been answered, and may have
/// begun another one just before it learns that the WebSocket works.
const FLUSH: Duration = Duration::from_millis(100);

/// The most bytes of one frame before it takes over; what comes after that is the driver's business.
const MOST: usize = 4 * 1024;

/// Lets the WebSocket take over the line, or closes it if it does not do so in time.
pub(super) async fn probe(
    socket: Socket,
    leftover: Bytes,
    admission: Arc<Admission>,
    line: Arc<Line>,
    clock: Clock,
) {
    let is_over = tokio::select! {
        taken = converse(socket, leftover, admission, &line) => taken.is_some(),
        () = flush(&line, &clock) => false,
    };
    if !is_over {
        tracing::debug!("a WebSocket did not take over from polling");
    }
}

/// Ends when patience does.
async fn flush(line: &Line, clock: &Clock) {
    let end = clock.now().mono + PATIENCE;
    while clock.now().mono < end {
        clock.sleep(FLUSH).await;
        line.flush();
    }
}

async fn converse(mut socket: Socket, leftover: Bytes, admission: Arc<Admission>, line: &Line) -> Option<()> {
    let mut unread = BytesMut::from(leftover);
    let mut probe = None;
    loop {
        let Some((kind, body)) = frame::take(&mut unread) else {
            if unread.len() > MOST {
                return None;
            }
            read(&mut socket, &mut unread).await?;
            continue;
        };
        match (kind, &body[..]) {
            (Kind::Text, b"2probe") => {
                probe = Some(line.probe().ok()?);
                let mut answer = BytesMut::new();
                frames::text(b"3probe", &mut answer);
                socket.write_all(&answer).await.ok()?;
                socket.flush().await.ok()?;
            }
            (Kind::Text, b"5") => {
                probe.take()?.take_over(socket, unread.freeze(), admission);
                return Some(());
            }
            (Kind::Ping | Kind::Pong, _) => {}
            (Kind::Text | Kind::Binary | Kind::Close, _) => return None,
        }
    }
}

async fn read(socket: &mut Socket, unread: &mut BytesMut) -> Option<()> {
    let count = poll_fn(|cx| {
        poll_read(socket, cx, |bytes| {
            unread.extend_from_slice(bytes);
            bytes.len()
        })
    });
    (count.await.ok()? > 0).then_some(())
}
