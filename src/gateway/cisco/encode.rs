//! Answers as bytes over REST, laid out as the original service does.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use presence_protocol::xml::escaped;
use secrecy::ExposeSecret;

use super::ask::{Answer, Contact, Form, Shown};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// An answer; `resource` is where what was made can be found, below the service, without its id.
pub(super) fn answer(answer: &Answer, base: &str, resource: &str) -> Response {
    match answer {
        Answer::Session(key) => {
            let key = escaped(key.expose_secret());
            let text = format!("{DECLARATION}<session>\n    <sessionKey>{key}</sessionKey>\n</session>\n");
            let mut response = document(StatusCode::CREATED, text);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Answer::Done => StatusCode::OK.into_response(),
        Answer::Endpoint(id) | Answer::Subscription(id) => {
            let place = format!("{base}{resource}/{id}");
            // The client's own words are in it; where they make no header, the path alone says enough.
            let place = HeaderValue::from_str(&place).unwrap_or_else(|_| HeaderValue::from(*id));
            (StatusCode::CREATED, [(header::LOCATION, place)]).into_response()
        }
        Answer::Presence { form, contacts } => document(StatusCode::OK, presence(*form, contacts)),
    }
}

fn document(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml; charset=UTF-8")], text).into_response()
}

/// The presence of contacts.
fn presence(form: Form, contacts: &[(Contact, Shown)]) -> String {
    let name = match form {
        Form::Basic => "basic",
        Form::Rich => "rich",
    };
    if contacts.is_empty() {
        return format!("{DECLARATION}<presenceList type=\"{name}\"/>\n");
    }
    let mut text = format!("{DECLARATION}<presenceList type=\"{name}\">\n");
    for (contact, shown) in contacts {
        text.push_str("    ");
        match &shown.pidf {
            Some(pidf) => text.push_str(pidf),
            None => text.push_str(&element(contact, shown)),
        }
        text.push('\n');
    }
    text.push_str("</presenceList>\n");
    text
}

fn element(contact: &Contact, shown: &Shown) -> String {
    let (uri, state) = (escaped(contact.uri()), shown.state.name());
    format!("<contact contactURI=\"{uri}\" presenceStatus=\"{state}\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::cisco::ask::State;

    #[test]
    fn a_basic_list_is_laid_out_as_recorded() {
        let contact = |uri, state| (Contact::new(uri).unwrap(), Shown { state, pidf: None });
        let contacts =
            [contact("reed@example.com", State::Away), contact("rogue&co@example.com", State::Unknown)];
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presenceList type=\"basic\">\n    \
            <contact contactURI=\"reed@example.com\" presenceStatus=\"AWAY\"/>\n    \
            <contact contactURI=\"rogue&amp;co@example.com\" presenceStatus=\"UNKNOWN\"/>\n</presenceList>\n";
        assert_eq!(presence(Form::Basic, &contacts), expected);
        assert!(presence(Form::Rich, &[]).ends_with("<presenceList type=\"rich\"/>\n"));
    }
}
