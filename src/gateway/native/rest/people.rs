//! Who belongs to a space: inviting, roles, and removing somebody.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use presence_protocol::native::{
    Attendee, AttendeeRole, AttendeeType, InvitedTopic, Role, RoleChange, SpaceInvite, SpaceInvited,
};
use uuid::Uuid;

use super::Here;
use super::body::{body, timely};
use super::failure::{FORBIDDEN, Failure, bad};
use super::visitor::{Asker, Visitor};
use crate::broker::Reply;
use crate::core::{Cause, Command, Party, PartyId, PartyKind, TopicName};
use crate::gateway::native::dialect::Shared;
use crate::gateway::principal::{Action, Principal};
use crate::gateway::spaces::{Kind, Space, Wrong};

// === Inviting ===

/// Those who are to be members.
type Guests = Vec<(PartyId, Role)>;

/// `POST /api/spaces/invite`: a new space, with the caller as its admin.
pub(super) async fn create(
    State(rest): Here,
    Asker(principal): Asker,
    request: Request,
) -> Result<Response, Failure> {
    let asked: SpaceInvite = timely(&rest.shared, body(request)).await?;
    let guests = guests(&asked, &principal)?;
    let named = asked.topic.id.as_deref().filter(|id| !id.is_empty());
    let topic = match named {
        Some(id) => TopicName::new(id)?,
        None => TopicName::new(&Uuid::new_v4().simple().to_string()[..24])?,
    };
    if !principal.may_share(Action::Presence, &topic) || principal.party.kind == PartyKind::Anonymous {
        return Err(FORBIDDEN);
    }
    if named.is_some() {
        enlist(&rest.shared, &principal, &topic, &guests).await?;
    } else {
        found(&rest.shared, &principal, (&topic, &asked), &guests).await?;
    }
    Ok(invited(&topic))
}

/// `POST /api/spaces/{topic}/invite`.
pub(super) async fn invite(visitor: Visitor, request: Request) -> Result<Response, Failure> {
    visitor.may(Action::Presence)?;
    let asked: SpaceInvite = timely(visitor.shared(), body(request)).await?;
    let guests = guests(&asked, &visitor.principal)?;
    enlist(visitor.shared(), &visitor.principal, &visitor.topic, &guests).await?;
    Ok(invited(&visitor.topic))
}

fn guests(asked: &SpaceInvite, by: &Principal) -> Result<Guests, Failure> {
    if asked.invitees.len() > by.app.limits.receivers {
        return Err(bad("there are more invitees than limits.receivers allows"));
    }
    let guest = |invitee: &presence_protocol::native::Invitee| {
        let is_user = matches!(invitee.kind.as_deref(), None | Some("userId" | "user"));
        let id = invitee.id.as_deref().filter(|_| is_user).and_then(|id| PartyId::new(id).ok());
        let id = id.ok_or(bad("an invitee is a user, named by its userId"))?;
        Ok((id, invitee.role.unwrap_or(Role::Member)))
    };
    asked.invitees.iter().map(guest).collect()
}

/// Makes a new space.
async fn found(
    shared: &Shared,
    by: &Principal,
    (topic, asked): (&TopicName, &SpaceInvite),
    guests: &Guests,
) -> Result<(), Failure> {
    let kind = match asked.topic.kind.as_deref() {
        None | Some("group") => Kind::Group,
        Some("direct") => Kind::Direct,
        Some(_) => return Err(bad("the type of a space is group or direct")),
    };
    let now = shared.clock.now().wall;
    let fill = |space: &mut Space| {
        let title = asked.topic.title.as_ref().filter(|title| !title.is_empty());
        title.map_or(Ok(()), |title| space.set_title(title))?;
        if !by.is_app {
            space.appoint(&by.party.id, Role::Admin, now)?.describe(&by.party);
        }
        add(space, guests, now)?;
        space.kind = kind;
        let is_full = kind == Kind::Group || space.members.len() == 2;
        if is_full { Ok(()) } else { Err(Wrong::Direct) }
    };
    shared.spaces.create(by, topic, fill).await?;
    Ok(())
}

/// Adds members to a space.
async fn enlist(shared: &Shared, by: &Principal, topic: &TopicName, guests: &Guests) -> Result<(), Failure> {
    let now = shared.clock.now().wall;
    let change = |space: &mut Space| {
        check_admin(space, by)?;
        if !guests.is_empty() {
            space.create(by, now);
        }
        add(space, guests, now)
    };
    shared.spaces.change(by.app.slot, topic, change).await?;
    Ok(())
}

/// Whoever is a member already stays what it is.
fn add(space: &mut Space, guests: &Guests, now: crate::core::Wall) -> Result<(), Wrong> {
    for (id, role) in guests {
        if !space.members.iter().any(|member| *member.id == *id.as_str()) {
            space.appoint(id, *role, now)?;
        }
    }
    Ok(())
}

fn invited(topic: &TopicName) -> Response {
    let topic = InvitedTopic { topic_id: topic.as_str().into() };
    Json(SpaceInvited { data: vec![topic] }).into_response()
}

// === Attendees ===

/// The attendee in a path.
struct Named {
    kind: AttendeeType,
    id: PartyId,
}

fn named((_, kind, id): &(String, String, String)) -> Result<Named, Failure> {
    let kind = match kind.as_str() {
        "userId" => AttendeeType::User,
        "anonymousId" => AttendeeType::Anonymous,
        _ => return Err(bad("an attendee is named by its userId or anonymousId")),
    };
    let id = PartyId::new(id).map_err(|_| bad("the attendee's id is not one"))?;
    Ok(Named { kind, id })
}

/// `POST /api/spaces/{topic}/attendees/{kind}/{id}`: a user's role in the space, of which it becomes a member.
pub(super) async fn appoint(
    visitor: Visitor,
    Path(path): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let named = named(&path)?;
    visitor.may(Action::Presence)?;
    let asked: RoleChange = timely(visitor.shared(), body(request)).await?;
    let role = asked.role.ok_or(bad("role is admin, member or guest"))?;
    let (by, now) = (&visitor.principal, visitor.shared().clock.now().wall);
    let spaces = &visitor.shared().spaces;
    // Nobody else learns here who is there.
    check_admin(&*spaces.look(by.app.slot, &visitor.topic).await?, by)?;
    if named.kind == AttendeeType::Anonymous {
        return Err(bad("anonymous users are always guests"));
    }
    // An anonymous party of the same id is somebody else.
    let present = present(&visitor, &named.id).await.filter(|party| party.kind != PartyKind::Anonymous);
    let change = |space: &mut Space| {
        check_admin(space, by)?;
        if role < Role::Admin {
            check_abdication(space, by, &named.id)?;
        }
        space.create(by, now);
        let member = space.appoint(&named.id, role, now)?;
        if let Some(party) = &present {
            member.describe(party);
        }
        Ok(())
    };
    spaces.change(by.app.slot, &visitor.topic, change).await?;
    // What the user says already may be more than it may be now.
    visitor.broker().rights_changed(named.id.clone(), visitor.topic.clone()).await;
    let attendee_type = named.kind;
    Ok(Json(AttendeeRole { attendee: named.id.as_str().into(), attendee_type, role }).into_response())
}

fn check_admin(space: &Space, by: &Principal) -> Result<(), Wrong> {
    if space.role_of(by) < Role::Admin { Err(Wrong::NotAdmin) } else { Ok(()) }
}

/// A space keeps its last admin, unless an admin of the app decides otherwise.
fn check_abdication(space: &Space, by: &Principal, id: &PartyId) -> Result<(), Wrong> {
    let is_bound = by.role < Role::Admin && space.is_only_admin(id);
    if is_bound { Err(Wrong::LastAdmin) } else { Ok(()) }
}

/// What is known of a party that is in the topic.
async fn present(visitor: &Visitor, id: &PartyId) -> Option<Arc<Party>> {
    let (broker, topic, id) = (visitor.broker(), visitor.topic.clone(), id.clone());
    let known = broker.read(move |roster, _, _| {
        roster.topic(&topic).and_then(|topic| topic.member(&id)).map(|member| Arc::clone(&member.party))
    });
    known.await.flatten()
}

/// `DELETE /api/spaces/{topic}/attendees/{kind}/{id}`: out of the topic, and a member of the space no longer. The membership
/// ends first, so that who comes back at once is no member. What the path calls anonymous is a user unless it is there and is not.
pub(super) async fn remove(
    visitor: Visitor,
    Path(path): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let named = named(&path)?;
    visitor.may(Action::Presence)?;
    let by = &visitor.principal;
    let present = present(&visitor, &named.id).await;
    let is_guest = named.kind == AttendeeType::Anonymous
        && present.is_some_and(|party| party.kind == PartyKind::Anonymous);
    let change = |space: &mut Space| {
        check_admin(space, by)?;
        if is_guest && space.kind == Kind::Group {
            return Ok(());
        }
        check_abdication(space, by, &named.id)?;
        space.dismiss(&named.id)
    };
    visitor.shared().spaces.change(by.app.slot, &visitor.topic, change).await?;
    let (party, topic) = (named.id.clone(), visitor.topic.clone());
    let removal = Command::Remove { party, topic, cause: Cause::Kicked, by: Some(Arc::clone(&by.party)) };
    if let Reply::Refused(refusal) = visitor.broker().ask(removal).await {
        return Err(refusal.into());
    }
    let attendee = Attendee { attendee: named.id.as_str().into(), attendee_type: named.kind };
    Ok(Json(attendee).into_response())
}
