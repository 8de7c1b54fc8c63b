//! The nine operations: their requests as what is asked, and what is answered as their responses.

use presence_protocol::xml::{self, Element, escaped};
use secrecy::{ExposeSecret, SecretString};

use super::Reading;
use crate::gateway::cisco::ask::{Answer, Ask, Contact, Credential, Form, Said, State, expiry};
use crate::gateway::cisco::fault::{Code, Fault};

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Login,
    Logout,
    RegisterEndPoint,
    UnregisterEndPoint,
    Subscribe,
    Unsubscribe,
    GetSubscribedPresence,
    GetPolledPresence,
    SetPresence,
}

impl Operation {
    pub(super) const ALL: [Self; 9] = [
        Self::Login,
        Self::Logout,
        Self::RegisterEndPoint,
        Self::UnregisterEndPoint,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::GetSubscribedPresence,
        Self::GetPolledPresence,
        Self::SetPresence,
    ];

    /// The name of its element.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::RegisterEndPoint => "registerEndPoint",
            Self::UnregisterEndPoint => "unregisterEndPoint",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::GetSubscribedPresence => "getSubscribedPresence",
            Self::GetPolledPresence => "getPolledPresence",
            Self::SetPresence => "setPresence",
        }
    }

    /// The operation that an element calls, whatever action was announced beside it, and what it asks.
    pub(super) fn read(element: &Element, reading: &Reading) -> Result<(Self, Ask), Fault> {
        let unknown = || Fault::with(Code::WrongRoot, "There is no such operation");
        let operation = Self::ALL.into_iter().find(|operation| operation.name() == element.name());
        let operation = operation.ok_or_else(unknown)?;
        let request = Request { element, reading };
        let ask = match operation {
            Self::Login => request.login()?,
            Self::Logout => Ask::Logout,
            Self::RegisterEndPoint => request.register()?,
            Self::UnregisterEndPoint => Ask::UnregisterEndpoint(request.endpoint_id()?),
            Self::Subscribe => request.subscribe()?,
            Self::Unsubscribe => request.unsubscribe()?,
            Self::GetSubscribedPresence => {
                Ask::Subscribed { id: request.subscription_id()?, form: request.form()? }
            }
            Self::GetPolledPresence => {
                let contacts = request.contacts()?.ok_or(Code::NoContactList)?;
                Ask::Polled { contacts, form: request.form()? }
            }
            Self::SetPresence => request.set()?,
        };
        Ok((operation, ask))
    }

    /// The element that answers it.
    pub(super) fn answer(self, answer: &Answer) -> String {
        let content = match answer {
            Answer::Session(key) => {
                let key = escaped(key.expose_secret());
                format!(
                    "<cup:success backupServer=\"\"><cup:session-key>{key}</cup:session-key></cup:success>"
                )
            }
            Answer::Done => "<cup:status>SUCCESS</cup:status>".to_owned(),
            Answer::Endpoint(id) => format!("<cup:endPointID>{id}</cup:endPointID>"),
            Answer::Subscription(id) => format!("<cup:subscriptionID>{id}</cup:subscriptionID>"),
            Answer::Presence { form, contacts } => presence(*form, contacts),
        };
        let name = self.name();
        format!("<cup:{name}Response>{content}</cup:{name}Response>")
    }
}

/// What a presence response holds. A list without contacts is left out.
fn presence(form: Form, contacts: &[(Contact, super::super::ask::Shown)]) -> String {
    let list: String = match form {
        Form::Basic => contacts
            .iter()
            .map(|(contact, shown)| {
                let (uri, state) = (escaped(contact.uri()), shown.state.name());
                format!("<cup:contact contactURI=\"{uri}\" presenceStatus=\"{state}\"/>")
            })
            .collect(),
        Form::Rich => contacts.iter().filter_map(|(_, shown)| shown.pidf.as_deref()).collect(),
    };
    let kind = form.presence_type();
    let name = match form {
        Form::Basic => "basicPresenceList",
        Form::Rich => "richPresenceList",
    };
    let list = if list.is_empty() { list } else { format!("<cup:{name}>{list}</cup:{name}>") };
    format!("<cup:presenceResponse><cup:presenceType>{kind}</cup:presenceType>{list}</cup:presenceResponse>")
}

/// The element of a request.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    element: &'a Element,
    reading: &'a Reading,
}

impl<'a> Request<'a> {
    /// The text of a child; none where it is empty.
    fn text(self, child: &str) -> Option<&'a str> {
        self.element.text_of(child).filter(|text| !text.is_empty())
    }

    fn endpoint_id(self) -> Result<u32, Fault> {
        number(self.text("endPointID")).ok_or(Code::NoEndpoint.into())
    }

    fn subscription_id(self) -> Result<u32, Fault> {
        number(self.text("subscriptionID")).ok_or(Code::NoSubscription.into())
    }

    fn expiry(self) -> Result<Option<u32>, Fault> {
        self.text("expiration").map(expiry).transpose()
    }

    fn form(self) -> Result<Form, Fault> {
        self.text("presenceType").and_then(Form::of_type).ok_or(Code::PresenceType.into())
    }

    /// The contacts of the list, if there is one: at least one, and as many as a list may have.
    fn contacts(self) -> Result<Option<Vec<Contact>>, Fault> {
        let Some(list) = self.element.child("contactsList") else { return Ok(None) };
        let most = self.reading.contacts_per_list;
        if list.children().is_empty() || list.children().len() > most {
            let sentence = format!("A list has at least 1 contact and at most {most}");
            return Err(Fault::with(Code::ContactCount, sentence));
        }
        Contact::list(list).map(Some)
    }

    fn login(self) -> Result<Ask, Fault> {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let credential = match (self.element.text_of("password"), self.element.text_of("app-session-id")) {
            (Some(password), None) => Credential::Password(secret(password)),
            (None, Some(key)) => Credential::Delegated(secret(key)),
            _ => return Err(Code::LoginType.into()),
        };
        let force = match self.element.attribute("force") {
            None => false,
            Some(text) => flag(text).ok_or(Code::LoginType)?,
        };
        let user = self.text("username").unwrap_or_default().to_owned();
        Ok(Ask::Login { user, credential, force })
    }

    fn register(self) -> Result<Ask, Fault> {
        let id = if self.text("endPointID").is_some() { self.endpoint_id()? } else { 0 };
        let url = self.text("url").map(str::to_owned);
        Ok(Ask::RegisterEndpoint { id: given(id), url, expiry: self.expiry()? })
    }

    fn subscribe(self) -> Result<Ask, Fault> {
        let id = if self.text("subscriptionID").is_some() { self.subscription_id()? } else { 0 };
        let endpoint = self.text("endPointID").map(|_| self.endpoint_id()).transpose()?;
        Ok(Ask::Subscribe {
            id: given(id),
            kind: self.text("subscriptionType").map(str::to_owned),
            contacts: self.contacts()?,
            expiry: self.expiry()?,
            // Whoever changes a subscription has to write something here.
            endpoint: endpoint.filter(|endpoint| id == 0 || *endpoint != 0),
        })
    }

    /// Some libraries leave an empty `unsubscribeAll` out.
    fn unsubscribe(self) -> Result<Ask, Fault> {
        let element = self.element.child("unsubscribeRequest").unwrap_or(self.element);
        let inner = Self { element, ..self };
        Ok(Ask::Unsubscribe { id: inner.subscription_id()?, contacts: inner.contacts()? })
    }

    fn set(self) -> Result<Ask, Fault> {
        let form = self.form()?;
        let element = self.element.child("presenceInfo").ok_or(Code::PresenceEmpty)?;
        let inner = Self { element, ..self };
        let what = match form {
            Form::Basic => Said::Basic(State::to_set(inner.text("basicPresence").unwrap_or_default())?),
            Form::Rich => Said::Rich(inner.rich()?),
        };
        let is_override = inner.text("override").and_then(flag).ok_or(Code::BadOverride)?;
        Ok(Ask::SetPresence { what, is_override, expiry: self.expiry()? })
    }

    /// The document in a rich presence: an element, or the text of one.
    fn rich(self) -> Result<Element, Fault> {
        let rich = self.element.child("richPresence").ok_or(Code::SetFailed)?;
        match rich.children().first() {
            Some(document) => Ok(document.clone()),
            None if rich.text().is_empty() => Err(Code::SetFailed.into()),
            None => {
                xml::read(rich.text().as_bytes(), &self.reading.caps).map_err(|_| Code::Unparsable.into())
            }
        }
    }
}

/// An id as it stands in a request; 0 is no id yet.
fn number(text: Option<&str>) -> Option<u32> {
    text?.parse().ok()
}

fn given(id: u32) -> Option<u32> {
    Some(id).filter(|id| *id != 0)
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
