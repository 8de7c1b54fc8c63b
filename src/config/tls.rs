//! A certificate and its key, of the main listener or another.

use std::path::PathBuf;

use super::checked::Reader;
use super::error::ConfigError;

/// `tls.*`, or `cisco.cert` and `cisco.key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain's file.
    pub cert: PathBuf,
    /// The private key's file.
    pub key: PathBuf,
}

/// Those that are set below a path.
pub(super) fn pair(read: &Reader<'_>, above: &str) -> Result<Option<Tls>, ConfigError> {
    match (read.optional(&format!("{above}.cert")), read.optional(&format!("{above}.key"))) {
        (Some(cert), Some(key)) => Ok(Some(Tls { cert: cert.into(), key: key.into() })),
        (None, None) => Ok(None),
        _ => Err(ConfigError::Conflict(format!(
            "{above}.cert and {above}.key go together: set both or neither"
        ))),
    }
}
