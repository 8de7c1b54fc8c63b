//! Questions about channels and users.

use axum::body::Bytes;

use super::call::{Call, Refusal};
use super::dialect::Shared;
use super::names;
use crate::core::{ChangeKind, Occupancy, Roster, Topic, TopicName, Wall};
use crate::gateway::json::{self, Members};

/// How many topics are looked at in one of the broker's turns. There may be very many, and others wait as long.
const PORTION: usize = 512;

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
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let prefix = prefix.clone();
        let portion = broker.read(move |roster, _, now| {
            Portion::collect(roster, (&prefix, after.as_ref()), attributes, now.wall)
        });
        let Portion { found, last } = portion.await.ok_or_else(Refusal::unavailable)?;
        listed.extend(found);
        if last.is_none() {
            break;
        }
        after = last;
    }
    let mut out = Vec::with_capacity(16 + 32 * listed.len());
    json::object(&mut out, |answer| {
        answer.object("channels", |channels| {
            for (name, found) in &listed {
                channels.object(name.as_str(), |channel| found.write(channel));
            }
        });
    });
    Ok(out.into())
}

/// The channels among a few topics.
#[derive(Debug)]
struct Portion {
    found: Vec<(TopicName, Found)>,
    /// The last topic that was looked at, if there may be more.
    last: Option<TopicName>,
}

impl Portion {
    /// Looks at the topics whose names begin so and come after another, a few of them.
    fn collect(
        roster: &Roster,
        (prefix, after): (&str, Option<&TopicName>),
        attributes: Attributes,
        now: Wall,
    ) -> Self {
        let mut portion = Self { found: Vec::new(), last: None };
        for (place, (name, topic)) in roster.topics_after(prefix, after).take(PORTION).enumerate() {
            if names::is_channel(name.as_str()) && is_occupied(topic) {
                portion.found.push((name.clone(), attributes.find(roster, name, now)));
            }
            portion.last = (place + 1 == PORTION).then(|| name.clone());
        }
        portion
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Epoch, Limits, NodeId, Op, Record, Rev, Stamp, Timetoken};
    use uuid::Uuid;

    fn roster(names: &[&str]) -> Roster {
        let mut roster = Roster::new(Limits::default());
        for (place, name) in (1..).zip(names) {
            let stamp = Stamp { epoch: Epoch(1), rev: Rev(1), timetoken: Timetoken(place) };
            let op = Op::Watchers(NodeId(Uuid::nil()), u32::from(!name.starts_with("empty")));
            roster.fold(stamp, &Record { topic: TopicName::new(name).unwrap(), op });
        }
        roster
    }

    /// Collects everything, and says in how many portions.
    fn collected(roster: &Roster, prefix: &str) -> (Vec<String>, usize) {
        let (mut names, mut after, mut turns) = (Vec::new(), None, 0);
        loop {
            let place = (prefix, after.as_ref());
            let portion = Portion::collect(roster, place, Attributes::default(), Wall::default());
            names.extend(portion.found.iter().map(|(name, _)| name.as_str().to_owned()));
            turns += 1;
            match portion.last {
                Some(last) => after = Some(last),
                None => return (names, turns),
            }
        }
    }

    #[test]
    fn many_channels_are_collected_in_portions() {
        let of = |kind: &str, count: usize| (0..count).map(|n| format!("{kind}-{n:05}")).collect::<Vec<_>>();
        let names = [of("a", 3), of("b", 2 * PORTION), of("empty", PORTION), of("no channel", 5)].concat();
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let roster = roster(&texts);
        assert_eq!(collected(&roster, ""), (names[..3 + 2 * PORTION].to_vec(), 4));
        assert_eq!(collected(&roster, "a-"), (names[..3].to_vec(), 1));
        assert_eq!(collected(&roster, "b-0000"), (names[3..13].to_vec(), 1));
        assert_eq!(collected(&roster, "b-").1, 3, "the last portion may be empty");
        assert_eq!(collected(&roster, "empty"), (Vec::new(), 2));
        assert_eq!(collected(&roster, "z"), (Vec::new(), 1));
    }
}
