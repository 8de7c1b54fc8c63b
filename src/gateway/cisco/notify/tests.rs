//! Calls on loopback, to an endpoint that does as it is told, on a clock that is moved by hand.

use std::collections::VecDeque;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State as Held;
use axum::http::{HeaderMap as Headers, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use uuid::Uuid;

use super::*;
use crate::broker::Hand;
use crate::egress::System;

/// The most calls under way at once.
const CALLS: usize = 96;
const PATIENCE: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3_600);

/// What an endpoint does with a call.
#[derive(Debug, Clone, Copy)]
enum Mode {
    Answer(u16),
    /// 503 and a wish to be left alone for so many seconds.
    Busy(u64),
    Redirect,
    /// No answer until it is released.
    Hang,
}

#[derive(Debug, Clone)]
struct Got {
    method: Method,
    target: String,
    headers: Headers,
}

#[derive(Debug)]
struct Desk {
    /// For the next calls; then 200.
    script: Mutex<VecDeque<Mode>>,
    got: watch::Sender<Vec<Got>>,
    answered: watch::Sender<usize>,
    release: Semaphore,
}

#[derive(Debug, Clone)]
struct Receiver {
    address: SocketAddr,
    desk: Arc<Desk>,
}

async fn receive(Held(desk): Held<Arc<Desk>>, method: Method, uri: Uri, headers: Headers) -> Response {
    let mode = desk.script.lock().unwrap().pop_front().unwrap_or(Mode::Answer(200));
    desk.got.send_modify(|got| got.push(Got { method, target: uri.to_string(), headers }));
    let answer = match mode {
        Mode::Answer(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mode::Busy(seconds) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Mode::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response(),
        Mode::Hang => {
            desk.release.acquire().await.unwrap().forget();
            "late".into_response()
        }
    };
    desk.answered.send_modify(|answered| *answered += 1);
    answer
}

impl Receiver {
    async fn start(script: &[Mode]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            script: Mutex::new(script.iter().copied().collect()),
            got: watch::Sender::default(),
            answered: watch::Sender::default(),
            release: Semaphore::new(0),
        });
        let routes = Router::new().fallback(receive).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, desk }
    }

    async fn wait(&self, calls: usize) -> Vec<Got> {
        let mut got = self.desk.got.subscribe();
        let waited = tokio::time::timeout(PATIENCE, got.wait_for(|got| got.len() >= calls)).await;
        waited.expect("waited in vain").unwrap().clone()
    }

    fn count(&self) -> usize {
        self.desk.got.borrow().len()
    }
}

fn loopback() -> Rules {
    Rules { allow: vec!["127.0.0.0/8".parse().unwrap()], is_public: false, is_plain: true, ports: None }
}

struct Kit {
    calls: Calls,
    hand: Hand,
    overloaded: watch::Sender<bool>,
    metrics: Metrics,
}

fn terms() -> Terms {
    let secrets = ["first-secret", "second-secret"].map(SecretString::from);
    // The clock leaps; only a test of lateness lets a call be late.
    Terms { retry: true, retry_longest: Duration::from_secs(8), ..Terms::new(HOUR, &secrets) }
}

fn kit(terms: Terms) -> Kit {
    kit_with(terms, Arc::new(System), CALLS)
}

fn kit_with(terms: Terms, resolver: Arc<dyn Resolve>, calls: usize) -> Kit {
    let (clock, hand) = Clock::manual();
    let overloaded = watch::Sender::new(false);
    let metrics = Metrics::new();
    let settings = Settings {
        clock,
        metrics: metrics.clone(),
        rules: Arc::new(loopback()),
        resolver,
        terms: vec![terms; 2],
        calls,
        overloaded: overloaded.subscribe(),
        gone: mpsc::channel(8).0,
    };
    Kit { calls: Calls::new(settings), hand, overloaded, metrics }
}

const PLACE: Place = Place { user: 0, subscription: 7 };

fn summons(url: &str, place: Place) -> Summons {
    let target = loopback().target(url).unwrap();
    let by = Registered { user: place.user, endpoint: 1, nth: 0 };
    Summons { place, app: AppSlot(0), by, target, webhook_id: Uuid::from_u128(42) }
}

impl Kit {
    fn notify(&self, receiver: &Receiver) {
        self.calls.notify(summons(&format!("http://{}/pws", receiver.address), PLACE));
    }

    /// Waits until so many tries are over, taken or not, and whoever made them has gone on.
    async fn tried(&self, tries: u64, failed: u64) {
        let lines = [
            format!("hub_cisco_callbacks_total {tries}"),
            format!("hub_cisco_callbacks_failed_total {failed}"),
        ];
        let wait = async {
            while !lines.iter().all(|line| self.metrics.text().lines().any(|known| known == line)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{lines:?}: {}", self.metrics.text()));
        self.settle().await;
    }

    /// Gives whoever can go on many turns to do so.
    async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    async fn seconds(&self, seconds: u64) {
        self.hand.advance(Duration::from_secs(seconds));
        self.settle().await;
    }
}

#[tokio::test]
async fn a_callback_has_two_parameters_and_its_signatures_bind_them() {
    let receiver = Receiver::start(&[]).await;
    let kit = kit(terms());
    kit.notify(&receiver);
    let got = receiver.wait(1).await;
    assert_eq!(
        (got[0].method.as_str(), got[0].target.as_str()),
        ("GET", "/pws?id=7&eventType=PRESENCE_NOTIFICATION")
    );
    let header = |name: &str| got[0].headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("webhook-id"), Uuid::from_u128(42).to_string());
    let digest = hex::encode(Sha256::digest("/pws?id=7&eventType=PRESENCE_NOTIFICATION"));
    let text = format!("{}.{}.{digest}", header("webhook-id"), header("webhook-timestamp"));
    let signatures = header("webhook-signature");
    let signatures: Vec<_> = signatures.split(' ').collect();
    assert_eq!(signatures.len(), 2);
    for (signature, secret) in signatures.iter().zip(["first-secret", "second-secret"]) {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        let given = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        assert!(mac.verify_slice(&given).is_ok(), "{secret}");
    }
    kit.tried(1, 0).await;
    kit.seconds(600).await;
    assert_eq!(receiver.count(), 1, "what was taken is not repeated");
}

#[tokio::test]
async fn a_query_of_the_endpoints_own_comes_first() {
    let receiver = Receiver::start(&[]).await;
    let kit = kit(terms());
    kit.calls.notify(summons(&format!("http://{}/p%20ws?a=1&b=%2F#part", receiver.address), PLACE));
    kit.calls.notify(summons(&format!("http://{}?", receiver.address), Place { subscription: 8, ..PLACE }));
    let mut targets: Vec<_> = receiver.wait(2).await.into_iter().map(|got| got.target).collect();
    targets.sort();
    let expected =
        ["/?id=8&eventType=PRESENCE_NOTIFICATION", "/p%20ws?a=1&b=%2F&id=7&eventType=PRESENCE_NOTIFICATION"];
    assert_eq!(targets, expected);
}

#[tokio::test]
async fn a_callback_is_repeated_with_its_id_until_it_is_taken() {
    let receiver = Receiver::start(&[Mode::Answer(500), Mode::Redirect, Mode::Answer(404)]).await;
    let kit = kit(terms());
    kit.notify(&receiver);
    for tries in 1..=3 {
        kit.tried(tries, tries).await;
        assert_eq!(receiver.count() as u64, tries);
        kit.seconds(4).await;
    }
    kit.tried(4, 3).await;
    kit.seconds(600).await;
    let got = receiver.wait(4).await;
    assert_eq!(got.len(), 4, "redirects are not followed");
    let id = &got[0].headers["webhook-id"];
    assert!(got.iter().all(|got| got.headers["webhook-id"] == id && got.target.starts_with("/pws?")));
    let stamps: Vec<_> = got.iter().map(|got| got.headers["webhook-timestamp"].clone()).collect();
    assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
}

#[tokio::test]
async fn a_fetch_ends_the_tries_and_so_does_the_time_that_is_allowed() {
    let receiver = Receiver::start(&[Mode::Answer(500); 1_000]).await;
    let kit = kit(Terms { retry_for: Some(HOUR * 2), ..terms() });
    kit.notify(&receiver);
    kit.tried(1, 1).await;
    kit.calls.settle(PLACE);
    kit.seconds(600).await;
    assert_eq!(receiver.count(), 1);

    kit.notify(&receiver);
    kit.tried(2, 2).await;
    kit.hand.advance(HOUR * 3);
    kit.tried(3, 3).await;
    kit.hand.advance(HOUR * 3);
    kit.settle().await;
    assert_eq!(receiver.count(), 3, "one more try at the end, and none later");

    kit.calls.stop();
    kit.notify(&receiver);
    kit.settle().await;
    assert_eq!((receiver.count(), kit.calls.open()), (3, 0));
}

#[tokio::test]
async fn without_such_a_time_only_the_service_ends_the_tries() {
    let receiver = Receiver::start(&[Mode::Answer(500); 3]).await;
    let kit = kit(terms());
    kit.notify(&receiver);
    for tries in 1..=3 {
        kit.tried(tries, tries).await;
        kit.hand.advance(HOUR * 24);
    }
    kit.tried(4, 3).await;
}

#[tokio::test]
async fn a_callback_takes_the_place_of_the_one_before() {
    let receiver = Receiver::start(&[Mode::Answer(500), Mode::Answer(500)]).await;
    let kit = kit(terms());
    kit.notify(&receiver);
    kit.tried(1, 1).await;
    kit.notify(&receiver);
    kit.tried(2, 2).await;
    kit.seconds(2).await;
    kit.tried(3, 2).await;
    kit.seconds(600).await;
    assert_eq!((receiver.count(), kit.calls.open()), (3, 1));
}

#[tokio::test]
async fn strictly_one_is_all_and_gone_is_gone() {
    let receiver = Receiver::start(&[Mode::Answer(500), Mode::Answer(410)]).await;
    let strict = kit(Terms { retry: false, ..terms() });
    strict.notify(&receiver);
    strict.tried(1, 1).await;
    strict.seconds(600).await;
    let patient = kit(terms());
    patient.notify(&receiver);
    patient.tried(1, 1).await;
    patient.seconds(600).await;
    assert_eq!(receiver.count(), 2);
}

#[tokio::test]
async fn whoever_asks_is_left_alone() {
    let receiver = Receiver::start(&[Mode::Busy(30)]).await;
    let kit = kit(terms());
    kit.notify(&receiver);
    kit.tried(1, 1).await;
    kit.seconds(29).await;
    assert_eq!(receiver.count(), 1);
    kit.seconds(1).await;
    kit.tried(2, 1).await;
}

#[tokio::test]
async fn a_fetch_within_the_callback_does_not_break_it_off() {
    let receiver = Receiver::start(&[Mode::Hang]).await;
    let kit = kit(terms());
    kit.notify(&receiver);
    receiver.wait(1).await;
    kit.calls.settle(PLACE);
    kit.settle().await;
    receiver.desk.release.add_permits(1);
    kit.tried(1, 0).await;
    assert_eq!(*receiver.desk.answered.borrow(), 1);
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_given_up_and_tried_again() {
    let receiver = Receiver::start(&[Mode::Hang]).await;
    let kit = kit(Terms { timeout: Duration::from_secs(3), ..terms() });
    kit.notify(&receiver);
    receiver.wait(1).await;
    kit.seconds(3).await;
    kit.tried(1, 1).await;
    kit.seconds(1).await;
    kit.tried(2, 1).await;
}

#[tokio::test]
async fn an_origin_that_hangs_does_not_take_everybodys_turn() {
    let (hanging, quick) = (Receiver::start(&[Mode::Hang; 40]).await, Receiver::start(&[]).await);
    let kit = kit(terms());
    for subscription in 1..=40 {
        let place = Place { user: 0, subscription };
        kit.calls.notify(summons(&format!("http://{}/p{subscription}", hanging.address), place));
    }
    hanging.wait(CALLS_PER_ORIGIN).await;
    kit.notify(&quick);
    quick.wait(1).await;
    assert_eq!(hanging.count(), CALLS_PER_ORIGIN);
    hanging.desk.release.add_permits(40);
    hanging.wait(40).await;
}

#[tokio::test]
async fn an_app_whose_endpoints_hang_leaves_others_their_turn() {
    let kit = kit(Terms { calls: 64, ..terms() });
    let mut hanging = Vec::new();
    for number in 0..3 {
        let receiver = Receiver::start(&[Mode::Hang; 40]).await;
        for subscription in 1..=40 {
            let place = Place { user: number, subscription };
            kit.calls.notify(summons(&format!("http://{}/", receiver.address), place));
        }
        hanging.push(receiver);
    }
    hanging[0].wait(CALLS_PER_ORIGIN).await;
    hanging[1].wait(CALLS_PER_ORIGIN).await;
    let quick = Receiver::start(&[]).await;
    let place = Place { user: 3, subscription: 1 };
    let other = Summons { app: AppSlot(1), ..summons(&format!("http://{}/", quick.address), place) };
    kit.calls.notify(other);
    quick.wait(1).await;
    assert_eq!(hanging.iter().map(Receiver::count).sum::<usize>(), 64);
}

#[tokio::test]
async fn nobody_is_called_while_the_hub_has_too_much_to_do() {
    let receiver = Receiver::start(&[Mode::Answer(500)]).await;
    let kit = kit(terms());
    kit.notify(&receiver);
    kit.tried(1, 1).await;
    kit.overloaded.send_replace(true);
    kit.seconds(60).await;
    assert_eq!(receiver.count(), 1);
    kit.overloaded.send_replace(false);
    kit.tried(2, 1).await;
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_called_whatever_its_name_said_before() {
    /// Says first what is allowed, and then what is not.
    #[derive(Debug, Default)]
    struct Fickle(Mutex<usize>);
    impl Resolve for Fickle {
        fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<std::net::IpAddr>>> {
            let mut asked = self.0.lock().unwrap();
            *asked += 1;
            let address = if *asked == 1 { [127, 0, 0, 1] } else { [169, 254, 169, 254] };
            Box::pin(std::future::ready(Ok(vec![address.into()])))
        }
    }
    let receiver = Receiver::start(&[]).await;
    let (clock, _hand) = Clock::manual();
    let metrics = Metrics::new();
    let calls = Calls::new(Settings {
        clock,
        metrics: metrics.clone(),
        rules: Arc::new(loopback()),
        resolver: Arc::new(Fickle::default()),
        terms: vec![Terms { retry: false, ..terms() }],
        calls: 1,
        overloaded: watch::Sender::new(false).subscribe(),
        gone: mpsc::channel(8).0,
    });
    let kit = Kit { calls, hand: Clock::manual().1, overloaded: watch::Sender::default(), metrics };
    let url = format!("http://endpoint.example:{}/", receiver.address.port());
    kit.calls.notify(summons(&url, PLACE));
    kit.tried(1, 0).await;
    kit.calls.notify(summons(&url, PLACE));
    kit.tried(2, 1).await;
    assert_eq!(receiver.count(), 1);
}

/// Finds an address that may not be called, once it may find something.
#[derive(Debug)]
struct Slow {
    may: Arc<Semaphore>,
    asked: std::sync::atomic::AtomicUsize,
}

impl Slow {
    fn new() -> Arc<Self> {
        Arc::new(Self { may: Arc::new(Semaphore::new(0)), asked: std::sync::atomic::AtomicUsize::new(0) })
    }
}

impl Resolve for Slow {
    fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<std::net::IpAddr>>> {
        self.asked.fetch_add(1, Relaxed);
        let may = Arc::clone(&self.may);
        Box::pin(async move {
            may.acquire().await.unwrap().forget();
            Ok(vec![[169, 254, 169, 254].into()])
        })
    }
}

#[tokio::test]
async fn a_registration_looks_its_name_up_in_a_turn_and_waits_three_seconds() {
    let slow = Slow::new();
    let kit = kit_with(terms(), Arc::clone(&slow) as Arc<dyn Resolve>, 2);
    let judge =
        |app, url: String| tokio::spawn(kit.calls.judge(AppSlot(app), loopback().target(&url).unwrap()));
    let judged: Vec<_> = (0..5).map(|name| judge(0, format!("http://{name}.example/"))).collect();
    kit.settle().await;
    assert_eq!(slow.asked.load(Relaxed), 2, "others wait for their turn");
    assert_eq!(judge(0, "http://127.0.0.1/".to_owned()).await.unwrap(), Ok(()), "nothing is to be found");
    kit.seconds(3).await;
    for judged in judged {
        assert_eq!(judged.await.unwrap(), Ok(()), "what is not known by then each call finds out");
    }
    assert_eq!(slow.asked.load(Relaxed), 2, "nobody waits who has been answered");
    let late = judge(1, "http://late.example/".to_owned());
    kit.settle().await;
    assert_eq!(slow.asked.load(Relaxed), 2, "the threads that look up are still busy");
    slow.may.add_permits(3);
    assert!(matches!(late.await.unwrap(), Err(Refused::Address(_))));
}

#[tokio::test]
async fn a_name_that_is_slow_to_resolve_keeps_its_turn_until_it_is() {
    let (receiver, slow) = (Receiver::start(&[]).await, Slow::new());
    let terms = Terms { timeout: Duration::from_secs(3), retry: false, ..terms() };
    let kit = kit_with(terms, Arc::clone(&slow) as Arc<dyn Resolve>, 1);
    kit.calls.notify(summons("http://slow.example/", Place { subscription: 8, ..PLACE }));
    kit.settle().await;
    kit.seconds(3).await;
    kit.tried(1, 1).await;
    kit.notify(&receiver);
    kit.settle().await;
    assert_eq!(receiver.count(), 0, "the thread that looks it up is still busy");
    slow.may.add_permits(1);
    receiver.wait(1).await;
}
