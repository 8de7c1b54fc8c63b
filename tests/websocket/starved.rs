//! Attack 24 in earnest: a server in a process of its own that may open very few files.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use presence_hub::broker::Clock;
use presence_hub::gateway::http;
use presence_hub::gateway::limits::Limits;
use presence_hub::gateway::origin::Origins;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client::{Client, text};
use crate::server::{PLENTY, ask, handshake, router, within};

/// Set in the child.
const FILES: &str = "PRESENCE_TEST_FILES";

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The server, when this test is run by the other one; nothing otherwise.
#[tokio::test]
async fn child() {
    let Ok(files) = std::env::var(FILES) else { return };
    let files = files.parse().unwrap();
    rlimit::setrlimit(rlimit::Resource::NOFILE, files, files).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Not by the test runner's captured output: the parent reads it.
    writeln!(std::io::stderr(), "port {}", listener.local_addr().unwrap().port()).unwrap();
    let clock = Clock::system();
    let router: Router = router(clock.clone(), Origins::Any);
    let (_run, signal) = watch::channel(false);
    http::serve(listener, router, None, http::Settings::new(clock, Limits::new(PLENTY)), signal).await;
}

#[tokio::test]
async fn attack_24_a_server_without_files_goes_on() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["starved::child", "--exact", "--nocapture"])
        .env(FILES, "64")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let _child = Killed(child);
    let port = lines.find_map(|line| line.unwrap().strip_prefix("port ")?.parse::<u16>().ok()).unwrap();

    let connect = async || TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut first = connect().await;
    assert_eq!(ask(&mut first, &handshake("")).await.status, 101);
    let mut first = Client(first);
    let mut held = Vec::new();
    for _ in 0..120 {
        held.push(connect().await);
    }
    // Those that cannot be served are told, and one that is served already is not disturbed.
    let mut turned_away = 0;
    for stream in held.iter_mut().rev().take(60) {
        let mut head = [0; 12];
        let answer = tokio::time::timeout(Duration::from_millis(500), stream.read_exact(&mut head)).await;
        turned_away += usize::from(answer.is_ok_and(|read| read.is_ok()) && head.ends_with(b"429"));
        first.send(&text("served")).await;
        first.expect_text("served").await;
        if turned_away > 2 {
            break;
        }
    }
    assert!(turned_away > 2, "{turned_away} were turned away");

    drop(held);
    within(async {
        loop {
            let mut stream = connect().await;
            drop(stream.write_all(handshake("").as_bytes()).await);
            let mut head = [0; 12];
            if stream.read_exact(&mut head).await.is_ok() && head.ends_with(b"101") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
