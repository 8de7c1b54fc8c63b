//! The status of a party: a pure function of all its sessions and its override.

use super::content::Facts;
use super::time::Wall;

/// How reachable a party is, over all its sessions in all topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Present and active on at least one device.
    Available,
    /// Present, but idle on every device.
    Away,
    /// In a media session on at least one device.
    Busy,
    /// Wants not to be disturbed; only ever set by an override.
    DoNotDisturb,
    /// On leave; only ever set by an override.
    Vacation,
    /// No session anywhere.
    Unavailable,
}

/// A status that somebody set by hand, until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// What it says.
    pub status: Status,
    /// When it ends, in the hub's time; `None` until it is cleared.
    pub until: Option<Wall>,
}

impl Override {
    /// Whether the override still speaks at `now`.
    #[must_use]
    pub fn is_in_force(&self, now: Wall) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Composes the status: an override in force wins, then any media session, then any active device.
#[must_use]
pub fn status_of(sessions: impl Iterator<Item = Facts>, by_hand: Option<Override>, now: Wall) -> Status {
    if let Some(set) = by_hand.filter(|set| set.is_in_force(now)) {
        return set.status;
    }
    let mut composed = Status::Unavailable;
    for facts in sessions {
        if facts.in_media {
            return Status::Busy;
        }
        if !facts.idle {
            composed = Status::Available;
        } else if composed == Status::Unavailable {
            composed = Status::Away;
        }
    }
    composed
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: Facts = Facts { in_media: false, idle: false };
    const IDLE: Facts = Facts { in_media: false, idle: true };
    const MEDIA: Facts = Facts { in_media: true, idle: true };

    #[test]
    fn the_most_engaged_session_decides() {
        let at = Wall::default();
        for (sessions, status) in [
            (&[][..], Status::Unavailable),
            (&[IDLE][..], Status::Away),
            (&[IDLE, ACTIVE][..], Status::Available),
            (&[ACTIVE, IDLE][..], Status::Available),
            (&[IDLE, MEDIA, ACTIVE][..], Status::Busy),
        ] {
            assert_eq!(status_of(sessions.iter().copied(), None, at), status, "{sessions:?}");
        }
    }

    #[test]
    fn an_override_speaks_until_it_ends() {
        let until = Wall(100);
        let dnd = Some(Override { status: Status::DoNotDisturb, until: Some(until) });
        assert_eq!(status_of([MEDIA].into_iter(), dnd, Wall::default()), Status::DoNotDisturb);
        assert_eq!(status_of([MEDIA].into_iter(), dnd, until), Status::Busy);
    }
}
