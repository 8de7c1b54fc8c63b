//! What goes on in a space: messages by request, and whether there is a meeting.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use presence_protocol::Object;
use presence_protocol::native::{ActiveMeeting, SendMessage, event};

use super::body::{bytes, timely, written};
use super::failure::{Failure, NOT_FOUND, bad};
use super::visitor::Visitor;
use crate::broker::Reply;
use crate::core::{Command, Message, Refusal};
use crate::gateway::json;
use crate::gateway::native::fault::{self, Fault};
use crate::gateway::native::message::{check_body, compose, pass_on, write_content};
use crate::gateway::native::presence::{check_category, receivers};
use crate::gateway::principal::Action;

/// `GET /api/spaces/{topic}/activemeeting`: whether somebody there is in a media session, by what each of its sessions said last.
pub(super) async fn active(visitor: Visitor) -> Result<Response, Failure> {
    visitor.pace()?;
    visitor.enter().await?;
    let roll = visitor.broker().snapshot(visitor.topic.clone()).await.ok_or(Refusal::Unavailable)?;
    match roll.snapshot.members.iter().filter(|member| member.content.facts.in_media).count() {
        0 => Err(NOT_FOUND),
        parties => {
            let parties = u64::try_from(parties).unwrap_or(u64::MAX);
            Ok(Json(ActiveMeeting { topic_id: visitor.topic.as_str().into(), parties }).into_response())
        }
    }
}

/// `POST /api/spaces/{topic}/chats`: what `SEND_MESSAGE` says, from somebody who need not be connected. The answer is the
/// message as viewers get it; where there is nobody, it goes nowhere.
pub(super) async fn chat(visitor: Visitor, request: Request) -> Result<Response, Failure> {
    let (shared, principal) = (visitor.shared(), &visitor.principal);
    let now = shared.clock.now();
    visitor.pace()?;
    visitor.may(Action::Publish)?;
    let space = visitor.enter().await?;
    let text = timely(shared, bytes(request)).await?;
    let text = std::str::from_utf8(&text).map_err(|_| bad("the body is a JSON object"))?;
    json::check(text, &principal.app.limits.json).map_err(Fault::from)?;
    let payload = Object::parse(text).ok_or(bad("the body is a JSON object"))?;
    let event = SendMessage::of(&payload);
    let content = event.content.clone().ok_or(fault::BAD_CONTENT)?;
    let category = event.category.as_deref().unwrap_or("chat");
    check_category(principal, category)?;
    let broker = visitor.broker();
    let receivers = receivers(&broker, principal, &visitor.topic, &event.receivers).await?;
    let mut body = Vec::with_capacity(1024);
    json::object(&mut body, |message| {
        compose(message, (&visitor.topic, &space), category, (&principal.party, now.wall));
        write_content(&content, message);
        pass_on(Some(&payload), receivers.as_deref(), message);
    });
    check_body(principal, &body)?;
    if !broker.is_attended(visitor.topic.clone()).await.ok_or(Refusal::Unavailable)? {
        // Or anybody could make topics, and fill them, without being in any.
        return Ok(written(body));
    }
    let message = Message {
        from: Arc::clone(&principal.party),
        session: None,
        name: event::MESSAGE_SENT.into(),
        body: body.clone().into(),
        is_kept: receivers.is_none(),
        extra: Bytes::new(),
        receivers: receivers.map(|named| named.into_iter().map(|(id, _)| id).collect()),
    };
    match broker.ask(Command::Publish(visitor.topic.clone(), Arc::new(message))).await {
        Reply::Refused(refusal) => Err(refusal.into()),
        _ => Ok(written(body)),
    }
}

/// `POST /api/users/me/spaces/{topic}/markread`. The hub keeps no such marks, and clients send one for each message.
pub(super) async fn mark_read(visitor: Visitor) -> Result<Response, Failure> {
    visitor.may(Action::Subscribe)?;
    Ok(written(b"{}".to_vec()))
}

/// `GET /api/mediasessions/mpaas/token/{topic}`.
pub(super) async fn media_token(_visitor: Visitor) -> Failure {
    let none =
        Fault::new("not.found", "this hub tells who is there; it carries no media, and has no tokens for it");
    Failure(StatusCode::NOT_FOUND, none)
}
