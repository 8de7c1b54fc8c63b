//! Parties that dial in: a backend's connection says their presence for them, because they have no connection of their own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::BytesMut;
use presence_protocol::Object;
use presence_protocol::native::{Role, SendPresence, category};
use serde_json::value::RawValue;

use super::asked::{Asked, What};
use super::fault::{self, Fault};
use super::presence::{Unserved, owned};
use super::translate::{self, Speaker};
use super::visit::{Request, Visit};
use crate::broker::{Bounds, Handle, Opening, Outbox, ReplyTo};
use crate::core::{Cause, Command, Party, PartyId, PartyKind, Refusal, SessionId, Terms, TopicName};
use crate::gateway::principal::{Action, shown_name, shown_picture};

/// The parties that a connection speaks for beside its own.
#[derive(Debug, Default)]
pub(super) struct DialIns {
    known: HashMap<PartyId, DialIn>,
    /// Sessions that are of no use any more, to be ended.
    over: Vec<DialIn>,
}

/// A party that has dialled in: a session without a connection, which lives as long as the backend's.
#[derive(Debug)]
struct DialIn {
    session: SessionId,
    /// Where it is a member.
    topics: HashSet<TopicName>,
}

impl DialIns {
    /// The backend's connection is gone: the graces of those it spoke for begin.
    pub(super) async fn end(self, broker: &Handle) {
        for dial_in in self.known.into_values().chain(self.over) {
            broker.detach(dial_in.session).await;
        }
    }
}

/// The telephone that an event names as its sender.
fn named(sender: &Object<'_>) -> Result<Party, Fault> {
    let id = sender.text("_id").ok_or(fault::NO_TELEPHONE)?;
    let shown = |key: &str| shown_name(&sender.text(key).unwrap_or_default()).into();
    Ok(Party {
        kind: PartyKind::Phone,
        username: shown("username"),
        displayname: shown("displayname"),
        picture_url: shown_picture(&sender.text("picture_url").unwrap_or_default()).into(),
        ..Party::new(PartyId::new(&id).map_err(|_| fault::NO_TELEPHONE)?)
    })
}

impl Visit {
    /// The sender of an event, if it is a telephone that a backend speaks for. What others say of their sender does not count.
    pub(super) fn telephone<'a>(&self, request: &Request<'a>) -> Option<Object<'a>> {
        let sender = request.payload.as_ref().filter(|_| self.principal.is_app)?.object("sender")?;
        (sender.text("type").as_deref() == Some("phone")).then_some(sender)
    }

    /// A presence event in the name of a telephone.
    pub(super) async fn dialled_in(
        &mut self,
        sender: &Object<'_>,
        request: &Request<'_>,
        event: &SendPresence<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unserved> {
        let party = named(sender)?;
        match event.category.as_deref() {
            Some(category::ONLINE) => {
                let topic = self.place(event.topic_id.as_deref(), Action::Presence)?;
                self.dial_in(party, topic, request, event).await
            }
            Some(category::LEAVES) => {
                self.hang_up(&party.id, event.topic_id.as_deref(), request, out).await;
                Ok(())
            }
            _ => Err(fault::TELEPHONE_CATEGORY.into()),
        }
    }

    async fn dial_in(
        &mut self,
        party: Party,
        topic: TopicName,
        request: &Request<'_>,
        event: &SendPresence<'_>,
    ) -> Result<(), Unserved> {
        let speaker = Speaker { role: Role::Guest, limit: self.principal.app.limits.content_bytes };
        let content = translate::said(event.content.map(RawValue::get), speaker)?;
        let id = party.id.clone();
        let session = self.dial_in_session(party, &topic).await?;
        let command = Command::Enter {
            session,
            topic: topic.clone(),
            content: Some(content.clone()),
            grace: self.principal.app.grace_in(&topic),
        };
        // The backend sees the change as every watcher does, so there is nothing to echo.
        let what = What::DialIn { party: id, topic, loopback: owned(event.loopback) };
        self.submit(command, None, Asked { ids: request.ids(), what }).await;
        Ok(())
    }

    /// A telephone could not be present: it is not known any more where it is nowhere else.
    pub(super) fn not_dialled_in(
        &mut self,
        (party, topic): (&PartyId, &TopicName),
        loopback: Option<&[u8]>,
        fault: Fault,
        out: &mut BytesMut,
    ) -> Fault {
        let has_ended = fault.code == Fault::from(Refusal::UnknownSession).code;
        if let Some(dial_in) = self.dial_ins.known.get_mut(party) {
            dial_in.topics.remove(topic);
            if has_ended || dial_in.topics.is_empty() {
                self.dial_ins.over.extend(self.dial_ins.known.remove(party));
            }
        }
        self.invalid(topic.as_str(), loopback, fault, out)
    }

    /// Lets go of the sessions of telephones that are nowhere any more, because somebody else has removed them.
    async fn forget_dial_ins(&mut self) {
        let known: Vec<_> =
            self.dial_ins.known.iter().map(|(id, known)| (id.clone(), known.session)).collect();
        let lost = self.broker.read(move |_, leases, _| {
            let is_nowhere = |session| leases.get(session).is_none_or(|lease| lease.membership_count() == 0);
            known
                .into_iter()
                .filter(|(_, session)| is_nowhere(*session))
                .map(|(id, _)| id)
                .collect::<Vec<_>>()
        });
        for id in lost.await.unwrap_or_default() {
            self.dial_ins.over.extend(self.dial_ins.known.remove(&id));
        }
    }

    /// The session of a party that dials in, begun if it is new; it notes the topic.
    async fn dial_in_session(&mut self, party: Party, topic: &TopicName) -> Result<SessionId, Fault> {
        if let Some(known) = self.dial_ins.known.get_mut(&party.id) {
            known.topics.insert(topic.clone());
            return Ok(known.session);
        }
        let most = self.principal.app.limits.dial_ins;
        if self.dial_ins.known.len() >= most {
            self.forget_dial_ins().await;
        }
        for DialIn { session, .. } in std::mem::take(&mut self.dial_ins.over) {
            self.broker.submit(Command::End(session, Cause::Left), None, ReplyTo::Nobody).await;
            self.broker.detach(session).await;
        }
        if self.dial_ins.known.len() >= most {
            return Err(fault::TOO_MANY_TELEPHONES);
        }
        let session = SessionId(uuid::Uuid::new_v4());
        let id = party.id.clone();
        let opening = Opening {
            session,
            party: Arc::new(party),
            terms: Terms { timeout: None },
            encoder: self.shared.encoder,
            // It watches nothing, so nothing is ever sent to it.
            outbox: Arc::new(Outbox::new(Bounds::default())),
        };
        self.broker.open(opening).await;
        self.dial_ins.known.insert(id, DialIn { session, topics: HashSet::from([topic.clone()]) });
        Ok(session)
    }

    async fn hang_up(
        &mut self,
        party: &PartyId,
        topic: Option<&str>,
        request: &Request<'_>,
        out: &mut BytesMut,
    ) {
        let topic = match topic {
            Some(name) => TopicName::new(name).ok(),
            None => self.only_topic().cloned(),
        };
        let dial_in = self.dial_ins.known.get_mut(party);
        let (Some(topic), Some(dial_in)) = (topic, dial_in) else {
            // Whoever is not there has left already. Backends leave what they have unsubscribed, as everybody does.
            return self.answer(request.id, Ok(()), out);
        };
        dial_in.topics.remove(&topic);
        let (session, is_over) = (dial_in.session, dial_in.topics.is_empty());
        let asked = Asked { ids: request.ids(), what: What::Leave };
        if is_over {
            self.dial_ins.known.remove(party);
            self.submit(Command::End(session, Cause::Left), None, asked).await;
            self.broker.detach(session).await;
        } else {
            self.submit(Command::Leave { session, topic, cause: Cause::Left }, None, asked).await;
        }
    }
}
