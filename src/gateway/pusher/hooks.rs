//! What only this dialect knows and somebody outside may want to hear of: the way out for webhooks.

use std::fmt;

use crate::broker::AppSlot;
use crate::core::TopicName;

/// A client's own event, as it was sent to the others.
#[derive(Debug, Clone, Copy)]
pub struct ClientEvent<'a> {
    /// Where.
    pub channel: &'a TopicName,
    /// Its name.
    pub event: &'a str,
    /// Its data, as the others see it.
    pub data: &'a str,
    /// The connection that sent it.
    pub socket_id: &'a str,
    /// Who sent it, on a presence channel.
    pub user_id: Option<&'a str>,
}

/// Hears of what no change of the roster tells. Called from the connections' tasks: it must not wait.
pub trait Hooks: Send + Sync + fmt::Debug {
    /// A client sent an event.
    fn client_event(&self, app: AppSlot, event: &ClientEvent<'_>);

    /// Somebody subscribed to a cache channel that keeps no event. Told once for several who do so one after the other.
    fn cache_miss(&self, app: AppSlot, channel: &TopicName);
}
