//! Envelopes in and out, with a service that remembers what it was asked.

use std::sync::Mutex;

use axum::Router;
use axum::http::Method;
use futures::FutureExt;
use presence_protocol::xml::Element;
use secrecy::{ExposeSecret, SecretString};
use tower::ServiceExt;

use super::*;
use crate::gateway::cisco::ask::{Contact, Credential, Said, Shown, State as Presence};

/// Answers as it is told, and remembers the keys and requests.
#[derive(Debug, Default)]
struct Double {
    asked: Mutex<Vec<String>>,
    fault: Option<Code>,
    is_busy: bool,
}

fn list(contacts: &[Contact]) -> String {
    contacts.iter().map(Contact::uri).collect::<Vec<_>>().join(",")
}

fn shown(form: super::super::ask::Form, contacts: Vec<Contact>) -> Answer {
    let pidf = |contact: &Contact| format!("<presence xmlns=\"urn:p\" entity=\"{}\"/>", contact.name());
    let state = |contact: &Contact| if contact.name() == "joe" { Presence::Away } else { Presence::Unknown };
    let one =
        |contact: Contact| (contact.clone(), Shown { state: state(&contact), pidf: Some(pidf(&contact)) });
    Answer::Presence { form, contacts: contacts.into_iter().map(one).collect() }
}

impl Double {
    fn act(&self, key: Option<&str>, ask: Ask) -> Result<Answer, Fault> {
        let (line, answer) = match ask {
            Ask::Login { user, credential, force } => {
                let by = match credential {
                    Credential::Password(secret) => format!("password {}", secret.expose_secret()),
                    Credential::Delegated(secret) => format!("key {}", secret.expose_secret()),
                    Credential::Nothing => "nothing".to_owned(),
                };
                (format!("login {user} {by} {force}"), Answer::Session(SecretString::from("k-1")))
            }
            Ask::Logout => ("logout".to_owned(), Answer::Done),
            Ask::RegisterEndpoint { id, url, expiry } => {
                (format!("register {id:?} {url:?} {expiry:?}"), Answer::Endpoint(3))
            }
            Ask::UnregisterEndpoint(id) => (format!("unregister {id}"), Answer::Done),
            Ask::Subscribe { id, kind, contacts, expiry, endpoint } => {
                let contacts = contacts.as_deref().map(list);
                (
                    format!("subscribe {id:?} {kind:?} {contacts:?} {expiry:?} {endpoint:?}"),
                    Answer::Subscription(4),
                )
            }
            Ask::Unsubscribe { id, contacts } => {
                (format!("unsubscribe {id} {:?}", contacts.as_deref().map(list)), Answer::Done)
            }
            Ask::Subscribed { id, form } => (format!("subscribed {id} {form:?}"), shown(form, Vec::new())),
            Ask::Polled { contacts, form } => {
                (format!("polled {} {form:?}", list(&contacts)), shown(form, contacts))
            }
            Ask::SetPresence { what, is_override, expiry } => {
                let what = match what {
                    Said::Basic(state) => state.name().to_owned(),
                    Said::Rich(document) => format!("{}/{}", document.name(), document.children().len()),
                };
                (format!("set {what} {is_override} {expiry:?}"), Answer::Done)
            }
        };
        self.asked.lock().unwrap().push(format!("{} {line}", key.unwrap_or("-")));
        match self.fault {
            Some(code) => Err(code.into()),
            None => Ok(answer),
        }
    }
}

impl Serve for Double {
    fn ready(&self) -> Result<(), Fault> {
        if self.is_busy { Err(Code::Overloaded.into()) } else { Ok(()) }
    }

    fn unread(&self, _: Option<&str>) -> Result<(), Fault> {
        Ok(())
    }

    fn serve(self: Arc<Self>, by: By, ask: Ask) -> BoxFuture<'static, Result<Answer, Fault>> {
        std::future::ready(self.act(by.key(), ask)).boxed()
    }
}

const CAPS: Caps = Caps { bytes: 8_192, depth: 16, elements: 200, attributes: 8 };

struct Kit {
    double: Arc<Double>,
    router: Router,
}

fn kit(fault: Option<Code>) -> Kit {
    let double = Arc::new(Double { fault, ..Double::default() });
    Kit { router: router(&double), double }
}

fn router(double: &Arc<Double>) -> Router {
    let (clock, _hand) = Clock::manual();
    let reading = Reading { clock, caps: CAPS, body_timeout: Duration::from_secs(5), contacts_per_list: 3 };
    Router::new().route(PATH, route(Arc::clone(double) as Arc<dyn Serve>, reading))
}

const CUP: &str = "xmlns:cup=\"urn:cisco:cup:presence:soap\"";
const V11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const V12: &str = "http://www.w3.org/2003/05/soap-envelope";

fn envelope(version: &str, head: &str, content: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{version}\" {CUP}><s:Header>{head}</s:Header><s:Body>{content}</s:Body></s:Envelope>"
    )
}

/// A status, a type and a body.
type Told = (u16, String, String);

impl Kit {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Front { is_secure: true, host: "hub.example:8083".into() });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn post(&self, body: &str) -> Told {
        self.send(Method::POST, PATH, &[("content-type", "text/xml")], body).await
    }

    /// Calls an operation; what the service was asked, and what stands in the body of the answer.
    async fn call(&self, content: &str) -> (String, String) {
        let (status, _, text) =
            self.post(&envelope(V11, "<cup:session-key> k-0 </cup:session-key>", content)).await;
        assert_eq!(status, 200, "{text}");
        let asked = self.double.asked.lock().unwrap().pop().unwrap_or_default();
        let (_, body) = text.split_once("<soap:Body>").unwrap();
        (asked, body.split_once("</soap:Body>").unwrap().0.to_owned())
    }
}

/// The code of the fault in an envelope.
fn code(text: &str) -> u16 {
    let root = xml::read(text.as_bytes(), &CAPS).unwrap();
    let fault = root.child("Body").and_then(|body| body.child("Fault")).unwrap_or_else(|| panic!("{text}"));
    let detail = fault.child("detail").or(fault.child("Detail")).unwrap();
    let description = detail.child("description").unwrap();
    assert_eq!(description.own_namespace(), Some("urn:cisco:cup:presence:soap"));
    assert!(
        ["message", "fix"].iter().all(|name| description.text_of(name).is_some_and(|text| !text.is_empty()))
    );
    description.text_of("code").unwrap().parse().unwrap()
}

/// What stands in the body of a request, what is asked thereby, and what stands in the body of the answer.
#[derive(Debug, serde::Deserialize)]
struct Golden {
    request: String,
    asked: String,
    answer: String,
}

#[tokio::test]
async fn each_operation_is_asked_and_answered() {
    let kit = kit(None);
    let goldens: Vec<Golden> = serde_json::from_str(include_str!("golden.json")).unwrap();
    for golden in goldens {
        assert_eq!(kit.call(&golden.request).await, (golden.asked, golden.answer), "{}", golden.request);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_by_its_code_and_not_asked() {
    let kit = kit(None);
    let many = r#"<contact contactURI="joe@a"/>"#.repeat(4);
    for (content, expected) in [
        ("<cup:deletePresence/>".to_owned(), 103),
        ("<login><username>app</username></login>".to_owned(), 112),
        ("<login><username>a</username><password>b</password><app-session-id>c</app-session-id></login>".to_owned(), 112),
        ("<login force='yes'><username>a</username><password>b</password></login>".to_owned(), 112),
        ("<unregisterEndPoint><endPointID>-1</endPointID></unregisterEndPoint>".to_owned(), 132),
        ("<unregisterEndPoint/>".to_owned(), 132),
        ("<registerEndPoint><endPointID>0</endPointID><expiration>soon</expiration></registerEndPoint>".to_owned(), 131),
        ("<getSubscribedPresence><presenceType>BASIC_PRESENCE</presenceType></getSubscribedPresence>".to_owned(), 133),
        ("<getSubscribedPresence><subscriptionID>1</subscriptionID><presenceType>BASIC</presenceType></getSubscribedPresence>".to_owned(), 110),
        ("<getPolledPresence><presenceType>BASIC_PRESENCE</presenceType></getPolledPresence>".to_owned(), 146),
        ("<getPolledPresence><contactsList/><presenceType>BASIC_PRESENCE</presenceType></getPolledPresence>".to_owned(), 135),
        (format!("<getPolledPresence><contactsList>{many}</contactsList><presenceType>BASIC_PRESENCE</presenceType></getPolledPresence>"), 135),
        ("<subscribe><contactsList><person/></contactsList></subscribe>".to_owned(), 147),
        ("<unsubscribe><unsubscribeRequest><subscriptionID>1</subscriptionID><contactList><contact contactURI='joe@a'/></contactList></unsubscribeRequest></unsubscribe>".to_owned(), 146),
        ("<unsubscribe><unsubscribeRequest><subscriptionID>1</subscriptionID><unsubscribeAll/><contactsList><contact contactURI='joe@a'/></contactsList></unsubscribeRequest></unsubscribe>".to_owned(), 146),
        ("<unsubscribe><unsubscribeRequest><subscriptionID>1</subscriptionID></unsubscribeRequest><contactsList/></unsubscribe>".to_owned(), 146),
        ("<setPresence><presenceType>BASIC_PRESENCE</presenceType></setPresence>".to_owned(), 115),
        ("<setPresence><presenceType>BASIC_PRESENCE</presenceType><presenceInfo><override>true</override></presenceInfo></setPresence>".to_owned(), 115),
        ("<setPresence><presenceType>BASIC_PRESENCE</presenceType><presenceInfo><basicPresence>UNKNOWN</basicPresence><override>true</override></presenceInfo></setPresence>".to_owned(), 120),
        ("<setPresence><presenceType>BASIC_PRESENCE</presenceType><presenceInfo><basicPresence>DND</basicPresence><override>TRUE</override></presenceInfo></setPresence>".to_owned(), 125),
        ("<setPresence><presenceType>RICH_PRESENCE</presenceType><presenceInfo><richPresence/><override>true</override></presenceInfo></setPresence>".to_owned(), 120),
        ("<setPresence><presenceType>RICH_PRESENCE</presenceType><presenceInfo><richPresence>joe</richPresence><override>true</override></presenceInfo></setPresence>".to_owned(), 102),
    ] {
        let (asked, body) = kit.call(&content).await;
        assert_eq!(asked, "", "{content}");
        let whole = envelope(V11, "", &body.replace("soap:", "s:"));
        assert_eq!(code(&whole), expected, "{content}");
    }
}

#[tokio::test]
async fn what_is_no_envelope_is_told_so() {
    let kit = kit(None);
    let deep = "<a>".repeat(17) + &"</a>".repeat(17);
    for (body, expected) in [
        (String::new(), 102),
        ("<s:Envelope".to_owned(), 102),
        ("<!DOCTYPE l [<!ENTITY a \"ha\">]><l>&a;</l>".to_owned(), 102),
        (deep, 102),
        ("<session/>".to_owned(), 103),
        (format!("<s:Envelope xmlns:s=\"{V11}\"/>"), 103),
        (envelope(V11, "", ""), 103),
        ("<a/>".to_owned() + &" ".repeat(8_192), 150),
    ] {
        let (status, kind, text) = kit.post(&body).await;
        assert_eq!(
            (status, kind.as_str(), code(&text)),
            (200, "text/xml; charset=utf-8", expected),
            "{body}"
        );
    }
}

#[tokio::test]
async fn answers_are_of_the_version_of_their_request() {
    for (fault, status) in [
        (None, 200),
        (Some(Code::KeyMissing), 200),
        (Some(Code::Overloaded), 503),
        (Some(Code::TooFast), 503),
    ] {
        let kit = kit(fault);
        for (version, kind) in
            [(V11, "text/xml; charset=utf-8"), (V12, "application/soap+xml; charset=utf-8")]
        {
            let (told, type_told, text) = kit.post(&envelope(version, "", "<logout/>")).await;
            assert_eq!((told, type_told.as_str()), (status, kind));
            let root = xml::read(text.as_bytes(), &CAPS).unwrap();
            assert_eq!(root.own_namespace(), Some(version));
            match fault {
                None => assert!(root.child("Body").and_then(|body| body.child("logoutResponse")).is_some()),
                Some(fault) => assert_eq!(code(&text), fault.number()),
            }
        }
    }
}

#[tokio::test]
async fn faults_are_laid_out_as_each_version_has_them() {
    let kit = kit(Some(Code::KeyMissing));
    let description = "<description xmlns=\"urn:cisco:cup:presence:soap\">\n\t<code>100</code>\n\t<message>The session key is missing</message>\n\
        \t<fix>Log in, and send the session key with each request</fix>\n</description>\n";
    let (_, _, text) = kit.post(&envelope(V11, "", "<logout/>")).await;
    let expected = format!(
        "<soap:Body><soap:Fault><faultcode>soap:Client</faultcode><faultstring>The session key is missing</faultstring>\
         <detail>{description}</detail></soap:Fault></soap:Body>"
    );
    assert!(text.contains(&expected), "{text}");
    let (_, _, text) = kit.post(&envelope(V12, "", "<logout/>")).await;
    let expected = format!(
        "<soap:Body><soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code><soap:Reason>\
         <soap:Text xml:lang=\"en\">The session key is missing</soap:Text></soap:Reason>\
         <soap:Detail>{description}</soap:Detail></soap:Fault></soap:Body>"
    );
    assert!(text.contains(&expected), "{text}");
}

#[tokio::test]
async fn the_key_is_found_in_any_namespace_and_the_action_is_not_looked_at() {
    let kit = kit(None);
    for (head, key) in [
        ("<cup:session-key>k-0</cup:session-key>", "k-0"),
        ("<tpi:session-key xmlns:tpi=\"urn:cisco:cup:tpi:soap\">k-0</tpi:session-key>", "k-0"),
        ("<session-key>k-0</session-key>", "k-0"),
        ("<other/><session-key></session-key>", "-"),
        ("", "-"),
    ] {
        for action in ["", "\"urn:cisco:cup:presence:soap/getPresence\"", "nonsense"] {
            let headers = [("content-type", "text/xml"), ("soapaction", action)];
            let body = envelope(V11, head, "<logout/>");
            assert_eq!(kit.send(Method::POST, PATH, &headers, &body).await.0, 200);
            assert_eq!(kit.double.asked.lock().unwrap().pop().unwrap(), format!("{key} logout"));
        }
    }
}

#[tokio::test]
async fn the_description_names_all_operations_and_where_they_are() {
    let kit = kit(None);
    for query in ["?wsdl", "?WSDL"] {
        let (status, kind, text) = kit.send(Method::GET, &format!("{PATH}{query}"), &[], "").await;
        assert_eq!((status, kind.as_str()), (200, "text/xml; charset=utf-8"));
        let caps = Caps { bytes: 1 << 20, depth: 32, elements: 1_000, attributes: 16 };
        let root = xml::read(text.as_bytes(), &caps).unwrap();
        let named = |element: &Element| element.attribute("name").map(str::to_owned);
        let operations = root.child("portType").unwrap().children().iter().filter_map(named);
        let known: Vec<_> = Operation::ALL.iter().map(|operation| operation.name().to_owned()).collect();
        assert_eq!(operations.collect::<Vec<_>>(), known);
        let port = root.child("service").and_then(|service| service.child("port")).unwrap();
        let address = port.child("address").and_then(|address| address.attribute("location"));
        assert_eq!(address, Some("https://hub.example:8083/presence-service/soap"));
    }
    for (method, path) in
        [(Method::GET, PATH.to_owned()), (Method::PUT, PATH.to_owned()), (Method::GET, format!("{PATH}?xsd"))]
    {
        let (status, _, text) = kit.send(method, &path, &[], "").await;
        assert_eq!(status, 405);
        assert!(text.contains("<code>200</code>"), "{text}");
    }
}

#[tokio::test]
async fn a_hub_without_time_reads_nothing() {
    let double = Arc::new(Double { is_busy: true, ..Double::default() });
    let kit = Kit { router: router(&double), double };
    for (kind, body) in [("text/xml", "nonsense"), ("application/soap+xml; charset=utf-8", "<a/>")] {
        let (status, told, text) = kit.send(Method::POST, PATH, &[("content-type", kind)], body).await;
        assert_eq!((status, code(&text)), (503, 210));
        assert_eq!(told.split(';').next(), kind.split(';').next());
    }
}
