//! Subscribing to channels, and unsubscribing.

use std::sync::Arc;

use bytes::BytesMut;
use presence_protocol::Object;
use presence_protocol::native::{Role, SubscribeChannel, event};
use xxhash_rust::xxh3::xxh3_64;

use super::asked::{Asked, What};
use super::encode::{self, Encoder};
use super::fault::{self, Fault};
use super::framing::Place;
use super::payload;
use super::visit::{Request, Visit};
use crate::broker::{Encode, ReplyTo, Since, Watching};
use crate::core::{Cause, Command, Epoch, Now, Rev, TopicName};
use crate::gateway::json::{self, Members};
use crate::gateway::principal::Action;
use crate::gateway::spaces::Space;

impl Visit {
    /// `SUBSCRIBE_CHANNEL`.
    pub(super) async fn subscribe(&mut self, request: &Request<'_>, now: Now, out: &mut BytesMut) {
        let payload = request.payload.clone().unwrap_or_default();
        let event = SubscribeChannel::of(&payload);
        match self.admitted(&event, now).await {
            Ok((topic, is_by_membership)) => {
                let since = event.since.map(|since| Since::Place(Epoch(since.epoch), Rev(since.rev)));
                self.stay_in(&topic);
                let what = What::Subscribe { topic: topic.clone(), times: 1 };
                let tag = self.asked.note(Asked { ids: request.ids(), what });
                let reply = ReplyTo::Session(self.session, tag);
                self.broker.watch(self.session, topic.clone(), since, reply).await;
                // Who was removed before it watched, and let in before its membership ended, was put out of nothing.
                if is_by_membership && self.admit(&event, &topic).await.is_err() {
                    self.end_stay(&topic, Cause::Policy, Vec::new(), out).await;
                }
            }
            Err(fault) => {
                let failed = beside(&payload, &["error"], |failed| fault.write(failed.key("error")));
                self.emit(event::SUBSCRIBE_CHANNEL_FAILED, &failed, out);
                self.answer(request.id, Err(&fault), out);
            }
        }
    }

    /// The topic, if the token and the space let the party in, and whether it came in as a member. Each subscription is let in
    /// for itself: the party may have been removed since the last one, and the connection not know it yet.
    async fn admitted(&mut self, event: &SubscribeChannel<'_>, now: Now) -> Result<(TopicName, bool), Fault> {
        let topic = self.subscribable(event, now)?;
        let space = self.admit(event, &topic).await?;
        Ok((topic, space.member(&self.principal.party).is_some()))
    }

    async fn admit(&self, event: &SubscribeChannel<'_>, topic: &TopicName) -> Result<Arc<Space>, Fault> {
        let password = event.channel.as_ref().and_then(|channel| channel.password.as_deref());
        let spaces = &self.shared.spaces;
        Ok(spaces.admit(&self.principal, topic, password, self.address).await?)
    }

    /// What the topic is called and who belongs to it. Where that cannot be read, it is an open space.
    pub(super) async fn space(&self, topic: &TopicName) -> Arc<Space> {
        let space = self.shared.spaces.look(self.principal.app.slot, topic).await;
        space.unwrap_or_else(|_| Arc::new(Space::open(topic)))
    }

    /// What the party may do at most in a topic.
    pub(super) async fn role_in(&self, topic: &TopicName) -> Role {
        self.space(topic).await.role_of(&self.principal)
    }

    fn subscribable(&mut self, event: &SubscribeChannel<'_>, now: Now) -> Result<TopicName, Fault> {
        let channel = event.channel.as_ref().ok_or(fault::NO_CHANNEL)?;
        let topic = TopicName::new(&channel.id)?;
        if !self.may(Action::Subscribe, &topic) {
            return Err(fault::NOT_AUTHORIZED);
        }
        let is_one_more = !self.topics.contains_key(&topic);
        if is_one_more && self.topics.len() >= self.principal.app.limits.topics_per_session {
            return Err(fault::TOO_MANY_TOPICS);
        }
        if self.paces.subscribes.allows(now.mono) { Ok(topic) } else { Err(fault::TOO_FAST) }
    }

    /// The session watches a topic: what it starts from.
    pub(super) fn subscribed(&self, topic: &TopicName, times: u32, watching: &Watching, out: &mut BytesMut) {
        let Watching { roll, epoch, rev, missed, .. } = watching;
        let framing = self.shared.framing;
        let dtsid = xxh3_64(format!("{}\u{1f}{}", self.session, topic.as_str()).as_bytes());
        let mut head = Vec::with_capacity(192);
        json::object(&mut head, |payload| {
            payload::channel(topic.as_str(), payload);
            payload.text("dtsid", &dtsid.to_string());
            payload.text("sessionId", &payload::session_text(&self.principal.party, self.session));
        });
        let mut hub = Vec::with_capacity(160);
        json::object(&mut hub, |hub| {
            payload::counts(roll.snapshot.occupancy, hub);
            hub.text("digest", &format!("{:016x}", roll.snapshot.digest));
            if missed.is_some() {
                hub.raw("resumed", b"true");
            }
        });
        // A resumed stream goes on from where the client was, which the first missed frame follows.
        let followed = missed.iter().flatten().find_map(|step| step.link).map(|link| link.prev);
        let place = Place { rev: Some((*epoch, followed.unwrap_or(*rev))), ..Place::default() };
        for _ in 0..times {
            if !framing.is_extended() {
                framing.event(event::CHANNEL_SUBSCRIBED, &[&head], Place::default(), out);
                continue;
            }
            let open = head.strip_suffix(b"}").unwrap_or(&head);
            if missed.is_some() {
                framing.event(event::CHANNEL_SUBSCRIBED, &[open, b",\"hub\":", &hub, b"}"], place, out);
            } else {
                let roster = roll.rendered(self.shared.encoder, encode::roster);
                let rest = hub.strip_prefix(b"{").unwrap_or(&hub);
                let parts = [open, b",\"hub\":{\"roster\":", &roster, b",", rest, b"}"];
                framing.event(event::CHANNEL_SUBSCRIBED, &parts, place, out);
            }
        }
        let encoder = Encoder::new(framing);
        for step in missed.iter().flatten() {
            encoder.change(step, None, out);
        }
    }

    /// A subscription that was granted could not begin, so the session is not in the topic either.
    pub(super) fn not_subscribed(&mut self, topic: &TopicName, fault: Fault, out: &mut BytesMut) -> Fault {
        if let Some(stay) = self.topics.remove(topic) {
            self.forget_held(topic, stay.held, out);
            if stay.is_member {
                self.strays.push(topic.clone());
            }
        }
        let mut failed = Vec::with_capacity(192);
        json::object(&mut failed, |failed| {
            payload::channel(topic.as_str(), failed);
            fault.write(failed.key("error"));
        });
        self.emit(event::SUBSCRIBE_CHANNEL_FAILED, &failed, out);
        fault
    }

    /// `UNSUBSCRIBE_CHANNEL`. A channel that is not subscribed, or whose name is none, is answered the same. The answer comes by
    /// way of the broker, so that it follows those to earlier requests.
    pub(super) async fn unsubscribe(&mut self, request: &Request<'_>, out: &mut BytesMut) {
        let channel = request.payload.as_ref().and_then(|payload| SubscribeChannel::of(payload).channel);
        let Some(channel) = channel else {
            self.emit(event::ERROR, &fault::NO_CHANNEL.body(), out);
            return self.answer(request.id, Err(&fault::NO_CHANNEL), out);
        };
        match TopicName::new(&channel.id) {
            Ok(topic) => self.end_stay(&topic, Cause::Left, request.ids(), out).await,
            Err(_) => {
                self.unsubscribed(&channel.id, out);
                self.answer(request.id, Ok(()), out);
            }
        }
    }

    /// Ends membership and watching. The watching goes first, so that nothing of the topic follows the answer.
    pub(super) async fn end_stay(
        &mut self,
        topic: &TopicName,
        cause: Cause,
        ids: Vec<Box<str>>,
        out: &mut BytesMut,
    ) {
        let stay = self.topics.remove(topic);
        let was_member = stay.as_ref().is_some_and(|stay| stay.is_member);
        self.forget_held(topic, stay.and_then(|stay| stay.held), out);
        let asked = Asked { ids, what: What::Unsubscribe { topic: topic.clone() } };
        if was_member {
            self.broker.unwatch(self.session, topic.clone(), ReplyTo::Nobody).await;
            let command = Command::Leave { session: self.session, topic: topic.clone(), cause };
            self.submit(command, None, asked).await;
        } else {
            let reply = ReplyTo::Session(self.session, self.asked.note(asked));
            self.broker.unwatch(self.session, topic.clone(), reply).await;
        }
    }

    /// Tells the client that it watches a channel no longer.
    pub(super) fn unsubscribed(&self, topic: &str, out: &mut BytesMut) {
        let mut payload = Vec::with_capacity(64 + topic.len());
        json::object(&mut payload, |payload| payload::channel(topic, payload));
        self.emit(event::CHANNEL_UNSUBSCRIBED, &payload, out);
    }

    /// Somebody removed the party from a topic.
    pub(super) fn removed(&mut self, topic: &TopicName, out: &mut BytesMut) {
        let stay = self.topics.remove(topic);
        let was_member = stay.as_ref().map(|stay| stay.is_member);
        self.forget_held(topic, stay.and_then(|stay| stay.held), out);
        // A subscription that is under way was made after the removal, or is answered that it ended with it. What the session says there
        // was said after it too, and makes it a member again.
        if let Some(was_member) = was_member.filter(|_| self.asked.is_subscribing(topic)) {
            let said = self.asked.entering(topic).filter(|_| was_member);
            let stay = self.stay_in(topic);
            stay.is_member = said.is_some();
            stay.said = said.unwrap_or_default();
        }
        self.unsubscribed(topic.as_str(), out);
    }
}

/// A client's payload with members of the hub in the place of its own of these names.
pub(super) fn beside(payload: &Object<'_>, own: &[&str], fill: impl FnOnce(&mut Members<'_>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    json::object(&mut out, |written| {
        for (key, value) in payload.iter().filter(|(key, _)| !own.contains(key)) {
            written.raw(key, value.get().as_bytes());
        }
        fill(written);
    });
    out
}
