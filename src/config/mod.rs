//! Configuration: one schema for TOML, environment and flags, read twice: what was written, then what is true.

mod checked;
mod error;
mod outgoing;
mod print;
mod pubnub;
mod pusher;
mod schema;
mod sources;
mod value;

#[cfg(test)]
mod tests;

pub use checked::{
    Admin, AppConfig, Config, Drain, Http, Limits, Log, LogFormat, Presence, SocketIo, Tls, TopicRule,
};
pub use error::ConfigError;
pub use outgoing::{Egress, WebhookConfig, WebhookFormat, Webhooks};
pub use print::{manual, print};
pub use pubnub::{LeaveOnClose, PubNub};
pub use pusher::Pusher;
pub use sources::{ConfigArgs, Loaded, environment};
