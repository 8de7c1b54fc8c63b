//! What the driver does for well-behaved connections: order, single writes, pings, deadlines, closing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use presence_hub::broker::{Clock, CloseReason, Item, Outbox, Reply, Tag};
use presence_hub::core::Mono;
use presence_hub::gateway::websocket::{Settings, serve};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::time::{Instant, sleep, timeout};

use crate::client::{BINARY, CLOSE, CONTINUATION, Client, FINAL, PING, PONG, TEXT, close, frame, text};
use crate::echo::Echo;
use crate::fixture::{Fixture, ROOM, settle, text_frame};

#[tokio::test(start_paused = true)]
async fn messages_come_whole() {
    let mut fixture = Fixture::new();
    let client = &mut fixture.client;
    client.send(&text("hello")).await;
    client.expect_text("hello").await;
    client.send(&frame(FINAL | BINARY, &[1, 2, 3])).await;
    assert_eq!(client.frame().await.payload, [1, 2, 3]);
    for byte in text("slowly") {
        client.send(&[byte]).await;
        settle().await;
    }
    client.expect_text("slowly").await;
    client.send(&frame(TEXT, b"in ")).await;
    client.send(&frame(FINAL | PING, b"between")).await;
    client.send(&frame(FINAL | CONTINUATION, b"pieces")).await;
    let pong = client.frame().await;
    assert_eq!((pong.kind, &pong.payload[..]), (PONG, &b"between"[..]));
    client.expect_text("in pieces").await;
    client.send(&text(&"x".repeat(ROOM - 10))).await;
    assert_eq!(client.frame().await.payload.len(), ROOM - 10);
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_handshake_counts() {
    let (near, far) = duplex(ROOM);
    let (one, two) = (text("one"), text("two"));
    let leftover = Bytes::from([&one[..], &two[..3]].concat());
    let outbox = Arc::new(Outbox::new(Default::default()));
    let settings = Settings::new(Clock::system());
    tokio::spawn(async move { serve(near, leftover, outbox, Echo::default(), &settings).await });
    let mut client = Client(far);
    client.expect_text("one").await;
    client.send(&two[3..]).await;
    client.expect_text("two").await;
}

/// Notes what each call writes.
struct Recorder {
    stream: DuplexStream,
    writes: Arc<Mutex<Vec<usize>>>,
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        if let Poll::Ready(Ok(written)) = written {
            self.writes.lock().unwrap().push(written);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn everything_queued_goes_out_in_one_write() {
    let (stream, far) = duplex(ROOM);
    let writes = Arc::new(Mutex::new(Vec::new()));
    let near = Recorder { stream, writes: Arc::clone(&writes) };
    let mut fixture = Fixture::over(near, far, Echo::default(), |_| ());
    settle().await;
    for tag in 0..10 {
        fixture.push_text("shared");
        fixture.outbox.push(Item::Reply(Tag(tag), Reply::Unchanged));
    }
    for tag in 0..10 {
        fixture.client.expect_text("shared").await;
        fixture.client.expect_text(&format!("reply {tag}")).await;
    }
    assert_eq!(*writes.lock().unwrap(), [10 * (8 + 9)]);

    // The same for the answers to what came in one read.
    writes.lock().unwrap().clear();
    fixture.client.send(&text("many").repeat(50)).await;
    for _ in 0..50 {
        fixture.client.expect_text("many").await;
    }
    assert_eq!(*writes.lock().unwrap(), [50 * 6]);
}

#[tokio::test(start_paused = true)]
async fn no_frame_lands_inside_another() {
    // Seven bytes fit: nearly every frame is written in pieces, with pings and messages coming in meanwhile.
    let mut fixture = Fixture::with(7, |settings| settings.control_frames = 0);
    let (mut reading, mut writing) = tokio::io::split(fixture.client.0);
    let outbox = Arc::clone(&fixture.outbox);
    let wrote = tokio::spawn(async move {
        for round in 0..200 {
            let round = format!("{round}");
            outbox.push(Item::Frame(text_frame(&format!("shared {round} {}", "x".repeat(round.len() * 40)))));
            let ping = frame(FINAL | PING, round.as_bytes());
            let message = text(&format!("echo {round}"));
            tokio::io::AsyncWriteExt::write_all(&mut writing, &[ping, message].concat()).await.unwrap();
        }
        writing
    });
    let mut next = [0; 3];
    let mut client = Client(tokio::io::join(&mut reading, tokio::io::sink()));
    while next != [200; 3] {
        let frame = client.frame().await;
        let (stream, number) = match frame.kind {
            PONG => (0, String::from_utf8(frame.payload).unwrap()),
            _ => {
                let mut words = frame.as_text().split(' ');
                let stream = if words.next() == Some("echo") { 1 } else { 2 };
                (stream, words.next().unwrap().to_owned())
            }
        };
        assert_eq!(number, next[stream].to_string());
        next[stream] += 1;
    }
    fixture.client = Client(reading.unsplit(wrote.await.unwrap()));
    fixture.client.send(&close(1000)).await;
    assert_eq!(fixture.client.closed().await, 1000);
    assert_eq!(fixture.ended().await, CloseReason::Bye);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_pinged_and_then_closed() {
    let mut fixture = Fixture::new();
    let start = Instant::now();
    let ping = fixture.client.frame().await;
    assert_eq!((ping.kind, start.elapsed().as_secs()), (PING, 10));
    fixture.client.expect_text("closing 1001").await;
    assert_eq!(start.elapsed().as_secs(), 15);
    assert_eq!(fixture.client.closed().await, 1001);
    assert_eq!(start.elapsed().as_secs(), 16, "the client's close is waited for, but not for long");
    assert_eq!(fixture.ended().await, CloseReason::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays() {
    let mut fixture = Fixture::new();
    let start = Instant::now();
    for round in 1..=100 {
        let ping = fixture.client.frame().await;
        assert_eq!((ping.kind, start.elapsed().as_secs()), (PING, round * 10));
        fixture.client.send(&frame(FINAL | PONG, &ping.payload)).await;
    }
    // Half a frame is no sign of life.
    fixture.client.frame().await;
    fixture.client.send(&text("half")[..5]).await;
    fixture.client.expect_text("closing 1001").await;
}

#[tokio::test(start_paused = true)]
async fn a_talking_client_is_not_pinged() {
    let mut fixture = Fixture::new();
    for _ in 0..20 {
        sleep(Duration::from_secs(9)).await;
        fixture.client.send(&text("here")).await;
        fixture.client.expect_text("here").await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_dialect_has_deadlines_too() {
    let (near, far) = duplex(ROOM);
    let now = Clock::system().now().mono;
    let echo = Echo { deadline: Some(Mono(now.0 + Duration::from_secs(3))), ..Echo::default() };
    let mut fixture = Fixture::over(near, far, echo, |_| ());
    let start = Instant::now();
    fixture.client.expect_text("it is 3000").await;
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(fixture.client.frame().await.kind, PING);
}

#[tokio::test(start_paused = true)]
async fn the_hub_closes_with_code_and_reason() {
    let mut fixture = Fixture::new();
    fixture.push_text("before");
    fixture.push_close(CloseReason::Restarting(Duration::from_millis(1500)));
    fixture.push_text("after");
    fixture.client.expect_text("before").await;
    fixture.client.expect_text("closing 1012").await;
    let goodbye = fixture.client.frame().await;
    assert_eq!(goodbye.as_close(), (1012, "restarting; retry after 1500 ms"));
    let start = Instant::now();
    fixture.client.send(&text("late")).await;
    fixture.client.send(&close(1012)).await;
    assert_eq!(fixture.client.next().await, None);
    assert_eq!(start.elapsed(), Duration::ZERO, "the client's answer ends it at once");
    assert_eq!(fixture.echo.heard.load(Relaxed), 0, "nothing is heard after the close");
    assert!(matches!(fixture.ended().await, CloseReason::Restarting(_)));
}

#[tokio::test(start_paused = true)]
async fn the_dialect_closes() {
    let mut fixture = Fixture::new();
    fixture.client.send(&[text("one"), text("bye"), text("two")].concat()).await;
    fixture.client.expect_text("one").await;
    fixture.client.expect_text("closing 4410").await;
    assert_eq!(fixture.client.closed().await, 4410);
    assert_eq!(fixture.ended().await, CloseReason::Ended);
}

#[tokio::test(start_paused = true)]
async fn the_clients_close_is_answered() {
    let mut fixture = Fixture::new();
    fixture.client.send(&[text("last"), close(4321), text("late")].concat()).await;
    fixture.client.expect_text("last").await;
    assert_eq!(fixture.client.closed().await, 4321);
    assert_eq!(fixture.echo.heard.load(Relaxed), 1);
    assert_eq!(fixture.ended().await, CloseReason::Bye);
}

#[tokio::test(start_paused = true)]
async fn an_empty_close_is_answered_with_one() {
    let mut fixture = Fixture::new();
    fixture.client.send(&frame(FINAL | CLOSE, b"")).await;
    let answer = fixture.client.frame().await;
    assert_eq!((answer.kind, answer.payload.len()), (CLOSE, 0));
    assert_eq!(fixture.ended().await, CloseReason::Bye);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_is_noticed() {
    let mut fixture = Fixture::new();
    fixture.client.send(&text("half")[..5]).await;
    let (nowhere, _) = duplex(1);
    fixture.client = Client(nowhere);
    assert_eq!(fixture.ended().await, CloseReason::Bye);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_connection_only() {
    let mut fixture = Fixture::new();
    fixture.client.send(&text("panic")).await;
    fixture.client.expect_text("closing 1011").await;
    assert_eq!(fixture.client.closed().await, 1011);
    assert_eq!(fixture.ended().await, CloseReason::Internal);
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_is_not_silence() {
    let mut fixture = Fixture::with(16, |_| ());
    fixture.push_text(&"x".repeat(400));
    let mut bytes = [0; 16];
    for _ in 0..25 {
        sleep(Duration::from_secs(9)).await;
        tokio::io::AsyncReadExt::read_exact(&mut fixture.client.0, &mut bytes).await.unwrap();
    }
    assert!(!fixture.served.is_finished());
    let ended = timeout(Duration::from_secs(20), fixture.ended()).await;
    assert_eq!(ended.unwrap(), CloseReason::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_close_reaches_a_connection_that_is_stuck() {
    let fixture = Fixture::with(16, |_| ());
    fixture.push_text(&"x".repeat(4000));
    settle().await;
    for _ in 0..50 {
        fixture.push_text("waits");
    }
    fixture.push_close(CloseReason::TooSlow);
    let start = Instant::now();
    assert_eq!(fixture.ended().await, CloseReason::TooSlow);
    assert_eq!(start.elapsed().as_secs(), 1);
}
