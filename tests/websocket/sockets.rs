//! The HTTP server and the handshake on real sockets, and the attacks on them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use presence_hub::broker::Clock;
use presence_hub::gateway::http;
use presence_hub::gateway::limits::{Caps, Limits};
use presence_hub::gateway::listener::Accept;
use presence_hub::gateway::origin::Origins;
use presence_hub::gateway::peer::Proxies;
use rustls::server::ResolvesServerCertUsingSni;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client::{Client, PING, close, text};
use crate::server::{PLENTY, Server, ask, eventually, handshake, read, router, within};

/// Whether the other side has closed, with or without a reset.
async fn is_over(stream: &mut TcpStream) -> bool {
    within(async { matches!(stream.read(&mut [0; 256]).await, Ok(0) | Err(_)) }).await
}

#[tokio::test]
async fn a_handshake_leads_to_messages() {
    let server = Server::new().await;
    let mut stream = server.connect().await;
    let request = [handshake("").into_bytes(), text("at once")].concat();
    stream.write_all(&request).await.unwrap();
    let answer = ask(&mut stream, "").await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    let mut client = Client(stream);
    client.expect_text("at once").await;
    client.send(&close(1000)).await;
    assert_eq!(client.closed().await, 1000);
    eventually(|| server.limits.open() == 0).await;
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let server = Server::new().await;
    let good = handshake("");
    for (request, status) in [
        (good.clone(), 101),
        (good.replace("GET", "POST"), 405),
        (good.replace("HTTP/1.1", "HTTP/1.0"), 400),
        (good.replace("Upgrade: WebSocket\r\n", ""), 426),
        (good.replace("Upgrade: WebSocket", "Upgrade: h2c"), 426),
        (good.replace("keep-alive, Upgrade", "keep-alive"), 400),
        (good.replace("Version: 13", "Version: 12"), 426),
        (good.replace("Sec-WebSocket-Version: 13\r\n", ""), 426),
        (good.replace("Sec-WebSocket-Key", "X-Key"), 400),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "not in base64 at all!!!!"), 400),
        (handshake("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
        (handshake(&format!("X-Long: {}\r\n", "x".repeat(100_000))), 431),
        (handshake(&"X-Many: x\r\n".repeat(60)), 431),
        ("GARBAGE\r\n\r\n".to_owned(), 400),
    ] {
        let (answer, _) = within(server.ask(&request)).await;
        assert_eq!(answer.status, status, "{request}");
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
    }
}

#[tokio::test]
async fn attack_1_foreign_pages_are_refused() {
    let listed = Origins::new(&["https://good.example", "http://dev.example:3000"]).unwrap();
    let listed = Server::start(PLENTY, listed, |_| ()).await;
    let same = Server::start(PLENTY, Origins::default(), |_| ()).await;
    for (origin, by_list, by_host) in [
        ("https://good.example", 101, 403),
        ("https://good.example:443", 101, 403),
        ("HTTPS://GOOD.example", 101, 403),
        ("http://good.example", 403, 403),
        ("https://good.example:8443", 403, 403),
        ("https://good.example.evil.test", 403, 403),
        ("https://evil-good.example", 403, 403),
        ("https://good.example@evil.test", 403, 403),
        ("http://dev.example:3000", 101, 403),
        ("http://dev.example", 403, 403),
        ("null", 403, 403),
        ("", 403, 403),
        ("https://hub.example", 101, 101),
        ("http://hub.example:80", 101, 101),
        ("https://hub.example:8443", 403, 403),
        ("https://good.example/", 403, 403),
        ("https://good.example, https://evil.test", 403, 403),
        ("https://good.example\r\nOrigin: https://evil.test", 403, 403),
        ("*", 403, 403),
    ] {
        let request = handshake(&format!("Origin: {origin}\r\nCookie: session=stolen\r\n"));
        assert_eq!(listed.ask(&request).await.0.status, by_list, "{origin}, listed");
        assert_eq!(same.ask(&request).await.0.status, by_host, "{origin}, same");
    }
    assert_eq!(listed.ask(&handshake("")).await.0.status, 101, "a program has no origin");
    let any = Server::start(PLENTY, Origins::new(&["*"]).unwrap(), |_| ()).await;
    assert_eq!(any.ask(&handshake("Origin: null\r\n")).await.0.status, 101);
    assert!(Origins::new(&["good.example"]).is_err());
}

#[tokio::test]
async fn attack_12_half_open_handshakes_are_gone_at_the_deadline() {
    let server = Server::new().await;
    let half = handshake("");
    let mut held = Vec::new();
    for n in 0..1000 {
        let mut stream = server.connect().await;
        stream.write_all(&half.as_bytes()[..n % (half.len() - 1)]).await.unwrap();
        held.push(stream);
    }
    eventually(|| read(&server.tally.accepted) == 1000).await;
    let mut client = server.open().await;
    server.hand.advance(Duration::from_millis(4999));
    client.send(&text("served")).await;
    client.expect_text("served").await;
    assert_eq!(server.limits.open(), 1001);

    // They are not given more time for sending a little now and then.
    for stream in &mut held {
        stream.write_all(b"x").await.unwrap();
    }
    server.hand.advance(Duration::from_millis(1));
    for stream in &mut held {
        assert!(is_over(stream).await);
    }
    eventually(|| server.limits.open() == 1).await;
    assert_eq!(read(&server.tally.late), 1000);
    client.send(&text("still served")).await;
    client.expect_text("still served").await;
    server.open().await;
}

#[tokio::test]
async fn attack_12_tls_is_within_the_deadline() {
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (clock, hand) = Clock::manual();
    let settings = http::Settings::new(clock.clone(), Limits::new(PLENTY));
    let tally = Arc::clone(&settings.tally);
    let (_run, signal) = watch::channel(false);
    let router = router(clock, Origins::Any);
    tokio::spawn(http::serve(listener, router, Some(Arc::new(config)), settings, signal));

    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(handshake("").as_bytes()).await.unwrap();
    within(async { while !matches!(plain.read(&mut [0; 64]).await, Ok(0) | Err(_)) {} }).await;
    eventually(|| read(&tally.accepted) == 2 && read(&tally.tls_errors) == 1).await;
    hand.advance(Duration::from_secs(5));
    assert!(is_over(&mut silent).await);
    assert_eq!(read(&tally.late), 1);
}

#[tokio::test]
async fn attack_23_connections_are_counted() {
    let server = Server::with(Caps { total: 3, ..PLENTY }, |_| ()).await;
    let kept = [server.open().await, server.open().await, server.open().await];
    let (answer, mut stream) = server.ask(&handshake("")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert_eq!(answer.header("connection"), Some("close"));
    let mut body = String::new();
    within(stream.read_to_string(&mut body)).await.unwrap();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let told = serde_json::json!({"status": 429, "error": true, "message": "too many connections"});
    assert_eq!(body, told);
    drop(kept);
    eventually(|| server.limits.open() == 0).await;
    server.open().await;
    assert_eq!(read(&server.tally.refused), 1);
}

#[tokio::test]
async fn attack_23_refusing_takes_little() {
    let server = Server::with(Caps { total: 1, ..PLENTY }, |_| ()).await;
    let _kept = server.open().await;
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.push(server.connect().await);
    }
    eventually(|| read(&server.tally.refused) == 200).await;
    let mut dropped = 0;
    for stream in &mut flood {
        let waits = tokio::time::timeout(Duration::from_millis(5), stream.read_u8()).await;
        dropped += usize::from(waits.is_ok());
    }
    assert_eq!(dropped, 200 - 64, "the others have until the deadline to ask and be refused politely");
}

#[tokio::test]
async fn attack_23_forwarded_addresses_are_counted_if_a_trusted_proxy_says_so() {
    let caps = Caps { per_address: 2, ..PLENTY };
    let trusted = Server::with(caps, |settings| {
        settings.proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    })
    .await;
    let from = |address: &str| handshake(&format!("X-Forwarded-For: 203.0.113.250, {address}\r\n"));
    let kept = [trusted.ask(&from("198.51.100.1")).await, trusted.ask(&from("198.51.100.1")).await];
    assert!(kept.iter().all(|(answer, _)| answer.status == 101));
    let (answer, _) = trusted.ask(&from("198.51.100.1")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert_eq!(trusted.ask(&from("198.51.100.2")).await.0.status, 101);
    assert_eq!(trusted.ask(&from("2001:db8::1")).await.0.status, 101);
}

#[tokio::test]
async fn attack_23_forged_addresses_are_not_believed() {
    let server = Server::new().await;
    let request = "GET /peer HTTP/1.1\r\nHost: hub.example\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
    let (answer, mut stream) = server.ask(request).await;
    let mut body = [0; 9];
    within(stream.read_exact(&mut body)).await.unwrap();
    assert_eq!((answer.status, &body), (200, b"127.0.0.1"));
}

#[tokio::test]
async fn attack_40_the_unauthenticated_have_a_share() {
    let server = Server::with(Caps { unauthenticated: 2, ..PLENTY }, |_| ()).await;
    let authenticated = handshake("X-Authenticated: yes\r\n");
    let mut kept = Vec::new();
    for _ in 0..10 {
        let (answer, stream) = server.ask(&authenticated).await;
        assert_eq!(answer.status, 101);
        kept.push(stream);
    }
    let strangers = [server.open().await, server.open().await];
    assert_eq!(server.ask(&authenticated).await.0.status, 429);
    drop(strangers);
    eventually(|| server.limits.unauthenticated() == 0).await;
    assert_eq!(server.ask(&authenticated).await.0.status, 101);
}

/// Out of file descriptors, more often than not.
struct Starved {
    listener: TcpListener,
    turn: u32,
}

impl Accept for Starved {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        // EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO
        let errors = [24, 23, 105, 12, 103, 71];
        self.turn += 1;
        match errors.get(self.turn as usize % 9) {
            Some(error) => Err(io::Error::from_raw_os_error(*error)),
            None => self.listener.accept().await,
        }
    }
}

#[tokio::test]
async fn attack_24_accepting_survives_every_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (clock, hand) = Clock::manual();
    let settings = http::Settings::new(clock.clone(), Limits::new(PLENTY));
    let tally = Arc::clone(&settings.tally);
    let (_run, signal) = watch::channel(false);
    let starved = Starved { listener, turn: 0 };
    let router = router(clock, Origins::Any);
    tokio::spawn(http::serve(starved, router, None, settings, signal));
    // Between two failures the listener rests, which takes until the clock moves.
    let moving = tokio::spawn(async move {
        loop {
            hand.advance(Duration::from_millis(10));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut served = 0;
    for _ in 0..10 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(handshake("").as_bytes()).await.unwrap();
        let mut head = [0; 12];
        if within(stream.read_exact(&mut head)).await.is_ok() {
            assert!(head.ends_with(b"101") || head.ends_with(b"429"), "{head:?}");
            served += usize::from(head.ends_with(b"101"));
        }
    }
    moving.abort();
    assert!(served >= 2, "{served} of 10 were served");
    assert!(read(&tally.accept_errors) >= 10);
}

#[tokio::test]
async fn who_is_refused_before_its_body_is_read_hears_it_and_stays() {
    let server = Server::new().await;
    let mut stream = server.connect().await;
    let head = "POST /peer HTTP/1.1\r\nHost: hub.example\r\nContent-Length: 200000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The answer to somebody who asked later shows that the hub has had its turn.
    assert_eq!(server.ask("GET /peer HTTP/1.1\r\nHost: hub.example\r\n\r\n").await.0.status, 200);
    assert_eq!(ask(&mut stream, &"x".repeat(200_000)).await.status, 405);
    assert_eq!(ask(&mut stream, "GET /peer HTTP/1.1\r\nHost: hub.example\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn who_is_refused_and_never_sends_its_body_hears_it_at_the_deadline() {
    let server = Server::new().await;
    let mut stream = server.connect().await;
    let head = "POST /peer HTTP/1.1\r\nHost: hub.example\r\nContent-Length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let moved = async {
        loop {
            server.hand.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let answer = tokio::select! {
        answer = within(ask(&mut stream, "")) => answer,
        () = moved => unreachable!(),
    };
    assert_eq!(answer.status, 405);
    assert!(is_over(&mut stream).await);
}

#[tokio::test]
async fn a_hub_that_drains_lets_idle_connections_go_and_answers_once_more_on_others() {
    let server = Server::new().await;
    let peer = "GET /peer HTTP/1.1\r\nHost: hub.example\r\n\r\n";
    let (answer, mut idle) = server.ask(peer).await;
    assert_eq!(answer.header("connection"), None);
    let mut open = server.open().await;
    server.limits.drain();
    let moments = async {
        loop {
            server.hand.advance(Duration::from_millis(100));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = within(async { while idle.read_u8().await.is_ok() {} }) => {}
        () = moments => unreachable!(),
    }
    let (answer, mut last) = server.ask(peer).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    within(async { while last.read_u8().await.is_ok() {} }).await;
    eventually(|| server.limits.open() == 1).await;
    open.send(&text("still here")).await;
    open.expect_text("still here").await;
}

#[tokio::test]
async fn requests_under_way_are_finished_and_new_ones_are_not_taken() {
    let server = Server::new().await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /peer HTTP/1.1\r\nHost: hub.example\r\n\r\n").await.unwrap();
    assert!(!is_over(&mut idle).await);
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: hub.example\r\n\r\n").await.unwrap();
    let mut open = server.open().await;
    eventually(|| read(&server.tally.accepted) == 3).await;
    server.shutdown.send_replace(true);
    assert!(is_over(&mut idle).await);
    within(async { while TcpStream::connect(server.address).await.is_ok() {} }).await;
    assert!(!server.served.is_finished(), "a request is under way");
    server.hand.advance(Duration::from_secs(10));
    assert!(is_over(&mut slow).await);
    within(server.served).await.unwrap();
    // Sessions end when the broker says so.
    assert_eq!(open.frame().await.kind, PING);
    open.send(&text("still here")).await;
    open.expect_text("still here").await;
}
