//! Connections of backends, which are kept for the next request, and those of strangers, which are not.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::backend::Request;
use super::hub::Hub;

/// Sends a request and reads the head of the answer and as much of the body as came with it; nothing, if the hub has closed.
async fn ask(stream: &mut TcpStream, target: &str) -> String {
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Type: application/json\r\n\r\n"
    );
    if stream.write_all(request.as_bytes()).await.is_err() {
        return String::new();
    }
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn a_backend_may_rest_between_requests() {
    let hub = Hub::start(&[]).await;
    let mut stream = TcpStream::connect(hub.address).await.unwrap();
    for rest in [65, 65, 119] {
        let target = Request::new("GET", "/apps/1/channels", "").target(&hub);
        let answer = ask(&mut stream, &target).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        hub.advance(Duration::from_secs(rest)).await;
    }
    hub.advance(Duration::from_secs(10)).await;
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0, "not for ever");
}

#[tokio::test]
async fn a_stranger_may_not() {
    let hub = Hub::start(&[]).await;
    for target in ["/livez", "/apps/1/channels"] {
        let mut stream = TcpStream::connect(hub.address).await.unwrap();
        assert!(ask(&mut stream, target).await.starts_with("HTTP/1.1 "));
        hub.advance(Duration::from_secs(5)).await;
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0, "{target}");
    }
}

/// Libraries write a request's head and its body one after the other, and look for the answer only then.
#[tokio::test]
async fn a_refusal_waits_for_the_body() {
    let hub = Hub::start(&[]).await;
    let mut wrong = Request::new("POST", "/apps/1/events", "{}");
    wrong.secret = "wrong".to_owned();
    let mut stream = TcpStream::connect(hub.address).await.unwrap();
    for _ in 0..3 {
        let head = format!("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", wrong.target(&hub));
        stream.write_all(head.as_bytes()).await.unwrap();
        // Others are served meanwhile, so that the hub has seen the head.
        for _ in 0..2 {
            assert_eq!(Request::new("GET", "/apps/1/channels", "").send(&hub).await.status, 200);
        }
        stream.write_all(b"{}").await.expect("the hub still listens");
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_ever() {
    let hub = Hub::start(&[]).await;
    let head = "POST /apps/1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n";
    for sent in [0, 100_000] {
        let mut stream = TcpStream::connect(hub.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; sent]).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = loop {
            tokio::select! {
                length = stream.read(&mut answer) => break length.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(1)) => hub.advance(Duration::from_millis(100)).await,
            }
        };
        assert!(answer[..length].starts_with(b"HTTP/1.1 401"), "{sent}");
    }
}
