//! What goes wrong in the dialect: the codes that clients know, with their statuses and texts. The one table of them.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use presence_protocol::xml::escaped;

/// A code of the table, with what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its message in the table")]
#[repr(u16)]
pub enum Code {
    KeyMissing = 100,
    KeyInvalid = 101,
    Unparsable = 102,
    WrongRoot = 103,
    PresenceType = 110,
    PasswordEmpty = 111,
    LoginType = 112,
    UserUnknown = 113,
    LoginFailed = 114,
    PresenceEmpty = 115,
    SetFailed = 120,
    AvailableOverride = 121,
    DndDevice = 122,
    UrlInUpdate = 123,
    BadContact = 124,
    BadOverride = 125,
    UrlEmpty = 130,
    BadExpiry = 131,
    NoEndpoint = 132,
    NoSubscription = 133,
    SubscriptionType = 134,
    ContactCount = 135,
    ForeignEndpoint = 136,
    ForeignSubscription = 137,
    TooManyEndpoints = 138,
    TooManySubscriptions = 139,
    EndUserOnly = 140,
    AppUserOnly = 141,
    BadUrl = 142,
    NullContact = 143,
    NotAContact = 144,
    NothingToDo = 145,
    NoContactList = 146,
    BadElement = 147,
    BadAttribute = 148,
    Unreadable = 150,
    LoggedIn = 160,
    TupleId = 161,
    TupleSource = 162,
    Internal = 200,
    UnregisterFailed = 201,
    SubscribeFailed = 202,
    UnsubscribeFailed = 203,
    SetInternal = 204,
    LogoutFailed = 205,
    EndpointIdFailed = 206,
    SubscriptionIdFailed = 207,
    LoginInternal = 208,
    RegisterFailed = 209,
    Overloaded = 210,
    TooManySip = 211,
    TooFast = 212,
}

/// One row: the code, the status over REST, what is wrong, and what to do about it. The texts of 210 are those of the original
/// service; nothing is known of its others.
type Row = (Code, u16, &'static str, &'static str);

#[rustfmt::skip]
const ROWS: [Row; 52] = [
    (Code::KeyMissing, 401, "The session key is missing", "Log in, and send the session key with each request"),
    (Code::KeyInvalid, 401, "The session key is invalid", "Log in again"),
    (Code::Unparsable, 400, "The XML of the request cannot be parsed", "Send well-formed XML without a document type"),
    (Code::WrongRoot, 400, "The root element of the request is not the expected one", "Send the element that this operation expects"),
    (Code::PresenceType, 400, "The presence type is invalid", "Use BASIC_PRESENCE or RICH_PRESENCE"),
    (Code::PasswordEmpty, 400, "The password is empty", "Send the password of the application user"),
    (Code::LoginType, 400, "The login type is invalid", "Send either a password or the session key of an application user"),
    (Code::UserUnknown, 404, "The user name is empty or invalid", "Use the name of a user that is provisioned"),
    (Code::LoginFailed, 400, "The login failed", "Check the user name and the password"),
    (Code::PresenceEmpty, 400, "The basic presence is empty", "Send a presence state"),
    (Code::SetFailed, 400, "The presence cannot be set", "Send a presence state that can be set"),
    (Code::AvailableOverride, 400, "AVAILABLE cannot be set with override", "Set the override to false"),
    (Code::DndDevice, 400, "DND cannot be set without override", "Set the override to true"),
    (Code::UrlInUpdate, 400, "The URL of an endpoint cannot be changed", "Leave the URL out, or register another endpoint"),
    (Code::BadContact, 400, "A contact URI is invalid", "Use contact URIs of the form user@domain"),
    (Code::BadOverride, 400, "The override is invalid", "Use true or false"),
    (Code::UrlEmpty, 400, "The endpoint URL is empty", "Send the URL of the endpoint"),
    (Code::BadExpiry, 400, "The expiration is out of range", "Use a number of seconds from 3600 to 86400"),
    (Code::NoEndpoint, 400, "The endpoint ID does not exist", "Use the ID of a registered endpoint"),
    (Code::NoSubscription, 400, "The subscription ID does not exist", "Use the ID of a subscription"),
    (Code::SubscriptionType, 400, "The subscription type is invalid", "Use PRESENCE_NOTIFICATION"),
    (Code::ContactCount, 400, "The number of contacts is out of range", "Send at least one contact and at most as many as are allowed"),
    (Code::ForeignEndpoint, 400, "The session does not own the endpoint", "Use an endpoint of this session"),
    (Code::ForeignSubscription, 400, "The session does not own the subscription", "Use a subscription of this session"),
    (Code::TooManyEndpoints, 400, "There are no free endpoints", "Unregister endpoints that are not needed"),
    (Code::TooManySubscriptions, 400, "There are no free subscriptions", "Remove subscriptions that are not needed"),
    (Code::EndUserOnly, 400, "The session of an end user is required", "Log in an end user and use its session key"),
    (Code::AppUserOnly, 400, "The session of an application user is required", "Use the session key of the application user"),
    (Code::BadUrl, 400, "The endpoint URL is invalid", "Use a URL without blanks that the server may call"),
    (Code::NullContact, 400, "A contact is empty", "Send a contact URI with each contact"),
    (Code::NotAContact, 400, "A contact is not part of the subscription", "Remove contacts of the subscription only"),
    (Code::NothingToDo, 400, "There is neither an expiration nor a contact", "Send an expiration, contacts, or both"),
    (Code::NoContactList, 400, "There is no contact list", "Send a contact list"),
    (Code::BadElement, 400, "The contact list holds an invalid element", "Send contact elements only"),
    (Code::BadAttribute, 400, "A contact has an invalid attribute", "Send the attribute contactURI only"),
    (Code::Unreadable, 400, "The body of the request cannot be read", "Send the whole body, and not more than is allowed"),
    (Code::LoggedIn, 409, "The user is already logged in", "Log the user out first, or force the login"),
    (Code::TupleId, 400, "An override has no valid tuple ID", "Use the tuple ID pws-override or pws-persistent"),
    (Code::TupleSource, 400, "A device tuple has no valid source", "Add the source element Presence Web Service"),
    (Code::Internal, 500, "An internal error occurred", "Try again later"),
    (Code::UnregisterFailed, 500, "The endpoint could not be unregistered", "Try again later"),
    (Code::SubscribeFailed, 500, "The subscription could not be made", "Try again later"),
    (Code::UnsubscribeFailed, 500, "The subscription could not be removed", "Try again later"),
    (Code::SetInternal, 500, "The presence could not be set", "Try again later"),
    (Code::LogoutFailed, 500, "The user could not be logged out", "Try again later"),
    (Code::EndpointIdFailed, 500, "No endpoint ID could be given", "Try again later"),
    (Code::SubscriptionIdFailed, 500, "No subscription ID could be given", "Try again later"),
    (Code::LoginInternal, 500, "The user could not be logged in", "Try again later"),
    (Code::RegisterFailed, 500, "The endpoint could not be registered", "Try again later"),
    (Code::Overloaded, 503, "Max cpu utilization reached", "Wait before sending another request"),
    (Code::TooManySip, 503, "There are no free SIP subscriptions", "Watch fewer contacts"),
    (Code::TooFast, 503, "The maximum of requests per second is reached", "Wait before sending another request"),
];

/// The namespace of the service, in which the root of an error is.
pub const NAMESPACE: &str = "urn:cisco:cup:presence:soap";

impl Code {
    fn row(self) -> &'static Row {
        // Every code has a row; a test compares them.
        ROWS.iter().find(|(code, ..)| *code == self).unwrap_or(&ROWS[0])
    }

    /// The number that clients know.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The HTTP status over REST.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The HTTP status over SOAP: a fault is an answer like any other, unless the client had better wait.
    #[must_use]
    pub fn soap_status(self) -> StatusCode {
        match self {
            Self::Overloaded | Self::TooFast => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(self) -> &'static str {
        self.row().3
    }

    /// After how many seconds it is worth to try again, where that can be said.
    #[must_use]
    pub fn retry_after(self) -> Option<u16> {
        match self {
            Self::Overloaded => Some(5),
            Self::TooManySip => Some(60),
            Self::TooFast => Some(1),
            _ => None,
        }
    }
}

/// Something went wrong, and the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What, for programs.
    pub code: Code,
    /// What, for people, where the table's sentence does not say enough.
    message: Option<Cow<'static, str>>,
    /// The status over REST, where it is not the table's.
    status: Option<StatusCode>,
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self { code, message: None, status: None }
    }
}

impl Fault {
    /// A fault with a sentence of its own.
    #[must_use]
    pub fn with(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: Some(message.into()), ..code.into() }
    }

    /// The same with another status over REST, for what HTTP itself has a status for.
    #[must_use]
    pub fn at(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }

    /// What is wrong, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or(self.code.row().2)
    }

    /// Writes the element that says it, each line after this indentation.
    pub fn write(&self, indent: &str, out: &mut String) {
        let Self { code, .. } = self;
        let (number, message, fix) = (code.number(), escaped(self.message()), escaped(code.fix()));
        out.push_str(&format!(
            "{indent}<description xmlns=\"{NAMESPACE}\">\n\
             {indent}\t<code>{number}</code>\n\
             {indent}\t<message>{message}</message>\n\
             {indent}\t<fix>{fix}</fix>\n\
             {indent}</description>\n"
        ));
    }

    /// The document that says it over REST, as the original service lays it out.
    #[must_use]
    pub fn document(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n");
        self.write("\t", &mut text);
        text
    }

    /// Adds what the headers of an answer say of it.
    pub fn head(&self, response: &mut Response) {
        if let Some(seconds) = self.code.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

/// The answer over REST.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status.unwrap_or(self.code.status());
        let kind = [(header::CONTENT_TYPE, "text/xml; charset=UTF-8")];
        let mut response = (status, kind, self.document()).into_response();
        self.head(&mut response);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_laid_out_as_the_original_service_does() {
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n\t<description xmlns=\"urn:cisco:cup:presence:soap\">\n\
            \t\t<code>210</code>\n\t\t<message>Max cpu utilization reached</message>\n\
            \t\t<fix>Wait before sending another request</fix>\n\t</description>\n";
        assert_eq!(Fault::from(Code::Overloaded).document(), expected);
        let odd = Fault::with(Code::BadUrl, "a < b").document();
        assert!(odd.contains("<code>142</code>\n\t\t<message>a &lt; b</message>"), "{odd}");
    }

    #[test]
    fn every_code_has_its_row_in_order_and_its_status() {
        let numbers: Vec<_> = ROWS.iter().map(|(code, ..)| code.number()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let expected: Vec<u16> =
            [100..=103, 110..=115, 120..=125, 130..=148, 150..=150, 160..=162, 200..=212]
                .into_iter()
                .flatten()
                .collect();
        assert_eq!(numbers, expected);
        for (code, status, ..) in ROWS {
            let expected = match code.number() {
                100 | 101 => 401,
                113 => 404,
                160 => 409,
                200..=209 => 500,
                210..=212 => 503,
                _ => 400,
            };
            assert_eq!((status, code.status().as_u16()), (expected, expected), "{code:?}");
            let soap = if matches!(code.number(), 210 | 212) { 503 } else { 200 };
            assert_eq!(code.soap_status().as_u16(), soap, "{code:?}");
        }
    }

    #[test]
    fn whoever_should_wait_is_told_how_long() {
        let response = Fault::from(Code::Overloaded).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &"5".parse().unwrap())
        );
        let response = Fault::from(Code::KeyMissing).at(StatusCode::NOT_FOUND).into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(!response.headers().contains_key("retry-after"));
    }
}
