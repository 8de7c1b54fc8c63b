//! The bodies of the REST calls that clients of the dialect make.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::party::{AttendeeType, Role, present};

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
    /// `group` or `direct`.
    #[serde(borrow, rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
}

/// `POST /api/spaces/{topic}`: what is left out stays as it is.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceSettings {
    /// What it is to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The password to be; `null` or empty is none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub password: Option<Option<String>>,
}

impl fmt::Debug for SpaceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpaceSettings").field("title", &self.title).finish_non_exhaustive()
    }
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

/// The body of `POST /api/spaces/{topic}/attendees/{type}/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChange {
    /// What the party may do from now on.
    pub role: Option<Role>,
}

/// `POST /api/spaces/invite` and `POST /api/spaces/{topic}/invite`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceInvite {
    /// The space to be; where the path names one, it counts.
    #[serde(default)]
    pub topic: InviteTopic,
    /// Whom to make members.
    #[serde(default)]
    pub invitees: Vec<Invitee>,
}

/// A space to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteTopic {
    /// A topic that is there already; `null` for a new one.
    #[serde(default, alias = "_id")]
    pub id: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `group` or `direct`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Somebody to be made a member. Clients write a plain id, or an object under whose keys the id and its sort stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenInvitee")]
pub struct Invitee {
    /// The party's id.
    #[serde(rename = "invitee")]
    pub id: Option<String>,
    /// What sort of id it is; absent is `userId`.
    #[serde(rename = "inviteeType", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenInvitee {
    Id(String),
    Described {
        #[serde(default, rename = "invitee", alias = "_id", alias = "member", alias = "attendee")]
        id: Option<String>,
        #[serde(default, rename = "inviteeType", alias = "memberType", alias = "attendeeType")]
        kind: Option<String>,
        #[serde(default)]
        role: Option<Role>,
    },
}

impl From<WrittenInvitee> for Invitee {
    fn from(written: WrittenInvitee) -> Self {
        match written {
            WrittenInvitee::Id(id) => Self { id: Some(id), kind: None, role: None },
            WrittenInvitee::Described { id, kind, role } => Self { id, kind, role },
        }
    }
}

/// `GET /api/spaces/{topic}/activemeeting`, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveMeeting<'a> {
    /// The topic.
    #[serde(borrow, rename = "topicId")]
    pub topic_id: Cow<'a, str>,
    /// How many members are in a media session.
    pub parties: u64,
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
