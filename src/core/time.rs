//! The two times the core is told: a monotonic one for deadlines and a wall one for stamps.

use std::ops::Add;
use std::time::Duration;

/// Time since the clock was made; never steps back, and is only compared and added to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub Duration);

impl Add<Duration> for Mono {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// The hub's time in ticks of 100 ns since 1970. It may step, so no session's life depends on it; what is kept across
/// nodes, such as an override, ends by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub u64);

impl Wall {
    /// Ticks in a second.
    pub const TICKS_PER_SECOND: u64 = 10_000_000;

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0 / Self::TICKS_PER_SECOND
    }

    /// Whole milliseconds since 1970.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0 / 10_000
    }
}

/// What the broker's clock says as it hands a command to the core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub mono: Mono,
    /// For stamps.
    pub wall: Wall,
}
