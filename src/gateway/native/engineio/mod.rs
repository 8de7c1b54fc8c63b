//! Engine.IO, versions 3 and 4: connections over a WebSocket, or over long polling with or without an upgrade.

mod entrance;
mod frame;
mod heartbeat;
mod line;
mod payload;
mod probe;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use engineioxide_core::ProtocolVersion;
use uuid::Uuid;

pub(in crate::gateway::native) use entrance::enter;
pub(in crate::gateway::native) use heartbeat::{Beat, Heartbeat};
use line::Line;

use super::dialect::Shared;
use crate::gateway::{json, websocket};

/// What all connections over Engine.IO share.
#[derive(Debug)]
pub struct Gate {
    /// The dialect in the namespace `/chat`.
    pub chat: Arc<Shared>,
    /// The dialect in the root namespace.
    pub root: Arc<Shared>,
    /// How the driver treats connections.
    pub websocket: websocket::Settings,
    /// How often Engine.IO's heartbeat beats.
    pub ping_interval: Duration,
    /// How long its answer may take.
    pub ping_timeout: Duration,
    /// How long a connection may stay without being in a namespace, once it was refused or has left one.
    pub connect_timeout: Duration,
    /// The most parts that a packet may have, of those that the protocol's codec allows.
    pub attachments: u32,
    /// How long they may take.
    pub attachment_timeout: Duration,
    /// The connections over polling.
    pub lines: Lines,
}

/// The connections over polling, by the ids that their requests name.
#[derive(Debug, Default)]
pub struct Lines {
    lines: Mutex<HashMap<Box<str>, Arc<Line>>>,
}

impl Lines {
    fn insert(&self, sid: &str, line: Arc<Line>) {
        self.lock().insert(sid.into(), line);
    }

    fn get(&self, sid: &str) -> Option<Arc<Line>> {
        self.lock().get(sid).cloned()
    }

    fn remove(&self, sid: &str) {
        self.lock().remove(sid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new id of a connection: 122 random bits, for whoever knows it can poll.
fn new_sid() -> Box<str> {
    BASE64_URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes()).into()
}

impl Gate {
    /// The packet with which a connection begins.
    pub(super) fn open_packet(&self, version: ProtocolVersion, sid: &str, upgrades: &[u8]) -> Vec<u8> {
        let mut packet = vec![b'0'];
        json::object(&mut packet, |open| {
            open.text("sid", sid);
            open.raw("upgrades", upgrades);
            open.number("pingInterval", millis(self.ping_interval));
            open.number("pingTimeout", millis(self.ping_timeout));
            if version == ProtocolVersion::V4 {
                open.number("maxPayload", u32::try_from(self.websocket.frame_bytes).unwrap_or(u32::MAX));
            }
        });
        packet
    }
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}
