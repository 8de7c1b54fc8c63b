//! Occupants: one session of the core for each user in each channel, whoever's requests speak for it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use sha2::{Digest, Sha256};

use super::call::Call;
use super::desk::Said;
use super::fault::Fault;
use crate::broker::{EncoderId, Handle, Opening, Outbox, Reply};
use crate::core::{
    Cause, Command, Content, Leases, Now, Party, PartyId, Refusal, Roster, SessionId, Terms, TopicName,
};

/// The session of a user in a channel: the same for all its devices and after each of their restarts.
pub(super) fn session(topic: &TopicName, uuid: &PartyId) -> SessionId {
    let digest = Sha256::new()
        .chain_update(topic.as_str())
        .chain_update([0x1f])
        .chain_update(uuid.as_str())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    SessionId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// A user that is to be in a channel.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    /// The channel.
    pub(super) topic: TopicName,
    /// The state that the request tells, if it does.
    pub(super) state: Option<Content>,
}

/// How a user is in a channel.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// Its session, if that is there: whether it waits for nothing, and after which silence it ends.
    lease: Option<(bool, Option<Duration>)>,
    /// As whom it is a member, also by a session of another dialect.
    pub(super) party: Option<Arc<Party>>,
    /// Whether a session of another dialect speaks for it there.
    is_foreign: bool,
}

impl Standing {
    /// Looks.
    pub(super) fn of(roster: &Roster, leases: &Leases, (topic, uuid): (&TopicName, &PartyId)) -> Self {
        let own = session(topic, uuid);
        let lease = leases.get(own).filter(|lease| lease.is_member(topic));
        let member = roster.topic(topic).and_then(|known| known.member(uuid));
        Self {
            lease: lease.map(|lease| (lease.is_attached, lease.timeout())),
            party: member.map(|member| Arc::clone(&member.party)),
            is_foreign: member.is_some_and(|member| member.sessions.iter().any(|session| *session != own)),
        }
    }

    /// After which silence its session ends, if it has one.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.lease.and_then(|(_, timeout)| timeout)
    }

    /// Whether its session waits for a sign of life, because a held request was given up.
    pub(super) fn is_detached(&self) -> bool {
        matches!(self.lease, Some((false, _)))
    }

    /// Whether a request may say the user's state there. What a connection of another dialect says of its user is not for those
    /// who only claim to be that.
    pub(super) fn may_say(&self, call: &Call<'_>, uuid: &PartyId) -> bool {
        !self.is_foreign || call.pass.proves(uuid)
    }

    /// Whether the user has a session of this dialect there.
    pub(super) fn is_own(&self) -> bool {
        self.lease.is_some()
    }
}

/// Makes a user present in channels, or notes that it still is, and says with which sessions. `heartbeat` is how long it may be
/// silent; without it that stays as it is.
///
/// # Errors
/// The app has as many occupants as it may, or a channel has.
pub(super) async fn enter(
    call: &Call<'_>,
    party: &Arc<Party>,
    mut stays: Vec<Stay>,
    heartbeat: Option<Duration>,
) -> Result<Vec<SessionId>, Fault> {
    let topics: Vec<TopicName> = stays.iter().map(|stay| stay.topic.clone()).collect();
    call.tenant.desk.touch(topics.iter());
    let (most, who) = (call.tenant.settings.occupants, party.id.clone());
    let look = move |roster: &Roster, leases: &Leases, _: Now| {
        let standings: Vec<_> =
            topics.iter().map(|topic| Standing::of(roster, leases, (topic, &who))).collect();
        let new = standings.iter().filter(|standing| !standing.is_own()).count();
        let has_room = new == 0 || leases.timed().saturating_add(new) <= most;
        has_room.then_some(standings)
    };
    let standings = call.broker.read(look).await.ok_or_else(|| call.unavailable())?;
    let standings = standings.ok_or_else(Fault::full)?;
    for (stay, standing) in stays.iter_mut().zip(&standings) {
        stay.state = stay.state.take().filter(|_| standing.may_say(call, &party.id));
    }
    let entering = stays.iter().zip(&standings).map(|(stay, standing)| {
        Entrance { call, party, stay, standing, session: session(&stay.topic, &party.id) }.enter(heartbeat)
    });
    let sessions: Vec<SessionId> = join_all(entering).await.into_iter().collect::<Result<_, _>>()?;
    Ok(sessions)
}

/// One user on its way into one channel.
struct Entrance<'a> {
    call: &'a Call<'a>,
    party: &'a Arc<Party>,
    stay: &'a Stay,
    standing: &'a Standing,
    session: SessionId,
}

impl Entrance<'_> {
    async fn enter(self, heartbeat: Option<Duration>) -> Result<SessionId, Fault> {
        let Self { call, standing, session, .. } = &self;
        if let Some(said) = self.said().filter(|_| standing.party.is_some()) {
            call.tenant.desk.keep_quiet(said);
        }
        let usual = call.tenant.settings.timeout;
        let reply = match standing.lease {
            Some((true, timeout)) if heartbeat.is_none() || timeout == heartbeat => {
                call.broker.heard(*session).await;
                match self.say().await {
                    Reply::Refused(Refusal::UnknownSession) => {
                        self.open(timeout.or(heartbeat).unwrap_or(usual)).await
                    }
                    reply => reply,
                }
            }
            lease => {
                let timeout = heartbeat.or_else(|| lease.and_then(|(_, timeout)| timeout));
                self.open(timeout.unwrap_or(usual)).await
            }
        };
        match reply {
            Reply::Done { is_change, .. } => self.entered(is_change),
            Reply::Refused(Refusal::TopicFull) => return Err(Fault::full()),
            Reply::Refused(_) => return Err(call.unavailable()),
            _ => self.entered(false),
        }
        Ok(*session)
    }

    async fn open(&self, timeout: Duration) -> Reply {
        let Self { call, party, standing, session, .. } = self;
        // What another dialect has said of the user stays.
        let party = Arc::clone(standing.party.as_ref().unwrap_or(party));
        call.broker.open(opening(*session, party, timeout, &call.tenant.outbox)).await;
        self.say().await
    }

    async fn say(&self) -> Reply {
        let Self { call, stay, session, .. } = self;
        let grace = call.tenant.settings.close_grace;
        let (session, topic, content) = (*session, stay.topic.clone(), stay.state.clone());
        call.broker.ask(Command::Enter { session, topic, content, grace }).await
    }

    /// What was to be kept quiet did not happen.
    fn entered(&self, is_change: bool) {
        if let Some(said) = self.said().filter(|_| !is_change && self.standing.party.is_some()) {
            self.call.tenant.desk.speak_again(&said);
        }
    }

    fn said(&self) -> Option<Said> {
        let state = self.stay.state.as_ref()?;
        Some((self.stay.topic.clone(), self.party.id.clone(), state.fingerprint))
    }
}

/// A session of this dialect: it is sent nothing, and ends when nothing is heard for so long.
pub(super) fn opening(
    session: SessionId,
    party: Arc<Party>,
    timeout: Duration,
    outbox: &Arc<Outbox>,
) -> Opening {
    let terms = Terms { timeout: Some(timeout) };
    Opening { session, party, terms, encoder: EncoderId(0), outbox: Arc::clone(outbox) }
}

/// A user leaves channels, with all its devices of this dialect.
pub(super) async fn leave(broker: &Handle, uuid: &PartyId, topics: &[TopicName]) {
    let leaving = topics.iter().map(|topic| broker.ask(Command::End(session(topic, uuid), Cause::Left)));
    join_all(leaving).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_session_is_of_one_user_in_one_channel(
            one in "[a-c]{1,3}", other in "[a-c]{1,3}", here in "[a-c]{1,3}", there in "[a-c]{1,3}"
        ) {
            let of = |topic: &str, uuid: &str| {
                session(&TopicName::new(topic).unwrap(), &PartyId::new(uuid).unwrap())
            };
            prop_assert_eq!(of(&here, &one) == of(&there, &other), (&here, &one) == (&there, &other));
        }
    }
}
