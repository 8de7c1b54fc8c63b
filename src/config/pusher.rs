//! What an app allows in the Pusher dialect: `apps.#.pusher.*`.

use std::time::Duration;

use super::checked::Reader;

/// `pusher.*` of one of `apps`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the key of the same name")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Pusher {
    pub enabled: bool,
    pub tls_only: bool,
    pub path: String,
    /// `None` is any number.
    pub connections: Option<usize>,
    pub client_events: bool,
    pub client_events_per_second: u32,
    pub subscription_count: bool,
    pub subscription_error: bool,
    pub watchlist: bool,
    pub watchlist_users: usize,
    pub authorized_connections: bool,
    pub authorization_timeout: Duration,
    pub event_buffer: bool,
    pub buffer_events: usize,
    pub buffer_bytes: usize,
    pub buffer_lasts: Duration,
    pub resume_bytes: usize,
    /// Zero where `strict` is set.
    pub grace: Duration,
    /// `None` is any number.
    pub members: Option<usize>,
    pub user_bytes: usize,
    pub user_id_length: usize,
    pub channel_length: usize,
    pub event_length: usize,
    pub data_bytes: usize,
    pub channels_per_trigger: usize,
    pub events_per_batch: usize,
    pub cache_lasts: Duration,
    pub activity_timeout: Duration,
    pub requests_per_second: u32,
    pub clock_window: Duration,
    pub replays: usize,
}

impl Pusher {
    /// Reads the settings of the app at a place.
    pub(super) fn read(read: &Reader<'_>, place: usize) -> Self {
        let path = |key: &str| format!("apps.{place}.pusher.{key}");
        Self {
            enabled: read.flag(&path("enabled")),
            tls_only: read.flag(&path("tls_only")),
            path: read.text(&path("path")).to_owned(),
            connections: read.bound(&path("connections")),
            client_events: read.flag(&path("client_events")),
            client_events_per_second: read.small(&path("client_events_per_second")),
            subscription_count: read.flag(&path("subscription_count")),
            subscription_error: read.flag(&path("subscription_error")),
            watchlist: read.flag(&path("watchlist")),
            watchlist_users: read.count(&path("watchlist_users")),
            authorized_connections: read.flag(&path("authorized_connections")),
            authorization_timeout: read.duration(&path("authorization_timeout")),
            event_buffer: read.flag(&path("event_buffer")),
            buffer_events: read.count(&path("buffer_events")),
            buffer_bytes: read.size(&path("buffer_bytes")),
            buffer_lasts: read.duration(&path("buffer_lasts")),
            resume_bytes: read.size(&path("resume_bytes")),
            grace: if read.flag(&path("strict")) { Duration::ZERO } else { read.duration(&path("grace")) },
            members: read.bound(&path("members")),
            user_bytes: read.size(&path("user_bytes")),
            user_id_length: read.count(&path("user_id_length")),
            channel_length: read.count(&path("channel_length")),
            event_length: read.count(&path("event_length")),
            data_bytes: read.size(&path("data_bytes")),
            channels_per_trigger: read.count(&path("channels_per_trigger")),
            events_per_batch: read.count(&path("events_per_batch")),
            cache_lasts: read.duration(&path("cache_lasts")),
            activity_timeout: read.duration(&path("activity_timeout")),
            requests_per_second: read.small(&path("requests_per_second")),
            clock_window: read.duration(&path("clock_window")),
            replays: read.count(&path("replays")),
        }
    }
}
