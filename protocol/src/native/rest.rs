//! The bodies of the REST calls that clients of the dialect make.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::party::{AttendeeType, Role};

/// `POST /api/anonymous/auth`, as JSON or as a form. Everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnonymousAuth {
    /// The name that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub displayname: Option<String>,
    /// The login name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where the picture is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picturefile: Option<String>,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// A JWT.
    pub token: String,
}

/// `POST /api/demo/token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoTokenRequest {
    /// The id to have; without it the hub makes one.
    #[serde(rename = "_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub displayname: Option<String>,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoToken {
    /// A JWT.
    pub token: String,
    /// Whose it is.
    #[serde(rename = "_id")]
    pub id: String,
}

/// `GET /api/users/me`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Me<'a> {
    /// The party's id.
    #[serde(borrow, rename = "_id")]
    pub id: Cow<'a, str>,
    /// Another name of the same.
    #[serde(borrow)]
    pub ndbid: Cow<'a, str>,
    /// The name that people see.
    #[serde(borrow)]
    pub displayname: Cow<'a, str>,
    /// The login name.
    #[serde(borrow)]
    pub username: Cow<'a, str>,
    /// Not used.
    #[serde(borrow)]
    pub picturefile: Cow<'a, str>,
    /// Where the picture is.
    #[serde(borrow)]
    pub picture_url: Cow<'a, str>,
    /// `user`, `anonymous`, `phone` or `bot`.
    #[serde(borrow, rename = "aType")]
    pub a_type: Cow<'a, str>,
    /// Telephone numbers.
    #[serde(borrow)]
    pub phone_numbers: &'a RawValue,
    /// The user's time zone.
    #[serde(borrow)]
    pub timezone: Cow<'a, str>,
    /// Not used.
    #[serde(borrow)]
    pub permissions: Vec<Cow<'a, str>>,
    /// Not used.
    #[serde(borrow)]
    pub licenses: Vec<Cow<'a, str>>,
}

/// `GET /api/spaces/{topic}/join`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpaceJoin<'a> {
    /// The topic.
    #[serde(borrow)]
    pub topic: Space<'a>,
}

/// A topic as REST calls describe it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Space<'a> {
    /// The topic's name.
    #[serde(borrow, rename = "_id")]
    pub id: Cow<'a, str>,
    /// Not used.
    #[serde(borrow)]
    pub cid: Cow<'a, str>,
    /// What it is called.
    #[serde(borrow)]
    pub title: Cow<'a, str>,
    /// Not used.
    #[serde(borrow)]
    pub description: Cow<'a, str>,
    /// Not used.
    #[serde(borrow)]
    pub restrict: Vec<Cow<'a, str>>,
    /// Not used.
    pub status: i64,
    /// Who belongs to it.
    #[serde(borrow)]
    pub members: Vec<SpaceMember<'a>>,
    /// Not used.
    #[serde(borrow)]
    pub settings: &'a RawValue,
}

/// Somebody who belongs to a topic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpaceMember<'a> {
    /// Telephone numbers.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub phone_numbers: Option<&'a RawValue>,
    /// The party's id.
    #[serde(borrow)]
    pub member: Cow<'a, str>,
    /// What sort of id it is.
    #[serde(rename = "memberType")]
    pub member_type: AttendeeType,
    /// What it may do.
    pub role: Role,
    /// When it came to belong, in ISO 8601.
    #[serde(borrow, rename = "joinTime")]
    pub join_time: Cow<'a, str>,
    /// The login name.
    #[serde(borrow)]
    pub username: Cow<'a, str>,
    /// The name that people see.
    #[serde(borrow)]
    pub displayname: Cow<'a, str>,
    /// Where the picture is.
    #[serde(borrow)]
    pub picture_url: Cow<'a, str>,
}

/// `GET /api/spaces/{topic}/members`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Members<'a> {
    /// One page.
    #[serde(borrow)]
    pub data: Vec<SpaceMember<'a>>,
    /// How many there are on all pages.
    pub total: u64,
    /// Where the next page is.
    #[serde(borrow, rename = "nextPageUrl")]
    pub next_page_url: Option<Cow<'a, str>>,
    /// Where the previous page is.
    #[serde(borrow, rename = "previousPageUrl")]
    pub previous_page_url: Option<Cow<'a, str>>,
}

/// The answer to `POST /api/spaces/{topic}/attendees/{type}/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttendeeRole<'a> {
    /// The party's id.
    #[serde(borrow)]
    pub attendee: Cow<'a, str>,
    /// What sort of id it is.
    #[serde(rename = "attendeeType")]
    pub attendee_type: AttendeeType,
    /// What it may do from now on.
    pub role: Role,
}

/// The answer to `POST /api/spaces/invite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceInvited<'a> {
    /// The topics.
    #[serde(borrow)]
    pub data: Vec<InvitedTopic<'a>>,
}

/// A topic that was made by an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedTopic<'a> {
    /// The topic.
    #[serde(borrow, rename = "topicId")]
    pub topic_id: Cow<'a, str>,
}

/// `GET /api/mediasessions/mpaas/token/{topic}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaToken<'a> {
    /// The media server's token.
    #[serde(borrow)]
    pub token: Cow<'a, str>,
    /// The session.
    #[serde(borrow, rename = "sessionId")]
    pub session_id: Cow<'a, str>,
    /// The conference.
    #[serde(borrow, rename = "confId")]
    pub conf_id: Cow<'a, str>,
}

/// `GET /api/service-configurations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceConfigurations<'a> {
    /// Where the services are.
    #[serde(borrow)]
    pub spaces: SpacesConfiguration<'a>,
}

/// Where the services are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpacesConfiguration<'a> {
    /// Where Socket.IO clients connect.
    #[serde(borrow)]
    pub socketio_server_url: Cow<'a, str>,
}
