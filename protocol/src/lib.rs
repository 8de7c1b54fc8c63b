//! Wire types of every dialect presence-hub speaks.
//!
//! `native` is described in `native.md` beside this crate's manifest; `payloads/` holds example payloads that the tests
//! hold the types to. `socketio` reads and writes the packets in which Socket.IO clients speak it.

pub mod native;
mod object;
pub mod socketio;

pub use object::Object;
