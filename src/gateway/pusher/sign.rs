//! The app's signatures: HMAC-SHA256 with one of its secrets, as lower-case hexadecimal, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use secrecy::ExposeSecret;
use sha2::Sha256;

use crate::gateway::apps::App;
use crate::gateway::keys::KeyPair;

/// What is done for an app that is not known, so that it takes as long as for one that is.
const DUMMY_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// How long a signature is, in hexadecimal.
const HEX_LENGTH: usize = 64;

/// Whether a signature in hexadecimal is of this pair of keys, over these parts. Without a pair the same work comes to nothing.
pub(super) fn is_signed(pair: Option<&KeyPair>, parts: &[&str], given: &str) -> bool {
    let secret = pair.map_or(DUMMY_SECRET, |pair| pair.secret.expose_secret());
    let mut signature = [0; HEX_LENGTH / 2];
    let is_hex = hex::decode_to_slice(given, &mut signature).is_ok()
        && !given.bytes().any(|byte| byte.is_ascii_uppercase());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    for part in parts {
        mac.update(part.as_bytes());
    }
    let is_right = mac.verify_slice(&signature).is_ok();
    is_right && is_hex && pair.is_some() && !secret.is_empty()
}

/// The `auth` of a text: a key of the app and a signature.
pub(super) fn auth(app: &App, text: &str) -> String {
    // Keys of any length will do, so there is always a signature.
    let pair = app.keys.signer();
    let mac = Hmac::<Sha256>::new_from_slice(pair.secret.expose_secret().as_bytes());
    let signature = mac.map(|mac| hex::encode(mac.chain_update(text).finalize().into_bytes()));
    format!("{}:{}", pair.key, signature.unwrap_or_default())
}

/// Whether `auth`, which is a key and a signature, is this app's.
pub(super) fn is_authorised(app: &App, parts: &[&str], auth: &str) -> bool {
    let (key, signature) = auth.split_once(':').unwrap_or(("", auth));
    is_signed(app.keys.find(key), parts, signature)
}

/// Whether a digest in hexadecimal is the MD5 of a body.
pub(super) fn is_md5(body: &[u8], given: &str) -> bool {
    hex::encode(Md5::digest(body)).eq_ignore_ascii_case(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::AppSlot;
    use secrecy::SecretString;

    fn app(key: &str, secret: &str) -> App {
        App::new(AppSlot(0), "3", key, SecretString::from(secret.to_owned()))
    }

    #[test]
    fn known_signatures_are_right() {
        let app = app("278d425bdf160c739803", "7ad3773142a6692b25b8");
        for (signed, signature) in [
            ("1234.1234:private-foobar", "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"),
            (
                r#"1234.1234:private-foobar:{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#,
                "c0fce2476efabe5968aaaed2f994c63d0500b98879e0cf55005f2744a96a4331",
            ),
            (
                r#"1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#,
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
            ),
            (
                r#"1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#,
                "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
            ),
            (
                r#"1234.1234:presence-foobar:{"user_id": "1", "user_info": {"twitter": "@pusher"}}"#,
                "14d54c8c76cb06d95c3deeeab54d20a8899a3bd113502340af2d5d664b64f1f4",
            ),
            (
                r#"1234.1234::user::{"id":"12345"}"#,
                "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
            ),
        ] {
            let auth = format!("{}:{signature}", app.keys.signer().key);
            assert!(is_authorised(&app, &[signed], &auth), "{signed}");
            assert_eq!(super::auth(&app, signed), auth);
            let (front, back) = signed.split_at(11);
            assert!(is_authorised(&app, &[front, back], &auth));
            assert!(!is_authorised(&app, &[signed, " "], &auth));
            assert!(!is_authorised(&app, &[signed], &format!("other:{signature}")));
            assert!(!is_authorised(&app, &[signed], signature));
            assert!(!is_authorised(&app, &[signed], &auth.to_uppercase()));
            assert!(!is_authorised(&app, &[signed], &auth[..auth.len() - 2]));
        }
    }

    #[test]
    fn the_libraries_own_signatures_are_right() {
        let app = app("app-key", "app-secret");
        for (signed, signature) in [
            (
                r#"1.2:presence-x:{"user_id": 1}"#,
                "9c53029b16b375f595f30c81f418289c28b53de40aee85f047deefbf3a7d226a",
            ),
            (
                r#"1.2::user::{"id": "1", "watchlist": ["2"]}"#,
                "956db57caa3f39ee5a3e5e815d88d5772d8d73b5b327280baeb988e67d8e1aeb",
            ),
            (
                r#"1234.12:presence-channel:{"user_id": "1", "user_info": {"twitter": "@pusher"}}"#,
                "8da67b1a1b94b55b9de003853945ab39739ff5772e40a3af64d3b0c69f8333d5",
            ),
        ] {
            assert!(is_authorised(&app, &[signed], &format!("app-key:{signature}")), "{signed}");
        }
    }

    #[test]
    fn nobody_signs_for_an_app_that_is_not_there() {
        let signed = "1234.1234:private-foobar";
        let signature = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
        assert!(!is_signed(None, &[signed], signature));
        assert!(!is_signed(app("k", "").keys.find("k"), &[signed], signature));
        for odd in ["", "zz", "é", &"0".repeat(64), &"0".repeat(100_000)] {
            assert!(!is_signed(app("k", "s").keys.find("k"), &[signed], odd));
        }
    }

    #[test]
    fn bodies_have_their_digests() {
        let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        assert!(is_md5(body, "ec365a775a4cd0599faeb73354201b6f"));
        assert!(is_md5(b"", "d41d8cd98f00b204e9800998ecf8427e"));
        assert!(!is_md5(b"x", "d41d8cd98f00b204e9800998ecf8427e"));
    }
}
