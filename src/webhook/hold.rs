//! Holds leaves and vacancies back for a moment, so that a quick return is told to nobody.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::hook::{Hook, What};
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
}

impl Holding {
    pub(super) fn new(span: Duration) -> Self {
        Self { span, held: BTreeMap::new(), topics: HashMap::new(), next: 0 }
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

    /// What has been held for long enough, in order.
    pub(super) fn release(&mut self, now: Mono) -> Vec<Hook> {
        let mut released = Vec::new();
        while self.held.first_key_value().is_some_and(|((due, _), _)| *due <= now) {
            let Some((place, hook)) = self.held.pop_first() else { break };
            self.forget(&hook, place);
            released.push(hook);
        }
        released
    }

    /// Everything that is held, in order: there is no time left to wait.
    pub(super) fn release_all(&mut self) -> Vec<Hook> {
        self.topics.clear();
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// When the next is due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.held.first_key_value().map(|((due, _), _)| *due)
    }

    fn hold(&mut self, now: Now, hook: Hook) -> Option<Hook> {
        let mut due = now.mono + self.rest(now.wall, &hook);
        let lefts = self.topics.get(&hook.topic).map(|held| &held.lefts);
        let last = lefts.and_then(|lefts| lefts.values().max()).filter(|_| hook.what == What::Vacated);
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
        self.held.remove(&place)
    }

    fn forget(&mut self, hook: &Hook, place: Place) {
        let Some(held) = self.topics.get_mut(&hook.topic) else { return };
        held.vacated = held.vacated.filter(|vacated| *vacated != place);
        held.lefts.retain(|_, left| *left != place);
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
        let mut holding = Holding::new(Duration::from_millis(SPAN));
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
        told
    }

    #[test]
    fn a_vacancy_does_not_overtake_a_leave_that_is_overdue() {
        let mut holding = Holding::new(Duration::from_millis(SPAN));
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
