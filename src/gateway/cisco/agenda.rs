//! What of the service ends by itself, and when.

use std::collections::BTreeSet;

use super::sessions::Mark;
use super::summons::Place;
use crate::core::{Mono, PartyId};

/// What ends, or is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Session(Mark),
    /// An application user's.
    Endpoint(usize, u32),
    Subscription(Place),
    /// What a session says of its user's device.
    Device(Mark),
    /// What stands above a party's devices, in the app of a book.
    Override(usize, PartyId),
}

/// Everything that is planned.
#[derive(Debug, Default)]
pub(super) struct Agenda(BTreeSet<(Mono, Due)>);

impl Agenda {
    pub(super) fn plan(&mut self, at: Mono, due: Due) {
        self.0.insert((at, due));
    }

    pub(super) fn cancel(&mut self, at: Mono, due: Due) {
        self.0.remove(&(at, due));
    }

    /// When something ends next.
    pub(super) fn next(&self) -> Option<Mono> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes something that has ended.
    pub(super) fn take(&mut self, now: Mono) -> Option<Due> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop_first().map(|(_, due)| due)
    }
}
