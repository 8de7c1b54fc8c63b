//! Wire types of every dialect presence-hub speaks.
//!
//! `native` is described in `native.md` beside this crate's manifest; `payloads/` holds example payloads that the tests
//! hold the types to.

pub mod native;
mod object;

pub use object::Object;
