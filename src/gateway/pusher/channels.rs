//! Subscribing to channels, and unsubscribing.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use presence_protocol::native::Role;
use presence_protocol::pusher::{ChannelData, ClientFrame, Subscribe, event};

use super::arrival::WITH_FAILURES;
use super::asked::Asked;
use super::encode::Encoder;
use super::fault::{self, Fault};
use super::names::{self, SERVER_TO_USER};
use super::payload;
use super::resume::Resumption;
use super::visit::{Stay, Visit};
use super::{sign, translate};
use crate::broker::{CloseReason, Encode, Reply, ReplyTo, Step, Watching};
use crate::core::{Cause, Change, ChangeKind, Command, Mono, Party, PartyKind, Refusal, Retained, TopicName};
use crate::gateway::principal::Principal;
use crate::gateway::spaces::Wrong;

/// Why a subscription does not begin.
enum Refused {
    /// It would not another time either: the client is told, and the connection goes on.
    Told(Fault),
    /// It might another time: the connection ends, for clients do not try again on one that they have.
    Ended(CloseReason),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Told(fault)
    }
}

impl Visit {
    /// `pusher:subscribe`.
    pub(super) async fn subscribe(
        &mut self,
        frame: &ClientFrame<'_>,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        if !self.rates.subscribes.allows(self.shared.clock.now().mono) {
            return Err(CloseReason::TooFast);
        }
        let Some(asked) = Subscribe::of(frame) else {
            payload::error(&fault::NO_CHANNEL, out);
            return Ok(());
        };
        let channel = asked.channel.clone();
        match self.begin(asked).await {
            Ok(()) => Ok(()),
            Err(Refused::Told(fault)) => {
                self.refuse_channel(&channel, &fault, out);
                Ok(())
            }
            Err(Refused::Ended(reason)) => Err(reason),
        }
    }

    async fn begin(&mut self, asked: Subscribe) -> Result<(), Refused> {
        let (topic, member) = self.granted(&asked)?;
        if names::is_channel(topic.as_str()) && !names::is_guarded(topic.as_str()) {
            self.admitted(&topic).await?;
        }
        if let Some(party) = &member {
            self.count_join(&topic).map_err(Refused::Ended)?;
            self.enter(&topic, party).await?;
        }
        let settings = &self.tenant.settings;
        let after_id = asked.resume_after_id.filter(|_| settings.event_buffer);
        let resumption = after_id.map(|after_id| Resumption { after_id });
        let since = resumption.as_ref().map(|resumption| resumption.since(settings.resume_bytes));
        if names::is_guarded(topic.as_str()) {
            self.proved();
        }
        let tag = self.asked.note(Asked::Subscribe { topic: topic.clone(), resumption });
        self.channels.insert(topic.clone(), Stay { member });
        self.broker.watch(self.session, topic, since, ReplyTo::Session(self.session, tag)).await;
        Ok(())
    }

    /// The topic that the connection may subscribe to, and as whom it is present there.
    fn granted(&self, asked: &Subscribe) -> Result<(TopicName, Option<Arc<Party>>), Fault> {
        let (channel, settings) = (asked.channel.as_str(), &self.tenant.settings);
        let topic = match channel.strip_prefix(SERVER_TO_USER) {
            Some(user) => {
                let is_own = self.user.as_ref().is_some_and(|own| own.party.id.as_str() == user);
                names::own_channel(user, settings).filter(|_| is_own).ok_or(fault::NOT_YOURS)?
            }
            None => names::channel(channel, settings)?,
        };
        if self.channels.contains_key(&topic) {
            return Err(fault::existing(channel));
        }
        if self.channels.len() >= self.tenant.app.limits.topics_per_session {
            return Err(fault::TOO_MANY);
        }
        if names::is_guarded(channel) {
            self.check_auth(asked)?;
        }
        let member = if names::is_presence(channel) { Some(self.member(asked)?) } else { None };
        Ok((topic, member))
    }

    /// Asks the space of a public channel. Of guarded channels the app's signature says who may be there.
    async fn admitted(&self, topic: &TopicName) -> Result<(), Refused> {
        let (party, role) = match &self.user {
            Some(user) => (&user.party, Role::Member),
            None => (&self.guest, Role::Guest),
        };
        let principal = Principal {
            app: Arc::clone(&self.tenant.app),
            party: Arc::clone(party),
            role,
            expires: None,
            capabilities: None,
            is_app: false,
        };
        match self.shared.spaces.admit(&principal, topic, None, None).await {
            Ok(_) => Ok(()),
            Err(Wrong::Unavailable) => Err(Refused::Ended(CloseReason::Internal)),
            Err(wrong) => Err(fault::closed_space(&wrong).into()),
        }
    }

    /// Checks the app's signature: over the channel data too where there is any, whatever the channel.
    fn check_auth(&self, asked: &Subscribe) -> Result<(), Fault> {
        let auth = asked.auth.as_deref().ok_or_else(|| fault::no_auth(&asked.channel))?;
        let mut parts = vec![&*self.socket_id, ":", &asked.channel];
        if let Some(data) = &asked.channel_data {
            parts.extend([":", data]);
        }
        if sign::is_authorised(&self.tenant.app, &parts, auth) {
            return Ok(());
        }
        self.shared.metrics.unauthenticated();
        Err(fault::bad_signature(&parts.concat(), auth))
    }

    /// As whom the connection is present: whom the channel data names, or else the user that it has signed in as.
    fn member(&self, asked: &Subscribe) -> Result<Arc<Party>, Fault> {
        let settings = &self.tenant.settings;
        let Some(data) = &asked.channel_data else {
            return self.user.as_ref().map(|user| Arc::clone(&user.party)).ok_or(fault::NO_CHANNEL_DATA);
        };
        if data.len() > settings.user_bytes {
            return Err(fault::LONG_CHANNEL_DATA);
        }
        let data = ChannelData::parse(data).ok_or(fault::BAD_CHANNEL_DATA)?;
        let id = &data.user_id.0;
        names::check_user_id(id, settings)?;
        let party = translate::user(id, data.user_info.map(|info| info.get()));
        party.map(Arc::new).ok_or(fault::BAD_CHANNEL_DATA)
    }

    /// Becomes a member, and waits until it is: only then is the list, with itself in it, its own.
    async fn enter(&self, topic: &TopicName, party: &Arc<Party>) -> Result<(), Refused> {
        let command = Command::EnterAs {
            session: self.session,
            topic: topic.clone(),
            party: Arc::clone(party),
            content: translate::content(party),
            grace: self.tenant.settings.grace,
            most: self.tenant.settings.members,
        };
        match self.broker.ask(command).await {
            Reply::Refused(Refusal::TopicFull) => Err(fault::FULL.into()),
            Reply::Refused(Refusal::UnknownSession | Refusal::Unavailable) => {
                Err(Refused::Ended(CloseReason::Internal))
            }
            _ => Ok(()),
        }
    }

    /// A subscription has begun: the members, then what the client missed or what the channel keeps.
    pub(super) fn subscribed(
        &self,
        topic: &TopicName,
        resumption: Option<&Resumption>,
        watching: &Watching,
        out: &mut BytesMut,
    ) {
        let encoder = Encoder(self.tenant.form());
        let snapshot = &watching.roll.snapshot;
        let id = self.shared.encoders.get(&encoder.0).copied();
        let presence = id
            .filter(|_| names::is_presence(topic.as_str()))
            .map(|id| watching.roll.rendered(id, |snapshot| Bytes::from(payload::presence(snapshot))));
        let resume = resumption.map(|resumption| (resumption.after_id.as_str(), watching.is_complete));
        payload::succeeded(topic.as_str(), presence.as_deref(), resume, out);
        let missed = watching.missed.as_deref().unwrap_or_default();
        let mut news = missed.iter().filter(|step| self.is_news(&step.change)).peekable();
        if names::is_cache(topic.as_str()) {
            let now = self.shared.clock.now();
            let is_known = |place| resumption.is_some_and(|resumption| resumption.covers(place, watching));
            match snapshot.retained.as_ref().filter(|retained| now.wall < retained.until) {
                Some(Retained { change, .. }) if is_known(change.stamp) => {}
                Some(Retained { change, .. }) => {
                    encoder.change(&Step { change: Arc::clone(change), link: None }, None, out);
                }
                None if news.peek().is_some() => {}
                None => self.miss(topic, now.mono, out),
            }
        }
        for step in news {
            encoder.change(step, None, out);
        }
    }

    /// Whether a change is an event that is not the client's own: of its connection, or of its user on another or an earlier one.
    fn is_news(&self, change: &Change) -> bool {
        let ChangeKind::Message(message) = &change.kind else { return false };
        let member = self.channels.get(&change.topic).and_then(|stay| stay.member.as_ref());
        let is_own = member.is_some_and(|member| {
            let is_clients = message.name.starts_with(event::CLIENT) && message.from.kind != PartyKind::Bot;
            is_clients && message.from.id == member.id
        });
        !is_own && change.author() != Some(self.session)
    }

    /// A cache channel keeps nothing.
    fn miss(&self, topic: &TopicName, now: Mono, out: &mut BytesMut) {
        payload::about(event::CACHE_MISS, topic.as_str(), b"{}", out);
        if self.tenant.is_new_miss(topic, now) {
            self.shared.hooks.cache_miss(self.tenant.app.slot, topic);
        }
    }

    /// A subscription does not begin, or has ended.
    pub(super) fn refuse_channel(&self, channel: &str, fault: &Fault, out: &mut BytesMut) {
        if self.version >= WITH_FAILURES {
            payload::subscription_failed(channel, fault, out);
        } else {
            payload::error(fault, out);
        }
        if self.tenant.settings.subscription_error {
            payload::subscription_error(channel, fault, out);
        }
    }

    /// `pusher:unsubscribe`. The watching goes first, so that the connection does not hear of its own leave.
    pub(super) async fn unsubscribe(&mut self, frame: &ClientFrame<'_>, out: &mut BytesMut) {
        let Some(asked) = Subscribe::of(frame) else { return payload::error(&fault::NO_CHANNEL, out) };
        let topic = TopicName::new(&asked.channel).ok();
        let Some((topic, stay)) = topic.and_then(|topic| self.channels.remove_entry(&topic)) else {
            return payload::error(&fault::no_subscription(&asked.channel), out);
        };
        self.broker.unwatch(self.session, topic.clone(), ReplyTo::Nobody).await;
        if stay.member.is_some() {
            let leave = Command::Leave { session: self.session, topic, cause: Cause::Left };
            self.broker.submit(leave, None, ReplyTo::Nobody).await;
        }
    }
}
