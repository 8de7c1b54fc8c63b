//! What somebody who makes a request may do, whatever they showed to be let in.

use std::sync::Arc;

use presence_protocol::native::Role;

use super::revoked::Mark;
use super::token::Token;
use crate::core::{Party, PartyId, PartyKind, TopicName, Wall};
use crate::gateway::apps::App;
use crate::gateway::principal::{Action, Principal};
use crate::gateway::pubnub::answer::Service;
use crate::gateway::pubnub::fault::Fault;
use crate::gateway::pubnub::names::{self, Group, Name};
use crate::gateway::pubnub::query::Query;

/// What can be done with a channel or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::gateway::pubnub) enum Right {
    /// Hearing what is said there, and seeing who is there and in which state.
    Read,
    /// Being present there, or in a state.
    Join,
    /// Saying something there.
    Write,
    /// Changing which channels a group has.
    Manage,
    /// Deleting what was said there.
    Delete,
}

impl Right {
    /// What a token must allow.
    fn bit(self) -> u64 {
        match self {
            Self::Read | Self::Join => 1,
            Self::Write => 2,
            Self::Manage => 4,
            Self::Delete => 8,
        }
    }

    /// What other tokens must allow; `None` is for an app alone.
    fn action(self) -> Option<Action> {
        match self {
            Self::Read => Some(Action::Subscribe),
            Self::Join => Some(Action::Presence),
            Self::Write => Some(Action::Publish),
            Self::Manage | Self::Delete => None,
        }
    }
}

/// What was shown.
#[derive(Debug, Clone)]
enum Shown {
    /// Nothing, where something must be.
    Nothing,
    /// A token of the dialect.
    Token(Arc<Token>, Mark),
    /// What the principal says is all that counts: nothing where nothing is needed, a JWT, or a signature.
    Principal,
}

/// Whom a request claims to be from.
#[derive(Debug, Clone)]
pub(super) struct Who {
    app: Arc<App>,
    party: Party,
    has_uuid: bool,
}

/// Who names no uuid is a guest of this name, who is never present.
const NOBODY: &str = "nobody";

impl Who {
    /// The uuid of a request to an app.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn of(app: &Arc<App>, query: &Query<'_>) -> Result<Self, Fault> {
        let uuid = query.uuid()?;
        let has_uuid = uuid.is_some();
        let id = uuid.map_or_else(|| names::uuid(NOBODY, Service::Presence), Ok)?;
        let kind = if has_uuid { PartyKind::User } else { PartyKind::Anonymous };
        Ok(Self { app: Arc::clone(app), party: Party { kind, ..Party::new(id) }, has_uuid })
    }

    /// The uuid, if one was named.
    pub(super) fn uuid(&self) -> Option<&PartyId> {
        Some(&self.party.id).filter(|_| self.has_uuid)
    }
}

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub(in crate::gateway::pubnub) struct Pass {
    principal: Principal,
    /// `None` if no uuid was named.
    party: Option<Arc<Party>>,
    shown: Shown,
}

impl Pass {
    /// For whom nothing is allowed.
    pub(super) fn nothing(who: Who) -> Self {
        Self::new(who, Shown::Nothing, false)
    }

    /// For everybody, where nothing needs to be shown.
    pub(super) fn open(who: Who) -> Self {
        Self::new(who, Shown::Principal, false)
    }

    /// For a token.
    pub(super) fn of_token(who: Who, token: Arc<Token>, mark: Mark) -> Self {
        let is_proven = token.uuid.is_some();
        Self::new(who, Shown::Token(token, mark), is_proven)
    }

    /// For a backend, which may do everything.
    pub(super) fn signed(who: Who) -> Self {
        let mut pass = Self::new(who, Shown::Principal, true);
        pass.principal.is_app = true;
        pass.principal.role = Role::Admin;
        pass
    }

    /// For a JWT.
    pub(super) fn of_principal(principal: Principal, has_uuid: bool) -> Self {
        let party = has_uuid.then(|| Arc::clone(&principal.party));
        Self { principal, party, shown: Shown::Principal }
    }

    /// Who only claims a uuid is seen by it, but has nothing of what spaces give to it.
    fn new(who: Who, shown: Shown, is_proven: bool) -> Self {
        let party = Arc::new(who.party);
        let guest = || Arc::new(Party { kind: PartyKind::Anonymous, ..Party::clone(&party) });
        let principal = Principal {
            app: who.app,
            party: if is_proven { Arc::clone(&party) } else { guest() },
            role: Role::Member,
            expires: None,
            capabilities: None,
            is_app: false,
        };
        Self { principal, party: who.has_uuid.then_some(party), shown }
    }

    /// Who asks, for whatever asks about spaces: a guest, unless the uuid is proven.
    pub(in crate::gateway::pubnub) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Who is present by this request; `None` if no uuid was named.
    pub(in crate::gateway::pubnub) fn party(&self) -> Option<&Arc<Party>> {
        self.party.as_ref()
    }

    /// Whether whoever asks has shown to be this user, or may speak for everybody.
    pub(in crate::gateway::pubnub) fn proves(&self, uuid: &PartyId) -> bool {
        let is_proven = match &self.shown {
            Shown::Nothing => false,
            Shown::Token(token, ..) => token.uuid.is_some(),
            // Only a JWT ends.
            Shown::Principal => self.principal.expires.is_some(),
        };
        self.principal.is_app || is_proven && self.principal.party.id == *uuid
    }

    /// Whether something may be done with a channel, its presence stream or a pattern.
    pub(in crate::gateway::pubnub) fn may(&self, right: Right, name: &Name) -> bool {
        match &self.shown {
            Shown::Nothing => false,
            Shown::Token(token, _) => {
                is_shared(&name.topic) && token.channels.sum(&name.written()) & right.bit() != 0
            }
            Shown::Principal => self.principal_may(right, &name.topic),
        }
    }

    /// Whether something may be done with a channel because a group has it.
    pub(in crate::gateway::pubnub) fn may_in_group(
        &self,
        right: Right,
        group: &Group,
        channel: &TopicName,
    ) -> bool {
        match &self.shown {
            Shown::Nothing => false,
            Shown::Token(..) => is_shared(channel) && self.may_group(right, group),
            Shown::Principal => self.principal_may(right, channel),
        }
    }

    /// Whether a channel may be read because a pattern matches it that may be.
    pub(in crate::gateway::pubnub) fn may_match(&self, channel: &TopicName) -> bool {
        match &self.shown {
            Shown::Nothing => false,
            Shown::Token(..) => is_shared(channel),
            Shown::Principal => self.principal_may(Right::Read, channel),
        }
    }

    /// Whether nothing was shown where something must be.
    pub(in crate::gateway::pubnub) fn is_nothing(&self) -> bool {
        matches!(self.shown, Shown::Nothing)
    }

    /// From which second on nothing is allowed any more.
    pub(in crate::gateway::pubnub) fn ends(&self) -> Option<u64> {
        match &self.shown {
            Shown::Token(token, _) => Some(token.ends()),
            Shown::Principal | Shown::Nothing => self.principal.expires.map(Wall::seconds),
        }
    }

    /// By which mark its token would be known as revoked, if it showed one.
    pub(super) fn mark(&self) -> Option<Mark> {
        match &self.shown {
            Shown::Token(_, mark) => Some(*mark),
            Shown::Principal | Shown::Nothing => None,
        }
    }

    /// Whether something may be done with a group itself. Without a token of the dialect anybody may read and join one, as far as
    /// they may each of its channels.
    pub(in crate::gateway::pubnub) fn may_group(&self, right: Right, group: &Group) -> bool {
        match &self.shown {
            Shown::Nothing => false,
            Shown::Token(token, _) => token.groups.sum(&group.written()) & right.bit() != 0,
            Shown::Principal => right.action().is_some() || self.manages(),
        }
    }

    /// What must be allowed with all of these channels and groups.
    ///
    /// # Errors
    /// Names those with which it is not.
    pub(in crate::gateway::pubnub) fn require<'a>(
        &self,
        right: Right,
        names: impl IntoIterator<Item = &'a Name>,
        groups: impl IntoIterator<Item = &'a Group>,
    ) -> Result<(), Fault> {
        let names = names.into_iter().filter(|name| !self.may(right, name));
        let names: Vec<_> = names.map(Name::written).collect();
        let groups = groups.into_iter().filter(|group| !self.may_group(right, group));
        let groups: Vec<_> = groups.map(Group::written).collect();
        if names.is_empty() && groups.is_empty() { Ok(()) } else { Err(Fault::forbidden(&names, &groups)) }
    }

    /// What must be allowed everywhere, such as asking who is in all channels.
    ///
    /// # Errors
    /// A token names single things, so it never allows this.
    pub(in crate::gateway::pubnub) fn require_everywhere(&self) -> Result<(), Fault> {
        match &self.shown {
            Shown::Principal if self.principal.capabilities.is_none() => Ok(()),
            Shown::Principal | Shown::Token(..) | Shown::Nothing => Err(Fault::forbidden(&[], &[])),
        }
    }

    fn principal_may(&self, right: Right, topic: &TopicName) -> bool {
        let may = |action| self.principal.may_share(action, topic);
        right.action().map_or_else(|| self.manages() && may(Action::Publish), may)
    }

    /// Where nothing needs to be shown, everybody manages.
    fn manages(&self) -> bool {
        let is_open = self.principal.expires.is_none();
        is_open || self.principal.role == Role::Admin
    }
}

/// Whether a channel is anybody's at all: those in which one dialect sends users their own news are not.
fn is_shared(topic: &TopicName) -> bool {
    !topic.as_str().starts_with("#server-to-user-")
}
