//! The spaces of all apps, shared by the gateways: one password guards a topic in every dialect.

mod ledger;
mod space;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::principal::Principal;
use super::tries::{Caller, Tries};
use crate::broker::{AppSlot, Clock, Handle, NotKept, Version};
use crate::core::{Mono, PartyId, TopicName};

pub use space::{Kind, MAX_PASSWORD, MAX_TITLE, Need, Space, SpaceMember};

/// For how long a space is taken to be as it was read. What this node itself changes is known at once.
const FRESH: Duration = Duration::from_secs(1);

/// How many are remembered, and from how many on those that are not fresh any more are forgotten now and then.
const MOST: usize = 1024;
const MANY: usize = 64;

/// How often a change is tried again that met somebody else's.
const ATTEMPTS: usize = 32;

const MINUTE: Duration = Duration::from_secs(60);

/// Why something about a space cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It has a password, and that was not said.
    Password,
    /// Too many wrong passwords were tried.
    TooManyTries,
    /// It is between two others.
    Private,
    /// Only its admins may.
    NotAdmin,
    /// The title cannot be shown, or is too long.
    Title,
    /// The password is too long.
    LongPassword,
    /// A direct space has exactly two users.
    Direct,
    /// The party created too many lately.
    TooFast,
    /// There are as many that the party created as there may be.
    TooMany,
    /// It would be left without an admin.
    LastAdmin,
    /// There is nothing to be deleted.
    Absent,
    /// It cannot be read now.
    Unavailable,
    /// It was not written.
    NotKept(NotKept),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Password => "the space has a password, and this is not it",
            Self::TooManyTries => "too many wrong passwords were tried; wait a minute",
            Self::Private => "the space is between two others",
            Self::NotAdmin => "only an admin of the space may do this",
            Self::Title => "a title has 1 to 128 characters that can be shown",
            Self::LongPassword => "a password has at most 256 bytes",
            Self::Direct => "a direct space has its two users, and ends by an admin of the app only",
            Self::TooFast => "too many spaces were created; wait a minute",
            Self::TooMany => {
                "there are as many spaces of the party as limits.spaces_per_party allows; delete one"
            }
            Self::LastAdmin => "a space has an admin: make somebody else one first, or delete the space",
            Self::Absent => "nobody made such a space",
            Self::Unavailable => "the space cannot be read at the moment; try again",
            Self::NotKept(why) => return write!(f, "the space was not kept: {why}"),
        };
        f.write_str(text)
    }
}

impl std::error::Error for Wrong {}

impl From<NotKept> for Wrong {
    fn from(why: NotKept) -> Self {
        Self::NotKept(why)
    }
}

/// A space as it was read.
#[derive(Debug)]
struct Known {
    space: Arc<Space>,
    /// Of what it was read from. That of one which is no more is after all that it had, and not after any that it may have again.
    version: Option<Version>,
    at: Mono,
}

type Place = (AppSlot, TopicName);

/// How much parties may try and have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceLimits {
    /// Wrong passwords a minute at one space: each party, and all guests of one network together.
    pub tries_per_minute: u32,
    /// New spaces a minute of one party.
    pub creations_per_minute: u32,
    /// Spaces that one party has created and that are still there.
    pub per_party: usize,
}

/// The spaces of all apps, kept as documents.
#[derive(Debug)]
pub struct Spaces {
    broker: Handle,
    clock: Clock,
    known: Mutex<HashMap<Place, Known>>,
    changes: AtomicU64,
    guesses: Tries<(TopicName, Caller)>,
    creations: Tries<PartyId>,
    per_party: usize,
}

impl Spaces {
    /// The spaces that a broker keeps.
    #[must_use]
    pub fn new(broker: Handle, clock: Clock, limits: SpaceLimits) -> Self {
        let guesses = Tries::new(limits.tries_per_minute, MINUTE);
        let creations = Tries::new(limits.creations_per_minute, MINUTE);
        Self {
            broker,
            clock,
            known: Mutex::default(),
            changes: AtomicU64::new(0),
            guesses,
            creations,
            per_party: limits.per_party,
        }
    }

    /// How often this node has changed any of them. Whoever was let in, and sees that this is another number, asks again.
    pub fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// The space of a topic; at most a second behind what another node changed.
    ///
    /// # Errors
    /// [`Wrong::Unavailable`].
    pub async fn look(&self, app: AppSlot, topic: &TopicName) -> Result<Arc<Space>, Wrong> {
        let now = self.clock.now().mono;
        let place = (app, topic.clone());
        let known = lock(&self.known)
            .get(&place)
            .filter(|known| is_fresh(known, now))
            .map(|known| Arc::clone(&known.space));
        match known {
            Some(space) => Ok(space),
            None => Ok(self.read(place).await?.1),
        }
    }

    /// Lets somebody into a space, or says why not. Every dialect asks this before anybody watches, joins or reads a topic; what
    /// the token allows is asked before. No password and an empty one are the same. `address` is where a guest counts its
    /// wrong guesses.
    ///
    /// # Errors
    /// The password is missing or wrong, or there were too many of these; the space is between two others; it cannot be read.
    pub async fn admit(
        &self,
        principal: &Principal,
        topic: &TopicName,
        password: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Arc<Space>, Wrong> {
        let app = &principal.app;
        let space = self.look(app.slot, topic).await?;
        match (space.need_of(principal), password.unwrap_or_default()) {
            (Need::Nothing, _) => Ok(space),
            (Need::Belonging, _) => Err(Wrong::Private),
            (Need::Password, "") => Err(Wrong::Password),
            (Need::Password, password) => {
                let key = (topic.clone(), Caller::of(principal, address));
                let is_right = || app.keys.all().any(|pair| space.is_password(&pair.secret, topic, password));
                match self.guesses.attempt(app.slot, key, self.clock.now().mono, is_right) {
                    Some(true) => Ok(space),
                    Some(false) => Err(Wrong::Password),
                    None => Err(Wrong::TooManyTries),
                }
            }
        }
    }

    /// Changes a space, and gives it as it is then. `change` is made again on what somebody else wrote meanwhile, so it checks
    /// there and then whether it may be made. A change to nothing else writes nothing.
    ///
    /// # Errors
    /// What `change` says, or why the space could be neither read nor kept.
    pub async fn change(
        &self,
        app: AppSlot,
        topic: &TopicName,
        mut change: impl FnMut(&mut Space) -> Result<(), Wrong>,
    ) -> Result<Arc<Space>, Wrong> {
        let place = (app, topic.clone());
        for _ in 0..ATTEMPTS {
            let (version, before) = self.read(place.clone()).await?;
            let mut space = Space::clone(&before);
            change(&mut space)?;
            if space == *before {
                return Ok(before);
            }
            let now = self.clock.now().mono;
            let value = Some(space.written().into());
            match self.broker.for_app(app).keep(&key(topic), version, value).await {
                Ok(version) => {
                    let space = Arc::new(space);
                    self.remember(place, Known { space: Arc::clone(&space), version, at: now });
                    self.changes.fetch_add(1, Relaxed);
                    return Ok(space);
                }
                Err(NotKept::Conflict) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Err(NotKept::Conflict.into())
    }

    /// Creates the space of a topic that has none; `fill` makes it what it is to be. An app creates as many as it likes.
    ///
    /// # Errors
    /// What `fill` says; [`Wrong::TooFast`]; [`Wrong::TooMany`]; why the space could not be kept.
    pub async fn create(
        &self,
        principal: &Principal,
        topic: &TopicName,
        mut fill: impl FnMut(&mut Space) -> Result<(), Wrong>,
    ) -> Result<Arc<Space>, Wrong> {
        let (app, now) = (&principal.app, self.clock.now());
        if !principal.is_app && !self.creations.allows(app.slot, principal.party.id.clone(), now.mono) {
            return Err(Wrong::TooFast);
        }
        let creator = principal.party.id.as_str();
        let is_noted = !principal.is_app && self.enlist(app.slot, creator, topic).await?;
        let created = self.change(app.slot, topic, |space| {
            if !space.is_open() {
                return Err(NotKept::Conflict.into());
            }
            space.create(principal, now.wall);
            fill(space)
        });
        let created = created.await;
        if created.is_err() && is_noted {
            self.strike(app.slot, creator, topic).await;
        }
        created
    }

    /// Deletes the settings of a topic, which is an open space from then on, and gives them as they were. `check` says whether that
    /// may be, of what is deleted.
    ///
    /// # Errors
    /// What `check` says; [`Wrong::Absent`]; why the space could be neither read nor deleted.
    pub async fn delete(
        &self,
        app: AppSlot,
        topic: &TopicName,
        check: impl Fn(&Space) -> Result<(), Wrong>,
    ) -> Result<Arc<Space>, Wrong> {
        let place = (app, topic.clone());
        for _ in 0..ATTEMPTS {
            let (version, space) = self.read(place.clone()).await?;
            check(&space)?;
            let version = version.ok_or(Wrong::Absent)?;
            match self.broker.for_app(app).keep(&key(topic), Some(version), None).await {
                Ok(_) => {
                    // Whoever read it just before may still come to remember it, and must find something newer.
                    let version = Some(Version(version.0 + 1));
                    let known =
                        Known { space: Arc::new(Space::open(topic)), version, at: self.clock.now().mono };
                    self.remember(place, known);
                    self.strike(app, &space.creator, topic).await;
                    return Ok(space);
                }
                Err(NotKept::Conflict) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Err(NotKept::Conflict.into())
    }

    async fn read(&self, place: Place) -> Result<(Option<Version>, Arc<Space>), Wrong> {
        let at = self.clock.now().mono;
        let (app, topic) = &place;
        let document =
            self.broker.for_app(*app).document(&key(topic)).await.map_err(|_| Wrong::Unavailable)?;
        let space = match &document {
            Some(document) => Space::read(&document.value).ok_or_else(|| {
                tracing::error!(topic = topic.as_str(), "the settings of a space are damaged");
                Wrong::Unavailable
            })?,
            None => Space::open(topic),
        };
        let (space, version) = (Arc::new(space), document.map(|document| document.version));
        self.remember(place, Known { space: Arc::clone(&space), version, at });
        Ok((version, space))
    }

    /// Remembers a space as it was read, unless a newer one has been read meanwhile.
    fn remember(&self, place: Place, read: Known) {
        let mut known = lock(&self.known);
        let count = known.len();
        if count >= MANY && (count.is_power_of_two() || count >= MOST) {
            known.retain(|_, other| is_fresh(other, read.at));
        }
        if known.len() >= MOST {
            known.clear();
        }
        let is_older = |other: &Known| is_fresh(other, read.at) && other.version > read.version;
        if !known.get(&place).is_some_and(is_older) {
            known.insert(place, read);
        }
    }
}

fn is_fresh(known: &Known, now: Mono) -> bool {
    known.at + FRESH > now
}

fn key(topic: &TopicName) -> String {
    format!("space:{}", topic.as_str())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
