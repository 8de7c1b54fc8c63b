//! What an app allows in the PubNub dialect: `apps.#.pubnub.*`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::apps::KeyConfig;
use super::checked::Reader;

/// Of whom the end of a held request is a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveOnClose {
    /// Of nobody.
    Never,
    /// Of clients in Rust, which send no leave of their own.
    Rust,
    /// Of everybody.
    Always,
}

/// `pubnub.*` of one of `apps`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the key of the same name")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct PubNub {
    pub enabled: bool,
    /// The app's own key, if none is configured.
    pub publish_key: String,
    /// The app's own key, if none is configured.
    pub subscribe_key: String,
    /// The app's own secret, if none is configured.
    pub secret_key: SecretString,
    pub access_manager: bool,
    pub hold: Duration,
    pub timeout: Duration,
    pub minimum_timeout: Duration,
    pub maximum_timeout: Duration,
    pub leave_on_close: LeaveOnClose,
    pub close_grace: Duration,
    pub announce_max: usize,
    pub interval: Duration,
    pub deltas: bool,
    pub delta_bytes: usize,
    pub debounce: Duration,
    pub global_here_now: bool,
    pub stream_filtering: bool,
    pub presence: bool,
    pub channel_groups: bool,
    pub region: u32,
    pub groups_per_client: usize,
    pub channels_per_group: usize,
    pub channels_per_request: usize,
    pub queue: usize,
    pub queue_lasts: Duration,
    pub queue_bytes: usize,
    /// `None` is any number.
    pub polls: Option<usize>,
    pub polls_per_uuid: usize,
    pub occupants: usize,
    pub absent_states: usize,
    pub message_bytes: usize,
    pub signal_bytes: usize,
    /// Never more than `limits.content_bytes`.
    pub state_bytes: usize,
    pub state_lasts: Duration,
    /// 0 is any number.
    pub requests_per_second: u32,
    pub clock_window: Duration,
    pub revocations: usize,
}

impl PubNub {
    /// Reads the settings of the app at a place; its oldest pair of keys stands in for keys of the dialect's own.
    pub(super) fn read(read: &Reader<'_>, place: usize, pair: Option<&KeyConfig>) -> Self {
        let path = |key: &str| format!("apps.{place}.pubnub.{key}");
        let own = |name: &str| read.owned(&path(name)).or_else(|| pair.map(|pair| pair.key.clone()));
        let secret = read.owned(&path("secret_key")).map(SecretString::from);
        Self {
            enabled: read.flag(&path("enabled")),
            publish_key: own("publish_key").unwrap_or_default(),
            subscribe_key: own("subscribe_key").unwrap_or_default(),
            secret_key: secret.or_else(|| pair.map(|pair| pair.secret.clone())).unwrap_or_default(),
            access_manager: read.flag(&path("access_manager")),
            hold: read.duration(&path("hold")),
            timeout: read.duration(&path("timeout")),
            minimum_timeout: read.duration(&path("minimum_timeout")),
            maximum_timeout: read.duration(&path("maximum_timeout")),
            leave_on_close: match read.text(&path("leave_on_close")) {
                "never" => LeaveOnClose::Never,
                "always" => LeaveOnClose::Always,
                _ => LeaveOnClose::Rust,
            },
            close_grace: read.duration(&path("close_grace")),
            announce_max: read.count(&path("announce_max")),
            interval: read.duration(&path("interval")),
            deltas: read.flag(&path("deltas")),
            delta_bytes: read.size(&path("delta_bytes")),
            debounce: read.duration(&path("debounce")),
            global_here_now: read.flag(&path("global_here_now")),
            stream_filtering: read.flag(&path("stream_filtering")),
            presence: read.flag(&path("presence")),
            channel_groups: read.flag(&path("channel_groups")),
            region: read.small(&path("region")),
            groups_per_client: read.count(&path("groups_per_client")),
            channels_per_group: read.count(&path("channels_per_group")),
            channels_per_request: read.count(&path("channels_per_request")),
            queue: read.count(&path("queue")),
            queue_lasts: read.duration(&path("queue_lasts")),
            queue_bytes: read.size(&path("queue_bytes")),
            polls: read.bound(&path("polls")),
            polls_per_uuid: read.count(&path("polls_per_uuid")),
            occupants: read.count(&path("occupants")),
            absent_states: read.count(&path("absent_states")),
            message_bytes: read.size(&path("message_bytes")),
            signal_bytes: read.size(&path("signal_bytes")),
            state_bytes: read.size(&path("state_bytes")).min(read.size("limits.content_bytes")),
            state_lasts: read.duration(&path("state_lasts")),
            requests_per_second: read.small(&path("requests_per_second")),
            clock_window: read.duration(&path("clock_window")),
            revocations: read.count(&path("revocations")),
        }
    }

    /// A sentence about a secret of its own that has fewer bytes than it should.
    pub(super) fn warning(&self, place: usize, pairs: &[KeyConfig], wanted: usize) -> Option<String> {
        let own = self.secret_key.expose_secret();
        let is_short = own.len() < wanted && pairs.iter().all(|pair| own != pair.secret.expose_secret());
        is_short.then(|| {
            format!("apps.{place}.pubnub.secret_key has {} bytes; it should have {wanted} or more", own.len())
        })
    }
}
