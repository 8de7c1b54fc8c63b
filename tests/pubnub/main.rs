//! PubNub end to end: a whole hub on a port of its own with a clock that the test moves, spoken to by plain HTTP.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod backend;
mod bounds;
mod client;
mod closing;
mod delivery;
mod granted;
mod groups;
mod guarded;
mod hub;
mod mixed;
mod modes;
mod presence;
mod rights;
mod shapes;
mod stopping;
