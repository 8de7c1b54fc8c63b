//! What was said in channels before, as far as the hub still keeps it: the newest of each topic's changes.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::access::Right;
use super::answer::{Answer, Service};
use super::call::Call;
use super::encode::Extra;
use super::fault::Fault;
use super::names::{self, Name};
use crate::core::{Change, ChangeKind, Message, Roster, Timetoken, TopicName};
use crate::gateway::json::{self, Members};

/// The most messages of one channel in an answer.
const MOST: usize = 100;

/// About the most bytes of messages in an answer about several channels, which share them.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Which messages are asked for.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// After this one, if the oldest come first; before it otherwise.
    start: Option<u64>,
    /// Up to this one, itself included.
    end: Option<u64>,
    is_reverse: bool,
    most: usize,
}

impl Span {
    fn of(call: &Call<'_>, count: &str, usual: usize) -> Result<Self, Fault> {
        let most = call.query.number(count)?.map_or(usual, |most| usize::try_from(most).unwrap_or(MOST));
        Ok(Self {
            start: call.query.number("start")?,
            end: call.query.number("end")?,
            is_reverse: call.query.flag("reverse")?,
            most: most.clamp(1, usual),
        })
    }

    /// Oldest first.
    fn choose(self, mut found: Vec<Arc<Change>>) -> Vec<Arc<Change>> {
        found.retain(|change| {
            let at = change.stamp.timetoken.0;
            match (self.start, self.end) {
                (Some(start), Some(end)) if start > end => at >= end && at < start,
                (Some(start), Some(end)) => at > start && at <= end,
                (Some(start), None) if self.is_reverse => at > start,
                (Some(start), None) => at < start,
                (None, Some(end)) => at >= end,
                (None, None) => true,
            }
        });
        if self.is_reverse {
            found.truncate(self.most);
        } else {
            found.drain(..found.len().saturating_sub(self.most));
        }
        found
    }

    /// As many of these as have room in so many bytes, and one at least. Clients go on where an answer ends.
    fn fit(self, mut chosen: Vec<Arc<Change>>, mut bytes: usize) -> Vec<Arc<Change>> {
        if !self.is_reverse {
            chosen.reverse();
        }
        let fits = |change: &Arc<Change>| {
            let has_room = bytes > 0;
            bytes = bytes.saturating_sub(change.bytes());
            has_room
        };
        let count = chosen.iter().map(fits).take_while(|has_room| *has_room).count();
        chosen.truncate(count);
        if !self.is_reverse {
            chosen.reverse();
        }
        chosen
    }
}

/// `/v2/history/sub-key/{sub}/channel/{ch}`.
pub(super) async fn of_one(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let topic = names::channel(&names::decoded(segment, call.service)?, call.service)?;
    let span = Span::of(call, "count", MOST)?;
    let (has_token, has_meta) = (call.query.flag("include_token")?, call.query.flag("include_meta")?);
    let kept = kept(call, vec![topic]).await?.pop().unwrap_or_default();
    let found = span.choose(kept);
    let mut out = b"[[".to_vec();
    for (place, change) in found.iter().enumerate() {
        let Some(message) = message(change) else { continue };
        if place > 0 {
            out.push(b',');
        }
        if !has_token && !has_meta {
            out.extend_from_slice(body(message));
            continue;
        }
        json::object(&mut out, |item| {
            item.raw("message", body(message));
            if has_token {
                item.raw("timetoken", change.stamp.timetoken.to_string().as_bytes());
            }
            if has_meta {
                meta(message, item);
            }
        });
    }
    let place = |change: Option<&Arc<Change>>| change.map_or(Timetoken(0), |change| change.stamp.timetoken);
    out.extend_from_slice(format!("],{},{}]", place(found.first()), place(found.last())).as_bytes());
    Ok(Answer::ok(Service::PubSub, out))
}

/// `/v3/history/sub-key/{sub}/channel/{chs}` and the same with actions, of which there are none.
pub(super) async fn of_many(call: &Call<'_>, segment: &str, has_actions: bool) -> Result<Answer, Fault> {
    let topics: Vec<TopicName> = call.asked(segment)?.channels().cloned().collect();
    let usual = if topics.len() == 1 { MOST } else { 25 };
    let span = Span::of(call, "max", usual)?;
    let flag = |name: &str| call.query.flag(name);
    let shown = Shown {
        has_meta: flag("include_meta")?,
        has_uuid: flag("include_uuid")?,
        has_type: flag("include_message_type")?,
        has_custom_type: flag("include_custom_message_type")?,
        has_actions,
    };
    let kept = kept(call, topics.clone()).await?;
    let room = (MOST_BYTES / topics.len().max(1)).max(1);
    Ok(channels(|channels| {
        for (topic, kept) in topics.iter().zip(kept) {
            let found = span.fit(span.choose(kept), room);
            if found.is_empty() {
                continue;
            }
            let name = utf8_percent_encode(topic.as_str(), UNSAFE).to_string();
            let list = channels.key(&name);
            list.push(b'[');
            for (place, change) in found.iter().enumerate() {
                let Some(message) = message(change) else { continue };
                if place > 0 {
                    list.push(b',');
                }
                json::object(list, |item| shown.write(change, message, item));
            }
            list.push(b']');
        }
    }))
}

/// `DELETE /v3/history/sub-key/{sub}/channel/{ch}`: messages go by themselves, and not before.
pub(super) fn delete(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    call.pass.require(Right::Delete, &call.asked(segment)?.names, [])?;
    Err(Fault::not_deletable())
}

/// What is escaped in the names of channels.
const UNSAFE: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `/v3/history/sub-key/{sub}/message-counts/{chs}`.
pub(super) async fn counts(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let topics: Vec<TopicName> = call.asked(segment)?.channels().cloned().collect();
    let (one, many) = (call.query.some("timetoken")?, call.query.some("channelsTimetoken")?);
    let number = |text: &str| text.parse::<u64>().map_err(|_| Fault::bad_counts());
    let since: Vec<u64> = match (one, many) {
        (Some(one), None) => vec![number(&one)?],
        (None, Some(many)) => many.split(',').map(number).collect::<Result<_, _>>()?,
        _ => return Err(Fault::bad_counts()),
    };
    let since = match since.as_slice() {
        [one] => vec![*one; topics.len()],
        _ if since.len() == topics.len() => since,
        _ => return Err(Fault::bad_counts()),
    };
    let kept = kept(call, topics.clone()).await?;
    Ok(channels(|channels| {
        for ((topic, kept), since) in topics.iter().zip(kept).zip(since) {
            let count = kept.iter().filter(|change| change.stamp.timetoken.0 > since).count();
            channels.raw(topic.as_str(), count.to_string().as_bytes());
        }
    }))
}

/// What of a message is asked for.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of its own")]
struct Shown {
    has_meta: bool,
    has_uuid: bool,
    has_type: bool,
    has_custom_type: bool,
    has_actions: bool,
}

impl Shown {
    fn write(self, change: &Change, message: &Message, item: &mut Members<'_>) {
        item.raw("message", body(message));
        item.text("timetoken", &change.stamp.timetoken.to_string());
        if self.has_type {
            item.raw("message_type", b"null");
        }
        if self.has_uuid {
            item.text("uuid", message.from.id.as_str());
        }
        if self.has_custom_type
            && let Some(kind) = extra(message).cmt
        {
            item.text("custom_message_type", kind);
        }
        if self.has_meta {
            meta(message, item);
        }
        if self.has_actions {
            item.raw("actions", b"{}");
        }
    }
}

fn meta(message: &Message, item: &mut Members<'_>) {
    let extra = extra(message);
    item.raw("meta", extra.u.map_or(&b"\"\""[..], |meta| meta.get().as_bytes()));
}

fn extra(message: &Message) -> Extra<'_> {
    let text = std::str::from_utf8(&message.extra).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

fn body(message: &Message) -> &[u8] {
    if message.body.is_empty() { b"null" } else { &message.body }
}

fn message(change: &Change) -> Option<&Message> {
    match &change.kind {
        ChangeKind::Message(message) if message.is_kept && message.receivers.is_none() => Some(message),
        _ => None,
    }
}

/// What is kept of each of these channels, oldest first.
async fn kept(call: &Call<'_>, topics: Vec<TopicName>) -> Result<Vec<Vec<Arc<Change>>>, Fault> {
    let names: Vec<_> = topics.iter().map(Name::of_channel).collect();
    call.pass.require(Right::Read, &names, [])?;
    call.admit(topics.iter()).await?;
    let of = |roster: &Roster, topic: &TopicName| {
        let kept = roster.topic(topic).into_iter().flat_map(|known| known.history().iter());
        kept.filter(|change| message(change).is_some()).cloned().collect()
    };
    let found = call.broker.read(move |roster, _, _| topics.iter().map(|topic| of(roster, topic)).collect());
    found.await.ok_or_else(|| call.unavailable())
}

fn channels(fill: impl FnOnce(&mut Members<'_>)) -> Answer {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |answer| {
        answer.number("status", 200);
        answer.raw("error", b"false");
        answer.text("error_message", "");
        answer.object("channels", fill);
    });
    Answer::ok(Service::PubSub, out)
}
