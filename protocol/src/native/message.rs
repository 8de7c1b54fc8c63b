//! Messages, and what parties say of their media sessions.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::party::{Sender, present};
use super::presence::{Receivers, topic_of};
use crate::Object;

/// `SEND_MESSAGE`.
#[derive(Debug, Clone)]
pub struct SendMessage<'a> {
    /// `chat`, `idea` or `task`.
    pub category: Option<Cow<'a, str>>,
    /// The topic: from the payload, else from the content; empty counts as absent.
    pub topic_id: Option<Cow<'a, str>>,
    /// What is said; `None` if it is no object.
    pub content: Option<Object<'a>>,
    /// Whom it is for.
    pub receivers: Receivers<'a>,
    /// What the author wants back; any JSON, also `null`.
    pub loopback: Option<&'a RawValue>,
}

impl<'a> SendMessage<'a> {
    /// Reads a payload.
    #[must_use]
    pub fn of(payload: &Object<'a>) -> Self {
        let content = payload.object("content");
        Self {
            category: payload.text("category").filter(|category| !category.is_empty()),
            topic_id: topic_of(payload, &content.clone().unwrap_or_default()),
            content,
            receivers: Receivers::of(payload),
            loopback: payload.get("loopbackMetadata"),
        }
    }
}

/// `SEND_MEDIA_SESSION_EVENTS`.
#[derive(Debug, Clone)]
pub struct SendMedia<'a> {
    /// What it says, with `trackstatus` as `tracksstatus`.
    pub category: Option<Cow<'a, str>>,
    /// The topic: from the payload, else from the content; empty counts as absent.
    pub topic_id: Option<Cow<'a, str>>,
    /// The media session, if the content has one.
    pub media_session: Option<Object<'a>>,
    /// Whom it is for.
    pub receivers: Receivers<'a>,
    /// What the author wants back; any JSON, also `null`.
    pub loopback: Option<&'a RawValue>,
}

impl<'a> SendMedia<'a> {
    /// Reads a payload.
    #[must_use]
    pub fn of(payload: &Object<'a>) -> Self {
        let content = payload.object("content").unwrap_or_default();
        let category = payload.text("category").filter(|category| !category.is_empty());
        Self {
            category: category.map(|name| match name.as_ref() {
                super::category::TRACK_STATUS => Cow::Borrowed(super::category::TRACKS_STATUS),
                _ => name,
            }),
            topic_id: topic_of(payload, &content),
            media_session: content.object("mediaSession"),
            receivers: Receivers::of(payload),
            loopback: payload.get("loopbackMetadata"),
        }
    }
}

/// `MESSAGE_SENT`. Other members of the client's payload stand beside these.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageSent<'a> {
    /// The message's id.
    #[serde(borrow, rename = "_id")]
    pub id: Cow<'a, str>,
    /// `chat`, `idea` or `task`.
    #[serde(borrow)]
    pub category: Cow<'a, str>,
    /// The topic.
    #[serde(borrow, rename = "topicId")]
    pub topic_id: Cow<'a, str>,
    /// What the topic is called.
    #[serde(borrow, rename = "topicTitle")]
    pub topic_title: Cow<'a, str>,
    /// Always `group`.
    #[serde(borrow, rename = "topicType")]
    pub topic_type: Cow<'a, str>,
    /// When it was said, in ISO 8601.
    #[serde(borrow)]
    pub created: Cow<'a, str>,
    /// Who said it.
    #[serde(borrow)]
    pub sender: Sender<'a>,
    /// What was said.
    #[serde(borrow)]
    pub content: &'a RawValue,
    /// What the author gave, on the author's own copy.
    #[serde(borrow, rename = "loopbackMetadata", default, deserialize_with = "present")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loopback_metadata: Option<&'a RawValue>,
}

/// `SEND_MESSAGE_FAILED`: the request, who sent it, and why not. Other members of the request stand beside these.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendMessageFailed<'a> {
    /// What should have been said.
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a RawValue>,
    /// As requested, or `app.event.channel.subscription.required`.
    #[serde(borrow)]
    pub category: Cow<'a, str>,
    /// The topic.
    #[serde(borrow, rename = "topicId")]
    pub topic_id: Cow<'a, str>,
    /// Who wanted to say it.
    #[serde(borrow)]
    pub sender: Sender<'a>,
    /// Why not.
    #[serde(borrow)]
    pub error: Cow<'a, str>,
}
