//! The task that brings an app's changes to its desk, as events of this dialect.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::Desk;
use super::entry::{Action, Presence, What};
use super::hall::Hall;
use crate::broker::{Feed, Told};
use crate::config::PubNub as Settings;
use crate::core::{Cause, Change, ChangeKind, MemberView, Now, PartyId};
use crate::gateway::pubnub::translate;

/// How often what has been kept long enough is forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// How much is told before requests have their turn at the desk.
const SLICE: usize = 512;

/// Serves until the broker is gone.
pub(super) async fn run(desk: Arc<Desk>, mut feed: Feed) {
    let clock = desk.clock.clone();
    let mut sweep = clock.now().mono + SWEEP;
    loop {
        let due = desk.lock().next_due().map_or(sweep, |due| due.min(sweep));
        let told = tokio::select! {
            told = feed.take() => match told {
                Some(told) => told,
                None => return,
            },
            () = clock.sleep_until(Some(due)) => Vec::new(),
            () = desk.asides.woken() => Vec::new(),
        };
        cry_all(&desk, &told).await;
        let asides = desk.asides.take();
        // What the desk says of itself comes after everything that has happened until now.
        let before = feed.take().now_or_never().flatten().unwrap_or_default();
        cry_all(&desk, &before).await;
        let now = clock.now();
        let mut hall = desk.lock();
        for (topic, event) in asides {
            hall.pace(now, &topic, event, &desk.settings);
        }
        hall.release(now, &desk.settings);
        if now.mono >= sweep {
            hall.forget(now.mono, &desk.settings);
            sweep = now.mono + SWEEP;
        }
    }
}

/// Tells a part after the other, so that requests need not wait long for the desk.
async fn cry_all(desk: &Desk, told: &[Told]) {
    for (place, part) in told.chunks(SLICE).enumerate() {
        if place > 0 {
            tokio::task::yield_now().await;
        }
        let now = desk.clock.now();
        let mut hall = desk.lock();
        part.iter().for_each(|told| cry(desk, &mut hall, now, told));
    }
}

fn cry(desk: &Desk, hall: &mut Hall, now: Now, told: &Told) {
    match told {
        Told::Change(change) => heard(hall, now, change, &desk.settings),
        Told::Behind { changes, messages } => {
            tracing::warn!(
                changes,
                messages,
                "clients of the PubNub dialect are told the net of what came too fast"
            );
            desk.metrics.messages_missed(*messages);
        }
        Told::Net(missed) => {
            missed.changes.iter().for_each(|change| heard(hall, now, change, &desk.settings));
        }
    }
}

fn heard(hall: &mut Hall, now: Now, change: &Change, settings: &Settings) {
    let Change { topic, stamp, occupancy, .. } = change;
    let event = |action, uuid: &PartyId, state| Presence {
        action,
        uuid: Some(uuid.clone()),
        occupancy: occupancy.parties,
        at: stamp.timetoken,
        state,
        delta: None,
        is_late: false,
    };
    let of = |action, member: &MemberView| event(action, &member.party.id, translate::state(&member.content));
    let event = match &change.kind {
        ChangeKind::Joined(member) => of(Action::Join, member),
        ChangeKind::Updated(member) => {
            if !hall.quiet.tells(&(topic.clone(), member.party.id.clone(), member.content.fingerprint)) {
                return;
            }
            of(Action::StateChange, member)
        }
        ChangeKind::Left { member, cause: Cause::TimedOut, .. } => of(Action::Timeout, member),
        ChangeKind::Left { member, .. } => of(Action::Leave, member),
        ChangeKind::State(party, Some(content)) => {
            hall.quiet.tells(&(topic.clone(), party.id.clone(), content.fingerprint));
            event(Action::StateChange, &party.id, translate::state(content))
        }
        ChangeKind::Message(message) => {
            // What is for some parties alone is not for those who only say who they are.
            if message.receivers.is_none() {
                hall.say(now, (topic, stamp.timetoken), What::Message(Arc::clone(message)), settings);
            }
            return;
        }
        ChangeKind::State(_, None) | ChangeKind::Sessions(_) | ChangeKind::Counts => return,
    };
    hall.pace(now, topic, event, settings);
}
