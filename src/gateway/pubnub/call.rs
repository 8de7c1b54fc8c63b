//! One request: whose it is, by which library, and what it may ask of which channels.

use std::net::IpAddr;
use std::sync::Arc;

use futures::future::join_all;
use presence_protocol::native::Role;

use super::answer::Service;
use super::dialect::Shared;
use super::fault::Fault;
use super::groups;
use super::names::{self, Group, Name};
use super::query::Query;
use super::tenant::Tenant;
use crate::broker::Handle;
use crate::core::{PartyId, Timetoken, TopicName};
use crate::gateway::principal::{Action, Capabilities, Principal};

/// A request for an app.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) tenant: Arc<Tenant>,
    pub(super) broker: Handle,
    pub(super) service: Service,
    /// Whether it may never be told of an error of the hub.
    pub(super) is_subscribe: bool,
    pub(super) query: Query<'a>,
    /// Who asks, if it says so.
    pub(super) uuid: Option<PartyId>,
    /// Where it comes from.
    pub(super) address: Option<IpAddr>,
}

/// The channels that a request names.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) names: Vec<Name>,
    pub(super) groups: Vec<Group>,
    /// Whether it names one thing only, and that is a channel.
    pub(super) is_lone: bool,
}

impl Asked {
    /// The channels that are named for themselves, not for their presence.
    pub(super) fn channels(&self) -> impl Iterator<Item = &TopicName> {
        self.names.iter().filter(|name| !name.is_presence).map(|name| &name.topic)
    }
}

impl<'a> Call<'a> {
    /// Looks whose request it is, and whether the app takes one more.
    ///
    /// # Errors
    /// No app has the key; there are too many requests; the query is none.
    pub(super) fn new(
        shared: &'a Shared,
        (service, key): (Service, &str),
        query: &'a str,
        address: Option<IpAddr>,
    ) -> Result<Self, Fault> {
        let query = Query::parse(query, service)?;
        let key = names::decoded(key, service)?;
        let tenant = Arc::clone(shared.tenants.by_key(&key).ok_or_else(Fault::bad_subscribe_key)?);
        if tenant.settings.access_manager {
            return Err(Fault::unsigned());
        }
        let uuid = query.uuid()?;
        let broker = shared.broker.for_app(tenant.app.slot);
        Ok(Self { shared, tenant, broker, service, is_subscribe: false, query, uuid, address })
    }

    /// The channels and groups of the request.
    ///
    /// # Errors
    /// A name is none, there are too many, or the app has no groups.
    pub(super) fn asked(&self, segment: &str) -> Result<Asked, Fault> {
        let settings = &self.tenant.settings;
        let names = names::channels(segment, settings.channels_per_request, self.service)?;
        let groups = self.query.groups(settings)?;
        if !groups.names.is_empty() && !settings.channel_groups {
            return Err(Fault::no_groups());
        }
        let is_lone = names.count == 1 && groups.count == 0;
        Ok(Asked { names: names.names, groups: groups.names, is_lone })
    }

    /// The uuid, where there must be one.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn who(&self) -> Result<&PartyId, Fault> {
        self.uuid.as_ref().ok_or_else(Fault::no_uuid)
    }

    /// The named channels and those of the named groups, for presence: each once, without presence streams.
    ///
    /// # Errors
    /// The groups cannot be read.
    pub(super) async fn members(&self, asked: &Asked) -> Result<Vec<TopicName>, Fault> {
        let mut topics: Vec<TopicName> = asked.channels().cloned().collect();
        for group in asked.groups.iter().filter(|group| !group.is_presence) {
            topics.extend(groups::members(self, &group.name).await?);
        }
        topics.sort();
        topics.dedup();
        Ok(topics)
    }

    /// Whether the user may watch these channels and be in them, as the spaces see it.
    ///
    /// # Errors
    /// Names those that it may not.
    pub(super) async fn admit<'t>(&self, topics: impl Iterator<Item = &'t TopicName>) -> Result<(), Fault> {
        let principal = self.principal();
        let looks = topics.map(|topic| self.is_admitted(&principal, topic));
        let refused: Vec<String> = join_all(looks).await.into_iter().flatten().collect();
        if refused.is_empty() { Ok(()) } else { Err(Fault::forbidden(&refused, &[])) }
    }

    /// Those of these channels that the user may look into.
    pub(super) async fn admitted(&self, topics: Vec<TopicName>) -> Vec<TopicName> {
        let principal = self.principal();
        let looks = topics.iter().map(|topic| self.is_admitted(&principal, topic));
        let refusals = join_all(looks).await;
        topics
            .into_iter()
            .zip(refusals)
            .filter(|(_, refused)| refused.is_none())
            .map(|(topic, _)| topic)
            .collect()
    }

    /// The name of the channel, if the user may not.
    async fn is_admitted(&self, principal: &Principal, topic: &TopicName) -> Option<String> {
        if !principal.may_share(Action::Subscribe, topic) {
            return Some(topic.as_str().to_owned());
        }
        match self.shared.spaces.admit(principal, topic, None, self.address).await {
            // What cannot be read now may be private.
            Err(_) => Some(topic.as_str().to_owned()),
            Ok(_) => None,
        }
    }

    fn principal(&self) -> Principal {
        // With the access manager everything that the request asks has been granted by name.
        let granted = self.tenant.settings.access_manager.then(|| {
            let mut all = Capabilities::default();
            all.grant("**", ["*"].into_iter());
            Arc::new(all)
        });
        Principal {
            app: Arc::clone(&self.tenant.app),
            // Who only says who it is belongs to no space.
            party: Arc::clone(&self.tenant.nobody),
            role: Role::Guest,
            expires: None,
            capabilities: granted,
            is_app: false,
        }
    }

    /// The hub cannot serve this now. Some libraries break on an error of the hub, or go round in circles, where they subscribe.
    pub(super) fn unavailable(&self) -> Fault {
        match self.is_subscribe {
            true => Fault::too_many_requests(self.service, 1),
            false => Fault::unavailable(self.service),
        }
    }

    /// The hub's time: nothing that is ordered later is stamped earlier.
    ///
    /// # Errors
    /// The hub is stopping.
    pub(super) async fn now(&self) -> Result<Timetoken, Fault> {
        now(&self.broker).await.ok_or_else(|| self.unavailable())
    }
}

/// The hub's time, as far as an app has any: nothing of it that is ordered later is stamped earlier. `None` if the hub is stopping.
pub(super) async fn now(broker: &Handle) -> Option<Timetoken> {
    // Something ordered in the same turn may have the turn's own time.
    broker.read(|roster, _, now| Timetoken(now.wall.0 - 1).max(roster.newest())).await
}
