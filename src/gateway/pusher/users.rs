//! Signing in, and knowing who else is online. A user is online as a member of the party's own topic, which no client can name.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use presence_protocol::pusher::{ClientFrame, SignIn, UserData};

use super::asked::Asked;
use super::call::{Call, Refusal};
use super::dialect::Shared;
use super::fault::{self, Fault};
use super::visit::Visit;
use super::{names, payload, sign, translate};
use crate::broker::{CloseReason, Reply, ReplyTo, Watching};
use crate::core::{Cause, Command, Content, Party, PartyId, TopicName};

/// The user that a connection has signed in as.
#[derive(Debug)]
pub(super) struct User {
    pub(super) party: Arc<Party>,
}

impl Visit {
    /// `pusher:signin`.
    pub(super) async fn sign_in(
        &mut self,
        frame: &ClientFrame<'_>,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        let signed = SignIn::of(frame).ok_or(fault::BAD_SIGNIN).and_then(|asked| {
            let (party, watchlist) = self.signed(&asked)?;
            Ok((asked.user_data, party, watchlist))
        });
        let (user_data, party, watchlist) = match signed {
            Ok(signed) => signed,
            Err(fault) => {
                payload::error(&fault, out);
                return Ok(());
            }
        };
        let is_new = self.user.is_none();
        if is_new {
            self.come_online(party).await?;
        }
        self.proved();
        payload::signed_in(&user_data, out);
        if is_new && self.tenant.settings.watchlist {
            self.watch_users(watchlist, out).await;
        }
        Ok(())
    }

    /// Who the app says the connection is, and whom it wants to know online.
    fn signed(&self, asked: &SignIn) -> Result<(Arc<Party>, Vec<String>), Fault> {
        let parts = [&*self.socket_id, "::user::", &asked.user_data];
        if !sign::is_authorised(&self.tenant.app, &parts, &asked.auth) {
            self.shared.metrics.unauthenticated();
            return Err(fault::bad_signature(&parts.concat(), &asked.auth));
        }
        let data = UserData::parse(&asked.user_data).ok_or(fault::BAD_USER_DATA)?;
        let (info, settings) = (data.user_info.map(|info| info.get()), &self.tenant.settings);
        if info.is_some_and(|info| info.len() > settings.user_bytes) {
            return Err(fault::long_user_info(settings.user_bytes));
        }
        names::check_user_id(&data.id, settings)?;
        let party = translate::user(&data.id, info).ok_or(fault::BAD_USER_DATA)?;
        let is_other = self.user.as_ref().is_some_and(|user| user.party.id != party.id);
        if is_other { Err(fault::OTHER_USER) } else { Ok((Arc::new(party), data.watchlist)) }
    }

    async fn come_online(&mut self, party: Arc<Party>) -> Result<(), CloseReason> {
        let slot = self.tenant.app.slot;
        self.admission.claim(slot, &party.id).map_err(|excess| excess.reason())?;
        let command = Command::EnterAs {
            session: self.session,
            topic: TopicName::of_party(&party.id),
            party: Arc::clone(&party),
            content: Content::default(),
            grace: self.tenant.settings.grace,
            most: None,
        };
        if let Reply::Refused(_) = self.broker.ask(command).await {
            return Err(CloseReason::Internal);
        }
        self.user = Some(User { party });
        Ok(())
    }

    /// Says who of a watchlist is online, and has the rest told as it happens.
    async fn watch_users(&mut self, mut watchlist: Vec<String>, out: &mut BytesMut) {
        let mut seen = HashSet::new();
        watchlist.retain(|id| seen.insert(id.clone()));
        let limit = self.tenant.settings.watchlist_users;
        let is_long = watchlist.len() > limit;
        watchlist.truncate(limit);
        let users: Vec<PartyId> = watchlist.iter().filter_map(|id| PartyId::new(id).ok()).collect();
        let asked = users.clone();
        let online = self.broker.read(move |roster, _, _| {
            let is_online = |user: &PartyId| {
                let topic = roster.topic(&TopicName::of_party(user));
                topic.is_some_and(|topic| topic.member(user).is_some())
            };
            asked.iter().map(is_online).collect::<Vec<_>>()
        });
        let online = online.await.unwrap_or_default();
        let known: Vec<(&PartyId, bool)> = users.iter().zip(online).collect();
        let those = |is_wanted: bool| -> Vec<&str> {
            known.iter().filter(|(_, is)| *is == is_wanted).map(|(user, _)| user.as_str()).collect()
        };
        if !known.is_empty() {
            payload::watchlist(&[("online", &those(true)), ("offline", &those(false))], out);
        }
        if is_long {
            payload::error(&fault::long_watchlist(limit, &watchlist), out);
        }
        for (user, was_online) in known {
            let tag = self.asked.note(Asked::Watch { user: user.clone(), was_online });
            let reply = ReplyTo::Session(self.session, tag);
            self.broker.watch(self.session, TopicName::of_party(user), None, reply).await;
        }
    }

    /// Changes of a user are told from now on. What changed since the client was told the state is told now.
    pub(super) fn watching(user: &PartyId, was_online: bool, watching: &Watching, out: &mut BytesMut) {
        let is_online = watching.roll.snapshot.members.iter().any(|member| member.party.id == *user);
        if is_online != was_online {
            let name = if is_online { "online" } else { "offline" };
            payload::watchlist(&[(name, &[user.as_str()])], out);
        }
    }
}

/// `POST .../users/{user}/terminate_connections`: ends all connections that have signed in as a user, wherever they are.
pub(super) async fn terminate(shared: &Shared, call: &Call, user: &str) -> Result<Bytes, Refusal> {
    let party = PartyId::new(user).map_err(|_| Refusal::bad("Invalid user id"))?;
    let topic = TopicName::of_party(&party);
    let by = Some(Arc::clone(&call.tenant.backend));
    let removal = Command::Remove { party, topic, cause: Cause::Kicked, by };
    match call.broker(shared).ask(removal).await {
        Reply::Refused(_) => Err(Refusal::unavailable()),
        _ => Ok(Bytes::from_static(b"{}")),
    }
}
