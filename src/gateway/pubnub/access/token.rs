//! Tokens: CBOR that libraries can read, in the app's own seal; what has no such seal is not read.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use ciborium::Value;
use hmac::{Hmac, KeyInit, Mac};
use regex::{Regex, RegexBuilder};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::grant::{Grant, Kinds, Rules};
use crate::config::PubNub as Settings;
use crate::core::{PartyId, Wall};

/// The longest token, in bytes; it has to fit into an address.
const MAX_BYTES: usize = 16 * 1024;

/// The most memory of a compiled pattern.
const PATTERN_BYTES: usize = 64 * 1024;

/// What stands before the seal, which is the last of the map: its key, a byte string of 3, and that 32 bytes follow.
const SEAL_HEAD: &[u8] = b"\x43sig\x58\x20";
const SEAL_BYTES: usize = 32;

/// Why something is no token of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// It has no seal of the app.
    Foreign,
    /// It has one, but is not what the hub writes.
    Damaged,
}

/// A token that was read.
#[derive(Debug)]
pub(super) struct Token {
    issued: u64,
    ttl: u64,
    pub(super) channels: Allowed,
    pub(super) groups: Allowed,
    /// Who alone may use it.
    pub(super) uuid: Option<PartyId>,
}

/// What is allowed with things of one kind.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    names: HashMap<String, u64>,
    patterns: Vec<(Regex, u64)>,
}

impl Allowed {
    /// The sum of what is allowed with something of this name. What names it counts, and only otherwise what its name looks like.
    pub(super) fn sum(&self, name: &str) -> u64 {
        let by_pattern = || {
            let fitting = self.patterns.iter().filter(|(pattern, _)| pattern.is_match(name));
            fitting.fold(0, |sum, (_, more)| sum | more)
        };
        self.names.get(name).copied().unwrap_or_else(by_pattern)
    }
}

/// A pattern of a token; `None` if it is none, or too large.
pub(super) fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build().ok()
}

/// The bytes of a token in text.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    if text.len() > MAX_BYTES { None } else { URL_SAFE_NO_PAD.decode(text).ok() }
}

impl Token {
    /// Makes the text of a token; `None` if it is too long.
    pub(super) fn make(settings: &Settings, grant: &Grant, now: Wall) -> Option<String> {
        let number = |number: u64| Value::Integer(number.into());
        let meta = Value::serialized(&grant.meta).ok()?;
        let mut members = vec![
            (key("v"), number(2)),
            (key("t"), number(now.seconds())),
            (key("ttl"), number(grant.ttl)),
            (key("res"), kinds(&grant.resources)),
            (key("pat"), kinds(&grant.patterns)),
            (key("meta"), meta),
        ];
        if let Some(uuid) = &grant.uuid {
            members.push((key("uuid"), Value::Text(uuid.as_str().to_owned())));
        }
        members.push((key("sig"), Value::Bytes(vec![0; SEAL_BYTES])));
        let mut bytes = Vec::new();
        ciborium::into_writer(&Value::Map(members), &mut bytes).ok()?;
        let sealed = bytes.len().checked_sub(SEAL_BYTES)?;
        let seal = seal(settings, bytes[..sealed].strip_suffix(SEAL_HEAD)?)?.finalize().into_bytes();
        bytes.truncate(sealed);
        bytes.extend_from_slice(&seal);
        Some(URL_SAFE.encode(bytes)).filter(|text| text.len() <= MAX_BYTES)
    }

    /// Whether bytes that somebody else made are no token, and with the app's seal are read or refused: the seal is what keeps them
    /// from being read.
    pub(super) fn is_sealed_right(settings: &Settings, bytes: &[u8]) -> bool {
        let Some(seal) = seal(settings, bytes) else { return true };
        let sealed = [bytes, SEAL_HEAD, &seal.finalize().into_bytes()].concat();
        let is_own = !matches!(Self::read(settings, &sealed), Err(Bad::Foreign));
        is_own && matches!(Self::read(settings, bytes), Err(Bad::Foreign))
    }

    /// Reads a token of the app.
    ///
    /// # Errors
    /// It has no seal of the app, or is damaged.
    pub(super) fn read(settings: &Settings, bytes: &[u8]) -> Result<Self, Bad> {
        let (sealed, given) = bytes.split_last_chunk::<SEAL_BYTES>().ok_or(Bad::Foreign)?;
        let sealed = sealed.strip_suffix(SEAL_HEAD).ok_or(Bad::Foreign)?;
        let is_own = seal(settings, sealed).is_some_and(|seal| seal.verify_slice(given).is_ok());
        if !is_own {
            return Err(Bad::Foreign);
        }
        ciborium::from_reader(bytes).ok().and_then(|value| Self::of(&value)).ok_or(Bad::Damaged)
    }

    fn of(value: &Value) -> Option<Self> {
        let (res, pat) = (find(value, "res")?, find(value, "pat")?);
        let allowed = |kind| {
            let compiled =
                rules(find(pat, kind)?)?.into_iter().map(|(text, sum)| Some((pattern(&text)?, sum)));
            Some(Allowed {
                names: rules(find(res, kind)?)?.into_iter().collect(),
                patterns: compiled.collect::<Option<_>>()?,
            })
        };
        let uuid = match find(value, "uuid") {
            Some(uuid) => Some(PartyId::new(uuid.as_text()?).ok()?),
            None => None,
        };
        let number = |name| u64::try_from(find(value, name)?.as_integer()?).ok();
        Some(Self {
            issued: number("t")?,
            ttl: number("ttl")?,
            channels: allowed("chan")?,
            groups: allowed("grp")?,
            uuid,
        })
    }

    /// From which second since 1970 it is not good any more.
    pub(super) fn ends(&self) -> u64 {
        self.issued.saturating_add(self.ttl.saturating_mul(60))
    }
}

/// The app's seal over what stands before it. The subscribe key is in it, so that apps with one secret have tokens of their own;
/// nothing else that the secret signs has a zero byte.
fn seal(settings: &Settings, sealed: &[u8]) -> Option<Hmac<Sha256>> {
    let secret = Some(settings.secret_key.expose_secret()).filter(|secret| !secret.is_empty())?;
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    Some(mac.chain_update(&settings.subscribe_key).chain_update([0]).chain_update(sealed))
}

/// Keys are byte strings.
fn key(name: &str) -> Value {
    Value::Bytes(name.as_bytes().to_vec())
}

fn kinds(kinds: &Kinds) -> Value {
    let rules = |rules: &Rules| {
        let rule = |(name, sum): (&String, &u64)| (Value::Text(name.clone()), Value::Integer((*sum).into()));
        Value::Map(rules.iter().map(rule).collect())
    };
    Value::Map(vec![
        (key("chan"), rules(&kinds.channels)),
        (key("grp"), rules(&kinds.groups)),
        (key("usr"), rules(&kinds.users)),
        (key("spc"), rules(&kinds.spaces)),
        (key("uuid"), rules(&kinds.uuids)),
    ])
}

fn find<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let is_it = |(key, _): &&(Value, Value)| key.as_bytes().is_some_and(|key| key == name.as_bytes());
    map.as_map()?.iter().find(is_it).map(|(_, value)| value)
}

fn rules(map: &Value) -> Option<Vec<(String, u64)>> {
    let rule = |(name, sum): &(Value, Value)| {
        Some((name.as_text()?.to_owned(), u64::try_from(sum.as_integer()?).ok()?))
    };
    map.as_map()?.iter().map(rule).collect()
}
