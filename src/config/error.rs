//! Why a configuration is refused: each a whole sentence that names the key and where it was written.

use std::path::PathBuf;

use super::sources::Origin;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is not TOML. Only what is wrong and where: the line itself may hold a secret.
    #[error("the configuration file {path} is not TOML: {what}, in line {line}")]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// Where, from 1.
        line: usize,
    },
    /// No such key.
    #[error("{key} ({origin}) is not a setting{}", .suggestion.as_ref().map(|key| format!("; did you mean {key}?")).unwrap_or_default())]
    Unknown {
        /// What was written.
        key: String,
        /// Where.
        origin: Origin,
        /// The nearest key there is.
        suggestion: Option<String>,
    },
    /// A flag without a value: as much of it as can be no value.
    #[error("--set {0} has no value; write --set KEY=VALUE")]
    NoValue(String),
    /// The value is not of the key's kind.
    #[error("{key} ({origin}) {why}, but is {found:?}")]
    Malformed {
        /// The key.
        key: String,
        /// Where it was written.
        origin: Origin,
        /// What it must be.
        why: &'static str,
        /// What it is.
        found: String,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Conflict(String),
}
