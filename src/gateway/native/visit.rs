//! What a connection does once it is known whom it speaks for: which request is served where, and what the broker's answers
//! mean to the client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use presence_protocol::Object;
use presence_protocol::native::{category, event};

use super::asked::{Asked, Table, What};
use super::dialect::Shared;
use super::dialin::DialIns;
use super::fault::{self, Fault};
use super::framing::Place;
use super::pace::Pace;
use super::payload::{self, Detail};
use super::speak::Held;
use crate::broker::{CloseReason, Handle, Reply, ReplyTo, Tag};
use crate::core::{Cause, Command, Mono, Now, SessionId, TopicName, Wall};
use crate::gateway::json;
use crate::gateway::principal::{Action, Principal};

/// How long before its end a token's owner is told.
const WARNING: Duration = Duration::from_secs(30);

/// A request of the client.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The name of the event.
    pub(super) event: &'a str,
    /// What it says, if that is an object.
    pub(super) payload: Option<Object<'a>>,
    /// What the client calls it, as raw JSON.
    pub(super) id: Option<&'a str>,
}

impl Request<'_> {
    /// What the client calls the request, to be kept.
    pub(super) fn ids(&self) -> Vec<Box<str>> {
        self.id.into_iter().map(Box::from).collect()
    }

    /// Whether the session says its presence again, which is never too often.
    fn is_online(&self) -> bool {
        let category = self.payload.as_ref().and_then(|payload| payload.text("category"));
        self.event == event::SEND_PRESENCE_EVENT && category.as_deref() == Some(category::ONLINE)
    }
}

/// A topic that the connection is subscribed to.
#[derive(Debug)]
pub(super) struct Stay {
    /// Whether the session is, or will be, a member.
    pub(super) is_member: bool,
    /// What it said last.
    pub(super) said: Bytes,
    /// What it said since, too soon to be told.
    pub(super) held: Option<Held>,
    /// How often it may say something.
    pub(super) updates: Pace,
}

impl Stay {
    /// A subscription that has just begun.
    pub(super) fn new(updates_per_second: u32) -> Self {
        let updates = Pace::new(updates_per_second, updates_per_second);
        Self { is_member: false, said: Bytes::new(), held: None, updates }
    }
}

/// How often the connection does what.
#[derive(Debug)]
pub(super) struct Paces {
    events: Pace,
    /// Events that were too many.
    refusals: Pace,
    pub(super) subscribes: Pace,
    pub(super) parties: Pace,
    /// Updates of presence beyond the events, which are coalesced and not refused, up to a flood.
    updates: Pace,
    pub(super) joins: HashMap<TopicName, Pace>,
}

/// A connection that speaks for somebody.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) broker: Handle,
    pub(super) session: SessionId,
    pub(super) principal: Principal,
    /// Where the connection comes from, if it is counted under an address.
    pub(super) address: Option<IpAddr>,
    pub(super) topics: HashMap<TopicName, Box<Stay>>,
    /// Where something is held back.
    pub(super) held: Vec<TopicName>,
    /// Where the session joined just as somebody removed its party: it is to leave again.
    pub(super) strays: Vec<TopicName>,
    /// Where what the party may do may have changed.
    pub(super) rights: Vec<TopicName>,
    pub(super) asked: Table,
    pub(super) paces: Paces,
    pub(super) dial_ins: DialIns,
    /// When the token is to be looked at again.
    expiry: Option<Mono>,
    is_warned: bool,
}

impl Visit {
    pub(super) fn new(shared: Arc<Shared>, broker: Handle, session: SessionId, principal: Principal) -> Self {
        let limits = principal.app.limits;
        let topics = u32::try_from(limits.topics_per_session).unwrap_or(u32::MAX);
        let paces = Paces {
            events: Pace::new(limits.events_per_second, limits.events_per_second.saturating_mul(4)),
            refusals: Pace::new(10, 100),
            subscribes: Pace::new(limits.subscribes_per_second, topics.max(limits.subscribes_per_second)),
            updates: Pace::new(
                limits.events_per_second.saturating_mul(10),
                10 * limits.events_per_second.max(1),
            ),
            parties: Pace::new(1, 5),
            joins: HashMap::new(),
        };
        let mut visit = Self {
            shared,
            broker,
            session,
            principal,
            address: None,
            topics: HashMap::new(),
            held: Vec::new(),
            strays: Vec::new(),
            rights: Vec::new(),
            asked: Table::of(session),
            paces,
            dial_ins: DialIns::default(),
            expiry: None,
            is_warned: false,
        };
        visit.expiry = visit.next_expiry(visit.shared.clock.now());
        visit
    }

    /// Says who the client is.
    pub(super) fn welcome(&self, out: &mut BytesMut) {
        let Principal { party, role, expires, app, .. } = &self.principal;
        let mut payload = Vec::with_capacity(384);
        json::object(&mut payload, |payload| {
            payload.text("sessionId", &payload::session_text(party, self.session));
            payload.object("user", |user| {
                user.text("_id", party.id.as_str());
                user.text("type", payload::kind_name(party.kind));
                user.text("username", &party.username);
                user.text("displayname", payload::displayname(party));
                user.text("picture_url", &party.picture_url);
                user.raw("phone_numbers", payload::phone_numbers(party));
                user.text("role", role.as_str());
            });
            match expires {
                Some(expires) => payload.text("expires", &payload::iso(*expires)),
                None => payload.raw("expires", b"null"),
            }
            payload.object("hub", |hub| {
                hub.text("version", env!("CARGO_PKG_VERSION"));
                hub.number("ping", seconds(self.shared.ping_interval));
                hub.number("grace", seconds(app.grace));
            });
        });
        self.emit(event::AUTHENTICATED, &payload, out);
    }

    /// Serves a request. What was held back and is due goes first, so that requests are served in order.
    pub(super) async fn request(
        &mut self,
        request: &Request<'_>,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        let now = self.shared.clock.now();
        self.release(now).await;
        let is_paced = self.paces.events.allows(now.mono)
            || (request.is_online() && self.paces.updates.allows(now.mono));
        if !is_paced || self.asked.is_full() {
            let fault = fault::TOO_FAST;
            self.emit(event::ERROR, &fault.body(), out);
            self.answer(request.id, Err(&fault), out);
            let is_bearable = self.paces.refusals.allows(now.mono);
            return if is_bearable { Ok(()) } else { Err(CloseReason::TooFast) };
        }
        match request.event {
            event::SUBSCRIBE_CHANNEL => self.subscribe(request, now, out).await,
            event::UNSUBSCRIBE_CHANNEL => self.unsubscribe(request, out).await,
            event::SEND_PRESENCE_EVENT => return self.presence(request, now, out).await,
            event::SEND_MESSAGE => self.message(request, now, out).await,
            event::SEND_MEDIA_SESSION_EVENTS => return self.media(request, now, out).await,
            _ => {
                self.emit(event::ERROR, &fault::UNKNOWN_EVENT.body(), out);
                self.answer(request.id, Err(&fault::UNKNOWN_EVENT), out);
            }
        }
        Ok(())
    }

    /// The broker answered.
    pub(super) fn reply(&mut self, tag: Tag, reply: Reply, out: &mut BytesMut) {
        let Some(Asked { ids, what }) = self.asked.take(tag) else { return };
        let refused = match &reply {
            Reply::Refused(refusal) => Some(Fault::from(*refusal)),
            _ => None,
        };
        let outcome = match (what, reply, refused) {
            (What::Subscribe { topic, times }, Reply::Watching(watching), _) => {
                self.subscribed(&topic, times, &watching, out);
                Ok(())
            }
            (What::Subscribe { topic, times }, _, refused) => {
                match self.asked.later_subscription(tag, &topic) {
                    Some(later) => {
                        later.ids.extend(ids);
                        if let What::Subscribe { times: owed, .. } = &mut later.what {
                            *owed += times;
                        }
                        return;
                    }
                    None => Err(self.not_subscribed(&topic, refused.unwrap_or(fault::CANCELLED), out)),
                }
            }
            (What::Unsubscribe { topic }, ..) => {
                self.unsubscribed(topic.as_str(), out);
                Ok(())
            }
            (What::Online(online), _, Some(fault)) => Err(self.not_online(&online, fault, out)),
            (What::Online(online), Reply::Done { .. }, _) if !self.topics.contains_key(&online.topic) => {
                self.strays.push(online.topic);
                Ok(())
            }
            (What::Online(online), Reply::Unchanged | Reply::Done { is_change: false, .. }, _) => {
                self.echo(&online, out);
                Ok(())
            }
            (What::DialIn { party, topic, loopback }, _, Some(fault)) => {
                Err(self.not_dialled_in((&party, &topic), loopback.as_deref(), fault, out))
            }
            (What::Parties { topic }, Reply::Roster(roll), _) => {
                self.parties(&topic, &roll, out);
                Ok(())
            }
            (What::Relay { topic, loopback }, _, Some(fault)) => {
                Err(self.invalid(topic.as_str(), loopback.as_deref(), fault, out))
            }
            (What::Message { topic, category }, _, Some(fault)) => {
                Err(self.unsent(&topic, &category, fault, out))
            }
            (What::Leave | What::Parties { .. }, _, Some(fault)) => Err(fault),
            // What was done shows by itself.
            _ => Ok(()),
        };
        for id in &ids {
            self.answer(Some(id), outcome.as_ref().copied(), out);
        }
    }

    /// Hands a command over; the answer, and what the author wants back, come through the outbox.
    pub(super) async fn submit(&mut self, command: Command, loopback: Option<Bytes>, asked: Asked) {
        let reply = ReplyTo::Session(self.session, self.asked.note(asked));
        self.broker.submit(command, loopback, reply).await;
    }

    /// Notes that the connection is subscribed to a topic, if it was not.
    pub(super) fn stay_in(&mut self, topic: &TopicName) -> &mut Stay {
        let updates = self.principal.app.limits.updates_per_second;
        self.topics.entry(topic.clone()).or_insert_with(|| Box::new(Stay::new(updates)))
    }

    /// Whether the token allows something in a topic.
    pub(super) fn may(&self, action: Action, topic: &TopicName) -> bool {
        self.principal.may_share(action, topic)
    }

    /// The topic of an event that names none, or an empty one: the only one there is.
    pub(super) fn only_topic(&self) -> Option<&TopicName> {
        let mut topics = self.topics.keys();
        topics.next().filter(|_| topics.next().is_none())
    }

    pub(super) fn emit(&self, event: &str, payload: &[u8], out: &mut BytesMut) {
        self.shared.framing.event(event, &[payload], Place::default(), out);
    }

    /// Acknowledges a request that has an id.
    pub(super) fn answer(&self, id: Option<&str>, outcome: Result<(), &Fault>, out: &mut BytesMut) {
        if let Some(id) = id {
            self.shared.framing.ack(id, outcome, out);
        }
    }

    /// Appends the connection's own party.
    pub(super) fn sender(&self, detail: Detail, out: &mut Vec<u8>) {
        payload::person(&self.principal.party, detail, out);
    }

    // === The token ===

    /// Whether a principal is the one that the connection speaks for.
    pub(super) fn is_of(&self, principal: &Principal) -> bool {
        self.principal.app.slot == principal.app.slot && self.principal.party.id == principal.party.id
    }

    /// A new token of the same party takes the old one's place. What it does not allow any more ends.
    pub(super) async fn renew(&mut self, principal: Principal, out: &mut BytesMut) {
        let party = Arc::clone(&self.principal.party);
        self.principal = Principal { party, ..principal };
        self.is_warned = false;
        self.expiry = self.next_expiry(self.shared.clock.now());
        self.welcome(out);
        let is_lost = |topic: &&TopicName| !self.may(Action::Subscribe, topic);
        let lost: Vec<_> = self.topics.keys().filter(is_lost).cloned().collect();
        for topic in lost {
            self.end_stay(&topic, Cause::Policy, Vec::new(), out).await;
        }
        let is_member = |(_, stay): &(&TopicName, &mut Box<Stay>)| stay.is_member;
        let mut absent = Vec::new();
        for (topic, stay) in self.topics.iter_mut().filter(is_member) {
            if self.principal.may(Action::Presence, topic) {
                // It may have to be less there than it was.
                self.rights.push(topic.clone());
            } else {
                stay.is_member = false;
                absent.push((topic.clone(), stay.held.take()));
            }
        }
        for (topic, held) in absent {
            self.forget_held(&topic, held, out);
            let leave = Command::Leave { session: self.session, topic, cause: Cause::Policy };
            self.broker.submit(leave, None, ReplyTo::Nobody).await;
        }
    }

    /// When the token is to be looked at next: as it is about to end, and as it ends.
    fn next_expiry(&self, now: Now) -> Option<Mono> {
        let expires = self.principal.expires?;
        let at = if self.is_warned { self.end_of(expires) } else { before(expires, WARNING) };
        Some(now.mono + Duration::from_nanos(at.0.saturating_sub(now.wall.0).saturating_mul(100)))
    }

    fn end_of(&self, expires: Wall) -> Wall {
        Wall(expires.0.saturating_add(ticks(self.principal.app.leeway)))
    }

    fn look_at_token(&mut self, now: Now, out: &mut BytesMut) -> Result<(), CloseReason> {
        let Some(expires) = self.principal.expires else { return Ok(()) };
        if now.wall >= self.end_of(expires) {
            return Err(CloseReason::TokenExpired);
        }
        if !self.is_warned && now.wall >= before(expires, WARNING) {
            self.is_warned = true;
            let mut payload = Vec::with_capacity(48);
            json::object(&mut payload, |payload| payload.text("expires", &payload::iso(expires)));
            self.emit(event::TOKEN_EXPIRING, &payload, out);
        }
        self.expiry = self.next_expiry(now);
        Ok(())
    }

    // === Time, and the end ===

    pub(super) fn deadline(&self) -> Option<Mono> {
        let held =
            self.held.iter().filter_map(|topic| self.topics.get(topic)).map(|stay| stay.updates.due()).min();
        let stray = self.strays.first().or(self.rights.first()).map(|_| Mono::default());
        self.expiry.into_iter().chain(held).chain(stray).min()
    }

    pub(super) async fn deadline_passed(&mut self, out: &mut BytesMut) -> Result<(), CloseReason> {
        let now = self.shared.clock.now();
        self.release(now).await;
        self.recheck(now).await?;
        if self.expiry.is_some_and(|at| at <= now.mono) { self.look_at_token(now, out) } else { Ok(()) }
    }

    /// The connection is gone, or speaks for nobody any more. What it said last is still said.
    pub(super) async fn end(mut self) -> Paces {
        for (_, mut stay) in std::mem::take(&mut self.topics) {
            if let Some((_, online)) = stay.held.take() {
                let command = self.enter(&online);
                self.broker.submit(command, None, ReplyTo::Nobody).await;
            }
        }
        self.broker.detach(self.session).await;
        self.dial_ins.end(&self.broker).await;
        self.paces
    }
}

fn before(at: Wall, span: Duration) -> Wall {
    Wall(at.0.saturating_sub(ticks(span)))
}

fn ticks(span: Duration) -> u64 {
    u64::try_from(span.as_nanos() / 100).unwrap_or(u64::MAX)
}

fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}
