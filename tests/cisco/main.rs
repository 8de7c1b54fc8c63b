//! The Cisco dialect over REST, in process, with a clock that the test moves.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod client;
mod dialects;
mod ending;
mod endpoints;
mod errors;
mod fence;
mod hangup;
mod hub;
mod listeners;
mod operators;
mod overload;
mod person;
mod presence;
mod race;
mod receiver;
mod sessions;
mod signed_in;
mod subscriptions;
