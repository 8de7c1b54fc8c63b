//! The broker in process, with a manual clock and a wire form made for reading: what viewers are sent, and in what chain.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod documents;
mod feed;
mod kit;
#[path = "../engine/late.rs"]
mod late;
mod others;
mod own;
mod pace;
mod rights;
mod slow;
mod spaces;
mod streams;
