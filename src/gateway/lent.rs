//! A request's body that is lent to its handler and read to its end for it: whoever is refused before that still hears why.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::{HeaderMap, header};

/// The most bytes that are read for nobody. A client that sends more than that may find its connection closed.
const MOST: usize = 256 * 1024;

/// Where a body that was not read to its end comes back to.
#[derive(Debug, Clone, Default)]
pub(super) struct Home(Arc<Mutex<Option<Incoming>>>);

/// A body that goes home when its handler has done with it.
struct Lent {
    body: Option<Incoming>,
    home: Home,
}

impl Home {
    /// Lends a body to a handler. One that waits to be asked for, or that is not there, is given away.
    pub(super) fn lend(&self, body: Incoming, headers: &HeaderMap) -> Body {
        if body.is_end_stream() || headers.contains_key(header::EXPECT) {
            return Body::new(body);
        }
        Body::new(Lent { body: Some(body), home: self.clone() })
    }

    /// Reads what the handler left, up to a bound. Until then the client is busy sending, and a connection that is closed
    /// under it loses the answer.
    pub(super) async fn drain(&self) {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut body) = left else { return };
        let mut read = 0;
        while read <= MOST
            && let Some(Ok(frame)) = body.frame().await
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
