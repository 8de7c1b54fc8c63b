//! Who somebody is, on the wire.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// What a principal may do, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Temporary; what anonymous users are.
    Guest,
    /// The default.
    Member,
    /// May remove others.
    Admin,
}

impl Role {
    /// The role of a name; `None` for unknown names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "guest" => Some(Self::Guest),
            "member" => Some(Self::Member),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

/// A sender or receiver. Which fields stand depends on the event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sender<'a> {
    /// The party's id.
    #[serde(borrow, rename = "_id")]
    pub id: Cow<'a, str>,
    /// `user`, `anonymous`, `phone` or `bot`.
    #[serde(borrow, rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
    /// The login name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Cow<'a, str>>,
    /// The name that people see.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub displayname: Option<Cow<'a, str>>,
    /// Where the picture is.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub picture_url: Option<Cow<'a, str>>,
    /// Telephone numbers.
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub phone_numbers: Option<&'a RawValue>,
    /// Always `null`, where it stands.
    #[serde(rename = "authorizedBy", borrow, default, deserialize_with = "present")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_by: Option<&'a RawValue>,
    /// Always `null`, where it stands.
    #[serde(rename = "authorizedResources", borrow, default, deserialize_with = "present")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_resources: Option<&'a RawValue>,
    /// Always `null`, where it stands.
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'a RawValue>,
}

/// Oneself, in `AUTHENTICATED`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User<'a> {
    /// The party's id.
    #[serde(borrow, rename = "_id")]
    pub id: Cow<'a, str>,
    /// `user`, `anonymous`, `phone` or `bot`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// The login name.
    #[serde(borrow)]
    pub username: Cow<'a, str>,
    /// The name that people see.
    #[serde(borrow)]
    pub displayname: Cow<'a, str>,
    /// Where the picture is.
    #[serde(borrow)]
    pub picture_url: Cow<'a, str>,
    /// Telephone numbers.
    #[serde(borrow)]
    pub phone_numbers: &'a RawValue,
    /// What the token allows at most.
    pub role: Role,
}

/// How REST calls and `party.removed` name a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee<'a> {
    /// What sort of id it is.
    #[serde(rename = "attendeeType")]
    pub attendee_type: AttendeeType,
    /// The party's id.
    #[serde(borrow)]
    pub attendee: Cow<'a, str>,
}

/// What sort of id names an attendee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttendeeType {
    /// Somebody with an account.
    #[serde(rename = "userId")]
    User,
    /// An anonymous user.
    #[serde(rename = "anonymousId")]
    Anonymous,
}

/// A value that is there, even if it is `null`.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
