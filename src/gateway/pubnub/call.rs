//! One request: whose it is, by which library, and what it may ask of which channels.

use std::net::IpAddr;
use std::sync::Arc;

use super::access::{self, Pass, Right};
use super::answer::Service;
use super::dialect::Shared;
use super::fault::Fault;
use super::groups;
use super::names::{self, Group, Name};
use super::query::Query;
use super::tenant::Tenant;
use crate::broker::Handle;
use crate::core::{Now, Party, Roster, Timetoken, TopicName};
use futures::future::join_all;

/// How many channels are asked about at once.
const SLICE: usize = 64;

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
    /// What it may do.
    pub(super) pass: Pass,
    /// Who asks, if it says so.
    pub(super) party: Option<Arc<Party>>,
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

/// Where a request goes, and what it brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) service: Service,
    /// The subscribe key, as the path has it.
    pub(super) key: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) address: Option<IpAddr>,
    /// Whether it may never be told of an error of the hub.
    pub(super) is_subscribe: bool,
}

/// The app of a key that stands in a path.
///
/// # Errors
/// There is none.
pub(super) fn tenant<'s>(shared: &'s Shared, target: &Target<'_>) -> Result<&'s Arc<Tenant>, Fault> {
    let key = names::decoded(target.key, target.service)?;
    shared.tenants.by_key(&key).ok_or_else(Fault::bad_subscribe_key)
}

impl<'a> Call<'a> {
    /// Looks who makes a request, and what that allows. The one place where this is asked, before any work is done.
    ///
    /// # Errors
    /// No app has the key; what is shown to be let in is wrong; the query is none.
    pub(super) async fn new(shared: &'a Shared, target: Target<'a>, body: &[u8]) -> Result<Self, Fault> {
        let Target { service, method, path, address, is_subscribe, .. } = target;
        let query = Query::parse(target.query, service)?;
        let tenant = Arc::clone(tenant(shared, &target)?);
        let (app, settings) = (&tenant.app, &*tenant.settings);
        let asked = access::Asked { app, settings, method, path, query: &query, body };
        let pass = shared.access.admit(&asked).await.inspect_err(|_| shared.metrics.unauthenticated())?;
        let broker = shared.broker.for_app(app.slot);
        let party = pass.party().cloned();
        Ok(Self { shared, tenant, broker, service, is_subscribe, query, pass, party, address })
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
    pub(super) fn who(&self) -> Result<&Arc<Party>, Fault> {
        self.party.as_ref().ok_or_else(Fault::no_uuid)
    }

    /// What must be allowed with everything that the request names.
    ///
    /// # Errors
    /// Names that with which it is not.
    pub(super) fn require(&self, right: Right, asked: &Asked) -> Result<(), Fault> {
        let channels = asked.names.iter().filter(|name| !name.is_presence);
        let groups = asked.groups.iter().filter(|group| !group.is_presence);
        self.pass.require(right, channels, groups)
    }

    /// The channels of a group with which something is allowed, and that let the user in: whoever fills a group cannot shut it for
    /// others.
    ///
    /// # Errors
    /// Names the channels if it is none of them; the group cannot be read.
    pub(super) async fn in_group(&self, right: Right, group: &Group) -> Result<Vec<TopicName>, Fault> {
        let topics = groups::members(self, &group.name).await?;
        let may = |topic: &&TopicName| self.pass.may_in_group(right, group, topic);
        let allowed = self.admitted(topics.iter().filter(may).cloned().collect()).await;
        if allowed.is_empty() && !topics.is_empty() {
            let refused: Vec<String> = topics.iter().map(|topic| topic.as_str().to_owned()).collect();
            return Err(Fault::forbidden(&refused, &[]));
        }
        Ok(allowed)
    }

    /// The named channels and those of the named groups, for presence: each once, without presence streams.
    ///
    /// # Errors
    /// Names those with which it is not allowed; the groups cannot be read.
    pub(super) async fn members(&self, right: Right, asked: &Asked) -> Result<Vec<TopicName>, Fault> {
        self.require(right, asked)?;
        let mut topics: Vec<TopicName> = asked.channels().cloned().collect();
        for group in asked.groups.iter().filter(|group| !group.is_presence) {
            topics.extend(self.in_group(right, group).await?);
        }
        topics.sort();
        topics.dedup();
        Ok(topics)
    }

    /// Whether the spaces of these channels let the user in.
    ///
    /// # Errors
    /// Names those that do not.
    pub(super) async fn admit<'t>(&self, topics: impl Iterator<Item = &'t TopicName>) -> Result<(), Fault> {
        let refused: Vec<String> = self.refused(topics).await.into_iter().flatten().collect();
        if refused.is_empty() { Ok(()) } else { Err(Fault::forbidden(&refused, &[])) }
    }

    /// Those of these channels that let the user in.
    pub(super) async fn admitted(&self, topics: Vec<TopicName>) -> Vec<TopicName> {
        let refused = self.refused(topics.iter()).await;
        let admitted = topics.into_iter().zip(refused).filter(|(_, refused)| refused.is_none());
        admitted.map(|(topic, _)| topic).collect()
    }

    /// The names of the channels that do not let the user in, each in its place. Only so many are asked about at once, so that the
    /// others' requests need not wait for all.
    async fn refused<'t>(&self, mut topics: impl Iterator<Item = &'t TopicName>) -> Vec<Option<String>> {
        let mut refused = Vec::new();
        loop {
            let part: Vec<_> = topics.by_ref().take(SLICE).map(|topic| self.is_refused(topic)).collect();
            if part.is_empty() {
                return refused;
            }
            refused.extend(join_all(part).await);
        }
    }

    /// The name of the channel, if it does not. What cannot be read now may be private.
    async fn is_refused(&self, topic: &TopicName) -> Option<String> {
        let admitted = self.shared.spaces.admit(self.pass.principal(), topic, None, self.address).await;
        admitted.is_err().then(|| topic.as_str().to_owned())
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
    broker.read(|roster, _, now| time(roster, now)).await
}

/// The same in the broker's turn.
pub(super) fn time(roster: &Roster, now: Now) -> Timetoken {
    // Something ordered in the same turn may have the turn's own time.
    Timetoken(now.wall.0.saturating_sub(1)).max(roster.newest())
}
