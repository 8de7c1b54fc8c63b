//! `SEND_MESSAGE` and `SEND_MEDIA_SESSION_EVENTS`.

use bytes::BytesMut;
use presence_protocol::Object;
use presence_protocol::native::{SendMedia, SendMessage, category, event};
use uuid::Uuid;

use super::asked::{Asked, Online, What};
use super::channels::beside;
use super::fault::{self, Fault};
use super::payload::{self, Detail, Receiver};
use super::presence::{Saying, check_category, owned};
use super::translate::{self, Speaker};
use super::visit::{Request, Visit};
use crate::broker::CloseReason;
use crate::core::{Now, Party, TopicName, Wall};
use crate::gateway::json::{self, Members};
use crate::gateway::principal::{Action, Principal};
use crate::gateway::spaces::Space;

/// What clients may not say themselves: the hub does, or it would claim to be somebody else.
const OWNED: [&str; 24] = [
    "_id",
    "category",
    "content",
    "created",
    "displayname",
    "from",
    "fromId",
    "hub",
    "loopbackMetadata",
    "picture_url",
    "publisher",
    "receivers",
    "sender",
    "senderId",
    "sessionId",
    "topicId",
    "topicTitle",
    "topicType",
    "user",
    "userId",
    "user_id",
    "username",
    "uuid",
    "type",
];

impl Visit {
    /// `SEND_MESSAGE`.
    pub(super) async fn message(&mut self, request: &Request<'_>, now: Now, out: &mut BytesMut) {
        let payload = request.payload.clone().unwrap_or_default();
        let event = SendMessage::of(&payload);
        let served = match self.sayable(&event).await {
            Ok((topic, receivers)) => self.send(request, &event, (topic, receivers), now).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = served {
            let error = failure(&fault);
            let own: &[&str] = if fault == fault::NOT_SUBSCRIBED {
                &["category", "sender", "error"]
            } else {
                &["sender", "error"]
            };
            let failed = beside(&payload, own, |failed| {
                if fault == fault::NOT_SUBSCRIBED {
                    failed.text("category", error);
                }
                self.sender(Detail::Message, failed.key("sender"));
                failed.text("error", error);
            });
            self.emit(event::SEND_MESSAGE_FAILED, &failed, out);
            self.answer(request.id, Err(&fault), out);
        }
    }

    async fn sayable(&self, event: &SendMessage<'_>) -> Result<(TopicName, Option<Vec<Receiver>>), Fault> {
        let topic = self.place(event.topic_id.as_deref(), Action::Publish)?;
        if event.content.is_none() {
            return Err(fault::BAD_CONTENT);
        }
        check_category(&self.principal, event.category.as_deref().unwrap_or_default())?;
        let receivers = self.receivers(&topic, &event.receivers).await?;
        Ok((topic, receivers))
    }

    async fn send(
        &mut self,
        request: &Request<'_>,
        event: &SendMessage<'_>,
        (topic, receivers): (TopicName, Option<Vec<Receiver>>),
        now: Now,
    ) -> Result<(), Fault> {
        let category = event.category.as_deref().unwrap_or("chat");
        let space = self.space(&topic).await;
        let from = (&*self.principal.party, now.wall);
        let mut body = Vec::with_capacity(1024);
        json::object(&mut body, |message| {
            compose(message, (&topic, &space), category, from);
            write_content(&event.content.clone().unwrap_or_default(), message);
            pass_on(request.payload.as_ref(), receivers.as_deref(), message);
        });
        check_body(&self.principal, &body)?;
        let what = What::Message { topic: topic.clone(), category: category.into() };
        let saying = Saying { topic, event: event::MESSAGE_SENT, body, receivers, is_kept: true };
        self.publish(saying, owned(event.loopback), Asked { ids: request.ids(), what }).await;
        Ok(())
    }

    /// Tells the client that a message was not sent after all.
    pub(super) fn unsent(
        &self,
        topic: &TopicName,
        category: &str,
        fault: Fault,
        out: &mut BytesMut,
    ) -> Fault {
        let mut failed = Vec::with_capacity(384);
        json::object(&mut failed, |failed| {
            failed.text("category", category);
            failed.text("topicId", topic.as_str());
            self.sender(Detail::Message, failed.key("sender"));
            failed.text("error", failure(&fault));
        });
        self.emit(event::SEND_MESSAGE_FAILED, &failed, out);
        fault
    }

    /// `SEND_MEDIA_SESSION_EVENTS`.
    pub(super) async fn media(
        &mut self,
        request: &Request<'_>,
        now: Now,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        let payload = request.payload.clone().unwrap_or_default();
        let event = SendMedia::of(&payload);
        match self.relay_media(request, &payload, &event).await {
            Ok(topic) => self.merge_media(topic, &event, now, out).await,
            Err(fault) => {
                // Clients end their media after they have unsubscribed: so it is.
                let has_ended = event.category.as_deref() == Some(category::VIDEO_END);
                if has_ended && fault == fault::NOT_SUBSCRIBED {
                    self.answer(request.id, Ok(()), out);
                    return Ok(());
                }
                let topic = event.topic_id.as_deref().unwrap_or_default();
                let loopback = event.loopback.map(|value| value.get().as_bytes());
                let fault = self.invalid(topic, loopback, fault, out);
                self.answer(request.id, Err(&fault), out);
                Ok(())
            }
        }
    }

    async fn relay_media(
        &mut self,
        request: &Request<'_>,
        payload: &Object<'_>,
        event: &SendMedia<'_>,
    ) -> Result<TopicName, Fault> {
        let category = event.category.as_deref().ok_or(fault::NO_CATEGORY)?;
        let topic = self.place(event.topic_id.as_deref(), Action::Publish)?;
        check_category(&self.principal, category)?;
        let receivers = self.receivers(&topic, &event.receivers).await?;
        let mut body = Vec::with_capacity(1024);
        json::object(&mut body, |written| {
            written.text("category", category);
            written.text("topicId", topic.as_str());
            if let Some(content) = payload.object("content") {
                let by = (&*self.principal.party, self.session);
                translate::passing(&content, by, self.principal.role, false, written.key("content"));
            }
            self.sender(Detail::Full, written.key("sender"));
            for key in ["created", "topicTitle"] {
                if let Some(value) = payload.get(key) {
                    written.raw(key, value.get().as_bytes());
                }
            }
            pass_on(request.payload.as_ref(), receivers.as_deref(), written);
        });
        check_body(&self.principal, &body)?;
        let event_name = event::MEDIA_SESSION_RESPONSE;
        let saying = Saying { topic: topic.clone(), event: event_name, body, receivers, is_kept: true };
        self.relay(saying, owned(event.loopback), request.ids()).await;
        Ok(topic)
    }

    /// What a member says of its media is part of its presence too.
    async fn merge_media(
        &mut self,
        topic: TopicName,
        event: &SendMedia<'_>,
        now: Now,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        let has_ended = event.category.as_deref() == Some(category::VIDEO_END);
        let concerns_presence = has_ended || event.category.as_deref() == Some(category::TRACKS_STATUS);
        let Some(stay) = self.topics.get(&topic).filter(|stay| concerns_presence && stay.is_member) else {
            return Ok(());
        };
        let media = event.media_session.clone().unwrap_or_default();
        let (said, limit) = (stay.said.clone(), self.principal.app.limits.content_bytes);
        let speaker = Speaker { role: self.role_in(&topic).await, limit };
        let content = match translate::with_media(&said, &media, has_ended, speaker) {
            Ok(content) => content,
            Err(fault) => {
                // It was told as an event all the same.
                self.invalid(topic.as_str(), None, fault, out);
                return Ok(());
            }
        };
        let online = Online { topic, content, loopback: None, is_quiet: true, is_join: false };
        self.say(online, Vec::new(), now).await
    }
}

/// What `SEND_MESSAGE_FAILED` says of a fault.
fn failure(fault: &Fault) -> &'static str {
    match fault.code {
        "not.authorized" => "not.authorized.by.topic.policy",
        code => code,
    }
}

/// What is kept for those who come back is bounded.
pub(super) fn check_body(principal: &Principal, body: &[u8]) -> Result<(), Fault> {
    let most = principal.app.limits.content_bytes.saturating_mul(2);
    if body.len() <= most { Ok(()) } else { Err(fault::LONG_CONTENT) }
}

/// Appends what the hub says of a message: its name and place, when it was said and by whom.
pub(super) fn compose(
    message: &mut Members<'_>,
    (topic, space): (&TopicName, &Space),
    category: &str,
    (from, at): (&Party, Wall),
) {
    message.text("_id", &Uuid::new_v4().simple().to_string()[..24]);
    message.text("category", category);
    message.text("topicId", topic.as_str());
    message.text("topicTitle", &space.title);
    message.text("topicType", space.kind.as_str());
    message.text("created", &payload::iso(at));
    payload::person(from, Detail::Message, message.key("sender"));
}

/// Appends a message's content, with what every one has.
pub(super) fn write_content(content: &Object<'_>, message: &mut Members<'_>) {
    message.object("content", |written| {
        payload::message_defaults(written, |key| content.get(key).is_some());
        for (key, value) in content.iter().filter(|(key, _)| *key != "loopbackMetadata") {
            written.raw(key, value.get().as_bytes());
        }
    });
}

/// Appends what a client's payload says beside what the hub says itself, and the receivers if there are some.
pub(super) fn pass_on(
    payload: Option<&Object<'_>>,
    receivers: Option<&[Receiver]>,
    written: &mut Members<'_>,
) {
    for (key, value) in payload.into_iter().flat_map(Object::iter).filter(|(key, _)| !OWNED.contains(key)) {
        written.raw(key, value.get().as_bytes());
    }
    if let Some(receivers) = receivers {
        written.raw("receivers", &payload::receivers(receivers));
    }
}
