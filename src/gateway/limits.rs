//! How many connections there may be: in all, from one address, of one party, and without authentication.

use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rustc_hash::FxHashMap;
use tokio::sync::watch;

use super::crowd::{Crowds, Part};
use crate::broker::{AppSlot, CloseReason};
use crate::core::PartyId;

/// The bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// All connections.
    pub total: usize,
    /// Those from one IPv4 address or one IPv6 network of 64 bits; connections over loopback are not counted here.
    pub per_address: usize,
    /// Those of one party.
    pub per_party: usize,
    /// Those that have not authenticated.
    pub unauthenticated: usize,
    /// When whoever was refused should come back.
    pub retry_after: Duration,
}

impl Caps {
    /// The defaults for a process that may open so many files: a fifth of them is kept for other things, and a tenth of
    /// the connections may be unauthenticated.
    #[must_use]
    pub fn for_files(files: usize) -> Self {
        let total = (files - files / 5).max(1);
        Self {
            total,
            per_address: 256,
            per_party: 32,
            unauthenticated: (total / 10).max(1),
            retry_after: Duration::from_secs(5),
        }
    }
}

/// Which bound is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// [`Caps::total`].
    Total,
    /// [`Caps::per_address`].
    Address,
    /// [`Caps::per_party`].
    Party,
    /// [`Caps::unauthenticated`].
    Unauthenticated,
}

/// One connection too many. As a response it is 429 with `Retry-After`; once a connection is open, it is closed with
/// [`Excess::reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// Which bound is reached.
    pub bound: Bound,
    /// When to come back.
    pub retry_after: Duration,
}

impl Excess {
    /// What an open connection is closed with.
    #[must_use]
    pub fn reason(self) -> CloseReason {
        CloseReason::TooManyConnections(self.retry_after)
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.bound {
            Bound::Total | Bound::Unauthenticated => "too many connections",
            Bound::Address => "too many connections from this address",
            Bound::Party => "too many connections of this party",
        })
    }
}

impl std::error::Error for Excess {}

impl IntoResponse for Excess {
    fn into_response(self) -> Response {
        let seconds = self.retry_after.as_secs().max(1).to_string();
        // Nobody has looked at the path yet. The clients that read such a body at all are those of REST dialects, and this they understand.
        let body = serde_json::json!({"status": 429, "error": true, "message": self.to_string()});
        let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
        response.headers_mut().extend(seconds.parse().map(|seconds| (header::RETRY_AFTER, seconds)));
        response
    }
}

/// Counts connections. One value for all listeners of a hub.
#[derive(Debug)]
pub struct Limits {
    caps: Caps,
    is_draining: watch::Sender<bool>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    unauthenticated: usize,
    addresses: Crowds,
    parties: FxHashMap<(AppSlot, PartyId), usize>,
}

/// A connection's place among those that are counted, given back when it is dropped. It starts unauthenticated.
#[derive(Debug)]
pub struct Admission {
    limits: Arc<Limits>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    address: Option<IpAddr>,
    part: Part,
    party: Option<(AppSlot, PartyId)>,
    is_authenticated: bool,
    /// The connection that this one goes on over, and is counted as.
    heir: Option<Arc<Admission>>,
}

impl Limits {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(caps: Caps) -> Arc<Self> {
        Arc::new(Self { caps, is_draining: watch::Sender::new(false), counts: Mutex::default() })
    }

    /// Counts a connection in. `None` is a trusted proxy, of which only the request will tell the client's address.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Admission, Excess> {
        self.admit_as(Part::Own, address)
    }

    fn admit_as(self: &Arc<Self>, part: Part, address: Option<IpAddr>) -> Result<Admission, Excess> {
        let mut counts = lock(&self.counts);
        if counts.total >= self.caps.total {
            return Err(self.excess(Bound::Total));
        }
        if counts.unauthenticated >= self.caps.unauthenticated {
            return Err(self.excess(Bound::Unauthenticated));
        }
        let address = address.and_then(network);
        if let Some(address) = address {
            let entered = counts.addresses.enter(address, part, self.caps.per_address);
            entered.ok_or_else(|| self.excess(Bound::Address))?;
        }
        counts.total += 1;
        counts.unauthenticated += 1;
        drop(counts);
        let held = Held { address, part, ..Held::default() };
        Ok(Admission { limits: Arc::clone(self), held: Mutex::new(held) })
    }

    /// From now on no connection becomes a WebSocket, and each answer is its connection's last: the hub is about to stop.
    pub fn drain(&self) {
        self.is_draining.send_replace(true);
    }

    /// Becomes true when the hub is about to stop.
    #[must_use]
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.is_draining.subscribe()
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        lock(&self.counts).total
    }

    /// How many of them have not authenticated.
    #[must_use]
    pub fn unauthenticated(&self) -> usize {
        lock(&self.counts).unauthenticated
    }

    fn excess(&self, bound: Bound) -> Excess {
        Excess { bound, retry_after: self.caps.retry_after }
    }
}

impl Admission {
    /// The address that the connection is counted under, if it is counted under one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        let held = lock(&self.held);
        let of_heir = || held.heir.as_ref().and_then(|heir| heir.address());
        held.address.or_else(of_heir)
    }

    /// Counts the connection to the address that a trusted proxy told; the first address stays.
    ///
    /// # Errors
    /// There are too many from that address.
    pub fn attribute(&self, address: IpAddr) -> Result<(), Excess> {
        let mut held = lock(&self.held);
        let (None, Some(address)) = (held.address, network(address)) else { return Ok(()) };
        let entered =
            lock(&self.limits.counts).addresses.enter(address, held.part, self.limits.caps.per_address);
        entered.ok_or_else(|| self.limits.excess(Bound::Address))?;
        held.address = Some(address);
        Ok(())
    }

    /// Counts in a connection that has no socket of its own, but lives in requests such as those that this one carries.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn line(&self, address: Option<IpAddr>) -> Result<Self, Excess> {
        self.carry();
        self.limits.admit_as(Part::Line, address)
    }

    /// The connection carries requests of others, which are counted themselves: it counts for its address only where there are more like
    /// it than those can need.
    pub fn carry(&self) {
        let mut held = lock(&self.held);
        let before = std::mem::replace(&mut held.part, Part::Carrier);
        if let (Some(address), Part::Own) = (held.address, before) {
            lock(&self.limits.counts).addresses.become_part(address, (Part::Own, Part::Carrier));
        }
    }

    /// The connection becomes a WebSocket: it speaks for itself from now on, and has yet to say for whom, whatever requests came by it.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn speak(&self) -> Result<(), Excess> {
        let mut held = lock(&self.held);
        let mut counts = lock(&self.limits.counts);
        if held.is_authenticated && counts.unauthenticated >= self.limits.caps.unauthenticated {
            return Err(self.limits.excess(Bound::Unauthenticated));
        }
        if let (Some(address), Part::Carrier) = (held.address, held.part) {
            let spoken = counts.addresses.speak(address, self.limits.caps.per_address);
            spoken.ok_or_else(|| self.limits.excess(Bound::Address))?;
        }
        held.part = Part::Own;
        if std::mem::take(&mut held.is_authenticated) {
            counts.unauthenticated += 1;
        }
        Ok(())
    }

    /// The connection goes on over a socket that is counted itself: it gives back its own place, except its party's.
    pub fn move_to(&self, heir: Arc<Self>) {
        let mut held = lock(&self.held);
        if held.is_authenticated {
            heir.authenticate();
        }
        if held.heir.replace(heir).is_none() {
            self.give_back(&mut held);
        }
    }

    /// Gives back what is not the party's.
    fn give_back(&self, held: &mut Held) {
        let mut counts = lock(&self.limits.counts);
        counts.total -= 1;
        if !held.is_authenticated {
            counts.unauthenticated -= 1;
        }
        if let Some(address) = held.address.take() {
            counts.addresses.leave(address, held.part);
        }
    }

    /// Whether the connection has authenticated.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        lock(&self.held).is_authenticated
    }

    /// Whether the hub takes no new WebSockets, because it is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.limits.is_draining.borrow()
    }

    /// The connection has authenticated, without being one party's: a backend, or one that carries requests of many.
    pub fn authenticate(&self) {
        let mut held = lock(&self.held);
        if std::mem::replace(&mut held.is_authenticated, true) {
            return;
        }
        match &held.heir {
            Some(heir) => heir.authenticate(),
            None => lock(&self.limits.counts).unauthenticated -= 1,
        }
    }

    /// The connection has authenticated as a party's, and is counted as this party's from now on.
    ///
    /// # Errors
    /// The party has too many.
    pub fn claim(&self, app: AppSlot, party: &PartyId) -> Result<(), Excess> {
        let party = (app, party.clone());
        let mut held = lock(&self.held);
        if held.party.as_ref() != Some(&party) {
            let mut counts = lock(&self.limits.counts);
            take(&mut counts.parties, party.clone(), self.limits.caps.per_party)
                .ok_or_else(|| self.limits.excess(Bound::Party))?;
            if let Some(former) = held.party.replace(party) {
                give_back(&mut counts.parties, former);
            }
        }
        drop(held);
        self.authenticate();
        Ok(())
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut held = std::mem::take(&mut *lock(&self.held));
        if held.heir.is_none() {
            self.give_back(&mut held);
        }
        if let Some(party) = held.party {
            give_back(&mut lock(&self.limits.counts).parties, party);
        }
    }
}

/// What an address is counted under, if it is counted: an IPv6 network of 64 bits is one, and loopback is not counted.
#[must_use]
pub fn network(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    })
}

fn take<K: Eq + Hash>(counts: &mut FxHashMap<K, usize>, key: K, most: usize) -> Option<()> {
    if most == 0 {
        return None;
    }
    let count = counts.entry(key).or_insert(0);
    (*count < most).then(|| *count += 1)
}

fn give_back<K: Eq + Hash>(counts: &mut FxHashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Arc<Limits> {
        Limits::new(Caps {
            total: 8,
            per_address: 2,
            per_party: 2,
            unauthenticated: 4,
            retry_after: Duration::from_secs(3),
        })
    }

    fn from(limits: &Arc<Limits>, address: &str) -> Result<Admission, Bound> {
        limits.admit(Some(address.parse().unwrap())).map_err(|excess| excess.bound)
    }

    #[test]
    fn connections_over_polling_count_once_and_carriers_that_speak_count_again() {
        let limits = limits();
        let client = Some(IpAddr::from([192, 0, 2, 1]));
        let get = limits.admit(client).unwrap();
        let line = get.line(client).unwrap();
        let post = limits.admit(client).unwrap();
        post.carry();
        line.authenticate();
        post.authenticate();
        let other = limits.admit(client).unwrap();
        assert_eq!(limits.admit(client).err().map(|excess| excess.bound), Some(Bound::Address));
        drop(other);
        assert_eq!((limits.open(), limits.unauthenticated()), (3, 1));
        post.speak().unwrap();
        assert_eq!(limits.unauthenticated(), 2, "what it carried says nothing of itself");
        let post = Arc::new(post);
        line.move_to(Arc::clone(&post));
        assert_eq!((limits.open(), limits.unauthenticated()), (2, 1));
        drop((get, line, post));
        assert_eq!((limits.open(), limits.unauthenticated()), (0, 0));
        assert!(lock(&limits.counts).addresses.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let limits = limits();
        let kept = [from(&limits, "2001:db8::1").unwrap(), from(&limits, "2001:db8::ffff:0:0:2").unwrap()];
        assert_eq!(from(&limits, "2001:db8::3").unwrap_err(), Bound::Address);
        assert!(from(&limits, "2001:db8:0:1::1").is_ok());
        drop(kept);
        assert!(from(&limits, "2001:db8::3").is_ok());
        assert_eq!((limits.open(), limits.unauthenticated()), (0, 0));
        assert!(lock(&limits.counts).addresses.is_empty());
    }

    #[test]
    fn a_mapped_address_is_the_address() {
        let limits = limits();
        let _kept = [from(&limits, "192.0.2.1").unwrap(), from(&limits, "::ffff:192.0.2.1").unwrap()];
        assert_eq!(from(&limits, "192.0.2.1").unwrap_err(), Bound::Address);
    }

    #[test]
    fn loopback_is_bounded_only_in_all() {
        let limits = limits();
        let mut kept = Vec::new();
        for _ in 0..8 {
            let admission = from(&limits, "127.0.0.9").unwrap();
            admission.authenticate();
            kept.push(admission);
        }
        assert_eq!(from(&limits, "::1").unwrap_err(), Bound::Total);
    }

    #[test]
    fn the_unauthenticated_have_a_share() {
        let limits = limits();
        let kept: Vec<_> = (1..=4).map(|n| from(&limits, &format!("192.0.2.{n}")).unwrap()).collect();
        assert_eq!(from(&limits, "192.0.2.9").unwrap_err(), Bound::Unauthenticated);
        kept[0].authenticate();
        kept[0].authenticate();
        let one_more = from(&limits, "192.0.2.9");
        assert_eq!(kept[0].speak().unwrap_err().bound, Bound::Unauthenticated);
        drop(one_more.unwrap());
        kept[0].speak().unwrap();
        assert_eq!(limits.unauthenticated(), 4, "requests that it carried say nothing of the WebSocket");
    }

    #[test]
    fn a_party_has_its_own_bound_in_each_app() {
        let limits = limits();
        let party = PartyId::new("anna").unwrap();
        let kept: Vec<_> = (1..=4).map(|n| from(&limits, &format!("192.0.2.{n}")).unwrap()).collect();
        kept[0].claim(AppSlot(1), &party).unwrap();
        kept[0].claim(AppSlot(1), &party).unwrap();
        kept[1].claim(AppSlot(1), &party).unwrap();
        assert_eq!(kept[2].claim(AppSlot(1), &party).unwrap_err().bound, Bound::Party);
        kept[2].claim(AppSlot(2), &party).unwrap();
        kept[1].claim(AppSlot(2), &party).unwrap();
        kept[3].claim(AppSlot(1), &party).unwrap();
        drop(kept);
        assert!(lock(&limits.counts).parties.is_empty());
    }

    #[test]
    fn a_forwarded_address_is_counted_once() {
        let limits = limits();
        let (one, two) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let kept: Vec<_> = (0..3).map(|_| limits.admit(None).unwrap()).collect();
        kept[0].attribute(one).unwrap();
        kept[0].attribute(two).unwrap();
        kept[1].attribute(one).unwrap();
        assert_eq!(kept[2].attribute(one).unwrap_err().bound, Bound::Address);
    }

    #[test]
    fn the_response_says_when_to_come_back() {
        let response = Excess { bound: Bound::Total, retry_after: Duration::from_secs(3) }.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "3");
    }
}
