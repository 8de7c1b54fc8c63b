//! What clients send, read leniently.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::Object;
use crate::object::text_of;

/// A frame from a client.
#[derive(Debug, Clone)]
pub struct ClientFrame<'a> {
    /// The name of the event.
    pub event: Cow<'a, str>,
    /// The channel it is about.
    pub channel: Option<Cow<'a, str>>,
    /// What it says.
    pub data: Option<&'a RawValue>,
}

/// Why a frame could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The text is not JSON.
    Json,
    /// The JSON is no object with an event.
    Event,
}

impl<'a> ClientFrame<'a> {
    /// Reads the text of a frame.
    ///
    /// # Errors
    /// Refuses what is not JSON, not an object, or has no event.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let raw: &'a RawValue = serde_json::from_str(text).map_err(|_| FrameError::Json)?;
        let object = Object::of(raw).ok_or(FrameError::Event)?;
        let event = object.text("event").ok_or(FrameError::Event)?;
        Ok(Self { event, channel: object.text("channel"), data: object.given("data") })
    }

    /// The data as text: that of a string, or the JSON of anything else.
    #[must_use]
    pub fn data_text(&self) -> Option<Cow<'a, str>> {
        self.data.map(|data| text_of(data).unwrap_or(Cow::Borrowed(data.get())))
    }

    /// Reads the data as an object, be it one or the JSON text of one in a string.
    fn object<T>(&self, read: impl FnOnce(&Object<'_>) -> T) -> Option<T> {
        let text = self.data_text()?;
        Object::parse(&text).map(|object| read(&object))
    }
}

/// The data of `pusher:subscribe` and `pusher:unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The channel.
    pub channel: String,
    /// The signature of the app, with its key before it; an empty one counts as absent.
    pub auth: Option<String>,
    /// What the app says of the subscriber, as it was signed.
    pub channel_data: Option<String>,
    /// The event after which the client wants to go on.
    pub resume_after_id: Option<String>,
}

impl Subscribe {
    /// Reads the data; `None` if it names no channel.
    #[must_use]
    pub fn of(frame: &ClientFrame<'_>) -> Option<Self> {
        let of = |object: &Object<'_>| {
            let text = |key| object.text(key).map(Cow::into_owned);
            Some(Self {
                channel: text("channel")?,
                auth: text("auth").filter(|auth| !auth.is_empty()),
                channel_data: text("channel_data"),
                resume_after_id: text("resume_after_id"),
            })
        };
        frame.object(of).flatten()
    }
}

/// The data of `pusher:signin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The signature of the app, with its key before it.
    pub auth: String,
    /// What the app says of the user, as it was signed.
    pub user_data: String,
}

impl SignIn {
    /// Reads the data; `None` if something is missing.
    #[must_use]
    pub fn of(frame: &ClientFrame<'_>) -> Option<Self> {
        let of = |object: &Object<'_>| {
            let text = |key| object.text(key).map(Cow::into_owned);
            Some(Self { auth: text("auth")?, user_data: text("user_data")? })
        };
        frame.object(of).flatten()
    }
}

/// Who somebody is: a string, or a whole number that stands for its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserId(pub String);

impl UserId {
    fn of(value: &RawValue) -> Option<Self> {
        if let Some(text) = text_of(value) {
            return Some(Self(text.into_owned()));
        }
        let digits = value.get().strip_prefix('-').unwrap_or(value.get());
        let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_whole.then(|| Self(value.get().to_owned()))
    }
}

/// What `channel_data` says.
#[derive(Debug, Clone)]
pub struct ChannelData<'a> {
    /// Who the subscriber is.
    pub user_id: UserId,
    /// What is shown of it, as raw JSON.
    pub user_info: Option<&'a RawValue>,
}

impl<'a> ChannelData<'a> {
    /// Reads it; `None` if it is no object with a usable `user_id`.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let object = Object::parse(text)?;
        Some(Self { user_id: UserId::of(object.get("user_id")?)?, user_info: object.given("user_info") })
    }
}

/// What `user_data` says.
#[derive(Debug, Clone)]
pub struct UserData<'a> {
    /// Who the user is; never a number.
    pub id: Cow<'a, str>,
    /// What is shown of it, as raw JSON.
    pub user_info: Option<&'a RawValue>,
    /// Whom it wants to know online.
    pub watchlist: Vec<String>,
}

impl<'a> UserData<'a> {
    /// Reads it; `None` if it is no object with an `id` that is a string. What is no string in a watchlist is left out.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let object = Object::parse(text)?;
        let list = object.given("watchlist").map(|list| serde_json::from_str(list.get()));
        let list: Vec<serde_json::Value> = list.transpose().ok()?.unwrap_or_default();
        let watchlist = list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        Some(Self { id: object.text("id")?, user_info: object.given("user_info"), watchlist })
    }
}
