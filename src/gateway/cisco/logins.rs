//! Who logs in and out: sessions begin, go on and end with everything that they own.

use std::time::Duration;

use secrecy::SecretString;

use super::agenda::Due;
use super::fault::{Code, Fault};
use super::ledger::{Caller, Ledger};
use super::sessions::{Holder, Mark};
use super::summons::Place;
use crate::broker::AppSlot;
use crate::core::{Cause, Mono};

impl Ledger {
    /// The session of an application user: the one there is, or a new one, before which the old one ends.
    pub(super) fn log_in_app(&mut self, user: usize, force: bool, now: Mono) -> Result<SecretString, Fault> {
        let slot = self.slot_of(user);
        match self.sessions.of_app(user) {
            Some(mark) if !force => self.go_on(mark, now),
            held => {
                held.into_iter().for_each(|mark| self.end_session(mark, Cause::Replaced));
                self.begin(slot, (user, Holder::App), now)
            }
        }
    }

    /// The session of an end user, which an application user asks for.
    ///
    /// # Errors
    /// The user is not provisioned, another application user holds it, or there are too many.
    pub(super) fn log_in_end(
        &mut self,
        caller: &Caller,
        name: &str,
        force: bool,
        now: Mono,
    ) -> Result<SecretString, Fault> {
        let book = &mut self.books[caller.app];
        let party = book.tenant.user(name).filter(|party| book.tenant.admits(party));
        let party = party.ok_or(Code::UserUnknown)?;
        let most = book.tenant.settings.sessions;
        book.seen.note(&party);
        let held = self.sessions.of_end(caller.slot, &party);
        let holder = held.and_then(|mark| self.sessions.get(mark)).map(|session| session.user);
        match (held, force) {
            (Some(mark), false) if holder == Some(caller.user) => self.go_on(mark, now),
            (Some(_), false) => Err(Code::LoggedIn.into()),
            (held, _) => {
                held.into_iter().for_each(|mark| self.end_session(mark, Cause::Replaced));
                if self.sessions.ends_of(caller.slot) >= most {
                    return Err(Fault::with(Code::LoginFailed, "There are as many sessions as are allowed"));
                }
                self.begin(caller.slot, (caller.user, Holder::End(party)), now)
            }
        }
    }

    fn go_on(&mut self, mark: Mark, now: Mono) -> Result<SecretString, Fault> {
        self.touch(mark, now);
        self.sessions.key(mark).ok_or(Code::LoginInternal.into())
    }

    fn begin(&mut self, slot: AppSlot, by: (usize, Holder), now: Mono) -> Result<SecretString, Fault> {
        let until = now + self.lasts(by.0);
        let mark = self.sessions.open(slot, by.0, by.1, until);
        self.agenda.plan(until, Due::Session(mark));
        self.sessions.key(mark).ok_or(Code::LoginInternal.into())
    }

    fn lasts(&self, user: usize) -> Duration {
        self.books[self.desks[user].app].tenant.settings.session_lasts
    }

    /// A session lasts from now on.
    pub(super) fn touch(&mut self, mark: Mark, now: Mono) {
        let Some(user) = self.sessions.get(mark).map(|session| session.user) else { return };
        let until = now + self.lasts(user);
        let Some(session) = self.sessions.get_mut(mark) else { return };
        let before = std::mem::replace(&mut session.until, until);
        if before != until {
            self.agenda.cancel(before, Due::Session(mark));
            self.agenda.plan(until, Due::Session(mark));
        }
    }

    /// Ends a session with everything that it owns; an application user's with those of its end users.
    pub(super) fn end_session(&mut self, mark: Mark, cause: Cause) {
        let Some(user) = self.sessions.get(mark).map(|session| session.user) else { return };
        let slot = self.slot_of(user);
        self.take_device(mark, cause);
        let Some(session) = self.sessions.close(slot, mark) else { return };
        self.agenda.cancel(session.until, Due::Session(mark));
        let desk = &self.desks[user];
        match &session.holder {
            Holder::App => {
                for end in self.sessions.under(user) {
                    self.end_session(end, cause);
                }
                let endpoints: Vec<u32> = self.desks[user].endpoints.keys().copied().collect();
                endpoints.into_iter().for_each(|id| self.drop_endpoint(user, id));
            }
            Holder::End(party) => {
                let own = desk.subscriptions.iter().filter(|(_, subscription)| subscription.owner == *party);
                let own: Vec<u32> = own.map(|(id, _)| *id).collect();
                own.into_iter().for_each(|id| self.drop_subscription(Place { user, subscription: id }));
            }
        }
    }
}
