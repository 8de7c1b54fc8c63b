//! The native dialect: the events of Avaya-Spaces-style clients, as `protocol/native.md` describes them.

mod asked;
mod channels;
mod dialect;
mod dialin;
mod encode;
mod engineio;
pub mod fault;
pub mod framing;
mod message;
mod payload;
mod presence;
mod rest;
mod socketio;
mod speak;
mod translate;
mod visit;

use super::pace;

pub use dialect::{Arrival, Native, Shared};
pub use encode::{Encoder, roster};
pub use engineio::{Gate, Lines};
pub use rest::router;
