//! One connection of the dialect on a plain WebSocket: frames in, and who it is before anything else.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use presence_protocol::Object;
use presence_protocol::native::{ClientFrame, FrameError, event};

use super::fault::{self, Fault};
use super::framing::{Framing, Place};
use super::pace::Pace;
use super::visit::{Paces, Request, Visit};
use crate::broker::AppSlot;
use crate::broker::{Bounds, Clock, CloseReason, EncoderId, Handle, Notice, Opening, Outbox, Reply, Tag};
use crate::core::{Mono, SessionId, Terms};
use crate::gateway::apps::Apps;
use crate::gateway::conversation::Conversation;
use crate::gateway::json::{self, Caps};
use crate::gateway::limits::Admission;
use crate::gateway::principal::Principal;
use crate::gateway::spaces::Spaces;
use crate::gateway::token;
use crate::telemetry::Metrics;

/// How many frames a second may be no requests at all, or ask who it is; and how many at once.
const FAULTS: u32 = 10;
const FAULTS_AT_ONCE: u32 = 100;

/// How many frames it may send meanwhile that are about something else.
const MOST_OTHERS: u32 = 16;

/// What all connections of the dialect in one framing share.
#[derive(Debug)]
pub struct Shared {
    /// The apps.
    pub apps: Arc<Apps>,
    /// The way to the broker.
    pub broker: Handle,
    /// The hub's clock.
    pub clock: Clock,
    /// The framing.
    pub framing: &'static dyn Framing,
    /// The place of the [`super::Encoder`] of this framing among the broker's.
    pub encoder: EncoderId,
    /// After how long a silence the hub pings.
    pub ping_interval: Duration,
    /// The bounds of each connection's outbox.
    pub outbox: Bounds,
    /// How long a connection may take to say who it is.
    pub auth_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// The most bytes of a request's body.
    pub body_bytes: usize,
    /// What topics are called, and who may enter them.
    pub spaces: Arc<Spaces>,
    /// The host names that the hub may say are its own.
    pub hosts: Arc<[String]>,
    /// Where connections are counted.
    pub metrics: Metrics,
}

/// What the handshake of a connection told.
#[derive(Debug, Default)]
pub struct Arrival {
    /// Whom it speaks for, if it said so.
    pub principal: Option<Principal>,
    /// The apps that its page may use, if it has still to say whom it speaks for.
    pub welcome: Vec<AppSlot>,
    /// Its place among the connections that are counted.
    pub admission: Option<Arc<Admission>>,
}

/// One connection.
#[derive(Debug)]
pub struct Native {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    arrival: Arrival,
    /// Until when it has to say who it is.
    patience_ends: Option<Mono>,
    others: u32,
    faults: Pace,
    /// How often the connection may still do what, after it has spoken for somebody before.
    paces: Option<Box<Paces>>,
    visit: Option<Box<Visit>>,
}

impl Native {
    /// A connection that has just been opened. The driver drains the other end of the outbox.
    #[must_use]
    pub fn new(shared: Arc<Shared>, outbox: Arc<Outbox>, arrival: Arrival) -> Self {
        Self {
            shared,
            outbox,
            arrival,
            patience_ends: None,
            others: 0,
            faults: Pace::new(FAULTS, FAULTS_AT_ONCE),
            paces: None,
            visit: None,
        }
    }

    /// Serves one event, from whichever framing.
    pub(super) async fn event(
        &mut self,
        request: &Request<'_>,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        if request.event == event::AUTHENTICATE {
            self.pace_faults()?;
            return self.authenticate(request, out).await;
        }
        match &mut self.visit {
            Some(visit) => visit.request(request, out).await,
            None => {
                self.refuse(request.id, &fault::NOT_AUTHENTICATED, out);
                self.others += 1;
                if self.others > MOST_OTHERS { Err(CloseReason::NotAuthenticated) } else { Ok(()) }
            }
        }
    }

    async fn authenticate(&mut self, request: &Request<'_>, out: &mut BytesMut) -> Result<(), CloseReason> {
        let token = request.payload.as_ref().and_then(|payload| payload.text("token")).unwrap_or_default();
        let now = self.shared.clock.now().wall;
        let checked = token::verify(&self.shared.apps, &token, now);
        let is_welcome = |principal: &Principal| match &self.visit {
            Some(visit) => visit.is_of(principal),
            None => self.arrival.welcome.contains(&principal.app.slot),
        };
        match checked.ok().filter(is_welcome) {
            Some(principal) => {
                match &mut self.visit {
                    Some(visit) => visit.renew(principal, out).await,
                    None => self.admit(principal, out).await?,
                }
                self.acknowledge(request.id, Ok(()), out);
                Ok(())
            }
            None => {
                self.shared.metrics.unauthenticated();
                let fault = Fault::from(token::Refused);
                self.shared.framing.event(
                    event::AUTHENTICATE_FAILED,
                    &[&fault.body()],
                    Place::default(),
                    out,
                );
                self.acknowledge(request.id, Err(&fault), out);
                Err(CloseReason::NotAuthenticated)
            }
        }
    }

    /// The connection speaks for somebody from now on.
    pub(super) async fn admit(
        &mut self,
        principal: Principal,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        if let Some(admission) = &self.arrival.admission {
            claim(admission, &principal)?;
        }
        let broker = self.shared.broker.for_app(principal.app.slot);
        let session = SessionId(uuid::Uuid::new_v4());
        let opening = Opening {
            session,
            party: Arc::clone(&principal.party),
            terms: Terms { timeout: None },
            encoder: self.shared.encoder,
            outbox: Arc::clone(&self.outbox),
        };
        broker.open(opening).await;
        let mut visit = Visit::new(Arc::clone(&self.shared), broker, session, principal);
        if let Some(paces) = self.paces.take() {
            visit.paces = *paces;
        }
        visit.address = self.arrival.admission.as_ref().and_then(|admission| admission.address());
        if self.shared.framing.is_extended() {
            visit.welcome(out);
        }
        self.visit = Some(Box::new(visit));
        self.patience_ends = None;
        Ok(())
    }

    /// The connection has spoken for somebody before: what it has done then counts.
    pub(super) fn resume_paces(&mut self, paces: Option<Box<Paces>>) {
        self.paces = paces;
    }

    /// The connection speaks for nobody any more.
    pub(super) async fn leave(&mut self) -> Option<Box<Paces>> {
        match self.visit.take() {
            Some(visit) => Some(Box::new(visit.end().await)),
            None => self.paces.take(),
        }
    }

    /// The session, once the connection speaks for somebody.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.visit.as_ref().map(|visit| visit.session)
    }

    /// Frames that cost work and come to nothing are allowed now and then, not as a flood.
    pub(super) fn pace_faults(&mut self) -> Result<(), CloseReason> {
        let now = self.shared.clock.now().mono;
        if self.faults.allows(now) { Ok(()) } else { Err(CloseReason::TooFast) }
    }

    /// How much JSON may hold.
    pub(super) fn caps(&self) -> Caps {
        self.visit.as_ref().map_or_else(Caps::default, |visit| visit.principal.app.limits.json)
    }

    /// Answers a frame that is no request, or not one that can be served.
    pub(super) fn refuse(&self, id: Option<&str>, fault: &Fault, out: &mut BytesMut) {
        self.shared.framing.event(event::ERROR, &[&fault.body()], Place::default(), out);
        self.acknowledge(id, Err(fault), out);
    }

    fn acknowledge(&self, id: Option<&str>, outcome: Result<(), &Fault>, out: &mut BytesMut) {
        if let Some(id) = id {
            self.shared.framing.ack(id, outcome, out);
        }
    }
}

/// Counts a connection as its party's; the connections of an app itself are not counted together.
pub(super) fn claim(admission: &Admission, principal: &Principal) -> Result<(), CloseReason> {
    if principal.is_app {
        admission.authenticate();
        return Ok(());
    }
    admission.claim(principal.app.slot, &principal.party.id).map_err(|excess| excess.reason())
}

impl Conversation for Native {
    async fn opened(&mut self, out: &mut BytesMut) -> Result<(), CloseReason> {
        match self.arrival.principal.take() {
            Some(principal) => self.admit(principal, out).await,
            None => {
                self.patience_ends = Some(self.shared.clock.now().mono + self.shared.auth_timeout);
                Ok(())
            }
        }
    }

    async fn text(&mut self, text: &str, out: &mut BytesMut) -> Result<(), CloseReason> {
        let excess = json::check(text, &self.caps()).err();
        match (ClientFrame::parse(text), excess) {
            (Ok(frame), None) => {
                let request = Request {
                    event: &frame.event,
                    payload: frame.payload.and_then(Object::of),
                    id: frame.id.map(|id| id.get()),
                };
                self.event(&request, out).await
            }
            (Ok(frame), Some(excess)) => {
                self.pace_faults()?;
                self.refuse(frame.id.map(|id| id.get()), &excess.into(), out);
                Ok(())
            }
            (Err(FrameError::Frame(why)), _) => {
                self.pace_faults()?;
                self.refuse(None, &Fault::new("invalid.frame", why), out);
                Ok(())
            }
            (Err(FrameError::Json), _) => {
                self.pace_faults()?;
                self.refuse(None, &fault::INVALID_JSON, out);
                Ok(())
            }
        }
    }

    async fn binary(&mut self, _data: &[u8], out: &mut BytesMut) -> Result<(), CloseReason> {
        self.pace_faults()?;
        self.refuse(None, &fault::BINARY, out);
        Ok(())
    }

    fn reply(&mut self, tag: Tag, reply: Reply, out: &mut BytesMut) -> Result<(), CloseReason> {
        if let Some(visit) = &mut self.visit {
            visit.reply(tag, reply, out);
        }
        Ok(())
    }

    fn notice(&mut self, notice: Notice, out: &mut BytesMut) -> Result<(), CloseReason> {
        match notice {
            Notice::Removed(topic) => {
                if let Some(visit) = &mut self.visit {
                    visit.removed(&topic, out);
                }
                Ok(())
            }
            Notice::Rights(topic) => {
                if let Some(visit) = self.visit.as_mut().filter(|visit| !visit.rights.contains(&topic)) {
                    visit.rights.push(topic);
                }
                Ok(())
            }
            Notice::Close(reason) => Err(reason),
        }
    }

    fn deadline(&self) -> Option<Mono> {
        match &self.visit {
            Some(visit) => visit.deadline(),
            None => self.patience_ends,
        }
    }

    async fn deadline_passed(&mut self, now: Mono, out: &mut BytesMut) -> Result<(), CloseReason> {
        match &mut self.visit {
            Some(visit) => visit.deadline_passed(out).await,
            None if self.patience_ends.is_some_and(|ends| ends <= now) => {
                Err(CloseReason::AuthenticationTimeout)
            }
            None => Ok(()),
        }
    }

    fn closing(&mut self, _reason: CloseReason, _out: &mut BytesMut) {
        // The close frame says it all.
    }

    async fn closed(&mut self) {
        self.leave().await;
    }
}
