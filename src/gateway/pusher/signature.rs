//! Signed requests: what was signed, in every way in which libraries write it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::sign;
use crate::gateway::keys::KeyPair;

/// The parameter that holds the signature itself.
const SIGNATURE: &str = "auth_signature";

/// The parameters that every signed request may have.
const AUTH: [&str; 5] = ["auth_key", "auth_timestamp", "auth_version", "body_md5", SIGNATURE];

/// How many parameters are looked at; a request with more is none of the dialect's.
const MOST_PARAMETERS: usize = 256;

/// The query of a request, as it came.
#[derive(Debug, Clone)]
pub(super) struct Query {
    raw: Vec<(String, String)>,
}

impl Query {
    /// Reads a query; `None` if it has too many parameters.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let raw: Vec<_> = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .take(MOST_PARAMETERS + 1)
            .collect();
        (raw.len() <= MOST_PARAMETERS).then_some(Self { raw })
    }

    /// The values of a parameter, decoded.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = String> + 'a {
        let is_it = move |(known, _): &&(String, String)| Style::Form.decode(known) == key;
        self.raw.iter().filter(is_it).map(|(_, value)| Style::Form.decode(value).into_owned())
    }

    /// The first value of a parameter, decoded.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.all(key).next()
    }

    /// The parameters that are none of the signature's own.
    pub(super) fn others(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let keys = self.raw.iter().map(|(key, _)| Style::Form.decode(key));
        keys.filter(|key| !AUTH.contains(&key.to_ascii_lowercase().as_str()))
    }

    /// The parameters as they were signed, if they were signed in this style.
    fn signed(&self, style: Style) -> String {
        let decoded = self.raw.iter().map(|(key, value)| (style.decode(key), style.decode(value)));
        let mut pairs: Vec<(String, Cow<'_, str>)> = decoded
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .filter(|(key, _)| key != SIGNATURE)
            .collect();
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join("&")
    }
}

/// How a parameter was written between its signature and the wire.
#[derive(Debug, Clone, Copy)]
enum Style {
    /// `%XX` stands for a byte, `+` for itself.
    Percent,
    /// `+` stands for a blank, too.
    Form,
    /// As it is.
    Raw,
}

impl Style {
    const ALL: [Self; 3] = [Self::Percent, Self::Form, Self::Raw];

    fn decode(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Percent => percent_decode_str(text).decode_utf8_lossy(),
            Self::Form if text.contains('+') => {
                let text = text.replace('+', " ");
                Cow::Owned(percent_decode_str(&text).decode_utf8_lossy().into_owned())
            }
            Self::Form => percent_decode_str(text).decode_utf8_lossy(),
            Self::Raw => Cow::Borrowed(text),
        }
    }
}

/// Whether a pair of keys signed a request. Libraries sign what they then escape, each in its own way; without a pair the same
/// work comes to nothing. The error is what should have been signed.
pub(super) fn check(
    pair: Option<&KeyPair>,
    (method, path): (&str, &str),
    query: &Query,
    signature: &str,
) -> Result<(), String> {
    let paths = distinct([Cow::Borrowed(path), Style::Percent.decode(path)]);
    let queries = distinct(Style::ALL.map(|style| Cow::Owned(query.signed(style))));
    let mut is_signed = false;
    for path in &paths {
        for query in &queries {
            is_signed |= sign::is_signed(pair, &[method, "\n", path, "\n", query], signature);
        }
    }
    if is_signed { Ok(()) } else { Err(format!("{method}\\n{path}\\n{}", queries[0])) }
}

fn distinct<const N: usize>(texts: [Cow<'_, str>; N]) -> Vec<Cow<'_, str>> {
    let mut distinct = Vec::with_capacity(N);
    for text in texts {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use secrecy::SecretString;

    const SECRET: &str = "7ad3773142a6692b25b8";
    const AUTH: &str = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0";

    fn pair() -> KeyPair {
        KeyPair { key: "278d425bdf160c739803".into(), secret: SecretString::from(SECRET), is_active: true }
    }

    fn is_signed(method: &str, path: &str, query: &str, signature: &str) -> bool {
        let query = format!("{query}&auth_signature={signature}");
        check(Some(&pair()), (method, path), &Query::parse(&query).unwrap(), signature).is_ok()
    }

    fn hand_made(text: &str) -> String {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Method, path, parameters beside those of every request, and the signature.
    const KNOWN: [(&str, &str, &str, &str); 9] = [
        (
            "POST",
            "/apps/3/events",
            "&body_md5=ec365a775a4cd0599faeb73354201b6f",
            "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
        ),
        (
            "GET",
            "/apps/3/channels/presence-foobar/users",
            "",
            "5567dd30e7f8575e66be615d2aac3f608a0c311c31ddab8513a278b022e9597e",
        ),
        (
            "GET",
            "/apps/3/channels/presence-foobar/users",
            "&body_md5=d41d8cd98f00b204e9800998ecf8427e",
            "3d68b512095fd42cb6741cc80616761b1c77d00fcc4d6d9740f09504a4b761b0",
        ),
        (
            "GET",
            "/apps/3/channels",
            "&filter_by_prefix=presence-&info=user_count",
            "16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291",
        ),
        (
            "GET",
            "/apps/3/channels/presence-foobar",
            "&info=user_count,subscription_count",
            "377ee9260ea002a70c0d40cd887d55cb36db9f7f821297f5efacbcce66be356d",
        ),
        (
            "GET",
            "/apps/3/channels/presence-foobar",
            "&info=user_count%2Csubscription_count",
            "377ee9260ea002a70c0d40cd887d55cb36db9f7f821297f5efacbcce66be356d",
        ),
        (
            "GET",
            "/apps/3/channels/foo-bar_1234@=,.;",
            "",
            "92a50d7ff50818ae5a8c1f893647bd11bec35b0b90c86c1b12ad81946b8a3ab4",
        ),
        (
            "POST",
            "/apps/3/users/12345/terminate_connections",
            "&body_md5=99914b932bd37a50b983c5e7c90ae93b",
            "01fa634edeb0cae84115307cad5c23f65a46cd286461b1c89637a3b5871a8f0e",
        ),
        (
            "POST",
            "/users/12345/terminate_connections",
            "&body_md5=99914b932bd37a50b983c5e7c90ae93b",
            "e3c6b279be14c04728803c2f54d90bef57357d2bb2e1b8ae90507149cd3308d7",
        ),
    ];

    #[test]
    fn known_requests_are_signed() {
        for (method, path, more, signature) in KNOWN {
            let query = format!("{AUTH}{more}");
            assert!(is_signed(method, path, &query, signature), "{method} {path} {more}");
            let (front, back) = query.split_once('&').unwrap();
            assert!(is_signed(method, path, &format!("{back}&{front}"), signature), "the order is free");
            assert!(!is_signed("PUT", path, &query, signature));
            assert!(!is_signed(method, &format!("{path}x"), &query, signature));
            assert!(!is_signed(method, path, &format!("{query}&more=1"), signature));
            let without = Query::parse(&query).unwrap();
            assert!(check(None, (method, path), &without, signature).is_err());
        }
    }

    #[test]
    fn every_way_of_writing_a_value_is_tried() {
        let signed =
            |value: &str| hand_made(&format!("GET\n/apps/3/channels\n{AUTH}&filter_by_prefix={value}"));
        for (value, wire) in [
            ("a+b", "a+b"),
            ("a+b", "a%2Bb"),
            ("a b", "a+b"),
            ("a b", "a%20b"),
            ("a%2Cb", "a%2Cb"),
            ("é", "%C3%A9"),
        ] {
            let query = format!("{AUTH}&filter_by_prefix={wire}");
            assert!(is_signed("GET", "/apps/3/channels", &query, &signed(value)), "{value} {wire}");
        }
        let upper = hand_made(&format!("GET\n/apps/3/channels\n{AUTH}&info=x"));
        assert!(is_signed("GET", "/apps/3/channels", &format!("{AUTH}&INFO=x"), &upper));
        let array = hand_made(&format!("GET\n/p\n{AUTH}&channels[]=a&channels[]=b"));
        for wire in ["channels[]=a&channels[]=b", "channels%5B%5D=a&channels%5B%5D=b"] {
            assert!(is_signed("GET", "/p", &format!("{AUTH}&{wire}"), &array), "{wire}");
        }
    }

    #[test]
    fn a_path_may_have_been_signed_before_it_was_escaped() {
        let (raw, wire) =
            ("/apps/3/users/u 1|x/terminate_connections", "/apps/3/users/u%201%7Cx/terminate_connections");
        for path in [raw, wire] {
            assert!(is_signed("POST", wire, AUTH, &hand_made(&format!("POST\n{path}\n{AUTH}"))), "{path}");
        }
    }

    #[test]
    fn queries_are_bounded_and_odd_ones_are_read() {
        assert!(Query::parse(&"a&".repeat(256)).is_some());
        assert!(Query::parse(&"a&".repeat(257)).is_none());
        let query = Query::parse("a=1&a=%zz&b&=x&channels[]=%ff&auth_key=k&INFO=y").unwrap();
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "%zz"]);
        assert_eq!((query.get("b").as_deref(), query.get("c")), (Some(""), None));
        assert_eq!(query.others().collect::<Vec<_>>(), ["a", "a", "b", "", "channels[]", "INFO"]);
    }
}
