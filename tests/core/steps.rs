//! What may happen to a hub, at random.

use presence_hub::core::Status;
use proptest::prelude::*;

pub(crate) const TOPICS: u8 = 3;
pub(crate) const PARTIES: u8 = 4;
/// Devices; device `n` belongs to party `n % PARTIES`.
pub(crate) const DEVICES: u8 = 14;
pub(crate) const CONTENTS: u8 = 4;

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A device connects: for the first time, again within its grace, or beside its own old connection.
    Connect {
        device: u8,
        timeout: Option<u64>,
    },
    Enter {
        device: u8,
        topic: u8,
        said: Option<(u8, u8)>,
        grace: u64,
    },
    Leave {
        device: u8,
        topic: u8,
    },
    Detach {
        device: u8,
    },
    /// Something is heard of a device that has no more to say.
    Heard {
        device: u8,
    },
    End {
        device: u8,
    },
    Remove {
        party: u8,
        topic: u8,
        by: Option<u8>,
        is_ban: bool,
    },
    Publish {
        topic: u8,
        party: u8,
        text: u8,
        is_kept: bool,
    },
    Watch {
        topic: u8,
        watchers: u32,
    },
    SetState {
        party: u8,
        topic: u8,
        content: Option<u8>,
        lasts: u64,
    },
    SetByHand {
        party: u8,
        by_hand: Option<(Status, Option<u64>)>,
    },
    Pass {
        millis: u64,
    },
    Sweep,
}

fn statuses() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![Status::DoNotDisturb, Status::Vacation, Status::Away, Status::Available])
}

fn membership() -> impl Strategy<Value = Step> {
    let (device, topic) = (0..DEVICES, 0..TOPICS);
    let said = prop::option::weighted(0.85, (0..CONTENTS, any::<u8>()));
    let grace = prop::sample::select(vec![0_u64, 3_000, 15_000]);
    let timeout = || prop::option::weighted(0.3, prop::sample::select(vec![4_000_u64, 20_000]));
    prop_oneof![
        2 => (device.clone(), timeout()).prop_map(|(device, timeout)| Step::Connect { device, timeout }),
        8 => (device.clone(), topic.clone(), said, grace)
            .prop_map(|(device, topic, said, grace)| Step::Enter { device, topic, said, grace }),
        2 => (device.clone(), topic).prop_map(|(device, topic)| Step::Leave { device, topic }),
        4 => device.clone().prop_map(|device| Step::Detach { device }),
        1 => device.clone().prop_map(|device| Step::Heard { device }),
        1 => device.prop_map(|device| Step::End { device }),
    ]
}

fn surroundings() -> impl Strategy<Value = Step> {
    let (party, topic) = (0..PARTIES, 0..TOPICS);
    let by = prop::option::of(0..PARTIES);
    let content = prop::option::weighted(0.8, 0..CONTENTS);
    let by_hand = prop::option::weighted(0.7, (statuses(), prop::option::of(1_000_u64..30_000)));
    prop_oneof![
        2 => (party.clone(), topic.clone(), by, any::<bool>())
            .prop_map(|(party, topic, by, is_ban)| Step::Remove { party, topic, by, is_ban }),
        3 => (topic.clone(), party.clone(), any::<u8>(), any::<bool>())
            .prop_map(|(topic, party, text, is_kept)| Step::Publish { topic, party, text, is_kept }),
        2 => (topic.clone(), 0_u32..3).prop_map(|(topic, watchers)| Step::Watch { topic, watchers }),
        2 => (party.clone(), topic, content, 1_000_u64..30_000)
            .prop_map(|(party, topic, content, lasts)| Step::SetState { party, topic, content, lasts }),
        2 => (party, by_hand).prop_map(|(party, by_hand)| Step::SetByHand { party, by_hand }),
    ]
}

fn time() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..3_000).prop_map(|millis| Step::Pass { millis }),
        1 => (3_000_u64..25_000).prop_map(|millis| Step::Pass { millis }),
        2 => Just(Step::Sweep),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![8 => membership(), 3 => surroundings(), 2 => time()]
}
