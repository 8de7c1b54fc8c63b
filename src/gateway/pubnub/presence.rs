//! Heartbeat and leave: how users say that they are still there, or are no more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::access::Right;
use super::answer::{Answer, Service};
use super::call::{Asked, Call};
use super::closing::Closing;
use super::fault::Fault;
use super::groups;
use super::occupants::{self, Stay};
use super::query::States;
use super::translate;
use crate::core::{Content, TopicName};

/// `/channel/{chs}/heartbeat`.
pub(super) async fn heartbeat(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let asked = call.asked(segment)?;
    let who = call.who()?;
    let states = states(call)?;
    let timeout = timeout(call)?;
    call.tenant.desk.follow(&call.broker).await;
    call.require(Right::Join, &asked)?;
    let stays = stays(call, &asked, &states).await?;
    call.admit(stays.iter().map(|stay| &stay.topic)).await?;
    let _spoken = Closing::of(call, &who.id, stays.iter().map(|stay| stay.topic.clone()));
    occupants::enter(call, who, stays, timeout).await?;
    Ok(Answer::ok(Service::Presence, r#"{"status":200,"message":"OK","service":"Presence"}"#))
}

/// `/channel/{chs}/leave`.
pub(super) async fn leave(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let asked = call.asked(segment)?;
    let who = call.who()?;
    // Nobody shows the door to others who could not have come in.
    if call.tenant.settings.access_manager {
        call.require(Right::Join, &asked)?;
    }
    let mut topics: Vec<TopicName> = asked.channels().cloned().collect();
    for group in asked.groups.iter().filter(|group| !group.is_presence) {
        // Whoever may be there no more may still leave.
        topics.extend(groups::members(call, &group.name).await?);
    }
    occupants::leave(&call.broker, &who.id, &topics).await;
    let body = r#"{"status":200,"message":"OK","action":"leave","service":"Presence"}"#;
    Ok(Answer::ok(Service::Presence, body))
}

/// The states that a request tells of its user.
///
/// # Errors
/// They are none.
pub(super) fn states(call: &Call<'_>) -> Result<States, Fault> {
    call.query.states(&call.tenant.settings, &call.tenant.app.limits.json)
}

/// How long the user may be silent, if the request says so.
///
/// # Errors
/// It is no time.
pub(super) fn timeout(call: &Call<'_>) -> Result<Option<Duration>, Fault> {
    let timeout = call.query.timeout(&call.tenant.settings)?;
    Ok(call.query.number("heartbeat")?.filter(|seconds| *seconds > 0).map(|_| timeout))
}

/// Where a request says that its user is, with the states that it tells by the names of channels and groups.
///
/// # Errors
/// The groups cannot be read, or a state is none.
pub(super) async fn stays(call: &Call<'_>, asked: &Asked, states: &States) -> Result<Vec<Stay>, Fault> {
    let state = |name: &str| states.get(name).map(|state| content(call, state.get())).transpose();
    let mut stays: BTreeMap<TopicName, Option<Content>> = BTreeMap::new();
    for topic in asked.channels() {
        stays.insert(topic.clone(), state(topic.as_str())?);
    }
    for group in asked.groups.iter().filter(|group| !group.is_presence) {
        let of_group = state(&group.name)?;
        let topics = match call.in_group(Right::Join, group).await {
            // Whoever subscribes may look on where it may not be present.
            Err(fault) if call.is_subscribe && !fault.is_later() => Vec::new(),
            topics => topics?,
        };
        for topic in topics {
            let own = state(topic.as_str())?;
            let said = stays.entry(topic).or_default();
            *said = said.take().or(own).or_else(|| of_group.clone());
        }
    }
    Ok(stays.into_iter().map(|(topic, state)| Stay { topic, state }).collect())
}

/// A state as the core keeps it.
///
/// # Errors
/// It is none.
pub(super) fn content(call: &Call<'_>, state: &str) -> Result<Content, Fault> {
    translate::content(state).ok_or_else(|| Fault::bad_state(call.service))
}
