//! The hub's only clock: the machine's, or one that a test moves by hand.

#![expect(clippy::disallowed_methods, reason = "this file is the one place that reads a clock")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::core::{Mono, Now, Wall};

/// Tells the time and waits for it. Cheap to clone; all clones tell the same time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { start: Instant },
    Manual(Arc<watch::Sender<Passed>>),
}

/// What a manual clock shows.
#[derive(Debug, Clone, Copy)]
struct Passed {
    /// Since it was made.
    mono: Duration,
    /// Since 1970.
    wall: Duration,
}

/// Moves a manual clock.
#[derive(Debug, Clone)]
pub struct Hand(Arc<watch::Sender<Passed>>);

/// Where a manual clock's wall time starts: 2026-01-01.
const MANUAL_START: Duration = Duration::from_secs(1_767_225_600);

impl Clock {
    /// The machine's clock. Its monotonic side is tokio's, so a test can also pause it.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System { start: Instant::now() })
    }

    /// A clock that stands still until its hand moves it.
    #[must_use]
    pub fn manual() -> (Self, Hand) {
        let time = Arc::new(watch::Sender::new(Passed { mono: Duration::ZERO, wall: MANUAL_START }));
        (Self(Source::Manual(Arc::clone(&time))), Hand(time))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Now {
        match &self.0 {
            Source::System { start } => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Now { mono: Mono(start.elapsed()), wall: Wall(ticks(wall)) }
            }
            Source::Manual(time) => {
                let Passed { mono, wall } = *time.borrow();
                Now { mono: Mono(mono), wall: Wall(ticks(wall)) }
            }
        }
    }

    /// Waits until the time has come; `None` waits for ever.
    pub async fn sleep_until(&self, at: Option<Mono>) {
        let Some(at) = at else { return std::future::pending().await };
        match &self.0 {
            Source::System { start } => tokio::time::sleep_until(*start + at.0).await,
            Source::Manual(time) => {
                let mut time = time.subscribe();
                if time.wait_for(|now| now.mono >= at.0).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Waits for a span.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(Some(self.now().mono + span)).await;
    }
}

impl Hand {
    /// Moves the clock on, and wakes whoever waited for a time that has come.
    pub fn advance(&self, span: Duration) {
        self.0.send_modify(|time| {
            time.mono += span;
            time.wall += span;
        });
    }

    /// Sets the wall side of the clock back, as an operator may do with that of a machine; the monotonic side stays.
    pub fn set_back(&self, span: Duration) {
        self.0.send_modify(|time| time.wall = time.wall.saturating_sub(span));
    }

    /// Sets the wall side on, as it is after a machine has slept.
    pub fn set_on(&self, span: Duration) {
        self.0.send_modify(|time| time.wall += span);
    }
}

/// The time as it is for records and for forgetting them: where the wall side is set back, it goes on with the monotonic one.
#[derive(Debug)]
pub(super) struct Steady(Now);

impl Steady {
    /// From this time on.
    pub(super) fn new(now: Now) -> Self {
        Self(now)
    }

    /// What the time is, if the clock says so.
    pub(super) fn at(&mut self, now: Now) -> Now {
        let passed = now.mono.0.saturating_sub(self.0.mono.0);
        let wall = Wall(self.0.wall.0.saturating_add(ticks(passed)));
        self.0 = Now { wall: wall.max(now.wall), ..now };
        self.0
    }
}

fn ticks(span: Duration) -> u64 {
    u64::try_from(span.as_nanos() / 100).unwrap_or(u64::MAX)
}
