//! The parameters of a request: read once, asked by name, and understood as each library writes them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{Callback, Service};
use super::fault::Fault;
use super::names::{self, Group, List};
use super::sdk::Sdk;
use crate::config::PubNub as Settings;
use crate::core::{PartyId, Timetoken};
use crate::gateway::json::{self, Caps};

/// How many parameters are looked at; libraries send some twenty.
const MOST_PARAMETERS: usize = 128;

/// The parameters of a request to a service, as they came.
#[derive(Debug)]
pub(super) struct Query<'a> {
    service: Service,
    raw: Vec<(&'a str, &'a str)>,
    sdk: Sdk,
}

/// Up to where a client has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// 0 asks for a beginning.
    pub(super) timetoken: Timetoken,
    /// The region that it was told.
    pub(super) region: Option<u32>,
}

/// The state of somebody in channels and groups, by their names.
pub(super) type States = BTreeMap<String, Box<RawValue>>;

impl<'a> Query<'a> {
    /// Reads what stands behind the question mark.
    ///
    /// # Errors
    /// There are too many parameters.
    pub(super) fn parse(query: &'a str, service: Service) -> Result<Self, Fault> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let raw: Vec<_> =
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).take(MOST_PARAMETERS + 1).collect();
        if raw.len() > MOST_PARAMETERS {
            return Err(Fault::too_many_parameters(service));
        }
        let mut this = Self { service, raw, sdk: Sdk::default() };
        this.sdk = Sdk::parse(&this.text("pnsdk")?.unwrap_or_default());
        Ok(this)
    }

    /// Which library asks.
    pub(super) fn sdk(&self) -> Sdk {
        self.sdk
    }

    /// The parameters as they came, for signatures.
    pub(super) fn raw(&self) -> &[(&'a str, &'a str)] {
        &self.raw
    }

    /// The value of a parameter as it came; of several the first.
    pub(super) fn raw_value(&self, name: &str) -> Option<&'a str> {
        self.raw.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The value of a parameter, decoded.
    ///
    /// # Errors
    /// It is no text.
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        self.raw_value(name).map(|value| names::decoded(value, self.service)).transpose()
    }

    /// The same; an empty value is none.
    ///
    /// # Errors
    /// It is no text.
    pub(super) fn some(&self, name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        Ok(self.text(name)?.filter(|value| !value.is_empty()))
    }

    /// Whether a switch is on; 0, nothing and absence are the same.
    ///
    /// # Errors
    /// It is something else than `0`, `1`, `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.text(name)?.as_deref() {
            None | Some("" | "0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(self.bad(name)),
        }
    }

    /// A whole number from 0.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Fault> {
        let value = self.some(name)?;
        value.map(|text| digits(&text).ok_or_else(|| self.bad(name))).transpose()
    }

    /// Who asks.
    ///
    /// # Errors
    /// It is no uuid.
    pub(super) fn uuid(&self) -> Result<Option<PartyId>, Fault> {
        self.some("uuid")?.map(|text| names::uuid(&text, self.service)).transpose()
    }

    /// What the request shows to be let in.
    ///
    /// # Errors
    /// It is no text.
    pub(super) fn auth(&self) -> Result<Option<Cow<'a, str>>, Fault> {
        self.some("auth")
    }

    /// The function that a page wants the answer to be given to.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn callback(&self) -> Result<Option<Callback>, Fault> {
        Callback::parse(&self.text("callback")?.unwrap_or_default(), self.service)
    }

    /// The channel groups.
    ///
    /// # Errors
    /// One is none, or there are more than a client may name.
    pub(super) fn groups(&self, settings: &Settings) -> Result<List<Group>, Fault> {
        let value = self.raw_value("channel-group").unwrap_or_default();
        let most = settings.groups_per_client;
        // Each may be named for its messages and for its presence.
        let groups = names::groups(value, self.sdk, most.saturating_mul(2), self.service)?;
        let different: HashSet<&str> = groups.names.iter().map(|group| &*group.name).collect();
        match different.len() > most {
            true => Err(Fault::too_many_names(most, self.service)),
            false => Ok(groups),
        }
    }

    /// The filter, decoded.
    ///
    /// # Errors
    /// It is no text.
    pub(super) fn filter(&self) -> Result<Option<String>, Fault> {
        let Some(once) = self.some("filter-expr")? else { return Ok(None) };
        match self.sdk.encodes_twice() {
            true => Ok(Some(names::decoded(&once, self.service)?.into_owned())),
            false => Ok(Some(once.into_owned())),
        }
    }

    /// Up to where the client has read: `tt` and `tr`, or both as JSON in `t`. Without, and for a cursor that a library could
    /// not use, it is the beginning.
    ///
    /// # Errors
    /// It is no cursor.
    pub(super) fn cursor(&self) -> Result<Cursor, Fault> {
        match self.some("t")? {
            Some(both) => self.cursor_of(&both),
            None => {
                let timetoken = match self.text("tt")?.as_deref() {
                    None | Some("" | "-1") => 0,
                    Some(text) => digits(text).ok_or_else(|| self.bad("tt"))?,
                };
                let region = self.some("tr")?.and_then(|text| text.parse().ok());
                Ok(Cursor { timetoken: Timetoken(timetoken), region })
            }
        }
    }

    fn cursor_of(&self, both: &str) -> Result<Cursor, Fault> {
        let value: Value = serde_json::from_str(both).map_err(|_| self.bad("t"))?;
        let timetoken = match value.get("t") {
            Some(Value::String(text)) => digits(text),
            Some(number) => number.as_u64(),
            None => None,
        };
        let region = value.get("r").and_then(Value::as_u64).and_then(|region| region.try_into().ok());
        Ok(Cursor { timetoken: Timetoken(timetoken.ok_or_else(|| self.bad("t"))?), region })
    }

    /// How long after its last sign of life the client wants to be taken for gone.
    ///
    /// # Errors
    /// It is no number of seconds.
    pub(super) fn timeout(&self, settings: &Settings) -> Result<Duration, Fault> {
        let asked = self.number("heartbeat")?.filter(|seconds| *seconds > 0);
        let most = settings.maximum_timeout.max(settings.minimum_timeout);
        let within = |seconds| Duration::from_secs(seconds).clamp(settings.minimum_timeout, most);
        Ok(asked.map_or(settings.timeout, within))
    }

    /// The states that come with a subscribe or a heartbeat; those that say nothing are left out.
    ///
    /// # Errors
    /// It is not a map of objects, too deep, or too long.
    pub(super) fn states(&self, settings: &Settings, caps: &Caps) -> Result<States, Fault> {
        let Some(text) = self.some("state")? else { return Ok(States::new()) };
        let bad = || Fault::bad_state(self.service);
        json::check(&text, caps).map_err(|_| bad())?;
        let mut states: States = serde_json::from_str(&text).map_err(|_| bad())?;
        if !states.values().all(|state| is_object(state)) {
            return Err(bad());
        }
        if states.values().any(|state| state.get().len() > settings.state_bytes) {
            return Err(Fault::long_state(self.service));
        }
        states.retain(|_, state| !is_empty(state));
        Ok(states)
    }

    /// The state that is to be set.
    ///
    /// # Errors
    /// There is none, it is not an object, too deep, or too long.
    pub(super) fn state(&self, settings: &Settings, caps: &Caps) -> Result<Box<RawValue>, Fault> {
        let text = self.some("state")?.ok_or_else(Fault::no_state)?;
        if text.len() > settings.state_bytes {
            return Err(Fault::long_state(self.service));
        }
        let bad = || Fault::bad_state(self.service);
        json::check(&text, caps).map_err(|_| bad())?;
        let state: Box<RawValue> = serde_json::from_str(&text).map_err(|_| bad())?;
        if is_object(&state) { Ok(state) } else { Err(bad()) }
    }

    fn bad(&self, name: &str) -> Fault {
        Fault::bad_parameter(self.service, name)
    }
}

/// A number written with digits only.
fn digits(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn is_object(state: &RawValue) -> bool {
    state.get().starts_with('{')
}

fn is_empty(state: &RawValue) -> bool {
    state.get()[1..].trim_start().starts_with('}')
}

#[cfg(test)]
mod tests;
