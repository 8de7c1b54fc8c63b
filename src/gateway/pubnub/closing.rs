//! What it means that a held request is given up: of clients that send no leave, that they have gone, after a moment of grace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::join_all;

use super::call::Call;
use super::occupants::{self, Standing};
use super::tenant::Tenant;
use crate::broker::Handle;
use crate::config::LeaveOnClose;
use crate::core::{Command, Leases, Now, Party, PartyId, Roster, SessionId, TopicName};

/// The users for whom a closed request counts, and how often each was heard of.
#[derive(Debug, Default)]
pub(super) struct Signals(Mutex<HashMap<SessionId, Signal>>);

#[derive(Debug, Default, Clone, Copy)]
struct Signal {
    /// Held requests.
    polls: usize,
    /// Rises with each request.
    count: u64,
}

impl Signals {
    /// A request is held for these users.
    fn held(&self, sessions: &[SessionId]) {
        let mut signals = self.lock();
        for session in sessions {
            let signal = signals.entry(*session).or_default();
            signal.polls += 1;
            signal.count += 1;
        }
    }

    /// A request speaks for these users for a moment; it does not matter if there is no held one that may end.
    fn spoken(&self, sessions: &[SessionId]) -> Vec<SessionId> {
        let mut signals = self.lock();
        let mut known = Vec::new();
        for session in sessions {
            if let Some(signal) = signals.get_mut(session) {
                signal.polls += 1;
                signal.count += 1;
                known.push(*session);
            }
        }
        known
    }

    /// A held request has ended: those users for whom no other is held, with how often they have been heard of.
    fn ended(&self, sessions: &[SessionId]) -> Vec<(SessionId, u64)> {
        let mut signals = self.lock();
        let mut alone = Vec::new();
        for session in sessions {
            let Some(signal) = signals.get_mut(session) else { continue };
            signal.polls = signal.polls.saturating_sub(1);
            if signal.polls == 0 {
                alone.push((*session, signal.count));
            }
        }
        alone
    }

    /// Whether nothing has been heard of a user since; then it is forgotten.
    fn is_silent(&self, (session, count): (SessionId, u64)) -> bool {
        let mut signals = self.lock();
        let is_silent = signals.get(&session).is_none_or(|signal| signal.count == count);
        if is_silent {
            signals.remove(&session);
        }
        is_silent
    }

    /// Nothing more is to be known of these users, unless they have been heard of since.
    fn forget(&self, alone: &[(SessionId, u64)]) {
        let mut signals = self.lock();
        for (session, count) in alone {
            if signals.get(session).is_some_and(|signal| signal.count == *count) {
                signals.remove(session);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Signal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a request for its user, unless it is answered before it is dropped.
#[derive(Debug)]
pub(super) struct Closing {
    tenant: Arc<Tenant>,
    broker: Handle,
    uuid: PartyId,
    sessions: Vec<SessionId>,
    is_answered: bool,
}

impl Closing {
    /// Of a request that is about to be held. From now on the end of an older one is not its user's.
    pub(super) fn of(call: &Call<'_>, uuid: &PartyId, topics: impl Iterator<Item = TopicName>) -> Self {
        let sessions: Vec<_> = topics.map(|topic| occupants::session(&topic, uuid)).collect();
        let counts = match call.tenant.settings.leave_on_close {
            LeaveOnClose::Never => false,
            LeaveOnClose::Rust => call.query.sdk().is_silent_on_leave(),
            LeaveOnClose::Always => true,
        };
        let sessions = if counts && call.is_subscribe {
            call.tenant.signals.held(&sessions);
            sessions
        } else {
            call.tenant.signals.spoken(&sessions)
        };
        let (tenant, broker, uuid) = (Arc::clone(&call.tenant), call.broker.clone(), uuid.clone());
        Self { tenant, broker, uuid, sessions, is_answered: !(counts && call.is_subscribe) }
    }

    /// The request was answered: its client goes on.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let alone = self.tenant.signals.ended(&self.sessions);
        if self.is_answered {
            self.tenant.signals.forget(&alone);
            return;
        }
        let (tenant, broker, uuid) = (Arc::clone(&self.tenant), self.broker.clone(), self.uuid.clone());
        // The hub may be ending too, and then there is nobody left to do it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let closing = alone.into_iter().map(|signal| close(&tenant, &broker, &uuid, signal));
                join_all(closing).await;
            });
        }
    }
}

/// Lets a user's grace begin, unless it has been heard of again. What comes after the second look finds the session detached and
/// takes it up again; what came before it is made up for here.
async fn close(tenant: &Tenant, broker: &Handle, uuid: &PartyId, signal: (SessionId, u64)) {
    let (session, count) = signal;
    let current = tenant.signals.lock().get(&session).map(|signal| signal.count);
    if current != Some(count) {
        return;
    }
    broker.detach(session).await;
    if tenant.signals.is_silent(signal) {
        return;
    }
    let who = uuid.clone();
    let look = move |roster: &Roster, leases: &Leases, _: Now| {
        let topic = leases.get(session)?.topics().next()?.clone();
        let standing = Standing::of(roster, leases, (&topic, &who));
        Some((topic, standing))
    };
    let Some(Some((topic, standing))) = broker.read(look).await else { return };
    let timeout = standing.timeout().unwrap_or(tenant.settings.timeout);
    let party = standing.party.unwrap_or_else(|| Arc::new(Party::new(uuid.clone())));
    broker.open(occupants::opening(session, party, timeout, &tenant.outbox)).await;
    broker.ask(enter(session, topic, tenant)).await;
}

fn enter(session: SessionId, topic: TopicName, tenant: &Tenant) -> Command {
    Command::Enter { session, topic, content: None, grace: tenant.settings.close_grace }
}
