//! What a space is called and who belongs to it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, Request};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use presence_protocol::native::{
    AttendeeType, InvitedTopic, Members, Role, Space as Described, SpaceJoin, SpaceMember as DescribedMember,
    SpaceSettings, event,
};
use serde_json::value::RawValue;

use super::Pairs;
use super::body::{body, timely};
use super::discovery::own_url;
use super::failure::{Failure, bad};
use super::visitor::Visitor;
use crate::broker::Reply;
use crate::core::{Command, Message};
use crate::gateway::json;
use crate::gateway::native::message::{compose, write_content};
use crate::gateway::native::payload::iso;
use crate::gateway::peer::Front;
use crate::gateway::principal::Action;
use crate::gateway::spaces::{Kind, Space, SpaceMember, Wrong};

/// How many members a page has, and how many it may have.
const PAGE: usize = 30;
const MOST: usize = 100;

/// The longest text to search for, in bytes.
const MAX_SEARCH: usize = 256;

/// `GET /api/spaces/{topic}`.
pub(super) async fn show(visitor: Visitor) -> Result<Response, Failure> {
    let space = visitor.enter().await?;
    Ok(Json(described(&visitor, &space)).into_response())
}

/// `GET /api/spaces/{topic}/join`. It changes nothing but how a member is called.
pub(super) async fn join(visitor: Visitor) -> Result<Response, Failure> {
    let mut space = visitor.enter().await?;
    let party = Arc::clone(&visitor.principal.party);
    if space.member(&party).is_some() {
        let spaces = &visitor.shared().spaces;
        let named = spaces.change(visitor.principal.app.slot, &visitor.topic, |space| {
            if let Some(member) = space.member_mut(&party) {
                member.describe(&party);
            }
            Ok(())
        });
        // Somebody whose new name cannot be kept comes in all the same.
        space = named.await.unwrap_or(space);
    }
    Ok(Json(SpaceJoin { topic: described(&visitor, &space) }).into_response())
}

/// `POST /api/spaces/{topic}`: the title, the password, or both.
pub(super) async fn settle(visitor: Visitor, request: Request) -> Result<Response, Failure> {
    let shared = visitor.shared();
    visitor.may(Action::Presence)?;
    let asked: SpaceSettings = timely(shared, body(request)).await?;
    if asked == SpaceSettings::default() {
        return Err(bad("the settings are a title, a password, or both"));
    }
    let (principal, topic) = (&visitor.principal, &visitor.topic);
    let (app, now) = (&principal.app, shared.clock.now().wall);
    let mut is_renamed = false;
    let change = |space: &mut Space| {
        if space.role_of(principal) < Role::Admin {
            return Err(Wrong::NotAdmin);
        }
        space.create(principal, now);
        let before = space.title.clone();
        asked.title.as_ref().map_or(Ok(()), |title| space.set_title(title))?;
        is_renamed = space.title != before;
        let password = asked.password.as_ref().map(|password| password.as_deref().unwrap_or_default());
        password.map_or(Ok(()), |password| space.set_password(&app.keys.signer().secret, topic, password))
    };
    let space = shared.spaces.change(app.slot, topic, change).await?;
    if is_renamed {
        tell_title(&visitor, &space).await;
    }
    Ok(Json(described(&visitor, &space)).into_response())
}

/// `DELETE /api/spaces/{topic}`: the topic is an open space again, and nobody is put out. A direct space is not opened by one of its two.
pub(super) async fn end(visitor: Visitor) -> Result<Response, Failure> {
    visitor.may(Action::Presence)?;
    let (principal, topic) = (&visitor.principal, &visitor.topic);
    let check = |space: &Space| match space.kind {
        _ if space.role_of(principal) < Role::Admin => Err(Wrong::NotAdmin),
        Kind::Direct if principal.role < Role::Admin => Err(Wrong::Direct),
        Kind::Direct | Kind::Group => Ok(()),
    };
    visitor.shared().spaces.delete(principal.app.slot, topic, check).await?;
    tell_title(&visitor, &Space::open(topic)).await;
    // What its members say already may be more than they may be now.
    visitor.broker().all_rights_changed(topic.clone()).await;
    Ok(Json(InvitedTopic { topic_id: topic.as_str().into() }).into_response())
}

/// Tells everybody who watches what the space is called now. It is called so in any case, whether they can be told or not.
async fn tell_title(visitor: &Visitor, space: &Space) {
    let from = &visitor.principal.party;
    let mut body = Vec::with_capacity(512);
    json::object(&mut body, |message| {
        let now = visitor.shared().clock.now().wall;
        compose(message, (&visitor.topic, space), "topic.updated", (from, now));
        write_content(&presence_protocol::Object::default(), message);
    });
    let message = Message {
        from: Arc::clone(from),
        session: None,
        name: event::MESSAGE_SENT.into(),
        body: body.into(),
        receivers: None,
        is_kept: true,
        extra: Bytes::new(),
    };
    let (broker, topic) = (visitor.broker(), visitor.topic.clone());
    if broker.is_attended(topic.clone()).await != Some(true) {
        return;
    }
    let told = broker.ask(Command::Publish(topic, Arc::new(message)));
    if let Reply::Refused(refusal) = told.await {
        tracing::warn!(topic = visitor.topic.as_str(), %refusal, "the new title of a space was not told");
    }
}

// === Members ===

/// A page of members.
struct Page {
    size: usize,
    number: usize,
    search: String,
}

impl Page {
    fn of(pairs: &[(String, String)]) -> Result<Self, Failure> {
        let text = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
        let number = |name: &str, usual: usize| match text(name) {
            "" => Ok(usual),
            text => text.parse::<usize>().map_err(|_| bad("size and page are numbers, page from 0 on")),
        };
        let (size, number, search) = (number("size", PAGE)?, number("page", 0)?, text("search"));
        if size == 0 || search.len() > MAX_SEARCH {
            return Err(bad("a page has at least one member, and a search at most 256 bytes"));
        }
        Ok(Self { size: size.min(MOST), number, search: search.into() })
    }

    /// Where another page of the same is.
    fn url(&self, base: &str, number: usize) -> String {
        let search = utf8_percent_encode(&self.search, NON_ALPHANUMERIC);
        format!("{base}?size={}&page={number}&search={search}", self.size)
    }
}

/// `GET /api/spaces/{topic}/members`.
pub(super) async fn members(
    visitor: Visitor,
    Extension(front): Extension<Front>,
    Query(pairs): Pairs,
) -> Result<Response, Failure> {
    let page = Page::of(&pairs)?;
    let space = visitor.enter().await?;
    let wanted = page.search.to_lowercase();
    let found: Vec<_> = space.members.iter().filter(|member| member.is_found_by(&wanted)).collect();
    let start = page.number.saturating_mul(page.size).min(found.len());
    let end = start.saturating_add(page.size).min(found.len());
    let last = found.len().div_ceil(page.size).saturating_sub(1);
    let topic = utf8_percent_encode(visitor.topic.as_str(), NON_ALPHANUMERIC);
    // A host that is not known is left out, so that nobody is sent to another's.
    let host = own_url(&front, &visitor.shared().hosts).unwrap_or_default();
    let base = format!("{host}/api/spaces/{topic}/members");
    let previous = page.number.checked_sub(1).map(|before| page.url(&base, before.min(last)));
    let members = Members {
        data: found[start..end].iter().map(|member| described_member(member, true)).collect(),
        total: u64::try_from(found.len()).unwrap_or(u64::MAX),
        next_page_url: (page.number < last).then(|| page.url(&base, page.number + 1).into()),
        previous_page_url: previous.map(Into::into),
    };
    Ok(Json(members).into_response())
}

// === On the wire ===

fn described<'a>(visitor: &'a Visitor, space: &'a Space) -> Described<'a> {
    Described {
        id: visitor.topic.as_str().into(),
        cid: "".into(),
        title: (&*space.title).into(),
        description: "".into(),
        restrict: Vec::new(),
        status: 0,
        members: space.members.iter().map(|member| described_member(member, false)).collect(),
        settings: json_of("{}"),
        kind: Some(space.kind.as_str().into()),
    }
}

fn described_member(member: &SpaceMember, has_numbers: bool) -> DescribedMember<'_> {
    let numbers = if member.phone_numbers.is_empty() { "[]" } else { &member.phone_numbers };
    let name = [&member.displayname, &member.username].into_iter().find(|name| !name.is_empty());
    DescribedMember {
        phone_numbers: has_numbers.then(|| json_of(numbers)),
        member: (&*member.id).into(),
        member_type: AttendeeType::User,
        role: member.role,
        join_time: iso(member.since).into(),
        username: (&*member.username).into(),
        displayname: (&**name.unwrap_or(&member.id)).into(),
        picture_url: (&*member.picture_url).into(),
    }
}

fn json_of(text: &str) -> &RawValue {
    serde_json::from_str(text).unwrap_or(RawValue::NULL)
}
