//! What users say of themselves: the state of a device, or one that stands above all devices.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Answer, Said, State};
use super::desks::lasting;
use super::dialect::Service;
use super::fault::{Code, Fault};
use super::ledger::{Caller, Ledger};
use super::pidf::{self, Details, Wish};
use super::presence::{self, Saying};
use super::sessions::{Device, Mark};
use crate::core::{PartyId, SessionId, TopicName, Wall};

/// Something to be said, and for how long.
#[derive(Debug)]
struct Speech {
    state: State,
    details: Option<Arc<Details>>,
    lasts: Duration,
}

/// What a session has begun to say of its device.
struct Spoken {
    session: SessionId,
    topic: TopicName,
}

impl Service {
    /// Sets a presence, and has its watchers told before it answers.
    pub(super) async fn set_presence(
        &self,
        by: (Option<&str>, Option<&str>),
        what: &Said,
        is_override: bool,
        expiry: Option<u32>,
    ) -> Result<Answer, Fault> {
        let (caller, party) = self.act(|ledger| ledger.end_caller(by, &self.clock)).await?;
        let speech = speech(what, is_override, expiry)?;
        let is_done = if is_override {
            self.stand_above(caller.app, &party, speech).await?
        } else if let Some(speech) = speech {
            self.speak(&caller, &party, speech).await
        } else {
            true
        };
        self.refresh(caller.app, vec![party]).await;
        if is_done { Ok(Answer::Done) } else { Err(Code::SetInternal.into()) }
    }

    /// Sets or ends an override.
    async fn stand_above(&self, app: usize, party: &PartyId, speech: Option<Speech>) -> Result<bool, Fault> {
        let now = self.clock.now();
        let said = speech.as_ref().map(|speech| (now.mono + speech.lasts, speech.details.clone()));
        self.act(|ledger| ledger.stand_above(app, party, said)).await?;
        let by_hand = speech.map(|speech| (speech.state, later(now.wall, speech.lasts)));
        Ok(presence::set_by_hand(self.handle(app), party.clone(), by_hand).await)
    }

    /// Says the state of the session's device: as a member of the app's topic, or not as one.
    async fn speak(&self, caller: &Caller, party: &PartyId, speech: Speech) -> bool {
        let Speech { state, details, lasts } = speech;
        if state == State::Unavailable {
            self.act(|ledger| ledger.take_device(caller.mark, crate::core::Cause::Left)).await;
            return true;
        }
        let until = self.clock.now().mono + lasts;
        let begun = self.act(|ledger| ledger.begin_device(caller, details.clone(), until)).await;
        let Some(Spoken { session, topic }) = begun else { return false };
        let (activity, note) = match &details {
            Some(details) => (details.activity, details.note.clone()),
            None => (pidf::activity_of(state), Box::default()),
        };
        let saying = Saying { session, party: party.clone(), topic, state, activity, note };
        let handle = self.handle(caller.app);
        let is_said = saying.say(handle).await;
        // Somebody may have logged out meanwhile, and what was said is to end then.
        if !self.act(|ledger| ledger.has_device(caller.mark, session)).await {
            presence::end(handle, session, crate::core::Cause::Left).await;
        }
        is_said
    }
}

/// What is to be said; `None` ends an override.
fn speech(what: &Said, is_override: bool, expiry: Option<u32>) -> Result<Option<Speech>, Fault> {
    let (state, details) = match what {
        Said::Basic(state) => (*state, None),
        Said::Rich(document) => match pidf::read(document, is_override)? {
            Wish::Clear => return Ok(None),
            Wish::Set(state, details) => (state, Some(Arc::new(details))),
        },
    };
    match (state, is_override) {
        (State::Available, true) => return Err(Code::AvailableOverride.into()),
        (State::Dnd, false) => return Err(Code::DndDevice.into()),
        (State::Unknown, _) => return Err(Code::SetFailed.into()),
        _ => {}
    }
    Ok(Some(Speech { state, details, lasts: lasting(expiry)? }))
}

/// An instant in the hub's time.
fn later(now: Wall, span: Duration) -> Wall {
    Wall(now.0.saturating_add(span.as_secs().saturating_mul(Wall::TICKS_PER_SECOND)))
}

impl Ledger {
    /// Notes an override, if there is room for one more.
    fn stand_above(
        &mut self,
        app: usize,
        party: &PartyId,
        said: Option<(crate::core::Mono, Option<Arc<Details>>)>,
    ) -> Result<(), Fault> {
        if said.is_some() && !self.has_room_above(app, party) {
            return Err(Fault::with(Code::SetFailed, "There are as many overrides as are allowed"));
        }
        self.set_override(app, party, said);
        Ok(())
    }

    /// Notes that a session speaks for a device; with which session of the core.
    fn begin_device(
        &mut self,
        by: &Caller,
        details: Option<Arc<Details>>,
        until: crate::core::Mono,
    ) -> Option<Spoken> {
        let held = self.sessions.get(by.mark)?.device.as_ref().map(|device| device.session);
        let session = held.unwrap_or_else(|| SessionId(uuid::Uuid::new_v4()));
        self.set_device(by.mark, Some(Device { session, details, until }));
        Some(Spoken { session, topic: self.books[by.app].tenant.topic.clone() })
    }

    fn has_device(&self, mark: Mark, session: SessionId) -> bool {
        let device = self.sessions.get(mark).and_then(|held| held.device.as_ref());
        device.is_some_and(|device| device.session == session)
    }
}
