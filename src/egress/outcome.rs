//! Whether a call was taken by whoever was called.

use std::fmt;
use std::time::Duration;

use super::caller::{Answered, CallError};

/// How long the body of an answer is waited for, whose status has come. A caller that drops it needs a new connection for the next call.
pub const PATIENCE: Duration = Duration::from_secs(1);

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
    /// Judges what came of a call, `None` if nothing did within `timeout`: only a status from 200 to 299 is a success, whatever becomes of
    /// the body, for which `patience` is the time. A failure may come with how long the other side asks to be left alone.
    ///
    /// # Errors
    /// The call was not taken.
    pub async fn judge(
        answered: Option<Result<Answered, CallError>>,
        timeout: Duration,
        patience: impl Future<Output = ()>,
    ) -> Result<(), (Self, Option<Duration>)> {
        match answered {
            Some(Ok(answered)) => match answered.finish(patience).await {
                answer if (200..300).contains(&answer.status) => Ok(()),
                answer => Err((Self::Answered(answer.status), answer.retry_after)),
            },
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
