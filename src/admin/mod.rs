//! What operators see: health, logs, and the admin listener.

mod health;
mod log;
mod server;

pub use health::Health;
pub use log::{Safe, start as start_logs};
pub use server::{Console, router};
