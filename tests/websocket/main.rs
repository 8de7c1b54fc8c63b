//! The shared transports: the WebSocket driver over memory and over sockets, and how they stand abuse.

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
