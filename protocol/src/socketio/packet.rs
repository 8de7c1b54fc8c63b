//! The head of a packet: its type, attachments, namespace and id.

use bytes::BufMut;

use super::error::PacketError;

/// The most attachments that a packet may announce.
pub const MAX_ATTACHMENTS: u32 = 10;

/// What a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0: enters a namespace, or says that it was entered.
    Connect,
    /// 1: leaves a namespace.
    Disconnect,
    /// 2: says something.
    Event,
    /// 3: answers an event that has an id.
    Ack,
    /// 4: a namespace could not be entered; ERROR to the older clients, CONNECT_ERROR to the newer.
    Error,
    /// 5: an event of which parts follow as binary messages.
    BinaryEvent,
    /// 6: an answer of which parts follow as binary messages.
    BinaryAck,
}

impl Kind {
    fn of(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Connect,
            b'1' => Self::Disconnect,
            b'2' => Self::Event,
            b'3' => Self::Ack,
            b'4' => Self::Error,
            b'5' => Self::BinaryEvent,
            b'6' => Self::BinaryAck,
            _ => return None,
        })
    }

    pub(super) fn digit(self) -> u8 {
        match self {
            Self::Connect => b'0',
            Self::Disconnect => b'1',
            Self::Event => b'2',
            Self::Ack => b'3',
            Self::Error => b'4',
            Self::BinaryEvent => b'5',
            Self::BinaryAck => b'6',
        }
    }

    /// Whether attachments follow.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }

    fn is_answer(self) -> bool {
        matches!(self, Self::Ack | Self::BinaryAck)
    }

    /// Whether the packet may end with its namespace.
    fn needs_no_data(self) -> bool {
        matches!(self, Self::Connect | Self::Disconnect | Self::Error)
    }
}

/// One Socket.IO packet as it stands in an Engine.IO text message, without the leading `4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is for.
    pub kind: Kind,
    /// The binary attachments that it announces, at most [`MAX_ATTACHMENTS`]; 0 unless its kind is binary. A binary packet
    /// that announces none is complete at once.
    pub attachments: u32,
    /// The namespace without its query; `/` when none is named. Holds nothing that would have to be escaped in an answer.
    pub namespace: &'a str,
    /// What followed the `?` in the field of the namespace, as it was written; for [`pairs`](super::pairs) to read.
    pub query: Option<&'a str>,
    /// The number under which an answer is wanted, or given.
    pub id: Option<u64>,
    /// The text after all that, unchecked; empty when there is none. It never begins with a digit.
    pub data: &'a str,
}

impl<'a> Packet<'a> {
    /// Reads the head of a packet: `<type>[<attachments>-][<namespace>[?<query>],][<id>][<JSON>]`.
    ///
    /// # Errors
    /// Refuses an unknown type, a missing, unreadable or too high count of attachments, a namespace that is none, a missing
    /// comma except where clients leave it out, an id that does not fit, and an answer without an id.
    pub fn parse(text: &'a str) -> Result<Self, PacketError> {
        let kind = text.bytes().next().and_then(Kind::of).ok_or(PacketError::Kind)?;
        let (attachments, rest) = attachments(kind, &text[1..])?;
        let (namespace, query, rest) = namespace(kind, rest)?;
        let (digits, data) = digits(rest);
        let id = match digits {
            "" if kind.is_answer() => return Err(PacketError::NoId),
            "" => None,
            digits => Some(digits.parse().map_err(|_| PacketError::Id)?),
        };
        Ok(Self { kind, attachments, namespace, query, id, data })
    }

    /// Appends the packet, so that reading it gives the same again. What the parts may hold is as [`parse`](Self::parse)
    /// gives it; the buffer must grow, as vectors do.
    pub fn write(&self, out: &mut impl BufMut) {
        out.put_u8(self.kind.digit());
        if self.kind.is_binary() {
            out.put_slice(self.attachments.to_string().as_bytes());
            out.put_u8(b'-');
        }
        // Data of the root that looked like a namespace was told from one by an id before it, or by the root's name.
        let is_misleading = self.id.is_none() && self.data.starts_with('/');
        if self.namespace != "/" || self.query.is_some() || is_misleading {
            out.put_slice(self.namespace.as_bytes());
            if let Some(query) = self.query {
                out.put_u8(b'?');
                out.put_slice(query.as_bytes());
            }
            out.put_u8(b',');
        }
        if let Some(id) = self.id {
            out.put_slice(id.to_string().as_bytes());
        }
        out.put_slice(self.data.as_bytes());
    }
}

/// The digits at the beginning, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn attachments(kind: Kind, text: &str) -> Result<(u32, &str), PacketError> {
    if !kind.is_binary() {
        return Ok((0, text));
    }
    let (count, rest) = digits(text);
    let rest = rest.strip_prefix('-').filter(|_| !count.is_empty()).ok_or(PacketError::Count)?;
    // Digits that do not fit are a number all the same, and a high one.
    match count.parse() {
        Ok(count @ ..=MAX_ATTACHMENTS) => Ok((count, rest)),
        _ => Err(PacketError::TooManyAttachments),
    }
}

/// The namespace, its query and the rest.
fn namespace(kind: Kind, text: &str) -> Result<(&str, Option<&str>, &str), PacketError> {
    if !text.starts_with('/') {
        return Ok(("/", None, text));
    }
    let (field, rest) = match text.split_once(',') {
        Some(parts) => parts,
        None if kind.needs_no_data() => (text, ""),
        None => return Err(PacketError::Comma),
    };
    let (namespace, query) = match field.split_once('?') {
        Some((namespace, query)) => (namespace, Some(query)),
        None => (field, None),
    };
    // Answers repeat the namespace; and a namespace that ran into the JSON behind it is told from one that did not.
    if namespace.contains(|letter: char| letter.is_control() || " \"\\[]{}".contains(letter)) {
        return Err(PacketError::Namespace);
    }
    Ok((namespace, query, rest))
}
