//! Bytes in and out of a connection: the stream under every transport, and the queue of frames on their way into it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::limits::Admission;

/// The most pieces that go out in one call.
const PIECES: usize = 64;

/// How much is read in one call, into the stack.
const CHUNK: usize = 8 * 1024;

/// Frames that wait to be written: whole ones, except that the first may have been written in part. Empty, it holds no
/// buffer.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    head: Bytes,
    rest: VecDeque<Bytes>,
    length: usize,
    /// Something was written that the stream may still hold back.
    is_unflushed: bool,
}

impl Pipe {
    /// Queues whole frames.
    pub(super) fn push(&mut self, frames: Bytes) {
        self.length += frames.len();
        if self.head.is_empty() {
            self.head = frames;
        } else if !frames.is_empty() {
            self.rest.push_back(frames);
        }
    }

    /// Queues what was rendered, and leaves the buffer to be filled again.
    pub(super) fn push_rendered(&mut self, out: &mut BytesMut) {
        if !out.is_empty() {
            self.push(out.split().freeze());
        }
    }

    /// How many bytes wait.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether everything is out.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0 && !self.is_unflushed
    }

    /// Writes as much as the stream takes, all of it in one call if it can. Ready once everything is out.
    pub(super) fn poll_send<S>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + Unpin,
    {
        while self.length > 0 {
            let written = ready!(self.poll_write(stream, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.is_unflushed = true;
            self.advance(written);
        }
        if self.is_unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<S>(&self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        S: AsyncWrite + Unpin,
    {
        if self.rest.is_empty() {
            return Pin::new(stream).poll_write(cx, &self.head);
        }
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        for (piece, frames) in pieces.iter_mut().zip(std::iter::once(&self.head).chain(&self.rest)) {
            *piece = IoSlice::new(frames);
            count += 1;
        }
        Pin::new(stream).poll_write_vectored(cx, &pieces[..count])
    }

    fn advance(&mut self, mut written: usize) {
        self.length -= written;
        while written >= self.head.len() {
            written -= self.head.len();
            match self.rest.pop_front() {
                Some(next) => self.head = next,
                None => {
                    self.head = Bytes::new();
                    self.rest = VecDeque::new();
                    return;
                }
            }
        }
        self.head.advance(written);
    }
}

/// Reads what there is and hands it to `take`; 0 bytes are the end of the stream.
pub(super) fn poll_read<S, T>(
    stream: &mut S,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>>
where
    S: AsyncRead + Unpin,
{
    let mut space = [MaybeUninit::uninit(); CHUNK];
    let mut chunk = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(cx, &mut chunk))?;
    Poll::Ready(Ok(take(chunk.filled())))
}

/// An accepted connection, with or without TLS. It keeps its place among the counted ones until it is dropped.
#[derive(Debug)]
pub struct Socket {
    layers: Layers,
    _admission: Option<Arc<Admission>>,
}

#[derive(Debug)]
enum Layers {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// A connection in the clear.
    #[must_use]
    pub fn plain(stream: TcpStream, admission: Option<Arc<Admission>>) -> Self {
        Self { layers: Layers::Plain(stream), _admission: admission }
    }

    /// A connection under TLS.
    #[must_use]
    pub fn tls(stream: TlsStream<TcpStream>, admission: Option<Arc<Admission>>) -> Self {
        Self { layers: Layers::Tls(Box::new(stream)), _admission: admission }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.layers {
            Layers::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Layers::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.layers {
            Layers::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Layers::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layers {
            Layers::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Layers::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layers {
            Layers::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Layers::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.layers {
            Layers::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Layers::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.layers {
            Layers::Plain(stream) => stream.is_write_vectored(),
            Layers::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, duplex};

    #[tokio::test]
    async fn a_pipe_of_many_pieces_arrives_whole_and_leaves_no_buffer() {
        let (mut near, mut far) = duplex(100);
        let mut pipe = Pipe::default();
        let mut expected = Vec::new();
        for piece in 0..200 {
            let frames = Bytes::from(vec![piece; usize::from(piece % 9)]);
            expected.extend_from_slice(&frames);
            pipe.push(frames);
        }
        assert_eq!(pipe.length(), expected.len());
        let mut arrived = vec![0; expected.len()];
        let send = std::future::poll_fn(|cx| pipe.poll_send(&mut near, cx));
        let (sent, received) = tokio::join!(send, far.read_exact(&mut arrived));
        sent.unwrap();
        received.unwrap();
        assert_eq!(arrived, expected);
        assert!(pipe.is_empty());
        assert_eq!(pipe.rest.capacity(), 0);
    }
}
