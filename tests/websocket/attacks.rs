//! Clients that mean harm, one connection at a time. The numbers are those of the project's list of attacks.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use presence_hub::broker::{CloseReason, Pushed};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};

use crate::client::{BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, TEXT, close, frame, head, text};
use crate::fixture::{Fixture, ROOM, settle, text_frame};

/// Sends `bytes` and expects to be closed.
async fn refused(bytes: &[u8]) -> u16 {
    let mut fixture = Fixture::with(ROOM, |_| ());
    // What is refused early is not read to its end.
    drop(timeout(Duration::from_millis(10), fixture.client.0.write_all(bytes)).await);
    let said = fixture.client.frame().await;
    let code = fixture.client.closed().await;
    assert_eq!(said.as_text(), format!("closing {code}"));
    assert_eq!(fixture.ended().await.code(), code);
    code
}

#[tokio::test(start_paused = true)]
async fn attack_11_frames_and_messages_are_bounded() {
    assert_eq!(refused(&head(FINAL | TEXT, 1 << 40)).await, 1009);
    assert_eq!(refused(&head(FINAL | TEXT, u64::MAX)).await, 1009);
    assert_eq!(refused(&head(FINAL | BINARY, 64 * 1024 + 1)).await, 1009);
    let pieces = [frame(BINARY, &[0; 40_000]), frame(FINAL | CONTINUATION, &[0; 40_000])].concat();
    assert_eq!(refused(&pieces).await, 1009);
}

#[tokio::test(start_paused = true)]
async fn attack_11_fragments_are_counted() {
    let many = |count| [frame(TEXT, b""), frame(CONTINUATION, b"").repeat(count)].concat();
    assert_eq!(refused(&many(200_000)).await, 1009);
    assert_eq!(refused(&many(128)).await, 1009);

    let mut fixture = Fixture::new();
    for _ in 0..3 {
        fixture.client.send(&many(127)).await;
        fixture.client.send(&frame(FINAL | CONTINUATION, b"end")).await;
        fixture.client.expect_text("end").await;
    }
}

#[tokio::test(start_paused = true)]
async fn attack_13_a_slow_reader_is_bounded_and_alone() {
    let mut fixtures: Vec<_> = (0..10).map(|_| Fixture::with(4096, |_| ())).collect();
    let mut slow = fixtures.remove(0);
    let payload = "x".repeat(1000);
    let (mut queued, mut last) = (0, Pushed::Queued);
    while last != Pushed::Full {
        last = slow.outbox.push(presence_hub::broker::Item::Frame(text_frame(&payload)));
        queued += 1;
        for other in &mut fixtures {
            other.push_text(&payload);
            other.client.expect_text(&payload).await;
        }
        assert!(queued < 1000, "the queue is not bounded");
    }
    slow.push_close(CloseReason::TooSlow);
    let start = Instant::now();
    slow.client.expect_text(&payload).await;
    assert_eq!(slow.ended().await, CloseReason::TooSlow);
    assert!(start.elapsed() <= Duration::from_secs(1));
    for other in &mut fixtures {
        other.push_text("still here");
        other.client.expect_text("still here").await;
    }
}

#[tokio::test(start_paused = true)]
async fn attack_14_control_frames_are_counted() {
    let payload = [7; 125];
    for flood in [frame(FINAL | PING, &payload), frame(FINAL | PONG, &payload)] {
        assert_eq!(refused(&flood.repeat(21)).await, 1008);
    }
    let mut fixture = Fixture::new();
    for _ in 0..10 {
        fixture.client.send(&frame(FINAL | PING, b"").repeat(20)).await;
        for _ in 0..20 {
            assert_eq!(fixture.client.frame().await.kind, PONG);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn attack_14_who_does_not_read_is_not_read() {
    const PIPE: usize = 4096;
    for flood in [frame(FINAL | PING, &[7; 125]), text(&"x".repeat(120))] {
        let mut fixture = Fixture::with(PIPE, |settings| settings.control_frames = 0);
        let start = Instant::now();
        let mut taken = 0;
        // The hub stops reading, so the flood comes to stand.
        let rest = |taken: usize| &flood[taken % flood.len()..];
        while let Ok(Ok(written)) = timeout(Duration::from_secs(1), fixture.client.0.write(rest(taken))).await
        {
            taken += written;
            settle().await;
        }
        // One pipe full of answers, one chunk that is answered, and one pipe full that nobody reads.
        assert!(taken <= 2 * PIPE + 8 * 1024, "{taken} bytes were taken");
        assert_eq!(fixture.ended().await, CloseReason::TimedOut);
        assert!(start.elapsed() <= Duration::from_secs(17));
    }
}

#[tokio::test(start_paused = true)]
async fn attack_14_closes_are_answered_once() {
    assert_eq!(refused(&close(1000).repeat(1000)).await, 1008, "a flood of closes is a flood");
    let mut fixture = Fixture::new();
    fixture.client.send(&close(1000).repeat(10)).await;
    assert_eq!(fixture.client.closed().await, 1000);
    assert_eq!(fixture.ended().await, CloseReason::Bye);
}

#[tokio::test(start_paused = true)]
async fn attack_15_compression_is_not_spoken() {
    assert_eq!(refused(&frame(FINAL | 0x40 | TEXT, b"deflated")).await, 1002);
}

#[tokio::test(start_paused = true)]
async fn attack_17_text_is_utf8() {
    for wrong in [&b"\xff"[..], b"ok \xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"] {
        assert_eq!(refused(&frame(FINAL | TEXT, wrong)).await, 1007, "{wrong:x?}");
    }
    let pieces = [frame(TEXT, b"\xe2\x82"), frame(FINAL | CONTINUATION, b"(")].concat();
    assert_eq!(refused(&pieces).await, 1007);
    assert_eq!(refused(&frame(FINAL | CLOSE, b"\x03\xe8\xff")).await, 1007);

    let mut fixture = Fixture::new();
    let pieces = [frame(TEXT, b"\xe2\x82"), frame(FINAL | CONTINUATION, b"\xac")].concat();
    fixture.client.send(&pieces).await;
    fixture.client.expect_text("€").await;
    fixture.client.send(&text("\0\u{202e}")).await;
    fixture.client.expect_text("\0\u{202e}").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_websocket_frame_is_a_protocol_error() {
    let unmasked = [FINAL | TEXT, 2, b'h', b'i'];
    for wrong in [
        &unmasked[..],
        &frame(FINAL | 3, b""),
        &frame(FINAL | 11, b""),
        &frame(FINAL | 0x10 | TEXT, b""),
        &frame(FINAL | CONTINUATION, b""),
        &[frame(TEXT, b""), frame(FINAL | TEXT, b"")].concat(),
        &frame(PING, b""),
        &frame(FINAL | PING, &[0; 126]),
        &frame(FINAL | CLOSE, b"\x03"),
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(refused(wrong).await, 1002, "{:x?}", &wrong[..wrong.len().min(8)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_code_that_may_not_be_sent_is_not_sent_back() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
        let mut fixture = Fixture::new();
        fixture.client.send(&close(code)).await;
        assert_eq!(fixture.client.closed().await, 1002, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_may_go_on_talking_for_a_second() {
    let mut fixture = Fixture::new();
    fixture.client.send(&frame(FINAL | 3, b"")).await;
    fixture.client.expect_text("closing 1002").await;
    assert_eq!(fixture.client.frame().await.as_close().0, 1002);
    let start = Instant::now();
    while fixture.client.0.write_all(&text(&"x".repeat(10_000))).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(start.elapsed() <= Duration::from_millis(1100));
    assert_eq!(fixture.echo.heard.load(Relaxed), 0);
}
