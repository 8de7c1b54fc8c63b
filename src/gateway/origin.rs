//! Which web pages may open a connection: the check of the `Origin` header, before the upgrade.

use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The pages that are allowed. Programs, which send no `Origin`, always are: they prove themselves by their tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origins {
    /// Only pages that the hub itself served, by the host that the request names.
    #[default]
    Same,
    /// These, and pages that the hub itself served: libraries for programs say that they are such a page.
    Listed(Vec<Origin>),
    /// All.
    Any,
}

/// A page's scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// What was said is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnOrigin;

/// The page is not allowed; as a response it is 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignOrigin;

impl Origins {
    /// From an allow-list: an empty one means [`Origins::Same`], one with a `*` means [`Origins::Any`].
    ///
    /// # Errors
    /// Something in the list is not an origin.
    pub fn new<T: AsRef<str>>(list: &[T]) -> Result<Self, NotAnOrigin> {
        if list.is_empty() {
            return Ok(Self::Same);
        }
        if list.iter().any(|entry| entry.as_ref() == "*") {
            return Ok(Self::Any);
        }
        list.iter().map(|entry| entry.as_ref().parse()).collect::<Result<_, _>>().map(Self::Listed)
    }

    /// Checks a request.
    ///
    /// # Errors
    /// The page is not allowed, or its origin is no single well-formed one, such as `null`.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), ForeignOrigin> {
        let mut values = headers.get_all(header::ORIGIN).iter();
        let Some(value) = values.next() else { return Ok(()) };
        let is_allowed = match self {
            Self::Any => true,
            Self::Listed(_) | Self::Same if values.next().is_some() => false,
            Self::Listed(list) => {
                parse(value).is_some_and(|origin| list.contains(&origin) || origin.is_served_by(headers))
            }
            Self::Same => parse(value).is_some_and(|origin| origin.is_served_by(headers)),
        };
        if is_allowed { Ok(()) } else { Err(ForeignOrigin) }
    }
}

impl Origin {
    fn is_served_by(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        // Whether a proxy in front speaks TLS is unknown here, so the scheme is taken to be the page's own.
        host.and_then(|host| Self::from_str(&format!("{}://{host}", self.scheme)).ok())
            .is_some_and(|host| host == *self)
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, authority) = text.split_once("://").ok_or(NotAnOrigin)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse().ok().filter(|_| is_number).ok_or(NotAnOrigin)?;
                (host, Some(port))
            }
            _ => (authority, None),
        };
        let scheme = scheme.to_ascii_lowercase();
        let is_address = host.starts_with('[') && host.ends_with(']');
        let is_plain = |text: &str, also: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
        };
        let is_host = if is_address { is_plain(host, b"[]:.") } else { is_plain(host, b"-._") };
        if !is_plain(&scheme, b"+-.") || !is_host {
            return Err(NotAnOrigin);
        }
        let default = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port: port.or(default) })
    }
}

fn parse(value: &axum::http::HeaderValue) -> Option<Origin> {
    value.to_str().ok()?.parse().ok()
}

impl fmt::Display for NotAnOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an origin is a scheme, a host and perhaps a port, such as https://example.com:8443")
    }
}

impl std::error::Error for NotAnOrigin {}

impl fmt::Display for ForeignOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this origin is not allowed")
    }
}

impl std::error::Error for ForeignOrigin {}

impl IntoResponse for ForeignOrigin {
    fn into_response(self) -> Response {
        (StatusCode::FORBIDDEN, self.to_string()).into_response()
    }
}
