//! How the presence of one channel is told: one by one, or in intervals while there are many; and who is only briefly away.

use std::collections::HashMap;

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
    /// Leaves that are kept back, and until when.
    held: Vec<(Mono, Presence)>,
}

#[derive(Debug)]
struct Interval {
    end: Mono,
    occupancy: u32,
    has_changed: bool,
    fates: Fates,
}

impl Pace {
    /// Takes an event, and gives those that are told now, in order.
    pub(super) fn take(&mut self, now: Mono, event: Presence, settings: &Settings) -> Vec<Presence> {
        let mut told = self.release(now, settings);
        match event.action {
            Action::Join if self.undo_leave(&event) => {}
            Action::Leave | Action::Timeout if !settings.debounce.is_zero() => {
                self.held.push((now + settings.debounce, event));
            }
            Action::Join | Action::Leave | Action::Timeout => self.tell(now, event, settings, &mut told),
            Action::StateChange | Action::Interval => told.push(event),
        }
        told
    }

    /// Gives what has become due.
    pub(super) fn release(&mut self, now: Mono, settings: &Settings) -> Vec<Presence> {
        let mut told = Vec::new();
        while self.held.first().is_some_and(|(due, _)| *due <= now) {
            let (_, event) = self.held.remove(0);
            self.tell(now, event, settings, &mut told);
        }
        if let Some(interval) = &mut self.interval
            && interval.end <= now
        {
            told.extend(interval.report(settings));
            interval.end = now + settings.interval;
        }
        told
    }

    /// When something becomes due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        let interval = self.interval.as_ref().filter(|interval| interval.has_changed);
        let held = self.held.first().map(|(due, _)| *due);
        held.into_iter().chain(interval.map(|interval| interval.end)).min()
    }

    /// Whether it must not be forgotten.
    pub(super) fn is_busy(&self) -> bool {
        self.interval.is_some() || !self.held.is_empty()
    }

    /// Somebody who was only briefly away has not left.
    fn undo_leave(&mut self, join: &Presence) -> bool {
        let place = self.held.iter().position(|(_, held)| held.uuid == join.uuid);
        place.map(|place| self.held.remove(place)).is_some()
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
            (Some(interval), true) => interval.note(&event),
            (Some(interval), false) => {
                told.extend(interval.report(settings).map(|last| Presence { at: event.at, ..last }));
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
        Some(Presence { action: Action::Interval, uuid: None, occupancy, at, state: None, delta })
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
