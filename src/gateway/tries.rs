//! How often somebody may try something, whichever connections it comes by: a pace for each, in bounded room.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::pace::Pace;
use super::principal::Principal;
use crate::broker::AppSlot;
use crate::core::{Mono, PartyId, PartyKind};

/// How many of one app are counted; beyond it, whoever would be at rest first is forgotten.
const MOST: usize = 16 * 1024;

/// How many of those at rest are forgotten with each try, so that no try takes long.
const SWEPT: usize = 2;

/// Under whom a try is counted: guests get as many identities as they like, so they count by where they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A party with an identity that somebody else gave it.
    Party(PartyId),
    /// All guests of one network together; `None` are those on the hub's own machine.
    Guests(Option<IpAddr>),
}

impl Caller {
    /// Under whom a principal is counted that comes from an address.
    #[must_use]
    pub fn of(principal: &Principal, address: Option<IpAddr>) -> Self {
        match principal.party.kind {
            PartyKind::Anonymous => Self::Guests(address),
            PartyKind::User | PartyKind::Phone | PartyKind::Bot => Self::Party(principal.party.id.clone()),
        }
    }
}

/// So many tries at once for each key of an app, and as many again in each span. Apps do not share their room.
#[derive(Debug)]
pub struct Tries<K> {
    most: usize,
    fresh: Pace,
    tables: Mutex<FxHashMap<AppSlot, Table<K>>>,
}

impl<K: Clone + Eq + Hash> Tries<K> {
    /// Nobody has tried anything yet. At least one try a span is allowed.
    #[must_use]
    pub fn new(count: u32, span: Duration) -> Self {
        let count = count.max(1);
        let fresh = Pace::every(span / count, count);
        Self { most: MOST, fresh, tables: Mutex::default() }
    }

    /// Whether one more is allowed; it is counted if so.
    pub fn allows(&self, app: AppSlot, key: K, now: Mono) -> bool {
        self.attempt(app, key, now, || false).is_some()
    }

    /// Makes an attempt that counts only if it fails, and says whether it succeeded. `None` if there were too many: it is
    /// not made then, so that not even the right guess is told from the wrong ones.
    pub fn attempt(&self, app: AppSlot, key: K, now: Mono, succeeds: impl FnOnce() -> bool) -> Option<bool> {
        let mut tables = self.lock();
        let table = tables.entry(app).or_insert_with(Table::new);
        table.sweep(now);
        let mut pace = table.pace(&key).unwrap_or(self.fresh);
        if pace.due() > now {
            return None;
        }
        if succeeds() {
            return Some(true);
        }
        pace.allows(now);
        table.set(key, pace, self.most);
        Some(false)
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<AppSlot, Table<K>>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When somebody is at rest, and a number that tells those apart who are at the same time.
type Rest = (Mono, u64);

/// The paces of one app, and who of them is at rest first.
#[derive(Debug)]
struct Table<K> {
    paces: HashMap<K, (Pace, Rest)>,
    rests: BTreeMap<Rest, K>,
    next: u64,
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn new() -> Self {
        Self { paces: HashMap::new(), rests: BTreeMap::new(), next: 0 }
    }

    fn pace(&self, key: &K) -> Option<Pace> {
        self.paces.get(key).map(|(pace, _)| *pace)
    }

    /// Sets a pace; if there is no room for it, whoever is nearest to rest is forgotten.
    fn set(&mut self, key: K, pace: Pace, most: usize) {
        if let Some((_, rest)) = self.paces.remove(&key) {
            self.rests.remove(&rest);
        }
        while self.paces.len() >= most && self.forget() {}
        let rest = (pace.rests(), self.next);
        self.next += 1;
        self.rests.insert(rest, key.clone());
        self.paces.insert(key, (pace, rest));
    }

    /// Forgets a few of those at rest.
    fn sweep(&mut self, now: Mono) {
        for _ in 0..SWEPT {
            if self.rests.first_key_value().is_none_or(|((at, _), _)| *at > now) {
                return;
            }
            self.forget();
        }
    }

    /// Forgets whoever is at rest first; whether there was somebody.
    fn forget(&mut self) -> bool {
        let first = self.rests.pop_first();
        first.is_some_and(|(_, key)| self.paces.remove(&key).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const APP: AppSlot = AppSlot(0);

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn only_failures_count_and_a_guess_too_many_is_not_made() {
        let tries = Tries::new(3, Duration::from_secs(60));
        assert!((0..100).all(|_| tries.attempt(APP, "a", at(0), || true) == Some(true)));
        assert!((0..3).all(|_| tries.attempt(APP, "a", at(0), || false) == Some(false)));
        assert_eq!(tries.attempt(APP, "a", at(19), || panic!("not made")), None);
        assert_eq!(tries.attempt(APP, "b", at(19), || true), Some(true), "others are not concerned");
        assert_eq!(tries.attempt(APP, "a", at(20), || false), Some(false));
        assert_eq!(tries.attempt(APP, "a", at(20), || true), None);
        assert_eq!(tries.attempt(APP, "a", at(200), || true), Some(true));
    }

    #[test]
    fn a_crowd_shuts_nobody_out_and_those_who_tried_most_are_remembered() {
        let tries = Tries { most: 8, ..Tries::new(2, Duration::from_secs(60)) };
        assert!((0..2).all(|_| tries.allows(APP, 0, at(0))));
        assert!((1..100).all(|key| tries.allows(APP, key, at(0))), "there is room for everybody new");
        assert!(!tries.allows(APP, 0, at(0)), "who tried most is not forgotten");
        assert_eq!(tries.lock()[&APP].paces.len(), 8);
        assert!(!tries.allows(APP, 0, at(29)) && tries.allows(APP, 0, at(30)));
        assert_eq!(tries.lock()[&APP].paces.len(), 8 - SWEPT, "those at rest are forgotten, few at a time");
    }

    #[test]
    fn apps_do_not_share_their_room() {
        let tries = Tries { most: 2, ..Tries::new(1, Duration::from_secs(60)) };
        assert!(tries.allows(AppSlot(1), 0, at(0)));
        assert!((0..100).all(|key| tries.allows(APP, key, at(0))));
        assert!(!tries.allows(AppSlot(1), 0, at(0)), "it is still counted");
    }

    proptest! {
        /// With room enough it is one pace for each, and nobody who is not at rest is forgotten.
        #[test]
        fn each_has_a_pace_of_its_own(tries in prop::collection::vec((0..2_u16, 0..4_u8, 0..40_u64), 1..200)) {
            let shared = Tries::new(3, Duration::from_secs(60));
            let mut own: HashMap<_, Pace> = HashMap::new();
            let mut now = 0;
            for (app, key, after) in tries {
                now += after;
                let pace = own.entry((app, key)).or_insert(shared.fresh);
                prop_assert_eq!(shared.allows(AppSlot(app), key, at(now)), pace.allows(at(now)));
                let tables = shared.lock();
                let table = &tables[&AppSlot(app)];
                prop_assert_eq!(table.paces.len(), table.rests.len());
                prop_assert!(table.rests.iter().all(|(rest, key)| table.paces[key].1 == *rest));
            }
        }
    }
}
