//! The hub's own format, as `protocol/webhooks.md` describes it: everything that is known, with a standard signature.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;

use super::format::{Format, Post, Rendered, json};
use super::hook::{Hook, Matter, What};
use super::queue::Queued;
use crate::core::{Change, ChangeKind, MemberView, NodeId, Party, PartyKind, TopicName, Wall};
use crate::egress::Signer;

/// The hub's own format.
#[derive(Debug)]
pub struct Hub {
    node: NodeId,
    app: Box<str>,
    signer: Signer,
}

impl Hub {
    /// For an endpoint of an app, with its secret.
    #[must_use]
    pub fn new(node: NodeId, app: &str, secret: &SecretString) -> Self {
        Self { node, app: app.into(), signer: Signer::standard(secret.expose_secret()) }
    }

    /// What a hook is called.
    #[must_use]
    pub fn name(what: What) -> &'static str {
        match what {
            What::Started => "started",
            What::Occupied => "occupied",
            What::Vacated => "vacated",
            What::Joined => "joined",
            What::Updated => "updated",
            What::Left => "left",
            What::Counts => "counts",
            What::ClientEvent => "client_event",
            What::CacheMiss => "cache_miss",
        }
    }
}

impl Format for Hub {
    /// What is said to one user is nobody else's business.
    fn tells(&self, _: What, topic: &TopicName) -> bool {
        !topic.as_str().starts_with("#server-to-user-")
    }

    fn is_alone(&self, _: What) -> bool {
        false
    }

    fn render(&self, post: &Post<'_>) -> Rendered {
        let node = self.node.to_string();
        let body = Body {
            id: post.id,
            node: &node,
            app: &self.app,
            time_ms: post.now.millis(),
            lost: post.lost,
            events: post.hooks.iter().map(event).collect(),
        };
        // Texts, numbers and JSON that was checked: writing them does not fail.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let timestamp = post.now.seconds().to_string();
        let pieces = [post.id.as_bytes(), b".", timestamp.as_bytes(), b".", &body];
        let signature = format!("v1,{}", self.signer.base64(&pieces));
        json(
            body,
            &[("webhook-id", post.id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)],
        )
    }
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    node: &'a str,
    app: &'a str,
    time_ms: u64,
    lost: u64,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    seq: u64,
    event: &'static str,
    topic: &'a str,
    #[serde(flatten)]
    change: Option<Changed<'a>>,
    #[serde(flatten)]
    said: Option<Said<'a>>,
}

#[derive(Serialize)]
struct Changed<'a> {
    epoch: String,
    rev: u64,
    timetoken: String,
    occupancy: Counts,
    #[serde(flatten)]
    member: Option<Member<'a>>,
    #[serde(flatten)]
    leave: Option<Leave<'a>>,
}

#[derive(Serialize)]
struct Counts {
    parties: u32,
    sessions: u32,
    watchers: u32,
}

#[derive(Serialize)]
struct Member<'a> {
    session: String,
    party: Who<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Leave<'a> {
    cause: &'static str,
    #[serde(rename = "lastHeard")]
    last_heard: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Who<'a>>,
}

#[derive(Serialize)]
struct Who<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    username: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    displayname: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    picture_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_numbers: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Said<'a> {
    name: &'a str,
    data: &'a str,
    socket: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

fn event(queued: &Queued) -> Event<'_> {
    let Hook { what, topic, matter } = &queued.hook;
    let (change, said) = match matter {
        Matter::Change(change) => (Some(changed(*what, change)), None),
        Matter::ClientEvent(event) => {
            let said = Said {
                name: &event.event,
                data: &event.data,
                socket: &event.socket_id,
                user: event.user_id.as_deref(),
            };
            (None, Some(said))
        }
        Matter::Nothing => (None, None),
    };
    Event { seq: queued.seq, event: Hub::name(*what), topic: topic.as_str(), change, said }
}

/// An edge and a count say nothing of the member whose change made them.
fn changed(what: What, change: &Arc<Change>) -> Changed<'_> {
    let is_of_member = matches!(what, What::Joined | What::Updated | What::Left);
    let (member, leave) = match &change.kind {
        _ if !is_of_member => (None, None),
        ChangeKind::Joined(view) | ChangeKind::Updated(view) => (Some(member(view)), None),
        ChangeKind::Left { member: view, cause, last_heard, by } => {
            let leave =
                Leave { cause: cause.as_str(), last_heard: iso(*last_heard), by: by.as_deref().map(who) };
            (Some(member(view)), Some(leave))
        }
        ChangeKind::Sessions(_) | ChangeKind::Message(_) | ChangeKind::State(..) | ChangeKind::Counts => {
            (None, None)
        }
    };
    let counts = change.occupancy;
    Changed {
        epoch: change.stamp.epoch.to_string(),
        rev: change.stamp.rev.0,
        timetoken: change.stamp.timetoken.to_string(),
        occupancy: Counts { parties: counts.parties, sessions: counts.sessions, watchers: counts.watchers },
        member,
        leave,
    }
}

fn member(view: &MemberView) -> Member<'_> {
    Member { session: view.session.to_string(), party: who(&view.party), content: raw(&view.content.bytes) }
}

fn who(party: &Party) -> Who<'_> {
    let kind = match party.kind {
        PartyKind::User => "user",
        PartyKind::Anonymous => "anonymous",
        PartyKind::Phone => "phone",
        PartyKind::Bot => "bot",
    };
    Who {
        id: party.id.as_str(),
        kind,
        username: &party.username,
        displayname: &party.displayname,
        picture_url: &party.picture_url,
        phone_numbers: raw(&party.phone_numbers),
        info: raw(&party.info),
    }
}

/// JSON as it was said; `None` if nothing was.
fn raw(bytes: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(bytes).ok()
}

fn iso(at: Wall) -> String {
    let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(millis)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
}
