//! Posts that do not arrive: retries, what a failure is, what is given up and what becomes of it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::kit::{Kit, hub, kit, pusher, tape};
use super::receiver::{Got, Mode, Receiver, SECRET};

/// Lets the tries of one lane fail until the hub's clock has moved so far. The longest wait between two is a minute.
async fn fail_for(kit: &Kit, receiver: &Receiver, seconds: u64) {
    let mut left = seconds;
    for tries in 1.. {
        receiver.wait(tries).await;
        if left == 0 {
            return;
        }
        kit.counted("hub_webhook_posts_failed_total", tries as u64).await;
        kit.seconds(left.min(60)).await;
        left = left.saturating_sub(60);
    }
}

#[tokio::test]
async fn five_minutes_of_outage_lose_nothing_and_no_order() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    kit.settings.lanes = 1;
    let _post = kit.post(vec![hub(&receiver)]).await;
    receiver.set(Mode::Fail(500));
    let (alice, bob) = (kit.open("alice").await, kit.open("bob").await);
    kit.enter(alice, "lobby", 1).await;
    kit.enter(bob, "lobby", 1).await;
    kit.leave(alice, "lobby").await;
    fail_for(&kit, &receiver, 295).await;
    kit.counted("hub_webhook_posts_failed_total", 6).await;
    receiver.set(Mode::Take);
    kit.seconds(5).await;
    let events = receiver.events(4).await;
    assert_eq!(
        tape(&events),
        ["occupied lobby", "joined lobby alice", "joined lobby bob", "left lobby alice"]
    );
    let got = receiver.got();
    assert!(got.iter().all(Got::is_right), "each try is signed anew, for its own time");
    let first: Vec<_> = got.iter().filter(|got| got.json()["events"][0]["seq"] == 1).collect();
    let ids: BTreeSet<_> = first.iter().map(|got| got.header("webhook-id")).collect();
    let times: BTreeSet<_> = first.iter().map(|got| got.json()["time_ms"].as_u64()).collect();
    let signatures: BTreeSet<_> = first.iter().map(|got| got.header("webhook-signature")).collect();
    assert_eq!((ids.len(), times.len(), signatures.len()), (1, first.len(), first.len()));
}

/// Pusher's libraries look at the time in the body, and refuse one that is more than five minutes off.
#[tokio::test]
async fn what_is_taken_late_in_pushers_format_has_the_time_of_its_try() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    kit.settings.lanes = 1;
    let _post = kit.post(vec![pusher(&receiver)]).await;
    receiver.set(Mode::Fail(500));
    let alice = kit.open("alice").await;
    kit.enter(alice, "presence-lobby", 1).await;
    fail_for(&kit, &receiver, 295).await;
    kit.counted("hub_webhook_posts_failed_total", 6).await;
    receiver.set(Mode::Take);
    kit.seconds(5).await;
    receiver.wait(8).await;
    let got = receiver.got();
    assert!(got.iter().all(Got::is_right_for_pusher), "each try is signed anew, for its own time");
    let names: Vec<_> = got.iter().map(|got| got.json()["events"][0]["name"].clone()).collect();
    assert_eq!(names[..7], vec![json!("channel_occupied"); 7]);
    assert_eq!(names[7..], [json!("member_added")]);
    assert!(got[6].at - got[0].at >= 295 && got[6].is_taken, "it is taken late in its time");
}

#[tokio::test]
async fn what_fails_for_longer_is_given_up_kept_and_told_and_can_be_sent_again() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    kit.settings.lanes = 1;
    kit.settings.letters = 1;
    let post = kit.post(vec![hub(&receiver)]).await;
    receiver.set(Mode::Fail(500));
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    fail_for(&kit, &receiver, 300).await;
    kit.counted("hub_webhook_given_up_total", 1).await;
    let state = post.hooks.states().await.remove(0);
    assert_eq!((state.given_up, state.letters.len(), state.waiting), (1, 1, 1));
    assert_eq!((state.letters[0].queued.seq, state.letters[0].why.as_str()), (1, "answered 500"));
    assert_eq!(state.letters[0].tries, 6);
    assert_eq!(state.failing.as_deref(), Some("answered 500"));
    receiver.set(Mode::Take);
    kit.seconds(60).await;
    assert_eq!(tape(&receiver.events(1).await), ["joined lobby alice"]);
    assert_eq!(receiver.taken()[0].json()["lost"], 1, "the receiver is told that something is missing");
    assert_eq!(post.hooks.again("apps.0.webhooks.0").await, Some(1));
    assert_eq!(receiver.events(2).await[1]["seq"], 1);
    assert_eq!(post.hooks.again("apps.0.webhooks.7").await, None);
    assert!(post.hooks.states().await[0].letters.is_empty());
}

#[tokio::test]
async fn everything_but_a_success_is_a_failure() {
    for mode in [
        Mode::Fail(400),
        Mode::Fail(404),
        Mode::Fail(410),
        Mode::Fail(500),
        Mode::Redirect,
        Mode::Hang,
        Mode::Busy(1),
    ] {
        let mut kit = kit();
        kit.settings.timeout = Duration::from_secs(3);
        let receiver = kit.receiver().await;
        receiver.script(&[mode]);
        let _post = kit.post(vec![hub(&receiver)]).await;
        let alice = kit.open("alice").await;
        kit.enter(alice, "lobby", 1).await;
        receiver.wait(1).await;
        if mode == Mode::Hang {
            kit.advance(Duration::from_millis(2_999)).await;
            kit.counted("hub_webhook_posts_failed_total", 0).await;
            kit.advance(Duration::from_millis(1)).await;
        }
        kit.counted("hub_webhook_posts_failed_total", 1).await;
        kit.seconds(2).await;
        assert_eq!(tape(&receiver.events(2).await), ["occupied lobby", "joined lobby alice"], "{mode:?}");
        assert!(receiver.got().iter().all(|got| got.path == "/hooks"), "redirects are not followed");
    }
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    receiver.script(&[Mode::Busy(30)]);
    let _post = kit.post(vec![hub(&receiver)]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    receiver.wait(1).await;
    kit.counted("hub_webhook_posts_failed_total", 1).await;
    kit.seconds(29).await;
    assert_eq!(receiver.got().len(), 1);
    kit.seconds(1).await;
    receiver.events(2).await;
}

#[tokio::test]
async fn an_answer_that_is_no_http_and_a_door_that_is_shut_are_failures() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let garbage = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut read = [0; 64];
        socket.read_exact(&mut read).await.unwrap();
        socket.write_all(b"\x00\xff not HTTP at all\r\n\r\n").await.unwrap();
    });
    let mut endpoint = hub(&receiver);
    endpoint.target = super::kit::loopback().target(&format!("http://{address}/hooks")).unwrap();
    let post = kit.post(vec![endpoint]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    kit.counted("hub_webhook_posts_failed_total", 1).await;
    garbage.await.unwrap();
    let failing = post.hooks.states().await.remove(0).failing;
    assert_eq!(failing.as_deref(), Some("the connection broke, or the answer was not HTTP"));
    kit.seconds(1).await;
    kit.counted("hub_webhook_posts_failed_total", 2).await;
    assert_eq!(post.hooks.states().await.remove(0).failing.as_deref(), Some("no connection"));
}

#[tokio::test]
async fn beyond_the_bound_the_oldest_make_room() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    kit.settings.lanes = 1;
    kit.settings.queue.hooks = 3;
    kit.settings.timeout = Duration::from_secs(3);
    let post = kit.post(vec![hub(&receiver)]).await;
    receiver.script(&[Mode::Hang]);
    let alice = kit.open("alice").await;
    kit.enter(alice, "a", 1).await;
    receiver.wait(1).await;
    for topic in ["b", "c", "d"] {
        kit.enter(alice, topic, 1).await;
    }
    kit.counted("hub_webhook_given_up_total", 4).await;
    kit.seconds(3).await;
    kit.counted("hub_webhook_posts_failed_total", 1).await;
    kit.seconds(1).await;
    let events = receiver.events(4).await;
    assert_eq!(tape(&events), ["occupied a", "joined c alice", "occupied d", "joined d alice"]);
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].clone()).collect();
    assert_eq!(seqs, [json!(1), json!(6), json!(7), json!(8)], "the gap is in the numbers");
    let state = post.hooks.states().await.remove(0);
    assert!(state.letters.iter().all(|letter| letter.tries == 0 && letter.why.starts_with("no room")));
    assert_eq!((state.letters.len(), receiver.taken()[1].json()["lost"].as_u64()), (4, Some(4)));
}

/// A place to log to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs everything that this thread says, for as long as the guard is kept.
fn logging() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn an_endpoint_that_fails_now_and_then_is_logged_no_more_than_once_a_minute() {
    let (log, _guard) = logging();
    let mut kit = kit();
    kit.settings.retry_for = Duration::ZERO;
    let receiver = kit.receiver().await;
    receiver.script(&[Mode::Fail(500), Mode::Take].repeat(5));
    let _post = kit.post(vec![hub(&receiver)]).await;
    let alice = kit.open("alice").await;
    for value in 0..9 {
        kit.enter(alice, "lobby", value).await;
    }
    kit.counted("hub_webhook_delivered_total", 5).await;
    let lines = |what: &str| {
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(what)).count()
    };
    // What other tests say at the same time may keep a line from this log, but adds none.
    assert!(lines("a webhook fails") <= 1 && lines("a webhook works again") <= 1);
    kit.seconds(60).await;
    receiver.script(&[Mode::Fail(500), Mode::Take]);
    kit.enter(alice, "lobby", 10).await;
    kit.enter(alice, "lobby", 11).await;
    kit.counted("hub_webhook_delivered_total", 6).await;
    assert!(lines("a webhook fails") <= 2 && lines("a webhook works again") <= 2);
}

#[tokio::test]
async fn no_secret_and_no_content_is_logged_at_any_level() {
    let (log, _guard) = logging();
    let mut kit = kit();
    kit.settings.retry_for = Duration::ZERO;
    kit.settings.queue.hooks = 1;
    let receiver = kit.receiver().await;
    receiver.script(&[Mode::Fail(500)]);
    let mut endpoint = hub(&receiver);
    endpoint.authorization = Some("Bearer do-not-log".parse().unwrap());
    endpoint.authorization.as_mut().unwrap().set_sensitive(true);
    let post = kit.post(vec![endpoint]).await;
    let alice = kit.open("do-not-log").await;
    kit.enter(alice, "do-not-log", 1).await;
    kit.enter(alice, "do-not-log", 2).await;
    kit.counted("hub_webhook_given_up_total", 3).await;
    post.couriers.stop().await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let own = text.lines().filter(|line| line.contains("presence_hub::webhook") || line.contains("reqwest"));
    let own: Vec<_> = own.collect();
    assert!(own.iter().any(|line| line.contains("hooks are given up")), "{text}");
    let secret = own.iter().find(|line| line.contains("do-not-log") || line.contains(SECRET));
    assert_eq!(secret, None);
}
