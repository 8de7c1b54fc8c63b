//! Publish and signal: what users say in channels.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::value::RawValue;

use super::access::Right;
use super::answer::{Answer, Service};
use super::call::Call;
use super::encode::Extra;
use super::fault::{Fault, Unsent};
use super::names::{self, Name};
use crate::broker::Reply;
use crate::core::{Command, Message, Timetoken, TopicName};
use crate::gateway::json;

/// How messages and signals are called in other dialects.
const MESSAGE: &str = "message";
const SIGNAL: &str = "signal";

/// How many characters a custom type may have.
const TYPE_LENGTH: std::ops::RangeInclusive<usize> = 3..=50;

/// What is to be said.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// The publish key, as the path has it.
    pub(super) key: &'a str,
    /// The channel, as the path has it.
    pub(super) channel: &'a str,
    /// The JSON, decoded or unpacked.
    pub(super) body: &'a [u8],
    /// Whether it is a signal.
    pub(super) is_signal: bool,
}

/// Says something, and answers when it was said.
pub(super) async fn publish(call: &Call<'_>, said: Said<'_>) -> Result<Answer, Fault> {
    let (topic, message) = match read(call, &said) {
        Ok(read) => read?,
        Err(why) => return Err(Fault::unsent(why, call.now().await?)),
    };
    call.pass.require(Right::Write, [&Name::of_channel(&topic)], [])?;
    call.admit([&topic].into_iter()).await?;
    let backlog = call.tenant.desk.follow(&call.broker).await;
    // Whoever says more than can be told waits, so that nothing that was accepted is lost.
    let bytes = message.as_ref().map_or(0, |message| message.body.len() + message.extra.len());
    let _promise = backlog.room_for(bytes).await;
    call.tenant.desk.touch([&topic].into_iter());
    let at = match message {
        Some(message) => match call.broker.ask(Command::Publish(topic, Arc::new(message))).await {
            Reply::Done { stamp, .. } => stamp.timetoken,
            _ => return Err(call.unavailable()),
        },
        // It was meant for no subscriber.
        None => call.now().await?,
    };
    Ok(sent(at))
}

/// What is to be said, and where; no message if it is for no subscriber.
type Read = Result<(TopicName, Option<Message>), Fault>;

fn read(call: &Call<'_>, said: &Said<'_>) -> Result<Read, Unsent> {
    let settings = &call.tenant.settings;
    if said.key != settings.publish_key {
        return Err(Unsent::Key);
    }
    let most = if said.is_signal { settings.signal_bytes } else { settings.message_bytes };
    if said.body.len() > most {
        return Err(if said.is_signal { Unsent::LongSignal } else { Unsent::TooLarge });
    }
    let topic = match names::channel(said.channel, Service::PubSub) {
        Ok(topic) if topic.as_str().ends_with(".*") => return Err(Unsent::Pattern),
        Ok(topic) => topic,
        Err(_) => return Err(Unsent::Channel),
    };
    let caps = &call.tenant.app.limits.json;
    let text = std::str::from_utf8(said.body).map_err(|_| Unsent::Json)?.trim();
    let is_json = |text: &str| {
        // It is only passed on: how long it is bounds it.
        let keys = u32::try_from(most).unwrap_or(u32::MAX);
        json::check(text, &json::Caps { string: most, keys, ..*caps }).is_ok()
            && serde_json::from_str::<&RawValue>(text).is_ok()
    };
    if !is_json(text) {
        return Err(Unsent::Json);
    }
    let extra = match extra(call, said.is_signal, &is_json) {
        Ok(extra) => extra?,
        Err(fault) => return Ok(Err(fault)),
    };
    Ok(message(call, said.is_signal, text, extra).map(|message| (topic, message)))
}

fn message(call: &Call<'_>, is_signal: bool, text: &str, extra: Bytes) -> Result<Option<Message>, Fault> {
    let is_kept = call.query.text("store")?.as_deref() != Some("0") && !is_signal;
    let is_for_nobody = !is_kept && !is_signal && call.query.flag("norep").unwrap_or_default();
    let from = Arc::clone(call.party.as_ref().unwrap_or(&call.tenant.nobody));
    let message = Message {
        from,
        session: None,
        name: if is_signal { SIGNAL } else { MESSAGE }.into(),
        body: Bytes::copy_from_slice(text.as_bytes()),
        receivers: None,
        is_kept,
        extra,
    };
    Ok(Some(message).filter(|_| !is_for_nobody))
}

/// What goes with a message.
fn extra(
    call: &Call<'_>,
    is_signal: bool,
    is_json: &dyn Fn(&str) -> bool,
) -> Result<Result<Bytes, Unsent>, Fault> {
    let (meta, origin) = (call.query.some("meta")?, call.query.some("ortt")?);
    let kind = call.query.some("custom_message_type")?;
    let raw = |text: &'_ Option<std::borrow::Cow<'_, str>>| match text {
        Some(text) if is_json(text) => Ok(RawValue::from_string(text.trim().to_owned()).ok()),
        Some(_) => Err(Unsent::Json),
        None => Ok(None),
    };
    let (meta, origin) = match (raw(&meta), raw(&origin)) {
        (Ok(meta), Ok(origin)) => (meta, origin),
        (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
    };
    let is_type = |kind: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        TYPE_LENGTH.contains(&kind.len()) && kind.bytes().all(is_plain)
    };
    if kind.as_deref().is_some_and(|kind| !is_type(kind)) {
        return Ok(Err(Unsent::Type));
    }
    let extra = Extra {
        e: is_signal.then_some(1),
        s: call.query.number("seqn").unwrap_or_default(),
        o: origin.as_deref(),
        u: meta.as_deref(),
        cmt: kind.as_deref(),
    };
    let written = serde_json::to_vec(&extra).map(Bytes::from);
    Ok(written.map_err(|_| Unsent::Json))
}

fn sent(at: Timetoken) -> Answer {
    Answer::ok(Service::PubSub, format!("[1,\"Sent\",\"{at}\"]"))
}
