//! A viewer: starts from a snapshot, applies changes, and notices when one does not fit what it has.

use std::collections::BTreeMap;

use presence_hub::core::{
    Change, ChangeKind, Content, Edge, MemberView, Occupancy, Party, PartyId, Rev, Snapshot,
};

/// One member as the viewer has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) party: Party,
    pub(crate) content: Content,
    pub(crate) attached: u32,
}

impl From<&MemberView> for Seen {
    fn from(view: &MemberView) -> Self {
        Self { party: Party::clone(&view.party), content: view.content.clone(), attached: view.attached }
    }
}

/// How strictly a viewer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Every change, one by one: counts and edges are those of the folded set.
    All,
    /// Some were coalesced or not kept: only members and contents can be relied on.
    Net,
}

#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) members: BTreeMap<PartyId, Seen>,
    pub(crate) occupancy: Occupancy,
    pub(crate) rev: Rev,
    reading: Reading,
}

impl View {
    pub(crate) fn of(snapshot: &Snapshot, reading: Reading) -> Self {
        let members: BTreeMap<_, _> =
            snapshot.members.iter().map(|view| (view.party.id.clone(), Seen::from(view))).collect();
        assert_eq!(members.len(), snapshot.members.len(), "a party is listed twice");
        let is_sorted = snapshot.members.is_sorted_by_key(|view| view.party.id.clone());
        assert!(is_sorted, "members come in the order of their ids");
        Self { members, occupancy: snapshot.occupancy, rev: snapshot.stamp.rev, reading }
    }

    fn is_vacant(&self) -> bool {
        self.occupancy.sessions == 0 && self.occupancy.watchers == 0
    }

    /// Applies a change, and insists that it is one.
    pub(crate) fn apply(&mut self, change: &Change) {
        let was_vacant = self.is_vacant();
        let counts_before = self.occupancy;
        self.fold(&change.kind);
        self.occupancy = change.occupancy;
        self.rev = change.stamp.rev;
        if self.reading == Reading::Net {
            return;
        }
        let is_countable = change.occupancy.watchers < u32::MAX;
        if change.kind == ChangeKind::Counts && is_countable {
            assert_ne!(counts_before, change.occupancy, "counts that did not change: {change:?}");
        }
        let edge = match (was_vacant, self.is_vacant()) {
            (true, false) => Some(Edge::Occupied),
            (false, true) => Some(Edge::Vacated),
            _ => None,
        };
        assert_eq!(change.edge, edge, "{change:?}");
        assert_eq!(change.occupancy.parties as usize, self.members.len(), "{change:?}");
        let attached: u32 = self.members.values().map(|seen| seen.attached).sum();
        assert!(attached <= change.occupancy.sessions, "{change:?}");
    }

    fn fold(&mut self, kind: &ChangeKind) {
        match kind {
            ChangeKind::Joined(view) => {
                assert!(
                    view.attached > 0 || self.reading == Reading::Net,
                    "joined without a connection: {kind:?}"
                );
                let before = self.members.insert(view.party.id.clone(), Seen::from(view));
                assert_eq!(before, None, "joined twice: {kind:?}");
            }
            ChangeKind::Updated(view) => {
                let before = self.members.insert(view.party.id.clone(), Seen::from(view));
                let before = before.unwrap_or_else(|| panic!("updated without having joined: {kind:?}"));
                if self.reading == Reading::All {
                    let is_changed = before.content != view.content || before.party != *view.party;
                    assert!(is_changed, "an update to the same: {kind:?}");
                }
            }
            ChangeKind::Sessions(view) => {
                let before = self.members.insert(view.party.id.clone(), Seen::from(view));
                let before = before.unwrap_or_else(|| panic!("sessions of nobody: {kind:?}"));
                assert_eq!(before.content, view.content, "content slipped in: {kind:?}");
                assert_eq!(before.party, *view.party, "a party slipped in: {kind:?}");
                if self.reading == Reading::All {
                    assert_ne!(before.attached, view.attached, "the same number of sessions: {kind:?}");
                }
            }
            ChangeKind::Left { member, .. } => {
                let before = self.members.remove(&member.party.id);
                let before = before.unwrap_or_else(|| panic!("left without having joined: {kind:?}"));
                assert_eq!(member.attached, 0, "{kind:?}");
                if self.reading == Reading::All {
                    assert_eq!(before.content, member.content, "{kind:?}");
                }
            }
            ChangeKind::State(party, _) => {
                let is_absent = !self.members.contains_key(&party.id);
                assert!(is_absent || self.reading == Reading::Net, "the state of an absent member: {kind:?}");
            }
            ChangeKind::Message(_) | ChangeKind::Counts => {}
        }
    }

    /// Whether the viewer has what the snapshot says, down to the digest.
    pub(crate) fn assert_is(&self, snapshot: &Snapshot) {
        self.assert_members(snapshot, Seen::clone);
        assert_eq!(self.occupancy, snapshot.occupancy, "{snapshot:?}");
    }

    /// The same as far as members and what they say: what a viewer has that is not told of sessions and counts.
    pub(crate) fn assert_says(&self, snapshot: &Snapshot) {
        self.assert_members(snapshot, |seen| Seen { attached: 0, ..seen.clone() });
    }

    /// The same as far as members go, with the numbers of their sessions.
    pub(crate) fn assert_members_are(&self, snapshot: &Snapshot) {
        self.assert_members(snapshot, Seen::clone);
    }

    fn assert_members(&self, snapshot: &Snapshot, as_seen: impl Fn(&Seen) -> Seen) {
        let mine: Vec<_> = self.members.values().map(&as_seen).collect();
        let theirs: Vec<_> = snapshot.members.iter().map(|view| as_seen(&Seen::from(view))).collect();
        assert_eq!(mine, theirs, "the viewer, and the snapshot at rev {}", snapshot.stamp.rev);
        assert_eq!(self.digest(), snapshot.digest);
    }

    fn digest(&self) -> u64 {
        self.members.values().fold(0, |sum, seen| sum.wrapping_add(share_of(&seen.party.id, &seen.content)))
    }
}

/// A member's share of the digest, as a client in another language would compute it.
fn share_of(party: &PartyId, content: &Content) -> u64 {
    let mut text = party.as_str().as_bytes().to_vec();
    text.push(0x1f);
    text.extend(content.fingerprint.0.to_le_bytes());
    let fnv = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let once = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}
