//! One try of one post.

use std::fmt;
use std::time::Duration;

use super::format::Rendered;
use crate::broker::Clock;
use crate::egress::{CallError, Caller};

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// There was an answer, and it was not a success.
    Answered(u16),
    /// There was none in time.
    TooLate(Duration),
    /// There was none at all.
    Call(CallError),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "answered {status}"),
            Self::TooLate(timeout) => write!(f, "no answer within {timeout:?}"),
            Self::Call(error) => error.fmt(f),
        }
    }
}

/// A try that is over.
#[derive(Debug)]
pub(super) struct Tried {
    /// The lane whose post it was.
    pub(super) lane: usize,
    /// What made it, for the next.
    pub(super) caller: Caller,
    /// Whether the other side has it; if not, how long it asks to be left alone.
    pub(super) outcome: Result<(), (Why, Option<Duration>)>,
}

/// Posts, and waits for the answer for as long as `timeout` of the hub's time.
pub(super) async fn attempt(
    lane: usize,
    mut caller: Caller,
    rendered: Rendered,
    clock: Clock,
    timeout: Duration,
) -> Tried {
    let answer = tokio::select! {
        answer = caller.post(rendered.headers, rendered.body) => Some(answer),
        () = clock.sleep(timeout) => None,
    };
    let outcome = match answer {
        Some(Ok(answer)) if (200..300).contains(&answer.status) => Ok(()),
        Some(Ok(answer)) => Err((Why::Answered(answer.status), answer.retry_after)),
        Some(Err(error)) => Err((Why::Call(error), None)),
        None => Err((Why::TooLate(timeout), None)),
    };
    Tried { lane, caller, outcome }
}
