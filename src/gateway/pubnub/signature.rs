//! Signed requests: what backends that have the secret key sign, in every way in which libraries write it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::fault::Fault;
use super::query::Query;
use crate::config::PubNub as Settings;
use crate::core::Wall;

const SIGNATURE: &str = "signature";

/// What a signature of the second version begins with.
const SECOND: &str = "v2.";

/// Everything but `A-Z a-z 0-9 - _ .`.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// What the library in Rust encodes.
const RUST: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'#')
    .add(b'?')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'|')
    .add(b'+')
    .add(b'%')
    .add(b'!')
    .add(b'$');

/// A request as far as it is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// The method.
    pub(super) method: &'a str,
    /// The path, not decoded.
    pub(super) path: &'a str,
    /// The parameters.
    pub(super) query: &'a Query<'a>,
    /// The body as it came.
    pub(super) body: &'a [u8],
}

/// What is wrong with a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// There is none.
    Missing,
    /// Its time is missing or too far off.
    Late,
    /// It is not the app's.
    Wrong,
}

impl From<Unsigned> for Fault {
    fn from(why: Unsigned) -> Self {
        match why {
            Unsigned::Missing | Unsigned::Wrong => Self::unsigned(),
            Unsigned::Late => Self::bad_timestamp(),
        }
    }
}

impl Request<'_> {
    /// Whether somebody with the app's secret key made this request just now.
    ///
    /// # Errors
    /// Says why not.
    pub(super) fn check(&self, settings: &Settings, now: Wall) -> Result<(), Unsigned> {
        let given = self.query.raw_value(SIGNATURE).ok_or(Unsigned::Missing)?;
        let timestamp: i64 =
            self.query.raw_value("timestamp").and_then(|text| text.parse().ok()).ok_or(Unsigned::Late)?;
        let now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
        if timestamp.abs_diff(now) > settings.clock_window.as_secs() {
            return Err(Unsigned::Late);
        }
        if self.is_signed(settings, given) { Ok(()) } else { Err(Unsigned::Wrong) }
    }

    fn is_signed(&self, settings: &Settings, given: &str) -> bool {
        let given = percent_decode_str(given).decode_utf8_lossy();
        let is_publish = self.method == "POST" && self.path.starts_with("/publish/");
        let (publish, subscribe) = (settings.publish_key.as_str(), settings.subscribe_key.as_str());
        let mut is_right = false;
        match given.strip_prefix(SECOND) {
            Some(given) => {
                let given = signature(given);
                for query in self.queries() {
                    for path in self.paths() {
                        let parts = [publish, "\n", &path, "\n", &query, "\n"];
                        is_right |= is_made(settings, &[&[self.method, "\n"], &parts[..]], self.body, &given);
                        // The library in JavaScript signs what it posts as if it got it.
                        is_right |=
                            is_publish && is_made(settings, &[&["GET", "\n"], &parts[..]], b"", &given);
                    }
                }
            }
            // The first version, in which only messages are still posted.
            None if is_publish => {
                let given = signature(&given);
                for query in self.queries() {
                    let parts = [subscribe, "\n", publish, "\n", self.path, "\n", &query];
                    is_right |= is_made(settings, &[&parts[..]], b"", &given);
                }
            }
            None => {}
        }
        is_right
    }

    /// The path as it came; and with its last segment decoded, as one library signs it.
    fn paths(&self) -> Vec<Cow<'_, str>> {
        let mut paths = vec![Cow::Borrowed(self.path)];
        let last = self.path.rfind('/').map_or(0, |slash| slash + 1);
        let decoded = percent_decode_str(&self.path[last..]).decode_utf8_lossy();
        if decoded != self.path[last..] {
            paths.push(Cow::Owned(format!("{}{decoded}", &self.path[..last])));
        }
        paths
    }

    /// The parameters in order, written in each of the ways in which libraries write them.
    fn queries(&self) -> Vec<String> {
        let raw = self.query.raw().iter().filter(|(key, _)| *key != SIGNATURE);
        let mut pairs: Vec<_> = raw.copied().collect();
        pairs.sort_by_key(|(key, _)| *key);
        let written = |form: &Form| {
            let pair = |(key, value): &(&str, &str)| format!("{key}={}", form.written(key, value));
            pairs.iter().map(pair).collect::<Vec<_>>().join("&")
        };
        let mut queries: Vec<_> = FORMS.iter().map(written).collect();
        queries.dedup();
        queries
    }
}

/// How a library writes the values that it signs.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// As they are sent.
    Raw,
    /// Encoded in its own way.
    Encoded(&'static AsciiSet),
    /// Encoded strictly, and those of some parameters once more than they are sent, as the library in Python does it.
    Twice(&'static [&'static str]),
}

const FORMS: [Form; 5] = [
    Form::Raw,
    Form::Encoded(STRICT),
    Form::Encoded(RUST),
    Form::Twice(&["channel-group"]),
    Form::Twice(&["channel-group", "filter-expr", "state"]),
];

impl Form {
    fn written(self, key: &str, value: &str) -> String {
        let (set, is_twice) = match self {
            Self::Raw => return value.to_owned(),
            Self::Encoded(set) => (set, false),
            Self::Twice(keys) => (STRICT, keys.contains(&key)),
        };
        let value = if is_twice { value.into() } else { percent_decode_str(value).decode_utf8_lossy() };
        utf8_percent_encode(&value, set).to_string()
    }
}

/// The bytes of a signature; none at all for what cannot be one.
fn signature(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default()
}

/// Whether a signature is that of these parts, compared in constant time.
fn is_made(settings: &Settings, parts: &[&[&str]], body: &[u8], given: &[u8]) -> bool {
    let secret = settings.secret_key.expose_secret();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    for part in parts.iter().copied().flatten() {
        mac.update(part.as_bytes());
    }
    mac.update(body);
    mac.verify_slice(given).is_ok() && !secret.is_empty()
}

#[cfg(test)]
mod tests;
