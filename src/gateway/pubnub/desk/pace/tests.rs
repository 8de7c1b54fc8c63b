//! The pace of a channel against a naive model: whoever applies what is told knows who is there.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::gateway::pubnub::fixture::settings;

#[derive(Debug, Clone)]
enum Step {
    /// Who is there goes, and who is not comes.
    Turn {
        who: u8,
        times_out: bool,
    },
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u8..8, any::<bool>()).prop_map(|(who, times_out)| Step::Turn { who, times_out }),
        1 => (1u64..3_000).prop_map(Step::Pass),
    ]
}

fn id(who: u8) -> PartyId {
    PartyId::new(&format!("u{who}")).unwrap()
}

/// Somebody who is told everything, and believes it.
#[derive(Debug, Default)]
struct Viewer(BTreeSet<PartyId>);

impl Viewer {
    fn hear(&mut self, told: Vec<Presence>) {
        for event in told {
            let occupancy = event.occupancy as usize;
            match (event.action, event.uuid, event.delta) {
                (Action::Join, Some(uuid), None) => assert!(self.0.insert(uuid), "joined twice"),
                (Action::Leave | Action::Timeout, Some(uuid), None) => {
                    assert!(self.0.remove(&uuid), "left without having been there");
                }
                (Action::Interval, None, Some(delta)) => {
                    assert!(!delta.is_too_large);
                    for uuid in delta.join {
                        assert!(self.0.insert(uuid), "joined twice");
                    }
                    for uuid in delta.leave.into_iter().chain(delta.timeout) {
                        assert!(self.0.remove(&uuid), "left without having been there");
                    }
                }
                other => panic!("{other:?} is told to nobody"),
            }
            assert_eq!(occupancy, self.0.len(), "as many as have been told of");
        }
    }
}

/// A channel, and one who is told of it.
struct Stage {
    settings: Settings,
    pace: Pace,
    now: Mono,
    there: BTreeSet<PartyId>,
    viewer: Viewer,
}

impl Stage {
    fn turn(&mut self, who: u8, times_out: bool) {
        let uuid = id(who);
        let action = match (self.there.remove(&uuid), times_out) {
            (false, _) => {
                self.there.insert(uuid.clone());
                Action::Join
            }
            (true, true) => Action::Timeout,
            (true, false) => Action::Leave,
        };
        let occupancy = u32::try_from(self.there.len()).unwrap();
        let (at, uuid) = (Timetoken(1), Some(uuid));
        let event = Presence { action, uuid, occupancy, at, state: None, delta: None, is_late: false };
        let told = self.pace.take(self.now, event, &self.settings);
        if let (Some(last), true) = (told.last(), self.settings.debounce.is_zero()) {
            assert_eq!(last.occupancy, occupancy);
        }
        self.viewer.hear(told);
        self.check();
    }

    /// Time passes, and what becomes due is told then.
    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(due) = self.pace.next_due().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            let told = self.pace.release(self.now, &self.settings);
            self.viewer.hear(told);
            self.check();
        }
        self.now = until;
    }

    /// Whoever waits for nothing knows everything.
    fn check(&self) {
        if self.pace.next_due().is_none() {
            assert_eq!(self.viewer.0, self.there);
        }
    }
}

proptest! {
    #[test]
    fn the_net_of_what_is_told_is_who_is_there(
        steps in prop::collection::vec(step(), 0..80), announce_max in 1usize..6, debounce in prop_oneof![Just(0u64), 1u64..4_000]
    ) {
        let settings = Settings {
            announce_max,
            debounce: Duration::from_millis(debounce),
            interval: Duration::from_secs(2),
            deltas: true,
            delta_bytes: 4096,
            ..settings()
        };
        let (pace, now) = (Pace::default(), Mono::default());
        let mut stage = Stage { settings, pace, now, there: BTreeSet::new(), viewer: Viewer::default() };
        for step in steps {
            match step {
                Step::Turn { who, times_out } => stage.turn(who, times_out),
                Step::Pass(millis) => stage.pass(Duration::from_millis(millis)),
            }
        }
        stage.pass(Duration::from_secs(60));
        prop_assert_eq!(stage.pace.next_due(), None);
        prop_assert_eq!(&stage.viewer.0, &stage.there);
    }
}
