//! Accepts connections, and goes on accepting when the machine runs out of file descriptors or buffers.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use futures::FutureExt;
use tokio::net::{TcpListener, TcpStream};

use crate::broker::Clock;

/// How long a listener rests when the machine is out of something.
const REST: Duration = Duration::from_millis(50);

/// What a client is told for which there is no room, as for one connection too many: before its request is read, and libraries of
/// one dialect break on an error of the server.
const BUSY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\n\
    Retry-After: 5\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n\
    {\"status\":429,\"error\":true,\"message\":\"too many connections\"}";

/// Where connections come from.
pub trait Accept: Send {
    /// The next connection. Giving up waiting loses none.
    fn accept(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    fn accept(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        Self::accept(self)
    }
}

/// A listener that never fails.
#[derive(Debug)]
pub(super) struct Listener<A> {
    accept: A,
    clock: Clock,
    /// A file descriptor kept for the moment when there are no others.
    reserve: Option<File>,
}

impl<A: Accept> Listener<A> {
    pub(super) fn new(accept: A, clock: Clock) -> Self {
        Self { accept, clock, reserve: reserve() }
    }

    /// The next connection; `failed` is told of every failure on the way there.
    pub(super) async fn next(&mut self, failed: impl Fn(&io::Error)) -> (TcpStream, SocketAddr) {
        loop {
            match self.accept.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    failed(&error);
                    if !is_clients_own(&error) {
                        self.turn_one_away();
                        self.clock.sleep(REST).await;
                    }
                }
            }
        }
    }

    /// Spends the reserve on telling one client that it is not welcome now, instead of leaving it in the dark.
    fn turn_one_away(&mut self) {
        drop(self.reserve.take());
        if let Some(Ok((stream, _))) = self.accept.accept().now_or_never()
            && let Ok(mut stream) = stream.into_std()
        {
            // If the client cannot even be told, it is just closed.
            drop(stream.write(BUSY));
        }
        self.reserve = reserve();
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Whether only the connection that would have been next is concerned.
fn is_clients_own(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_turned_away_is_told_as_much_as_is_announced() {
        let (head, body) = std::str::from_utf8(BUSY).unwrap().split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("\r\nContent-Length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], 429);
    }
}
