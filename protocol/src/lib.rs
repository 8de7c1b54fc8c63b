//! Wire types of every dialect presence-hub speaks.
//!
//! Each dialect is described in a page of its name beside this crate's manifest; `payloads/` holds example payloads that the tests
//! hold the types to.

pub mod native;
mod object;
pub mod pusher;

pub use object::Object;
