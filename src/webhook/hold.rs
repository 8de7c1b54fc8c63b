//! Holds leaves and vacancies back for a moment, so that a quick return is told to nobody.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::hook::{Hook, What};
use super::queue::Bounds;
use crate::core::{Cause, ChangeKind, Content, Mono, Now, Party, PartyId, TopicName, Wall};

/// The place of what is held: when it is due, and the order in which it came.
type Place = (Mono, u64);

/// What is held of one topic.
#[derive(Debug, Default)]
struct Held {
    lefts: HashMap<PartyId, Place>,
    vacated: Option<Place>,
}

/// Holds for at most a span, counted from the last sign of life: a grace that has passed already counts. Of one party, and of one
/// topic's being occupied or not, everything stays in order, and a vacancy never comes before a leave of its topic; but others do not
/// wait for what is held.
#[derive(Debug)]
pub(super) struct Holding {
    span: Duration,
    held: BTreeMap<Place, Hook>,
    topics: HashMap<TopicName, Held>,
    next: u64,
    bounds: Bounds,
    bytes: usize,
}

impl Holding {
    /// Holds so much at once; what there is no room for is released before its time.
    pub(super) fn new(span: Duration, bounds: Bounds) -> Self {
        Self { span, held: BTreeMap::new(), topics: HashMap::new(), next: 0, bounds, bytes: 0 }
    }

    /// Takes a hook, and gives what is to be told at once: usually itself, but nothing while it is held or where it undoes what is.
    pub(super) fn take(&mut self, now: Now, hook: Hook) -> Option<Hook> {
        match hook.what {
            What::Left | What::Vacated => self.hold(now, hook),
            What::Joined => self.back(hook),
            What::Occupied => match self.topics.get_mut(&hook.topic).and_then(|held| held.vacated.take()) {
                Some(place) => {
                    self.undo(&hook.topic, place);
                    None
                }
                None => Some(hook),
            },
            What::Started | What::Updated | What::Counts | What::ClientEvent | What::CacheMiss => Some(hook),
        }
    }

    /// What has been held for long enough, or is too much, in order.
    pub(super) fn release(&mut self, now: Mono) -> Vec<Hook> {
        let mut released = Vec::new();
        while self.is_over() || self.held.first_key_value().is_some_and(|((due, _), _)| *due <= now) {
            let Some((place, hook)) = self.held.pop_first() else { break };
            self.bytes -= hook.size();
            self.forget(&hook, place);
            released.push(hook);
        }
        released
    }

    fn is_over(&self) -> bool {
        self.held.len() > self.bounds.hooks || self.bytes > self.bounds.bytes
    }

    /// Everything that is held, in order: there is no time left to wait.
    pub(super) fn release_all(&mut self) -> Vec<Hook> {
        self.topics.clear();
        self.bytes = 0;
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// When the next is due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.held.first_key_value().map(|((due, _), _)| *due)
    }

    fn hold(&mut self, now: Now, hook: Hook) -> Option<Hook> {
        let mut due = now.mono + self.rest(now.wall, &hook);
        let lefts = self.topics.get(&hook.topic).map(|held| &held.lefts);
        let lefts = lefts.filter(|_| hook.what == What::Vacated);
        let last = lefts.and_then(|lefts| lefts.values().max());
        // A vacancy comes after every leave, those too that are due by now and still here.
        if let Some((last, _)) = last {
            due = due.max(*last);
        } else if due <= now.mono {
            return Some(hook);
        }
        let place = (due, self.next);
        self.next += 1;
        let held = self.topics.entry(hook.topic.clone()).or_default();
        match who(&hook) {
            Some((party, _)) if hook.what == What::Left => {
                held.lefts.insert(party.id.clone(), place);
            }
            _ => held.vacated = Some(place),
        }
        self.bytes += hook.size();
        self.held.insert(place, hook);
        None
    }

    /// How long after now it is held.
    fn rest(&self, now: Wall, hook: &Hook) -> Duration {
        let last_heard = match hook.change().map(|change| &change.kind) {
            // Whoever leaves by itself or is put out was heard of just now.
            Some(ChangeKind::Left { cause: Cause::Closed | Cause::TimedOut, last_heard, .. }) => *last_heard,
            _ => now,
        };
        let silent = Duration::from_millis(now.millis().saturating_sub(last_heard.millis()));
        self.span.saturating_sub(silent)
    }

    /// A party that is back within the time was never gone, though what it says may be new.
    fn back(&mut self, hook: Hook) -> Option<Hook> {
        let Some((party, content)) = who(&hook) else { return Some(hook) };
        let held = self.topics.get_mut(&hook.topic).and_then(|held| held.lefts.remove(&party.id));
        let Some(place) = held else { return Some(hook) };
        let left = self.undo(&hook.topic, place);
        let was = left.as_ref().and_then(who);
        let is_same = was.is_some_and(|(was, said)| was == party && said == content);
        (!is_same).then(|| Hook { what: What::Updated, ..hook.clone() })
    }

    /// Takes out what was held at a place, whose entry in its topic is gone already.
    fn undo(&mut self, topic: &TopicName, place: Place) -> Option<Hook> {
        if self.topics.get(topic).is_some_and(|held| held.lefts.is_empty() && held.vacated.is_none()) {
            self.topics.remove(topic);
        }
        let hook = self.held.remove(&place)?;
        self.bytes -= hook.size();
        Some(hook)
    }

    fn forget(&mut self, hook: &Hook, place: Place) {
        let Some(held) = self.topics.get_mut(&hook.topic) else { return };
        held.vacated = held.vacated.filter(|vacated| *vacated != place);
        if let Some((party, _)) = who(hook)
            && held.lefts.get(&party.id) == Some(&place)
        {
            held.lefts.remove(&party.id);
        }
        if held.lefts.is_empty() && held.vacated.is_none() {
            self.topics.remove(&hook.topic);
        }
    }
}

/// The party that a join or a leave is about, and what it says.
fn who(hook: &Hook) -> Option<(&Party, &Content)> {
    match &hook.change()?.kind {
        ChangeKind::Joined(member) | ChangeKind::Updated(member) | ChangeKind::Left { member, .. } => {
            Some((&member.party, &member.content))
        }
        ChangeKind::Sessions(_) | ChangeKind::Message(_) | ChangeKind::State(..) | ChangeKind::Counts => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::hook::Matter;
    use super::*;
    use crate::core::{Change, Edge, Fingerprint, MemberView, Occupancy, SessionId, Stamp, Timetoken};

    const SPAN: u64 = 30;

    const MANY: Bounds = Bounds { hooks: 1_000, bytes: 1 << 20 };

    fn hook(what: What, party: &str, content: u128) -> Hook {
        let member = MemberView {
            party: Arc::new(Party::new(PartyId::new(party).unwrap())),
            session: SessionId(Uuid::nil()),
            content: Content { fingerprint: Fingerprint(content), ..Content::default() },
            attached: 1,
            joined: Timetoken(1),
        };
        let kind = match what {
            What::Left => ChangeKind::Left { member, cause: Cause::Left, last_heard: Wall(0), by: None },
            _ => ChangeKind::Joined(member),
        };
        let topic = TopicName::new("lobby").unwrap();
        let edge: Option<Edge> = None;
        let change = Change {
            topic: topic.clone(),
            stamp: Stamp::default(),
            kind,
            occupancy: Occupancy::default(),
            edge,
        };
        Hook { what, topic, matter: Matter::Change(Arc::new(change)) }
    }

    fn line(hook: &Hook) -> String {
        let party = hook.change().and_then(|change| change.party().cloned()).unwrap();
        format!("{:?} {party}", hook.what)
    }

    /// A party comes or goes, so long after what was before.
    #[derive(Debug, Clone)]
    struct Step {
        wait: u64,
        party: usize,
        content: u128,
    }

    /// What happens in a topic where parties come and go: its moment, what it is, the party and what it says.
    fn story(steps: &[Step]) -> Vec<(u64, What, String, u128)> {
        let (mut now, mut here) = (0, std::collections::BTreeMap::new());
        let mut story = Vec::new();
        for step in steps {
            now += step.wait;
            let party = format!("p{}", step.party);
            if let Some(content) = here.remove(&step.party) {
                story.push((now, What::Left, party.clone(), content));
                if here.is_empty() {
                    story.push((now, What::Vacated, "topic".to_owned(), 0));
                }
            } else {
                if here.is_empty() {
                    story.push((now, What::Occupied, "topic".to_owned(), 0));
                }
                here.insert(step.party, step.content);
                story.push((now, What::Joined, party, step.content));
            }
        }
        story
    }

    /// By looking into the future: what is told, and when.
    fn model(story: &[(u64, What, String, u128)]) -> Vec<(u64, String)> {
        let is_undone_by = |what: What| if what == What::Left { What::Joined } else { What::Occupied };
        let undoing = |place: usize| {
            let (at, what, who, _) = &story[place];
            let later = story.iter().enumerate().skip(place + 1);
            let mut back =
                later.filter(|(_, (_, other, name, _))| *other == is_undone_by(*what) && name == who);
            back.next().filter(|(_, (when, ..))| *when < at + SPAN).map(|(back, _)| back)
        };
        let is_held = |what: What| matches!(what, What::Left | What::Vacated);
        let undone: std::collections::BTreeMap<usize, usize> = (0..story.len())
            .filter(|place| is_held(story[*place].1))
            .filter_map(|place| Some((undoing(place)?, place)))
            .collect();
        let cancelled: Vec<_> = undone.values().copied().collect();
        let mut told = Vec::new();
        for (place, (at, what, who, content)) in story.iter().enumerate() {
            let held = u8::from(!is_held(*what));
            let due = if is_held(*what) { at + SPAN } else { *at };
            let what = match undone.get(&place) {
                _ if cancelled.contains(&place) => continue,
                Some(left) if story[*left].3 != *content => What::Updated,
                Some(_) => continue,
                None => *what,
            };
            told.push((due, held, place, format!("{what:?} {who}")));
        }
        told.sort();
        told.into_iter().map(|(due, _, _, line)| (due, line)).collect()
    }

    fn held(story: &[(u64, What, String, u128)]) -> Vec<(u64, String)> {
        let mut holding = Holding::new(Duration::from_millis(SPAN), MANY);
        let mut told = Vec::new();
        let end = story.last().map_or(0, |(at, ..)| at + SPAN);
        for millis in 0..=end {
            let now = Now { mono: Mono(Duration::from_millis(millis)), wall: Wall(millis * 10_000) };
            told.extend(holding.release(now.mono).iter().map(|hook| (millis, line(hook))));
            for (_, what, who, content) in story.iter().filter(|(at, ..)| *at == millis) {
                let now_told = holding.take(now, hook(*what, who, *content));
                told.extend(now_told.iter().map(|hook| (millis, line(hook))));
            }
        }
        assert!(holding.held.is_empty() && holding.topics.is_empty(), "nothing stays behind");
        assert_eq!(holding.bytes, 0);
        told
    }

    #[test]
    fn a_vacancy_does_not_overtake_a_leave_that_is_overdue() {
        let mut holding = Holding::new(Duration::from_millis(SPAN), MANY);
        let at = |millis: u64| Now { mono: Mono(Duration::from_millis(millis)), wall: Wall(millis * 10_000) };
        assert_eq!(holding.take(at(0), hook(What::Left, "alice", 0)), None);
        let mut vacated = hook(What::Left, "bob", 0);
        if let Matter::Change(change) = &mut vacated.matter
            && let ChangeKind::Left { cause, .. } = &mut Arc::make_mut(change).kind
        {
            *cause = Cause::Closed;
        }
        vacated.what = What::Vacated;
        assert_eq!(holding.take(at(SPAN + 10), vacated), None);
        let released = holding.release(at(SPAN + 10).mono);
        assert_eq!(released.iter().map(line).collect::<Vec<_>>(), ["Left alice", "Vacated bob"]);
    }

    #[test]
    fn what_there_is_no_room_for_is_told_before_its_time() {
        let size = hook(What::Left, "p0", 0).size();
        let now = Now { mono: Mono::default(), wall: Wall(0) };
        for bounds in [Bounds { hooks: 2, bytes: 1 << 20 }, Bounds { hooks: 100, bytes: 2 * size }] {
            let mut holding = Holding::new(Duration::from_millis(SPAN), bounds);
            let mut released = Vec::new();
            for party in ["p0", "p1", "p2", "p3"] {
                assert_eq!(holding.take(now, hook(What::Left, party, 0)), None);
                released.extend(holding.release(now.mono).iter().map(line));
            }
            assert_eq!(released, ["Left p0", "Left p1"]);
            assert_eq!(holding.take(now, hook(What::Joined, "p3", 0)), None, "it was never gone");
            let joined = holding.take(now, hook(What::Joined, "p1", 0));
            assert_eq!(joined.iter().map(line).collect::<Vec<_>>(), ["Joined p1"], "that it left was told");
            assert_eq!((holding.held.len(), holding.bytes), (1, size));
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_one_who_sees_the_future(
            steps in prop::collection::vec(
                (0_u64..25, 0_usize..3, 0_u128..2).prop_map(|(wait, party, content)| Step { wait, party, content }),
                0..30,
            ),
        ) {
            let story = story(&steps);
            prop_assert_eq!(held(&story), model(&story));
        }
    }
}
