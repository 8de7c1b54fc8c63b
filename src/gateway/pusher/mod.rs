//! Pusher Channels: its WebSocket protocol and its HTTP API, as `protocol/pusher.md` describes them.

mod arrival;
mod asked;
mod call;
mod channels;
mod dialect;
mod encode;
pub mod fault;
mod hooks;
mod message;
mod names;
mod payload;
mod queries;
mod replays;
mod rest;
mod resume;
mod sign;
mod signature;
mod tenant;
mod translate;
mod trigger;
mod users;
mod visit;

pub use dialect::{Pusher, Shared};
pub use encode::{Encoder, Form};
pub use hooks::{ClientEvent, Hooks};
pub use rest::router;
pub use tenant::{Tenant, Tenants};
