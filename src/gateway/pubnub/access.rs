//! The access manager: who makes a request, by token, JWT or signature, and what that allows.

mod grant;
mod pass;
mod revoked;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::answer::{Answer, Service};
use super::fault::Fault;
use super::names;
use super::query::Query;
use super::signature::{Request, Unsigned};
use crate::broker::{AppSlot, Clock, Handle};
use crate::config::PubNub as Settings;
use crate::core::Wall;
use crate::gateway::apps::{App, Apps};
use crate::gateway::token as jwt;

use grant::Grant;
use pass::Who;
use revoked::{Mark, Revoked};
use token::{Bad, Token};

pub(super) use pass::{Pass, Right};

/// Whether a seal of an app's own is all that makes bytes a token.
pub(super) fn is_sealed_right(settings: &Settings, bytes: &[u8]) -> bool {
    Token::is_sealed_right(settings, bytes)
}

/// How many tokens are remembered as they were read, which costs much more than looking one up.
const MOST_TOKENS: usize = 1024;

/// A request, as far as it matters who makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The app of the subscribe key.
    pub(super) app: &'a Arc<App>,
    /// Its settings.
    pub(super) settings: &'a Settings,
    /// The method.
    pub(super) method: &'a str,
    /// The path, not decoded.
    pub(super) path: &'a str,
    /// The parameters.
    pub(super) query: &'a Query<'a>,
    /// The body as it came.
    pub(super) body: &'a [u8],
}

/// The access managers of all apps.
#[derive(Debug)]
pub(super) struct Access {
    apps: Arc<Apps>,
    clock: Clock,
    revoked: Revoked,
    tokens: Mutex<HashMap<(AppSlot, Mark), Arc<Token>>>,
}

impl Access {
    /// For these apps; a broker keeps what is revoked.
    pub(super) fn new(apps: Arc<Apps>, broker: Handle, clock: Clock) -> Self {
        let revoked = Revoked::new(broker, clock.clone());
        Self { apps, clock, revoked, tokens: Mutex::default() }
    }

    /// What a request may do. Where the access manager is off, signatures are not looked at, and everybody may do what the app
    /// leaves open. Otherwise who shows nothing may do nothing; that is told when something is asked for.
    ///
    /// # Errors
    /// What is shown is wrong, too old, revoked, or another uuid's.
    pub(super) async fn admit(&self, asked: &Asked<'_>) -> Result<Pass, Fault> {
        let who = Who::of(asked.app, asked.query)?;
        let auth = asked.query.auth()?;
        let is_guarded = asked.settings.access_manager;
        if is_guarded {
            match asked.signed(&self.clock) {
                Ok(()) => return Ok(Pass::signed(who)),
                Err(Unsigned::Missing) => {}
                Err(why) => return Err(why.into()),
            }
        }
        match auth.as_deref() {
            Some(auth) if auth.contains('.') => self.of_jwt(asked, who, auth),
            _ if !is_guarded => Ok(Pass::open(who)),
            Some(auth) => self.of_token(asked, who, auth).await,
            None => Ok(Pass::nothing(who)),
        }
    }

    /// A JWT of the app says more than a uuid: its party is known to the other dialects.
    fn of_jwt(&self, asked: &Asked<'_>, who: Who, auth: &str) -> Result<Pass, Fault> {
        let principal = jwt::verify(&self.apps, auth, self.clock.now().wall);
        let principal = principal.ok().filter(|principal| principal.app.slot == asked.app.slot);
        match principal {
            Some(principal) if who.uuid().is_none_or(|uuid| *uuid == principal.party.id) => {
                Ok(Pass::of_principal(principal, who.uuid().is_some()))
            }
            // An auth key of one's own may have a dot too; without the access manager it means nothing.
            None if !asked.settings.access_manager => Ok(Pass::open(who)),
            Some(_) | None => Err(Fault::bad_token()),
        }
    }

    async fn of_token(&self, asked: &Asked<'_>, who: Who, text: &str) -> Result<Pass, Fault> {
        let bytes = token::decoded(text).ok_or_else(Fault::bad_token)?;
        let mark = Mark::of(&bytes);
        let token = self.known(asked, mark, &bytes)?;
        if token.ends() <= self.clock.now().wall.seconds() {
            return Err(Fault::expired());
        }
        let is_meant = token.uuid.as_ref().is_none_or(|owner| Some(owner) == who.uuid());
        if !is_meant {
            return Err(Fault::bad_token());
        }
        if self.revoked.has(asked.app.slot, mark).await? {
            return Err(Fault::revoked());
        }
        Ok(Pass::of_token(who, token, mark))
    }

    /// Whether what was shown once still counts.
    pub(super) async fn is_good(&self, pass: &Pass) -> bool {
        let now = self.clock.now().wall.seconds();
        if pass.ends().is_some_and(|ends| ends <= now) {
            return false;
        }
        let Some(mark) = pass.mark() else { return true };
        let app = pass.principal().app.slot;
        self.revoked.has(app, mark).await.is_ok_and(|is_revoked| !is_revoked)
    }

    /// A token as it was read before, or is read now. Only what the app signed is read at all.
    fn known(&self, asked: &Asked<'_>, mark: Mark, bytes: &[u8]) -> Result<Arc<Token>, Fault> {
        let place = (asked.app.slot, mark);
        let lock = || self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = lock().get(&place) {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(Token::read(asked.settings, bytes).map_err(|_| Fault::bad_token())?);
        let mut tokens = lock();
        if tokens.len() >= MOST_TOKENS {
            tokens.clear();
        }
        tokens.insert(place, Arc::clone(&token));
        Ok(token)
    }

    /// `POST /v3/pam/{sub}/grant`: makes a token. Only for those who sign with the secret key.
    ///
    /// # Errors
    /// The request is not signed, or is none.
    pub(super) fn grant(&self, asked: &Asked<'_>) -> Result<Answer, Fault> {
        asked.signed(&self.clock).map_err(|why| refused("grant", why))?;
        let grant = Grant::parse(asked.body)?;
        // The time is the signature's, so that whoever sends the request again gets the same token, revoked if that is.
        let signed_at = asked.query.number("timestamp")?.unwrap_or_default();
        let issued = Wall(signed_at.saturating_mul(Wall::TICKS_PER_SECOND));
        let token = Token::make(asked.settings, &grant, issued);
        let token = token.ok_or_else(|| Fault::bad_permissions("The token would be too long."))?;
        Ok(done(Some(&token)))
    }

    /// `DELETE /v3/pam/{sub}/grant/{token}`: ends a token, given as it stands in the path.
    ///
    /// # Errors
    /// The request is not signed, or names no token of the app that is still good.
    pub(super) async fn revoke(&self, asked: &Asked<'_>, segment: &str) -> Result<Answer, Fault> {
        asked.signed(&self.clock).map_err(|why| refused("revoke", why))?;
        let text = names::decoded(segment, Service::AccessManager)?;
        let bytes = token::decoded(&text).ok_or_else(Fault::revoke_invalid)?;
        let token = match Token::read(asked.settings, &bytes) {
            Ok(token) => token,
            Err(Bad::Foreign | Bad::Damaged) => return Err(Fault::revoke_invalid()),
        };
        if token.ends() <= self.clock.now().wall.seconds() {
            return Err(Fault::revoke_expired());
        }
        let place = (asked.app.slot, Mark::of(&bytes));
        self.revoked.add(place, token.ends(), asked.settings.revocations).await?;
        Ok(done(None))
    }
}

impl Asked<'_> {
    fn signed(&self, clock: &Clock) -> Result<(), Unsigned> {
        let request = Request { method: self.method, path: self.path, query: self.query, body: self.body };
        request.check(self.settings, clock.now().wall)
    }
}

fn refused(source: &'static str, why: Unsigned) -> Fault {
    match why {
        Unsigned::Missing | Unsigned::Wrong => Fault::unsigned_for(source),
        Unsigned::Late => Fault::bad_timestamp(),
    }
}

fn done(token: Option<&str>) -> Answer {
    let data = match token {
        Some(token) => json!({"message": "Success", "token": token}),
        None => json!({"message": "Success"}),
    };
    let service = Service::AccessManager;
    let body = json!({"data": data, "service": service.name(), "status": 200}).to_string();
    Answer::ok(service, body)
}
