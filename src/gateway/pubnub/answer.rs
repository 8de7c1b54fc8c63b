//! What every answer of the dialect looks like: its service, its headers, and the call that a page without CORS wants around it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::fault::Fault;

/// Which of the dialect's services answers; errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Service {
    /// Subscribe, publish, signal, time and history.
    PubSub,
    /// Who is where, and in which state.
    Presence,
    /// Channel groups.
    Registry,
    /// Grants and what they allow.
    AccessManager,
    /// What stands before all of them.
    Balancer,
}

impl Service {
    /// Its name in the words of the dialect.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PubSub => "PubSub",
            Self::Presence => "Presence",
            Self::Registry => "channel-registry",
            Self::AccessManager => "Access Manager",
            Self::Balancer => "Balancer",
        }
    }

    fn methods(self) -> &'static str {
        match self {
            Self::PubSub | Self::Balancer => "GET",
            Self::Presence => "OPTIONS, GET, POST",
            Self::Registry | Self::AccessManager => "GET, POST, DELETE, OPTIONS",
        }
    }
}

/// Of everything but channel groups; some libraries ask for the type of errors without looking whether there is one.
const SCRIPT: &str = "text/javascript; charset=\"UTF-8\"";
const JSON: &str = "application/json";

/// An answer before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    service: Service,
    status: u16,
    body: Bytes,
    /// After how many seconds a refused client may come back.
    retry_after: Option<u32>,
    is_script: bool,
}

impl Answer {
    /// JSON from a service, with the status 200.
    pub(super) fn ok(service: Service, body: impl Into<Bytes>) -> Self {
        Self { service, status: 200, body: body.into(), retry_after: None, is_script: false }
    }

    /// JSON with another status.
    pub(super) fn refusal(service: Service, status: u16, body: Bytes, retry_after: Option<u32>) -> Self {
        Self { service, status, body, retry_after, is_script: false }
    }

    /// The same inside the call that a page asked for, if it did.
    pub(super) fn called(self, callback: Option<&Callback>) -> Self {
        let Some(Callback(name)) = callback else { return self };
        let body = [name.as_bytes(), b"(", &self.body, b")"].concat();
        Self { body: body.into(), is_script: true, ..self }
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        fault.answer()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let is_json = self.service == Service::Registry && !self.is_script;
        let mut response = self.body.into_response();
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        put(headers, header::CONTENT_TYPE, if is_json { JSON } else { SCRIPT });
        put(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        put(headers, header::ACCESS_CONTROL_ALLOW_METHODS, self.service.methods());
        put(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, "*");
        put(headers, header::CACHE_CONTROL, "no-cache");
        put(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        self.answer().into_response()
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// The answer to a page that asks whether it may send a request of some kind: it may, since no request is known by its page.
pub(super) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    put(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    put(headers, header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, GET, POST, DELETE");
    put(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, "*");
    put(headers, header::ACCESS_CONTROL_MAX_AGE, "86400");
    response
}

/// The name of a function of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Callback(Box<str>);

/// The longest such name.
const MAX_CALLBACK: usize = 128;

impl Callback {
    /// Reads the decoded segment or parameter; `0` and nothing are none.
    ///
    /// # Errors
    /// It is something else than the name of a function: pages must not be made to run it.
    pub(super) fn parse(text: &str, service: Service) -> Result<Option<Self>, Fault> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_$.".contains(&byte);
        match text {
            "" | "0" => Ok(None),
            name if name.len() <= MAX_CALLBACK && name.bytes().all(is_allowed) => Ok(Some(Self(name.into()))),
            _ => Err(Fault::bad_callback(service)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_headers() {
        for (answer, status, kind, methods) in [
            (Answer::ok(Service::Presence, "{}"), 200, SCRIPT, "OPTIONS, GET, POST"),
            (Answer::ok(Service::PubSub, "{}"), 200, SCRIPT, "GET"),
            (Answer::ok(Service::Registry, "{}"), 200, JSON, "GET, POST, DELETE, OPTIONS"),
            (Fault::bad_filter("x").answer(), 481, SCRIPT, "GET"),
        ] {
            let response = answer.into_response();
            assert_eq!(response.status().as_u16(), status);
            let headers = response.headers();
            assert_eq!(headers["content-type"], kind);
            assert_eq!(headers["access-control-allow-methods"], methods);
            assert_eq!(headers["access-control-allow-origin"], "*");
            assert_eq!(headers["cache-control"], "no-cache");
            assert!(!headers.contains_key("retry-after"));
        }
        let shed = Fault::too_many_requests(Service::PubSub, 3).into_response();
        assert_eq!((shed.status().as_u16(), &shed.headers()["retry-after"]), (429, &HeaderValue::from(3)));
    }

    #[test]
    fn a_page_gets_its_call_and_nothing_else() {
        let callback = Callback::parse("app.on_$1", Service::PubSub).unwrap();
        let answer = Answer::ok(Service::Registry, "[1]").called(callback.as_ref());
        assert_eq!(answer.body, "app.on_$1([1])");
        assert_eq!(answer.clone().into_response().headers()["content-type"], SCRIPT);
        assert_eq!(Answer::ok(Service::PubSub, "[1]").called(None).body, "[1]");
        for none in ["", "0"] {
            assert_eq!(Callback::parse(none, Service::PubSub), Ok(None));
        }
        for bad in ["alert(1);x", "a-b", "a b", "é", "<x>", &"x".repeat(129)] {
            assert!(Callback::parse(bad, Service::PubSub).is_err(), "{bad}");
        }
    }
}
