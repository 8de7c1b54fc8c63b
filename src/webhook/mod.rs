//! Outgoing webhooks: what changes in an app's topics, told to its backends in order, signed, and again until they have it.

mod asides;
mod counts;
mod courier;
mod deliver;
mod endpoint;
mod format;
mod hold;
mod hook;
mod hooks;
mod hub;
mod letters;
mod pusher;
mod queue;
mod rest;

pub use courier::State;
pub use endpoint::{Batch, Endpoint, Settings, TopicFilter};
pub use format::{Format, Post, Rendered};
pub use hook::{ClientEvent, Hook, Matter, What};
pub use hooks::{Couriers, Hooks};
pub use hub::Hub;
pub use letters::Letter;
pub use pusher::Pusher;
pub use queue::{Bounds, Queued};
pub use rest::routes;
