//! Tokens for the parties of the bench, signed as an application's own backend would.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use super::error::BenchError;
use super::protocol::party_id;
use super::stopwatch::unix_seconds;

/// Long enough for any run.
const LIFETIME_SECONDS: u64 = 6 * 3_600;

/// Signs with an app's key and secret.
pub(super) struct Mint {
    header: Header,
    secret: EncodingKey,
    expiry: u64,
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mint").field("key", &self.header.kid).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    displayname: &'a str,
    exp: u64,
}

impl Mint {
    /// For the app with this key and secret.
    pub(super) fn new(key: &str, secret: &str) -> Self {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.to_owned());
        let secret = EncodingKey::from_secret(secret.as_bytes());
        Self { header, secret, expiry: unix_seconds() + LIFETIME_SECONDS }
    }

    /// A token for the party on this seat.
    pub(super) fn token(&self, seat: usize) -> Result<String, BenchError> {
        let id = party_id(seat);
        let claims = Claims { sub: &id, displayname: &id, exp: self.expiry };
        Ok(encode(&self.header, &claims, &self.secret)?)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};

    use super::*;

    #[test]
    fn a_token_names_its_app_and_its_party() {
        let token = Mint::new("demo-key", "demo-secret").token(12).unwrap();
        assert_eq!(decode_header(&token).unwrap().kid.as_deref(), Some("demo-key"));
        let key = DecodingKey::from_secret(b"demo-secret");
        let claims =
            decode::<serde_json::Value>(&token, &key, &Validation::new(Algorithm::HS256)).unwrap().claims;
        assert_eq!(claims["sub"], "bench-000012");
        assert!(claims["exp"].as_u64().unwrap() > unix_seconds());
    }
}
