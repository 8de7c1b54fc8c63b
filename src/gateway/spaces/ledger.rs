//! Which spaces a party has created: a list for each, kept as a document, by which it has no more of them than it may.

use super::{ATTEMPTS, Spaces, Wrong};
use crate::broker::{AppSlot, NotKept, Version};
use crate::core::TopicName;

/// The names of topics.
type Ledger = Vec<String>;

impl Spaces {
    /// Notes that a party is about to create a space, so that none is created that is not noted; whether it was not noted before.
    pub(super) async fn enlist(&self, app: AppSlot, creator: &str, topic: &TopicName) -> Result<bool, Wrong> {
        for _ in 0..ATTEMPTS {
            let (version, mut ledger) = self.ledger(app, creator).await?;
            if ledger.iter().any(|name| name == topic.as_str()) {
                return Ok(false);
            }
            if ledger.len() >= self.per_party {
                ledger = self.still_there(app, creator, ledger).await?;
            }
            if ledger.len() >= self.per_party {
                return Err(Wrong::TooMany);
            }
            ledger.push(topic.as_str().to_owned());
            match self.write(app, creator, version, &ledger).await {
                Err(NotKept::Conflict) => {}
                Err(NotKept::TooLarge) => return Err(Wrong::TooMany),
                outcome => return outcome.map(|()| true).map_err(Wrong::from),
            }
        }
        Err(NotKept::Conflict.into())
    }

    /// Notes that a space is no more. If that fails, it is found out when the list is full.
    pub(super) async fn strike(&self, app: AppSlot, creator: &str, topic: &TopicName) {
        for _ in 0..ATTEMPTS {
            let Ok((version, mut ledger)) = self.ledger(app, creator).await else { return };
            let before = ledger.len();
            ledger.retain(|name| name != topic.as_str());
            let is_done = ledger.len() == before
                || self.write(app, creator, version, &ledger).await != Err(NotKept::Conflict);
            if is_done {
                return;
            }
        }
    }

    /// Those of the listed spaces that the party did create and that are still there.
    async fn still_there(&self, app: AppSlot, creator: &str, ledger: Ledger) -> Result<Ledger, Wrong> {
        let mut still = Ledger::new();
        for name in ledger {
            if let Ok(topic) = TopicName::new(&name)
                && *self.look(app, &topic).await?.creator == *creator
            {
                still.push(name);
            }
        }
        Ok(still)
    }

    async fn ledger(&self, app: AppSlot, creator: &str) -> Result<(Option<Version>, Ledger), Wrong> {
        let document = self.broker.for_app(app).document(&key(creator)).await;
        match document.map_err(|_| Wrong::Unavailable)? {
            None => Ok((None, Ledger::new())),
            Some(document) => {
                let ledger = serde_json::from_slice(&document.value).map_err(|_| Wrong::Unavailable)?;
                Ok((Some(document.version), ledger))
            }
        }
    }

    /// Writes a list; an empty one is none.
    async fn write(
        &self,
        app: AppSlot,
        creator: &str,
        version: Option<Version>,
        ledger: &Ledger,
    ) -> Result<(), NotKept> {
        let value = serde_json::to_vec(ledger).ok().filter(|_| !ledger.is_empty());
        self.broker.for_app(app).keep(&key(creator), version, value.map(Into::into)).await.map(drop)
    }
}

fn key(creator: &str) -> String {
    format!("spaces-of:{creator}")
}
