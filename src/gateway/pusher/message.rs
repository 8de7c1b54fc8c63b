//! Clients' own events.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use presence_protocol::pusher::{ClientFrame, compact};

use super::fault::{self, Fault};
use super::hooks::ClientEvent;
use super::names;
use super::payload;
use super::visit::Visit;
use crate::broker::ReplyTo;
use crate::core::{Command, Message, Party, TopicName};
use crate::gateway::json;

/// A client's own event that may be sent to the others.
struct Sending {
    topic: TopicName,
    data: String,
    from: Arc<Party>,
    is_member: bool,
}

impl Visit {
    /// `client-...`.
    pub(super) async fn client_event(&mut self, frame: &ClientFrame<'_>, out: &mut BytesMut) {
        let sending = match self.sendable(frame) {
            Ok(sending) => sending,
            Err(fault) => return payload::error(&fault, out),
        };
        let Sending { topic, data, from, is_member } = sending;
        let user_id = is_member.then(|| from.id.as_str());
        let (event, socket_id) = (&*frame.event, &*self.socket_id);
        let told = ClientEvent { channel: &topic, event, data: &data, socket_id, user_id };
        self.shared.hooks.client_event(self.tenant.app.slot, &told);
        let mut body = Vec::with_capacity(data.len() + 16);
        json::quote(&data, &mut body);
        let message = Message {
            session: Some(self.session),
            name: event.into(),
            body: body.into(),
            receivers: None,
            is_kept: self.tenant.settings.event_buffer,
            extra: Bytes::new(),
            from,
        };
        let command = Command::Publish(topic, Arc::new(message));
        self.broker.submit(command, None, ReplyTo::Nobody).await;
    }

    fn sendable(&mut self, frame: &ClientFrame<'_>) -> Result<Sending, Fault> {
        let settings = &self.tenant.settings;
        if !settings.client_events {
            return Err(fault::NO_CLIENT_EVENTS);
        }
        let (Some(channel), Some(data)) = (&frame.channel, frame.data) else {
            return Err(fault::BAD_CLIENT_EVENT);
        };
        if frame.event.chars().count() > settings.event_length {
            return Err(fault::LONG_EVENT);
        }
        if !names::is_guarded(channel) {
            return Err(fault::PUBLIC_CHANNEL);
        }
        let topic = names::channel(channel, settings)?;
        let stay = self.channels.get(&topic).ok_or_else(|| fault::not_connected(channel))?;
        let data = match data.get().as_bytes().first() {
            Some(b'"') => frame.data_text().unwrap_or_default().into_owned(),
            _ => compact(data.get()),
        };
        if data.len() > settings.data_bytes {
            return Err(fault::long_data(settings.data_bytes));
        }
        if !self.rates.client_events.allows(self.shared.clock.now().mono) {
            return Err(fault::RATE);
        }
        let user = self.user.as_ref().map(|user| &user.party);
        let from = Arc::clone(stay.member.as_ref().or(user).unwrap_or(&self.guest));
        Ok(Sending { topic, data, from, is_member: stay.member.is_some() })
    }
}
