//! How the presence of one channel is told: one by one, or in intervals while there are many; and who is only briefly away.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use super::entry::{Action, Delta, Presence};
use crate::config::PubNub as Settings;
use crate::core::{Mono, PartyId, Timetoken};

/// What happened to somebody in an interval, against how it was when the interval began.
type Fates = HashMap<PartyId, Action>;

/// The pace of one channel.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The interval that runs, if there are many.
    interval: Option<Interval>,
    /// Leaves that are kept back, and until when, in their order.
    held: BTreeMap<u64, (Mono, Presence)>,
    /// Where the leave of each of these users is among them.
    away: HashMap<PartyId, u64>,
    next: u64,
    /// How many are there, after the last that was heard.
    occupancy: u32,
}

#[derive(Debug)]
struct Interval {
    end: Mono,
    occupancy: u32,
    has_changed: bool,
    fates: Fates,
}

impl Pace {
    /// Takes an event, and gives those that are told now, in order. What is due waits for [`Self::release`], so that it comes after
    /// everything that has happened until then.
    pub(super) fn take(&mut self, now: Mono, event: Presence, settings: &Settings) -> Vec<Presence> {
        let mut told = Vec::new();
        self.occupancy = event.occupancy;
        let left = if event.action == Action::Join { self.undo_leave(&event) } else { None };
        let event = Presence { occupancy: self.shown(), ..event };
        match event.action {
            // Whoever was only briefly away has not left, but may be back in another state.
            Action::Join if let Some(left) = left => {
                if left.state != event.state {
                    told.push(Presence { action: Action::StateChange, ..event });
                }
            }
            Action::Leave | Action::Timeout if !settings.debounce.is_zero() => {
                self.hold(now + settings.debounce, event);
            }
            Action::Join | Action::Leave | Action::Timeout => self.tell(now, event, settings, &mut told),
            Action::StateChange | Action::Interval => told.push(event),
        }
        told
    }

    /// Gives what has become due.
    pub(super) fn release(&mut self, now: Mono, settings: &Settings) -> Vec<Presence> {
        let mut told = Vec::new();
        while let Some(first) = self.held.first_entry().filter(|first| first.get().0 <= now) {
            let (_, event) = first.remove();
            if let Some(uuid) = &event.uuid {
                self.away.remove(uuid);
            }
            let late = Presence { occupancy: self.shown(), is_late: true, ..event };
            self.tell(now, late, settings, &mut told);
        }
        let occupancy = self.shown();
        if let Some(interval) = &mut self.interval
            && interval.end <= now
        {
            told.extend(interval.report(settings).map(|report| Presence { occupancy, ..report }));
            interval.end = now + settings.interval;
        }
        told
    }

    /// When something becomes due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        let interval = self.interval.as_ref().filter(|interval| interval.has_changed);
        let held = self.held.first_key_value().map(|(_, (due, _))| *due);
        held.into_iter().chain(interval.map(|interval| interval.end)).min()
    }

    /// Whether it must not be forgotten.
    pub(super) fn is_busy(&self) -> bool {
        self.interval.is_some() || !self.held.is_empty()
    }

    /// How many are there as far as is told: also whose leave is kept back, because nobody hears it if they return.
    fn shown(&self) -> u32 {
        self.occupancy.saturating_add(u32::try_from(self.held.len()).unwrap_or(u32::MAX))
    }

    fn hold(&mut self, due: Mono, leave: Presence) {
        if let Some(uuid) = &leave.uuid {
            self.away.insert(uuid.clone(), self.next);
        }
        self.held.insert(self.next, (due, leave));
        self.next += 1;
    }

    /// The leave that is kept back of whoever is back.
    fn undo_leave(&mut self, join: &Presence) -> Option<Presence> {
        let place = self.away.remove(join.uuid.as_ref()?)?;
        self.held.remove(&place).map(|(_, leave)| leave)
    }

    fn tell(&mut self, now: Mono, event: Presence, settings: &Settings, told: &mut Vec<Presence>) {
        let is_many = usize::try_from(event.occupancy).unwrap_or(usize::MAX) > settings.announce_max;
        match (&mut self.interval, is_many) {
            (None, false) => told.push(event),
            (None, true) => {
                let mut interval = Interval::begin(now + settings.interval);
                interval.note(&event);
                self.interval = Some(interval);
            }
            (Some(interval), true) => {
                if !interval.has_changed && interval.end <= now {
                    interval.end = now + settings.interval;
                }
                interval.note(&event);
            }
            (Some(interval), false) => {
                told.extend(interval.report(settings).map(|last| Presence {
                    // Before the event, whose place is its own.
                    at: Timetoken(event.at.0.saturating_sub(1)),
                    is_late: event.is_late,
                    ..last
                }));
                told.push(event);
                self.interval = None;
            }
        }
    }
}

impl Interval {
    fn begin(end: Mono) -> Self {
        Self { end, occupancy: 0, has_changed: false, fates: Fates::default() }
    }

    fn note(&mut self, event: &Presence) {
        self.occupancy = event.occupancy;
        self.has_changed = true;
        let Some(uuid) = &event.uuid else { return };
        match (self.fates.get(uuid), event.action) {
            // Who came and went in the same interval was never there, and the other way round.
            (Some(Action::Join), Action::Leave | Action::Timeout)
            | (Some(Action::Leave | Action::Timeout), Action::Join) => {
                self.fates.remove(uuid);
            }
            (_, action) => {
                self.fates.insert(uuid.clone(), action);
            }
        }
    }

    /// What became of the interval, if anything has changed in it.
    fn report(&mut self, settings: &Settings) -> Option<Presence> {
        if !std::mem::take(&mut self.has_changed) {
            return None;
        }
        let fates = std::mem::take(&mut self.fates);
        let delta = settings.deltas.then(|| Box::new(delta(fates, settings.delta_bytes)));
        let (occupancy, at) = (self.occupancy, Timetoken(0));
        let (uuid, state) = (None, None);
        Some(Presence { action: Action::Interval, uuid, occupancy, at, state, delta, is_late: true })
    }
}

fn delta(fates: Fates, most: usize) -> Delta {
    let mut delta = Delta::default();
    // Each name has its quotes and a comma.
    let bytes: usize = fates.keys().map(|uuid| uuid.as_str().len() + 3).sum();
    if bytes > most {
        return Delta { is_too_large: true, ..delta };
    }
    for (uuid, action) in fates {
        match action {
            Action::Join => delta.join.push(uuid),
            Action::Leave => delta.leave.push(uuid),
            Action::Timeout => delta.timeout.push(uuid),
            Action::StateChange | Action::Interval => {}
        }
    }
    [&mut delta.join, &mut delta.leave, &mut delta.timeout].into_iter().for_each(|names| names.sort());
    delta
}
