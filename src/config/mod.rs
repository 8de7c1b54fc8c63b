//! Configuration: one schema for TOML, environment and flags, read twice: what was written, then what is true.

mod checked;
mod cisco;
mod error;
mod outgoing;
mod print;
mod pusher;
mod schema;
mod sources;
mod tls;
mod value;

#[cfg(test)]
mod tests;

pub use checked::{
    Admin, AppConfig, Config, Drain, Http, Limits, Log, LogFormat, Presence, SocketIo, TopicRule,
};
pub use cisco::{AppUser, Cisco, CiscoApp, EndUsers};
pub use error::ConfigError;
pub use outgoing::{Egress, WebhookConfig, WebhookFormat, Webhooks};
pub use print::{manual, print};
pub use pusher::Pusher;
pub use sources::{ConfigArgs, Loaded, environment};
pub use tls::Tls;
