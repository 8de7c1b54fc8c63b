//! The one place of the bench that reads clocks.
#![expect(clippy::disallowed_methods, reason = "a load generator measures real time")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Real time since a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts at zero.
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Nanoseconds since the start.
    pub(super) fn nanos(self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Whole seconds since 1970, for the expiry of tokens.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Waits until `due` on the stopwatch: sleeps while it is far, lets the other tasks run while it is near, because timers
/// tick in milliseconds and a publication that is late is a latency of the bench, not of the hub.
pub(super) async fn wait_until(watch: Stopwatch, due: Duration) {
    const NEAR: Duration = Duration::from_millis(2);
    loop {
        let left = due.saturating_sub(watch.elapsed());
        if left.is_zero() {
            return;
        }
        if left > NEAR {
            tokio::time::sleep(left.saturating_sub(NEAR)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}
