//! Starts the broker as the settings say: its engine, its apps, and the wire forms that it makes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;

use super::{FORMS, FRAMINGS, Shared};
use crate::admin::Health;
use crate::broker::{Bounds, Broker, Clock, Encode, Handle, Parts, Policy};
use crate::config::{AppConfig, Config};
use crate::core::{BufferLimits, Limits as RosterLimits, Timetoken};
use crate::engine::highwater::{self, HighWater};
use crate::engine::{DocumentLimits, Engine, Memory};
use crate::gateway::native::framing::Framing;
use crate::gateway::{native, pusher};

/// Starts the broker on the engine, with every app and every wire form.
///
/// # Errors
/// A sentence that says which setting is wrong.
pub(super) fn start(shared: &Shared) -> Result<Handle, String> {
    let Shared { config, clock, metrics, .. } = shared;
    let now = clock.now();
    let floor = match &config.data_dir {
        Some(folder) => keep_mark(folder, clock)?,
        None => Timetoken(0),
    };
    // The engine remembers a topic's numbering a little longer than the roster remembers the topic.
    let buffers = config.apps.iter().filter_map(|app| buffer(&app.pusher));
    let lasts = buffers.map(|buffer| buffer.lasts).chain([config.presence.retention]).max();
    let retention = lasts.unwrap_or_default() + Duration::from_secs(10);
    let documents = DocumentLimits {
        count: config.limits.documents,
        bytes: config.limits.document_bytes,
        total: config.limits.documents_bytes,
    };
    let engine: Box<dyn Engine> = Box::new(Memory::new(now, floor, retention).with_documents(documents));
    let encoder =
        |framing: &&'static dyn Framing| Arc::new(native::Encoder::new(*framing)) as Arc<dyn Encode>;
    let forms = FORMS.map(|form| Arc::new(pusher::Encoder(form)) as Arc<dyn Encode>);
    let encoders = FRAMINGS.iter().map(encoder).chain(forms).collect();
    let limits = RosterLimits {
        history: config.presence.history,
        history_bytes: config.presence.history_bytes,
        retention: config.presence.retention,
        members: config.limits.members_per_topic,
        absent_states: None,
        buffer: None,
    };
    let policy = Policy {
        announce_max: config.presence.announce_max,
        interval: config.presence.interval,
        storm_tick: config.presence.storm_tick,
        sessions_tick: config.presence.sessions_tick,
        stall: config.limits.stall,
        outbox: bounds(config),
    };
    let limits = |app: &AppConfig| RosterLimits {
        absent_states: Some(app.pubnub.absent_states),
        buffer: buffer(&app.pusher),
        ..limits
    };
    let apps = config.apps.iter().map(|app| (limits(app), policy)).collect();
    let (node, clock, metrics) = (shared.node, clock.clone(), metrics.clone());
    let parts = Parts { node, clock, engine, encoders, apps, inbox: config.limits.inbox, metrics };
    let (broker, handle) = Broker::new(parts);
    let serving = tokio::spawn(broker.run());
    tokio::spawn(watch(serving, shared.health.clone(), Arc::clone(&shared.stop)));
    Ok(handle)
}

/// Stops the hub if its broker fails. It is cancelled only with everything else, when the hub has stopped.
async fn watch(serving: JoinHandle<()>, health: Health, stop: Arc<Sender<bool>>) {
    if let Err(error) = serving.await
        && !error.is_cancelled()
    {
        tracing::error!(%error, "the broker has failed; the hub stops");
        health.draining();
        stop.send_replace(true);
    }
}

/// What an app keeps of what is said, if clients can resume after a message.
fn buffer(settings: &crate::config::Pusher) -> Option<BufferLimits> {
    settings.event_buffer.then_some(BufferLimits {
        messages: settings.buffer_events,
        bytes: settings.buffer_bytes,
        lasts: settings.buffer_lasts,
    })
}

/// How much may wait for a connection.
pub(super) fn bounds(config: &Config) -> Bounds {
    Bounds { bytes: config.limits.outbox_bytes, frames: config.limits.outbox_frames }
}

/// Reads the mark of the last run, sets it ahead, and goes on doing so.
fn keep_mark(folder: &std::path::Path, clock: &Clock) -> Result<Timetoken, String> {
    let wrong = |error: io::Error| format!("data_dir ({}) cannot be used: {error}", folder.display());
    let mark = HighWater::open(folder).map_err(wrong)?;
    let floor = mark.load().map_err(wrong)?;
    let (clock, began) = (clock.clone(), clock.now());
    mark.reserve(began.wall, floor).map_err(wrong)?;
    tokio::spawn(async move {
        loop {
            clock.sleep(highwater::EVERY).await;
            let (mark, now) = (mark.clone(), clock.now());
            // While the clock is behind the last run's mark, what is given out goes on from there.
            let given = floor.0.saturating_add(highwater::ticks(now.mono.0.saturating_sub(began.mono.0)));
            match tokio::task::spawn_blocking(move || mark.reserve(now.wall, Timetoken(given))).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the mark of timetokens cannot be set"),
                // The hub has stopped.
                Err(error) if error.is_cancelled() => return,
                Err(error) => tracing::error!(%error, "setting the mark of timetokens failed"),
            }
        }
    });
    Ok(floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_broker_that_fails_stops_the_hub() {
        for (has_failed, serving) in [
            (true, tokio::spawn(async { panic!("for the test's sake") })),
            (false, tokio::spawn(std::future::pending())),
            (false, tokio::spawn(async {})),
        ] {
            let stop = Arc::new(Sender::new(false));
            if !has_failed {
                serving.abort();
            }
            watch(serving, Health::default(), Arc::clone(&stop)).await;
            assert_eq!(*stop.borrow(), has_failed);
        }
    }
}
