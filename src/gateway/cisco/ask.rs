//! What clients ask, over REST and SOAP alike, and what they are answered: one behaviour for both.

use presence_protocol::xml::Element;
use secrecy::SecretString;

use super::fault::{Code, Fault};

/// The seconds after which endpoints, subscriptions and presence may end.
pub const EXPIRY: std::ops::RangeInclusive<u32> = 3_600..=86_400;

/// The only kind of subscription.
pub const SUBSCRIPTION_TYPE: &str = "PRESENCE_NOTIFICATION";

/// One request. Ids are those that clients know; an `expiry` is in seconds, as it was asked for.
#[derive(Debug)]
pub enum Ask {
    /// Begin a session.
    Login {
        /// Who.
        user: String,
        /// What allows it.
        credential: Credential,
        /// Whether a session that there is ends first.
        force: bool,
    },
    /// End the session of the key, with all that it owns.
    Logout,
    /// Register a URL, or prolong its registration.
    RegisterEndpoint {
        /// `None` is a new one.
        id: Option<u32>,
        /// Where callbacks go; empty is as good as `None`.
        url: Option<String>,
        /// When it ends.
        expiry: Option<u32>,
    },
    /// Take an endpoint away.
    UnregisterEndpoint(u32),
    /// Watch contacts, watch more of them, or prolong it.
    Subscribe {
        /// `None` is a new one.
        id: Option<u32>,
        /// `None` where nothing was said; otherwise [`SUBSCRIPTION_TYPE`], or a fault.
        kind: Option<String>,
        /// `None` where there is no list.
        contacts: Option<Vec<Contact>>,
        /// When it ends.
        expiry: Option<u32>,
        /// Where callbacks go.
        endpoint: Option<u32>,
    },
    /// Watch fewer contacts.
    Unsubscribe {
        /// Which subscription.
        id: u32,
        /// `None` is all, with which the subscription ends.
        contacts: Option<Vec<Contact>>,
    },
    /// What has changed since the last such request.
    Subscribed {
        /// Which subscription.
        id: u32,
        /// How much of each contact.
        form: Form,
    },
    /// The presence of some contacts now.
    Polled {
        /// Whose.
        contacts: Vec<Contact>,
        /// How much of each.
        form: Form,
    },
    /// Say how oneself is.
    SetPresence {
        /// What.
        what: Said,
        /// Whether it stands above everything that devices say.
        is_override: bool,
        /// When it ends.
        expiry: Option<u32>,
    },
}

/// What allows a login.
#[derive(Debug)]
pub enum Credential {
    /// A password: of an application user.
    Password(SecretString),
    /// The key of an application user's session: for an end user.
    Delegated(SecretString),
    /// Neither. Over REST the key in the request's header is the delegation.
    Nothing,
}

/// How much is said of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Its state.
    Basic,
    /// A document about it.
    Rich,
}

impl Form {
    /// The form that a presence type over SOAP names.
    #[must_use]
    pub fn of_type(text: &str) -> Option<Self> {
        match text {
            "BASIC_PRESENCE" => Some(Self::Basic),
            "RICH_PRESENCE" => Some(Self::Rich),
            _ => None,
        }
    }

    /// The presence type over SOAP.
    #[must_use]
    pub fn presence_type(self) -> &'static str {
        match self {
            Self::Basic => "BASIC_PRESENCE",
            Self::Rich => "RICH_PRESENCE",
        }
    }
}

/// A presence that somebody sets.
#[derive(Debug)]
pub enum Said {
    /// A state.
    Basic(State),
    /// A PIDF document, not checked yet.
    Rich(Element),
}

/// The states of the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its name")]
pub enum State {
    Available,
    Busy,
    Dnd,
    Away,
    Unavailable,
    Unknown,
    Vacation,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Available,
        Self::Busy,
        Self::Dnd,
        Self::Away,
        Self::Unavailable,
        Self::Unknown,
        Self::Vacation,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Busy => "BUSY",
            Self::Dnd => "DND",
            Self::Away => "AWAY",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unknown => "UNKNOWN",
            Self::Vacation => "VACATION",
        }
    }

    /// The state that somebody sets.
    ///
    /// # Errors
    /// None is named, or one that there is not or that cannot be set.
    pub fn to_set(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Code::PresenceEmpty.into());
        }
        let state = Self::ALL.into_iter().find(|state| state.name() == text);
        state.filter(|state| *state != Self::Unknown).ok_or(Code::SetFailed.into())
    }
}

/// A contact as a client writes it: `name@domain`, with exactly one `@` and no blanks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Contact(Box<str>);

/// The most bytes of a contact URI.
const CONTACT_BYTES: usize = 512;

impl Contact {
    /// Reads a contact URI; `sip:` before it is left out.
    ///
    /// # Errors
    /// It is none.
    pub fn new(uri: &str) -> Result<Self, Fault> {
        if uri.is_empty() {
            return Err(Code::NullContact.into());
        }
        let uri = uri.strip_prefix("sip:").unwrap_or(uri);
        let is_odd = |letter: char| letter.is_whitespace() || letter.is_control() || "<>\"/".contains(letter);
        let is_right = uri
            .split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'));
        if !is_right || uri.len() > CONTACT_BYTES || uri.contains(is_odd) {
            return Err(Code::BadContact.into());
        }
        Ok(Self(uri.into()))
    }

    /// The contacts of a `contactsList`.
    ///
    /// # Errors
    /// Something in it is no contact.
    pub fn list(list: &Element) -> Result<Vec<Self>, Fault> {
        list.children().iter().map(Self::of_element).collect()
    }

    fn of_element(element: &Element) -> Result<Self, Fault> {
        if element.name() != "contact" {
            return Err(Code::BadElement.into());
        }
        if element.attributes().any(|(name, _)| name != "contactURI") {
            return Err(Code::BadAttribute.into());
        }
        let uri = element.attribute("contactURI").ok_or(Code::BadAttribute)?;
        Self::new(uri)
    }

    /// As it was written.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('@').map_or(&self.0, |(name, _)| name)
    }

    /// What stands after it.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

/// What a client is answered if nothing is wrong.
#[derive(Debug)]
pub enum Answer {
    /// The key of the session that has begun, or goes on.
    Session(SecretString),
    /// It is done.
    Done,
    /// The endpoint's id.
    Endpoint(u32),
    /// The subscription's id.
    Subscription(u32),
    /// The presence of contacts, in the order in which they were asked for.
    Presence {
        /// How much of each.
        form: Form,
        /// Each contact and how it is.
        contacts: Vec<(Contact, Shown)>,
    },
}

/// How a contact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its state.
    pub state: State,
    /// In the rich form: its PIDF, an element with all its namespaces, as text.
    pub pidf: Option<String>,
}

/// An expiry as a client writes it; whether it is in [`EXPIRY`] is not checked here, for 0 has a meaning of its own at times.
///
/// # Errors
/// It is no number.
pub fn expiry(text: &str) -> Result<u32, Fault> {
    text.trim().parse().map_err(|_| Code::BadExpiry.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use presence_protocol::xml::{Caps, read};

    fn list(text: &str) -> Result<Vec<Contact>, u16> {
        let caps = Caps { bytes: 4_096, depth: 8, elements: 100, attributes: 8 };
        let list = read(text.as_bytes(), &caps).unwrap();
        Contact::list(&list).map_err(|fault| fault.code.number())
    }

    #[test]
    fn contacts_have_one_name_and_one_domain() {
        let contacts = list(
            r#"<l xmlns:c="x"><c:contact contactURI="joe@127.0.0.1"/><contact contactURI="sip:a.b@c"/></l>"#,
        );
        let contacts = contacts.unwrap();
        let parts: Vec<_> = contacts.iter().map(|contact| (contact.name(), contact.domain())).collect();
        assert_eq!(parts, [("joe", "127.0.0.1"), ("a.b", "c")]);
        for (contact, code) in [
            ("<contact/>", 148),
            (r#"<contact uri="joe@a"/>"#, 148),
            (r#"<contact contactURI="joe@a" more="1"/>"#, 148),
            (r#"<person contactURI="joe@a"/>"#, 147),
            (r#"<contact contactURI=""/>"#, 143),
            (r#"<contact contactURI="joe"/>"#, 124),
            (r#"<contact contactURI="@a"/>"#, 124),
            (r#"<contact contactURI="joe@"/>"#, 124),
            (r#"<contact contactURI="joe@a@b"/>"#, 124),
            (r#"<contact contactURI="jo e@a"/>"#, 124),
        ] {
            assert_eq!(list(&format!("<l>{contact}</l>")), Err(code), "{contact}");
        }
        assert_eq!(list("<l/>"), Ok(Vec::new()));
    }

    #[test]
    fn states_that_nobody_can_be_in_by_wish_are_not_set() {
        let set = |text| State::to_set(text).map_err(|fault| fault.code.number());
        assert_eq!(set("VACATION"), Ok(State::Vacation));
        for (text, code) in [("", 115), ("UNKNOWN", 120), ("away", 120), ("ASLEEP", 120)] {
            assert_eq!(set(text), Err(code), "{text:?}");
        }
    }
}
