//! Who asks something about a topic, and whether that is answered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use super::Rest;
use super::failure::{FORBIDDEN, Failure, bad};
use crate::broker::Handle;
use crate::core::TopicName;
use crate::gateway::limits::{Admission, network};
use crate::gateway::native::dialect::Shared;
use crate::gateway::native::fault::TOO_FAST;
use crate::gateway::peer::PeerAddr;
use crate::gateway::principal::{Action, Principal};
use crate::gateway::spaces::Space;
use crate::gateway::token::{Credentials, Refused};
use crate::gateway::tries::Caller;

/// The header that holds the password of a space.
pub(super) const PASSWORD: HeaderName = HeaderName::from_static("spaces-x-space-password");

/// What a request shows to be let in.
pub(super) fn credentials<'a>(
    headers: &'a HeaderMap,
    pairs: &'a [(String, String)],
) -> Option<Credentials<'a>> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let query = || pairs.iter().find(|(key, token)| key == "token" && !token.is_empty());
    header.and_then(Credentials::of_header).or_else(|| query().map(|(_, token)| Credentials::Token(token)))
}

/// Who makes a request, which may keep its connection for the next one.
fn principal(shared: &Shared, parts: &Parts) -> Result<Principal, Failure> {
    let credentials = credentials(&parts.headers, &[]).ok_or(Refused)?;
    let checked = credentials.check(&shared.apps, shared.clock.now().wall);
    let principal = checked.inspect_err(|Refused| shared.metrics.unauthenticated())?;
    if let Some(admission) = parts.extensions.get::<Arc<Admission>>() {
        admission.authenticate();
    }
    Ok(principal)
}

/// Somebody who asks something about no topic.
pub(super) struct Asker(pub(super) Principal);

impl FromRequestParts<Arc<Rest>> for Asker {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, rest: &Arc<Rest>) -> Result<Self, Failure> {
        principal(&rest.shared, parts).map(Self)
    }
}

/// Somebody who asks something about the topic in the path. Who it is, is checked first.
pub(super) struct Visitor {
    pub(super) rest: Arc<Rest>,
    pub(super) principal: Principal,
    pub(super) topic: TopicName,
    password: Option<String>,
    address: Option<IpAddr>,
}

impl FromRequestParts<Arc<Rest>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, rest: &Arc<Rest>) -> Result<Self, Failure> {
        let principal = principal(&rest.shared, parts)?;
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, rest).await;
        let Path(path) = path.map_err(|_| bad("the path is not valid UTF-8"))?;
        let topic = TopicName::new(path.get("topic").map_or("", String::as_str))?;
        let address = parts.extensions.get::<PeerAddr>().and_then(|peer| network(peer.0));
        let password = password(&parts.headers);
        Ok(Self { rest: Arc::clone(rest), principal, topic, password, address })
    }
}

/// Text in a header is UTF-8 or, from browsers, Latin-1.
fn password(headers: &HeaderMap) -> Option<String> {
    let bytes = headers.get(PASSWORD)?.as_bytes();
    let latin = || bytes.iter().map(|byte| char::from(*byte)).collect();
    Some(std::str::from_utf8(bytes).map_or_else(|_| latin(), str::to_owned))
}

impl Visitor {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.rest.shared
    }

    /// The broker, for the visitor's app.
    pub(super) fn broker(&self) -> Handle {
        self.shared().broker.for_app(self.principal.app.slot)
    }

    /// Checks that the token allows something in the topic.
    pub(super) fn may(&self, action: Action) -> Result<(), Failure> {
        if self.principal.may_share(action, &self.topic) { Ok(()) } else { Err(FORBIDDEN) }
    }

    /// Counts a request, and checks that there were not too many.
    pub(super) fn pace(&self) -> Result<(), Failure> {
        let (app, now) = (self.principal.app.slot, self.shared().clock.now().mono);
        let caller = Caller::of(&self.principal, self.address);
        if self.rest.asked.allows(app, caller, now) { Ok(()) } else { Err(TOO_FAST.into()) }
    }

    /// The topic's space, if the visitor may see what is in it: the same as for subscribing.
    pub(super) async fn enter(&self) -> Result<Arc<Space>, Failure> {
        self.may(Action::Subscribe)?;
        let password = self.password.as_deref();
        let admitted = self.shared().spaces.admit(&self.principal, &self.topic, password, self.address);
        Ok(admitted.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_headers_are_utf_8_or_latin_1() {
        for (bytes, text) in [
            (&b"sesame"[..], "sesame"),
            ("s\u{e9}same".as_bytes(), "s\u{e9}same"),
            (b"s\xe9same", "s\u{e9}same"),
        ] {
            let headers = HeaderMap::from_iter([(PASSWORD, bytes.try_into().unwrap())]);
            assert_eq!(password(&headers).as_deref(), Some(text));
        }
        assert_eq!(password(&HeaderMap::new()), None);
    }
}
