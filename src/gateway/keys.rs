//! The key pairs of an app. It may have several at once, so that it can change from one to the next without a break.

use secrecy::SecretString;

/// A public key and the secret that goes with it.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// Names the app, and this pair of it.
    pub key: Box<str>,
    /// Signs.
    pub secret: SecretString,
    /// Whether it opens anything. One that is switched off is as if it were unknown.
    pub is_active: bool,
}

/// The pairs of one app, oldest first.
#[derive(Debug, Clone)]
pub struct KeyPairs {
    first: KeyPair,
    later: Vec<KeyPair>,
}

impl KeyPairs {
    /// These pairs, which are never none.
    #[must_use]
    pub fn new(first: KeyPair, later: Vec<KeyPair>) -> Self {
        Self { first, later }
    }

    /// All of them, those that are switched off too.
    pub fn all(&self) -> impl Iterator<Item = &KeyPair> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// Those that are switched on.
    pub fn active(&self) -> impl Iterator<Item = &KeyPair> {
        self.all().filter(|pair| pair.is_active)
    }

    /// The active pair of a key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&KeyPair> {
        self.active().find(|pair| *pair.key == *key)
    }

    /// The pair with which the hub signs for the app: the oldest active one, which everybody knows by now.
    #[must_use]
    pub fn signer(&self) -> &KeyPair {
        self.active().next().unwrap_or(&self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, is_active: bool) -> KeyPair {
        KeyPair { key: key.into(), secret: SecretString::from("s"), is_active }
    }

    #[test]
    fn the_oldest_active_pair_signs() {
        let pairs = KeyPairs::new(pair("a", false), vec![pair("b", true), pair("c", true)]);
        assert_eq!(&*pairs.signer().key, "b");
        assert!(pairs.find("a").is_none() && pairs.find("c").is_some() && pairs.find("d").is_none());
        assert_eq!((pairs.all().count(), pairs.active().count()), (3, 2));
    }
}
