//! PubNub's presence webhooks: one event a post, in its words; and when a channel gets its first and loses its last occupant.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;

use super::format::{Format, Post, Rendered, json};
use super::hook::{Hook, What};
use super::queue::Queued;
use crate::core::{Cause, Change, ChangeKind, TopicName, Wall};
use crate::egress::Signer;

/// PubNub's format.
#[derive(Debug)]
pub struct PubNub {
    subscribe_key: Box<str>,
    signer: Signer,
    actions: Vec<&'static str>,
}

impl PubNub {
    /// What can be told, and the hooks of which it is made. Occupants are members, so what watchers make of a topic is not heard.
    pub const ACTIONS: [(&'static str, What); 6] = [
        ("join", What::Joined),
        ("leave", What::Left),
        ("timeout", What::Left),
        ("state-change", What::Updated),
        ("active", What::Joined),
        ("inactive", What::Left),
    ];

    /// For an endpoint that is to be told of these actions, with the subscribe key that it knows the app by and its secret.
    #[must_use]
    pub fn new(subscribe_key: &str, secret: &SecretString, actions: Vec<&'static str>) -> Self {
        let signer = Signer::standard(secret.expose_secret());
        Self { subscribe_key: subscribe_key.into(), signer, actions }
    }

    fn wants(&self, hook: &Hook) -> bool {
        action(hook).is_some_and(|action| self.actions.contains(&action))
    }
}

impl Format for PubNub {
    /// The first hooks of an endpoint are those of members; [`Format::told`] makes the others of them.
    fn tells(&self, what: What, topic: &TopicName) -> bool {
        matches!(what, What::Joined | What::Left | What::Updated)
            && !topic.as_str().starts_with("#server-to-user-")
    }

    fn is_alone(&self, _: What) -> bool {
        true
    }

    /// The first join makes its channel active before it, and the last leave inactive after it.
    fn told(&self, hook: Hook) -> Vec<Hook> {
        let parties = hook.change().map(|change| change.occupancy.parties);
        let edge = |what| Hook { what, ..hook.clone() };
        let (before, after) = match (hook.what, parties) {
            (What::Joined, Some(1)) => (Some(edge(What::Occupied)), None),
            (What::Left, Some(0)) => (None, Some(edge(What::Vacated))),
            _ => (None, None),
        };
        let hooks = before.into_iter().chain([hook]).chain(after);
        hooks.filter(|hook| self.wants(hook)).collect()
    }

    fn render(&self, post: &Post<'_>) -> Rendered {
        let body = post.hooks.first().and_then(|queued| self.body(queued));
        // Texts, numbers and JSON that was checked: writing them does not fail.
        let body = body.and_then(|body| serde_json::to_vec(&body).ok()).unwrap_or_default();
        let timestamp = post.now.seconds().to_string();
        let pieces = [post.id.as_bytes(), b".", timestamp.as_bytes(), b".", &body];
        let signature = format!("v1,{}", self.signer.base64(&pieces));
        json(
            body,
            &[("webhook-id", post.id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)],
        )
    }
}

/// What a hook is called; `None` for what PubNub does not know.
fn action(hook: &Hook) -> Option<&'static str> {
    match (hook.what, &hook.change()?.kind) {
        (What::Occupied, _) => Some("active"),
        (What::Vacated, _) => Some("inactive"),
        (What::Joined, _) => Some("join"),
        (What::Updated, _) => Some("state-change"),
        (What::Left, ChangeKind::Left { cause: Cause::TimedOut, .. }) => Some("timeout"),
        (What::Left, _) => Some("leave"),
        (What::Started | What::Counts | What::ClientEvent | What::CacheMiss, _) => None,
    }
}

#[derive(Serialize)]
struct Body<'a> {
    action: &'static str,
    sub_key: &'a str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<&'a str>,
    timestamp: u64,
    occupancy: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    /// What `action` says of a channel, for receivers that know it by its older name.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl PubNub {
    fn body<'a>(&'a self, queued: &'a Queued) -> Option<Body<'a>> {
        let hook = &queued.hook;
        let (action, change) = (action(hook)?, hook.change()?);
        let is_of_channel = matches!(hook.what, What::Occupied | What::Vacated);
        Some(Body {
            action,
            sub_key: &self.subscribe_key,
            channel: hook.topic.as_str(),
            uuid: change.party().map(|party| party.as_str()).filter(|_| !is_of_channel),
            timestamp: Wall(change.stamp.timetoken.0).seconds(),
            occupancy: change.occupancy.parties,
            data: state(change).filter(|_| !is_of_channel),
            status: is_of_channel.then_some(action),
        })
    }
}

/// The state of a member is what it said, if that is an object that says something.
fn state(change: &Change) -> Option<&RawValue> {
    let (ChangeKind::Joined(member) | ChangeKind::Updated(member) | ChangeKind::Left { member, .. }) =
        &change.kind
    else {
        return None;
    };
    let state: &RawValue = serde_json::from_slice(&member.content.bytes).ok()?;
    let inner = state.get().strip_prefix('{')?;
    (!inner.trim_start().starts_with('}')).then_some(state)
}
