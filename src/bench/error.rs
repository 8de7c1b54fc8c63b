//! What can stop a measurement, in sentences for the person who started it.

use std::io;
use std::time::Duration;

/// Why a measurement did not finish, or why its figures must not be believed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The refusal.
        source: io::Error,
    },
    /// The scenario needs more open files than this process may have.
    #[error(
        "{wanted} connections need {needed} open files, and the hard limit is {limit}: ask for at most {most}, or raise `ulimit -Hn`"
    )]
    OpenFiles {
        /// Connections asked for.
        wanted: usize,
        /// Open files that takes.
        needed: u64,
        /// The hard limit.
        limit: u64,
        /// Connections that would fit.
        most: u64,
    },
    /// A figure under /proc could not be read or understood.
    #[error("cannot read {path}: is process {pid} running?")]
    Proc {
        /// The file.
        path: String,
        /// The process it is about.
        pid: u32,
    },
    /// An option makes no sense.
    #[error("{0}")]
    Option(String),
    /// A hub of the bench's own did not come up.
    #[error("the hub did not start: {0}")]
    HubStart(String),
    /// The hub did not accept a connection as a WebSocket.
    #[error("connection {seat}: the hub answered the handshake with {answer:?}")]
    Handshake {
        /// Which connection.
        seat: usize,
        /// The first line of the answer.
        answer: String,
    },
    /// The hub said no to something the scenario needs.
    #[error("connection {seat}: the hub refused: {text}")]
    Refused {
        /// Which connection.
        seat: usize,
        /// What the hub sent.
        text: String,
    },
    /// A connection ended while it was needed.
    #[error("connection {seat} ended: {reason}")]
    Closed {
        /// Which connection.
        seat: usize,
        /// The close code and reason, or the failure.
        reason: String,
    },
    /// Nothing that was waited for arrived.
    #[error("gave up after {patience:?} while waiting for {what}")]
    Stalled {
        /// What was waited for.
        what: String,
        /// For how long without progress.
        patience: Duration,
    },
    /// The hub's deliveries and the publications do not add up.
    #[error("{lost} of {expected} deliveries were lost and {repeated} came twice")]
    Lost {
        /// Deliveries that never came.
        lost: u64,
        /// Deliveries that had to come.
        expected: u64,
        /// Deliveries that came again or out of order.
        repeated: u64,
    },
    /// A check of the storm's own result failed.
    #[error("the rosters are not true: {0}")]
    Untrue(String),
    /// A token could not be made.
    #[error("cannot make a token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The report could not be written.
    #[error("cannot write the report: {0}")]
    Report(#[from] serde_json::Error),
    /// The run was ended from outside.
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    /// Wraps an error of the operating system with what was being done; for `map_err`.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
