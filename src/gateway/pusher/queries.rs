//! Questions about channels and users.

use axum::body::Bytes;

use super::call::{Call, Refusal};
use super::dialect::Shared;
use super::names;
use crate::core::{ChangeKind, Occupancy, Roster, Topic, TopicName, Wall};
use crate::gateway::json::{self, Members};

/// What is asked about a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    has_users: bool,
    has_subscriptions: bool,
    has_cache: bool,
}

/// What a channel keeps: the data of the last event, and for how many seconds more.
type Kept = (String, u64);

/// What was found; what was not asked, or is not true of such a channel, is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    users: Option<u32>,
    subscriptions: Option<u32>,
    cache: Option<Option<Kept>>,
}

impl Attributes {
    /// Reads a list with commas between.
    pub(super) fn parse(text: &str, may_ask_cache: bool) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "user_count" => asked.has_users = true,
                "subscription_count" => asked.has_subscriptions = true,
                "cache" if may_ask_cache => asked.has_cache = true,
                _ => return Err(Refusal::bad("Unknown info attribute")),
            }
        }
        Ok(asked)
    }

    /// Looks at a channel.
    pub(super) fn find(self, roster: &Roster, topic: &TopicName, now: Wall) -> Found {
        let known = roster.topic(topic);
        let Occupancy { parties, watchers, .. } = known.map(Topic::occupancy).unwrap_or_default();
        let name = topic.as_str();
        let is_channel = names::is_channel(name);
        Found {
            users: (self.has_users && names::is_presence(name)).then_some(parties),
            subscriptions: (self.has_subscriptions && is_channel).then_some(watchers),
            cache: (self.has_cache && names::is_cache(name)).then(|| kept(known?, now)),
        }
    }
}

impl Found {
    /// Appends what was found.
    pub(super) fn write(&self, out: &mut Members<'_>) {
        if let Some(users) = self.users {
            out.number("user_count", users);
        }
        if let Some(subscriptions) = self.subscriptions {
            out.number("subscription_count", subscriptions);
        }
        match &self.cache {
            Some(Some((data, ttl))) => out.object("cache", |cache| {
                cache.text("data", data);
                cache.raw("ttl", ttl.to_string().as_bytes());
            }),
            Some(None) => out.raw("cache", b"null"),
            None => {}
        }
    }
}

fn kept(topic: &Topic, now: Wall) -> Option<Kept> {
    let retained = topic.retained(now)?;
    let ChangeKind::Message(message) = &retained.change.kind else { return None };
    let data: String = serde_json::from_slice(&message.body).ok()?;
    let left = retained.until.0.saturating_sub(now.0);
    Some((data, left.div_ceil(Wall::TICKS_PER_SECOND)))
}

/// Whether somebody is there.
fn is_occupied(topic: &Topic) -> bool {
    let Occupancy { parties, watchers, .. } = topic.occupancy();
    parties > 0 || watchers > 0
}

/// `GET /apps/{id}/channels`.
pub(super) async fn channels(shared: &Shared, call: &Call) -> Result<Bytes, Refusal> {
    only(call, &["filter_by_prefix", "info"])?;
    let prefix = call.query.get("filter_by_prefix").unwrap_or_default();
    let attributes = Attributes::parse(&call.query.get("info").unwrap_or_default(), false)?;
    if attributes.has_users && !names::is_presence(&prefix) {
        return Err(Refusal::bad(
            "user_count may only be requested for presence channels - please supply filter_by_prefix beginning with presence-",
        ));
    }
    let broker = call.broker(shared);
    let found = broker.read(move |roster, _, now| {
        let mut out = Vec::with_capacity(256);
        json::object(&mut out, |answer| {
            answer.object("channels", |channels| {
                let is_listed = |(name, topic): &(&TopicName, &Topic)| {
                    name.as_str().starts_with(&prefix)
                        && names::is_channel(name.as_str())
                        && is_occupied(topic)
                };
                for (name, _) in roster.topics().filter(is_listed) {
                    let found = attributes.find(roster, name, now.wall);
                    channels.object(name.as_str(), |channel| found.write(channel));
                }
            });
        });
        out
    });
    found.await.map(Into::into).ok_or_else(Refusal::unavailable)
}

/// `GET /apps/{id}/channels/{channel}`.
pub(super) async fn channel(shared: &Shared, call: &Call, channel: &str) -> Result<Bytes, Refusal> {
    only(call, &["info"])?;
    let topic = topic(call, channel)?;
    let attributes = Attributes::parse(&call.query.get("info").unwrap_or_default(), true)?;
    if attributes.has_users && !names::is_presence(channel) {
        return Err(Refusal::bad("Cannot retrieve the user count unless the channel is a presence channel"));
    }
    if attributes.has_cache && !names::is_cache(channel) {
        return Err(Refusal::bad("Cannot retrieve the cache unless the channel is a cache channel"));
    }
    let broker = call.broker(shared);
    let found = broker.read(move |roster, _, now| {
        (roster.topic(&topic).is_some_and(is_occupied), attributes.find(roster, &topic, now.wall))
    });
    let (is_occupied, found) = found.await.ok_or_else(Refusal::unavailable)?;
    let mut out = Vec::with_capacity(96);
    json::object(&mut out, |answer| {
        answer.raw("occupied", truth(is_occupied));
        if is_occupied || attributes.has_users || attributes.has_cache {
            found.write(answer);
        }
    });
    Ok(out.into())
}

/// `GET /apps/{id}/channels/{channel}/stats`, of very old libraries.
pub(super) async fn stats(shared: &Shared, call: &Call, channel: &str) -> Result<Bytes, Refusal> {
    only(call, &[])?;
    let topic = topic(call, channel)?;
    let name = topic.clone();
    let broker = call.broker(shared);
    let counts = broker.read(move |roster, _, _| {
        roster.topic(&name).map(|topic| (is_occupied(topic), topic.occupancy())).unwrap_or_default()
    });
    let (is_occupied, counts) = counts.await.ok_or_else(Refusal::unavailable)?;
    let mut out = Vec::with_capacity(96);
    json::object(&mut out, |answer| {
        answer.raw("occupied", truth(is_occupied));
        if names::is_presence(topic.as_str()) {
            answer.number("user_count", counts.parties);
        }
        answer.number("connection_count", counts.watchers);
    });
    Ok(out.into())
}

/// `GET /apps/{id}/channels/{channel}/users`.
pub(super) async fn users(shared: &Shared, call: &Call, channel: &str) -> Result<Bytes, Refusal> {
    only(call, &[])?;
    let topic = topic(call, channel)?;
    if !names::is_presence(channel) {
        return Err(Refusal::bad("Cannot retrieve users unless the channel is a presence channel"));
    }
    let broker = call.broker(shared);
    let ids = broker.read(move |roster, _, _| {
        let members = roster.topic(&topic).into_iter().flat_map(Topic::members);
        members.map(|member| member.party.id.clone()).collect::<Vec<_>>()
    });
    let ids = ids.await.ok_or_else(Refusal::unavailable)?;
    let mut out = Vec::with_capacity(16 + 24 * ids.len());
    json::object(&mut out, |answer| {
        let users = answer.key("users");
        users.push(b'[');
        for (place, id) in ids.iter().enumerate() {
            if place > 0 {
                users.push(b',');
            }
            json::object(users, |user| user.text("id", id.as_str()));
        }
        users.push(b']');
    });
    Ok(out.into())
}

fn truth(is_so: bool) -> &'static [u8] {
    if is_so { b"true" } else { b"false" }
}

fn topic(call: &Call, channel: &str) -> Result<TopicName, Refusal> {
    names::channel(channel, &call.tenant.settings).map_err(|fault| Refusal::bad(fault.message.into_owned()))
}

/// Refuses parameters that mean nothing here.
fn only(call: &Call, known: &[&str]) -> Result<(), Refusal> {
    let others = call.query.others();
    let extraneous: Vec<_> = others.filter(|key| !known.contains(&key.as_ref())).collect();
    if extraneous.is_empty() {
        return Ok(());
    }
    let keys = extraneous.join(", ");
    let keys = &keys[..keys.floor_char_boundary(256)];
    Err(Refusal::bad(format!("The following query string parameters are extraneous: {keys}")))
}
