//! Going on after an event that the client had: from an event's id to a place in the topic's history.

use crate::broker::Handle;
use crate::core::{ChangeKind, Epoch, Rev, Roster, Stamp, Timetoken, TopicName};

/// From where a subscription goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resumption {
    /// What the client called the event.
    pub(super) after_id: String,
    /// Whether everything since then is still kept.
    pub(super) is_complete: bool,
    /// The place after which the client is given what is kept; `None` if the topic keeps nothing.
    pub(super) since: Option<(Epoch, Rev)>,
}

impl Resumption {
    /// Looks for the event of an id.
    pub(super) async fn after(after_id: String, topic: &TopicName, broker: &Handle) -> Self {
        let topic = topic.clone();
        let token = timetoken(&after_id);
        let found = broker.read(move |roster, _, _| find(roster, &topic, token)).await;
        let (is_complete, since) = found.unwrap_or_default();
        Self { after_id, is_complete, since }
    }

    /// Whether the client had what stands at a place.
    pub(super) fn covers(&self, place: Stamp) -> bool {
        let is_before = |(epoch, rev)| place.epoch == epoch && place.rev <= rev;
        self.is_complete && self.since.is_some_and(is_before)
    }
}

/// An id that the hub may have given; anything else is unknown.
fn timetoken(id: &str) -> Option<Timetoken> {
    let is_one = id.len() == 17 && id.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| id.parse().ok().map(Timetoken)).flatten()
}

/// An id is believed only if the very event is kept, or was the last to be forgotten: numbers from before a restart name none.
fn find(roster: &Roster, topic: &TopicName, token: Option<Timetoken>) -> (bool, Option<(Epoch, Rev)>) {
    let Some(known) = roster.topic(topic) else { return (false, None) };
    let (history, stamp) = (known.history(), known.stamp());
    let floor = history.floor();
    let mut messages = history.iter().filter(|change| matches!(change.kind, ChangeKind::Message(_)));
    let kept = token.and_then(|token| messages.find(|change| change.stamp.timetoken == token));
    match kept {
        Some(change) if change.stamp.epoch == stamp.epoch => (true, Some((stamp.epoch, change.stamp.rev))),
        _ => {
            let is_last = floor.epoch == stamp.epoch && token == Some(floor.timetoken);
            let rev = if floor.epoch == stamp.epoch { floor.rev } else { Rev(0) };
            (is_last, Some((stamp.epoch, rev)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Limits, Message, Op, Party, PartyId, Record};
    use std::sync::Arc;

    fn topic() -> TopicName {
        TopicName::new("c").unwrap()
    }

    fn said(roster: &mut Roster, epoch: u64, rev: u64) {
        let message = Message {
            from: Arc::new(Party::new(PartyId::new("p").unwrap())),
            session: None,
            name: "e".into(),
            body: "\"\"".into(),
            receivers: None,
            is_kept: true,
            extra: bytes::Bytes::new(),
        };
        let timetoken = Timetoken(17_000_000_000_000_000 + epoch * 1000 + rev);
        let stamp = Stamp { epoch: Epoch(epoch), rev: Rev(rev), timetoken };
        roster.fold(stamp, &Record { topic: topic(), op: Op::Message(Arc::new(message)) });
    }

    fn ask(roster: &Roster, id: &str) -> (bool, Option<(Epoch, Rev)>) {
        find(roster, &topic(), timetoken(id))
    }

    #[test]
    fn only_ids_of_kept_events_are_believed() {
        let mut roster = Roster::new(Limits { history: 3, ..Limits::default() });
        assert_eq!(ask(&roster, "17000000000001001"), (false, None));
        for rev in 1..=5 {
            said(&mut roster, 1, rev);
        }
        let everything = Some((Epoch(1), Rev(2)));
        for (id, is_complete, since) in [
            ("17000000000001005", true, Some((Epoch(1), Rev(5)))),
            ("17000000000001003", true, Some((Epoch(1), Rev(3)))),
            ("17000000000001002", true, everything),
            ("17000000000001001", false, everything),
            ("17000000000001006", false, everything),
            ("16000000000001005", false, everything),
            ("", false, everything),
            ("+7000000000001005", false, everything),
            ("eudhq17zrhfbtn", false, everything),
            ("99999999999999999999", false, everything),
        ] {
            assert_eq!(ask(&roster, id), (is_complete, since), "{id}");
        }
    }

    #[test]
    fn ids_of_another_numbering_are_not_believed() {
        let mut roster = Roster::new(Limits { history: 3, ..Limits::default() });
        said(&mut roster, 1, 1);
        said(&mut roster, 2, 1);
        assert_eq!(ask(&roster, "17000000000001001"), (false, Some((Epoch(2), Rev(0)))));
        assert_eq!(ask(&roster, "17000000000002001"), (true, Some((Epoch(2), Rev(1)))));
    }
}
