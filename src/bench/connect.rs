//! Opens connections from many source addresses, so that ports do not run out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::error::BenchError;
use super::transport::Transport;

/// A connection gets this long to be accepted and upgraded.
const PATIENCE: Duration = Duration::from_secs(30);
/// 127.0.0.2 to 127.0.0.9 take turns.
const SOURCES: usize = 8;
/// An answer to a handshake that is longer is none.
const LONGEST_ANSWER: usize = 16 * 1_024;

/// Where a hub listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    at: SocketAddr,
}

impl Address {
    /// From `ws://HOST:PORT`, `http://HOST:PORT` or `HOST:PORT`, with or without a path.
    pub(super) fn parse(url: &str) -> Result<Self, BenchError> {
        let refuse = || BenchError::Option(format!("{url:?} is not of the form ws://HOST:PORT"));
        let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
        let host = rest.split('/').next().unwrap_or_default();
        let mut found = host.to_socket_addrs().map_err(|_| refuse())?;
        let at = found.next().ok_or_else(refuse)?;
        Ok(Self { host: host.to_owned(), at })
    }
}

/// Opens the connection for one seat; what the hub sent right behind its handshake comes along.
pub(super) async fn open(
    address: &Address,
    seat: usize,
    request_target: &str,
    transport: Transport,
) -> Result<(TcpStream, Vec<u8>), BenchError> {
    let stalled =
        || BenchError::Stalled { what: format!("the handshake of connection {seat}"), patience: PATIENCE };
    let opened = async {
        match transport {
            Transport::WebSocket => handshake(address, seat, request_target).await,
            Transport::Http => request(address, seat, request_target).await,
        }
    };
    timeout(PATIENCE, opened).await.map_err(|_| stalled())?
}

/// A connection with a first request under way.
async fn request(
    address: &Address,
    seat: usize,
    request_target: &str,
) -> Result<(TcpStream, Vec<u8>), BenchError> {
    let failed = || BenchError::io(format!("connection {seat}"));
    let mut stream = dial(address.at, seat).await.map_err(failed())?;
    let mut request = Vec::new();
    Transport::Http.put(request_target, &mut request);
    stream.write_all(&request).await.map_err(failed())?;
    Ok((stream, Vec::new()))
}

async fn handshake(
    address: &Address,
    seat: usize,
    request_target: &str,
) -> Result<(TcpStream, Vec<u8>), BenchError> {
    let mut stream = dial(address.at, seat).await.map_err(BenchError::io(format!("connection {seat}")))?;
    let request = format!(
        "GET {request_target} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cHJlc2VuY2UtaHViIGJlbg==\r\n\r\n",
        address.host,
    );
    let failed = || BenchError::io(format!("the handshake of connection {seat}"));
    stream.write_all(request.as_bytes()).await.map_err(failed())?;
    let mut answer = Vec::with_capacity(1_024);
    let end = loop {
        if let Some(at) = memmem::find(&answer, b"\r\n\r\n") {
            break at + 4;
        }
        let read = stream.read_buf(&mut answer).await.map_err(failed())?;
        if read == 0 || answer.len() > LONGEST_ANSWER {
            break answer.len();
        }
    };
    let begun = answer.split_off(end);
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        let answer = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        return Err(BenchError::Handshake { seat, answer });
    }
    Ok((stream, begun))
}

async fn dial(at: SocketAddr, seat: usize) -> std::io::Result<TcpStream> {
    let stream = match at.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((source(seat), 0)))?;
            socket.connect(at).await?
        }
        IpAddr::V4(_) | IpAddr::V6(_) => TcpStream::connect(at).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn source(seat: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 2 + (seat % SOURCES) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_with_and_without_scheme_and_path() {
        let want =
            Address { host: "127.0.0.1:8080".to_owned(), at: SocketAddr::from(([127, 0, 0, 1], 8080)) };
        for url in
            ["ws://127.0.0.1:8080", "ws://127.0.0.1:8080/ws", "http://127.0.0.1:8080", "127.0.0.1:8080"]
        {
            assert_eq!(Address::parse(url).unwrap(), want);
        }
        for url in ["", "ws://", "ws://127.0.0.1", "wss://127.0.0.1:8080"] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn sources_take_turns() {
        assert_eq!([0, 7, 8].map(source), [2, 9, 2].map(|last| Ipv4Addr::new(127, 0, 0, last)));
    }
}
