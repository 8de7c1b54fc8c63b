//! What operators see: health, logs, and the admin listener.

mod explain;
mod health;
mod log;
pub mod panics;
mod server;

pub use health::Health;
pub use log::{Safe, start as start_logs};
pub(crate) use server::readiness;
pub use server::{Console, router};
