//! What the handshake of a connection tells, and whether the connection may go on. Refusals are told inside the protocol, because
//! clients try for ever against anything else.

use std::sync::Arc;

use axum::http::HeaderMap;

use super::dialect::Shared;
use super::fault::{self, Fault};
use super::tenant::{Place, Tenant};
use crate::gateway::limits::Admission;

/// The versions of the protocol that are spoken.
const VERSIONS: std::ops::RangeInclusive<u32> = 5..=8;

/// The first version on which a refused subscription is told as such.
pub(super) const WITH_FAILURES: u32 = 8;

/// A connection that may go on.
#[derive(Debug)]
pub(super) struct Arrival {
    /// The app.
    pub(super) tenant: Arc<Tenant>,
    /// The version of the protocol.
    pub(super) version: u32,
    /// Its place among the connections that are counted.
    pub(super) admission: Arc<Admission>,
    /// Its place among those of the app.
    pub(super) place: Place,
}

/// A handshake.
#[derive(Debug)]
pub(super) struct Handshake<'a> {
    /// The key in the path.
    pub(super) key: &'a str,
    /// The query.
    pub(super) pairs: &'a [(String, String)],
    pub(super) headers: &'a HeaderMap,
    /// Whether the client came by TLS.
    pub(super) is_secure: bool,
    pub(super) admission: &'a Arc<Admission>,
}

impl Handshake<'_> {
    /// Looks at everything that can be known before the first frame.
    ///
    /// # Errors
    /// Says with which code the connection ends.
    pub(super) fn check(&self, shared: &Shared) -> Result<Arrival, Fault> {
        let tenant = shared.tenants.by_key(self.key).ok_or_else(|| fault::no_app(self.key))?;
        if !tenant.settings.enabled {
            return Err(fault::DISABLED);
        }
        if tenant.settings.tls_only && !self.is_secure {
            return Err(fault::TLS_ONLY);
        }
        let version = version(self.pairs)?;
        tenant.app.origins.check(self.headers).map_err(|_| fault::FOREIGN)?;
        let place = tenant.admit().ok_or(fault::OVER_QUOTA)?;
        let (tenant, admission) = (Arc::clone(tenant), Arc::clone(self.admission));
        Ok(Arrival { tenant, version, admission, place })
    }
}

fn version(pairs: &[(String, String)]) -> Result<u32, Fault> {
    let (_, text) = pairs.iter().find(|(key, _)| key == "protocol").ok_or(fault::NO_VERSION)?;
    if text.is_empty() {
        return Err(fault::NO_VERSION);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault::BAD_VERSION);
    }
    text.parse().ok().filter(|version| VERSIONS.contains(version)).ok_or(fault::UNSUPPORTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_that_are_spoken() {
        let of = |text: &str| version(&[("protocol".to_owned(), text.to_owned())]);
        for spoken in 5..=8 {
            assert_eq!(of(&spoken.to_string()), Ok(spoken));
        }
        assert_eq!(version(&[]), Err(fault::NO_VERSION));
        for (text, fault) in [
            ("", fault::NO_VERSION),
            ("abc", fault::BAD_VERSION),
            ("-7", fault::BAD_VERSION),
            ("7.0", fault::BAD_VERSION),
            ("99", fault::UNSUPPORTED),
            ("4", fault::UNSUPPORTED),
            ("99999999999999999999", fault::UNSUPPORTED),
        ] {
            assert_eq!(of(text), Err(fault), "{text}");
        }
    }
}
