//! What the SDK gives and tells, in the words of the tests.

use pubnub::core::PubNubError;
use pubnub::presence::result::{HereNowResult, SetStateResult};
use pubnub::subscribe::types::Message;
use pubnub::subscribe::{Presence, SubscribeStatus, SubscribeStreamEvent, Update};
use serde_json::{Value, json};

/// What was raised.
pub fn error(error: &PubNubError) -> Value {
    let text = error.to_string();
    match error {
        PubNubError::API { status, message, affected_channels, affected_channel_groups, .. } => json!({
            "name": "API", "text": message, "status": status, "channels": affected_channels, "groups": affected_channel_groups,
        }),
        PubNubError::Deserialization { .. } => json!({ "name": "Deserialization", "text": text }),
        PubNubError::Transport { .. } => json!({ "name": "Transport", "text": text }),
        _ => json!({ "name": "Other", "text": text }),
    }
}

/// Who is here, by channel.
pub fn here_now(result: &HereNowResult) -> Value {
    let channels = result.channels.iter().map(|channel| {
        let occupants =
            channel.occupants.iter().map(|user| json!({ "uuid": user.user_id, "state": user.state }));
        (
            channel.name.clone(),
            json!({ "occupancy": channel.occupancy, "occupants": occupants.collect::<Vec<_>>() }),
        )
    });
    json!({
        "channels": channels.collect::<serde_json::Map<_, _>>(),
        "totalChannels": result.total_channels, "totalOccupancy": result.total_occupancy,
    })
}

/// The state is private; only its form for programmers shows it.
pub fn set_state(result: &SetStateResult) -> Value {
    json!(format!("{result:?}"))
}

/// An event of the stream: its name and payload.
pub fn event(event: SubscribeStreamEvent) -> (&'static str, Value) {
    match event {
        SubscribeStreamEvent::Status(status) => ("@status", told_status(status)),
        SubscribeStreamEvent::Update(Update::Presence(presence)) => ("@presence", told_presence(presence)),
        SubscribeStreamEvent::Update(Update::Message(message)) => ("@message", told_message(message)),
        SubscribeStreamEvent::Update(Update::Signal(message)) => ("@signal", told_message(message)),
        SubscribeStreamEvent::Update(update) => ("@other", json!(format!("{update:?}"))),
    }
}

fn told_status(status: SubscribeStatus) -> Value {
    match status {
        SubscribeStatus::Connected => json!({ "category": "connected" }),
        SubscribeStatus::Reconnected => json!({ "category": "reconnected" }),
        SubscribeStatus::Disconnected => json!({ "category": "disconnected" }),
        SubscribeStatus::ConnectionError(what) => json!({ "category": "failed", "error": error(&what) }),
    }
}

fn told_message(message: Message) -> Value {
    let data = serde_json::from_slice(&message.data)
        .unwrap_or_else(|_| json!(String::from_utf8_lossy(&message.data)));
    json!({
        "channel": message.channel, "subscription": message.subscription, "publisher": message.sender,
        "message": data, "tt": message.timestamp.to_string(),
    })
}

fn told_presence(presence: Presence) -> Value {
    let of = |action: &str, channel: String, subscription: String, timestamp: usize| json!({ "action": action, "channel": channel, "subscription": subscription, "timestamp": timestamp });
    let (mut told, more) = match presence {
        Presence::Join { timestamp, uuid, channel, subscription, occupancy } => {
            (of("join", channel, subscription, timestamp), json!({ "uuid": uuid, "occupancy": occupancy }))
        }
        Presence::Leave { timestamp, uuid, channel, subscription, occupancy } => {
            (of("leave", channel, subscription, timestamp), json!({ "uuid": uuid, "occupancy": occupancy }))
        }
        Presence::Timeout { timestamp, uuid, channel, subscription, occupancy } => {
            (of("timeout", channel, subscription, timestamp), json!({ "uuid": uuid, "occupancy": occupancy }))
        }
        Presence::Interval { timestamp, channel, subscription, occupancy, join, leave, timeout } => (
            of("interval", channel, subscription, timestamp),
            json!({ "occupancy": occupancy, "join": join, "leave": leave, "timeout": timeout }),
        ),
        Presence::StateChange { timestamp, channel, subscription, uuid, data } => {
            (of("state-change", channel, subscription, timestamp), json!({ "uuid": uuid, "state": data }))
        }
    };
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}
