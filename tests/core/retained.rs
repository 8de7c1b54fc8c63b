//! What a topic keeps for those who come later: the last thing that was said so, until it ends.

use std::sync::Arc;
use std::time::Duration;

use presence_hub::core::{ChangeKind, Command, Limits, Message};
use proptest::prelude::*;

use super::hub::{Hub, message, topic};

#[derive(Debug, Clone, Copy)]
enum Step {
    Retain { at: u8, text: u8, lasts: u64 },
    Say { at: u8, text: u8 },
    Watch { at: u8, watchers: u32 },
    Pass { millis: u64 },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..2_u8;
    prop_oneof![
        3 => (at.clone(), any::<u8>(), 1..90_000_u64).prop_map(|(at, text, lasts)| Step::Retain { at, text, lasts }),
        2 => (at.clone(), any::<u8>()).prop_map(|(at, text)| Step::Say { at, text }),
        1 => (at, 0..2_u32).prop_map(|(at, watchers)| Step::Watch { at, watchers }),
        3 => (0..40_000_u64).prop_map(|millis| Step::Pass { millis }),
        3 => Just(Step::Sweep),
    ]
}

fn text_of(message: &Message) -> u8 {
    std::str::from_utf8(&message.body).unwrap().parse().unwrap()
}

proptest! {
    #[test]
    fn the_last_is_kept_until_it_ends(steps in prop::collection::vec(step(), 1..60)) {
        let mut hub = Hub::new(Limits::default());
        let mut kept = [None::<(u8, u64)>; 2];
        for step in steps {
            match step {
                Step::Retain { at, text, lasts } => {
                    let command = Command::Retain(topic(at), message(1, text, true), Duration::from_millis(lasts));
                    let changes = hub.submit(&command).changes();
                    assert!(matches!(&changes[..], [change] if matches!(&change.kind, ChangeKind::Message(said) if text_of(said) == text)));
                    kept[usize::from(at)] = Some((text, hub.millis + lasts));
                }
                Step::Say { at, text } => {
                    hub.submit(&Command::Publish(topic(at), message(1, text, true))).changes();
                }
                Step::Watch { at, watchers } => {
                    hub.submit(&Command::Watchers(topic(at), watchers)).changes();
                }
                Step::Pass { millis } => hub.millis += millis,
                Step::Sweep => {
                    hub.roster.sweep(hub.now().wall);
                    hub.renumber();
                }
            }
            for at in 0..2 {
                let expected = kept[usize::from(at)].filter(|(_, until)| hub.millis < *until).map(|(text, _)| text);
                let of = |kind: &ChangeKind| match kind {
                    ChangeKind::Message(message) => text_of(message),
                    other => panic!("{other:?}"),
                };
                let known = hub.roster.topic(&topic(at)).and_then(|known| known.retained(hub.now().wall));
                prop_assert_eq!(known.map(|retained| of(&retained.change.kind)), expected);
                let snapshot = hub.roster.snapshot(&topic(at)).retained;
                let given = snapshot.filter(|retained| hub.now().wall < retained.until);
                prop_assert_eq!(given.map(|retained| of(&retained.change.kind)), expected);
            }
        }
        for at in 0..2 {
            hub.submit(&Command::Watchers(topic(at), 0)).changes();
        }
        hub.millis += 200_000;
        hub.roster.sweep(hub.now().wall);
        prop_assert!(hub.roster.is_empty(), "nothing is left behind");
    }
}

#[test]
fn what_is_retained_is_the_very_change() {
    let mut hub = Hub::new(Limits::default());
    let command = Command::Retain(topic(0), message(1, 7, true), Duration::from_secs(1));
    let changes = hub.submit(&command).changes();
    let retained = hub.roster.snapshot(&topic(0)).retained.unwrap();
    assert!(Arc::ptr_eq(&retained.change, &changes[0]));
}
