//! Engine.IO's own heartbeat, which differs between its versions: in 3 the client pings, in 4 the hub does.

use std::time::Duration;

use engineioxide_core::ProtocolVersion;

use crate::core::Mono;

/// What is to be done when a heartbeat is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway::native) enum Beat {
    /// Nothing: it was not due.
    Early,
    /// The hub pings.
    Ping,
    /// The client has been silent for too long.
    Dead,
}

/// When the next sign of life is due, and whose.
#[derive(Debug)]
pub(in crate::gateway::native) struct Heartbeat {
    version: ProtocolVersion,
    interval: Duration,
    timeout: Duration,
    due: Mono,
    /// The hub has pinged and awaits the answer.
    is_pinged: bool,
}

impl Heartbeat {
    /// Begins now.
    pub(in crate::gateway::native) fn new(
        version: ProtocolVersion,
        interval: Duration,
        timeout: Duration,
        now: Mono,
    ) -> Self {
        let mut heart = Self { version, interval, timeout, due: now, is_pinged: false };
        heart.due = now + heart.patience();
        heart
    }

    /// How long after a sign of life something is due.
    fn patience(&self) -> Duration {
        match self.version {
            ProtocolVersion::V3 => self.interval + self.timeout,
            ProtocolVersion::V4 => self.interval,
        }
    }

    /// Some packet came: in version 3 that is life, in version 4 only a pong is.
    pub(in crate::gateway::native) fn heard(&mut self, now: Mono) {
        if self.version == ProtocolVersion::V3 {
            self.due = now + self.patience();
        }
    }

    /// A pong came. One that nobody asked for changes nothing: clients of version 4 count on a ping every interval.
    pub(in crate::gateway::native) fn ponged(&mut self, now: Mono) {
        if std::mem::take(&mut self.is_pinged) {
            self.due = now + self.patience();
        }
    }

    /// When [`Heartbeat::beat`] wants to be called.
    pub(in crate::gateway::native) fn due(&self) -> Mono {
        self.due
    }

    /// Time has passed.
    pub(in crate::gateway::native) fn beat(&mut self, now: Mono) -> Beat {
        if now < self.due {
            return Beat::Early;
        }
        if self.version == ProtocolVersion::V3 || self.is_pinged {
            return Beat::Dead;
        }
        self.is_pinged = true;
        self.due = now + self.timeout;
        Beat::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    fn heart(version: ProtocolVersion) -> Heartbeat {
        Heartbeat::new(version, Duration::from_secs(25), Duration::from_secs(20), at(0))
    }

    #[test]
    fn in_version_3_any_packet_is_life() {
        let mut heart = heart(ProtocolVersion::V3);
        assert_eq!((heart.due(), heart.beat(at(44))), (at(45), Beat::Early));
        heart.heard(at(44));
        assert_eq!(heart.beat(at(88)), Beat::Early);
        assert_eq!(heart.beat(at(89)), Beat::Dead);
    }

    #[test]
    fn in_version_4_the_hub_pings_and_only_a_pong_is_life() {
        let mut heart = heart(ProtocolVersion::V4);
        heart.ponged(at(20));
        heart.heard(at(24));
        assert_eq!(heart.beat(at(25)), Beat::Ping);
        heart.heard(at(26));
        heart.ponged(at(30));
        assert_eq!((heart.due(), heart.beat(at(55))), (at(55), Beat::Ping));
        assert_eq!(heart.beat(at(74)), Beat::Early);
        assert_eq!(heart.beat(at(75)), Beat::Dead);
    }
}
