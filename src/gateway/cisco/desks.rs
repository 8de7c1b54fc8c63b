//! What application users and their end users keep: endpoints and subscriptions, made, prolonged and taken away.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::ask::{Contact, EXPIRY, SUBSCRIPTION_TYPE};
use super::endpoints::{Endpoint, free_id};
use super::fault::{Code, Fault};
use super::ledger::{Caller, Ledger};
use super::subscriptions::{Subscription, Watch};
use super::summons::Place;
use crate::core::{Mono, PartyId};
use crate::egress::Target;

/// How long something lasts of which that is not said.
const USUAL: u32 = *EXPIRY.start();

/// A subscription to be made or changed.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: Option<String>,
    pub(super) contacts: Option<Vec<Contact>>,
    pub(super) expiry: Option<u32>,
    pub(super) endpoint: Option<u32>,
}

/// How long something is to last.
///
/// # Errors
/// It is too short or too long.
pub(super) fn lasting(expiry: Option<u32>) -> Result<Duration, Fault> {
    const RANGE: RangeInclusive<u32> = EXPIRY;
    let seconds = expiry.unwrap_or(USUAL);
    if !RANGE.contains(&seconds) {
        return Err(Code::BadExpiry.into());
    }
    Ok(Duration::from_secs(seconds.into()))
}

impl Ledger {
    /// A new endpoint. Its target has been checked.
    ///
    /// # Errors
    /// The expiry is wrong, or there are too many.
    pub(super) fn register(
        &mut self,
        by: &Caller,
        target: Target,
        expiry: Option<u32>,
        now: Mono,
    ) -> Result<u32, Fault> {
        let until = now + lasting(expiry)?;
        let most = self.books[by.app].tenant.settings.endpoints;
        let endpoints = &mut self.desks[by.user].endpoints;
        let id = free_id(endpoints, most).ok_or(Code::TooManyEndpoints)?;
        endpoints.insert(id, Endpoint { target, until });
        self.plan_endpoint(by.user, id, None, until);
        Ok(id)
    }

    /// Prolongs an endpoint; its address stays.
    ///
    /// # Errors
    /// It is not the caller's, the expiry is wrong, or another address is given.
    pub(super) fn prolong(
        &mut self,
        by: &Caller,
        id: u32,
        (target, expiry): (Option<&Target>, Option<u32>),
        now: Mono,
    ) -> Result<u32, Fault> {
        self.check_endpoint(by, id)?;
        let endpoint = self.desks[by.user].endpoints.get_mut(&id).ok_or(Code::NoEndpoint)?;
        if target.is_some_and(|target| *target != endpoint.target) {
            return Err(Code::UrlInUpdate.into());
        }
        let until = now + lasting(expiry)?;
        let before = std::mem::replace(&mut endpoint.until, until);
        self.plan_endpoint(by.user, id, Some(before), until);
        Ok(id)
    }

    /// Takes an endpoint away.
    ///
    /// # Errors
    /// It is not the caller's.
    pub(super) fn unregister(&mut self, by: &Caller, id: u32) -> Result<(), Fault> {
        self.check_endpoint(by, id)?;
        self.drop_endpoint(by.user, id);
        Ok(())
    }

    fn check_endpoint(&self, by: &Caller, id: u32) -> Result<(), Fault> {
        if self.desks[by.user].endpoints.contains_key(&id) {
            return Ok(());
        }
        let has = |desk: &super::ledger::Desk| desk.app == by.app && desk.endpoints.contains_key(&id);
        let is_foreign = self.desks.iter().any(has);
        Err(if is_foreign { Code::ForeignEndpoint } else { Code::NoEndpoint }.into())
    }

    /// The place of a subscription that is the caller's own.
    ///
    /// # Errors
    /// There is none, or it is somebody else's.
    pub(super) fn own(&self, by: &Caller, party: &PartyId, id: u32) -> Result<Place, Fault> {
        let held = self.desks[by.user].subscriptions.get(&id);
        if held.is_some_and(|held| held.owner == *party) {
            return Ok(Place { user: by.user, subscription: id });
        }
        let has = |desk: &super::ledger::Desk| desk.app == by.app && desk.subscriptions.contains_key(&id);
        let is_foreign = self.desks.iter().any(has);
        Err(if is_foreign { Code::ForeignSubscription } else { Code::NoSubscription }.into())
    }

    /// A new subscription. Nobody is called yet: how its contacts are is to be read first.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn subscribe(
        &mut self,
        (by, party): (&Caller, &PartyId),
        wanted: Wanted,
        now: Mono,
    ) -> Result<Place, Fault> {
        if wanted.kind.as_deref() != Some(SUBSCRIPTION_TYPE) {
            return Err(Code::SubscriptionType.into());
        }
        let contacts = wanted.contacts.ok_or(Code::NoContactList)?;
        let settings = &self.books[by.app].tenant.settings;
        if contacts.is_empty() || contacts.len() > settings.contacts {
            return Err(Code::ContactCount.into());
        }
        let until = now + lasting(wanted.expiry)?;
        let endpoint = wanted.endpoint.ok_or(Code::NoEndpoint)?;
        self.check_endpoint(by, endpoint)?;
        let most = settings.subscriptions;
        let subscriptions = &mut self.desks[by.user].subscriptions;
        let id = free_id(subscriptions, most).ok_or(Code::TooManySubscriptions)?;
        subscriptions.insert(id, Subscription::new(party.clone(), endpoint, until));
        let place = Place { user: by.user, subscription: id };
        self.plan_subscription(place, None, until);
        self.watch(by.app, place, contacts);
        Ok(place)
    }

    /// Watches more contacts, prolongs a subscription, or both.
    ///
    /// # Errors
    /// Says what is wrong with it; nothing is changed then.
    pub(super) fn extend(
        &mut self,
        (by, party): (&Caller, &PartyId),
        id: u32,
        wanted: Wanted,
        now: Mono,
    ) -> Result<Place, Fault> {
        let place = self.own(by, party, id)?;
        if wanted.kind.is_some_and(|kind| kind != SUBSCRIPTION_TYPE) {
            return Err(Code::SubscriptionType.into());
        }
        let contacts = wanted.contacts.unwrap_or_default();
        let expiry = wanted.expiry.filter(|expiry| *expiry != 0);
        if contacts.is_empty() && expiry.is_none() {
            return Err(Code::NothingToDo.into());
        }
        let until = expiry.map(|expiry| lasting(Some(expiry))).transpose()?.map(|lasts| now + lasts);
        if let Some(endpoint) = wanted.endpoint {
            self.check_endpoint(by, endpoint)?;
        }
        let most = self.books[by.app].tenant.settings.contacts;
        let subscription = self.subscription(place).ok_or(Code::NoSubscription)?;
        let new = contacts.iter().filter(|contact| !subscription.has(contact)).count();
        if subscription.len() + new > most {
            return Err(Code::ContactCount.into());
        }
        if wanted.endpoint.is_some() && wanted.endpoint != subscription.endpoint {
            subscription.endpoint = wanted.endpoint;
            subscription.open();
            self.calls.push(super::ledger::Call::Settle(place));
        }
        if let Some(until) = until
            && let Some(subscription) = self.subscription(place)
        {
            let before = std::mem::replace(&mut subscription.until, until);
            self.plan_subscription(place, Some(before), until);
        }
        self.watch(by.app, place, contacts);
        Ok(place)
    }

    fn watch(&mut self, app: usize, place: Place, contacts: Vec<Contact>) {
        for contact in contacts {
            let party = self.party_of(app, &contact);
            let Some(subscription) = self.subscription(place) else { return };
            let added = subscription.add(Watch { contact, party: party.clone() });
            if let (Some(order), Some(party)) = (added, party) {
                self.books[app].contacts.watch(&party, (place, order));
            }
        }
    }

    /// Watches fewer contacts, or (`None`) ends a subscription.
    ///
    /// # Errors
    /// It is not the caller's, or one of the contacts is not in it; nothing is changed then.
    pub(super) fn unsubscribe(
        &mut self,
        (by, party): (&Caller, &PartyId),
        id: u32,
        contacts: Option<Vec<Contact>>,
    ) -> Result<(), Fault> {
        let place = self.own(by, party, id)?;
        let Some(contacts) = contacts else {
            self.drop_subscription(place);
            return Ok(());
        };
        if contacts.is_empty() {
            return Err(Code::ContactCount.into());
        }
        let subscription = self.subscription(place).ok_or(Code::NoSubscription)?;
        if contacts.iter().any(|contact| !subscription.has(contact)) {
            return Err(Code::NotAContact.into());
        }
        for contact in &contacts {
            let gone = self.subscription(place).and_then(|subscription| subscription.remove(contact));
            if let Some((order, Watch { party: Some(party), .. })) = gone {
                self.books[by.app].contacts.unwatch(&party, (place, order));
            }
        }
        Ok(())
    }
}
