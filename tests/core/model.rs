//! The roster as the design describes it, written as simply as it can be: everything is counted again each time.

use std::collections::{BTreeMap, BTreeSet};

use presence_hub::core::{Cause, Status};

/// One member as viewers see it: party, content, whether it is in a media session and whether it is idle, attached sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) party: u8,
    pub(crate) content: u8,
    pub(crate) facts: (bool, bool),
    pub(crate) attached: u32,
}

/// What a viewer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Joined(Member),
    Updated(Member),
    Sessions(Member),
    /// The member, why, when something was last heard of it, and who removed it.
    Left(Member, Cause, u64, Option<u8>),
    Said(u8),
    State(u8, Option<u8>),
    Counts,
}

/// A change, with the parties, sessions and watchers after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) topic: u8,
    pub(crate) kind: Kind,
    pub(crate) counts: (u32, u32, u32),
}

/// Why, last heard, by whom.
type Going = (Cause, u64, Option<u8>);

#[derive(Debug, Clone)]
struct Device {
    party: u8,
    is_attached: bool,
    heard: u64,
    timeout: Option<u64>,
    detached: u64,
}

#[derive(Debug, Clone)]
struct Stay {
    party: u8,
    content: u8,
    /// The content that says what the session itself does, which one it has only taken over does not.
    own: u8,
    is_attached: bool,
    /// Whether its session has not been taken over by another connection since.
    is_current: bool,
    entered: u64,
    spoke: u64,
    grace: u64,
}

#[derive(Debug, Clone, Default)]
struct Room {
    stays: BTreeMap<u128, Stay>,
    watchers: u32,
    states: BTreeMap<u8, (u8, u64)>,
}

impl Room {
    fn members(&self) -> BTreeMap<u8, Member> {
        let parties: BTreeSet<u8> = self.stays.values().map(|stay| stay.party).collect();
        parties.into_iter().map(|party| (party, self.member(party).unwrap())).collect()
    }

    fn member(&self, party: u8) -> Option<Member> {
        let stays = || self.stays.values().filter(move |stay| stay.party == party);
        let content = stays().max_by_key(|stay| stay.spoke)?.content;
        let attached = u32::try_from(stays().filter(|stay| stay.is_attached).count()).unwrap();
        let facts = (stays().any(|stay| stay.own == 1), stays().all(|stay| stay.own == 2));
        Some(Member { party, content, facts, attached })
    }

    fn counts(&self) -> (u32, u32, u32) {
        let parties = u32::try_from(self.members().len()).unwrap();
        (parties, u32::try_from(self.stays.len()).unwrap(), self.watchers)
    }

    fn state(&self, party: u8, now: u64) -> Option<u8> {
        self.states.get(&party).filter(|(_, until)| now < *until).map(|(content, _)| *content)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    devices: BTreeMap<u128, Device>,
    rooms: BTreeMap<u8, Room>,
    by_hand: BTreeMap<u8, (Status, Option<u64>)>,
    order: u64,
    limit: Option<u32>,
    told: Vec<Told>,
}

impl Model {
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// What has been told since the last time.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    pub(crate) fn members(&self, topic: u8) -> Vec<Member> {
        self.rooms.get(&topic).map(|room| room.members().into_values().collect()).unwrap_or_default()
    }

    pub(crate) fn counts(&self, topic: u8) -> (u32, u32, u32) {
        self.rooms.get(&topic).map(Room::counts).unwrap_or_default()
    }

    pub(crate) fn state(&self, topic: u8, party: u8) -> Option<u8> {
        self.rooms.get(&topic)?.state(party, self.now)
    }

    pub(crate) fn is_known(&self, id: u128) -> bool {
        self.devices.contains_key(&id)
    }

    pub(crate) fn is_attached(&self, id: u128) -> bool {
        self.devices.get(&id).is_some_and(|device| device.is_attached)
    }

    pub(crate) fn device_count(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn whereabouts(&self, party: u8) -> Vec<u8> {
        let is_there = |room: &Room| room.stays.values().any(|stay| stay.party == party);
        self.rooms.iter().filter(|(_, room)| is_there(room)).map(|(topic, _)| *topic).collect()
    }

    pub(crate) fn status(&self, party: u8) -> Status {
        if let Some((status, until)) = self.by_hand.get(&party)
            && until.is_none_or(|until| self.now < until)
        {
            return *status;
        }
        let all: Vec<u8> = self
            .rooms
            .values()
            .flat_map(|room| room.stays.values())
            .filter(|stay| stay.party == party)
            .map(|stay| stay.own)
            .collect();
        if all.is_empty() {
            Status::Unavailable
        } else if all.contains(&1) {
            Status::Busy
        } else if all.iter().all(|content| *content == 2) {
            Status::Away
        } else {
            Status::Available
        }
    }

    /// Does something in a topic, and notes what a viewer of it must be told.
    fn change(&mut self, topic: u8, going: Option<Going>, act: impl FnOnce(&mut Room)) {
        let room = self.rooms.entry(topic).or_default();
        let (before, counts_before) = (room.members(), room.counts());
        act(room);
        let (after, counts) = (room.members(), room.counts());
        let mut kinds = Vec::new();
        for party in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            match (before.get(party), after.get(party)) {
                (None, Some(new)) => kinds.push(Kind::Joined(*new)),
                (Some(old), None) => {
                    let (cause, heard, by) = going.unwrap();
                    kinds.push(Kind::Left(Member { attached: 0, ..*old }, cause, heard, by));
                }
                (Some(old), Some(new)) if old.content != new.content => kinds.push(Kind::Updated(*new)),
                (Some(old), Some(new)) if old.attached != new.attached => kinds.push(Kind::Sessions(*new)),
                _ => {}
            }
        }
        if kinds.is_empty() && counts != counts_before {
            kinds.push(Kind::Counts);
        }
        assert!(kinds.len() <= 1, "one record makes at most one change");
        self.told.extend(kinds.into_iter().map(|kind| Told { topic, kind, counts }));
    }

    fn tell(&mut self, topic: u8, kind: Kind) {
        let counts = self.counts(topic);
        self.told.push(Told { topic, kind, counts });
    }

    fn topics_of(&self, id: u128) -> Vec<u8> {
        self.rooms.iter().filter(|(_, room)| room.stays.contains_key(&id)).map(|(topic, _)| *topic).collect()
    }

    pub(crate) fn open(&mut self, id: u128, party: u8, timeout: Option<u64>) {
        let now = self.now;
        let device = Device { party, is_attached: true, heard: now, timeout, detached: now };
        self.devices.insert(id, device);
        self.set_attached(id, true);
        for stay in self.rooms.values_mut().filter_map(|room| room.stays.get_mut(&id)) {
            stay.is_current = false;
        }
    }

    pub(crate) fn heard(&mut self, id: u128) {
        if let Some(device) = self.devices.get_mut(&id) {
            device.heard = self.now;
        }
    }

    pub(crate) fn detach(&mut self, id: u128) {
        self.set_attached(id, false);
        let Some(device) = self.devices.get_mut(&id) else { return };
        if device.is_attached {
            (device.is_attached, device.detached, device.heard) = (false, self.now, self.now);
        }
        self.forget_if_alone(id);
    }

    fn set_attached(&mut self, id: u128, is_attached: bool) {
        for topic in self.topics_of(id) {
            self.change(topic, None, |room| room.stays.get_mut(&id).unwrap().is_attached = is_attached);
        }
    }

    /// A session that has no connection and is nowhere is no more.
    fn forget_if_alone(&mut self, id: u128) {
        let is_detached = self.devices.get(&id).is_some_and(|device| !device.is_attached);
        if is_detached && self.topics_of(id).is_empty() {
            self.devices.remove(&id);
        }
    }

    /// A session speaks, unless it only repeats what it says and what is shown; whether the topic had a place for it.
    pub(crate) fn enter(&mut self, id: u128, topic: u8, said: Option<u8>, grace: u64) -> bool {
        let party = self.devices[&id].party;
        let (order, now) = (self.order + 1, self.now);
        let room = self.rooms.entry(topic).or_default();
        let member = room.member(party);
        if member.is_none() && self.limit.is_some_and(|limit| room.counts().0 >= limit) {
            return false;
        }
        let kept = room.state(party, now).filter(|_| member.is_none());
        let content = said.or(member.map(|member| member.content)).or(kept).unwrap_or(0);
        let before = room.stays.get(&id).map(|stay| stay.own).filter(|_| member.is_some());
        let own = said.or(before).or(kept).unwrap_or(0);
        room.states.remove(&party);
        if let Some(stay) = room.stays.get_mut(&id)
            && stay.is_attached
            && stay.is_current
            && [Some(stay.content), member.map(|member| member.content)] == [Some(content); 2]
        {
            stay.grace = grace;
            return true;
        }
        self.order = order;
        self.change(topic, None, |room| {
            let entered = room.stays.get(&id).map_or(order, |stay| stay.entered);
            let (is_attached, is_current) = (true, true);
            let stay = Stay { party, content, own, is_attached, is_current, entered, spoke: order, grace };
            room.stays.insert(id, stay);
        });
        true
    }

    pub(crate) fn leave(&mut self, id: u128, topic: u8, cause: Cause) {
        let Some(heard) = self.devices.get(&id).map(|device| device.heard) else { return };
        self.go(id, topic, (cause, heard, None));
    }

    fn go(&mut self, id: u128, topic: u8, going: Going) {
        self.change(topic, Some(going), |room| {
            room.stays.remove(&id);
        });
        self.forget_if_alone(id);
    }

    pub(crate) fn end(&mut self, id: u128, cause: Cause) {
        for topic in self.topics_of(id) {
            self.leave(id, topic, cause);
        }
        self.devices.remove(&id);
    }

    /// Removes a party, one session after the other, in the order in which they came.
    pub(crate) fn remove(&mut self, party: u8, topic: u8, cause: Cause, by: Option<u8>) {
        let Some(room) = self.rooms.get(&topic) else { return };
        let mut stays: Vec<_> = room.stays.iter().filter(|(_, stay)| stay.party == party).collect();
        stays.sort_by_key(|(_, stay)| stay.entered);
        for id in stays.into_iter().map(|(id, _)| *id).collect::<Vec<_>>() {
            let heard = self.devices[&id].heard;
            self.go(id, topic, (cause, heard, by));
        }
    }

    pub(crate) fn publish(&mut self, topic: u8, text: u8) {
        self.tell(topic, Kind::Said(text));
    }

    pub(crate) fn watch(&mut self, topic: u8, watchers: u32) {
        self.change(topic, None, |room| room.watchers = watchers);
    }

    pub(crate) fn set_state(&mut self, party: u8, topic: u8, content: Option<u8>, until: u64) {
        let now = self.now;
        let room = self.rooms.entry(topic).or_default();
        if room.member(party).is_some() {
            return;
        }
        let before = room.state(party, now);
        match content {
            Some(content) => room.states.insert(party, (content, until)),
            None => room.states.remove(&party),
        };
        if before != content {
            self.tell(topic, Kind::State(party, content));
        }
    }

    pub(crate) fn set_by_hand(&mut self, party: u8, by_hand: Option<(Status, Option<u64>)>) {
        match by_hand {
            Some(by_hand) => self.by_hand.insert(party, by_hand),
            None => self.by_hand.remove(&party),
        };
    }

    /// Whose patience has ended by now, in the order of their instants: session, topic, cause, last heard.
    pub(crate) fn due(&self) -> Vec<(u128, Option<u8>, Cause, u64)> {
        let mut due = BTreeSet::new();
        for (id, device) in &self.devices {
            due.extend(device.timeout.map(|timeout| (device.heard + timeout, *id, None)));
            if !device.is_attached {
                let stays = self.rooms.iter().filter_map(|(topic, room)| Some((topic, room.stays.get(id)?)));
                due.extend(stays.map(|(topic, stay)| (device.detached + stay.grace, *id, Some(*topic))));
            }
        }
        let due = due.into_iter().filter(|(at, ..)| *at <= self.now);
        due.map(|(_, id, topic)| {
            let cause = if topic.is_some() { Cause::Closed } else { Cause::TimedOut };
            (id, topic, cause, self.devices[&id].heard)
        })
        .collect()
    }

    /// One patience has ended.
    pub(crate) fn expire(&mut self, id: u128, topic: Option<u8>, cause: Cause) {
        match topic {
            Some(topic) if self.topics_of(id).contains(&topic) => self.leave(id, topic, cause),
            Some(_) => {}
            None => self.end(id, cause),
        }
    }
}
