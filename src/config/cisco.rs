//! What the hub and each app allow in the Cisco dialect: `cisco.*` and `apps.#.cisco.*`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::checked::{AppConfig, Config, Reader, TOKEN_BYTES};
use super::error::ConfigError;
use super::sources::DEMO_SECRET;
use super::tls::{Tls, pair};
use super::value::list;

/// The name among `end_users` that stands for everybody.
const ANY: &str = "any";

/// `cisco.*`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct Cisco {
    pub enabled: bool,
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    /// `cert` and `key`, if both are set.
    pub tls: Option<Tls>,
    pub body_bytes: usize,
    pub xml_depth: usize,
    pub xml_elements: usize,
    pub xml_attributes: usize,
    pub contacts_per_list: usize,
    pub load_high: usize,
    pub load_low: usize,
    pub load_of_all: bool,
    pub queue_high: usize,
    pub load_every: Duration,
    pub callback_http: bool,
    /// `None` is any port.
    pub callback_ports: Option<Vec<u16>>,
    pub callbacks: usize,
}

/// `cisco.*` of one of `apps`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
pub struct CiscoApp {
    pub enabled: bool,
    pub app_users: Vec<AppUser>,
    pub end_users: EndUsers,
    /// Empty is any domain.
    pub domains: Vec<String>,
    pub topic: String,
    pub session_lasts: Duration,
    pub sessions: usize,
    pub known: usize,
    pub endpoints: usize,
    pub subscriptions: usize,
    pub contacts: usize,
    pub requests_per_second: u32,
    pub callback_timeout: Duration,
    pub retry: bool,
    /// `None` is until the subscription's end.
    pub retry_for: Option<Duration>,
    pub retry_longest: Duration,
    /// The app's, where none is set.
    pub callback_secret: SecretString,
    pub callback_secret_second: Option<SecretString>,
}

/// One of an app's `cisco.app_users`.
#[derive(Debug, Clone)]
pub struct AppUser {
    /// Its name, like no other's of the hub.
    pub name: String,
    /// Its password; never empty.
    pub password: SecretString,
}

/// Whom application users may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndUsers {
    /// Whoever is named; nobody is known by that alone.
    Any,
    /// These, who are known.
    Listed(BTreeSet<String>),
}

impl Cisco {
    pub(super) fn read(read: &Reader<'_>) -> Result<Self, ConfigError> {
        let address = |path| read.optional(path).and_then(|text| text.parse().ok());
        Ok(Self {
            enabled: read.flag("cisco.enabled"),
            http: address("cisco.http"),
            https: address("cisco.https"),
            tls: pair(read, "cisco")?,
            body_bytes: read.size("cisco.body_bytes"),
            xml_depth: read.count("cisco.xml_depth"),
            xml_elements: read.count("cisco.xml_elements"),
            xml_attributes: read.count("cisco.xml_attributes"),
            contacts_per_list: read.count("cisco.contacts_per_list"),
            load_high: read.count("cisco.load_high"),
            load_low: read.count("cisco.load_low"),
            load_of_all: read.flag("cisco.load_of_all"),
            queue_high: read.count("cisco.queue_high"),
            load_every: read.duration("cisco.load_every"),
            callback_http: read.flag("cisco.callback_http"),
            callback_ports: ports(read.text("cisco.callback_ports"))?,
            callbacks: read.count("cisco.callbacks"),
        })
    }

    /// Where it listens, with the keys that say so; nowhere unless it is enabled.
    fn listeners(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let both = [("cisco.http", self.http), ("cisco.https", self.https)];
        both.into_iter().filter(|_| self.enabled).filter_map(|(key, address)| Some((key, address?)))
    }

    /// Whether somebody on another machine can reach a listener of its own.
    pub(super) fn is_public(&self) -> bool {
        self.listeners().any(|(_, address)| !address.ip().is_loopback())
    }
}

fn ports(text: &str) -> Result<Option<Vec<u16>>, ConfigError> {
    let port = |text: &String| {
        let sentence = format!("cisco.callback_ports must hold ports from 1 to 65535, but holds {text:?}");
        text.parse().ok().filter(|port| *port > 0).ok_or(ConfigError::Conflict(sentence))
    };
    let ports: Vec<u16> = list(text).iter().map(port).collect::<Result<_, _>>()?;
    Ok(Some(ports).filter(|ports| !ports.is_empty()))
}

impl CiscoApp {
    /// Reads the settings of the app at a place, which has this secret.
    pub(super) fn read(read: &Reader<'_>, place: usize, secret: &SecretString) -> Result<Self, ConfigError> {
        let path = |key: &str| format!("apps.{place}.cisco.{key}");
        let own = |key: &str| read.owned(&path(key)).map(SecretString::from);
        let retry_for = path("retry_for");
        Ok(Self {
            enabled: read.flag(&path("enabled")),
            app_users: app_users(read, &path("app_users"))?,
            end_users: EndUsers::of(list(read.text(&path("end_users")))),
            domains: list(read.text(&path("domains"))),
            topic: read.text(&path("topic")).to_owned(),
            session_lasts: read.duration(&path("session_lasts")),
            sessions: read.count(&path("sessions")),
            known: read.count(&path("known")),
            endpoints: read.count(&path("endpoints")),
            subscriptions: read.count(&path("subscriptions")),
            contacts: read.count(&path("contacts")),
            requests_per_second: read.small(&path("requests_per_second")),
            callback_timeout: read.duration(&path("callback_timeout")),
            retry: read.flag(&path("retry")),
            retry_for: read.has(&retry_for).then(|| read.duration(&retry_for)),
            retry_longest: read.duration(&path("retry_longest")),
            callback_secret: own("callback_secret").unwrap_or_else(|| secret.clone()),
            callback_secret_second: own("callback_secret_second"),
        })
    }

    pub(super) fn has_demo_secret(&self) -> bool {
        self.app_users.iter().any(|user| user.password.expose_secret() == DEMO_SECRET)
    }
}

fn app_users(read: &Reader<'_>, list: &str) -> Result<Vec<AppUser>, ConfigError> {
    let user = |place: usize| {
        let needed = |key: &str| read.needed(&format!("{list}.{place}.{key}"));
        Ok(AppUser { name: needed("name")?, password: needed("password")?.into() })
    };
    (0..read.tables(list)).map(user).collect()
}

impl EndUsers {
    fn of(names: Vec<String>) -> Self {
        if names.iter().any(|name| name == ANY) {
            Self::Any
        } else {
            Self::Listed(names.into_iter().collect())
        }
    }
}

/// Rules about several keys at once.
pub(super) fn agree(config: &Config) -> Result<(), ConfigError> {
    let conflict = |sentence: String| Err(ConfigError::Conflict(sentence));
    let cisco = &config.cisco;
    if cisco.load_low > cisco.load_high {
        return conflict("cisco.load_low must not be higher than cisco.load_high".to_owned());
    }
    if cisco.xml_depth > 127 {
        return conflict("cisco.xml_depth must be at most 127".to_owned());
    }
    let mut taken = vec![("listen", config.listen)];
    taken.extend(config.admin.listen.map(|address| ("admin.listen", address)));
    for (key, address) in cisco.listeners() {
        if let Some((other, _)) = taken.iter().find(|(_, taken)| *taken == address && address.port() != 0) {
            return conflict(format!("{other} and {key} must not be the same address"));
        }
        taken.push((key, address));
    }
    let mut names = BTreeSet::new();
    for (path, user) in app_users_of(&config.apps) {
        if !names.insert(&user.name) {
            return conflict(format!(
                "{path}.name is the name of another application user; it must be unique over all apps"
            ));
        }
    }
    Ok(())
}

/// The application users of all apps, and where they are written.
fn app_users_of(apps: &[AppConfig]) -> impl Iterator<Item = (String, &AppUser)> {
    apps.iter().enumerate().flat_map(|(place, app)| {
        let path = move |nth| format!("apps.{place}.cisco.app_users.{nth}");
        app.cisco.app_users.iter().enumerate().map(move |(nth, user)| (path(nth), user))
    })
}

/// What is allowed but should be looked at, as sentences.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (path, user) in app_users_of(&config.apps) {
        let bytes = user.password.expose_secret().len();
        if bytes < TOKEN_BYTES && user.password.expose_secret() != DEMO_SECRET {
            warnings.push(format!("{path}.password has {bytes} bytes; it should have {TOKEN_BYTES} or more"));
        }
    }
    let plain = config.cisco.http.filter(|address| config.cisco.enabled && !address.ip().is_loopback());
    if plain.is_some() {
        warnings.push(
            "cisco.http is a public address: passwords and session keys pass there in the clear".to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigArgs, Loaded};

    fn load(settings: &[&str]) -> Result<Loaded, String> {
        let app = ["apps.0.id=1", "apps.0.key=k", "apps.0.secret=0123456789abcdef0123456789abcdef"];
        let set = app.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
        let args = ConfigArgs { set, ..ConfigArgs::default() };
        Config::load(&args, std::iter::empty()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_app_without_settings_has_no_users_and_signs_with_its_own_secret() {
        let config = load(&[]).unwrap().config;
        assert!(!config.cisco.enabled);
        assert_eq!(config.cisco.callback_ports, None);
        let cisco = &config.apps[0].cisco;
        assert!(cisco.app_users.is_empty());
        assert_eq!(cisco.end_users, EndUsers::Listed(BTreeSet::new()));
        assert_eq!(cisco.retry_for, None);
        assert_eq!(cisco.callback_secret.expose_secret(), config.apps[0].secret.expose_secret());
    }

    #[test]
    fn the_demo_app_has_an_application_user_that_may_log_in_anybody() {
        let config = Config::load(&ConfigArgs::default(), std::iter::empty()).unwrap().config;
        let cisco = &config.apps[0].cisco;
        assert_eq!((cisco.app_users[0].name.as_str(), &cisco.end_users), ("demo", &EndUsers::Any));
        assert_eq!(cisco.app_users[0].password.expose_secret(), "demo-secret");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (settings, sentence) in [
            (&["cisco.load_high=50"][..], "cisco.load_low must not be higher"),
            (&["cisco.cert=a.pem"], "cisco.cert and cisco.key go together"),
            (
                &["cisco.callback_ports=80,x"],
                "cisco.callback_ports must hold ports from 1 to 65535, but holds \"x\"",
            ),
            (&["cisco.xml_depth=128"], "cisco.xml_depth must be at most 127"),
            (&["cisco.callback_ports=0"], "cisco.callback_ports must hold ports"),
            (
                &["cisco.enabled=true", "cisco.http=127.0.0.1:8080"],
                "listen and cisco.http must not be the same",
            ),
            (&["cisco.enabled=true", "cisco.http=127.0.0.1:8083"], "cisco.http and cisco.https must not be"),
            (&["apps.0.cisco.app_users.0.name=app"], "apps.0.cisco.app_users.0.password is missing"),
            (
                &[
                    "apps.0.cisco.app_users.0.name=app",
                    "apps.0.cisco.app_users.0.password=x",
                    "apps.1.id=2",
                    "apps.1.key=k2",
                    "apps.1.secret=s",
                    "apps.1.cisco.app_users.0.name=app",
                    "apps.1.cisco.app_users.0.password=y",
                ],
                "apps.1.cisco.app_users.0.name is the name of another",
            ),
        ] {
            let refused = load(settings).unwrap_err();
            assert!(refused.contains(sentence), "{refused}");
        }
        assert!(load(&["cisco.http=127.0.0.1:8080"]).is_ok(), "nobody listens there");
    }

    #[test]
    fn a_public_listener_is_not_for_known_passwords_and_warns_of_clear_text() {
        let users = ["apps.0.cisco.app_users.0.name=app", "apps.0.cisco.app_users.0.password=demo-secret"];
        let public = ["cisco.enabled=true", "cisco.http=0.0.0.0:8082"];
        assert!(load(&[users, public].concat()).unwrap_err().contains("known to everybody"));
        let short = ["apps.0.cisco.app_users.0.name=app", "apps.0.cisco.app_users.0.password=short"];
        let warnings = load(&[short, public].concat()).unwrap().warnings;
        for part in ["app_users.0.password has 5 bytes", "cisco.http is a public address"] {
            assert!(warnings.iter().any(|warning| warning.contains(part)), "{warnings:?}");
        }
    }
}
