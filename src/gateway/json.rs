//! JSON as it comes from outside: bounded before it is parsed, compared by what it means, and written without a tree.
//!
//! Of a key that stands twice in an object the last value counts, everywhere.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr2;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::core::Fingerprint;

/// How much JSON may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// How deep objects and arrays may lie in one another; at most [`Caps::MAX_DEPTH`].
    pub depth: usize,
    /// How many keys an object may have.
    pub keys: u32,
    /// How many bytes a string may have, as it is written.
    pub string: usize,
}

impl Caps {
    /// The deepest nesting that can be allowed.
    pub const MAX_DEPTH: usize = 64;
}

impl Default for Caps {
    fn default() -> Self {
        Self { depth: 32, keys: 256, string: 16 * 1024 }
    }
}

/// What was too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Objects and arrays lie too deep in one another.
    Depth,
    /// An object has too many keys.
    Keys,
    /// A string is too long.
    String,
    /// A string holds half of a surrogate pair, which no text has.
    Surrogate,
    /// A number is greater than a double can be.
    Number,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "objects and arrays lie too deep in one another",
            Self::Keys => "an object has too many keys",
            Self::String => "a string is too long",
            Self::Surrogate => "a string holds half of a surrogate pair",
            Self::Number => "a number is out of range",
        })
    }
}

/// Checks text against the caps, in one pass and without allocating. Whether it is JSON at all is for the parser to say.
///
/// # Errors
/// Says what is too much.
pub fn check(text: &str, caps: &Caps) -> Result<(), Excess> {
    let bytes = text.as_bytes();
    let mut keys = [0_u32; Caps::MAX_DEPTH];
    let mut depth = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = check_string(bytes, at, caps.string)?,
            b'{' | b'[' => {
                if depth >= caps.depth.min(Caps::MAX_DEPTH) {
                    return Err(Excess::Depth);
                }
                keys[depth] = 0;
                depth += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth > 0 => {
                keys[depth - 1] += 1;
                if keys[depth - 1] > caps.keys {
                    return Err(Excess::Keys);
                }
            }
            b'-' | b'0'..=b'9' => at = check_number(text, at - 1)?,
            _ => {}
        }
    }
    Ok(())
}

/// Follows a string from behind its opening quote to behind its closing one.
fn check_string(bytes: &[u8], start: usize, limit: usize) -> Result<usize, Excess> {
    let mut at = start;
    // An unfinished string is the parser's to refuse.
    while let Some(found) = memchr2(b'"', b'\\', &bytes[at..]) {
        at += found;
        if bytes[at] == b'"' {
            return if at - start > limit { Err(Excess::String) } else { Ok(at + 1) };
        }
        at = match unit_at(bytes, at) {
            None => (at + 2).min(bytes.len()),
            Some(0xd800..=0xdbff) => match unit_at(bytes, at + 6) {
                Some(0xdc00..=0xdfff) => at + 12,
                _ => return Err(Excess::Surrogate),
            },
            Some(0xdc00..=0xdfff) => return Err(Excess::Surrogate),
            Some(_) => at + 6,
        };
    }
    if bytes.len() - start > limit { Err(Excess::String) } else { Ok(bytes.len()) }
}

/// The UTF-16 unit that a `\u` escape stands for.
fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

fn check_number(text: &str, start: usize) -> Result<usize, Excess> {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let bytes = &text.as_bytes()[start..];
    let length = bytes.iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len());
    // Short plain numbers are in range; of the others the standard library knows.
    let is_plain = length < 300 && !bytes[..length].iter().any(|byte| matches!(byte, b'e' | b'E'));
    let is_finite = || text[start..start + length].parse::<f64>().map_or(true, f64::is_finite);
    if is_plain || is_finite() { Ok(start + length) } else { Err(Excess::Number) }
}

/// What a JSON text means, whatever the order of its keys, its white space and its escapes, and without the members
/// whose keys are `ignored`, at any depth. `None` if it is not JSON.
#[must_use]
pub fn fingerprint(text: &str, ignored: &[&str]) -> Option<Fingerprint> {
    let mut json = serde_json::Deserializer::from_str(text);
    let meaning = Meaning { ignored }.deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(Fingerprint(meaning))
}

/// Hashes a value from its leaves up: an object is the hash of its members' hashes in the order of their keys.
#[derive(Clone, Copy)]
struct Meaning<'a> {
    ignored: &'a [&'a str],
}

/// Seeds, so that values of different kinds never mean the same.
const NULL: u64 = 1;
const BOOL: u64 = 2;
const NUMBER: u64 = 3;
const TEXT: u64 = 4;
const ARRAY: u64 = 5;
const OBJECT: u64 = 6;

impl<'de> DeserializeSeed<'de> for Meaning<'_> {
    type Value = u128;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u128, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Meaning<'_> {
    type Value = u128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<u128, E> {
        Ok(xxh3_128_with_seed(&[], NULL))
    }

    fn visit_bool<E>(self, value: bool) -> Result<u128, E> {
        Ok(xxh3_128_with_seed(&[u8::from(value)], BOOL))
    }

    fn visit_u64<E>(self, value: u64) -> Result<u128, E> {
        Ok(number(&i128::from(value).to_le_bytes()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<u128, E> {
        Ok(number(&i128::from(value).to_le_bytes()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<u128, E> {
        // 1.0 is 1, as it is to every client.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it was just found to be a small whole number"
            )]
            let whole = value as i64;
            return Ok(number(&i128::from(whole).to_le_bytes()));
        }
        Ok(number(&value.to_le_bytes()))
    }

    fn visit_str<E>(self, value: &str) -> Result<u128, E> {
        Ok(xxh3_128_with_seed(value.as_bytes(), TEXT))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<u128, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.extend_from_slice(&item.to_le_bytes());
        }
        Ok(xxh3_128_with_seed(&items, ARRAY))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u128, A::Error> {
        let mut members: Vec<(Cow<'de, str>, u128)> = Vec::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let value = map.next_value_seed(self)?;
            if !self.ignored.contains(&key.0.as_ref()) {
                members.push((key.0, value));
            }
        }
        // The sort is stable, so of equal keys the last one is the one that was written last.
        members.sort_by(|one, other| one.0.cmp(&other.0));
        let mut bytes = Vec::with_capacity(members.len() * 32);
        for (place, (key, value)) in members.iter().enumerate() {
            if members.get(place + 1).is_none_or(|next| next.0 != *key) {
                bytes.extend_from_slice(&xxh3_128_with_seed(key.as_bytes(), TEXT).to_le_bytes());
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        Ok(xxh3_128_with_seed(&bytes, OBJECT))
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

fn number(bytes: &[u8]) -> u128 {
    xxh3_128_with_seed(bytes, NUMBER)
}

/// Appends text as a JSON string.
pub fn quote(text: &str, out: &mut Vec<u8>) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Text can always be written as a JSON string.
        out.extend_from_slice(serde_json::to_string(text).unwrap_or_default().as_bytes());
    }
}

/// Appends an object.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Members<'_>)) {
    out.push(b'{');
    let mut members = Members { out, is_first: true };
    fill(&mut members);
    members.out.push(b'}');
}

/// The members of an object that is being appended.
#[derive(Debug)]
pub struct Members<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl Members<'_> {
    /// Appends a key, and lends where its value is to be appended.
    pub fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        quote(key, self.out);
        self.out.push(b':');
        self.out
    }

    /// Appends a member whose value is JSON already.
    pub fn raw(&mut self, key: &str, json: &[u8]) {
        self.key(key).extend_from_slice(json);
    }

    /// Appends a member whose value is text.
    pub fn text(&mut self, key: &str, text: &str) {
        quote(text, self.key(key));
    }

    /// Appends a member whose value is a number.
    pub fn number(&mut self, key: &str, number: u32) {
        self.raw(key, number.to_string().as_bytes());
    }

    /// Appends a member whose value is an object.
    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Members<'_>)) {
        object(self.key(key), fill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const CAPS: Caps = Caps { depth: 4, keys: 3, string: 8 };

    #[test]
    fn the_caps_are_exact() {
        for (text, found) in [
            ("[[[[]]]]", Ok(())),
            ("[[[[[]]]]]", Err(Excess::Depth)),
            (r#"{"a":{"a":{"a":{}}}}"#, Ok(())),
            (r#"{"a":{"a":{"a":{"a":{}}}}}"#, Err(Excess::Depth)),
            (r#"{"a":1,"b":1,"c":1}"#, Ok(())),
            (r#"{"a":1,"b":1,"c":1,"d":1}"#, Err(Excess::Keys)),
            (r#"{"a":{"a":1,"b":1,"c":1},"b":{"a":1,"b":1,"c":1},"c":1}"#, Ok(())),
            (r#"{"a":"::::","b":"{[{["}"#, Ok(())),
            (r#""12345678""#, Ok(())),
            (r#""123456789""#, Err(Excess::String)),
            (r#"{"123456789":1}"#, Err(Excess::String)),
            (r#""\"\"\"\"""#, Ok(())),
            (r#""\ud83d""#, Err(Excess::Surrogate)),
            (r#""\ude00""#, Err(Excess::Surrogate)),
            (r#""\ud83d\n""#, Err(Excess::Surrogate)),
            (r#""\u00e4""#, Ok(())),
            (r#""\\ud83d""#, Ok(())),
            ("1e308", Ok(())),
            ("[1e309]", Err(Excess::Number)),
            ("-1E999999999", Err(Excess::Number)),
            ("0.1e-999999999", Ok(())),
            (r#""123456789"#, Err(Excess::String)),
            (r#""\"#, Ok(())),
            (r#""\u12"#, Ok(())),
            ("]]]]", Ok(())),
        ] {
            assert_eq!(check(text, &CAPS), found, "{text}");
        }
        let pair = Caps { string: 12, ..CAPS };
        assert_eq!(check(r#""\ud83d\ude00""#, &pair), Ok(()));
        assert_eq!(check(&"9".repeat(400), &CAPS), Err(Excess::Number));
    }

    #[test]
    fn what_means_the_same_has_one_fingerprint() {
        let of = |text: &str| fingerprint(text, &["sessionId", "joinTime"]);
        let same = of(r#"{"a":1,"b":{"c":[true,null,"x"]}}"#);
        assert!(same.is_some());
        for text in [
            r#"{ "b": {"c":[true, null, "\u0078"]}, "a": 1.0 }"#,
            r#"{"a":2,"b":{"c":[true,null,"x"],"joinTime":7},"a":1,"sessionId":"s"}"#,
        ] {
            assert_eq!(of(text), same, "{text}");
        }
        for text in [
            r#"{"a":1,"b":{"c":[null,true,"x"]}}"#,
            r#"{"a":"1","b":{"c":[true,null,"x"]}}"#,
            r#"{"a":1,"b":{"c":[true,null,"x"],"d":{}}}"#,
            r#"{"a":1.5,"b":{"c":[true,null,"x"]}}"#,
            "[]",
            "{}",
        ] {
            assert_ne!(of(text), same, "{text}");
        }
        assert_eq!(of("{"), None);
        assert_eq!(of("{}{}"), None);
        assert_eq!(of("1e999"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f32>().prop_filter_map("whole", |x| (x.fract() != 0.0).then(|| Value::from(x))),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,3}", inner), 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn equal_values_and_only_those_have_equal_fingerprints(one in any_json(), other in any_json()) {
            let of = |value: &Value| fingerprint(&value.to_string(), &[]);
            prop_assert_eq!(of(&one), fingerprint(&format!("{one:#}"), &[]));
            prop_assert_eq!(one == other, of(&one) == of(&other));
        }

        #[test]
        fn sound_json_passes_and_anything_may_be_checked(value in any_json(), text in ".{0,64}") {
            prop_assert_eq!(check(&value.to_string(), &Caps::default()), Ok(()));
            prop_assert!(!matches!(check(&text, &Caps::default()), Err(Excess::Keys | Excess::String)));
        }

        #[test]
        fn quoted_text_is_read_back(text in ".{0,64}") {
            let mut out = Vec::new();
            quote(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
