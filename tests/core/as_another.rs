//! Sessions that are members as other parties than their own: described by the first session of each, as long as there is one.

use std::time::Duration;

use presence_hub::core::{Change, ChangeKind, Command, Limits, Party, PartyId, Refusal, TopicName};
use proptest::prelude::*;
use std::sync::Arc;

use super::hub::{Hub, Outcome, content, party_id, session, topic};

#[derive(Debug, Clone, Copy)]
enum Step {
    Enter { device: u8, who: u8, said: u8 },
    Leave { device: u8 },
    Detach { device: u8 },
    Attach { device: u8 },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let device = 0..6_u8;
    prop_oneof![
        5 => (device.clone(), 0..3_u8, 0..4_u8).prop_map(|(device, who, said)| Step::Enter { device, who, said }),
        3 => device.clone().prop_map(|device| Step::Leave { device }),
        2 => device.clone().prop_map(|device| Step::Detach { device }),
        2 => device.prop_map(|device| Step::Attach { device }),
        2 => (0..4_000_u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

fn described(who: u8, said: u8) -> Arc<Party> {
    Arc::new(Party { displayname: format!("as {said}").into(), ..Party::new(party_id(who)) })
}

/// The sessions that are there, in the order in which they came: device, party, what it said, until when it is kept.
type There = Vec<(u8, u8, u8, Option<u64>)>;

const GRACE: u64 = 3_000;
const MOST: usize = 2;

/// Who is a member, as described by the first session.
fn members(there: &There) -> Vec<(u8, u8)> {
    let mut members: Vec<(u8, u8)> = Vec::new();
    for (_, who, said, _) in there {
        if !members.iter().any(|(other, _)| other == who) {
            // The others of the same party took over what it said.
            members.push((*who, *said));
        }
    }
    members.sort_unstable();
    members
}

fn enter(hub: &mut Hub, device: u8, who: u8, said: u8) -> Outcome {
    hub.submit(&Command::EnterAs {
        session: session(u128::from(device) + 1),
        topic: topic(0),
        party: described(who, said),
        content: content(said, 0),
        grace: Duration::from_millis(GRACE),
        most: Some(MOST),
    })
}

/// Enters, if the device can, and holds the answer to the model.
fn try_to_enter(hub: &mut Hub, there: &mut There, (device, who, said): (u8, u8, u8)) -> Vec<Arc<Change>> {
    let id = session(u128::from(device) + 1);
    let is_open = hub.leases.get(id).is_some_and(|lease| lease.is_attached);
    let is_another = there.iter().any(|(other, as_who, ..)| *other == device && *as_who != who);
    if !is_open || is_another {
        return Vec::new();
    }
    let before = members(there);
    let known = before.iter().find(|(other, _)| *other == who);
    match enter(hub, device, who, said) {
        Outcome::Refused(refusal) => {
            assert_eq!(refusal, Refusal::TopicFull);
            assert!(known.is_none() && before.len() >= MOST);
            Vec::new()
        }
        Outcome::Done(changes) => {
            assert!(known.is_some() || before.len() < MOST);
            if !there.iter().any(|(other, ..)| *other == device) {
                there.push((device, who, known.map_or(said, |(_, said)| *said), None));
            }
            changes
        }
    }
}

fn run(steps: &[Step]) {
    let mut hub = Hub::new(Limits::default());
    for device in 0..6_u8 {
        hub.open(u128::from(device) + 1, 9, None);
    }
    let mut there = There::new();
    let mut told = Vec::new();
    for step in steps {
        let changes = match *step {
            Step::Enter { device, who, said } => try_to_enter(&mut hub, &mut there, (device, who, said)),
            Step::Leave { device } => {
                there.retain(|(other, ..)| *other != device);
                hub.leave(u128::from(device) + 1, 0)
            }
            Step::Detach { device } => {
                let until = hub.millis + GRACE;
                let is_attached =
                    hub.leases.get(session(u128::from(device) + 1)).is_some_and(|lease| lease.is_attached);
                for stay in there.iter_mut().filter(|stay| is_attached && stay.0 == device) {
                    stay.3 = Some(until);
                }
                hub.detach(u128::from(device) + 1)
            }
            Step::Attach { device } => {
                for stay in there.iter_mut().filter(|stay| stay.0 == device) {
                    stay.3 = None;
                }
                hub.open(u128::from(device) + 1, 9, None)
            }
            Step::Pass { millis } => {
                let now = hub.millis + millis;
                there.retain(|(.., until)| until.is_none_or(|until| until > now));
                hub.pass(millis)
            }
        };
        told.extend(changes.iter().map(|change| change.kind.clone()));
        assert_eq!(seen(&hub), members(&there), "after {step:?}");
        assert_eq!(followed(&told), members(&there).iter().map(|(who, _)| *who).collect::<Vec<_>>());
        let mut sessions: Vec<_> = hub.roster.sessions_of(&party_id(1)).collect();
        sessions.sort_unstable();
        let mut expected: Vec<_> =
            there.iter().filter(|stay| stay.1 == 1).map(|stay| session(u128::from(stay.0) + 1)).collect();
        expected.sort_unstable();
        assert_eq!(sessions, expected);
    }
}

fn seen(hub: &Hub) -> Vec<(u8, u8)> {
    let member = |member: &presence_hub::core::MemberView| {
        let said = u8::try_from(member.content.fingerprint.0).unwrap();
        assert_eq!(
            &*member.party.displayname,
            format!("as {said}"),
            "the party and the content are of one session"
        );
        (super::hub::number_of(member.party.id.as_str()), said)
    };
    hub.roster.snapshot(&topic(0)).members.iter().map(member).collect()
}

/// Who is there according to what was told; nobody comes or goes twice, and nobody changes.
fn followed(told: &[ChangeKind]) -> Vec<u8> {
    let mut list = Vec::new();
    for kind in told {
        match kind {
            ChangeKind::Joined(member) => list.push(super::hub::number_of(member.party.id.as_str())),
            ChangeKind::Left { member, .. } => {
                let who = super::hub::number_of(member.party.id.as_str());
                let place = list.iter().position(|other| *other == who);
                list.swap_remove(place.unwrap());
            }
            ChangeKind::Sessions(_) | ChangeKind::Counts => {}
            other => panic!("{other:?}"),
        }
    }
    list.sort_unstable();
    list.dedup();
    list
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn a_party_is_what_its_first_session_said(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps);
    }
}

#[test]
fn a_session_can_be_another_in_each_topic_but_not_two_in_one() {
    let mut hub = Hub::new(Limits::default());
    hub.open(1, 9, None);
    enter(&mut hub, 0, 1, 1).changes();
    assert!(enter(&mut hub, 0, 2, 1).changes().is_empty(), "it would have to leave first");
    let other = Command::EnterAs {
        session: session(1),
        topic: topic(1),
        party: described(2, 0),
        content: content(0, 0),
        grace: Duration::ZERO,
        most: None,
    };
    hub.submit(&other).changes();
    let whereabouts = |hub: &Hub, who| hub.roster.whereabouts(&party_id(who)).cloned().collect::<Vec<_>>();
    assert_eq!(
        (whereabouts(&hub, 1), whereabouts(&hub, 2), whereabouts(&hub, 9)),
        (vec![topic(0)], vec![topic(1)], vec![])
    );
    assert_eq!(enter(&mut hub, 5, 1, 1).refusal(), Some(Refusal::UnknownSession));
}

#[test]
fn a_partys_own_topic_is_nowhere_that_clients_can_name() {
    let mut hub = Hub::new(Limits::default());
    hub.open(1, 9, None);
    let id = PartyId::new("joe").unwrap();
    let own = Command::EnterAs {
        session: session(1),
        topic: TopicName::of_party(&id),
        party: Arc::new(Party::new(id.clone())),
        content: content(0, 0),
        grace: Duration::ZERO,
        most: None,
    };
    hub.submit(&own).changes();
    assert_eq!(hub.roster.whereabouts(&id).count(), 0);
    assert_eq!(hub.roster.sessions_of(&id).collect::<Vec<_>>(), [session(1)]);
}
