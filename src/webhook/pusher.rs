//! Pusher's format and what Pusher means by it: which topics are channels, which of them have members, and what is told of each.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::format::{Format, Post, Rendered, json};
use super::hook::{Hook, Matter, What};
use super::queue::Queued;
use crate::core::TopicName;
use crate::egress::Signer;

/// The longest name of a channel, in bytes.
const CHANNEL_BYTES: usize = 200;

/// Pusher's format.
#[derive(Debug)]
pub struct Pusher {
    key: Box<str>,
    signer: Signer,
}

impl Pusher {
    /// For an endpoint, with its key and secret.
    #[must_use]
    pub fn new(key: &str, secret: &SecretString) -> Self {
        Self { key: key.into(), signer: Signer::plain(secret.expose_secret()) }
    }

    /// What a hook is called; `None` for what Pusher does not know.
    #[must_use]
    pub fn name(what: What) -> Option<&'static str> {
        match what {
            What::Occupied => Some("channel_occupied"),
            What::Vacated => Some("channel_vacated"),
            What::Joined => Some("member_added"),
            What::Left => Some("member_removed"),
            What::ClientEvent => Some("client_event"),
            What::CacheMiss => Some("cache_miss"),
            What::Counts => Some("subscription_count"),
            What::Started | What::Updated => None,
        }
    }
}

impl Format for Pusher {
    fn tells(&self, what: What, topic: &TopicName) -> bool {
        let has_members = topic.as_str().starts_with("presence-");
        is_channel(topic.as_str())
            && match what {
                What::Occupied | What::Vacated | What::ClientEvent | What::CacheMiss => true,
                What::Joined | What::Left => has_members,
                What::Counts => !has_members,
                What::Started | What::Updated => false,
            }
    }

    /// Libraries that read every value as a text refuse a whole post for the one number in it.
    fn is_alone(&self, what: What) -> bool {
        what == What::Counts
    }

    fn render(&self, post: &Post<'_>) -> Rendered {
        let body = Body { time_ms: post.now.millis(), events: post.hooks.iter().filter_map(event).collect() };
        // Texts and numbers: writing them does not fail.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let signature = self.signer.hex(&[&body]);
        json(body, &[("x-pusher-key", &self.key), ("x-pusher-signature", &signature)])
    }
}

/// Whether a topic could be a channel. The channels of the hub's own messages to a user, which begin with `#`, are none.
fn is_channel(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-=@,.;".contains(&byte);
    name.len() <= CHANNEL_BYTES && name.bytes().all(is_allowed)
}

#[derive(Serialize)]
struct Body<'a> {
    time_ms: u64,
    events: Vec<Event<'a>>,
}

#[derive(Default, Serialize)]
struct Event<'a> {
    name: &'a str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_count: Option<u32>,
}

fn event(queued: &Queued) -> Option<Event<'_>> {
    let Hook { what, topic, matter } = &queued.hook;
    let plain = Event { name: Pusher::name(*what)?, channel: topic.as_str(), ..Event::default() };
    Some(match matter {
        Matter::Change(change) => {
            let has_user = matches!(what, What::Joined | What::Left);
            let is_count = *what == What::Counts;
            Event {
                user_id: change.party().filter(|_| has_user).map(|party| party.as_str()),
                subscription_count: is_count.then_some(change.occupancy.watchers),
                ..plain
            }
        }
        Matter::ClientEvent(said) => Event {
            event: Some(&said.event),
            data: Some(&said.data),
            socket_id: Some(&said.socket_id),
            user_id: said.user_id.as_deref(),
            ..plain
        },
        Matter::Nothing => plain,
    })
}
