//! Triggering events: what a backend says to channels and users.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use futures::future::join_all;
use presence_protocol::pusher::{Batch, Trigger};

use super::call::{Call, Refusal};
use super::dialect::Shared;
use super::names::{self, SERVER_TO_USER, Socket};
use super::queries::{self, Attributes};
use super::tenant::Tenant;
use crate::broker::{Handle, Reply};
use crate::core::{Command, Message, SessionId, Timetoken, TopicName};
use crate::gateway::json::{self, Members};

/// An event that may be published.
struct Event {
    topics: Vec<TopicName>,
    message: Arc<Message>,
    info: Option<Attributes>,
}

/// `POST /apps/{id}/events`.
pub(super) async fn events(shared: &Shared, call: &Call) -> Result<Bytes, Refusal> {
    let event = if call.body.is_empty() {
        event(&call.tenant, &of_query(call), call.query.get("data").as_deref())?
    } else {
        read(&call.tenant, &parsed(&call.body)?)?
    };
    trigger(shared, call, &event).await
}

/// `POST /apps/{id}/users/{user}/events`.
pub(super) async fn to_user(shared: &Shared, call: &Call, user: &str) -> Result<Bytes, Refusal> {
    let mut body: Trigger<'_> = parsed(&call.body)?;
    body.channels = None;
    body.channel = Some(format!("{SERVER_TO_USER}{user}"));
    trigger(shared, call, &read(&call.tenant, &body)?).await
}

/// `POST /apps/{id}/channels/{channel}/events`: the body is the data, whatever it is.
pub(super) async fn to_channel(shared: &Shared, call: &Call, channel: &str) -> Result<Bytes, Refusal> {
    let data = std::str::from_utf8(&call.body).map_err(|_| Refusal::bad("The data is not UTF-8"))?;
    let asked = Asked {
        name: call.query.get("name"),
        channels: vec![channel.to_owned()],
        socket_id: call.query.get("socket_id"),
        info: None,
    };
    let event = event(&call.tenant, &asked, Some(data))?;
    publish(&call.broker(shared), &call.tenant, &event).await?;
    Ok(Bytes::from_static(b"{}"))
}

/// `POST /apps/{id}/batch_events`.
pub(super) async fn batch(shared: &Shared, call: &Call) -> Result<Bytes, Refusal> {
    let Batch { batch } = parsed(&call.body)?;
    let most = call.tenant.settings.events_per_batch;
    if batch.len() > most {
        return Err(Refusal::bad(format!("A batch has at most {most} events")));
    }
    // All are looked at before any is published.
    let events: Vec<Event> = batch.iter().map(|item| read(&call.tenant, item)).collect::<Result<_, _>>()?;
    let broker = call.broker(shared);
    let mut ids = Vec::new();
    for event in &events {
        ids.extend(publish(&broker, &call.tenant, event).await?);
    }
    let mut infos = Vec::with_capacity(events.len());
    for event in &events {
        infos.push(info(&broker, event).await?);
    }
    let mut out = Vec::with_capacity(64);
    json::object(&mut out, |answer| {
        if infos.iter().any(Option::is_some) {
            let batch = answer.key("batch");
            batch.push(b'[');
            for (place, info) in infos.iter().enumerate() {
                if place > 0 {
                    batch.push(b',');
                }
                let entry = info.iter().flatten().next();
                json::object(batch, |item| entry.iter().for_each(|(_, found)| found.write(item)));
            }
            batch.push(b']');
        }
        event_ids(&call.tenant, &ids, answer);
    });
    Ok(out.into())
}

async fn trigger(shared: &Shared, call: &Call, event: &Event) -> Result<Bytes, Refusal> {
    let broker = call.broker(shared);
    let ids = publish(&broker, &call.tenant, event).await?;
    let infos = info(&broker, event).await?;
    let mut out = Vec::with_capacity(64);
    json::object(&mut out, |answer| {
        if let Some(infos) = infos {
            answer.object("channels", |channels| {
                for (topic, found) in infos {
                    channels.object(topic.as_str(), |channel| found.write(channel));
                }
            });
        }
        event_ids(&call.tenant, &ids, answer);
    });
    Ok(out.into())
}

fn parsed<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::bad(format!("The body is not what it should be: {error}")))
}

/// The parameters of an event in the query, as very old libraries send them.
fn of_query(call: &Call) -> Asked {
    let mut channels: Vec<String> = call.query.all("channels[]").collect();
    if channels.is_empty() {
        channels.extend(call.query.get("channel"));
    }
    Asked {
        name: call.query.get("name"),
        channels,
        socket_id: call.query.get("socket_id"),
        info: call.query.get("info"),
    }
}

/// What is asked of an event, apart from its data.
struct Asked {
    name: Option<String>,
    channels: Vec<String>,
    socket_id: Option<String>,
    info: Option<String>,
}

fn read(tenant: &Tenant, body: &Trigger<'_>) -> Result<Event, Refusal> {
    let channels = match (&body.channels, &body.channel) {
        (Some(channels), _) => channels.clone(),
        (None, Some(channel)) => vec![channel.clone()],
        (None, None) => Vec::new(),
    };
    let asked = Asked {
        name: body.name.as_deref().map(str::to_owned),
        channels,
        socket_id: body.socket_id.clone(),
        info: body.info.clone(),
    };
    event(tenant, &asked, body.data_text().as_deref())
}

fn event(tenant: &Tenant, asked: &Asked, data: Option<&str>) -> Result<Event, Refusal> {
    let settings = &tenant.settings;
    let name = asked.name.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::bad("Missing required parameter: name"))?;
    if name.chars().count() > settings.event_length {
        return Err(Refusal::bad(format!(
            "The event name is longer than {} characters",
            settings.event_length
        )));
    }
    if names::is_reserved(name) {
        return Err(Refusal::bad("Event names that begin with pusher: or pusher_internal: are reserved"));
    }
    let data = data.ok_or_else(|| Refusal::bad("Missing required parameter: data"))?;
    if data.len() > settings.data_bytes {
        let limit = settings.data_bytes;
        let why = format!(
            "The data content of this event exceeds the allowed maximum ({limit} bytes). See apps.pusher.data_bytes for more info"
        );
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, why));
    }
    let topics = topics(tenant, &asked.channels)?;
    let session = match &asked.socket_id {
        Some(socket_id) => excluded(socket_id)?,
        None => None,
    };
    let info = asked.info.as_deref().map(|info| Attributes::parse(info, false)).transpose()?;
    let mut body = Vec::with_capacity(data.len() + data.len() / 4 + 2);
    json::quote(data, &mut body);
    let message = Message {
        from: Arc::clone(&tenant.backend),
        session,
        name: name.into(),
        body: body.into(),
        receivers: None,
        is_kept: true,
        extra: Bytes::new(),
    };
    Ok(Event { topics, message: Arc::new(message), info })
}

fn topics(tenant: &Tenant, channels: &[String]) -> Result<Vec<TopicName>, Refusal> {
    let most = tenant.settings.channels_per_trigger;
    if channels.is_empty() {
        return Err(Refusal::bad("Missing required parameter: channels"));
    }
    if channels.len() > most {
        return Err(Refusal::bad(format!("An event can be triggered on at most {most} channels")));
    }
    let mut seen = BTreeSet::new();
    let mut topics = Vec::with_capacity(channels.len());
    for channel in channels {
        let topic = names::target(channel, &tenant.settings);
        let topic = topic.map_err(|fault| Refusal::bad(fault.message.into_owned()))?;
        if seen.insert(topic.clone()) {
            topics.push(topic);
        }
    }
    Ok(topics)
}

/// The session that is not sent an event: the one that caused it.
fn excluded(socket_id: &str) -> Result<Option<SessionId>, Refusal> {
    match names::socket(socket_id) {
        Some(Socket::Of(session)) => Ok(Some(session)),
        Some(Socket::Unknown) => Ok(None),
        None => Err(Refusal::bad("Invalid socket_id: it is two numbers with a dot between")),
    }
}

/// Publishes an event on each of its channels, and says its place on each.
async fn publish(
    broker: &Handle,
    tenant: &Tenant,
    event: &Event,
) -> Result<Vec<(TopicName, Timetoken)>, Refusal> {
    let asked = event.topics.iter().map(|topic| {
        let (topic, message) = (topic.clone(), Arc::clone(&event.message));
        broker.ask(if names::is_cache(topic.as_str()) {
            tenant.fills(&topic);
            Command::Retain(topic, message, tenant.settings.cache_lasts)
        } else {
            Command::Publish(topic, message)
        })
    });
    let replies = join_all(asked).await;
    let place = |(topic, reply): (&TopicName, Reply)| match reply {
        Reply::Done { stamp, .. } => Ok((topic.clone(), stamp.timetoken)),
        _ => Err(Refusal::unavailable()),
    };
    event.topics.iter().zip(replies).map(place).collect()
}

/// What was asked about the channels of an event.
async fn info(broker: &Handle, event: &Event) -> Result<Option<Vec<(TopicName, queries::Found)>>, Refusal> {
    let Some(attributes) = event.info else { return Ok(None) };
    let topics = event.topics.clone();
    let found = broker.read(move |roster, _, now| {
        topics.into_iter().map(|topic| (topic.clone(), attributes.find(roster, &topic, now.wall))).collect()
    });
    found.await.map(Some).ok_or_else(Refusal::unavailable)
}

/// The places of events, if the app keeps them: the last one of each channel.
fn event_ids(tenant: &Tenant, ids: &[(TopicName, Timetoken)], answer: &mut Members<'_>) {
    if !tenant.settings.event_buffer {
        return;
    }
    answer.object("event_ids", |by_channel| {
        for (place, (topic, id)) in ids.iter().enumerate() {
            if !ids[place + 1..].iter().any(|(later, _)| later == topic) {
                by_channel.text(topic.as_str(), &id.to_string());
            }
        }
    });
}
