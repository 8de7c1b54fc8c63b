//! Where settings are written: defaults, a TOML file, the environment and flags, each over the one before.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::checked::Config;
use super::error::ConfigError;
use super::schema::{find, is_section, suggestion};
use super::value::{Kind, flattened};

/// The prefix of environment variables; `__` stands for the dots of a key.
const PREFIX: &str = "PRESENCE_HUB_";

/// The app that is there when none is configured; everybody knows its secret.
const DEMO: [(&str, &str); 11] = [
    ("apps.0.id", "1"),
    ("apps.0.key", "demo-key"),
    ("apps.0.secret", DEMO_SECRET),
    ("apps.0.open_topics", "true"),
    ("apps.0.pusher.client_events", "true"),
    ("apps.0.pusher.subscription_count", "true"),
    ("apps.0.pusher.subscription_error", "true"),
    ("apps.0.pusher.watchlist", "true"),
    ("apps.0.cisco.app_users.0.name", "demo"),
    ("apps.0.cisco.app_users.0.password", DEMO_SECRET),
    ("apps.0.cisco.end_users", "any"),
];

/// The secret of the demo app.
pub(super) const DEMO_SECRET: &str = "demo-secret";

/// The flags that set configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// A TOML file with settings.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to listen; the same as --set listen=ADDRESS.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Sets any key; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// The environment of the process. What is not UTF-8 is taken with replacement characters, and so is refused by name.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// Nowhere: it is of the app that is there when none is configured.
    DemoApp,
    /// In the configuration file.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
    /// In a flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "the default"),
            Self::DemoApp => write!(f, "the demo app"),
            Self::File(path) => write!(f, "from {}", path.display()),
            Self::Environment(name) => write!(f, "from the environment variable {name}"),
            Self::Flag(flag) => write!(f, "from the flag {flag}"),
        }
    }
}

/// What was written, by key, with the places of lists as numbers.
#[derive(Clone, Default)]
pub(super) struct Written(pub(super) BTreeMap<String, (String, Origin)>);

/// Only where things were written: what was written may be secret.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(path, (_, origin))| (path, origin))).finish()
    }
}

/// A configuration that is in force, and where each of its values was written.
#[derive(Debug)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// What is allowed but should be looked at, as sentences.
    pub warnings: Vec<String>,
    pub(super) written: Written,
}

impl Config {
    /// Reads the file that `args` names, the environment and the flags, and checks what they say.
    ///
    /// # Errors
    /// A sentence that names the key and where it was written.
    pub fn load(
        args: &ConfigArgs,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let (written, mut warnings) = Written::collect(args, environment)?;
        let config = Self::check(&written)?;
        warnings.extend(config.warnings());
        Ok(Loaded { config, warnings, written })
    }
}

impl Written {
    /// Reads all sources; what was written is of the right kind then, and its keys exist.
    pub(super) fn collect(
        args: &ConfigArgs,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<String>), ConfigError> {
        let mut written = Self::default();
        let mut warnings = Vec::new();
        if let Some(path) = &args.config {
            written.file(path)?;
            warnings.extend(readable_by_all(path, &written));
        }
        for (name, value) in environment {
            if let Some(key) = name.strip_prefix(PREFIX).filter(|key| !is_service_link(key)) {
                written.put(
                    &key.replace("__", ".").to_lowercase(),
                    value,
                    Origin::Environment(name.clone()),
                )?;
            }
        }
        if let Some(listen) = &args.listen {
            written.put("listen", listen.clone(), Origin::Flag("--listen"))?;
        }
        for set in &args.set {
            let (key, value) =
                set.split_once('=').ok_or_else(|| ConfigError::NoValue(name_in(set).to_owned()))?;
            written.put(key.trim(), value.to_owned(), Origin::Flag("--set"))?;
        }
        if written.count("apps") == 0 {
            for (key, value) in DEMO {
                written.put(key, value.to_owned(), Origin::DemoApp)?;
            }
        }
        Ok((written, warnings))
    }

    fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?;
        let table: toml::Table = text.parse().map_err(|error| not_toml(path, &text, &error))?;
        self.table("", &table, path)
    }

    fn table(&mut self, above: &str, table: &toml::Table, path: &Path) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            match value {
                toml::Value::Table(table) if is_section(&key) => self.table(&key, table, path)?,
                toml::Value::Array(items) if is_section(&format!("{key}.0")) => {
                    self.items(&key, items, path)?
                }
                value => {
                    let origin = Origin::File(path.to_owned());
                    let Some(text) = flattened(value) else { return Err(wrong_type(key, origin)) };
                    self.put(&key, text, origin)?;
                }
            }
        }
        Ok(())
    }

    /// The tables of a list. An empty one would go unnoticed, as if it were not there.
    fn items(&mut self, list: &str, items: &[toml::Value], path: &Path) -> Result<(), ConfigError> {
        for (place, item) in items.iter().enumerate() {
            let key = format!("{list}.{place}");
            match item {
                toml::Value::Table(table) if !table.is_empty() => self.table(&key, table, path)?,
                _ => {
                    let origin = Origin::File(path.to_owned());
                    return Err(ConfigError::Conflict(format!(
                        "{key} ({origin}) must be a table with settings"
                    )));
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &str, text: String, origin: Origin) -> Result<(), ConfigError> {
        let Some(key) = find(path) else { return Err(unknown(path, origin)) };
        let is_secret = key.kind == Kind::Secret;
        if !key.kind.accepts(&text) {
            let found = if is_secret { "***".to_owned() } else { text };
            let why = key.kind.rule();
            return Err(ConfigError::Malformed { key: path.to_owned(), origin, why, found });
        }
        self.0.insert(path.to_owned(), (text, origin));
        Ok(())
    }

    /// What a key is set to, or its default.
    pub(super) fn text(&self, path: &str) -> &str {
        match self.0.get(path) {
            Some((text, _)) => text,
            None => find(path).map_or("", |key| key.default),
        }
    }

    /// Where a key was written.
    pub(super) fn origin(&self, path: &str) -> Option<&Origin> {
        self.0.get(path).map(|(_, origin)| origin)
    }

    /// Whether something was written for a key.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// How many tables there are in a list of tables.
    pub(super) fn count(&self, list: &str) -> usize {
        let place = |path: &String| {
            let rest = path.strip_prefix(list)?.strip_prefix('.')?;
            rest.split('.').next()?.parse::<usize>().ok()
        };
        self.0.keys().filter_map(place).max().map_or(0, |last| last + 1)
    }
}

fn unknown(path: &str, origin: Origin) -> ConfigError {
    ConfigError::Unknown { key: path.escape_debug().to_string(), origin, suggestion: suggestion(path) }
}

/// A table or a mixed array where there is a key for neither, or a table where there is none at all.
fn wrong_type(path: String, origin: Origin) -> ConfigError {
    match find(&path) {
        Some(key) => {
            let found = "something else".to_owned();
            ConfigError::Malformed { key: path, origin, why: key.kind.rule(), found }
        }
        None => unknown(&path, origin),
    }
}

/// Whether Kubernetes or Docker made a variable, for a service of the name `presence-hub`.
fn is_service_link(key: &str) -> bool {
    let is_port = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    matches!(key, "PORT" | "SERVICE_HOST" | "SERVICE_PORT")
        || key.starts_with("SERVICE_PORT_")
        || key.strip_prefix("PORT_").is_some_and(is_port)
}

fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    ConfigError::NotToml { path: path.to_owned(), what: error.message().to_owned(), line }
}

/// How much of a malformed KEY=VALUE is surely no value.
fn name_in(set: &str) -> &str {
    let end = set.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(set.len());
    &set[..end]
}

/// A file that holds secrets should not be everybody's to read.
fn readable_by_all(path: &Path, written: &Written) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let is_secret =
        |(path, _): (&String, &(String, Origin))| find(path).is_some_and(|key| key.kind == Kind::Secret);
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let is_open = mode & 0o004 != 0 && written.0.iter().any(is_secret);
    is_open.then(|| {
        format!(
            "{} holds secrets and can be read by everybody (mode {:o}); make it 0600",
            path.display(),
            mode & 0o777
        )
    })
}
