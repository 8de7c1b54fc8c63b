//! The hub and the model side by side: every step is told the same, and leaves the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use presence_hub::core::{
    Cause, Change, ChangeKind, Command, Edge, Facts, Limits, MemberView, Occupancy, Override, Refusal, Rev,
    Status, TopicName,
};
use proptest::prelude::*;

use super::catch_up::assert_history;
use super::hub::{
    Hub, Outcome, content, message, millis_of, number_of, party, party_id, session, topic, wall,
};
use super::model::{Kind, Member, Model, Told};
use super::net::assert_net;
use super::steps::{DEVICES, PARTIES, Step, TOPICS, step};
use super::view::{Reading, View};

const RETENTION: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) hub: Hub,
    model: Model,
    /// The session of each device, as long as it has one.
    sessions: [u128; DEVICES as usize],
    minted: u128,
    /// Whether an engine forgets a topic's numbering as soon as the roster forgets the topic.
    is_renumbering: bool,
}

fn counts(occupancy: Occupancy) -> (u32, u32, u32) {
    (occupancy.parties, occupancy.sessions, occupancy.watchers)
}

fn member(view: &MemberView) -> Member {
    let content = u8::try_from(view.content.fingerprint.0).unwrap();
    let Facts { in_media, idle } = view.content.facts;
    let party = number_of(view.party.id.as_str());
    Member { party, content, facts: (in_media, idle), attached: view.attached }
}

/// A change in the model's words.
fn told(change: &Change) -> Told {
    let kind = match &change.kind {
        ChangeKind::Joined(view) => Kind::Joined(member(view)),
        ChangeKind::Updated(view) => Kind::Updated(member(view)),
        ChangeKind::Sessions(view) => Kind::Sessions(member(view)),
        ChangeKind::Left { member: view, cause, last_heard, by } => {
            let by = by.as_ref().map(|by| number_of(by.id.as_str()));
            Kind::Left(member(view), *cause, millis_of(*last_heard), by)
        }
        ChangeKind::Message(said) => Kind::Said(std::str::from_utf8(&said.body).unwrap().parse().unwrap()),
        ChangeKind::State(of, state) => {
            let state = state.as_ref().map(|state| u8::try_from(state.fingerprint.0).unwrap());
            Kind::State(number_of(of.id.as_str()), state)
        }
        ChangeKind::Counts => Kind::Counts,
    };
    Told { topic: number_of(change.topic.as_str()), kind, counts: counts(change.occupancy) }
}

impl World {
    pub(crate) fn new(limit: Option<u8>, is_renumbering: bool) -> Self {
        let limits = Limits {
            history: 8,
            history_bytes: 120,
            retention: RETENTION,
            members: limit.map(usize::from),
            absent_states: None,
            buffer: None,
        };
        Self {
            hub: Hub::new(limits),
            model: Model::new(limit.map(u32::from)),
            sessions: [0; DEVICES as usize],
            minted: 0,
            is_renumbering,
        }
    }

    fn id(&self, device: u8) -> u128 {
        self.sessions[usize::from(device)]
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Connect { device, timeout } => self.connect(device, timeout),
            Step::Enter { device, topic, said, grace } => self.enter(device, topic, said, grace),
            Step::Pass { millis } => self.pass(millis),
            Step::Sweep => {
                self.hub.roster.sweep(self.hub.now().wall);
                if self.is_renumbering {
                    self.hub.renumber();
                }
            }
            Step::Leave { .. } | Step::Detach { .. } | Step::Heard { .. } | Step::End { .. } => {
                self.quieten(step)
            }
            _ => self.surround(step),
        }
        self.assert_agreement();
    }

    fn connect(&mut self, device: u8, timeout: Option<u64>) {
        if !self.model.is_known(self.id(device)) {
            self.minted += 1;
            self.sessions[usize::from(device)] = self.minted;
        }
        let (id, of) = (self.id(device), device % PARTIES);
        self.model.open(id, of, timeout);
        let changes = self.hub.open(id, of, timeout);
        self.assert_told(&changes);
    }

    fn enter(&mut self, device: u8, to: u8, said: Option<(u8, u8)>, grace: u64) {
        if !self.model.is_attached(self.id(device)) {
            self.connect(device, None);
        }
        let id = self.id(device);
        self.model.heard(id);
        self.hub.leases.heard(session(id), self.hub.now());
        let is_taken = self.model.enter(id, to, said.map(|(number, _)| number), grace);
        match self.hub.enter(id, to, said.map(|(number, spelling)| content(number, spelling)), grace) {
            Outcome::Done(changes) => self.assert_told(&changes),
            Outcome::Refused(refusal) => {
                assert_eq!(refusal, Refusal::TopicFull);
                assert!(!is_taken, "there was a place");
            }
        }
        assert!(is_taken || !self.hub.leases.get(session(id)).unwrap().is_member(&topic(to)));
    }

    fn quieten(&mut self, step: Step) {
        let changes = match step {
            Step::Leave { device, topic } => {
                let id = self.id(device);
                self.model.heard(id);
                self.hub.leases.heard(session(id), self.hub.now());
                self.model.leave(id, topic, Cause::Left);
                self.hub.leave(id, topic)
            }
            Step::Detach { device } => {
                self.model.detach(self.id(device));
                self.hub.detach(self.id(device))
            }
            Step::Heard { device } => {
                self.model.heard(self.id(device));
                self.hub.leases.heard(session(self.id(device)), self.hub.now());
                Vec::new()
            }
            Step::End { device } => {
                self.model.end(self.id(device), Cause::Left);
                self.hub.submit(&Command::End(session(self.id(device)), Cause::Left)).changes()
            }
            _ => unreachable!("not a step of one device"),
        };
        self.assert_told(&changes);
    }

    fn surround(&mut self, step: Step) {
        let command = match step {
            Step::Remove { party: who, topic: from, by, is_ban } => {
                let cause = if is_ban { Cause::Banned } else { Cause::Kicked };
                self.model.remove(who, from, cause, by);
                Command::Remove { party: party_id(who), topic: topic(from), cause, by: by.map(party) }
            }
            Step::Publish { topic: to, party: from, text, is_kept } => {
                self.model.publish(to, text);
                Command::Publish(topic(to), message(from, text, is_kept))
            }
            Step::Watch { topic: of, watchers } => {
                self.model.watch(of, watchers);
                Command::Watchers(topic(of), watchers)
            }
            Step::SetState { party: who, topic: at, content: state, lasts } => {
                self.model.set_state(who, at, state, self.model.now + lasts);
                let (content, lasts) = (state.map(|state| content(state, 0)), Duration::from_millis(lasts));
                Command::SetState { party: party(who), topic: topic(at), content, lasts }
            }
            Step::SetByHand { party: who, by_hand } => {
                let until = |lasts: Option<u64>| lasts.map(|lasts| self.model.now + lasts);
                let by_hand = by_hand.map(|(status, lasts)| (status, until(lasts)));
                self.model.set_by_hand(who, by_hand);
                let by_hand = by_hand.map(|(status, until)| Override { status, until: until.map(wall) });
                Command::SetOverride(party_id(who), by_hand)
            }
            _ => unreachable!("not a step of the surroundings"),
        };
        let changes = self.hub.submit(&command).changes();
        self.assert_told(&changes);
    }

    fn pass(&mut self, millis: u64) {
        self.model.now += millis;
        let due = self.hub.advance(millis);
        let of = |name: &TopicName| number_of(name.as_str());
        let said: Vec<_> = due
            .iter()
            .map(|due| {
                (due.session.0.as_u128(), due.topic.as_ref().map(of), due.cause, millis_of(due.last_heard))
            })
            .collect();
        assert_eq!(said, self.model.due(), "whose patience has ended");
        for (expiry, (id, at, cause, _)) in due.iter().zip(said) {
            self.model.expire(id, at, cause);
            let changes = self.hub.expire(expiry);
            self.assert_told(&changes);
        }
        assert!(self.hub.leases.next_deadline().is_none_or(|next| next > self.hub.now().mono));
    }

    /// The hub told what the model says it must: nothing more, nothing less, in the order of each topic.
    fn assert_told(&mut self, changes: &[Arc<Change>]) {
        let mut heard: Vec<Told> = changes.iter().map(|change| told(change)).collect();
        let mut expected = self.model.told();
        heard.sort_by_key(|told| told.topic);
        expected.sort_by_key(|told| told.topic);
        assert_eq!(heard, expected, "what was told, and what had to be");
    }

    /// The hub is what the model is.
    fn assert_agreement(&self) {
        for number in 0..TOPICS {
            let name = topic(number);
            let snapshot = self.hub.roster.snapshot(&name);
            let members: Vec<_> = snapshot.members.iter().map(member).collect();
            assert_eq!(members, self.model.members(number), "topic {number}");
            assert_eq!(counts(snapshot.occupancy), self.model.counts(number), "topic {number}");
            for of in 0..PARTIES {
                let known = self.hub.roster.topic(&name);
                let state = known.and_then(|known| known.absent_state(&party_id(of), self.hub.now().wall));
                let state = state.map(|state| u8::try_from(state.fingerprint.0).unwrap());
                assert_eq!(state, self.model.state(number, of), "the state of absent party {of} in {number}");
            }
            assert_history(&self.hub, &name);
        }
        for of in 0..PARTIES {
            let status = self.hub.roster.status(&party_id(of), self.hub.now().wall);
            assert_eq!(status, self.model.status(of), "party {of}");
            let id = party_id(of);
            let topics = self.hub.roster.whereabouts(&id);
            let topics: Vec<u8> = topics.map(|name| number_of(name.as_str())).collect();
            assert_eq!(topics, self.model.whereabouts(of), "party {of}");
        }
        assert_eq!(self.hub.leases.len(), self.model.device_count());
    }

    /// Everybody goes, watchers too, states and overrides end, retention passes: nothing is left.
    pub(crate) fn clear(&mut self) {
        for device in 0..DEVICES {
            self.take(Step::End { device });
        }
        for topic in 0..TOPICS {
            self.take(Step::Watch { topic, watchers: 0 });
        }
        for party in 0..PARTIES {
            let by_hand = Some((Status::Vacation, Some(1_000)));
            self.take(Step::SetByHand { party, by_hand });
        }
        self.take(Step::Pass { millis: 60_000 });
        self.take(Step::Sweep);
        assert!(self.hub.roster.is_empty(), "{:?}", self.hub.roster);
        assert!(self.hub.leases.is_empty(), "{:?}", self.hub.leases);
    }
}

/// Every viewer, whenever it came, ends up with what the roster says, at every rev.
fn assert_views(hub: &Hub, moments: &[prop::sample::Index]) {
    for log in hub.log.values() {
        let mut view: Option<View> = None;
        for folded in log {
            let view = view.get_or_insert_with(|| {
                let snapshot = presence_hub::core::Snapshot::empty(folded.snapshot.topic.clone());
                View::of(&snapshot, Reading::All)
            });
            if let Some(change) = &folded.change {
                assert_eq!(change.stamp, folded.stamp);
                view.apply(change);
            }
            view.assert_is(&folded.snapshot);
            assert_eq!(folded.snapshot.stamp, folded.stamp);
        }
        for moment in moments {
            let from = moment.index(log.len());
            let mut view = View::of(&log[from].snapshot, Reading::All);
            log[from + 1..]
                .iter()
                .filter_map(|folded| folded.change.as_ref())
                .for_each(|change| view.apply(change));
            view.assert_is(&log.last().unwrap().snapshot);
        }
    }
}

/// Joins and leaves of each party alternate, and so do the edges of each topic; revs and timetokens rise.
fn assert_alternation(hub: &Hub) {
    for log in hub.log.values() {
        let mut present = BTreeSet::new();
        let mut is_occupied = false;
        for change in log.iter().filter_map(|folded| folded.change.as_ref()) {
            match &change.kind {
                ChangeKind::Joined(view) => assert!(present.insert(view.party.id.clone()), "{change:?}"),
                ChangeKind::Left { member, .. } => assert!(present.remove(&member.party.id), "{change:?}"),
                _ => {}
            }
            if let Some(edge) = change.edge {
                assert_eq!(edge == Edge::Occupied, !is_occupied, "{change:?}");
                is_occupied = !is_occupied;
            }
        }
        for pair in log.windows(2) {
            let (one, two) = (pair[0].stamp, pair[1].stamp);
            assert!(one.timetoken < two.timetoken);
            let is_next = one.epoch == two.epoch && two.rev == Rev(one.rev.0 + 1);
            assert!(is_next || two.epoch > one.epoch && two.rev == Rev(1));
        }
    }
}

fn live(steps: &[Step], limit: Option<u8>, is_renumbering: bool, moments: &[prop::sample::Index]) {
    let mut world = World::new(limit, is_renumbering);
    for step in steps {
        world.take(*step);
    }
    assert_views(&world.hub, moments);
    assert_net(&world.hub, moments);
    world.clear();
    assert_views(&world.hub, &[]);
    assert_alternation(&world.hub);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_hub_is_what_the_model_is(
        steps in prop::collection::vec(step(), 100..300),
        limit in prop::option::weighted(0.3, 1_u8..4),
        is_renumbering: bool,
        moments in prop::collection::vec(any::<prop::sample::Index>(), 100),
    ) {
        live(&steps, limit, is_renumbering, &moments);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(1) })]

    #[test]
    fn ten_thousand_steps_leave_no_difference(
        steps in prop::collection::vec(step(), 10_000),
        moments in prop::collection::vec(any::<prop::sample::Index>(), 100),
    ) {
        live(&steps, None, true, &moments);
    }
}
