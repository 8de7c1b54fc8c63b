//! What the service remembers, under one lock: it decides at once, and leaves what takes time to its owner as calls and chores.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::agenda::{Agenda, Due};
use super::ask::{Contact, Credential, State};
use super::contacts::{Contacts, Look, Seen, Turn};
use super::endpoints::Endpoint;
use super::fault::{Code, Fault};
use super::pidf::Details;
use super::presence::{Reading, state_of};
use super::sessions::{Holder, Mark, Sessions};
use super::subscriptions::Subscription;
use super::summons::{Place, Registered, Summons};
use super::tenant::{AppUser, Tenant};
use crate::broker::{AppSlot, Clock};
use crate::core::{Cause, Mono, PartyId, SessionId};
use crate::gateway::rate::Rate;
use crate::gateway::tries::Tries;

/// How many watchers of a party are told of a change before others have a turn.
const WATCHERS: usize = 256;

/// What whoever calls endpoints is told, in order.
#[derive(Debug)]
pub(super) enum Call {
    Notify(Summons),
    Settle(Place),
}

/// What takes time, and is done when the lock is free.
#[derive(Debug)]
pub(super) enum Chore {
    /// A session of the core is of no use any more.
    EndDevice(AppSlot, SessionId, Cause),
    /// How a party of an app is has changed by itself.
    Reread(usize, PartyId),
}

/// One app.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) tenant: Tenant,
    pub(super) contacts: Contacts,
    pub(super) seen: Seen,
    overrides: HashMap<PartyId, (Mono, Option<Arc<Details>>)>,
    rate: Rate,
}

/// What one application user has.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) user: AppUser,
    /// The place of its app's book.
    pub(super) app: usize,
    pub(super) endpoints: BTreeMap<u32, Endpoint>,
    pub(super) subscriptions: BTreeMap<u32, Subscription>,
    /// How many contacts they have.
    pub(super) contacts: usize,
}

/// Whoever sent a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) mark: Mark,
    pub(super) user: usize,
    pub(super) app: usize,
    pub(super) slot: AppSlot,
    holder: Holder,
}

/// What is remembered.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) books: Vec<Book>,
    pub(super) desks: Vec<Desk>,
    names: HashMap<Box<str>, usize>,
    pub(super) sessions: Sessions,
    pub(super) agenda: Agenda,
    pub(super) calls: Vec<Call>,
    pub(super) chores: Vec<Chore>,
    /// How many registrations of endpoints there were.
    pub(super) registrations: u64,
    /// Wrong passwords, by the application user and whence they come.
    guesses: Tries<(usize, Option<IpAddr>)>,
    is_paused: bool,
}

impl Ledger {
    /// For these apps; so many wrong passwords a minute may come from one network for each application user.
    pub(super) fn new(tenants: Vec<Tenant>, wrong_passwords: u32) -> Self {
        let mut desks = Vec::new();
        for (app, tenant) in tenants.iter().enumerate() {
            let desk = |user: &AppUser| Desk {
                user: user.clone(),
                app,
                endpoints: BTreeMap::new(),
                subscriptions: BTreeMap::new(),
                contacts: 0,
            };
            desks.extend(tenant.users.iter().map(desk));
        }
        let book = |tenant: Tenant| Book {
            contacts: Contacts::default(),
            seen: Seen::new(tenant.settings.known),
            overrides: HashMap::new(),
            rate: Rate::new(tenant.settings.requests_per_second),
            tenant,
        };
        Self {
            names: desks.iter().enumerate().map(|(place, desk)| (desk.user.name.clone(), place)).collect(),
            desks,
            books: tenants.into_iter().map(book).collect(),
            sessions: Sessions::default(),
            agenda: Agenda::default(),
            calls: Vec::new(),
            chores: Vec::new(),
            guesses: Tries::new(wrong_passwords, Duration::from_secs(60)),
            registrations: 0,
            is_paused: false,
        }
    }

    pub(super) fn slot_of(&self, user: usize) -> AppSlot {
        self.books[self.desks[user].app].tenant.slot
    }

    /// How many sessions, endpoints and subscriptions there are.
    pub(super) fn holds(&self) -> (usize, usize, usize) {
        let sum = |count: fn(&Desk) -> usize| self.desks.iter().map(count).sum();
        (self.sessions.len(), sum(|desk| desk.endpoints.len()), sum(|desk| desk.subscriptions.len()))
    }

    /// The application user of a name.
    pub(super) fn user_named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    // === Who asks ===

    /// Whoever holds a key. That it asks prolongs its session, and that of its application user.
    ///
    /// # Errors
    /// There is no key, or it is nobody's.
    pub(super) fn caller(&mut self, key: Option<&str>, clock: &Clock) -> Result<Caller, Fault> {
        let now = clock.now().mono;
        let key = key.filter(|key| !key.is_empty()).ok_or(Code::KeyMissing)?;
        let mark = self.sessions.find(key).ok_or(Code::KeyInvalid)?;
        let session = self.sessions.get(mark).ok_or(Code::KeyInvalid)?;
        let (user, holder) = (session.user, session.holder.clone());
        self.touch(mark, now);
        if let Some(app) = self.sessions.of_app(user) {
            self.touch(app, now);
        }
        let app = self.desks[user].app;
        self.pace(app, clock)?;
        Ok(Caller { mark, user, app, slot: self.slot_of(user), holder })
    }

    /// The application user that holds a key.
    ///
    /// # Errors
    /// It is nobody's, or an end user's.
    pub(super) fn app_caller(&mut self, key: Option<&str>, clock: &Clock) -> Result<Caller, Fault> {
        let caller = self.caller(key, clock)?;
        if caller.holder == Holder::App { Ok(caller) } else { Err(Code::AppUserOnly.into()) }
    }

    /// The end user that holds a key, and is the one that the path names if it names one.
    ///
    /// # Errors
    /// It is nobody's, an application user's or somebody else's.
    pub(super) fn end_caller(
        &mut self,
        (key, named): (Option<&str>, Option<&str>),
        clock: &Clock,
    ) -> Result<(Caller, PartyId), Fault> {
        let caller = self.caller(key, clock)?;
        let Holder::End(party) = &caller.holder else { return Err(Code::EndUserOnly.into()) };
        let party = party.clone();
        if named.is_some_and(|named| self.books[caller.app].tenant.user(named).as_ref() != Some(&party)) {
            return Err(Fault::with(Code::KeyInvalid, "The session key is not that of the named user"));
        }
        Ok((caller, party))
    }

    /// Whether a caller has the name that a path says.
    pub(super) fn is_named(&self, caller: &Caller, named: &str) -> bool {
        match &caller.holder {
            Holder::App => *self.desks[caller.user].user.name == *named,
            Holder::End(party) => self.books[caller.app].tenant.user(named).as_ref() == Some(party),
        }
    }

    /// Whether a login is right by its password. Wrong ones count by where they come from, and only right ones among the requests of
    /// the app: so nobody without the password keeps those away who have it.
    ///
    /// # Errors
    /// It is not, or there are too many requests or wrong passwords.
    pub(super) fn check_password(
        &mut self,
        (user, from): (usize, Option<IpAddr>),
        credential: &Credential,
        clock: &Clock,
    ) -> Result<(), Fault> {
        let Credential::Password(password) = credential else { return Err(Code::PasswordEmpty.into()) };
        if password.expose_secret().is_empty() {
            return Err(Code::PasswordEmpty.into());
        }
        let (slot, now) = (self.slot_of(user), clock.now().mono);
        let compare = || self.desks[user].user.has_password(password);
        match self.guesses.attempt(slot, (user, from), now, compare) {
            Some(true) => self.pace(self.desks[user].app, clock),
            Some(false) => Err(Code::LoginFailed.into()),
            None => Err(Fault::with(Code::TooFast, "There were too many wrong passwords")),
        }
    }

    /// Counts a request that cannot be read. It prolongs no session.
    ///
    /// # Errors
    /// There are too many requests of the app whose key it is.
    pub(super) fn count_unread(&mut self, key: Option<&str>, clock: &Clock) -> Result<(), Fault> {
        let session = key.and_then(|key| self.sessions.find(key)).and_then(|mark| self.sessions.get(mark));
        let Some(user) = session.map(|session| session.user) else { return Ok(()) };
        self.pace(self.desks[user].app, clock)
    }

    /// Counts a request of an app.
    fn pace(&mut self, app: usize, clock: &Clock) -> Result<(), Fault> {
        if self.books[app].rate.allows(clock) { Ok(()) } else { Err(Code::TooFast.into()) }
    }

    // === What a session says of its user ===

    /// Notes what a session says of its device until a time; what it said before ends if it was said by another session of the core.
    pub(super) fn set_device(&mut self, mark: Mark, device: Option<super::sessions::Device>) {
        let until = device.as_ref().map(|device| device.until);
        let Some(session) = self.sessions.get_mut(mark) else { return };
        let before = std::mem::replace(&mut session.device, device);
        if let Some(before) = before {
            self.agenda.cancel(before.until, Due::Device(mark));
        }
        if let Some(until) = until {
            self.agenda.plan(until, Due::Device(mark));
        }
    }

    /// Ends what a session says of its device.
    pub(super) fn take_device(&mut self, mark: Mark, cause: Cause) {
        let Some(session) = self.sessions.get(mark) else { return };
        let (user, device) = (session.user, session.device.clone());
        self.set_device(mark, None);
        if let Some(device) = device {
            self.chores.push(Chore::EndDevice(self.slot_of(user), device.session, cause));
        }
    }

    /// Notes until when an override of a party speaks, and what it says; `None` ends it.
    pub(super) fn set_override(
        &mut self,
        app: usize,
        party: &PartyId,
        said: Option<(Mono, Option<Arc<Details>>)>,
    ) {
        let book = &mut self.books[app];
        let until = said.as_ref().map(|(until, _)| *until);
        let before = match said {
            Some(said) => book.overrides.insert(party.clone(), said),
            None => book.overrides.remove(party),
        };
        if let Some((before, _)) = before {
            self.agenda.cancel(before, Due::Override(app, party.clone()));
        }
        if let Some(until) = until {
            self.agenda.plan(until, Due::Override(app, party.clone()));
        }
    }

    /// Makes what is noted of an override what the hub has: that ends by the wall's clock, and is perhaps not the one asked for last.
    /// So its end is looked for as long as there is one, and its watchers hear of it.
    fn heed_override(&mut self, app: usize, reading: &Reading) {
        let noted = self.books[app].overrides.get(&reading.party);
        match (noted, reading.override_ends) {
            (Some((until, _)), Some(ends)) if *until == ends => {}
            (noted, Some(ends)) => {
                let details = noted.and_then(|(_, details)| details.clone());
                self.set_override(app, &reading.party, Some((ends, details)));
            }
            // One that says more is perhaps only just being set.
            (Some((until, details)), None) if *until <= reading.at || details.is_none() => {
                self.set_override(app, &reading.party, None);
            }
            (_, None) => {}
        }
    }

    /// Whether one more party may have an override: there are as many as sessions at the most.
    pub(super) fn has_room_above(&self, app: usize, party: &PartyId) -> bool {
        let Book { overrides, tenant, .. } = &self.books[app];
        overrides.contains_key(party) || overrides.len() < tenant.settings.sessions
    }

    /// How a party is, of what was read of it and what it says of itself.
    pub(super) fn look(&mut self, app: usize, reading: &Reading) -> Look {
        let book = &mut self.books[app];
        let party = &reading.party;
        if reading.is_here {
            book.seen.note(party);
        }
        let state = state_of(reading.status);
        let device = self.sessions.of_end(book.tenant.slot, party);
        let is_known = device.is_some() || book.seen.has(party) || book.tenant.lists(party);
        if state == State::Unavailable && !is_known {
            return super::contacts::UNKNOWN;
        }
        let by_device = || self.sessions.get(device?)?.device.as_ref()?.details.clone();
        let by_hand = book.overrides.get(party).map(|(_, details)| details.clone());
        let details = by_hand.unwrap_or_else(by_device).filter(|details| details.state() == state);
        Look { state, details }
    }

    /// Takes in what was read, in the order of the broker's turns; who differs, whose watchers are to be told.
    pub(super) fn note(&mut self, app: usize, turn: Turn, readings: &[Reading]) -> Vec<PartyId> {
        let mut differing = Vec::new();
        for reading in readings {
            self.heed_override(app, reading);
            let look = self.look(app, reading);
            if self.books[app].contacts.note(&reading.party, turn, look) {
                differing.push(reading.party.clone());
            }
        }
        differing
    }

    /// Announces how a party is to some of its watchers; after whom to go on, if there are more.
    pub(super) fn tell(&mut self, app: usize, party: &PartyId, after: Option<Place>) -> Option<Place> {
        let (untold, last) = self.books[app].contacts.tell(party, after, WATCHERS);
        for place in untold {
            if let Some(subscription) = self.subscription(place) {
                subscription.changed(party);
            }
            self.announce(place);
        }
        last
    }

    // === Calls ===

    pub(super) fn subscription(&mut self, place: Place) -> Option<&mut Subscription> {
        self.desks.get_mut(place.user)?.subscriptions.get_mut(&place.subscription)
    }

    /// Has a subscription's endpoint called, if there is something to fetch and nobody was told so yet.
    pub(super) fn announce(&mut self, place: Place) {
        if self.is_paused {
            return;
        }
        let app = self.slot_of(place.user);
        let Some(desk) = self.desks.get_mut(place.user) else { return };
        let Some(subscription) = desk.subscriptions.get_mut(&place.subscription) else { return };
        let Some(id) = subscription.endpoint else { return };
        let Some(endpoint) = desk.endpoints.get(&id) else { return };
        if !endpoint.is_gone && subscription.shut() {
            let by = Registered { user: place.user, endpoint: id, nth: endpoint.nth };
            let (target, webhook_id) = (endpoint.target.clone(), uuid::Uuid::new_v4());
            self.calls.push(Call::Notify(Summons { place, app, by, target, webhook_id }));
        }
    }

    /// While the hub has too much to do nobody is called; afterwards everybody is for whom something waits.
    pub(super) fn pause(&mut self, is_paused: bool) {
        if !std::mem::replace(&mut self.is_paused, is_paused) || is_paused {
            return;
        }
        let ids = |(user, desk): (usize, &Desk)| {
            desk.subscriptions.keys().map(move |id| Place { user, subscription: *id }).collect::<Vec<_>>()
        };
        let places: Vec<Place> = self.desks.iter().enumerate().flat_map(ids).collect();
        places.into_iter().for_each(|place| self.announce(place));
    }

    // === What ends ===

    /// Plans the end of an endpoint or a subscription; the end that was planned before is not any more.
    pub(super) fn plan_endpoint(&mut self, user: usize, id: u32, before: Option<Mono>, until: Mono) {
        self.plan(before, until, Due::Endpoint(user, id));
    }

    pub(super) fn plan_subscription(&mut self, place: Place, before: Option<Mono>, until: Mono) {
        self.plan(before, until, Due::Subscription(place));
    }

    fn plan(&mut self, before: Option<Mono>, until: Mono, due: Due) {
        if let Some(before) = before {
            self.agenda.cancel(before, due.clone());
        }
        self.agenda.plan(until, due);
    }

    /// Takes an endpoint away; its subscriptions go on without being called.
    pub(super) fn drop_endpoint(&mut self, user: usize, id: u32) {
        let desk = &mut self.desks[user];
        let Some(endpoint) = desk.endpoints.remove(&id) else { return };
        self.agenda.cancel(endpoint.until, Due::Endpoint(user, id));
        for (number, subscription) in &mut desk.subscriptions {
            if subscription.endpoint == Some(id) {
                subscription.endpoint = None;
                subscription.open();
                self.calls.push(Call::Settle(Place { user, subscription: *number }));
            }
        }
    }

    /// Takes a subscription away.
    pub(super) fn drop_subscription(&mut self, place: Place) {
        let Some(desk) = self.desks.get_mut(place.user) else { return };
        let Some(gone) = desk.subscriptions.remove(&place.subscription) else { return };
        desk.contacts -= gone.len();
        self.agenda.cancel(gone.until, Due::Subscription(place));
        let contacts = &mut self.books[desk.app].contacts;
        gone.parties().for_each(|party| contacts.unwatch(party, place));
        self.calls.push(Call::Settle(place));
    }

    /// When something ends next.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.agenda.next()
    }

    /// Ends what is over.
    pub(super) fn expire(&mut self, now: Mono) {
        while let Some(due) = self.agenda.take(now) {
            match due {
                Due::Session(mark) => self.end_session(mark, Cause::TimedOut),
                Due::Endpoint(user, id) => self.drop_endpoint(user, id),
                Due::Subscription(place) => self.drop_subscription(place),
                Due::Device(mark) => self.take_device(mark, Cause::TimedOut),
                Due::Override(app, party) => self.chores.push(Chore::Reread(app, party)),
            }
        }
    }

    /// The party that a contact is in an app.
    pub(super) fn party_of(&self, app: usize, contact: &Contact) -> Option<PartyId> {
        self.books[app].tenant.party(contact)
    }
}
