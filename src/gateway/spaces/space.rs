//! A space as a value: what a topic is called, who belongs to it, and who may enter without its password.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use presence_protocol::native::Role;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

use super::Wrong;
use crate::core::{Party, PartyId, PartyKind, TopicName, Wall};
use crate::gateway::principal::{Principal, shown_name};

/// The longest title, in characters.
pub const MAX_TITLE: usize = 128;

/// The longest password, in bytes.
pub const MAX_PASSWORD: usize = 256;

/// The most bytes of telephone numbers that are kept of a member.
const MAX_NUMBERS: usize = 256;

/// What sort of space it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Any number of members, and whoever else may enter.
    #[default]
    Group,
    /// Between two users, who alone may enter.
    Direct,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Direct => "direct",
        }
    }
}

/// What somebody needs to enter a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// The password.
    Password,
    /// To be somebody else.
    Belonging,
}

/// Somebody who belongs to a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceMember {
    /// The party's id.
    pub id: Box<str>,
    /// What it may do there; its token may allow more.
    pub role: Role,
    /// Since when.
    #[serde(with = "ticks")]
    pub since: Wall,
    /// The login name, as far as it is known.
    #[serde(default)]
    pub username: Box<str>,
    /// The name that people see, as far as it is known.
    #[serde(default)]
    pub displayname: Box<str>,
    /// Where the picture is, as far as it is known.
    #[serde(default)]
    pub picture_url: Box<str>,
    /// Telephone numbers as a JSON array, or empty.
    #[serde(default)]
    pub phone_numbers: Box<str>,
}

impl SpaceMember {
    /// A member of whom only the id is known.
    #[must_use]
    pub fn new(id: &PartyId, role: Role, since: Wall) -> Self {
        Self {
            id: id.as_str().into(),
            role,
            since,
            username: "".into(),
            displayname: "".into(),
            picture_url: "".into(),
            phone_numbers: "".into(),
        }
    }

    /// Takes over what is known of the party.
    pub fn describe(&mut self, party: &Party) {
        let numbers = std::str::from_utf8(&party.phone_numbers).unwrap_or_default();
        self.username.clone_from(&party.username);
        self.displayname.clone_from(&party.displayname);
        self.picture_url.clone_from(&party.picture_url);
        self.phone_numbers = if numbers.len() <= MAX_NUMBERS { numbers.into() } else { "".into() };
    }

    /// Whether a text, in small letters, is in its id or one of its names.
    #[must_use]
    pub fn is_found_by(&self, text: &str) -> bool {
        [&self.id, &self.username, &self.displayname].iter().any(|name| name.to_lowercase().contains(text))
    }
}

/// A password as it is kept: a MAC of it with the app's secret, and nothing to guess it by without that.
#[derive(Clone, PartialEq, Eq)]
struct Seal([u8; 32]);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(Self)
    }
}

/// The settings of a topic. A topic for which nobody made any is an open space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// What it is called.
    pub title: Box<str>,
    /// What sort of space it is.
    pub kind: Kind,
    #[serde(default)]
    password: Option<Seal>,
    /// When it was created; 0 if nobody did.
    #[serde(with = "ticks")]
    pub created: Wall,
    /// Who created it; empty if nobody did.
    pub creator: Box<str>,
    /// Who belongs to it, in the order in which they came to.
    pub members: Vec<SpaceMember>,
}

impl Space {
    /// The space of a topic for which nobody made one: called by its id, with no password and no members.
    #[must_use]
    pub fn open(topic: &TopicName) -> Self {
        Self {
            title: topic.as_str().into(),
            kind: Kind::Group,
            password: None,
            created: Wall::default(),
            creator: "".into(),
            members: Vec::new(),
        }
    }

    /// Reads one that was kept; `None` if it is damaged.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// As it is kept.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether nobody made it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.creator.is_empty()
    }

    /// Notes who made it, if nobody did before.
    pub fn create(&mut self, creator: &Principal, now: Wall) {
        if self.is_open() {
            self.creator = creator.party.id.as_str().into();
            self.created = now;
        }
    }

    // === Who may what ===

    /// The member that a party is. An anonymous party is none, even if it has the id of one.
    #[must_use]
    pub fn member(&self, party: &Party) -> Option<&SpaceMember> {
        let is_it = |member: &&SpaceMember| *member.id == *party.id.as_str();
        self.members.iter().find(is_it).filter(|_| party.kind != PartyKind::Anonymous)
    }

    /// The same, to be changed.
    pub fn member_mut(&mut self, party: &Party) -> Option<&mut SpaceMember> {
        let is_it = |member: &&mut SpaceMember| *member.id == *party.id.as_str();
        self.members.iter_mut().find(is_it).filter(|_| party.kind != PartyKind::Anonymous)
    }

    /// What somebody may do here at most: what its token says or what it is here, whichever is more. Anonymous parties are guests.
    #[must_use]
    pub fn role_of(&self, principal: &Principal) -> Role {
        match self.member(&principal.party) {
            _ if principal.party.kind == PartyKind::Anonymous => Role::Guest,
            Some(member) => member.role.max(principal.role),
            None => principal.role,
        }
    }

    /// What somebody needs to enter: its members and the app's admins need nothing.
    #[must_use]
    pub fn need_of(&self, principal: &Principal) -> Need {
        let is_admin = principal.role == Role::Admin && principal.party.kind != PartyKind::Anonymous;
        if is_admin || self.member(&principal.party).is_some() {
            Need::Nothing
        } else if self.kind == Kind::Direct {
            Need::Belonging
        } else if self.password.is_some() {
            Need::Password
        } else {
            Need::Nothing
        }
    }

    /// Whether this is the password, in the same time for every wrong one. A space without one has no right one.
    #[must_use]
    pub fn is_password(&self, secret: &SecretString, topic: &TopicName, password: &str) -> bool {
        match (&self.password, mac(secret, topic, password)) {
            (Some(seal), Some(mac)) => mac.verify_slice(&seal.0).is_ok(),
            _ => false,
        }
    }

    // === Changes ===

    /// Sets the password; an empty one is none.
    ///
    /// # Errors
    /// It is too long.
    pub fn set_password(
        &mut self,
        secret: &SecretString,
        topic: &TopicName,
        password: &str,
    ) -> Result<(), Wrong> {
        if password.len() > MAX_PASSWORD {
            return Err(Wrong::LongPassword);
        }
        let seal = || mac(secret, topic, password).map(|mac| Seal(mac.finalize().into_bytes().into()));
        self.password = if password.is_empty() { None } else { Some(seal().ok_or(Wrong::Unavailable)?) };
        Ok(())
    }

    /// Sets the title, made fit to be shown.
    ///
    /// # Errors
    /// It is too long, or nothing of it can be shown.
    pub fn set_title(&mut self, title: &str) -> Result<(), Wrong> {
        let shown = shown_name(title);
        if shown.is_empty() || title.chars().count() > MAX_TITLE {
            return Err(Wrong::Title);
        }
        self.title = shown.into();
        Ok(())
    }

    /// Makes a user a member with this role, or gives the member this role.
    ///
    /// # Errors
    /// A direct space has its two members for ever.
    pub fn appoint(&mut self, id: &PartyId, role: Role, now: Wall) -> Result<&mut SpaceMember, Wrong> {
        let place = self.members.iter().position(|member| *member.id == *id.as_str());
        let place = match place {
            Some(place) => {
                self.members[place].role = role;
                place
            }
            None if self.kind == Kind::Direct => return Err(Wrong::Direct),
            None => {
                self.members.push(SpaceMember::new(id, role, now));
                self.members.len() - 1
            }
        };
        Ok(&mut self.members[place])
    }

    /// Ends a membership, if there is one.
    ///
    /// # Errors
    /// A direct space has its two members for ever.
    pub fn dismiss(&mut self, id: &PartyId) -> Result<(), Wrong> {
        let before = self.members.len();
        self.members.retain(|member| *member.id != *id.as_str());
        if self.kind == Kind::Direct && self.members.len() < before { Err(Wrong::Direct) } else { Ok(()) }
    }
}

/// The MAC of a password. Names of topics hold no control characters, so neither part can be taken for the other, and no token's
/// text begins like this.
fn mac(secret: &SecretString, topic: &TopicName, password: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    for part in ["space\u{1f}", topic.as_str(), "\u{1f}", password] {
        mac.update(part.as_bytes());
    }
    Some(mac)
}

/// Wall time as its ticks.
mod ticks {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::core::Wall;

    pub(super) fn serialize<S: Serializer>(at: &Wall, serializer: S) -> Result<S::Ok, S::Error> {
        at.0.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Wall, D::Error> {
        Deserialize::deserialize(deserializer).map(Wall)
    }
}
