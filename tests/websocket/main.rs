//! The shared transports: the WebSocket driver over memory and over sockets, and how they stand abuse.

#![expect(clippy::disallowed_methods, reason = "paused time is read to see how long something waited")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod attacks;
mod client;
mod driver;
mod echo;
mod fixture;
mod server;
mod size;
mod sockets;
mod starved;
