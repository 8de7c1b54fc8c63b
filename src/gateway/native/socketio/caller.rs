//! Whoever connects, and how it says for whom it speaks: in the handshake's header or query, in the query of the namespace, or in
//! the object with which newer clients enter one.

use std::fmt;
use std::sync::Arc;

use presence_protocol::Object;
use presence_protocol::socketio::{Packet, pairs};
use serde_json::value::RawValue;

use crate::broker::AppSlot;
use crate::gateway::json::{self, Caps};
use crate::gateway::limits::Admission;
use crate::gateway::native::dialect::Shared;
use crate::gateway::principal::Principal;
use crate::gateway::token::Credentials;

/// What a handshake told.
pub(in crate::gateway::native) struct Caller {
    /// The apps that the page may use.
    pub(in crate::gateway::native) welcome: Vec<AppSlot>,
    /// The header `Authorization`.
    pub(in crate::gateway::native) header: Option<Box<str>>,
    /// The `token` of the query.
    pub(in crate::gateway::native) token: Option<Box<str>>,
    /// The connection's place among those that are counted.
    pub(in crate::gateway::native) admission: Arc<Admission>,
}

impl fmt::Debug for Caller {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("welcome", &self.welcome).finish_non_exhaustive()
    }
}

impl Caller {
    /// For whom it speaks, by the first of its credentials that is right. Which kind of token it says it is does not matter:
    /// all carry the same. Without a packet, only the handshake's count.
    pub(super) fn identify(&self, shared: &Shared, packet: Option<&Packet<'_>>) -> Option<Principal> {
        let query = packet.and_then(|packet| packet.query).unwrap_or_default();
        let data = packet.map(|packet| packet.data).unwrap_or_default();
        let of_query = pairs(query).find(|(name, _)| name == "token").map(|(_, token)| token);
        let is_fit = json::check(data, &Caps::default()).is_ok();
        let auth: Option<&RawValue> = serde_json::from_str(data).ok().filter(|_| is_fit);
        let of_auth = auth.and_then(Object::of).and_then(|auth| auth.text("token"));
        let header = self.header.as_deref().and_then(Credentials::of_header);
        let tokens = [self.token.as_deref(), of_query.as_deref(), of_auth.as_deref()];
        let tokens = tokens.into_iter().flatten().filter(|token| !token.is_empty()).map(Credentials::Token);
        let now = shared.clock.now().wall;
        header
            .into_iter()
            .chain(tokens)
            .filter_map(|shown| shown.check(&shared.apps, now).ok())
            .find(|principal| self.welcome.contains(&principal.app.slot))
    }
}
