//! Signatures: HMAC-SHA256 with the secret of whoever is called.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// What libraries for standard webhooks put before a secret in base64.
const PREFIX: &str = "whsec_";

/// Signs with one secret.
#[derive(Debug, Clone)]
pub struct Signer(SecretSlice<u8>);

impl Signer {
    /// Signs with the bytes of a text.
    #[must_use]
    pub fn plain(secret: &str) -> Self {
        Self(secret.as_bytes().to_vec().into())
    }

    /// Signs with the bytes that a text of the form `whsec_<base64>` holds, or else with those of the text itself.
    #[must_use]
    pub fn standard(secret: &str) -> Self {
        let held = secret.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
        held.map_or_else(|| Self::plain(secret), |bytes| Self(bytes.into()))
    }

    /// The signature of some pieces, as if they were one.
    fn sign(&self, pieces: &[&[u8]]) -> Vec<u8> {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else { return Vec::new() };
        pieces.iter().for_each(|piece| mac.update(piece));
        mac.finalize().into_bytes().to_vec()
    }

    /// The signature in lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self, pieces: &[&[u8]]) -> String {
        self.sign(pieces).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The signature in base64.
    #[must_use]
    pub fn base64(&self, pieces: &[&[u8]]) -> String {
        STANDARD.encode(self.sign(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Pusher's documentation.
    #[test]
    fn pushers_vectors_hold() {
        let signer = Signer::plain("7ad3773142a6692b25b8");
        for (body, signature) in [
            (
                r#"{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"my-channel"}]}"#,
                "c19001ae3963ccb13bf618e5b16ba9848e7e74df0993aa0689168e341c6833cf",
            ),
            (
                r#"{"time_ms":1327078148132,"events":[{"name":"member_added","channel":"presence-foobar","user_id":"10"}]}"#,
                "2a8730ed2ff089b3f009c046829df79e8926b9225c86cfe8cb40e2fd0ac012d1",
            ),
        ] {
            assert_eq!(signer.hex(&[body.as_bytes()]), signature);
            let (head, tail) = body.as_bytes().split_at(20);
            assert_eq!(signer.hex(&[head, tail]), signature, "pieces are signed as one");
        }
    }

    #[test]
    fn a_standard_secret_is_unwrapped() {
        let unwrapped = Signer::plain("secret").base64(&[b"x"]);
        assert_eq!(Signer::standard("whsec_c2VjcmV0").base64(&[b"x"]), unwrapped);
        assert_eq!(Signer::standard("secret").base64(&[b"x"]), unwrapped);
        assert_ne!(Signer::standard("whsec_!").base64(&[b"x"]), unwrapped);
        assert!(!format!("{:?}", Signer::plain("hush")).contains("hush"));
    }
}
