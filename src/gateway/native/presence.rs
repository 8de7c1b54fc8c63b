//! `SEND_PRESENCE_EVENT`: being present, ceasing to be, asking who is, and what merely passes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use presence_protocol::Object;
use presence_protocol::native::{Receivers, Role, SendPresence, category, event};
use serde_json::value::RawValue;

use super::asked::{Asked, Online, What};
use super::fault::{self, Fault};
use super::framing::Place;
use super::payload::{self, Detail, Receiver};
use super::translate::{self, Speaker};
use super::visit::{Request, Visit};
use crate::broker::{CloseReason, Handle, ReplyTo, Roll};
use crate::core::{Cause, Command, Message, Now, PartyId, PartyKind, TopicName};
use crate::gateway::json;
use crate::gateway::principal::{Action, Principal};

/// The longest category.
const MAX_CATEGORY: usize = 128;

/// Why an event was not served.
#[derive(Debug)]
pub(super) enum Unserved {
    /// The client is told.
    Fault(Fault),
    /// The connection ends.
    Close(CloseReason),
}

impl From<Fault> for Unserved {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<CloseReason> for Unserved {
    fn from(reason: CloseReason) -> Self {
        Self::Close(reason)
    }
}

/// Something to be said in a topic.
#[derive(Debug)]
pub(super) struct Saying {
    /// Where.
    pub(super) topic: TopicName,
    /// The event that viewers get.
    pub(super) event: &'static str,
    /// Its payload.
    pub(super) body: Vec<u8>,
    /// The only parties to hear it.
    pub(super) receivers: Option<Vec<Receiver>>,
    /// Whether it is kept for those who come back; what only some may hear is not.
    pub(super) is_kept: bool,
}

impl Visit {
    /// `SEND_PRESENCE_EVENT`.
    pub(super) async fn presence(
        &mut self,
        request: &Request<'_>,
        now: Now,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        let payload = request.payload.clone().unwrap_or_default();
        let event = SendPresence::of(&payload);
        if let Some(sender) = self.telephone(request) {
            let served = self.dialled_in(&sender, request, &event, out).await;
            return self.tell_unserved(served, request, &event, out);
        }
        if event.category.as_deref() == Some(category::LEAVES) {
            self.leaves(request, &event, out).await;
            return Ok(());
        }
        let served = self.serve_presence(request, &event, now).await;
        self.tell_unserved(served, request, &event, out)
    }

    /// Tells the client why its event was not served, if it was not.
    fn tell_unserved(
        &self,
        served: Result<(), Unserved>,
        request: &Request<'_>,
        event: &SendPresence<'_>,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        match served {
            Ok(()) => Ok(()),
            Err(Unserved::Close(reason)) => Err(reason),
            Err(Unserved::Fault(fault)) => {
                let topic = event.topic_id.as_deref().unwrap_or_default();
                let loopback = event.loopback.map(|value| value.get().as_bytes());
                let fault = self.invalid(topic, loopback, fault, out);
                self.answer(request.id, Err(&fault), out);
                Ok(())
            }
        }
    }

    async fn serve_presence(
        &mut self,
        request: &Request<'_>,
        event: &SendPresence<'_>,
        now: Now,
    ) -> Result<(), Unserved> {
        let category = event.category.as_deref().ok_or(fault::NO_CATEGORY)?;
        let topic = self.place(event.topic_id.as_deref(), Action::Presence)?;
        match category {
            category::ONLINE => self.online(&topic, request, event, now).await,
            category::REQUEST_PARTIES => self.request_parties(&topic, request, event, now).await,
            name => self.pass(&topic, name, request, event).await,
        }
    }

    /// The topic of an event, if it is subscribed and the token allows the action there.
    pub(super) fn place(&self, named: Option<&str>, action: Action) -> Result<TopicName, Fault> {
        let topic = match named {
            Some(name) => TopicName::new(name)?,
            None => self.only_topic().cloned().ok_or(fault::NOT_SUBSCRIBED)?,
        };
        if !self.topics.contains_key(&topic) {
            return Err(fault::NOT_SUBSCRIBED);
        }
        if self.may(action, &topic) { Ok(topic) } else { Err(fault::NOT_AUTHORIZED) }
    }

    async fn online(
        &mut self,
        topic: &TopicName,
        request: &Request<'_>,
        event: &SendPresence<'_>,
        now: Now,
    ) -> Result<(), Unserved> {
        let role = self.role_in(topic).await;
        let speaker = Speaker { role, limit: self.principal.app.limits.content_bytes };
        let content = translate::said(event.content.map(RawValue::get), speaker)?;
        let loopback = owned(event.loopback);
        let receivers = self.receivers(topic, &event.receivers).await?;
        let Some(receivers) = receivers else {
            let online = Online { topic: topic.clone(), content, loopback, is_quiet: false, is_join: false };
            return Ok(self.say(online, request.ids(), now).await?);
        };
        // An answer to somebody says what is so: the roster has it too, but only the receivers are told.
        let view = self.view(content.clone());
        let body = payload::plain_online(topic, &view, &payload::receivers(&receivers));
        let topic = topic.clone();
        let online = Online { topic: topic.clone(), content, loopback: None, is_quiet: true, is_join: false };
        self.say(online, Vec::new(), now).await?;
        let event = event::PRESENCE_EVENT_RESPONSE;
        let saying = Saying { topic, event, body, receivers: Some(receivers), is_kept: false };
        self.relay(saying, loopback, request.ids()).await;
        Ok(())
    }

    async fn leaves(&mut self, request: &Request<'_>, event: &SendPresence<'_>, out: &mut BytesMut) {
        let named = event.topic_id.as_deref().map(TopicName::new);
        let topic = match named {
            Some(named) => named.ok(),
            None => self.only_topic().cloned(),
        };
        let stay = topic.as_ref().and_then(|topic| self.topics.get_mut(topic));
        let (Some(topic), Some(stay)) = (topic, stay) else {
            // Clients leave what they have unsubscribed already, or are out of for another reason: so it is.
            return self.answer(request.id, Ok(()), out);
        };
        let was_member = std::mem::take(&mut stay.is_member);
        let held = stay.held.take();
        self.forget_held(&topic, held, out);
        if !was_member {
            return self.answer(request.id, Ok(()), out);
        }
        let command = Command::Leave { session: self.session, topic, cause: Cause::Left };
        self.submit(command, owned(event.loopback), Asked { ids: request.ids(), what: What::Leave }).await;
    }

    async fn request_parties(
        &mut self,
        topic: &TopicName,
        request: &Request<'_>,
        event: &SendPresence<'_>,
        now: Now,
    ) -> Result<(), Unserved> {
        if !self.paces.parties.allows(now.mono) {
            return Err(fault::TOO_FAST.into());
        }
        let mut body = Vec::with_capacity(512);
        json::object(&mut body, |payload| {
            payload.text("category", category::REQUEST_PARTIES);
            payload.object("content", |content| {
                content.text("sessionId", &payload::session_text(&self.principal.party, self.session));
                content.raw("data", b"[]");
            });
            self.sender(Detail::Brief, payload.key("sender"));
            payload.text("topicId", topic.as_str());
        });
        let (topic, event_name) = (topic.clone(), event::PRESENCE_EVENT_RESPONSE);
        let saying =
            Saying { topic: topic.clone(), event: event_name, body, receivers: None, is_kept: false };
        // The request is acknowledged with its answer, which comes later.
        self.relay(saying, owned(event.loopback), Vec::new()).await;
        let asked = Asked { ids: request.ids(), what: What::Parties { topic: topic.clone() } };
        let reply = ReplyTo::Session(self.session, self.asked.note(asked));
        self.broker.roster(topic, reply).await;
        Ok(())
    }

    /// One `online` for each member, to whoever asked for them.
    pub(super) fn parties(&self, topic: &TopicName, roll: &Roll, out: &mut BytesMut) {
        let party = &self.principal.party;
        let receivers = payload::receivers(&[(party.id.clone(), Some(Arc::clone(party)))]);
        let members = roll.rendered_members(self.shared.encoder, |member| {
            payload::online(topic, roll.snapshot.stamp, member, NOBODY).into()
        });
        for (member, payload) in roll.snapshot.members.iter().zip(members.iter()) {
            let (before, after) = around_receivers(payload);
            let parts = [before, &receivers, after];
            // A telephone's names no receivers.
            let is_whole = member.party.kind == PartyKind::Phone;
            let parts = if is_whole { &[&payload[..]][..] } else { &parts };
            self.shared.framing.event(event::PRESENCE_EVENT_RESPONSE, parts, Place::default(), out);
        }
    }

    /// Passes an event on that means nothing to the hub, such as typing.
    async fn pass(
        &mut self,
        topic: &TopicName,
        category: &str,
        request: &Request<'_>,
        event: &SendPresence<'_>,
    ) -> Result<(), Unserved> {
        check_category(&self.principal, category)?;
        let content = match event.content {
            Some(content) => Object::of(content).ok_or(fault::BAD_CONTENT)?,
            None => Object::default(),
        };
        let receivers = self.receivers(topic, &event.receivers).await?;
        let mut body = Vec::with_capacity(512);
        json::object(&mut body, |payload| {
            payload.text("category", category);
            let by = (&*self.principal.party, self.session);
            translate::passing(&content, by, self.principal.role, true, payload.key("content"));
            payload.raw("receivers", &payload::receivers(receivers.as_deref().unwrap_or_default()));
            self.sender(Detail::Full, payload.key("sender"));
            payload.text("topicId", topic.as_str());
        });
        let (topic, name) = (topic.clone(), event::PRESENCE_EVENT_RESPONSE);
        let saying = Saying { topic, event: name, body, receivers, is_kept: false };
        self.relay(saying, owned(event.loopback), request.ids()).await;
        Ok(())
    }

    /// The receivers that an event of this connection names.
    pub(super) async fn receivers(
        &self,
        topic: &TopicName,
        named: &Receivers<'_>,
    ) -> Result<Option<Vec<Receiver>>, Fault> {
        receivers(&self.broker, &self.principal, topic, named).await
    }

    /// Says something that concerns presence or media; a refusal is told as such.
    pub(super) async fn relay(&mut self, saying: Saying, loopback: Option<Bytes>, ids: Vec<Box<str>>) {
        let what = What::Relay { topic: saying.topic.clone(), loopback: loopback.clone() };
        self.publish(saying, loopback, Asked { ids, what }).await;
    }

    pub(super) async fn publish(&mut self, saying: Saying, loopback: Option<Bytes>, asked: Asked) {
        let receivers = saying.receivers.map(|named| named.into_iter().map(|(id, _)| id).collect());
        let message = Message {
            from: Arc::clone(&self.principal.party),
            session: Some(self.session),
            name: saying.event.into(),
            body: saying.body.into(),
            is_kept: saying.is_kept && receivers.is_none(),
            extra: Bytes::new(),
            receivers,
        };
        self.submit(Command::Publish(saying.topic, Arc::new(message)), loopback, asked).await;
    }

    /// Tells the client that an event could not be processed.
    pub(super) fn invalid(
        &self,
        topic: &str,
        loopback: Option<&[u8]>,
        fault: Fault,
        out: &mut BytesMut,
    ) -> Fault {
        let payload = payload::invalid(topic, &self.principal.party, loopback, &fault);
        self.shared.framing.event(event::PRESENCE_EVENT_RESPONSE, &[&payload], Place::default(), out);
        fault
    }
}

/// Some categories are the hub's alone, and some an administrator's: whoever sees them acts on them.
pub(super) fn check_category(principal: &Principal, category: &str) -> Result<(), Fault> {
    let is_hubs = matches!(category, category::REMOVED | category::INVALID) || category.starts_with("hub.");
    let is_guarded = category.starts_with("app.event.") || category == "topic.updated";
    if category.len() > MAX_CATEGORY {
        return Err(fault::LONG_CATEGORY);
    }
    if is_hubs || (is_guarded && principal.role < Role::Admin) { Err(fault::RESERVED) } else { Ok(()) }
}

/// The receivers that an event names, as the hub knows them; `None` is everybody.
pub(super) async fn receivers(
    broker: &Handle,
    by: &Principal,
    topic: &TopicName,
    named: &Receivers<'_>,
) -> Result<Option<Vec<Receiver>>, Fault> {
    let Receivers::Named(named) = named else { return Ok(None) };
    if named.len() > by.app.limits.receivers {
        return Err(fault::BAD_RECEIVERS);
    }
    let mut ids: Vec<PartyId> = named.iter().filter_map(|id| PartyId::new(id).ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Err(fault::BAD_RECEIVERS);
    }
    let topic = topic.clone();
    let known = broker.read(move |roster, _, _| {
        let topic = roster.topic(&topic);
        let party =
            |id: &PartyId| topic.and_then(|topic| topic.member(id)).map(|known| Arc::clone(&known.party));
        ids.into_iter().map(|id| (party(&id), id)).map(|(party, id)| (id, party)).collect()
    });
    Ok(Some(known.await.ok_or(fault::STOPPING)?))
}

/// No receivers, as a list.
const NOBODY: &[u8] = b"[]";

/// What stands before and after the empty list of receivers in a payload that the hub has written; nothing before it where there is none.
fn around_receivers(payload: &[u8]) -> (&[u8], &[u8]) {
    const KEY: &[u8] = b"\"receivers\":";
    // It is the second member, so what comes first is the hub's own.
    match memchr::memmem::find(&payload[..payload.len().min(128)], KEY) {
        Some(at) => {
            let start = at + KEY.len();
            (&payload[..start], &payload[start + NOBODY.len()..])
        }
        None => (&[], payload),
    }
}

/// A value to be kept until it goes back to its author.
pub(super) fn owned(value: Option<&RawValue>) -> Option<Bytes> {
    value.map(|value| Bytes::copy_from_slice(value.get().as_bytes()))
}
