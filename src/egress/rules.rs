//! What may be called: schemes, spellings, ports, and addresses.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use reqwest::Url;

use super::address::{Reach, reach};
use super::caller::{Resolve, resolve_in};

/// What the hub may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Networks that may be called although they are private. What must never be called is not, even if it is named here.
    pub allow: Vec<IpNet>,
    /// Whether every public address may be called too.
    pub is_public: bool,
    /// Whether plain `http` is allowed beside `https`.
    pub is_plain: bool,
    /// The only ports; `None` is any, for addresses that the operator wrote.
    pub ports: Option<Vec<u16>>,
}

/// An address to call that has passed every rule that needs no resolving.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub(super) url: Url,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// What names the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
}

/// Why something is not called. It shows nothing of an address but its machine: paths and queries may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not an absolute URL with a host.
    NotAUrl,
    /// The scheme is neither `https` nor `http`.
    Scheme,
    /// It is `http`, and that is not allowed.
    Plain,
    /// It holds a user name or password.
    Credentials,
    /// It is spelled to be misread: an IPv4 address that is not four decimal numbers, a backslash, a blank.
    Spelling,
    /// This port is not among those allowed.
    Port(u16),
    /// The name has no address.
    Unresolved,
    /// The host has this address, which the hub may not call.
    Address(IpAddr),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAUrl => write!(f, "must be a URL such as https://example.com/hooks"),
            Self::Scheme => write!(f, "must begin with https:// or http://"),
            Self::Plain => write!(f, "must begin with https://, unless egress.http is set"),
            Self::Credentials => write!(f, "must not hold a user name or password"),
            Self::Spelling => write!(f, "must spell its host plainly"),
            Self::Port(port) => write!(f, "must not be called at port {port}"),
            Self::Unresolved => write!(f, "has a host name without an address"),
            Self::Address(address) => {
                write!(f, "leads to {address}, which must not be called")?;
                if reach(*address) == Reach::Private {
                    write!(f, " unless egress.allow names it")
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl std::error::Error for Refused {}

impl Rules {
    /// Checks everything about an address that can be checked without resolving its name.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn target(&self, text: &str) -> Result<Target, Refused> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(Refused::Spelling);
        }
        let mut url = Url::parse(text).map_err(|_| Refused::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if self.is_plain => {}
            "http" => return Err(Refused::Plain),
            _ => return Err(Refused::Scheme),
        }
        if authority(text).ok_or(Refused::NotAUrl)?.contains('@') {
            return Err(Refused::Credentials);
        }
        let name = url.host_str().ok_or(Refused::NotAUrl)?;
        let host = match name.trim_matches(['[', ']']).parse() {
            Ok(address @ IpAddr::V4(_)) if !text.contains(&address.to_string()) => {
                return Err(Refused::Spelling);
            }
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(name.to_owned()),
        };
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or(Refused::Port(0))?;
        if self.ports.as_ref().is_some_and(|ports| !ports.contains(&port)) {
            return Err(Refused::Port(port));
        }
        if let Host::Address(address) = host {
            self.addresses(&[address], port)?;
        }
        url.set_fragment(None);
        Ok(Target { url, host, port })
    }

    /// Checks what a name resolved to. One address that may not be called refuses them all, for nobody can say which of them a
    /// connection would take.
    pub(super) fn addresses(&self, found: &[IpAddr], port: u16) -> Result<Vec<SocketAddr>, Refused> {
        if found.is_empty() {
            return Err(Refused::Unresolved);
        }
        match found.iter().find(|address| !self.allows(**address)) {
            Some(refused) => Err(Refused::Address(*refused)),
            None => Ok(found.iter().map(|address| SocketAddr::new(*address, port)).collect()),
        }
    }

    /// Checks what a target's name resolves to now, if it resolves. Each call checks it again. `turn` is what bounds such checks: it is
    /// kept until the name is resolved even if the check is dropped before.
    ///
    /// # Errors
    /// It leads to an address that may not be called.
    pub async fn judge(
        &self,
        target: &Target,
        resolver: &dyn Resolve,
        turn: impl Send + 'static,
    ) -> Result<(), Refused> {
        let Host::Name(name) = &target.host else { return Ok(()) };
        match resolve_in(turn, resolver, name).await {
            Ok(found) if !found.is_empty() => self.addresses(&found, target.port).map(drop),
            _ => Ok(()),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Never => false,
            Reach::Public if self.is_public => true,
            Reach::Public | Reach::Private => self.allow.iter().any(|net| net.contains(&address)),
        }
    }
}

impl Target {
    /// Whether it names the machine, so that its address is to be found first.
    #[must_use]
    pub fn is_named(&self) -> bool {
        matches!(self.host, Host::Name(_))
    }

    /// The scheme, host and port: as much of the address as a log may show.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// What a request for it with these parameters, after those of its own query, names in its first line: the path and the query.
    #[must_use]
    pub fn request_target(&self, asking: &str) -> String {
        let url = self.asking(asking);
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    /// Its address with more parameters, which are written as they go on the wire.
    pub(super) fn asking(&self, parameters: &str) -> Url {
        let mut url = self.url.clone();
        let whole = match url.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{query}&{parameters}"),
            None => parameters.to_owned(),
        };
        url.set_query(Some(&whole));
        url
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.origin())
    }
}

/// What stands between the slashes of a URL, as it was written.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())
}
