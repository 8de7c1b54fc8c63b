//! Tokens: JWTs signed with an app's secret, and the secret itself.
//!
//! The algorithm is HS256 whatever a token's header says of keys; the header only names the app. Every refusal reads the same and
//! costs the same work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use presence_protocol::native::Role;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;

use super::apps::{App, Apps};
use super::principal::{Capabilities, Principal, shown_name, shown_picture};
use crate::core::{Party, PartyId, PartyKind, Wall};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// The most bytes of telephone numbers, and of what else an app says of a party.
const MAX_EXTRA: usize = 4 * 1024;

/// What is done for an app that is not known, so that it takes as long as for one that is.
const DUMMY_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A token or secret was refused. It does not say why: the reasons are nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token was refused")
    }
}

impl std::error::Error for Refused {}

/// What somebody shows to be let in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// A JWT.
    Token(&'a str),
    /// An app's key and secret, in base64.
    Basic(&'a str),
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(..)",
            Self::Basic(_) => "Basic(..)",
        })
    }
}

impl<'a> Credentials<'a> {
    /// Reads an `Authorization` header: `jwt`, `bearer`, `service_app` or `oauth` and a token, or `Basic`.
    #[must_use]
    pub fn of_header(header: &'a str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        let rest = rest.trim();
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        if is("basic") {
            return Some(Self::Basic(rest));
        }
        let is_token = ["jwt", "bearer", "service_app", "oauth"].into_iter().any(is);
        is_token.then_some(Self::Token(rest))
    }

    /// Finds out who shows them.
    ///
    /// # Errors
    /// Refuses whatever is not right in every respect.
    pub fn check(self, apps: &Apps, now: Wall) -> Result<Principal, Refused> {
        match self {
            Self::Token(token) => verify(apps, token, now),
            Self::Basic(pair) => check_secret(apps, pair),
        }
    }
}

/// Checks a JWT. Whatever follows a `=` is cut off: some clients append `=jwt`, and no JWT holds a `=`.
///
/// # Errors
/// Refuses whatever is not right in every respect.
pub fn verify(apps: &Apps, token: &str, now: Wall) -> Result<Principal, Refused> {
    let token = token.split('=').next().unwrap_or_default().trim();
    if token.len() > MAX_TOKEN {
        return Err(Refused);
    }
    let header = decode_header(token).map_err(|_| Refused)?;
    let app = match header.kid.as_deref() {
        Some(key) => apps.by_key(key),
        None => apps.only(),
    };
    let claims = match (app, header.kid.as_deref()) {
        (Some(app), Some(key)) => signed(token, app.keys.find(key).map(|pair| &pair.secret)),
        (Some(app), None) => app.keys.active().find_map(|pair| signed(token, Some(&pair.secret))),
        (None, _) => signed(token, None),
    };
    let (app, claims) = app.zip(claims).ok_or(Refused)?;
    principal(app, &claims, now).ok_or(Refused)
}

/// What a token says, if a secret has signed it. Without one the same work comes to nothing.
fn signed(token: &str, secret: Option<&SecretString>) -> Option<Map<String, Value>> {
    let known = secret.map_or(DUMMY_SECRET, ExposeSecret::expose_secret);
    let key = DecodingKey::from_secret(known.as_bytes());
    let claims = decode::<Map<String, Value>>(token, &key, &validation()).ok()?.claims;
    (secret.is_some() && !known.is_empty()).then_some(claims)
}

/// Only the signature: what the claims say of time is checked by the hub's own clock.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn principal(app: &Arc<App>, claims: &Map<String, Value>, now: Wall) -> Option<Principal> {
    let seconds = now.seconds();
    let leeway = app.leeway.as_secs();
    let expires = instant(claims.get("exp")?)?;
    let begins = claims.get("nbf").map_or(Some(0), instant)?;
    let is_timely = seconds < expires.saturating_add(leeway) && begins <= seconds.saturating_add(leeway);
    let is_meant = names_one(claims.get("aud"), &app.audience) && names_one(claims.get("iss"), &app.issuer);
    if !is_timely || !is_meant {
        return None;
    }
    let party = party(claims)?;
    let role = match (party.kind, text(claims, "role")) {
        (PartyKind::Anonymous, _) => Role::Guest,
        (_, "") => Role::Member,
        (_, name) => Role::named(name).unwrap_or(Role::Guest),
    };
    let capabilities = match claims.get("capabilities") {
        None | Some(Value::Null) => None,
        Some(claim) => Some(Arc::new(capabilities(claim)?)),
    };
    Some(Principal {
        app: Arc::clone(app),
        party: Arc::new(party),
        role,
        expires: Some(Wall(expires.saturating_mul(Wall::TICKS_PER_SECOND))),
        capabilities,
        is_app: false,
    })
}

/// Seconds since 1970; some libraries write fractions.
fn instant(claim: &Value) -> Option<u64> {
    let whole = |seconds: f64| (seconds >= 0.0).then_some(seconds as u64);
    claim.as_u64().or_else(|| claim.as_f64().and_then(whole))
}

/// Whether a claim that is a name or several names one that is wanted. Where none is wanted, anything will do.
fn names_one(claim: Option<&Value>, wanted: &[String]) -> bool {
    let is_wanted = |name: &Value| name.as_str().is_some_and(|name| wanted.iter().any(|other| other == name));
    match claim {
        _ if wanted.is_empty() => true,
        Some(Value::Array(names)) => names.iter().any(is_wanted),
        Some(name) => is_wanted(name),
        None => false,
    }
}

fn party(claims: &Map<String, Value>) -> Option<Party> {
    let ids = ["sub", "user_id", "anonymous_id"].map(|claim| (claim, text(claims, claim)));
    let (claim, id) = ids.into_iter().find(|(_, id)| !id.is_empty())?;
    let kind = match text(claims, "type") {
        _ if claim == "anonymous_id" => PartyKind::Anonymous,
        "anonymous" => PartyKind::Anonymous,
        "phone" => PartyKind::Phone,
        "bot" => PartyKind::Bot,
        _ => PartyKind::User,
    };
    Some(Party {
        kind,
        username: shown_name(text(claims, "username")).into(),
        displayname: shown_name(text(claims, "displayname")).into(),
        picture_url: shown_picture(text(claims, "picture_url")).into(),
        phone_numbers: extra(claims.get("phone_numbers").filter(|claim| claim.is_array())),
        info: extra(claims.get("info").filter(|claim| claim.is_object())),
        ..Party::new(PartyId::new(id).ok()?)
    })
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A claim as JSON text, unless it is too long to be carried around.
fn extra(claim: Option<&Value>) -> Bytes {
    let text = claim.map(Value::to_string).filter(|text| text.len() <= MAX_EXTRA);
    Bytes::from(text.unwrap_or_default())
}

/// A claim that is not as it should be grants nothing, not even the token.
fn capabilities(claim: &Value) -> Option<Capabilities> {
    let mut capabilities = Capabilities::default();
    for (pattern, actions) in claim.as_object()? {
        capabilities.grant(pattern, actions.as_array()?.iter().filter_map(Value::as_str));
    }
    Some(capabilities)
}

/// Checks an app's key and secret.
fn check_secret(apps: &Apps, pair: &str) -> Result<Principal, Refused> {
    let pair = STANDARD.decode(pair).map_err(|_| Refused)?;
    let pair = String::from_utf8(pair).map_err(|_| Refused)?;
    let (key, secret) = pair.split_once(':').ok_or(Refused)?;
    let app = apps.by_key(key);
    let pair = app.and_then(|app| app.keys.find(key));
    let known = pair.map_or(DUMMY_SECRET, |pair| pair.secret.expose_secret());
    let is_right = bool::from(known.as_bytes().ct_eq(secret.as_bytes())) && !known.is_empty();
    match app {
        Some(app) if is_right => of_app(app).ok_or(Refused),
        _ => Err(Refused),
    }
}

/// The app as a party of its own.
fn of_app(app: &Arc<App>) -> Option<Principal> {
    let party = Party {
        kind: PartyKind::Bot,
        displayname: shown_name(&app.id).into(),
        ..Party::new(PartyId::new(&format!("app:{}", app.id)).ok()?)
    };
    Some(Principal {
        app: Arc::clone(app),
        party: Arc::new(party),
        role: Role::Admin,
        expires: None,
        capabilities: None,
        is_app: true,
    })
}

/// What a token that the hub makes itself says.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// Whose it is.
    pub id: String,
    /// Whether for an anonymous user, who is a guest; otherwise for a user with the role of an admin.
    pub is_anonymous: bool,
    /// The name that people see.
    pub displayname: String,
    /// The login name.
    pub username: String,
    /// Where the picture is.
    pub picture_url: String,
    /// How long it is good for.
    pub lasts: Duration,
}

/// Makes a token of an app. `None` if it cannot be signed.
#[must_use]
pub fn mint(app: &App, grant: &Grant, now: Wall) -> Option<String> {
    let issued = now.seconds();
    let mut claims = json!({
        "type": if grant.is_anonymous { "anonymous" } else { "user" },
        "role": if grant.is_anonymous { Role::Guest } else { Role::Admin },
        "displayname": shown_name(&grant.displayname),
        "username": shown_name(&grant.username),
        "picture_url": shown_picture(&grant.picture_url),
        "iat": issued,
        "exp": issued.saturating_add(grant.lasts.as_secs()),
    });
    let id = if grant.is_anonymous { "anonymous_id" } else { "sub" };
    claims[id] = Value::from(grant.id.as_str());
    for (claim, configured) in [("aud", &app.audience), ("iss", &app.issuer)] {
        if let Some(name) = configured.first() {
            claims[claim] = Value::from(name.as_str());
        }
    }
    let pair = app.keys.signer();
    let header = Header { kid: Some(pair.key.clone().into()), ..Header::new(Algorithm::HS256) };
    encode(&header, &claims, &EncodingKey::from_secret(pair.secret.expose_secret().as_bytes())).ok()
}

#[cfg(test)]
mod tests;
