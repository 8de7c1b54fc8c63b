//! Why a packet is refused: each a sentence that says what to change, and repeats nothing of what was sent.

use super::packet::MAX_ATTACHMENTS;

/// Why a packet is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// No packet has this type.
    #[error("a packet begins with its type, a digit from 0 to 6")]
    Kind,
    /// A binary packet without a count of attachments.
    #[error("a binary packet says how many attachments follow, as in 51-/chat,[\"NAME\"]")]
    Count,
    /// More attachments are announced than anybody needs.
    #[error("a packet has at most {MAX_ATTACHMENTS} attachments")]
    TooManyAttachments,
    /// The field of the namespace holds what no namespace has, most likely because its comma is missing.
    #[error(
        "a namespace is a path without quotes, brackets and spaces, ended by a comma, as in 2/chat,[\"NAME\"]"
    )]
    Namespace,
    /// Only CONNECT and DISCONNECT may end with their namespace.
    #[error("a comma follows the namespace, as in 2/chat,[\"NAME\"]")]
    Comma,
    /// The id does not fit.
    #[error("the id of a packet is at most {}", u64::MAX)]
    Id,
    /// An acknowledgement of nothing.
    #[error("an acknowledgement says the id of its event, as in 3/chat,0[]")]
    NoId,
    /// What follows the head is not JSON.
    #[error("what follows the head of the packet is not JSON")]
    Json,
    /// The JSON is not an array.
    #[error("an event is a JSON array that begins with the event's name")]
    Array,
    /// The array does not begin with a string.
    #[error("the name of an event is a string, the first value of its array")]
    Name,
    /// The name is one that means something to the libraries themselves.
    #[error("this name of an event belongs to Socket.IO itself; choose another")]
    Reserved,
    /// A placeholder without a usable number, or with more than its number.
    #[error("a placeholder is {{\"_placeholder\":true,\"num\":N}} and nothing else, N counting from 0")]
    Placeholder,
    /// A placeholder of an attachment that was not announced.
    #[error("a placeholder has the number of an attachment that the packet does not have")]
    NoAttachment,
    /// An attachment is asked for more than once, which no library does and which would make much of little.
    #[error("every attachment has one placeholder at most")]
    Repeated,
}
