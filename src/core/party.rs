//! A party: an identity as every dialect's members are described.

use bytes::Bytes;

use super::ids::PartyId;

/// What sort of identity a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartyKind {
    /// Somebody with an account.
    User,
    /// A guest with a temporary identity.
    Anonymous,
    /// A telephone that dialled in.
    Phone,
    /// A program.
    Bot,
}

/// An identity and what is shown of it. Everything here was stamped by the hub, not claimed by a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The id, unique within the app.
    pub id: PartyId,
    /// What sort of identity it is.
    pub kind: PartyKind,
    /// The login name, or empty.
    pub username: Box<str>,
    /// The name that people see, or empty.
    pub displayname: Box<str>,
    /// Where the picture is, or empty.
    pub picture_url: Box<str>,
    /// A JSON array of phone numbers, or empty bytes where the party has no such field.
    pub phone_numbers: Bytes,
    /// Whatever else the app says of the party, as JSON; empty bytes if nothing.
    pub info: Bytes,
}

impl Party {
    /// A user of whom only the id is known.
    #[must_use]
    pub fn new(id: PartyId) -> Self {
        Self {
            id,
            kind: PartyKind::User,
            username: "".into(),
            displayname: "".into(),
            picture_url: "".into(),
            phone_numbers: Bytes::new(),
            info: Bytes::new(),
        }
    }

    /// How many bytes describe it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = [self.id.as_str(), &self.username, &self.displayname, &self.picture_url];
        texts.iter().map(|text| text.len()).sum::<usize>() + self.phone_numbers.len() + self.info.len()
    }
}
