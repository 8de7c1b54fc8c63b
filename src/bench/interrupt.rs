//! Signals that end a run, so that what it started is ended with it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::BenchError;

/// SIGINT and SIGTERM.
#[derive(Debug)]
pub(super) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// From now on, signals are waited for and no longer end the process by themselves.
    pub(super) fn listen() -> Result<Self, BenchError> {
        let listen = |kind| signal(kind).map_err(BenchError::io("listening for signals"));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Does the work unless a signal arrives first.
    pub(super) async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, BenchError>>,
    ) -> Result<T, BenchError> {
        tokio::select! {
            done = work => done,
            _ = self.interrupt.recv() => Err(BenchError::Interrupted),
            _ = self.terminate.recv() => Err(BenchError::Interrupted),
        }
    }
}
