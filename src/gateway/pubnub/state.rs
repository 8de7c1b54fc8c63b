//! The state of users in channels, set and read by whoever may.

use axum::body::Bytes;
use futures::future::join_all;

use super::access::Right;
use super::answer::{Answer, Service};
use super::call::{self, Call};
use super::desk::{Action, Presence, Said};
use super::fault::Fault;
use super::names::{self, Name};
use super::occupants::{self, Standing};
use super::presence;
use super::translate;
use crate::broker::Reply;
use crate::core::{Command, Content, Party, PartyId, Refusal, TopicName, Wall};
use crate::gateway::json;

/// `/channel/{chs}/uuid/{uuid}/data`.
pub(super) async fn set(call: &Call<'_>, segment: &str, uuid: &str) -> Result<Answer, Fault> {
    let refused = |fault: Fault| match call.query.sdk().trusts_payloads() {
        true => fault.without_payload(),
        false => fault,
    };
    put(call, segment, uuid).await.map_err(refused)
}

async fn put(call: &Call<'_>, segment: &str, uuid: &str) -> Result<Answer, Fault> {
    let asked = call.asked(segment)?;
    let who = names::uuid(&names::decoded(uuid, call.service)?, call.service)?;
    let state = call.query.state(&call.tenant.settings, &call.tenant.app.limits.json)?;
    let content = presence::content(call, state.get())?;
    call.tenant.desk.follow(&call.broker).await;
    let topics = call.members(Right::Join, &asked).await?;
    if topics.is_empty() && asked.groups.is_empty() {
        return Err(Fault::bad_channel(call.service));
    }
    call.admit(topics.iter()).await?;
    call.tenant.desk.touch(topics.iter());
    let (places, party) = (topics.clone(), who.clone());
    let look = call.broker.read(move |roster, leases, _| {
        let standing = |topic| Standing::of(roster, leases, (topic, &party));
        let new = places.iter().filter(|topic| roster.is_new_state(topic, &party)).count();
        let has_room = roster.has_room_for_states(new);
        (places.iter().map(standing).collect::<Vec<_>>(), has_room)
    });
    let (standings, has_room) = look.await.ok_or_else(|| call.unavailable())?;
    // What connections of another dialect say of their user is theirs to change, unless it is that user who asks from here too.
    let is_foreign =
        |known: &Standing| !known.may_say(call, &who) || known.party.is_some() && !known.is_own();
    let foreign = topics.iter().zip(&standings).filter(|(_, known)| is_foreign(known));
    let foreign: Vec<String> = foreign.map(|(topic, _)| topic.as_str().to_owned()).collect();
    if !foreign.is_empty() {
        return Err(Fault::forbidden(&foreign, &[]));
    }
    if !has_room {
        return Err(Fault::too_many_states());
    }
    let waiting = topics.iter().zip(&standings).filter(|(_, standing)| standing.is_detached());
    let waiting: Vec<_> = waiting.map(|(topic, _)| occupants::session(topic, &who)).collect();
    let setting = topics.iter().zip(standings).map(|(topic, standing)| {
        let command = command(call, (topic, &who), &standing, content.clone());
        call.broker.ask(command)
    });
    let said = |topic: &TopicName| (topic.clone(), who.clone(), content.fingerprint);
    topics.iter().for_each(|topic| call.tenant.desk.insist(said(topic)));
    for (topic, reply) in topics.iter().zip(join_all(setting).await) {
        match reply {
            Reply::Done { is_change: true, .. } => {}
            Reply::Refused(Refusal::StatesFull) => return Err(Fault::too_many_states()),
            Reply::Refused(_) => return Err(call.unavailable()),
            _ => say_again(call, said(topic), &content).await?,
        }
    }
    // What is said of somebody is no sign of life: the grace goes on.
    for session in waiting {
        call.broker.detach(session).await;
    }
    let mut out = Vec::with_capacity(96 + state.get().len());
    json::object(&mut out, |answer| {
        answer.number("status", 200);
        answer.text("message", "OK");
        answer.raw("payload", state.get().as_bytes());
        answer.text("service", Service::Presence.name());
    });
    Ok(Answer::ok(Service::Presence, out))
}

/// Somebody set a state that is none other. It is told if nobody has been told of it: a request that says that its user is still
/// there may have brought it, quietly.
async fn say_again(call: &Call<'_>, said: Said, content: &Content) -> Result<(), Fault> {
    if !call.tenant.desk.insists(&said) {
        return Ok(());
    }
    let (topic, who, _) = said;
    let place = topic.clone();
    let look = call.broker.read(move |roster, _, now| {
        let occupancy = roster.topic(&place).map_or(0, |known| known.occupancy().parties);
        (occupancy, call::time(roster, now))
    });
    let (occupancy, at) = look.await.ok_or_else(|| call.unavailable())?;
    let (action, state) = (Action::StateChange, translate::state(content));
    let event = Presence { action, uuid: Some(who), occupancy, at, state, delta: None, is_late: true };
    call.tenant.desk.tell(topic, event);
    Ok(())
}

/// A member says its state; of somebody who is absent it is kept for a while.
fn command(
    call: &Call<'_>,
    (topic, who): (&TopicName, &PartyId),
    standing: &Standing,
    content: Content,
) -> Command {
    let settings = &call.tenant.settings;
    let topic = topic.clone();
    if standing.is_own() {
        let (session, grace) = (occupants::session(&topic, who), settings.close_grace);
        return Command::Enter { session, topic, content: Some(content), grace };
    }
    let (party, lasts) = (Party::new(who.clone()).into(), settings.state_lasts);
    Command::SetState { party, topic, content: Some(content), lasts }
}

/// `/channel/{chs}/uuid/{uuid}`.
pub(super) async fn get(call: &Call<'_>, segment: &str, uuid: &str) -> Result<Answer, Fault> {
    let asked = call.asked(segment)?;
    let who = names::uuid(&names::decoded(uuid, call.service)?, call.service)?;
    let topics = call.members(Right::Read, &asked).await?;
    call.admit(topics.iter()).await?;
    let party = who.clone();
    let states = call.broker.read(move |roster, _, now| {
        let state = |topic: &TopicName| {
            let known = roster.topic(topic)?;
            let member = known.view(&party).map(|member| member.content);
            let content = member.or_else(|| known.absent_state(&party, Wall(now.wall.0)).cloned())?;
            translate::state(&content)
        };
        topics.into_iter().map(|topic| (state(&topic), topic)).map(|(state, topic)| (topic, state)).collect()
    });
    let states: Vec<(TopicName, Option<Bytes>)> = states.await.ok_or_else(|| call.unavailable())?;
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |answer| {
        answer.number("status", 200);
        answer.text("message", "OK");
        answer.text("service", Service::Presence.name());
        answer.text("uuid", who.as_str());
        match states.as_slice() {
            [(topic, state)] if asked.is_lone && !call.query.sdk().wants_channels() => {
                answer.raw("payload", state.as_deref().unwrap_or(b"{}"));
                answer.text("channel", topic.as_str());
            }
            [] if asked.is_lone && !call.query.sdk().wants_channels() => {
                // Nobody has a state in what is no channel.
                answer.raw("payload", b"{}");
                answer.text("channel", &asked.names.first().map(Name::written).unwrap_or_default());
            }
            states => answer.object("payload", |payload| {
                payload.object("channels", |channels| {
                    for (topic, state) in states {
                        if let Some(state) = state {
                            channels.raw(topic.as_str(), state);
                        }
                    }
                });
            }),
        }
    });
    Ok(Answer::ok(Service::Presence, out))
}
