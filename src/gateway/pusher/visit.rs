//! What a connection does once it is open: which frame is served where, and what the broker's answers mean to the client.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use presence_protocol::pusher::{ClientFrame, event};
use uuid::Uuid;

use super::arrival::Arrival;
use super::asked::{Asked, Table};
use super::dialect::Shared;
use super::fault::{self, Fault};
use super::tenant::{Place, Tenant};
use super::users::User;
use super::{names, payload, translate};
use crate::broker::{CloseReason, Handle, Opening, Outbox, Reply, ReplyTo, Tag};
use crate::core::{Cause, Command, Mono, Party, SessionId, Terms, TopicName};
use crate::gateway::json::Caps;
use crate::gateway::limits::Admission;
use crate::gateway::pace::Pace;

/// How many times `limits.events_per_second` frames of any sort may come at once.
const FRAMES: u32 = 4;

/// In how many channels a connection's joins are counted before those at rest are forgotten.
const MOST_JOINS: usize = 128;

/// A channel that the connection is subscribed to.
#[derive(Debug)]
pub(super) struct Stay {
    /// As whom it is present, on a presence channel.
    pub(super) member: Option<Arc<Party>>,
}

/// How often the connection does what.
#[derive(Debug)]
pub(super) struct Rates {
    frames: Pace,
    pub(super) subscribes: Pace,
    pub(super) client_events: Pace,
    /// Of each presence channel.
    joins: HashMap<TopicName, Pace>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) tenant: Arc<Tenant>,
    pub(super) broker: Handle,
    pub(super) session: SessionId,
    pub(super) socket_id: Box<str>,
    pub(super) version: u32,
    /// The connection itself, as a party that is nobody's.
    pub(super) guest: Arc<Party>,
    pub(super) user: Option<User>,
    pub(super) channels: HashMap<TopicName, Stay>,
    /// The channels that the client was told it is not in, while the broker may have it there.
    strays: Vec<TopicName>,
    pub(super) asked: Table,
    pub(super) rates: Rates,
    pub(super) admission: Arc<Admission>,
    /// Until when the connection has to prove itself.
    prove_by: Option<Mono>,
    /// Why it ends, if not for one of the hub's own reasons.
    end: Option<Fault>,
    _place: Place,
}

impl Visit {
    /// Begins a session, and says its name as the first frame. `None` if it cannot have one.
    pub(super) async fn open(
        shared: Arc<Shared>,
        arrival: Arrival,
        outbox: &Arc<Outbox>,
        out: &mut BytesMut,
    ) -> Option<Self> {
        let Arrival { tenant, version, admission, place } = arrival;
        let session = SessionId(Uuid::new_v4());
        let socket_id = names::socket_id(session);
        let guest = Arc::new(translate::guest(&socket_id)?);
        let broker = shared.broker.for_app(tenant.app.slot);
        let opening = Opening {
            session,
            party: Arc::clone(&guest),
            terms: Terms { timeout: None },
            encoder: *shared.encoders.get(&tenant.form())?,
            outbox: Arc::clone(outbox),
        };
        broker.open(opening).await;
        payload::established(&socket_id, tenant.settings.activity_timeout.as_secs().max(1), out);
        let prove_by = tenant
            .settings
            .authorized_connections
            .then(|| shared.clock.now().mono + tenant.settings.authorization_timeout);
        if prove_by.is_none() {
            admission.authenticate();
        }
        let limits = tenant.app.limits;
        let client_events = tenant.settings.client_events_per_second;
        let topics = u32::try_from(limits.topics_per_session).unwrap_or(u32::MAX);
        let rates = Rates {
            frames: Pace::new(limits.events_per_second, limits.events_per_second.saturating_mul(FRAMES)),
            subscribes: Pace::new(limits.subscribes_per_second, topics.max(limits.subscribes_per_second)),
            client_events: Pace::new(client_events, client_events),
            joins: HashMap::new(),
        };
        Some(Self {
            shared,
            tenant,
            broker,
            session,
            socket_id: socket_id.into(),
            version,
            guest,
            user: None,
            channels: HashMap::new(),
            strays: Vec::new(),
            asked: Table::default(),
            rates,
            admission,
            prove_by,
            end: None,
            _place: place,
        })
    }

    /// How much JSON a frame may hold: the data of an event is one string, and may all be escapes.
    pub(super) fn caps(&self) -> Caps {
        let caps = self.tenant.app.limits.json;
        Caps { string: caps.string.max(6 * self.tenant.settings.data_bytes), ..caps }
    }

    /// Counts a frame.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn pace(&mut self) -> Result<(), CloseReason> {
        let now = self.shared.clock.now().mono;
        if self.rates.frames.allows(now) { Ok(()) } else { Err(CloseReason::TooFast) }
    }

    /// Counts a joining of a presence channel.
    ///
    /// # Errors
    /// The connection comes and goes all the time.
    pub(super) fn count_join(&mut self, topic: &TopicName) -> Result<(), CloseReason> {
        let (joins, now) = (&mut self.rates.joins, self.shared.clock.now().mono);
        if joins.len() >= MOST_JOINS {
            joins.retain(|_, pace| !pace.is_rested(now));
        }
        let limit = self.tenant.app.limits.joins_per_second;
        let pace = joins.entry(topic.clone()).or_insert_with(|| Pace::new(limit, limit));
        if pace.allows(now) { Ok(()) } else { Err(CloseReason::TooFast) }
    }

    /// Serves a frame.
    pub(super) async fn request(
        &mut self,
        frame: &ClientFrame<'_>,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        if self.asked.is_full() {
            return Err(CloseReason::TooFast);
        }
        self.leave_strays().await;
        match &*frame.event {
            // Subscriptions have a bound of their own: a client that comes back has many at once.
            event::SUBSCRIBE => return self.subscribe(frame, out).await,
            _ => self.pace()?,
        }
        match &*frame.event {
            event::PING => payload::pong(out),
            event::PONG => {}
            event::UNSUBSCRIBE => self.unsubscribe(frame, out).await,
            event::SIGNIN => return self.sign_in(frame, out).await,
            name if name.starts_with(event::CLIENT) => self.client_event(frame, out).await,
            name => payload::error(&fault::unsupported(name), out),
        }
        Ok(())
    }

    /// The broker answered.
    pub(super) fn reply(&mut self, tag: Tag, reply: Reply, out: &mut BytesMut) -> Result<(), CloseReason> {
        match (self.asked.take(tag), reply) {
            (Some(Asked::Subscribe { topic, resumption }), Reply::Watching(watching)) => {
                self.subscribed(&topic, resumption.as_ref(), &watching, out);
            }
            (Some(Asked::Watch { user, was_online }), Reply::Watching(watching)) => {
                Self::watching(&user, was_online, &watching, out);
            }
            // What was withdrawn before it was granted is not answered.
            _ => {}
        }
        Ok(())
    }

    /// Somebody removed a party from a topic: the app ended the user's connections, or the member was put out of a channel.
    pub(super) fn removed(&mut self, topic: &TopicName, out: &mut BytesMut) -> Result<(), CloseReason> {
        if topic.is_of_party() {
            let is_own = self.user.as_ref().is_some_and(|user| TopicName::of_party(&user.party.id) == *topic);
            return if is_own { Err(self.ends(fault::TERMINATED)) } else { Ok(()) };
        }
        if self.channels.remove(topic).is_some() {
            // Whether it came back before or after the removal is not known here. It is told that it is out, so out it goes.
            if self.asked.withdraw(topic) {
                self.strays.push(topic.clone());
            }
            self.refuse_channel(topic.as_str(), &fault::removed(topic.as_str()), out);
        }
        Ok(())
    }

    /// Leaves where the client knows that it is not.
    async fn leave_strays(&mut self) {
        for topic in std::mem::take(&mut self.strays) {
            self.broker.unwatch(self.session, topic.clone(), ReplyTo::Nobody).await;
            let leave = Command::Leave { session: self.session, topic, cause: Cause::Kicked };
            self.broker.submit(leave, None, ReplyTo::Nobody).await;
        }
    }

    /// The connection has proved itself.
    pub(super) fn proved(&mut self) {
        if self.prove_by.take().is_some() {
            self.admission.authenticate();
        }
    }

    /// The connection ends with a fault of the dialect.
    pub(super) fn ends(&mut self, fault: Fault) -> CloseReason {
        self.end = Some(fault);
        CloseReason::Ended
    }

    /// Why it ends, if not for one of the hub's own reasons.
    pub(super) fn end(&self) -> Option<&Fault> {
        self.end.as_ref()
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.strays.first().map(|_| Mono::default()).or(self.prove_by)
    }

    pub(super) async fn deadline_passed(&mut self, now: Mono) -> Result<(), CloseReason> {
        self.leave_strays().await;
        let is_over = self.prove_by.is_some_and(|by| by <= now);
        if is_over { Err(self.ends(fault::NOT_AUTHORIZED)) } else { Ok(()) }
    }

    /// The connection is gone: graces begin.
    pub(super) async fn leave(self) {
        self.broker.detach(self.session).await;
    }
}
