//! Whether a call was taken by whoever was called.

use std::fmt;
use std::time::Duration;

use super::caller::{Answer, CallError};

/// Why a call was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There was an answer, and it was not a success.
    Answered(u16),
    /// There was none within this time.
    TooLate(Duration),
    /// There was none at all.
    Call(CallError),
}

impl Why {
    /// Judges what came of a call, `None` if nothing did within `timeout`: only a status from 200 to 299 is a success. A failure may
    /// come with how long the other side asks to be left alone.
    pub fn judge(
        answer: Option<Result<Answer, CallError>>,
        timeout: Duration,
    ) -> Result<(), (Self, Option<Duration>)> {
        match answer {
            Some(Ok(answer)) if (200..300).contains(&answer.status) => Ok(()),
            Some(Ok(answer)) => Err((Self::Answered(answer.status), answer.retry_after)),
            Some(Err(error)) => Err((Self::Call(error), None)),
            None => Err((Self::TooLate(timeout), None)),
        }
    }
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
