//! A JSON object whose values stay as they were written: what a hub needs of a payload that it mostly passes on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// The members of a JSON object in the order of their first mention, each value as raw text. Of a key that stands twice the
/// last value counts, as it does in every browser.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads an object; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Reads a value that may be an object.
    #[must_use]
    pub fn of(value: &'a RawValue) -> Option<Self> {
        Self::parse(value.get())
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.members.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }

    /// The value of a key; a `null` counts as absent.
    #[must_use]
    pub fn given(&self, key: &str) -> Option<&'a RawValue> {
        self.get(key).filter(|value| value.get() != "null")
    }

    /// The value of a key, if it is a string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(text_of)
    }

    /// The value of a key, if it is `true` or `false`.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key)?.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The value of a key, if it is an object.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<Self> {
        self.get(key).and_then(Self::of)
    }

    /// The members, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Sets a member. Where there are many, `places` says where each stands, so that reading an object costs time linear in its length,
    /// whoever wrote it.
    fn set(&mut self, key: Cow<'a, str>, value: &'a RawValue, places: &mut HashMap<Cow<'a, str>, usize>) {
        let place = if places.is_empty() {
            self.members.iter().position(|(known, _)| *known == key)
        } else {
            places.get(&key).copied()
        };
        if let Some(place) = place {
            self.members[place].1 = value;
            return;
        }
        if !places.is_empty() {
            places.insert(key.clone(), self.members.len());
        }
        self.members.push((key, value));
        if self.members.len() == MANY {
            places.extend(self.members.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)));
        }
    }
}

/// From how many members on their places are noted.
const MANY: usize = 32;

/// The text of a value that is a JSON string.
#[must_use]
pub(crate) fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

/// A string that is borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object::default();
                let mut places = HashMap::new();
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    object.set(key.0, value, &mut places);
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (key, value) in &self.members {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_were_written_and_the_last_of_a_key_counts() {
        let object = Object::parse(r#"{"a": [1, 2.50],"b":null,"\u0061":"x\ty","c":true}"#).unwrap();
        assert_eq!(object.text("a").as_deref(), Some("x\ty"));
        assert_eq!(object.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(object.get("b").is_some() && object.given("b").is_none());
        assert_eq!(object.flag("c"), Some(true));
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"a":"x\ty","b":null,"c":true}"#);
    }

    #[test]
    fn the_last_of_a_key_counts_however_many_there_are() {
        for count in [1, MANY - 1, MANY, MANY + 1, 20_000] {
            let members = |value: usize| (0..count).map(move |key| format!("\"k{key}\":{value}"));
            let text = format!("{{{}}}", members(1).chain(members(2)).collect::<Vec<_>>().join(","));
            let object = Object::parse(&text).unwrap();
            assert_eq!(object.iter().count(), count);
            assert!(
                object
                    .iter()
                    .enumerate()
                    .all(|(place, (key, value))| { key == format!("k{place}") && value.get() == "2" })
            );
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "1", "null", "\"x\"", "{", "{\"a\":}", "{\"a\":1}x"] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }
}
