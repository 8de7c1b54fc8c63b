//! Socket.IO over Engine.IO end to end: a whole hub on ports of its own with a clock that the test moves, and clients that write every byte.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod attachments;
mod entering;
mod heartbeats;
mod limits;
mod polled;
mod polling;
mod raw;
mod together;
mod upgrade;

#[path = "../native/hub.rs"]
mod hub;
