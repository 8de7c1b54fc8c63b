//! Where the words of REST and those of the service meet: a path, headers and a body are an ask.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use presence_protocol::xml::{self, Caps, Element};
use secrecy::SecretString;

use super::ask::{Ask, Contact, Credential, Form, Said, State, expiry};
use super::fault::{self, Code, Fault};

/// A request, taken apart.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// What the path has below the service, decoded.
    pub(super) path: &'a [&'a str],
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
    pub(super) caps: &'a Caps,
}

/// The text of a header, or nothing where it is none.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default().trim())
}

/// Whether there is an operation of this method at a path; otherwise says what there is not.
///
/// # Errors
/// There is no such path, or it has no such method.
pub(super) fn check(method: &Method, path: &[&str]) -> Result<(), Fault> {
    let methods: &[Method] = match path {
        ["users", _, "sessions" | "session"] => &[Method::POST, Method::PUT, Method::DELETE],
        ["endpoints"] | ["users", _, "subscriptions"] => &[Method::POST],
        ["endpoints", _] | ["users", _, "subscriptions", _] => &[Method::PUT, Method::DELETE],
        ["users", _, "presence", _] => &[Method::PUT],
        ["users", _, "presence", _, "subscriptions" | "contacts", _] => &[Method::GET],
        _ => return Err(fault::no_resource()),
    };
    if methods.contains(method) {
        return Ok(());
    }
    Err(fault::no_method(methods))
}

impl Asked<'_> {
    /// The user whom a path names.
    pub(super) fn user<'a>(path: &[&'a str]) -> Option<&'a str> {
        match path {
            ["users", user, ..] => Some(user),
            _ => None,
        }
    }

    /// Whether it is to begin a session, for which no key is needed.
    pub(super) fn is_login(method: &Method, path: &[&str]) -> bool {
        method != Method::DELETE && matches!(path, ["users", _, "sessions" | "session"])
    }

    /// What is asked for.
    ///
    /// # Errors
    /// Says what of it cannot be read.
    pub(super) fn ask(&self) -> Result<Ask, Fault> {
        let is_new = self.method == Method::POST;
        let is_deleted = self.method == Method::DELETE;
        Ok(match self.path {
            ["users", _, "sessions" | "session"] if is_deleted => Ask::Logout,
            ["users", user, "sessions" | "session"] => {
                Ask::Login { user: (*user).to_owned(), credential: self.credential()?, force: !is_new }
            }
            ["endpoints"] => self.endpoint(None)?,
            ["endpoints", id] if is_deleted => Ask::UnregisterEndpoint(number(id, Code::NoEndpoint)?),
            ["endpoints", id] => self.endpoint(Some(number(id, Code::NoEndpoint)?))?,
            ["users", _, "subscriptions"] => self.subscription(None)?,
            ["users", _, "subscriptions", id] if is_deleted => self.unsubscription(id)?,
            ["users", _, "subscriptions", id] => {
                self.subscription(Some(number(id, Code::NoSubscription)?))?
            }
            ["users", _, "presence", form, "subscriptions", id] => {
                Ask::Subscribed { form: form_of(form)?, id: number(id, Code::NoSubscription)? }
            }
            ["users", _, "presence", form, "contacts", contact] => {
                Ask::Polled { form: form_of(form)?, contacts: vec![Contact::new(contact)?] }
            }
            ["users", _, "presence", form] => self.presence(form_of(form)?)?,
            _ => return Err(Code::Internal.into()),
        })
    }

    /// The body, which is to be this element.
    fn root(&self, name: &str) -> Result<Element, Fault> {
        let read = xml::read(self.body, self.caps);
        let element = read
            .map_err(|error| Fault::with(Code::Unparsable, format!("The XML cannot be parsed: {error}")))?;
        if element.name() == name { Ok(element) } else { Err(Code::WrongRoot.into()) }
    }

    /// The body, if there is one.
    fn optional(&self, name: &str) -> Result<Option<Element>, Fault> {
        if self.body.trim_ascii().is_empty() { Ok(None) } else { self.root(name).map(Some) }
    }

    fn credential(&self) -> Result<Credential, Fault> {
        let session = self.optional("session")?;
        let password = session.map(|session| session.text_of("password").unwrap_or_default().to_owned());
        Ok(password
            .map_or(Credential::Nothing, |password| Credential::Password(SecretString::from(password))))
    }

    /// The expiry: of the header, or where there is none of the body.
    fn expiry(&self, body: Option<&Element>) -> Result<Option<u32>, Fault> {
        let said = header(self.headers, "Presence-Expiry").filter(|said| !said.is_empty());
        let said = said.or_else(|| body.and_then(|body| body.text_of("expiration")));
        said.filter(|said| !said.is_empty()).map(expiry).transpose()
    }

    fn endpoint(&self, id: Option<u32>) -> Result<Ask, Fault> {
        let body = match id {
            None => Some(self.root("endpoint")?),
            Some(_) => self.optional("endpoint")?,
        };
        let url = body.as_ref().and_then(|body| body.text_of("url")).map(ToOwned::to_owned);
        Ok(Ask::RegisterEndpoint { id, url, expiry: self.expiry(body.as_ref())? })
    }

    fn subscription(&self, id: Option<u32>) -> Result<Ask, Fault> {
        let body = match id {
            None => Some(self.root("subscription")?),
            Some(_) => self.optional("subscription")?,
        };
        let text = |name: &str| body.as_ref().and_then(|body| body.text_of(name));
        let list = body.as_ref().and_then(|body| body.child("contactsList"));
        let endpoint = text("endPointID").filter(|text| !text.is_empty() && *text != "0");
        Ok(Ask::Subscribe {
            id,
            kind: text("subscriptionType").map(ToOwned::to_owned),
            contacts: list.map(Contact::list).transpose()?,
            expiry: self.expiry(body.as_ref())?,
            endpoint: endpoint.map(|text| number(text, Code::NoEndpoint)).transpose()?,
        })
    }

    /// A list of contacts in the body is what goes. Without one all of it does: some clients send the body of their login along.
    fn unsubscription(&self, id: &str) -> Result<Ask, Fault> {
        let id = number(id, Code::NoSubscription)?;
        let body = match self.optional("subscription") {
            Err(fault) if fault.code == Code::WrongRoot && self.root("session").is_ok() => None,
            read => read?.filter(|body| !body.children().is_empty()),
        };
        let list = |body: &Element| Contact::list(body.child("contactsList").ok_or(Code::NoContactList)?);
        Ok(Ask::Unsubscribe { id, contacts: body.as_ref().map(list).transpose()? })
    }

    fn presence(&self, form: Form) -> Result<Ask, Fault> {
        let is_override = match header(self.headers, "Presence-Override") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Code::BadOverride.into()),
        };
        let body = self.root("presence")?;
        let what = match form {
            Form::Basic => Said::Basic(State::to_set(body.text())?),
            Form::Rich => Said::Rich(body),
        };
        Ok(Ask::SetPresence { what, is_override, expiry: self.expiry(None)? })
    }
}

fn number(text: &str, otherwise: Code) -> Result<u32, Fault> {
    text.parse().map_err(|_| otherwise.into())
}

fn form_of(text: &str) -> Result<Form, Fault> {
    match text {
        "basic" => Ok(Form::Basic),
        "rich" => Ok(Form::Rich),
        _ => Err(Code::PresenceType.into()),
    }
}
