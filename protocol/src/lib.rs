//! Wire types of every dialect presence-hub speaks.
//!
//! Each dialect is described in a page of its name beside this crate's manifest; `payloads/` holds example payloads that the tests
//! hold the types to. `socketio` reads and writes the packets in which Socket.IO clients speak the native dialect; `xml` is what the
//! Cisco dialect is written in.

pub mod native;
mod object;
pub mod pusher;
pub mod socketio;
pub mod xml;

pub use object::Object;
