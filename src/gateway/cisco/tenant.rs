//! One app as the dialect knows it: its application users, whom they may log in, and which contacts are its own.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ask::Contact;
use crate::broker::AppSlot;
use crate::config::{CiscoApp, EndUsers};
use crate::core::{PartyId, TopicName};

/// One application user.
#[derive(Debug, Clone)]
pub(super) struct AppUser {
    pub(super) name: Box<str>,
    password: SecretString,
}

/// One app that the dialect serves.
#[derive(Debug)]
pub struct Tenant {
    pub(super) slot: AppSlot,
    pub(super) settings: CiscoApp,
    /// Where those are who say by this dialect that they are present.
    pub(super) topic: TopicName,
    pub(super) users: Vec<AppUser>,
    /// Those who are provisioned, if not everybody is.
    end_users: Option<BTreeSet<PartyId>>,
}

impl Tenant {
    /// The app at a place, with its settings.
    ///
    /// # Errors
    /// Says which setting is wrong.
    pub fn new(slot: AppSlot, settings: CiscoApp) -> Result<Self, String> {
        let wrong = |key: &str, why: &dyn std::fmt::Display| format!("apps.{}.cisco.{key} {why}", slot.0);
        let topic = TopicName::new(&settings.topic).map_err(|error| wrong("topic", &error))?;
        let end_users = match &settings.end_users {
            EndUsers::Any => None,
            EndUsers::Listed(names) => {
                let party = |name: &String| PartyId::new(name).map_err(|error| wrong("end_users", &error));
                Some(names.iter().map(party).collect::<Result<_, _>>()?)
            }
        };
        let user = |user: &crate::config::AppUser| AppUser {
            name: user.name.as_str().into(),
            password: user.password.clone(),
        };
        let users = settings.app_users.iter().map(user).collect();
        Ok(Self { slot, topic, users, end_users, settings })
    }

    /// Whether contacts of a domain are parties of the hub.
    fn is_local(&self, domain: &str) -> bool {
        let domains = &self.settings.domains;
        domains.is_empty() || domains.iter().any(|local| local.eq_ignore_ascii_case(domain))
    }

    /// The party that a contact is; `None` if it is of another domain.
    pub(super) fn party(&self, contact: &Contact) -> Option<PartyId> {
        if self.is_local(contact.domain()) { PartyId::new(contact.name()).ok() } else { None }
    }

    /// The party of a user's name, which may be written with a domain.
    pub(super) fn user(&self, name: &str) -> Option<PartyId> {
        let bare = name.split_once('@').filter(|(_, domain)| self.is_local(domain)).map(|(bare, _)| bare);
        PartyId::new(bare.unwrap_or(name)).ok()
    }

    /// Whether application users may log in a party.
    pub(super) fn admits(&self, party: &PartyId) -> bool {
        self.end_users.is_none() || self.lists(party)
    }

    /// Whether a party is provisioned by name.
    pub(super) fn lists(&self, party: &PartyId) -> bool {
        self.end_users.as_ref().is_some_and(|listed| listed.contains(party))
    }
}

impl AppUser {
    /// Whether a password is this user's; how long that takes says nothing of it.
    pub(super) fn has_password(&self, password: &SecretString) -> bool {
        let digest = |secret: &SecretString| Sha256::digest(secret.expose_secret().as_bytes());
        digest(&self.password).ct_eq(&digest(password)).into()
    }
}
