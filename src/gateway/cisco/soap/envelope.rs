//! Envelopes of SOAP 1.1 and 1.2: what they hold, and how answers and faults are put into them.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use presence_protocol::xml::{Element, escaped};

use crate::gateway::cisco::fault::{Code, Fault, NAMESPACE};

/// A version of SOAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V11,
    V12,
}

const NAMESPACE_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const NAMESPACE_12: &str = "http://www.w3.org/2003/05/soap-envelope";

impl Version {
    /// The version of an envelope.
    pub(super) fn of_root(root: &Element) -> Option<Self> {
        match root.own_namespace()? {
            NAMESPACE_11 => Some(Self::V11),
            NAMESPACE_12 => Some(Self::V12),
            _ => None,
        }
    }

    /// The version that a request's type speaks of; 1.1 where it speaks of none.
    pub(super) fn of_content_type(value: Option<&HeaderValue>) -> Self {
        let is_12 = value.is_some_and(|value| value.as_bytes().starts_with(b"application/soap+xml"));
        if is_12 { Self::V12 } else { Self::V11 }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml; charset=utf-8",
            Self::V12 => "application/soap+xml; charset=utf-8",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::V11 => NAMESPACE_11,
            Self::V12 => NAMESPACE_12,
        }
    }

    /// An envelope around the content of its body, in which `cup` is the service's namespace.
    pub(super) fn envelope(self, content: &str) -> String {
        let namespace = self.namespace();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <soap:Envelope xmlns:soap=\"{namespace}\" xmlns:cup=\"{NAMESPACE}\">\
             <soap:Body>{content}</soap:Body></soap:Envelope>\n"
        )
    }

    /// The answer that says a fault.
    pub(super) fn fault(self, fault: &Fault) -> Response {
        let mut detail = String::new();
        fault.write("", &mut detail);
        let (message, is_ours) = (escaped(fault.message()), fault.code.number() >= 200);
        let content = match self {
            Self::V11 => {
                let code = if is_ours { "Server" } else { "Client" };
                format!(
                    "<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{message}</faultstring>\
                     <detail>{detail}</detail></soap:Fault>"
                )
            }
            Self::V12 => {
                let code = if is_ours { "Receiver" } else { "Sender" };
                format!(
                    "<soap:Fault><soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code>\
                     <soap:Reason><soap:Text xml:lang=\"en\">{message}</soap:Text></soap:Reason>\
                     <soap:Detail>{detail}</soap:Detail></soap:Fault>"
                )
            }
        };
        let kind = [(header::CONTENT_TYPE, self.content_type())];
        let mut response = (fault.code.soap_status(), kind, self.envelope(&content)).into_response();
        fault.head(&mut response);
        response
    }
}

/// What an envelope holds.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    /// The session key of its header, whatever its namespace.
    pub(super) key: Option<&'a str>,
    /// The one element of its body.
    pub(super) content: &'a Element,
}

impl<'a> Envelope<'a> {
    pub(super) fn of(root: &'a Element) -> Result<Self, Fault> {
        let wrong = |sentence| Fault::with(Code::WrongRoot, sentence);
        if root.name() != "Envelope" {
            return Err(wrong("The root element of the request is not a SOAP envelope"));
        }
        let body = root.child("Body").ok_or_else(|| wrong("The envelope has no body"))?;
        let content = body.children().first().ok_or_else(|| wrong("The body of the envelope is empty"))?;
        let key = root.child("Header").and_then(|head| head.text_of("session-key"));
        Ok(Self { key: key.filter(|key| !key.is_empty()), content })
    }
}
