//! What an event packet says: its name and its payload.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::PacketError;
use crate::object::text_of;

/// The names that the libraries give to what happens to a connection. An event of a client that had one of them would pass
/// for it.
pub const RESERVED_EVENTS: [&str; 7] =
    ["connect", "connect_error", "disconnect", "disconnecting", "error", "newListener", "removeListener"];

/// What an event packet says: `["NAME", payload, ...]`. Further arguments are ignored.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The name, trimmed.
    pub name: Cow<'a, str>,
    /// The first argument as it was written; a `null` counts as absent.
    pub payload: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    /// Reads the data of an event packet.
    ///
    /// # Errors
    /// Refuses what is not JSON, not an array, does not begin with a string, or begins with a reserved name.
    pub fn parse(data: &'a str) -> Result<Self, PacketError> {
        let arguments: Arguments<'a> = serde_json::from_str(data)
            .map_err(|error| if error.is_data() { PacketError::Array } else { PacketError::Json })?;
        let name = trimmed(arguments.first.and_then(text_of).ok_or(PacketError::Name)?);
        if RESERVED_EVENTS.contains(&name.as_ref()) {
            return Err(PacketError::Reserved);
        }
        Ok(Self { name, payload: arguments.second.filter(|payload| payload.get() != "null") })
    }
}

/// The name is left where it stands unless it holds escapes.
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().into()),
    }
}

/// The values of an array that count.
#[derive(Debug)]
struct Arguments<'a> {
    first: Option<&'a RawValue>,
    second: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Arguments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Arguments<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Arguments<'de>, A::Error> {
                let arguments = Arguments { first: values.next_element()?, second: values.next_element()? };
                while values.next_element::<IgnoredAny>()?.is_some() {}
                Ok(arguments)
            }
        }

        deserializer.deserialize_seq(Values)
    }
}
