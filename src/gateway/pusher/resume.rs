//! Going on after an event that the client had: from what the client calls it to its place.

use crate::broker::{Since, Watching};
use crate::core::{Stamp, Timetoken};

/// From where a subscription goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resumption {
    /// What the client called the event.
    pub(super) after_id: String,
}

impl Resumption {
    /// What the broker is asked for: what was said since, but no more than so many bytes.
    pub(super) fn since(&self, bytes: usize) -> Since {
        Since::Message(timetoken(&self.after_id), bytes)
    }

    /// Whether the client had what stands at a place, or is given it.
    pub(super) fn covers(&self, place: Stamp, watching: &Watching) -> bool {
        let had = || timetoken(&self.after_id).is_some_and(|after| place.timetoken <= after);
        let missed = watching.missed.iter().flatten();
        (watching.is_complete && had()) || missed.into_iter().any(|step| step.change.stamp == place)
    }
}

/// An id that the hub may have given; anything else is unknown.
fn timetoken(id: &str) -> Option<Timetoken> {
    let is_one = id.len() == 17 && id.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| id.parse().ok().map(Timetoken)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_an_id_is_one() {
        assert_eq!(timetoken("17000000000001005"), Some(Timetoken(17_000_000_000_001_005)));
        for odd in ["", "+7000000000001005", "eudhq17zrhfbtn", "99999999999999999999", "1700000000000100"] {
            assert_eq!(timetoken(odd), None, "{odd}");
        }
    }
}
