//! Here now and where now: who is in channels, and in which channels somebody is.

use std::sync::Arc;

use axum::body::Bytes;

use super::access::Right;
use super::answer::{Answer, Service};
use super::call::{Asked, Call};
use super::fault::Fault;
use super::names::{self, Name};
use super::translate;
use crate::core::{PartyId, Roster, Topic, TopicName};
use crate::gateway::json::{self, Members};

/// The most uuids of one channel in an answer, and as many as without a limit.
const MOST: usize = 1000;

/// The most channels in which somebody is said to be.
const PLACES: usize = 1000;

/// How many channels are looked at before others have their turn.
const SLICE: usize = 256;

/// After how many uuids others have their turn, when the channel that they are in has been looked at.
const UUIDS: usize = 4096;

/// How much of each channel is asked for.
#[derive(Debug, Clone, Copy)]
struct Extent {
    has_uuids: bool,
    has_state: bool,
    limit: usize,
    offset: usize,
}

/// Who is in a channel.
#[derive(Default)]
struct Here {
    topic: Option<TopicName>,
    occupancy: usize,
    who: Vec<(PartyId, Option<Bytes>)>,
}

impl Extent {
    fn of(call: &Call<'_>) -> Result<Self, Fault> {
        let number = |name: &str| -> Result<Option<usize>, Fault> {
            let number = call.query.number(name)?;
            Ok(number.map(|number| usize::try_from(number).unwrap_or(usize::MAX)))
        };
        Ok(Self {
            has_uuids: !call.query.flag("disable_uuids")?,
            has_state: call.query.flag("state")?,
            limit: number("limit")?.unwrap_or(MOST).min(MOST),
            offset: number("offset")?.unwrap_or(0),
        })
    }

    fn look(self, topic: &TopicName, known: Option<&Topic>) -> Here {
        let members = known.into_iter().flat_map(Topic::members);
        let state = |id: &PartyId| {
            let view = known.filter(|_| self.has_state).and_then(|known| known.view(id))?;
            translate::state(&view.content)
        };
        let wanted = if self.has_uuids { self.limit } else { 0 };
        let who = members.skip(self.offset).take(wanted).map(|member| &member.party.id);
        Here {
            topic: Some(topic.clone()),
            occupancy: known.map_or(0, |known| known.occupancy().parties as usize),
            who: who.map(|id| (id.clone(), state(id))).collect(),
        }
    }

    /// Of the first of these channels, as many as one of the broker's turns has time for: one at least.
    fn part(self, topics: &[TopicName], roster: &Roster) -> Vec<Here> {
        let (mut found, mut uuids) = (Vec::new(), 0);
        for topic in topics.iter().take(SLICE) {
            let here = self.look(topic, roster.topic(topic));
            uuids += here.who.len();
            found.push(here);
            if uuids >= UUIDS {
                break;
            }
        }
        found
    }

    fn write(self, here: &Here, out: &mut Members<'_>) {
        if self.has_uuids {
            let list = out.key("uuids");
            list.push(b'[');
            for (place, (uuid, state)) in here.who.iter().enumerate() {
                if place > 0 {
                    list.push(b',');
                }
                if !self.has_state {
                    json::quote(uuid.as_str(), list);
                    continue;
                }
                json::object(list, |entry| {
                    entry.text("uuid", uuid.as_str());
                    if let Some(state) = state {
                        entry.raw("state", state);
                    }
                });
            }
            list.push(b']');
        }
        out.raw("occupancy", here.occupancy.to_string().as_bytes());
    }
}

/// `/channel/{chs}`. The shape of the answer follows what was asked, never what was found.
pub(super) async fn here_now(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let asked = call.asked(segment)?;
    let extent = Extent::of(call)?;
    let topics = call.members(Right::Read, &asked).await?;
    call.admit(topics.iter()).await?;
    let found = look(call, extent, topics).await?;
    match found.as_slice() {
        [here] if asked.is_lone => Ok(single(extent, here)),
        // Nobody is in what is no channel.
        [] if asked.is_lone => Ok(single(extent, &Here::default())),
        found => {
            let alone = alone(call, &asked);
            Ok(multi(
                extent,
                found
                    .iter()
                    .filter(|here| here.occupancy > 0 || alone.is_some() && alone == here.topic.as_ref()),
            ))
        }
    }
}

/// Everybody everywhere.
pub(super) async fn everywhere(call: &Call<'_>) -> Result<Answer, Fault> {
    if !call.tenant.settings.global_here_now {
        return Err(Fault::no_global_here_now());
    }
    call.pass.require_everywhere()?;
    let extent = Extent::of(call)?;
    let topics = occupied(call).await?;
    let topics = call.admitted(topics).await;
    let found = look(call, extent, topics).await?;
    Ok(multi(extent, found.iter().filter(|here| here.occupancy > 0)))
}

/// `/uuid/{uuid}`.
pub(super) async fn where_now(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let who = names::uuid(&names::decoded(segment, call.service)?, call.service)?;
    let mut topics = whereabouts(call, &who).await?;
    topics.truncate(PLACES);
    Ok(answer(|payload| {
        let list = payload.key("channels");
        list.push(b'[');
        for (place, topic) in topics.iter().enumerate() {
            if place > 0 {
                list.push(b',');
            }
            json::quote(topic.as_str(), list);
        }
        list.push(b']');
    }))
}

/// The channels that the user may read and in which somebody is, in the order of their names.
async fn occupied(call: &Call<'_>) -> Result<Vec<TopicName>, Fault> {
    let is_occupied = |name: &TopicName, topic: &Topic| !name.is_of_party() && topic.occupancy().parties > 0;
    let (mut topics, mut after) = (Vec::new(), None);
    loop {
        let from: Option<TopicName> = after.take();
        let part = call.broker.read(move |roster, _, _| {
            let part = roster.topics_after("", from.as_ref()).take(SLICE);
            part.map(|(name, topic)| (name.clone(), is_occupied(name, topic))).collect::<Vec<_>>()
        });
        let part = part.await.ok_or_else(|| call.unavailable())?;
        let Some((last, _)) = part.last() else { return Ok(topics) };
        after = Some(last.clone());
        let occupied = part.into_iter().filter(|(_, is_occupied)| *is_occupied).map(|(name, _)| name);
        topics.extend(occupied.filter(|topic| call.pass.may(Right::Read, &Name::of_channel(topic))));
    }
}

/// The channels in which somebody is, and of which the user may know, up to those with which there are enough.
async fn whereabouts(call: &Call<'_>, who: &PartyId) -> Result<Vec<TopicName>, Fault> {
    let is_own = call.pass.proves(who);
    let (mut topics, mut after) = (Vec::new(), None);
    while topics.len() < PLACES {
        let (who, from): (_, Option<TopicName>) = (who.clone(), after.take());
        let part = call.broker.read(move |roster, _, _| {
            let later =
                roster.whereabouts(&who).skip_while(|name| from.as_ref().is_some_and(|from| *name <= from));
            later.take(SLICE).cloned().collect::<Vec<_>>()
        });
        let mut part = part.await.ok_or_else(|| call.unavailable())?;
        let Some(last) = part.last() else { break };
        after = Some(last.clone());
        // Everybody may know where they are themselves.
        if !is_own {
            part.retain(|topic| call.pass.may(Right::Read, &Name::of_channel(topic)));
            part = call.admitted(part).await;
        }
        topics.extend(part);
    }
    Ok(topics)
}

/// The channel that is told of even if it is empty: one library breaks without it.
fn alone<'a>(call: &Call<'_>, asked: &'a Asked) -> Option<&'a TopicName> {
    let is_wanted = call.query.sdk().wants_channels() && !asked.groups.is_empty();
    match asked.names.as_slice() {
        [name] if is_wanted => Some(&name.topic),
        _ => None,
    }
}

async fn look(call: &Call<'_>, extent: Extent, topics: Vec<TopicName>) -> Result<Vec<Here>, Fault> {
    let topics: Arc<[TopicName]> = topics.into();
    let mut found = Vec::with_capacity(topics.len());
    while found.len() < topics.len() {
        let (topics, from) = (Arc::clone(&topics), found.len());
        let part = call.broker.read(move |roster, _, _| extent.part(&topics[from..], roster));
        found.extend(part.await.ok_or_else(|| call.unavailable())?);
    }
    Ok(found)
}

fn single(extent: Extent, here: &Here) -> Answer {
    let mut out = Vec::with_capacity(128 + 48 * here.who.len());
    json::object(&mut out, |answer| {
        ok(answer);
        extent.write(here, answer);
    });
    Answer::ok(Service::Presence, out)
}

fn multi<'h>(extent: Extent, found: impl Iterator<Item = &'h Here>) -> Answer {
    answer(|payload| {
        let (mut channels, mut occupancy) = (0, 0);
        payload.object("channels", |list| {
            for here in found {
                let name = here.topic.as_ref().map_or("", TopicName::as_str);
                list.object(name, |channel| extent.write(here, channel));
                channels += 1;
                occupancy += here.occupancy;
            }
        });
        payload.number("total_channels", channels);
        payload.raw("total_occupancy", occupancy.to_string().as_bytes());
    })
}

fn ok(answer: &mut Members<'_>) {
    answer.number("status", 200);
    answer.text("message", "OK");
    answer.text("service", Service::Presence.name());
}

fn answer(fill: impl FnOnce(&mut Members<'_>)) -> Answer {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |answer| {
        ok(answer);
        answer.object("payload", fill);
    });
    Answer::ok(Service::Presence, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Content, Entry, Limits, NodeId, Op, Party, Record, SessionId, Stamp};
    use uuid::Uuid;

    #[test]
    fn a_turn_looks_at_so_many_uuids_and_at_one_channel_at_least() {
        let mut roster = Roster::new(Limits::default());
        let topics: Vec<_> = (0..6).map(|room| TopicName::new(&format!("room.{room}")).unwrap()).collect();
        let everybody = (0..MOST).flat_map(|who| topics.iter().map(move |topic| (who, topic)));
        for (number, (who, topic)) in everybody.enumerate() {
            let session = SessionId(Uuid::from_u128(number as u128));
            let party = Arc::new(Party::new(PartyId::new(&format!("u{who}")).unwrap()));
            let node = NodeId(Uuid::nil());
            let entry = Entry { party, node, generation: 0, content: Content::default() };
            let op = Op::Enter(session, Arc::new(entry));
            roster.fold(Stamp::default(), &Record { topic: topic.clone(), op });
        }
        let looked = |limit, from: usize| {
            let extent = Extent { has_uuids: true, has_state: true, limit, offset: 0 };
            extent.part(&topics[from..], &roster).len()
        };
        assert_eq!((looked(MOST, 0), looked(MOST, 5), looked(10, 0), looked(MOST, 6)), (5, 1, 6, 0));
    }
}
