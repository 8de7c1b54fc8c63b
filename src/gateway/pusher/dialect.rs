//! One connection of the dialect: whether it may be, and then its frames.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use presence_protocol::pusher::{ClientFrame, FrameError};

use super::arrival::Arrival;
use super::encode::Form;
use super::fault::{self, Fault};
use super::hooks::Hooks;
use super::payload;
use super::tenant::Tenants;
use super::visit::Visit;
use crate::broker::{Bounds, Clock, CloseReason, EncoderId, Handle, Notice, Outbox, Reply, Tag};
use crate::core::Mono;
use crate::gateway::conversation::Conversation;
use crate::gateway::json;
use crate::gateway::spaces::Spaces;
use crate::telemetry::Metrics;

/// What all connections and requests of the dialect share.
#[derive(Debug)]
pub struct Shared {
    /// The apps.
    pub tenants: Tenants,
    /// The way to the broker.
    pub broker: Handle,
    /// The hub's clock.
    pub clock: Clock,
    /// The places of the [`super::Encoder`]s among the broker's.
    pub encoders: HashMap<Form, EncoderId>,
    /// The bounds of each connection's outbox.
    pub outbox: Bounds,
    /// The spaces, some of which let in only whom they know.
    pub spaces: Arc<Spaces>,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// Who hears of what only the dialect knows.
    pub hooks: Arc<dyn Hooks>,
    /// Where connections are counted.
    pub metrics: Metrics,
}

/// One connection.
#[derive(Debug)]
pub struct Pusher {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    /// What the connection came with, until it is open.
    arrival: Option<Box<Arrival>>,
    visit: Option<Box<Visit>>,
    /// Why the connection ends, if not for one of the hub's own reasons.
    end: Option<Fault>,
}

impl Pusher {
    /// A connection that has just been opened, or is to be refused. The driver drains the other end of the outbox.
    pub(super) fn new(shared: Arc<Shared>, outbox: Arc<Outbox>, arrival: Result<Arrival, Fault>) -> Self {
        let (arrival, end) = match arrival {
            Ok(arrival) => (Some(Box::new(arrival)), None),
            Err(fault) => (None, Some(fault)),
        };
        Self { shared, outbox, arrival, visit: None, end }
    }

    fn refuse(&mut self, fault: &Fault, out: &mut BytesMut) -> Result<(), CloseReason> {
        payload::error(fault, out);
        match &mut self.visit {
            Some(visit) => visit.pace(),
            None => Err(CloseReason::NotAuthenticated),
        }
    }

    /// What clients are told as the connection ends.
    fn told(&self, reason: CloseReason) -> Fault {
        let own = || self.visit.as_ref().and_then(|visit| visit.end().cloned());
        self.end.clone().or_else(own).unwrap_or_else(|| fault::of_end(reason))
    }
}

impl Conversation for Pusher {
    async fn opened(&mut self, out: &mut BytesMut) -> Result<(), CloseReason> {
        let Some(arrival) = self.arrival.take() else { return Err(CloseReason::NotAuthenticated) };
        let visit = Visit::open(Arc::clone(&self.shared), *arrival, &self.outbox, out).await;
        self.visit = Some(Box::new(visit.ok_or(CloseReason::Internal)?));
        Ok(())
    }

    async fn text(&mut self, text: &str, out: &mut BytesMut) -> Result<(), CloseReason> {
        let Some(visit) = &mut self.visit else { return Err(CloseReason::NotAuthenticated) };
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(FrameError::Json) => return self.refuse(&fault::NOT_JSON, out),
            Err(FrameError::Event) => return self.refuse(&fault::NO_EVENT, out),
        };
        match json::check(text, &visit.caps()) {
            Ok(()) => visit.request(&frame, out).await,
            Err(excess) => self.refuse(&excess.into(), out),
        }
    }

    async fn binary(&mut self, _data: &[u8], out: &mut BytesMut) -> Result<(), CloseReason> {
        self.refuse(&fault::BINARY, out)
    }

    fn reply(&mut self, tag: Tag, reply: Reply, out: &mut BytesMut) -> Result<(), CloseReason> {
        match &mut self.visit {
            Some(visit) => visit.reply(tag, reply, out),
            None => Ok(()),
        }
    }

    fn notice(&mut self, notice: Notice, out: &mut BytesMut) -> Result<(), CloseReason> {
        match (notice, &mut self.visit) {
            (Notice::Removed(topic), Some(visit)) => visit.removed(&topic, out),
            // What the app signed does not change, and public channels ask nothing of a party.
            (Notice::Removed(_), None) | (Notice::Rights(_), _) => Ok(()),
            (Notice::Close(reason), _) => Err(reason),
        }
    }

    fn deadline(&self) -> Option<Mono> {
        self.visit.as_ref().and_then(|visit| visit.deadline())
    }

    async fn deadline_passed(&mut self, now: Mono, _out: &mut BytesMut) -> Result<(), CloseReason> {
        match &mut self.visit {
            Some(visit) => visit.deadline_passed(now).await,
            None => Ok(()),
        }
    }

    fn closing(&mut self, reason: CloseReason, out: &mut BytesMut) {
        // Some clients read only this, and no close codes.
        let fault = self.told(reason);
        if fault.code.is_some() {
            payload::error(&fault, out);
        }
    }

    fn farewell(&self, reason: CloseReason) -> (u16, Cow<'static, str>) {
        let fault = self.told(reason);
        match fault.code {
            Some(code) => (code, fault.message),
            None => (reason.code(), reason.to_string().into()),
        }
    }

    async fn closed(&mut self) {
        if let Some(visit) = self.visit.take() {
            visit.leave().await;
        }
    }
}
