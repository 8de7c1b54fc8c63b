//! What a backend asks a token to allow.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::core::PartyId;
use crate::gateway::pubnub::fault::Fault;

/// The longest that a token can be good for, in minutes.
const MAX_TTL: u64 = 43_200;

/// The highest sum of permissions.
const ALL: u64 = 255;

/// Names, or patterns of names, and the sum of what is allowed there.
pub(super) type Rules = BTreeMap<String, u64>;

/// Of each kind of thing, what is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Kinds {
    pub(super) channels: Rules,
    pub(super) groups: Rules,
    pub(super) uuids: Rules,
    pub(super) users: Rules,
    pub(super) spaces: Rules,
}

impl Kinds {
    fn all(&self) -> [&Rules; 5] {
        [&self.channels, &self.groups, &self.uuids, &self.users, &self.spaces]
    }
}

#[derive(Debug, Deserialize)]
struct Body {
    ttl: Value,
    permissions: Permissions,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    #[serde(default)]
    resources: Kinds,
    #[serde(default)]
    patterns: Kinds,
    #[serde(default)]
    meta: Option<Map<String, Value>>,
    #[serde(default)]
    uuid: Option<String>,
}

/// A request that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grant {
    /// How long it is good for, in minutes.
    pub(super) ttl: u64,
    /// By name.
    pub(super) resources: Kinds,
    /// By pattern.
    pub(super) patterns: Kinds,
    /// What the backend says of it; nobody here reads that.
    pub(super) meta: Map<String, Value>,
    /// Who alone may use it.
    pub(super) uuid: Option<PartyId>,
}

impl Grant {
    /// Reads a body.
    ///
    /// # Errors
    /// It is none; it asks for too long or no time; it allows nothing, or what there is not.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Fault> {
        let Body { ttl, permissions } = serde_json::from_slice(body).map_err(|_| Fault::unreadable())?;
        // Some libraries write it as text.
        let ttl = ttl.as_u64().or_else(|| ttl.as_str()?.parse().ok());
        let ttl = ttl.filter(|ttl| (1..=MAX_TTL).contains(ttl)).ok_or_else(Fault::bad_ttl)?;
        let Permissions { resources, patterns, meta, uuid } = permissions;
        let rules = || resources.all().into_iter().chain(patterns.all());
        if rules().all(Rules::is_empty) {
            return Err(Fault::no_permissions());
        }
        if rules().flat_map(Rules::values).any(|sum| *sum > ALL) {
            return Err(Fault::bad_permissions("A permission is a sum of 1, 2, 4, 8, 16, 32, 64 and 128."));
        }
        let is_pattern = |pattern: &String| super::token::pattern(pattern).is_some();
        if !patterns.all().into_iter().flat_map(Rules::keys).all(is_pattern) {
            return Err(Fault::bad_permissions("A pattern is a regular expression, and not too large."));
        }
        let uuid = uuid.filter(|uuid| !uuid.is_empty()).map(|uuid| PartyId::new(&uuid)).transpose();
        let uuid = uuid.map_err(|_| Fault::bad_permissions("The uuid is none."))?;
        Ok(Self { ttl, resources, patterns, meta: meta.unwrap_or_default(), uuid })
    }
}
