//! One topic: its memberships, the members they merge into, its counts, its digest and its history.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::change::{Cause, ChangeKind, MemberView, Occupancy};
use super::content::{Content, Facts, Fingerprint};
use super::history::History;
use super::ids::{NodeId, PartyId, Rev, SessionId, Timetoken, TopicName};
use super::party::Party;
use super::record::{Entry, Stamp};
use super::snapshot::{Retained, Snapshot};
use super::time::Wall;

/// One session in one topic.
#[derive(Debug, Clone)]
pub struct Membership {
    /// What the session entered with; its content is the one it said last.
    pub entry: Arc<Entry>,
    /// Whether the session has a connection.
    pub is_attached: bool,
    /// The record with which it spoke last.
    spoke: Rev,
}

/// One party in one topic.
#[derive(Debug)]
pub struct Member {
    /// The party, as its newest session described it.
    pub party: Arc<Party>,
    /// Its sessions, in the order in which they entered.
    pub sessions: Vec<SessionId>,
    /// The session that spoke last.
    pub speaker: SessionId,
    /// When it joined.
    pub joined: Timetoken,
    attached: u32,
}

impl Member {
    /// How many of its sessions have a connection.
    #[must_use]
    pub fn attached(&self) -> u32 {
        self.attached
    }
}

/// The state of a party that is not a member.
#[derive(Debug, Clone)]
pub(super) struct Absent {
    pub(super) content: Content,
    pub(super) until: Wall,
}

/// One topic.
#[derive(Debug)]
pub struct Topic {
    pub(super) name: TopicName,
    pub(super) stamp: Stamp,
    memberships: HashMap<SessionId, Membership>,
    members: BTreeMap<PartyId, Member>,
    watchers: HashMap<NodeId, u32>,
    pub(super) absent: HashMap<PartyId, Absent>,
    pub(super) history: History,
    pub(super) retained: Option<Retained>,
    digest: u64,
}

impl Topic {
    pub(super) fn new(name: TopicName) -> Self {
        Self {
            name,
            stamp: Stamp::default(),
            memberships: HashMap::new(),
            members: BTreeMap::new(),
            watchers: HashMap::new(),
            absent: HashMap::new(),
            history: History::default(),
            retained: None,
            digest: 0,
        }
    }

    /// The stamp of the newest record.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The newest changes.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A session's membership.
    #[must_use]
    pub fn membership(&self, session: SessionId) -> Option<&Membership> {
        self.memberships.get(&session)
    }

    /// Every session that is in the topic.
    pub fn memberships(&self) -> impl Iterator<Item = (SessionId, &Membership)> {
        self.memberships.iter().map(|(session, membership)| (*session, membership))
    }

    /// Everybody who is in the topic, in the order of their ids.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// A party's membership, merged.
    #[must_use]
    pub fn member(&self, party: &PartyId) -> Option<&Member> {
        self.members.get(party)
    }

    /// A member as viewers see it.
    #[must_use]
    pub fn view(&self, party: &PartyId) -> Option<MemberView> {
        self.members.get(party).map(|member| self.view_of(member))
    }

    /// The content of a party that is not a member, if it is still kept at `now`.
    #[must_use]
    pub fn absent_state(&self, party: &PartyId, now: Wall) -> Option<&Content> {
        self.absent.get(party).filter(|state| now < state.until).map(|state| &state.content)
    }

    /// The counts.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        Occupancy {
            parties: count(self.members.len()),
            sessions: count(self.memberships.len()),
            watchers: self.watchers.values().fold(0, |sum, watchers| sum.saturating_add(*watchers)),
        }
    }

    /// How many sessions of a node watch the topic, as far as it has said.
    #[must_use]
    pub fn watchers_of(&self, node: NodeId) -> u32 {
        self.watchers.get(&node).copied().unwrap_or(0)
    }

    /// Equal for equal rosters, whatever the order in which they came to be.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The roster at the newest record.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            topic: self.name.clone(),
            stamp: self.stamp,
            members: self.members.values().map(|member| self.view_of(member)).collect(),
            occupancy: self.occupancy(),
            digest: self.digest,
            retained: self.retained.clone(),
        }
    }

    /// What was said last to be given to those who come later, if it has not ended at `now`.
    #[must_use]
    pub fn retained(&self, now: Wall) -> Option<&Retained> {
        self.retained.as_ref().filter(|retained| now < retained.until)
    }

    /// Whether something is kept here for which the topic must stay, though nobody is in it.
    pub(super) fn keeps_something(&self) -> bool {
        !self.absent.is_empty() || self.retained.is_some() || !self.history.said.is_empty()
    }

    /// Whether nobody is in it and nobody watches it.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.memberships.is_empty() && self.watchers.is_empty()
    }

    fn view_of(&self, member: &Member) -> MemberView {
        MemberView {
            party: Arc::clone(&member.party),
            session: member.speaker,
            content: self.content_of(member.speaker).taken_over(self.facts_of(member)),
            attached: member.attached,
            joined: member.joined,
        }
    }

    /// What a member does over all its sessions here: in a media session if one is, idle if all are.
    fn facts_of(&self, member: &Member) -> Facts {
        let known = member.sessions.iter().filter_map(|session| self.memberships.get(session));
        known.map(|known| known.entry.content.facts).fold(Facts { in_media: false, idle: true }, Facts::and)
    }

    fn content_of(&self, session: SessionId) -> Content {
        self.memberships.get(&session).map(|membership| membership.entry.content.clone()).unwrap_or_default()
    }

    /// Counts a member out of, or into, the digest: taken away before a mutation, added after it.
    fn digest_of(&self, party: &PartyId) -> u64 {
        self.members.get(party).map_or(0, |member| mix(party, self.content_of(member.speaker).fingerprint))
    }

    pub(super) fn enter(
        &mut self,
        stamp: Stamp,
        session: SessionId,
        entry: &Arc<Entry>,
    ) -> Option<ChangeKind> {
        if let Some(known) = self.memberships.get(&session) {
            if known.entry.party.id != entry.party.id || known.entry.generation > entry.generation {
                return None;
            }
            let was_attached = std::mem::replace(&mut self.membership_mut(session)?.is_attached, true);
            let id = entry.party.id.clone();
            if !was_attached {
                self.members.get_mut(&id)?.attached += 1;
            }
            return self.say(stamp, session, entry).or_else(|| self.sessions_changed(&id, !was_attached));
        }
        let id = entry.party.id.clone();
        let before = self.digest_of(&id);
        let membership = Membership { entry: Arc::clone(entry), is_attached: true, spoke: stamp.rev };
        self.memberships.insert(session, membership);
        let Some(member) = self.members.get_mut(&id) else {
            return self.join(stamp, session, &entry.party);
        };
        let speaker = std::mem::replace(&mut member.speaker, session);
        member.sessions.push(session);
        member.attached += 1;
        let is_same_party = member.party == entry.party;
        member.party = Arc::clone(&entry.party);
        let is_same = is_same_party && self.content_of(speaker) == entry.content;
        self.digest = self.digest.wrapping_sub(before).wrapping_add(self.digest_of(&id));
        let view = self.view(&id)?;
        Some(if is_same { ChangeKind::Sessions(view) } else { ChangeKind::Updated(view) })
    }

    fn join(&mut self, stamp: Stamp, session: SessionId, party: &Arc<Party>) -> Option<ChangeKind> {
        let member = Member {
            party: Arc::clone(party),
            sessions: vec![session],
            speaker: session,
            joined: stamp.timetoken,
            attached: 1,
        };
        self.members.insert(party.id.clone(), member);
        self.digest = self.digest.wrapping_add(self.digest_of(&party.id));
        self.view(&party.id).map(ChangeKind::Joined)
    }

    /// Makes the memberships what `rows` say, in whose order the sessions spoke, and says how each member differs.
    pub(super) fn replace(
        &mut self,
        stamp: Stamp,
        rows: &[(SessionId, Arc<Entry>)],
        last_heard: Wall,
    ) -> Vec<ChangeKind> {
        let before = self.snapshot();
        let joined: HashMap<PartyId, Timetoken> =
            std::mem::take(&mut self.members).into_iter().map(|(id, member)| (id, member.joined)).collect();
        self.memberships.clear();
        self.digest = 0;
        for (session, entry) in rows {
            self.enter(stamp, *session, entry);
        }
        for (id, member) in &mut self.members {
            member.joined = joined.get(id).copied().unwrap_or(member.joined);
        }
        let gone = before.members.iter().filter(|was| !self.members.contains_key(&was.party.id));
        let left = gone.map(|was| {
            let member = MemberView { attached: 0, ..was.clone() };
            ChangeKind::Left { member, cause: Cause::NodeLost, last_heard, by: None }
        });
        let known: HashMap<&PartyId, &MemberView> =
            before.members.iter().map(|was| (&was.party.id, was)).collect();
        let here = self.members.values().map(|member| self.view_of(member));
        let others = here.filter_map(|view| match known.get(&view.party.id) {
            None => Some(ChangeKind::Joined(view)),
            Some(was) if was.content != view.content || was.party != view.party => {
                Some(ChangeKind::Updated(view))
            }
            Some(was) if was.attached != view.attached => Some(ChangeKind::Sessions(view)),
            Some(_) => None,
        });
        let mut kinds: Vec<_> = left.chain(others).collect();
        if kinds.is_empty() && self.occupancy() != before.occupancy {
            kinds.push(ChangeKind::Counts);
        }
        kinds
    }

    pub(super) fn update(
        &mut self,
        stamp: Stamp,
        session: SessionId,
        content: &Content,
    ) -> Option<ChangeKind> {
        let known = &self.memberships.get(&session)?.entry;
        let entry = Arc::new(Entry { content: content.clone(), ..Entry::clone(known) });
        self.say(stamp, session, &entry)
    }

    /// The session speaks: from now on its content is its member's.
    fn say(&mut self, stamp: Stamp, session: SessionId, entry: &Arc<Entry>) -> Option<ChangeKind> {
        let id = entry.party.id.clone();
        let before = self.digest_of(&id);
        let speaker = self.members.get(&id)?.speaker;
        let shown = self.content_of(speaker);
        let is_same = shown == entry.content && self.members.get(&id)?.party == entry.party;
        let membership = self.membership_mut(session)?;
        membership.entry = Arc::clone(entry);
        membership.spoke = stamp.rev;
        let member = self.members.get_mut(&id)?;
        member.speaker = session;
        member.party = Arc::clone(&entry.party);
        self.digest = self.digest.wrapping_sub(before).wrapping_add(self.digest_of(&id));
        if is_same { None } else { self.view(&id).map(ChangeKind::Updated) }
    }

    pub(super) fn set_attached(&mut self, session: SessionId, is_attached: bool) -> Option<ChangeKind> {
        let membership = self.membership_mut(session)?;
        if std::mem::replace(&mut membership.is_attached, is_attached) == is_attached {
            return None;
        }
        let id = membership.entry.party.id.clone();
        let member = self.members.get_mut(&id)?;
        member.attached = if is_attached { member.attached + 1 } else { member.attached.saturating_sub(1) };
        self.sessions_changed(&id, true)
    }

    pub(super) fn leave(
        &mut self,
        session: SessionId,
        cause: Cause,
        last_heard: Wall,
        by: Option<&Arc<Party>>,
    ) -> Option<ChangeKind> {
        let id = self.memberships.get(&session)?.entry.party.id.clone();
        let before = self.digest_of(&id);
        let shown = self.view(&id)?;
        let gone = self.memberships.remove(&session)?;
        let member = self.members.get_mut(&id)?;
        member.sessions.retain(|other| *other != session);
        if gone.is_attached {
            member.attached = member.attached.saturating_sub(1);
        }
        if member.sessions.is_empty() {
            self.members.remove(&id);
            self.digest = self.digest.wrapping_sub(before);
            let member = MemberView { attached: 0, session, ..shown };
            return Some(ChangeKind::Left { member, cause, last_heard, by: by.cloned() });
        }
        if member.speaker == session {
            let memberships = &self.memberships;
            let spoke = |session: &SessionId| memberships.get(session).map(|other| other.spoke);
            member.speaker = member.sessions.iter().copied().max_by_key(spoke)?;
        }
        self.digest = self.digest.wrapping_sub(before).wrapping_add(self.digest_of(&id));
        let view = self.view(&id)?;
        if view.content != shown.content {
            return Some(ChangeKind::Updated(view));
        }
        let is_counted = view.attached != shown.attached;
        Some(if is_counted { ChangeKind::Sessions(view) } else { ChangeKind::Counts })
    }

    pub(super) fn set_watchers(&mut self, node: NodeId, watchers: u32) -> Option<ChangeKind> {
        let before = self.watchers.get(&node).copied().unwrap_or(0);
        if watchers == 0 {
            self.watchers.remove(&node);
        } else {
            self.watchers.insert(node, watchers);
        }
        (before != watchers).then_some(ChangeKind::Counts)
    }

    fn sessions_changed(&self, party: &PartyId, has_changed: bool) -> Option<ChangeKind> {
        if has_changed { self.view(party).map(ChangeKind::Sessions) } else { None }
    }

    fn membership_mut(&mut self, session: SessionId) -> Option<&mut Membership> {
        self.memberships.get_mut(&session)
    }
}

/// Counts are exact to four thousand million and saturate there.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A member's share of the digest: FNV-1a over its id, its fingerprint mixed in by the finaliser of splitmix64.
fn mix(party: &PartyId, fingerprint: Fingerprint) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let halves = fingerprint.0.to_le_bytes();
    for byte in party.as_str().bytes().chain([0x1f]).chain(halves) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
