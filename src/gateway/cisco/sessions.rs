//! The sessions of the dialect: keys, whose they are, and until when. The last request decides how long one lasts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::pidf::Details;
use crate::broker::AppSlot;
use crate::core::{Mono, PartyId, SessionId};

/// A key's digest, by which its session is found: how long that takes says nothing of the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Mark([u8; 32]);

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(..)")
    }
}

impl Mark {
    fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// The application user itself.
    App,
    /// An end user that it has logged in.
    End(PartyId),
}

/// The presence that a session says of its user's device.
#[derive(Debug, Clone)]
pub(super) struct Device {
    /// The session of the core that says it.
    pub(super) session: SessionId,
    /// What it says beyond a state.
    pub(super) details: Option<Arc<Details>>,
    pub(super) until: Mono,
}

#[derive(Debug)]
pub(super) struct Session {
    /// The place of the application user.
    pub(super) user: usize,
    pub(super) holder: Holder,
    key: SecretString,
    pub(super) until: Mono,
    pub(super) device: Option<Device>,
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: HashMap<Mark, Session>,
    apps: HashMap<usize, Mark>,
    ends: HashMap<(AppSlot, PartyId), Mark>,
}

/// A new key: 128 random bits, in the shape that clients know.
fn key() -> SecretString {
    let digest = Sha256::new().chain_update(Uuid::new_v4()).chain_update(Uuid::new_v4()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes).to_string().into()
}

impl Sessions {
    /// The session of a key.
    pub(super) fn find(&self, key: &str) -> Option<Mark> {
        let mark = Mark::of(key);
        let session = self.sessions.get(&mark)?;
        bool::from(session.key.expose_secret().as_bytes().ct_eq(key.as_bytes())).then_some(mark)
    }

    pub(super) fn get(&self, mark: Mark) -> Option<&Session> {
        self.sessions.get(&mark)
    }

    pub(super) fn get_mut(&mut self, mark: Mark) -> Option<&mut Session> {
        self.sessions.get_mut(&mark)
    }

    /// The session of an application user.
    pub(super) fn of_app(&self, user: usize) -> Option<Mark> {
        self.apps.get(&user).copied()
    }

    /// The session of an end user, whichever application user holds it.
    pub(super) fn of_end(&self, app: AppSlot, party: &PartyId) -> Option<Mark> {
        self.ends.get(&(app, party.clone())).copied()
    }

    /// The end users that an application user has logged in.
    pub(super) fn under(&self, user: usize) -> Vec<Mark> {
        let ends = self.ends.values().filter(|mark| self.get(**mark).is_some_and(|held| held.user == user));
        ends.copied().collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// How many end users of an app are logged in.
    pub(super) fn ends_of(&self, app: AppSlot) -> usize {
        self.ends.keys().filter(|(slot, _)| *slot == app).count()
    }

    /// Begins a session; whoever held its place must have been closed.
    pub(super) fn open(&mut self, app: AppSlot, user: usize, holder: Holder, until: Mono) -> Mark {
        let key = key();
        let mark = Mark::of(key.expose_secret());
        match &holder {
            Holder::App => self.apps.insert(user, mark),
            Holder::End(party) => self.ends.insert((app, party.clone()), mark),
        };
        self.sessions.insert(mark, Session { user, holder, key, until, device: None });
        mark
    }

    pub(super) fn key(&self, mark: Mark) -> Option<SecretString> {
        self.get(mark).map(|session| session.key.clone())
    }

    /// Ends a session, and nothing that hangs on it.
    pub(super) fn close(&mut self, app: AppSlot, mark: Mark) -> Option<Session> {
        let session = self.sessions.remove(&mark)?;
        match &session.holder {
            Holder::App => self.apps.remove(&session.user),
            Holder::End(party) => self.ends.remove(&(app, party.clone())),
        };
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whole_and_never_shown() {
        let mut sessions = Sessions::default();
        let mark = sessions.open(AppSlot(0), 0, Holder::App, Mono::default());
        let key = sessions.key(mark).unwrap();
        let text = key.expose_secret();
        assert_eq!((text.len(), text.matches('-').count()), (36, 4));
        assert_eq!(sessions.find(text), Some(mark));
        for other in ["", &text[..35], &format!("{text}0"), &text.to_uppercase()] {
            assert!(other == text || sessions.find(other).is_none(), "{other}");
        }
        assert!(!format!("{sessions:?}").contains(text));
        sessions.close(AppSlot(0), mark);
        assert!(
            sessions.find(text).is_none() && sessions.of_app(0).is_none() && sessions.sessions.is_empty()
        );
    }
}
