//! Channel groups: lists of channels by name, kept as documents of the app.

use std::collections::BTreeSet;

use axum::body::Bytes;

use super::access::Right;
use super::answer::{Answer, Service};
use super::call::Call;
use super::fault::Fault;
use super::names::{self, Group};
use crate::broker::{NotKept, Version};
use crate::core::TopicName;
use crate::gateway::json::{self, Members};

/// How often a change is tried again that met somebody else's.
const ATTEMPTS: usize = 32;

/// The document that names all groups.
const INDEX: &str = "pubnub-groups";

/// A set of names as it is kept.
type Names = BTreeSet<String>;

/// The channels of a group; of one that nobody made there are none.
///
/// # Errors
/// It cannot be read now.
pub(super) async fn members(call: &Call<'_>, group: &str) -> Result<Vec<TopicName>, Fault> {
    let (_, names) = read(call, &key(group)).await?;
    Ok(names.iter().filter_map(|name| TopicName::new(name).ok()).collect())
}

/// `/channel-group/{g}`: adds, removes or lists channels.
pub(super) async fn change(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let group = named(call, segment)?;
    let most = call.tenant.settings.channels_per_group;
    let of = |parameter: &str| {
        let value = call.query.raw_value(parameter);
        value.map(|value| names::members(value, most)).transpose()
    };
    let (added, removed) = (of("add")?, of("remove")?);
    if added.is_none() && removed.is_none() {
        if !call.pass.may_group(Right::Manage, &group) {
            call.pass.require(Right::Read, [], [&group])?;
        }
        let group = group.name;
        let channels = members(call, &group).await?;
        return Ok(listed(|payload| {
            list("channels", channels.iter().map(TopicName::as_str), payload);
            payload.text("group", &group);
        }));
    }
    call.pass.require(Right::Manage, [], [&group])?;
    let group = group.name;
    let names = |topics: Option<Vec<TopicName>>| -> Names {
        topics.into_iter().flatten().map(|topic| topic.as_str().to_owned()).collect()
    };
    let (added, removed) = (names(added), names(removed));
    if !added.is_empty() {
        // The index comes first, so that no group is without its name there.
        update(call, INDEX, |groups| {
            groups.insert(group.to_string());
            Ok(())
        })
        .await?;
    }
    let has_changed = update(call, &key(&group), |channels| {
        channels.extend(added.iter().cloned());
        channels.retain(|channel| !removed.contains(channel));
        if channels.len() > most { Err(Fault::full_group()) } else { Ok(()) }
    })
    .await?;
    if has_changed {
        call.tenant.desk.group_changed(&group);
    }
    Ok(done())
}

/// `/channel-group/{g}/remove`: deletes a group.
pub(super) async fn remove(call: &Call<'_>, segment: &str) -> Result<Answer, Fault> {
    let group = named(call, segment)?;
    call.pass.require(Right::Manage, [], [&group])?;
    let group = group.name;
    let has_changed = update(call, &key(&group), |channels| {
        channels.clear();
        Ok(())
    })
    .await?;
    update(call, INDEX, |groups| {
        groups.remove(&*group);
        Ok(())
    })
    .await?;
    if has_changed {
        call.tenant.desk.group_changed(&group);
    }
    Ok(done())
}

/// `/channel-group`: lists the groups.
pub(super) async fn all(call: &Call<'_>) -> Result<Answer, Fault> {
    call.pass.require_everywhere()?;
    let (_, groups) = read(call, INDEX).await?;
    Ok(listed(|payload| {
        payload.text("namespace", "");
        list("groups", groups.iter().map(String::as_str), payload);
    }))
}

/// The group of a path.
fn named(call: &Call<'_>, segment: &str) -> Result<Group, Fault> {
    let name = names::group_to_keep(&names::decoded(segment, call.service)?)?;
    Ok(Group { name, is_presence: false })
}

fn key(group: &str) -> String {
    format!("pubnub-group:{group}")
}

fn done() -> Answer {
    Answer::ok(
        Service::Registry,
        r#"{"status":200,"message":"OK","service":"channel-registry","error":false}"#,
    )
}

fn listed(fill: impl FnOnce(&mut Members<'_>)) -> Answer {
    let mut out = Vec::with_capacity(128);
    json::object(&mut out, |answer| {
        answer.number("status", 200);
        answer.object("payload", fill);
        answer.text("service", Service::Registry.name());
        answer.raw("error", b"false");
    });
    Answer::ok(Service::Registry, out)
}

fn list<'n>(key: &str, names: impl Iterator<Item = &'n str>, out: &mut Members<'_>) {
    let out = out.key(key);
    out.push(b'[');
    for (place, name) in names.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::quote(name, out);
    }
    out.push(b']');
}

async fn read(call: &Call<'_>, key: &str) -> Result<(Option<Version>, Names), Fault> {
    let document = call.broker.document(key).await.map_err(|_| call.unavailable())?;
    let Some(document) = document else { return Ok((None, Names::new())) };
    let names = serde_json::from_slice(&document.value).map_err(|_| {
        tracing::error!("a channel group is damaged");
        call.unavailable()
    })?;
    Ok((Some(document.version), names))
}

/// Changes a set of names, and says whether it is another then. One that is left empty is deleted.
async fn update(
    call: &Call<'_>,
    key: &str,
    change: impl Fn(&mut Names) -> Result<(), Fault>,
) -> Result<bool, Fault> {
    for _ in 0..ATTEMPTS {
        let (version, before) = read(call, key).await?;
        let mut names = before.clone();
        change(&mut names)?;
        if names == before {
            return Ok(false);
        }
        let value = serde_json::to_vec(&names).map_err(|_| call.unavailable())?;
        let value = Some(Bytes::from(value)).filter(|_| !names.is_empty());
        match call.broker.keep(key, version, value).await {
            Ok(_) => return Ok(true),
            Err(NotKept::Conflict) => {}
            Err(NotKept::TooLarge) => return Err(Fault::full_group()),
            Err(NotKept::Full) => return Err(Fault::too_many_groups()),
            Err(NotKept::Unavailable) => return Err(call.unavailable()),
        }
    }
    Err(call.unavailable())
}
